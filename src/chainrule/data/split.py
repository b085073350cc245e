"""Training and test rows, once or in folds, drawn with a seed and, for classes, with equal shares."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.errors import DataError, OptionError
from chainrule.options import whole_number

Array = NDArray[Any]


def split_rows(
    n: int,
    *,
    test: float = 0.25,
    seed: int = 0,
    stratify: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    order: ArrayLike | None = None,
) -> tuple[Array, Array]:
    """Split n rows at random into training and test rows.

    Parameters
    ----------
    n : int
        Number of rows.
    test : float
        Share of the test rows, between 0 and 1; their number is rounded, and either part has a row.
    seed : int
        The same seed gives the same rows.
    stratify : array_like, shape (n,), optional
        Labels whose shares are kept in both parts as nearly as whole rows allow.
    groups : array_like, shape (n,), optional
        Rows of one group stay together: whole groups are drawn, until the test rows are as many as asked.
    order : array_like, shape (n,), optional
        Numbers such as days: the last rows in this order are the test rows, and none is drawn; rows that
        are level with the first of them are test rows, too.

    Returns
    -------
    train, test : ndarray of int
        Row numbers, in ascending order.

    Examples
    --------
    >>> train, test = split_rows(8, test=0.25, stratify=list("aaaabbbb"))
    >>> len(train), [("a" if i < 4 else "b") for i in test]
    (6, ['a', 'b'])
    >>> split_rows(6, test=0.3, groups=[7, 8, 7, 9, 9, 9])[1].tolist()
    [3, 4, 5]
    >>> split_rows(6, test=0.5, order=[3, 1, 2, 9, 3, 7])[1].tolist()
    [0, 3, 4, 5]
    """
    if not 0 < test < 1:
        raise OptionError(f"test is {test}; expected a share between 0 and 1.")
    if n < 2:
        raise DataError(f"{n} rows cannot be split into training and test rows; at least 2 are needed.")
    labels = _labels(n, stratify=stratify, groups=groups, order=order)
    rng = np.random.default_rng(seed)
    count = min(max(round(n * test), 1), n - 1)
    is_test = np.zeros(n, bool)
    if "order" in labels:
        is_test = _in_order(labels["order"]) >= np.sort(labels["order"])[n - count]
    elif "groups" in labels:
        is_test = _whole_groups(_numbered(labels["groups"]), count, rng)
    else:
        permuted = rng.permutation(n)
        strata = _numbered(labels["stratify"])[permuted] if "stratify" in labels else None
        is_test[permuted[:count] if strata is None else _stratified(permuted, strata, count)] = True
    if is_test.all():
        raise DataError("All rows belong to one group, or to one time: they cannot be split.")
    return np.flatnonzero(~is_test), np.flatnonzero(is_test)


def fold_rows(
    n: int,
    folds: int = 5,
    *,
    seed: int = 0,
    stratify: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    order: ArrayLike | None = None,
) -> list[tuple[Array, Array]]:
    """Split n rows several times, so that each row is tested once.

    Parameters
    ----------
    n : int
        Number of rows.
    folds : int
        How many times, K. The test rows are as many in each fold, to within one row.
    seed : int
        The same seed gives the same rows.
    stratify : array_like, shape (n,), optional
        Labels of which each fold tests as many, to within one row.
    groups : array_like, shape (n,), optional
        Rows of one group stay together: whole groups are dealt out, the largest first, each to the fold with
        the fewest rows.
    order : array_like, shape (n,), optional
        Numbers such as days: the rows are cut in this order into K + 1 parts, and fold k tests part k + 1 by
        the parts before it. The first part is never tested; rows that are level stay together.

    Returns
    -------
    list of (train, test)
        Two ndarrays of int in each fold: row numbers, in ascending order.

    Examples
    --------
    >>> [test.tolist() for _, test in fold_rows(7, 3, stratify=list("aaaabbb"))]
    [[1, 2, 5], [3, 4], [0, 6]]
    >>> [test.tolist() for _, test in fold_rows(6, 2, groups=[7, 8, 7, 9, 9, 9])]
    [[3, 4, 5], [0, 1, 2]]
    >>> [(train.tolist(), test.tolist()) for train, test in fold_rows(6, 2, order=[5, 4, 3, 2, 1, 0])]
    [([4, 5], [2, 3]), ([2, 3, 4, 5], [0, 1])]
    """
    folds = whole_number("folds", folds, least=2)
    labels = _labels(n, stratify=stratify, groups=groups, order=order)
    _require_enough(n, "row", folds)
    rng = np.random.default_rng(seed)
    if "order" in labels:
        part = _parts_in_time(_in_order(labels["order"]), folds)
        return [(np.flatnonzero(part < k), np.flatnonzero(part == k)) for k in range(1, folds + 1)]
    if "groups" in labels:
        number = _dealt_groups(_numbered(labels["groups"]), folds, rng)
    else:
        number = np.empty(n, np.int64)
        permuted = rng.permutation(n)
        if "stratify" in labels:
            permuted = permuted[np.argsort(_numbered(labels["stratify"])[permuted], kind="stable")]
        number[permuted] = np.arange(n) % folds
    return [(np.flatnonzero(number != k), np.flatnonzero(number == k)) for k in range(folds)]


def _labels(n: int, **given: ArrayLike | None) -> dict[str, Array]:
    """What says which rows are drawn: one thing at most."""
    labels = {name: _one_per_row(name, values, n) for name, values in given.items() if values is not None}
    if len(labels) > 1:
        raise OptionError(f"{' and '.join(labels)} each say which rows are drawn; give one of them.")
    return labels


def _require_enough(count: int, what: str, folds: int) -> None:
    if count < folds:
        raise DataError(f"{count} {what}{'s'[: count - 1]} cannot be divided into {folds} folds.")


def _dealt_groups(numbers: Array, folds: int, rng: np.random.Generator) -> Array:
    """The fold of each row."""
    sizes = np.bincount(numbers)
    _require_enough(len(sizes), "group", folds)
    drawn = rng.permutation(len(sizes))
    fold, load = np.empty(len(sizes), np.int64), np.zeros(folds, np.int64)
    for group in drawn[np.argsort(-sizes[drawn], kind="stable")]:
        fold[group] = np.argmin(load)
        load[fold[group]] += sizes[group]
    return np.asarray(fold[numbers])


def _parts_in_time(order: Array, folds: int) -> Array:
    """The part of each row, 0 to ``folds``, the earliest first."""
    places = [len(order) * k // (folds + 1) for k in range(1, folds + 1)]
    part = np.searchsorted(np.sort(order)[places], order, side="right")
    if not np.bincount(part, minlength=folds + 1).all():
        times = len(np.unique(order))
        raise DataError(
            f"{len(order)} rows with {times} different time{'s'[: times - 1]} cannot be divided into {folds} "
            "folds: each needs times of its own, and so does what comes before the first."
        )
    return np.asarray(part)


def _one_per_row(name: str, values: ArrayLike, n: int) -> Array:
    array = np.asarray(values)
    if array.shape != (n,):
        raise DataError(f"{name} has shape {array.shape}; expected ({n},), one label per row.")
    return array


def _in_order(order: Array) -> Array:
    if len(rows := np.flatnonzero(order != order)):  # NaN and NaT come neither before nor after a value
        raise DataError(
            f"order is {order[rows[0]]} in row {rows[0] + 1}; give each row its place, or leave the row out."
        )
    return order


def _numbered(labels: Array) -> Array:
    _, numbers = np.unique(labels.astype(str) if labels.dtype == object else labels, return_inverse=True)
    return numbers


def _whole_groups(numbers: Array, count: int, rng: np.random.Generator) -> Array:
    """Whether each row is one of the groups that are drawn until they have ``count`` rows, but not all."""
    sizes = np.bincount(numbers)
    drawn = rng.permutation(len(sizes))
    enough = int(np.searchsorted(np.cumsum(sizes[drawn]), count)) + 1
    if enough == len(sizes) > 1:
        enough -= 1
    return np.isin(numbers, drawn[:enough])


def _stratified(order: Array, groups: Array, count: int) -> Array:
    """The first rows of each group, as many as its share; what is left goes to the largest remainders."""
    sizes = np.bincount(groups)
    exact = sizes * (count / len(order))
    quota = np.floor(exact).astype(int)
    rest = np.argsort(-(exact - quota), kind="stable")[: count - quota.sum()]
    quota[rest] += 1
    return np.concatenate([order[groups == g][: quota[g]] for g in range(len(sizes))])
