"""Three witnesses of one derivative: the compiled code, the printed equations, and the sheet itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.diagnosis.hearing import BESIDE, Block, Case, case_of, judge
from chainrule.diagnosis.points import SheetPoint, scaled
from chainrule.diagnosis.rounding import Rounding
from chainrule.diagnosis.subjects import AsItIs, OverExamples, Subject
from chainrule.diagnosis.values import wrong_values
from chainrule.diagnosis.verify_report import VerifyReport
from chainrule.diagnosis.witness import STEP
from chainrule.equations.calculus.stacking import examples_of
from chainrule.equations.equations import Equations
from chainrule.equations.language.arithmetic import Allowance
from chainrule.equations.language.tree import Layout
from chainrule.errors import ChainruleError, OptionError, TooLargeError

Array = NDArray[Any]

OPERATIONS = 20_000_000
"""How many the literal sheet takes in all, in those of an `Allowance`: some seconds."""
BORDER = "at a base of 0 the printed power beside log 0 has no value; the compiled code takes the limit, 0"
UNDETERMINED = (
    "rounding alone decides the value at the sizes that were drawn, as of a matrix without full rank"
)
NEARER = 0.25
"""Of an ordinary point, for sheets that it is too far out for."""


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
    blocks = {name: Block(f"d{derivation.of}/d{name}") for name in derivation.wrt}
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


def _judge_point(
    subject: Subject,
    point: SheetPoint,
    rng: np.random.Generator,
    blocks: dict[str, Block],
    *,
    at_border: bool = False,
) -> None:
    """Hear the witnesses at one point; at the border of a domain, only where there is a derivative."""
    if not at_border and not subject.is_determined(point):
        for block in blocks.values():
            block.missing.append(UNDETERMINED)
        return
    heard = {
        "compiled": _attempt(lambda: subject.compiled(point), blocks, "the compiled code"),
        "printed": _attempt(lambda: subject.printed(point), blocks, "the printed equations"),
        "objective": _attempt(lambda: subject.trained(point)[1], {}, "the objective"),
    }
    rounding, everywhere = Rounding(subject, point), 0.0
    cases: dict[str, Case] = {}
    share = subject.allowance.left // len(blocks)
    for name, block in blocks.items():
        try:
            case = case_of(subject, name, rounding, rng, len(blocks), share, BESIDE if at_border else (STEP,))
            everywhere = max(everywhere, case.scale)
            cases[name] = case
        except ChainruleError as error:
            block.missing.append(f"the sheet cannot be computed there: {_one_line(error)}")
    for name, case in cases.items():
        if not at_border and not np.all(np.isfinite([*case.base.flat, *case.truth.flat])):
            what = f"{subject.derivation.of} or its derivative"
            blocks[name].missing.append(f"{what} is not finite at the points that were drawn")
            continue
        claims = {witness: found.get(name) for witness, found in heard.items()}
        if at_border and _completed(claims):
            blocks[name].remarks.append(BORDER)
        if not at_border:
            blocks[name].shapes.append(case.shape)
        judge(blocks[name], case, claims, everywhere)


def _completed(claims: dict[str, Array | None]) -> bool:
    """Whether printed entries have no value; those of the code are put for them, and it is judged alone.

    0 ** k log(0) as printed has no value, and k 0 ** (k-1) none for k = 0.
    """
    printed, compiled = claims["printed"], claims["compiled"]
    if printed is None or np.all(np.isfinite(printed)):
        return False
    instead = printed if compiled is None or compiled.shape != printed.shape else compiled
    claims["printed"] = np.where(np.isfinite(printed), printed, instead)
    return True


def _attempt(
    compute: Callable[[], dict[str, Array]], blocks: dict[str, Block], what: str
) -> dict[str, Array]:
    try:
        return compute()
    except ChainruleError as error:
        for block in blocks.values():
            block.missing.append(f"{what} cannot be run: {_one_line(error)}")
        return {}


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
