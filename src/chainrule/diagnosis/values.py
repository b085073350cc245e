"""The compiled value beside the literal one, over many points: a difference has its own line in a report."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

import numpy as np

from chainrule.diagnosis.points import SheetPoint
from chainrule.diagnosis.sampling import sample_points
from chainrule.diagnosis.subjects import AsItIs, Subject
from chainrule.diagnosis.verify_report import BlockVerification
from chainrule.diagnosis.witness import USELESS, noise_of
from chainrule.equations.equations import Equations
from chainrule.equations.language.arithmetic import Decimals
from chainrule.equations.language.evaluate import Evaluation
from chainrule.errors import ChainruleError

__all__ = ["wrong_values"]

ORDINARY, POINTS = 3, 40
NOISE = 1e3
"""How many times the measured noise a difference may be."""


def wrong_values(subject: Subject, sizes: Mapping[str, int] | None) -> list[BlockVerification]:
    """A line for the value of a sheet as it is, if its compiled code gives another than the sheet says."""
    if not isinstance(subject, AsItIs) or subject.penalty is not None:
        return []
    equations, of = subject.equations, subject.of
    drawn = sample_points(
        equations.sheet, np.random.default_rng(0), sizes, ORDINARY, equations.total_derivative
    )
    for point in islice(drawn, POINTS):
        try:
            found = _difference(equations, of, point)
        except ChainruleError:
            continue  # no value there, or none that can be computed
        if found is not None:
            error, reason = found
            return [BlockVerification(of, (), "wrong", error, None, None, (reason,))]
    return []


def _difference(equations: Equations, of: str, point: SheetPoint) -> tuple[float, str] | None:
    rule = equations.total_derivative
    literal = Evaluation(equations.sheet, point.values, rule, point.sizes).named(of)
    if not np.all(np.isfinite(literal)):
        return None
    function = equations.compile(of)
    inputs = {name: point.values[name] for name in function.inputs}
    inputs |= {size: np.asarray(point.sizes[size]) for size in function.sizes}
    with np.errstate(all="ignore"):
        compiled = np.asarray(function(**inputs))
    # Literal log(1 - p) is rough where p is nearly 1, and compiled code is not.
    exact = Evaluation(equations.sheet, point.values, rule, point.sizes, Decimals())
    noise = noise_of(equations, of, point, literal)
    rough, literal = literal, exact.named(of).astype(float)
    scale = float(np.max(np.abs(literal), initial=0.0))
    # Of sum(abs(x)**p)**(1/p) at p = -141010 nothing is left in doubles, however it is computed.
    distance = np.minimum(np.abs(compiled - literal), np.abs(compiled - rough))
    if not noise <= USELESS * scale or np.all(distance <= NOISE * noise + 1e-7 * scale):
        return None
    place = np.unravel_index(np.argmax(np.nan_to_num(distance, nan=np.inf)), distance.shape)
    error = float(distance[place] / scale) if scale else np.inf
    return error, f"compiled: the value is {compiled[place]:.6g} where the sheet says {literal[place]:.6g}"
