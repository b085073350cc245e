"""Training and test rows, drawn with a seed and, for classes, with equal shares."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.errors import DataError, OptionError

Array = NDArray[Any]


def split_rows(
    n: int, *, test: float = 0.25, seed: int = 0, stratify: ArrayLike | None = None
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

    Returns
    -------
    train, test : ndarray of int
        Row numbers, in ascending order.

    Examples
    --------
    >>> train, test = split_rows(8, test=0.25, stratify=list("aaaabbbb"))
    >>> len(train), [("a" if i < 4 else "b") for i in test]
    (6, ['a', 'b'])
    """
    if not 0 < test < 1:
        raise OptionError(f"test is {test}; expected a share between 0 and 1.")
    if n < 2:
        raise DataError(f"{n} rows cannot be split into training and test rows; at least 2 are needed.")
    rng = np.random.default_rng(seed)
    count = min(max(round(n * test), 1), n - 1)
    order = rng.permutation(n)
    if stratify is None:
        chosen = order[:count]
    else:
        labels = np.asarray(stratify)
        if labels.shape != (n,):
            raise DataError(f"stratify has shape {labels.shape}; expected ({n},), one label per row.")
        _, groups = np.unique(labels.astype(str) if labels.dtype == object else labels, return_inverse=True)
        chosen = _stratified(order, groups[order], count)
    is_test = np.zeros(n, bool)
    is_test[chosen] = True
    return np.flatnonzero(~is_test), np.flatnonzero(is_test)


def _stratified(order: Array, groups: Array, count: int) -> Array:
    """The first rows of each group, as many as its share; what is left goes to the largest remainders."""
    sizes = np.bincount(groups)
    exact = sizes * (count / len(order))
    quota = np.floor(exact).astype(int)
    rest = np.argsort(-(exact - quota), kind="stable")[: count - quota.sum()]
    quota[rest] += 1
    return np.concatenate([order[groups == g][: quota[g]] for g in range(len(sizes))])
