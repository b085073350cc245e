"""The examples a sheet is trained on: bound to its names, checked, rows without weight dropped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from chainrule.arrays import Array, ArrayLike, NDArray, np
from chainrule.equations.language.given import as_array, check_domain, given_values
from chainrule.equations.language.sheet import Sheet
from chainrule.equations.nodes.program import Program
from chainrule.errors import DataError, OptionError, ShapeError


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
    weights = _checked_weights(sample_weight, n)
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
        array = as_array(sheet, name, value)
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
        check_domain(sheet, name, array, known)
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


def _checked_weights(sample_weight: ArrayLike | None, n: int) -> Array | None:
    if sample_weight is None:
        return None
    weights = np.asarray(sample_weight)
    if weights.dtype.kind not in "biuf":
        raise DataError(f"sample_weight holds {weights.dtype} values; expected one number per example.")
    weights = weights.astype(np.float64)
    if not n:
        raise OptionError(
            "sample_weight needs examples: give data with one axis more than the sheet declares."
        )
    if weights.shape != (n,):
        raise ShapeError(f"sample_weight has shape {weights.shape}; expected ({n},).")
    if not np.all(np.isfinite(weights)) or np.any(weights < 0):
        raise DataError("sample_weight must be finite and not negative.")
    with np.errstate(over="ignore", divide="ignore"):
        if weights.any() and not (1 / weights.sum() > 0 and 1 / weights.mean() < np.inf):
            raise DataError(
                f"sample_weight sums to {weights.sum():g}, whose reciprocal is out of the range of float64; "
                "divide the weights by their maximum."
            )
    return weights
