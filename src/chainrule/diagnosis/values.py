"""The compiled value beside the literal one, over many points: a difference has its own line in a report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.diagnosis.points import SheetPoint
from chainrule.diagnosis.sampling import sample_points
from chainrule.diagnosis.subjects import OverExamples, Subject
from chainrule.diagnosis.verify_report import BlockVerification
from chainrule.diagnosis.witness import USELESS
from chainrule.equations.code.compiled import Compiled
from chainrule.equations.language.arithmetic import Allowance, Decimals, Doubles
from chainrule.errors import ChainruleError
from chainrule.numerals import numeral

Array = NDArray[Any]

ORDINARY, POINTS = 3, 40
NOISE = 1e3
"""How many times the measured noise a difference may be."""
SURE = 1e-9
"""Relative difference for which neither noise nor decimals are asked."""
BESIDE = 1e-9
"""How far beside a point a value is looked at again, relatively."""
EXAMPLES = 3
"""Of an objective: one of every point that the sheet asks for, beside two ordinary ones."""
ALLOWANCE = 5_000_000
"""Operations at all points together; those that would take more are left out."""


def wrong_values(subject: Subject, sizes: Mapping[str, int] | None) -> list[BlockVerification]:
    """A line for the value, if compiled code gives another than the sheet says."""
    try:
        code = subject.value_code
    except ChainruleError:
        return []  # as each block says
    values = _Values(subject, Allowance(ALLOWANCE))
    for turn, point in enumerate(values.points(sizes)):
        try:
            found = values.difference(point, _given_by(subject, code, point, turn))
        except ChainruleError:
            continue  # no value there, or none that can be computed
        if found is not None:
            error, reason = found
            return [BlockVerification(subject.derivation.of, (), "wrong", error, None, None, (reason,))]
    return []


def _given_by(subject: Subject, code: Compiled, point: SheetPoint, turn: int) -> Iterator[tuple[str, Array]]:
    """What gives the value, and which; what is trained on, at the first point alone."""
    with np.errstate(all="ignore"):
        yield "compiled", np.asarray(subject.run(code, point))
        if not turn:
            with suppress(ChainruleError):  # of no parameters, of more than a number
                yield "objective", subject.trained(point)[0]


@dataclass(frozen=True)
class _Values:
    """The literal values of a subject."""

    subject: Subject
    allowance: Allowance

    def points(self, sizes: Mapping[str, int] | None) -> Iterator[SheetPoint]:
        """Where they are looked at, the ordinary points first."""
        subject, rng = self.subject, np.random.default_rng(0)
        sheet = subject.equations.sheet
        own = {name: size for name, size in (sizes or {}).items() if name in sheet.sizes}
        drawn = sample_points(sheet, rng, own, ORDINARY, subject.rule, allowance=self.allowance)
        for point in islice(drawn, POINTS):
            yield subject.stacked(point, EXAMPLES, rng) if isinstance(subject, OverExamples) else point

    def difference(self, point: SheetPoint, given: Iterable[tuple[str, Array]]) -> tuple[float, str] | None:
        """How far one that is given is from the literal value, relatively, and in words."""
        literal = self.subject.literal(point, Doubles(self.allowance))
        if not np.all(np.isfinite(literal)):
            return None
        exact = None
        for which, value in given:
            if not np.all(np.isfinite(value)) and not self.is_steady(point, literal):
                continue
            # Whatever the noise is: if it is more than this, so near a value is within it.
            if np.all(np.abs(value - literal) <= SURE * _size(literal)):
                continue
            if exact is None:
                noise = self.subject.noise(point, literal, self.allowance)
                # Literal log(1 - p) is rough where p is nearly 1, and compiled code is not.
                exact = self.subject.literal(point, Decimals(allowance=self.allowance)).astype(float)
                scale = _size(exact)
            # Of sum(abs(x)**p)**(1/p) at p = -141010 nothing is left in doubles, however it is computed.
            distance = np.minimum(np.abs(value - literal), np.abs(value - exact))
            if not noise <= USELESS * scale or np.all(distance <= NOISE * noise + 1e-7 * scale):
                continue
            place = np.unravel_index(np.argmax(np.nan_to_num(distance, nan=np.inf)), distance.shape)
            error = float(distance[place] / scale) if scale else np.inf
            found, said = numeral(value[place], 6), numeral(exact[place], 6)
            return error, f"{which}: the value is {found} where the sheet says {said}"
        return None

    def is_steady(self, point: SheetPoint, literal: Array) -> bool:
        """Whether the value is nearly the same beside a point, as it is not for softmax(x / t) at t = 0."""
        sheet = self.subject.equations.sheet
        for step in (BESIDE, -BESIDE):
            values = {
                name: value + step * (1 + np.abs(value)) if sheet.domain_of(name) == "real" else value
                for name, value in point.values.items()
            }
            near = self.subject.literal(replace(point, values=values), Doubles(self.allowance))
            if not np.allclose(near, literal, rtol=1e-3, atol=0):
                return False
        return True


def _size(array: Array) -> float:
    return float(np.max(np.abs(array), initial=0.0))
