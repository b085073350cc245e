"""The value of a derivative that is met while a sheet is evaluated."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chainrule.arrays import Array, np
from chainrule.equations.calculus.lower import lower_value
from chainrule.equations.calculus.lower_operations import Value
from chainrule.equations.language.evaluate import Environment
from chainrule.equations.language.sheet import Sheet
from chainrule.equations.language.tree import Derivative
from chainrule.equations.nodes.adjugates import with_cofactors
from chainrule.equations.nodes.nodes import Node
from chainrule.equations.nodes.numeric import node_value
from chainrule.equations.nodes.program import Program
from chainrule.errors import NoRuleError

__all__ = ["Derived", "derived"]


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
    value = _without_inverses(sheet, program, term)
    names = program.names_in(value.node)
    return Derived(value.node, value.open, {name: program.symbols[name] for name in names})


def _without_inverses(sheet: Sheet, program: Program, term: Derivative) -> Value:
    """The derivative with adjugates for det(A) A⁻¹; a third one of a determinant has inverses."""
    done: dict[Node, Node] = {}
    bodies = {name: with_cofactors(body, done) for name, body in program.bodies.items()}
    try:
        return lower_value(
            sheet, replace(program, bodies=bodies), term, lambda node: with_cofactors(node, done)
        )
    except NoRuleError:
        return lower_value(sheet, program, term)
