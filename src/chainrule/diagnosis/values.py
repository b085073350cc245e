"""The compiled value beside the literal one, over many points: a difference has its own line in a report."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.diagnosis.points import SheetPoint
from chainrule.diagnosis.sampling import sample_points
from chainrule.diagnosis.subjects import AsItIs, Subject
from chainrule.diagnosis.verify_report import BlockVerification
from chainrule.diagnosis.witness import USELESS, Witness, noise_of
from chainrule.equations.code.compiled import Compiled
from chainrule.equations.equations import Equations
from chainrule.equations.language.arithmetic import Allowance, Arithmetic, Decimals, Doubles
from chainrule.equations.language.evaluate import DerivativeRule, Evaluation
from chainrule.errors import ChainruleError

__all__ = ["wrong_values"]

Array = NDArray[Any]

ORDINARY, POINTS = 3, 40
NOISE = 1e3
"""How many times the measured noise a difference may be."""
SURE = 1e-9
"""Relative noise, and difference, for which no decimals are asked."""
BESIDE = 1e-9
"""How far beside a point a value is looked at again, relatively."""
ALLOWANCE = 5_000_000
"""Operations at all points together; those that would take more are left out."""


def wrong_values(subject: Subject, sizes: Mapping[str, int] | None) -> list[BlockVerification]:
    """A line for the value of a sheet as it is, if its compiled code gives another than the sheet says."""
    if not isinstance(subject, AsItIs) or subject.penalty is not None:
        return []
    equations, of = subject.equations, subject.of
    rule, allowance = Witness(equations, np.random.default_rng(0)).derivative, Allowance(ALLOWANCE)
    drawn = sample_points(
        equations.sheet, np.random.default_rng(0), sizes, ORDINARY, rule, allowance=allowance
    )
    try:
        function = equations.compile(of)
    except ChainruleError:
        return []  # as each block says
    for point in islice(drawn, POINTS):
        try:
            found = _difference(equations, of, function, point, rule, allowance)
        except ChainruleError:
            continue  # no value there, or none that can be computed
        if found is not None:
            error, reason = found
            return [BlockVerification(of, (), "wrong", error, None, None, (reason,))]
    return []


def _is_steady(
    equations: Equations,
    of: str,
    point: SheetPoint,
    rule: DerivativeRule,
    literal: Array,
    allowance: Allowance,
) -> bool:
    """Whether the value is nearly the same beside a point, as it is not for softmax(x / t) at t = 0."""
    for step in (BESIDE, -BESIDE):
        values = {
            name: value + step * (1 + np.abs(value)) if equations.sheet.domain_of(name) == "real" else value
            for name, value in point.values.items()
        }
        near = Evaluation(equations.sheet, values, rule, point.sizes, Doubles(allowance)).named(of)
        if not np.allclose(near, literal, rtol=1e-3, atol=0):
            return False
    return True


def _difference(
    equations: Equations,
    of: str,
    function: Compiled,
    point: SheetPoint,
    rule: DerivativeRule,
    allowance: Allowance,
) -> tuple[float, str] | None:
    def at(arithmetic: Arithmetic) -> Evaluation:
        return Evaluation(equations.sheet, point.values, rule, point.sizes, arithmetic)

    literal = at(Doubles(allowance)).named(of)
    if not np.all(np.isfinite(literal)):
        return None
    inputs = {name: point.values[name] for name in function.inputs}
    inputs |= {size: np.asarray(point.sizes[size]) for size in function.sizes}
    with np.errstate(all="ignore"):
        compiled = np.asarray(function(**inputs))
    if not np.all(np.isfinite(compiled)) and not _is_steady(equations, of, point, rule, literal, allowance):
        return None
    noise = noise_of(equations, of, point, literal, allowance)
    scale = float(np.max(np.abs(literal), initial=0.0))
    if noise <= SURE * scale and np.all(np.abs(compiled - literal) <= SURE * scale):
        return None
    # Literal log(1 - p) is rough where p is nearly 1, and compiled code is not.
    rough, literal = literal, at(Decimals(allowance=allowance)).named(of).astype(float)
    scale = float(np.max(np.abs(literal), initial=0.0))
    # Of sum(abs(x)**p)**(1/p) at p = -141010 nothing is left in doubles, however it is computed.
    distance = np.minimum(np.abs(compiled - literal), np.abs(compiled - rough))
    if not noise <= USELESS * scale or np.all(distance <= NOISE * noise + 1e-7 * scale):
        return None
    place = np.unravel_index(np.argmax(np.nan_to_num(distance, nan=np.inf)), distance.shape)
    error = float(distance[place] / scale) if scale else np.inf
    return error, f"compiled: the value is {compiled[place]:.6g} where the sheet says {literal[place]:.6g}"
