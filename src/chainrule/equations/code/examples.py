"""The examples a sheet is trained on: bound to its names, checked, rows without weight dropped.

NaN behind a condition, which the sheet does not read, gives way to numbers: a gradient multiplies by the
condition, and 0 times NaN is NaN. Numbers of the data themselves do no harm there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from chainrule.arrays import Array, ArrayLike, NDArray, np
from chainrule.equations.language.given import as_array, check_domain, given_values
from chainrule.equations.language.sheet import Sheet
from chainrule.equations.language.tree import Call, Ref
from chainrule.equations.nodes.program import Program
from chainrule.errors import DataError, OptionError, ShapeError
from chainrule.objective import checked_weights


@dataclass(frozen=True, eq=False)
class SheetExamples:
    """Checked data of a sheet.

    Attributes
    ----------
    size : int
        Number of examples n of positive weight; 0 if the sheet's own formula covers all data.
    stacked : mapping of str to ndarray
        The data with one entry for each example, examples first.
    fixed : mapping of str to ndarray
        The data that are the same for all examples.
    weights : ndarray, shape (n,), or None
        Positive; None if all are 1.
    sizes : mapping of str to int
        What the data and the caller say.
    """

    size: int
    stacked: Mapping[str, Array]
    fixed: Mapping[str, Array]
    weights: Array | None
    sizes: Mapping[str, int]

    def take(self, rows: NDArray[np.integer[Any]]) -> SheetExamples:
        """The examples of these rows."""
        stacked = {name: array[rows] for name, array in self.stacked.items()}
        weights = None if self.weights is None else self.weights[rows]
        return replace(self, size=len(rows), stacked=stacked, weights=weights)


def sheet_examples(
    sheet: Sheet,
    program: Program,
    minimized: Sequence[str],
    data: Mapping[str, ArrayLike],
    parameters: Sequence[str],
    sample_weight: ArrayLike | None,
    sizes: Mapping[str, int],
) -> SheetExamples:
    """Check the data that the ``minimized`` names need, and drop the rows of weight zero before all else.

    Raises
    ------
    DataError, ShapeError, OptionError
        If data are missing, unknown, of another shape or kind, or infinite.
    """
    _check_names(sheet, program, minimized, data, parameters)
    stacked = _stacked(sheet, data)
    n = _count(stacked)
    weights = _weights(sample_weight, n)
    if weights is not None and np.any(weights == 0):
        kept = weights > 0
        if not kept.any():
            raise DataError("Every sample_weight is zero; at least one example must count.")
        stacked, weights, n = {name: x[kept] for name, x in stacked.items()}, weights[kept], int(kept.sum())
    rest = {name: value for name, value in data.items() if name not in stacked}
    known, fixed = _known(sheet, rest, stacked, sizes)
    return SheetExamples(n, stacked, fixed, weights, known)


def _check_names(
    sheet: Sheet,
    program: Program,
    minimized: Sequence[str],
    data: Mapping[str, ArrayLike],
    parameters: Sequence[str],
) -> None:
    needed = [name for name in sheet.declarations if name in program.ancestors(minimized)]
    missing = [name for name in needed if name not in data and name not in parameters]
    unknown = [name for name in data if name not in sheet.declarations]
    trained = [name for name in data if name in parameters]
    problems = [f"missing: {', '.join(missing)}" if missing else ""]
    problems.append(f"not declared: {', '.join(unknown)}" if unknown else "")
    problems.append(f"a parameter, which is trained and not given: {', '.join(trained)}" if trained else "")
    if any(problems):
        wanted = ", ".join(name for name in needed if name not in parameters) or "nothing"
        raise DataError(f"{minimized[0]} needs data for {wanted}; {'; '.join(filter(None, problems))}.")


def _stacked(sheet: Sheet, data: Mapping[str, ArrayLike]) -> dict[str, Array]:
    """The data that come with one axis more than declared: one entry per example."""
    stacked = {}
    for name, value in data.items():
        array = as_array(name, value, sheet.domain_of(name))
        if sheet.declarations[name].role == "data" and array.ndim == len(sheet.declarations[name].axes) + 1:
            stacked[name] = np.ascontiguousarray(array)
    return stacked


def _count(stacked: Mapping[str, Array]) -> int:
    counts = {name: len(array) for name, array in stacked.items()}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name} has {count}" for name, count in counts.items())
        raise ShapeError(f"Data must have the same number of examples; {listed}.")
    count = next(iter(counts.values()), None)
    if count == 0:
        raise DataError("There are no examples: the data are empty.")
    return count or 0


def _known(
    sheet: Sheet, rest: Mapping[str, ArrayLike], stacked: Mapping[str, Array], sizes: Mapping[str, int]
) -> tuple[dict[str, int], dict[str, Array]]:
    """Sizes and the arrays that are not stacked, all checked against the declarations."""
    first = {name: array[0] for name, array in stacked.items()}
    arrays, known = given_values(sheet, {**first, **rest}, sizes)
    _infer_classes(sheet, {**arrays, **stacked}, known)
    for name, array in stacked.items():
        check_domain(sheet.declarations[name], array, known)
    fixed = {name: arrays[name] for name in rest}
    for name, array in {**stacked, **fixed}.items():
        if np.iscomplexobj(array):
            raise DataError(f"{name} is complex; what is minimised over real parameters needs real data.")
        if np.any(np.isinf(array)):  # whether a NaN is read depends on the sheet
            place = [int(i) for i in np.argwhere(np.isinf(array))[0]]
            entry = f"entry {place} is {array[tuple(place)]}" if place else f"it is {array}"
            raise DataError(f"{name} must be finite; {entry}.")
    return dict(known), fixed


def _infer_classes(sheet: Sheet, arrays: Mapping[str, Array], known: dict[str, int]) -> None:
    """Where nothing else says how many classes there are, the largest label does."""
    for name, array in arrays.items():
        classes = sheet.classes_of(name)
        if isinstance(classes, str) and classes not in known and "*" not in classes:
            known[classes] = int(array.max()) + 1


def _weights(sample_weight: ArrayLike | None, n: int) -> Array | None:
    if sample_weight is None:
        return None
    if not n:
        raise OptionError(
            "sample_weight needs examples: give data with one axis more than the sheet declares."
        )
    return checked_weights(np.asarray(sample_weight), n, "example")


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
