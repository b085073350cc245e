"""The values a sheet is given: their shapes, the sizes they show, and whether they lie in their domains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chainrule.arrays import Array, ArrayLike, NDArray, np
from chainrule.equations.language.scope import near
from chainrule.equations.language.sheet import Sheet
from chainrule.equations.language.tree import Declaration, Domain, Size, size_factors, size_value, spelled
from chainrule.errors import DataError, ShapeError

_SIMPLEX_TOLERANCE = 1e-4  # rounded shares such as 0.3333 pass, and so do the steps of a difference quotient


def given_values(
    sheet: Sheet, values: Mapping[str, ArrayLike], sizes: Mapping[str, int] | None = None
) -> tuple[dict[str, Array], dict[str, int]]:
    """Check given values against their declarations and find the sizes they show.

    Parameters
    ----------
    sheet : Sheet
    values : mapping of str to array_like
        By name; declared or defined.
    sizes : mapping of str to int, optional
        Sizes known beforehand.

    Returns
    -------
    dict of str to ndarray
        float64 or complex128; labels int64.
    dict of str to int
        The sizes known from the values and ``sizes``.

    Raises
    ------
    DataError
        If a name is unknown or a value is outside its domain.
    ShapeError
        If a shape does not fit, or two values disagree on a size.

    Examples
    --------
    >>> from chainrule.equations.language.sheet import read
    >>> sheet = read("W: R[M, p]; x: R[p]")
    >>> given_values(sheet, {"W": [[1.0, 2.0, 3.0]], "x": [1.0, 0.0, 0.0]})[1]
    {'M': 1, 'p': 3}
    """
    known = _known_sizes(sheet, sizes or {})
    for name in values:
        _check_name(sheet, name)
    arrays = {name: as_array(name, value, sheet.domain_of(name)) for name, value in values.items()}
    learn_sizes(arrays, {name: sheet.type_of(name).axes for name in arrays}, known)
    for name, array in arrays.items():
        if name in sheet.declarations:
            check_domain(sheet.declarations[name], array, known)
    return arrays, known


def learn_sizes(
    arrays: Mapping[str, Array], axes: Mapping[str, tuple[Size, ...]], known: dict[str, int]
) -> None:
    """Add the sizes that arrays show to those that are known; all must agree.

    Raises
    ------
    ShapeError
        If a shape does not fit, or two arrays disagree on a size.
    """
    for name, array in arrays.items():
        if array.ndim != len(axes[name]):
            raise ShapeError(_axes_message(name, array, axes[name]))
        if 0 in array.shape:
            raise ShapeError(f"{name} has shape {array.shape}; every axis needs at least one entry.")
    shown_by = dict.fromkeys(known, "sizes")
    others: list[tuple[str, Size, int]] = []
    for name, array in arrays.items():
        for size, length in zip(axes[name], array.shape, strict=True):
            if isinstance(size, int) or "*" in size:
                others.append((name, size, length))
            elif known.setdefault(size, length) != length:
                raise ShapeError(
                    f"{shown_by[size]} says {size} = {known[size]}, {name} says {size} = {length}; "
                    f"{name} has shape {array.shape} for {spelled(axes[name])}."
                )
            else:
                shown_by.setdefault(size, name)
    _divide_products([(size, length) for _, size, length in others], known)
    for name, size, length in others:
        # A product of sizes that nothing shows cannot be checked.
        shown = all(part in known for part in size_factors(size) if isinstance(part, str))
        if shown and size_value(size, known) != length:
            raise ShapeError(
                f"{name} has shape {arrays[name].shape}; its axis {size} has size {size_value(size, known)}, "
                f"not {length}."
            )


def _known_sizes(sheet: Sheet, sizes: Mapping[str, int]) -> dict[str, int]:
    for name, size in sizes.items():
        if type(size) is int and size > 0 and name in sheet.sizes:
            continue
        if name not in sheet.sizes:
            raise DataError(f"{name} is not a size of the sheet.{near(name, sheet.sizes)}")
        if not isinstance(size, int | np.integer) or isinstance(size, bool) or size < 1:
            raise DataError(f"The size {name} is a whole number of at least 1; got {size!r}.")
    return {name: int(size) for name, size in sizes.items()}


def _check_name(sheet: Sheet, name: str) -> None:
    if name in sheet.declarations or name in sheet.definitions:
        return
    if name in sheet.sizes:
        raise DataError(
            f"{name} is a size, which the shapes of the values show; sizes={{{name!r}: ...}} sets one."
        )
    hint = near(name, [*sheet.declarations, *sheet.definitions])
    raise DataError(f"The sheet has no value named {name}.{hint}")


def as_array(name: str, value: ArrayLike, domain: Domain) -> Array:
    """The value of a name as float64 or complex128; labels as int64."""
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ShapeError(f"{name} is not an array: its rows differ in length.") from error
    if array.dtype.kind not in "biufc":
        raise DataError(f"{name} must hold numbers; its entries are of type {array.dtype}.")
    if domain == "class":
        real = np.real(array)
        if not np.all(np.isfinite(real)) or np.any(real != np.round(real)):
            raise DataError(
                f"{name} holds labels, which are whole numbers counted from 0; "
                f"got {_first(array, real != np.round(real))}."
            )
        return real.astype(np.int64)
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)


def _first(array: Array, wrong: NDArray[np.bool_]) -> str:
    """The first wrong entry and where it stands."""
    if array.ndim == 0:
        return str(array)
    place = tuple(int(i) for i in np.argwhere(wrong)[0]) if wrong.any() else (0,)
    return f"{array[place]} at {list(place)}"


def _axes_message(name: str, array: Array, axes: tuple[Size, ...]) -> str:
    expected = f"expected {spelled(axes)}" if axes else "expected a single number"
    message = f"{name} has shape {array.shape}; {expected}."
    if len(axes) == 1 and array.ndim == 2 and 1 in array.shape:
        return f"{message} A vector has one axis here: np.ravel({name})."
    if not axes and array.size == 1:
        return f"{message} An axis of size 1 is an axis still: give {name}.item()."
    return message


def _divide_products(axes: Sequence[tuple[Size, int]], sizes: dict[str, int]) -> None:
    """Find a size that only products with known others show: n of an axis m*n of length 6, where m is 2."""
    for _ in axes:
        for size, length in axes:
            unknown = [part for part in size_factors(size) if isinstance(part, str) and part not in sizes]
            if len(unknown) == 1:
                others = size_value(size, {**sizes, unknown[0]: 1})
                if length % others == 0:
                    sizes[unknown[0]] = length // others


def check_domain(declared: Declaration, array: Array, sizes: Mapping[str, int]) -> None:
    """Labels in 0..K-1, signs, bits, simplex rows; the real part counts, so that a complex step may pass."""
    name, real = declared.name, np.real(array)
    match declared.domain:
        case "class":
            classes = declared.classes
            most = classes if isinstance(classes, int) else sizes.get(classes or "")
            wrong = (real < 0) | (real >= (most or np.inf))
            count = f"{classes} - 1 = " if isinstance(classes, str) else ""
            need = f"labels from 0 to {count}{most - 1}" if most else "labels counted from 0"
        case "sign":
            wrong, need = (real != 1) & (real != -1), "signs, -1 or +1"
        case "bit":
            wrong, need = (real != 0) & (real != 1), "bits, 0 or 1"
        case _:
            if declared.domain == "simplex":
                _check_simplex(name, real)
            return
    if np.any(wrong):
        raise DataError(f"{name} holds {need}; got {_first(array, wrong)}.")


def _check_simplex(name: str, real: Array) -> None:
    if np.any(real < -_SIMPLEX_TOLERANCE):
        raise DataError(f"{name} holds shares, which are not negative; got {_first(real, real < 0)}.")
    totals = np.sum(real, axis=-1)
    wrong = ~(np.abs(totals - 1) <= _SIMPLEX_TOLERANCE)
    if np.any(wrong):
        raise DataError(
            f"{name} holds shares that sum to 1 along the last axis; got a sum of {_first(totals, wrong)}."
        )
