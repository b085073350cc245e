"""Data that a sheet does not read: NaN behind a condition gives way to numbers.

A gradient multiplies by a condition, and 0 times NaN is NaN. Numbers of the data themselves do no harm there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from chainrule.arrays import Array, np
from chainrule.equations.code.examples import SheetExamples
from chainrule.equations.language.sheet import Sheet
from chainrule.equations.language.tree import Call, Ref
from chainrule.errors import DataError

Gaps = Mapping[str, Array]
Run = Callable[[SheetExamples, Array], tuple[float, Array]]
"""The value and the gradient of some examples at θ."""

TRIALS = 6


def without_padding(
    sheet: Sheet, minimized: Sequence[str], examples: SheetExamples, run: Run, p: int
) -> SheetExamples:
    """The examples with a number wherever a NaN stands that no condition lets through.

    That is so where the value is the same with NaN and with two different numbers of the same name, and no
    parameter decides what is read.

    Raises
    ------
    DataError
        If a NaN is read.
    """
    arrays = {**examples.fixed, **examples.stacked}
    gaps = {name: np.isnan(array) for name, array in arrays.items() if array.dtype.kind == "f"}
    gaps = {name: gap for name, gap in gaps.items() if gap.any()}
    if not gaps:
        return examples
    if _parameters_decide(sheet, minimized):
        raise DataError(f"{_first(gaps)}, and parameters stand in a condition, which may come to read it.")
    one, other = (_filled(examples, gaps, which) for which in (0, 1))
    rng, seen = np.random.default_rng(0), 0
    for turn in range(TRIALS):
        theta = rng.standard_normal(p)
        theta = np.abs(theta) if turn % 2 else theta
        with np.errstate(all="ignore"):
            with_gaps, (value, slope), (second, slope_there) = (run(x, theta) for x in (examples, one, other))
        if not np.isfinite(value):
            continue
        seen += 1
        if not (with_gaps[0] == value == second and np.array_equal(slope, slope_there, equal_nan=True)):
            raise DataError(f"{_first(gaps)}, which is read; where(...) may leave it out.")
    if not seen:
        raise DataError(f"{_first(gaps)}, and no value was found to show that it is not read.")
    return one


def _first(gaps: Gaps) -> str:
    name, gap = next(iter(gaps.items()))
    place = [int(i) for i in np.argwhere(gap)[0]]
    return f"{name} must be finite; " + (f"entry {place} is nan" if place else "it is nan")


def _filled(examples: SheetExamples, gaps: Gaps, which: int) -> SheetExamples:
    def fill(arrays: Mapping[str, Array]) -> dict[str, Array]:
        return {
            name: np.where(gaps[name], _numbers(array)[which], array) if name in gaps else array
            for name, array in arrays.items()
        }

    return replace(examples, stacked=fill(examples.stacked), fixed=fill(examples.fixed))


def _numbers(array: Array) -> tuple[float, float]:
    """Two different numbers such as the array holds."""
    known = array[~np.isnan(array)]
    low, high = (float(known.min()), float(known.max())) if known.size else (1.0, 1.0)
    return (low, high) if low < high else (low, low + 1)


def _parameters_decide(sheet: Sheet, minimized: Sequence[str]) -> bool:
    """Whether a condition of ``where`` depends on a parameter."""
    roots = [sheet.definitions[name].body for name in minimized if name in sheet.definitions]
    return any(
        isinstance(inner, Ref)
        and inner.name in sheet.declarations
        and sheet.declarations[inner.name].role == "parameters"
        for term in sheet.behind(roots)
        if isinstance(term, Call) and term.function == "where"
        for inner in sheet.behind([term.args[0]])
    )
