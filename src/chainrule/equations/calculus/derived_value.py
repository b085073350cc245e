"""The value of a derivative that is met while a sheet is evaluated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.equations.calculus.lower import lower_value
from chainrule.equations.calculus.lower_operations import Value
from chainrule.equations.language.evaluate import Environment, evaluate
from chainrule.equations.language.sheet import Sheet
from chainrule.equations.language.tree import Derivative
from chainrule.equations.nodes.adjugates import with_cofactors
from chainrule.equations.nodes.nodes import Node
from chainrule.equations.nodes.numeric import node_value
from chainrule.equations.nodes.program import Program
from chainrule.errors import NoRuleError

__all__ = ["derived_value"]

Array = NDArray[Any]


def derived_value(
    sheet: Sheet,
    program: Program,
    term: Derivative,
    environment: Environment,
    rule: Callable[[Derivative, Environment], Array],
) -> Array:
    """Value of a ``d(of, wrt)``: derived first, then evaluated.

    Parameters
    ----------
    sheet : Sheet
    program : Program
        The sheet in index notation; it assumes nothing of ``wrt``.
    term : Derivative
    environment : Environment
        What is known where the derivative stands.
    rule : callable
        What evaluates the derivatives met on the way.
    """
    value = _without_inverses(sheet, program, term)
    arrays: dict[str, Array] = dict(environment.values)
    symbols = {}
    for name in program.names_in(value.node):
        if name not in arrays:
            arrays[name] = evaluate(sheet, name, environment.values, rule, environment.sizes)
        symbols[program.symbols[name]] = arrays[name]
    result = node_value(value.node, symbols, environment.sizes)
    return np.asarray(result[tuple(environment.indices[index] for index in value.open)])


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
