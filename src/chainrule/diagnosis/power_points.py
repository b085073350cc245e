"""Points that random ones never meet: negative bases with whole exponents, and bases that are 0."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from chainrule.diagnosis.points import SheetPoint
from chainrule.equations.nodes.nodes import Node, topological
from chainrule.equations.nodes.program import Program

SMALLEST_EXPONENT = 2
"""x ** 1 has no slope by its exponent at 0 that stays finite in the second derivative; x ** 2 has."""


def power_points(program: Program, of: str, point: SheetPoint) -> Iterator[SheetPoint]:
    """A point with whole exponents, first with a 0 in every array below a power, then without.

    Nothing if no power on the way to ``of`` has an exponent that a declared number enters.
    """
    nodes = topological(body for name, body in program.bodies.items() if name in program.ancestors([of]))
    powers = [node for node in nodes if node.kind == "raised"]
    exponents = _declared(program, [node.args[1] for node in powers])
    if not exponents:
        return
    whole = {name: np.rint(np.abs(point.values[name])) + SMALLEST_EXPONENT for name in exponents}
    bases = _declared(program, [node.args[0] for node in powers]) - exponents
    zeros = {name: point.values[name].copy() for name in bases if point.values[name].size > 1}
    for value in zeros.values():
        value.flat[0] = 0.0
    for some in (zeros, {}):
        yield SheetPoint(point.sizes, {**point.values, **whole, **some})


def _declared(program: Program, nodes: Iterable[Node]) -> set[str]:
    """The declared real names that enter some nodes."""
    names = program.ancestors([name for node in nodes for name in program.names_in(node)])
    known = program.declarations
    return {name for name in names if name in known and known[name].domain == "real"}
