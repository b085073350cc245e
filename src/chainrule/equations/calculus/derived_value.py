"""The value of a derivative that is met while a sheet is evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.equations.calculus.lower import lower_value
from chainrule.equations.language.evaluate import Environment
from chainrule.equations.language.sheet import Sheet
from chainrule.equations.language.tree import Derivative
from chainrule.equations.nodes.adjugates import with_adjugates
from chainrule.equations.nodes.nodes import Node
from chainrule.equations.nodes.numeric import node_value
from chainrule.equations.nodes.program import Program

__all__ = ["Derived", "derived"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Derived:
    """A ``d(of, wrt)`` of a sheet, derived; it can be evaluated anywhere.

    Attributes
    ----------
    node : Node
        Its formula.
    open : tuple of str
        The open indices, which are the leading axes of the node.
    symbols : dict of str to Node
        The symbols in it by name.
    """

    node: Node
    open: tuple[str, ...]
    symbols: dict[str, Node]

    def value(self, environment: Environment) -> Array:
        """Its value where the derivative stands."""
        known = environment.values
        values = {
            symbol: known[name] if name in known else environment.named(name)
            for name, symbol in self.symbols.items()
        }
        result = node_value(self.node, values, environment.sizes, environment.arithmetic, environment.memory)
        return np.asarray(result[tuple(environment.indices[index] for index in self.open)])


def derived(sheet: Sheet, program: Program, term: Derivative) -> Derived:
    """Derive a ``d(of, wrt)``.

    Parameters
    ----------
    sheet : Sheet
    program : Program
        The sheet in index notation; it assumes nothing of ``wrt``.
    term : Derivative
    """
    value = lower_value(sheet, program, term)
    bodies = {program.symbols[name]: body for name, body in program.bodies.items()}
    node = with_adjugates(value.node, bodies, {})
    # An adjugate stands for what the value has by another name.
    names = dict.fromkeys((*program.names_in(value.node), *program.names_in(node)))
    return Derived(node, value.open, {name: program.symbols[name] for name in names})
