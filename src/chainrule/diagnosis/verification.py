"""Three witnesses of one derivative: the compiled code, the printed equations, and the sheet itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.checking.differences import Slope, slope
from chainrule.checking.noise import measure_noise
from chainrule.diagnosis.points import SheetPoint, scaled
from chainrule.diagnosis.rounding import FACTOR, Rounding
from chainrule.diagnosis.subjects import AsItIs, OverExamples, Subject
from chainrule.diagnosis.values import wrong_values
from chainrule.diagnosis.verify_report import BlockVerification, Verified, VerifyReport
from chainrule.diagnosis.witness import STEP
from chainrule.equations.calculus.stacking import examples_of
from chainrule.equations.equations import Equations
from chainrule.equations.language.arithmetic import Allowance
from chainrule.equations.language.tree import Layout
from chainrule.errors import ChainruleError, DataError, OptionError, TooLargeError

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
OPERATIONS = 20_000_000
"""How many the literal sheet takes in all, in those of an `Allowance`: some seconds."""
DIRECTIONS = 4
SLOPE = 50
"""How often central differences along one direction evaluate the sheet, at most."""
BORDER = "at a base of 0 the printed power beside log 0 has no value; the compiled code takes the limit, 0"
UNDETERMINED = (
    "rounding alone decides the value at the sizes that were drawn, as of a matrix without full rank"
)
ROUNDED = "rounding alone decides it at a point: terms that cancel there, as in 1 - tanh² u, leave few digits"
NEARER = 0.25
"""Of an ordinary point, for sheets that it is too far out for."""
SETTLED = 1e-7
"""Relative error at which central differences need no smaller step."""


def verify(
    equations: Equations,
    of: str,
    wrt: str | Sequence[str] | None = None,
    *,
    sizes: Mapping[str, int] | None = None,
    layout: Layout | None = None,
    points: int = 2,
    rng: np.random.Generator | None = None,
    form: Literal["example", "batch"] | None = None,
    reduction: Literal["mean", "sum"] = "mean",
    penalty: str | None = None,
) -> VerifyReport:
    """Verify a derivation of `Equations.derive`.

    At random points, with all symbolic sizes different, three independent computations are compared, entry
    by entry where there are few: the compiled code (``equations.compile``), the printed derivation
    (``derive(...).sheet()``, read back and computed literally), and, as the truth, the complex step through
    the literal meaning of the sheet, which knows no rule of differentiation. Central differences along random
    directions stand beside it, because they need no complex numbers.

    Parameters
    ----------
    equations : Equations
    of : str
        The differentiated name; a scalar, or anything else for a Jacobian.
    wrt : str or sequence of str, optional
        Names to differentiate with respect to; by default the parameters.
    sizes : mapping of str to int, optional
        Prescribed sizes; the others are drawn, anew for each point.
    layout : {"gradient", "numerator", "denominator"}, optional
        Of the printed derivation; by default the sheet's own.
    points : int
        At how many points.
    rng : numpy.random.Generator, optional
        By default the same points in every call.
    form, reduction, penalty : optional
        As in `Equations.derive`. In batch form the truth is the mean or the sum of ``of``, computed literally
        for one example after the other, plus the penalty once; `Equations.objective`, which `fit` minimises,
        is compared with it, too.

    Returns
    -------
    VerifyReport

    Raises
    ------
    SheetNameError, NoRuleError, OptionError
        As from `Equations.derive`: what cannot be derived cannot be verified.
    TooLargeError
        If the sheet cannot be computed even a few times in 20 million operations; where it can, but not as
        often as there are entries, directions are compared, and no differences taken, as the report says.

    Examples
    --------
    >>> model = Equations('''
    ...     data x: R[p]; y: Class[K]
    ...     parameters W: R[K, p]
    ...     L = logsumexp(W @ x) - (W @ x)[y]
    ... ''')
    >>> print(verify(model, "L"))
                              compiled      printed  differences
    dL/dW  right            ...
    relative errors against the complex step through the literal sheet
    sizes p = ..., K = ...
    sizes p = ..., K = ...
    >>> verify(model, "L").ok
    True
    """
    if isinstance(points, bool) or not isinstance(points, int) or points < 1:
        raise OptionError(f"points is a whole number of at least 1; got {points!r}.")
    derivation = equations.derive(of, wrt, form=form, layout=layout, reduction=reduction, penalty=penalty)
    is_stacked = form == "batch" and examples_of(equations.program, [of]).axis is None
    own = (equations, of, penalty, derivation, Allowance(OPERATIONS))
    subject: Subject = OverExamples(*own, reduction) if is_stacked else AsItIs(*own)
    rng = rng or np.random.default_rng(0)
    drawn = [_finite_point(subject, rng, sizes, turn) for turn in range(points)]
    blocks = {name: _Block(f"d{derivation.of}/d{name}") for name in derivation.wrt}
    for point in drawn:
        subject.allowance.refill(OPERATIONS // points)
        _judge_point(subject, point, rng, blocks)
    subject.allowance.refill(OPERATIONS // points)
    for point in _finite(subject, subject.borders(drawn[0])):
        _judge_point(subject, point, rng, blocks, at_border=True)
    verdicts = tuple(block.verdict(sheet_points=points) for block in blocks.values())
    verdicts = (*wrong_values(subject, sizes), *verdicts)
    return VerifyReport(derivation.of, verdicts, tuple(dict(point.sizes) for point in drawn))


def _finite_point(
    subject: Subject, rng: np.random.Generator, sizes: Mapping[str, int] | None, turn: int
) -> SheetPoint:
    """A point at which ``of`` is finite, and neither it nor its slopes are rounding alone; or the last.

    Half of the points are ordinary, half positive; the last of either are near 0, where no exp(-x²) vanishes.
    """
    for attempt, factor in enumerate((1.0, 1.0, NEARER, 1.0, 1.0, NEARER)):
        with _computed_often(subject):
            point = scaled(subject.equations.sheet, subject.draw(rng, sizes, turn, attempt >= 3), factor)
            try:
                has_value = np.all(np.isfinite(subject.value(point))) and subject.is_determined(point)
                if has_value and Rounding(subject, point).leaves_slopes:
                    break
            except TooLargeError:
                raise
            except ChainruleError:
                continue
    return point


@contextmanager
def _computed_often(subject: Subject) -> Iterator[None]:
    """Say of what takes too much that it was to be verified."""
    try:
        yield
    except TooLargeError as error:
        raise TooLargeError(
            f"{subject.of} cannot be computed as often as its verification takes. {error} Give the "
            "sheet symbolic sizes, R[n, m], drawn small, or write its sums as products of arrays."
        ) from None


def _finite(subject: Subject, points: Iterable[SheetPoint]) -> Iterator[SheetPoint]:
    """The points at which ``of`` is finite."""
    for point in points:
        try:
            if np.all(np.isfinite(subject.value(point))):
                yield point
        except ChainruleError:
            continue


class _Block:
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
class _Case:
    """One derivative at one point: the function behind it, and its claimed values, outputs first."""

    function: Callable[[Array], Array]
    at: Array
    base: Array
    directions: Array
    remark: str
    """Why few directions are compared, and no differences taken; empty where that is not so."""

    @property
    def truth(self) -> Array:
        """Complex step along each direction, shape (directions, outputs)."""
        return np.stack([self.function(self.at + 1j * STEP * v).imag.ravel() / STEP for v in self.directions])

    @property
    def wobble(self) -> Array:
        """How far the truth moves with the last places of the point, which it has not got right itself then.

        The kurtosis of three numbers is 1.5 whatever they are; a complex step through it is rounding alone.
        """
        rng = np.random.default_rng(0)
        units = rng.integers(-4, 5, (NEIGHBOURS, *self.at.shape)) * np.finfo(float).eps
        return np.asarray(np.ptp([replace(self, at=self.at * (1 + step)).truth for step in units], axis=0))

    def along(self, derivative: Array) -> Array:
        """A claimed derivative along each direction, shape (directions, outputs)."""
        count = self.directions.shape[0]
        columns = derivative.reshape(self.base.size, self.at.size)
        return np.asarray(self.directions.reshape(count, -1) @ columns.T)

    def slope(self, direction: Array, scale: float) -> Slope:
        """The same by extrapolated central differences, with error estimates."""
        flat = self.base.ravel()

        def line(t: float) -> Array:
            try:
                return np.asarray(self.function(self.at + t * direction).ravel())
            except DataError:  # a share that became negative
                return np.full_like(flat, np.nan)

        return slope(line, flat, measure_noise(line, flat), SETTLED * scale)


def _judge_point(
    subject: Subject,
    point: SheetPoint,
    rng: np.random.Generator,
    blocks: dict[str, _Block],
    *,
    at_border: bool = False,
) -> None:
    """Hear the witnesses at one point; at the border of a domain, only where there is a derivative."""
    if not at_border and not subject.is_determined(point):
        for block in blocks.values():
            block.missing.append(UNDETERMINED)
        return
    compiled = _attempt(lambda: subject.compiled(point), blocks, "the compiled code")
    printed = _attempt(lambda: subject.printed(point), blocks, "the printed equations")
    trained = _attempt(lambda: subject.trained(point)[1], {}, "the objective")
    rounding = Rounding(subject, point)
    cases: dict[str, _Case] = {}
    truths: dict[str, Array] = {}
    share = subject.allowance.left // len(blocks)
    for name, block in blocks.items():
        try:
            cases[name] = _case(subject, name, point, rng, len(blocks), share)
            truths[name] = cases[name].truth
        except ChainruleError as error:
            block.missing.append(f"the sheet cannot be computed there: {_one_line(error)}")
    everywhere = max((float(np.max(np.abs(t), initial=0.0)) for t in truths.values()), default=0.0)
    for name, truth in truths.items():
        if not np.all(np.isfinite(cases[name].base)) or not np.all(np.isfinite(truth)):
            what = f"{subject.derivation.of} or its derivative"
            if not at_border:
                blocks[name].missing.append(f"{what} is not finite at the points that were drawn")
            continue
        claims = {
            "compiled": compiled.get(name),
            "printed": printed.get(name),
            "objective": trained.get(name),
        }
        if at_border and claims["printed"] is not None and not np.all(np.isfinite(claims["printed"])):
            # 0 ** k log(0) as printed has no value, and k 0 ** (k-1) none for k = 0.
            claims["printed"] = None
            blocks[name].remarks.append(BORDER)
        if not at_border:
            blocks[name].shapes.append(cases[name].base.shape + cases[name].at.shape)
        _judge_block(blocks[name], cases[name], truth, claims, everywhere, _Rounded(rounding, name))


def _attempt(
    compute: Callable[[], dict[str, Array]], blocks: dict[str, _Block], what: str
) -> dict[str, Array]:
    try:
        return compute()
    except ChainruleError as error:
        for block in blocks.values():
            block.missing.append(f"{what} cannot be run: {_one_line(error)}")
        return {}


def _case(
    subject: Subject, wrt: str, point: SheetPoint, rng: np.random.Generator, blocks: int, share: int
) -> _Case:
    """One of so many blocks at a point, for which so many operations may be made."""
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
    return _Case(function, at, base, directions, remark)


@dataclass(frozen=True)
class _Rounded:
    """The rounding of one printed line at one point."""

    rounding: Rounding
    name: str

    def explains(self, witness: str, case: _Case, distance: Array) -> bool:
        """Whether a claim is off by no more than rounding moves the line, or the code."""
        noises: list[Array | float | None] = [self.rounding.noise.get(self.name)]
        if witness != "printed":
            noises.append(self.rounding.scatter.get(self.name))
        upwards = replace(case, directions=np.abs(case.directions))
        shape = case.base.shape + case.at.shape
        return any(
            bool(np.all(distance <= FACTOR * upwards.along(np.broadcast_to(noise, shape))))
            for noise in noises
            if noise is not None
        )

    def distance(self, case: _Case, truth: Array) -> Array | None:
        """How far the line is from the truth in decimals, if they can compute it."""
        exact = self.rounding.exact.get(self.name)
        if exact is None:
            return None
        along = case.along(np.broadcast_to(exact, case.base.shape + case.at.shape))
        return np.asarray(np.abs(along - truth))


def _judge_block(
    block: _Block,
    case: _Case,
    truth: Array,
    claims: Mapping[str, Array | None],
    everywhere: float,
    rounded: _Rounded,
) -> None:
    shape = case.base.shape + case.at.shape
    scale = float(np.max(np.abs(truth), initial=0.0))
    relative = max(scale, FLOOR * everywhere / TOLERANCE) or 1.0
    for witness, claimed in claims.items():
        if claimed is None:
            continue
        if claimed.ndim == 0 and claimed == 0:
            claimed = np.zeros(shape)  # "dL/dq = 0" is printed without a shape
        if claimed.shape != shape:
            block.hear(witness, np.inf, 0.0, f"{witness}: shape {claimed.shape}, expected {shape}")
            continue
        distance = np.abs(case.along(claimed) - truth)
        error = float(np.max(distance, initial=0.0)) / relative
        if error > TOLERANCE and rounded.explains(witness, case, distance):
            exact = rounded.distance(case, truth)
            decided = np.inf if exact is None else float(np.max(exact, initial=0.0)) / relative
            if exact is None or decided <= TOLERANCE or np.all(exact <= FACTOR * case.wobble):
                block.remarks.append(ROUNDED)
                if decided > TOLERANCE or witness != "printed":
                    continue
                error = decided
        block.hear(witness, error, TOLERANCE, _complaint(witness, case, claimed, truth, distance))
    if case.remark:
        block.leave_out("differences", case.remark)
        return
    estimate = case.slope(case.directions[-1], scale)
    beyond = np.maximum(estimate.distance(truth[-1]) - 5 * estimate.error, 0.0)
    if np.any(estimate.kink):
        beyond = np.where(estimate.kink, 0.0, beyond)
        block.remarks.append("a kink lies at the point itself, where differences cannot tell")
    error = float(np.max(beyond, initial=0.0)) / relative
    block.hear("differences", error, TOLERANCE, "central differences disagree with the complex step")


def _complaint(witness: str, case: _Case, claimed: Array, truth: Array, distance: Array) -> str:
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
    yours, true = case.along(claimed)[place], truth[place]
    return f"{witness}: worst{spot}, {yours:.6g} where the truth is {true:.6g}"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
