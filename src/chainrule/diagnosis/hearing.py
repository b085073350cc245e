"""A derivative at one point before its witnesses: the truth along directions, how far each claim is off."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.checking.differences import Slope, slope
from chainrule.checking.noise import measure_noise
from chainrule.diagnosis.rounding import FACTOR, Rounding
from chainrule.diagnosis.subjects import Subject
from chainrule.diagnosis.verify_report import BlockVerification, Verified
from chainrule.diagnosis.witness import STEP
from chainrule.errors import DataError
from chainrule.numerals import numeral

Array = NDArray[Any]

TOLERANCE = 1e-9
"""Relative to the largest entry of a block; the complex step itself is exact to rounding."""
FLOOR = 1e-13
"""Relative to the largest entry of all blocks: what rounding leaves where terms cancel."""
NEIGHBOURS = 5
"""Points beside one, whose truths tell how far rounding moves it."""
EVALUATIONS = 1500
"""For how many entries in all the sheet is evaluated one by one, shared equally by the blocks; a block with
more than its share is compared along random directions."""
DIRECTIONS = 4
SLOPE = 50
"""How often central differences along one direction evaluate the sheet, at most."""
ROUNDED = "rounding alone decides it at a point: terms that cancel there, as in 1 - tanh² u, leave few digits"
SETTLED = 1e-7
"""Relative error at which central differences need no smaller step."""


BESIDE = (STEP, STEP / 1024)
"""Of sqrt(x) at 0 a complex step gives a number, of x**1.25 one that is not 0: another for each step."""


class Block:
    """What the witnesses said about one block so far."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.shapes: list[tuple[int, ...]] = []
        self.errors: dict[str, float] = {}
        self.wrong: list[str] = []
        self.missing: list[str] = []
        self.remarks: list[str] = []
        self.needed = {"compiled", "printed", "differences"}

    def hear(self, witness: str, error: float, allowed: float, complaint: str) -> None:
        """Note a witness's relative error; NaN counts as more than allowed."""
        self.errors[witness] = max(self.errors.get(witness, 0.0), error if error == error else np.inf)
        if not error <= allowed:
            self.wrong.append(complaint)

    def leave_out(self, witness: str, remark: str) -> None:
        """Do without a witness that would take too much."""
        self.needed -= {witness}
        self.remarks.append(remark)

    def verdict(self, sheet_points: int) -> BlockVerification:
        complete = len(self.shapes) == sheet_points and self.needed <= self.errors.keys()
        verdict: Verified = "wrong" if self.wrong else "right" if complete else "not checkable"
        if self.missing and verdict == "right":
            verdict = "not checkable"
        reasons = tuple(dict.fromkeys([*self.wrong[:2], *self.missing[:2], *self.remarks[:1]]))
        return BlockVerification(
            self.name,
            tuple(self.shapes),
            verdict,
            self.errors.get("compiled"),
            self.errors.get("printed"),
            self.errors.get("differences"),
            reasons,
        )


@dataclass(frozen=True)
class Case:
    """One derivative at one point: the function behind it, and its claimed values, outputs first."""

    function: Callable[[Array], Array]
    at: Array
    base: Array
    directions: Array
    remark: str
    """Why few directions are compared, and no differences taken; empty where that is not so."""
    name: str
    rounding: Rounding
    steps: tuple[float, ...] = (STEP,)
    """Of the complex step; there is no derivative where they differ."""

    @property
    def shape(self) -> tuple[int, ...]:
        return self.base.shape + self.at.shape

    @cached_property
    def truth(self) -> Array:
        """Complex step along each direction, shape (directions, outputs); NaN where steps differ."""
        first, *others = (
            np.stack([self.function(self.at + 1j * h * v).imag.ravel() / h for v in self.directions])
            for h in self.steps
        )
        spread = np.max([np.abs(other - first) for other in others], axis=0, initial=0.0)
        return np.where(spread <= TOLERANCE * np.abs(first), first, np.nan)

    @property
    def wobble(self) -> Array:
        """How far the truth moves with the last places of the point, which it has not got right itself then.

        The kurtosis of three numbers is 1.5 whatever they are; a complex step through it is rounding alone.
        """
        rng = np.random.default_rng(0)
        units = rng.integers(-4, 5, (NEIGHBOURS, *self.at.shape)) * np.finfo(float).eps
        return np.asarray(np.ptp([replace(self, at=self.at * (1 + step)).truth for step in units], axis=0))

    @property
    def scale(self) -> float:
        """The largest finite truth."""
        return _largest(np.abs(self.truth[np.isfinite(self.truth)]))

    def along(self, derivative: Array) -> Array:
        """A derivative, or one number for all its entries, along each direction: (directions, outputs).

        NaN along those that meet an entry which is not finite; it spoils no other.
        """
        directions = self.directions.reshape(self.directions.shape[0], -1)
        columns = np.broadcast_to(derivative, self.shape).reshape(self.base.size, self.at.size).T
        is_finite = np.isfinite(columns)
        met = (directions != 0).astype(float) @ ~is_finite > 0
        return np.where(met, np.nan, directions @ np.where(is_finite, columns, 0.0))

    def slope(self, direction: Array) -> Slope:
        """The same by extrapolated central differences, with error estimates."""
        flat = self.base.ravel()

        def line(t: float) -> Array:
            try:
                return np.asarray(self.function(self.at + t * direction).ravel())
            except DataError:  # a share that became negative
                return np.full_like(flat, np.nan)

        return slope(line, flat, measure_noise(line, flat), SETTLED * self.scale)

    def is_rounding(self, witness: str, distance: Array) -> bool:
        """Whether a claim is off by no more than rounding moves the printed line, or the code."""
        noises: list[Array | float | None] = [self.rounding.noise.get(self.name)]
        if witness != "printed":
            noises.append(self.rounding.scatter.get(self.name))
        upwards = replace(self, directions=np.abs(self.directions))
        return any(
            bool(np.all(distance <= FACTOR * upwards.along(np.asarray(noise))))
            for noise in noises
            if noise is not None
        )

    @property
    def distance(self) -> Array | None:
        """How far the printed line is from the truth in decimals, if they can compute it."""
        exact = self.rounding.exact.get(self.name)
        return None if exact is None else np.asarray(np.abs(self.along(exact) - self.truth))


def case_of(
    subject: Subject,
    wrt: str,
    rounding: Rounding,
    rng: np.random.Generator,
    blocks: int,
    share: int,
    steps: tuple[float, ...] = (STEP,),
) -> Case:
    """One of so many blocks at a point, for which so many operations may be made."""
    point = rounding.point
    at, before = subject.at(wrt, point), subject.allowance.left
    function = subject.function(wrt, point)
    base = function(at)
    each = max(1, before - subject.allowance.left)
    affordable = share // each - 1
    if at.size <= min(EVALUATIONS // blocks, affordable - SLOPE):
        directions = np.eye(at.size).reshape(at.size, *at.shape)
    else:
        count = min(DIRECTIONS, max(affordable - SLOPE, 0))
        directions = rng.standard_normal((count, *at.shape))
    random = rng.standard_normal((1, *at.shape))
    directions = subject.tangential(wrt, np.concatenate([directions, random]))
    remark = ""
    if affordable - SLOPE < min(at.size, DIRECTIONS):
        remark = (
            f"compared along few directions, without differences: each takes {each:,} operations, "
            f"and at most {share:,} are made"
        )
    return Case(function, at, base, directions, remark, wrt, rounding, steps)


def judge(block: Block, case: Case, claims: Mapping[str, Array | None], everywhere: float) -> None:
    """Hear what each witness claims, and the differences; ``everywhere`` is the largest of all blocks.

    Where the truth is not finite no witness is heard.
    """
    relative = max(case.scale, FLOOR * everywhere / TOLERANCE) or 1.0
    for witness, claimed in claims.items():
        if claimed is not None:
            _judge_claim(block, case, witness, claimed, relative)
    if case.remark:
        block.leave_out("differences", case.remark)
    elif np.all(np.isfinite(case.truth[-1])):
        _judge_differences(block, case, relative)


def _judge_claim(block: Block, case: Case, witness: str, claimed: Array, relative: float) -> None:
    if claimed.ndim == 0 and claimed == 0:
        claimed = np.zeros(case.shape)  # "dL/dq = 0" is printed without a shape
    if claimed.shape != case.shape:
        block.hear(witness, np.inf, 0.0, f"{witness}: shape {claimed.shape}, expected {case.shape}")
        return
    distance = np.where(np.isfinite(case.truth), np.abs(case.along(claimed) - case.truth), 0.0)
    error = _largest(distance) / relative
    if error > TOLERANCE and case.is_rounding(witness, distance):
        exact = case.distance
        decided = np.inf if exact is None else _largest(exact) / relative
        if exact is None or decided <= TOLERANCE or np.all(exact <= FACTOR * case.wobble):
            block.remarks.append(ROUNDED)
            if decided > TOLERANCE or witness != "printed":
                return
            error = decided
    block.hear(witness, error, TOLERANCE, _complaint(witness, case, claimed, distance))


def _judge_differences(block: Block, case: Case, relative: float) -> None:
    estimate = case.slope(case.directions[-1])
    beyond = np.maximum(estimate.distance(case.truth[-1]) - 5 * estimate.error, 0.0)
    if np.any(estimate.kink):
        beyond = np.where(estimate.kink, 0.0, beyond)
        block.remarks.append("a kink lies at the point itself, where differences cannot tell")
    error = _largest(beyond) / relative
    block.hear("differences", error, TOLERANCE, "central differences disagree with the complex step")


def _largest(array: Array) -> float:
    return float(np.max(array, initial=0.0))


def _complaint(witness: str, case: Case, claimed: Array, distance: Array) -> str:
    """The worst entry, where entries were compared one by one."""
    entries = distance[: case.at.size]
    if len(case.directions) <= case.at.size or not np.any(entries > 0):
        return f"{witness}: wrong along a random direction"
    place = np.unravel_index(np.argmax(entries), entries.shape)
    index = (
        *np.unravel_index(place[1], case.base.shape),
        *np.unravel_index(place[0], case.at.shape),
    )
    spot = f" at [{', '.join(str(int(i)) for i in index)}]" if index else ""
    yours, true = numeral(case.along(claimed)[place], 6), numeral(case.truth[place], 6)
    return f"{witness}: worst{spot}, {yours} where the truth is {true}"
