"""Inverses, determinants and cofactors of matrices of decimals, by elimination."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from chainrule.arrays import Array, np


@dataclass(frozen=True)
class Matrices:
    """Functions of the last two axes of arrays of decimals.

    Attributes
    ----------
    rounded : callable
        A result as an array of the numbers that are computed with.
    """

    rounded: Callable[[Any], Array]

    @property
    def functions(self) -> Mapping[str, Callable[[Array], Any]]:
        """By name; ``svd`` gives the parts that `cofactor_parts` does, along a new first axis."""
        return {
            "inv": _of_each(self.inverse),
            "det": _of_each(self.determinant),
            "adjugate": _of_each(self.adjugate),
            "svd": lambda array: np.moveaxis(_of_each(self.cofactor_parts)(array), -3, 0),
        }

    def eliminated(self, matrix: Array, right: Array) -> tuple[Array, Decimal]:
        """The solution of matrix @ x = right, and the determinant; no solution where that is 0."""
        rows = np.concatenate([matrix, right], axis=1)
        size, determinant = len(matrix), Decimal(1)
        for k in range(size):
            pivot = k + int(np.argmax([abs(x) for x in rows[k:, k]]))
            if pivot != k:
                rows[[k, pivot]] = rows[[pivot, k]]
                determinant = -determinant
            determinant *= rows[k, k]
            if not rows[k, k]:
                return rows[:, size:], determinant
            others = np.arange(size) != k
            rows[k] = self.rounded(rows[k] / rows[k, k])
            rows[others] = self.rounded(rows[others] - np.multiply.outer(rows[others, k], rows[k]))
        return rows[:, size:], determinant

    def determinant(self, matrix: Array) -> Decimal:
        return self.eliminated(matrix, matrix[:, :0])[1]

    def inverse(self, matrix: Array) -> Array:
        found, determinant = self.eliminated(matrix, _unit(len(matrix)))
        if not determinant:
            raise np.linalg.LinAlgError("singular")
        return found

    def adjugate(self, matrix: Array) -> Array:
        size = len(matrix)
        found = np.empty((size, size), dtype=object)
        for i in range(size):
            for j in range(size):
                minor = np.delete(np.delete(matrix, i, 0), j, 1)
                found[j, i] = (-1) ** (i + j) * self.determinant(minor)
        return found

    def cofactor_parts(self, matrix: Array) -> Array:
        """U, V and Q, of which the second derivative of a determinant is made.

        From any Uᵀ A V = diag(d) with det(U) det(V) = ±1, not from the singular values alone: here by
        elimination of rows and of columns, the largest pivot first, which needs no inverse of A.
        """
        middle, size, sign = matrix.copy(), len(matrix), 1
        left, right = _unit(size), _unit(size)
        for k in range(size):
            row, column = divmod(int(np.argmax(np.abs(middle[k:, k:]))), size - k)
            for place, array in (
                (k + row, middle),
                (k + row, left),
                (k + column, middle.T),
                (k + column, right.T),
            ):
                array[[k, place]] = array[[place, k]]
            sign *= (-1) ** ((row > 0) + (column > 0))
            if not middle[k, k]:
                break
            down, along = middle[k + 1 :, k] / middle[k, k], middle[k, k + 1 :] / middle[k, k]
            for factors, array in ((down, middle), (down, left), (along, middle.T), (along, right.T)):
                array[k + 1 :] = self.rounded(array[k + 1 :] - np.multiply.outer(factors, array[k]))
        pairs = np.zeros((size, size), dtype=object)
        for a in range(size):
            for b in set(range(size)) - {a}:
                pairs[a, b] = sign * math.prod(np.delete(np.diag(middle), [a, b]), start=Decimal(1))
        return np.stack([left.T, right, pairs])


def _unit(size: int) -> Array:
    return np.asarray(np.frompyfunc(Decimal, 1, 1)(np.eye(size)), dtype=object)


def _of_each(function: Callable[[Array], Any]) -> Callable[[Array], Array]:
    """A function of a matrix, of each in an array of them."""

    def each(array: Array) -> Array:
        if array.ndim == 2:
            return np.asarray(function(array), dtype=object)
        return np.stack([each(matrix) for matrix in array])

    return each
