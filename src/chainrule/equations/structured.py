"""Jacobian tensors and Hessian blocks as sums of products, never written out unless asked.

A block such as 2 δ[i,k] (VᵀV)[j,l] is held as its factors: the identity as a size, VᵀV as V twice. Products
with it, its diagonal and, where it is one Kronecker product, its inverse need nothing larger than that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.equations.lets import Line
from chainrule.equations.nodes import Node, coefficient_terms
from chainrule.equations.numeric import node_value
from chainrule.equations.program import Program, symbols_of
from chainrule.equations.second import Second
from chainrule.errors import DataError, ShapeError, TooLargeError, UncheckableError

__all__ = ["Structured", "structured"]

Array = NDArray[Any]
DEFAULT_LIMIT = 2 * 1024**3


@dataclass(frozen=True, eq=False)
class Term:
    """coefficient · Π factors, summed over the labels outside ``out``; an int is an identity matrix."""

    coefficient: float
    factors: tuple[tuple[Array | int, tuple[int, ...]], ...]
    out: tuple[int, ...]

    def renamed(self, rename: Mapping[int, int]) -> Term:
        """The term with some labels changed."""
        factors = tuple(
            (factor, tuple(rename.get(label, label) for label in own)) for factor, own in self.factors
        )
        return Term(self.coefficient, factors, self.out)

    def without_identities(self, kept: set[int]) -> Term:
        """Identity matrices dropped by renaming one end, unless both ends are in ``kept``."""
        term = self
        while True:
            found = next(
                (
                    place
                    for place, (factor, own) in enumerate(term.factors)
                    if isinstance(factor, int) and own[0] != own[1] and not set(own) <= kept
                ),
                None,
            )
            if found is None:
                return term
            a, b = term.factors[found][1]
            keep, drop = (a, b) if b not in kept else (b, a)
            rest = (*term.factors[:found], *term.factors[found + 1 :])
            term = Term(term.coefficient, rest, term.out).renamed({drop: keep})

    def contracted(self, out: Sequence[int], sizes: Mapping[int, int]) -> Array:
        """The sum over every label outside ``out``; labels no factor has are filled with ones."""
        term = self.without_identities(set(out))
        operands: list[Any] = []
        covered: set[int] = set()
        for factor, own in term.factors:
            operands += [np.eye(factor) if isinstance(factor, int) else factor, list(own)]
            covered |= set(own)
        for label in out:
            if label not in covered:
                operands += [np.ones(sizes[label]), [label]]
        if not operands:
            return np.asarray(self.coefficient)
        return np.asarray(self.coefficient * np.einsum(*operands, list(out), optimize="greedy"))


@dataclass(frozen=True, eq=False)
class Structured:
    """A derivative with the axes of the differentiated quantity first, then those of the variable.

    Attributes
    ----------
    shape : tuple of int
        All axes.
    rank : int
        How many of them belong to the differentiated quantity: for a Hessian block, those of the first name.
    pattern : str
        The formula in index notation or matrix form.
    """

    shape: tuple[int, ...]
    rank: int
    pattern: str
    latex_source: str
    terms: tuple[Term, ...]

    @property
    def nbytes_dense(self) -> int:
        """Bytes of the dense array, float64."""
        return 8 * math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes that are held."""
        arrays = {id(f): f for term in self.terms for f, _ in term.factors if not isinstance(f, int)}
        return sum(array.nbytes for array in arrays.values())

    @property
    def _sizes(self) -> dict[int, int]:
        return dict(enumerate(self.shape))

    def dense(self, limit: int = DEFAULT_LIMIT) -> Array:
        """The whole array.

        Raises
        ------
        TooLargeError
            If it takes more than ``limit`` bytes; the message says how many.
        """
        if self.nbytes_dense > limit:
            raise TooLargeError(
                f"The dense array of shape {self.shape} takes {self.nbytes_dense:,} bytes, more than "
                f"{limit:,}; matvec, diag and solve work with the {self.nbytes:,} bytes that are held."
            )
        out = range(len(self.shape))
        return sum((term.contracted(out, self._sizes) for term in self.terms), np.zeros(self.shape))

    def matvec(self, v: ArrayLike) -> Array:
        """The derivative times v: summed over the variable's axes.

        Raises
        ------
        ShapeError
            If v does not have the variable's shape.
        """
        direction = np.asarray(v)
        if direction.shape != self.shape[self.rank :]:
            raise ShapeError(f"v has shape {direction.shape}; the variable has {self.shape[self.rank :]}.")
        labels = tuple(range(self.rank, len(self.shape)))
        total = np.zeros(self.shape[: self.rank], np.result_type(direction, np.float64))
        for term in self.terms:
            with_direction = Term(term.coefficient, (*term.factors, (direction, labels)), term.out)
            total = total + with_direction.contracted(range(self.rank), self._sizes)
        return total

    def diag(self) -> Array:
        """The diagonal of a square derivative, in the shape of the variable.

        Raises
        ------
        ShapeError
            If the derivative is not square.
        """
        self._square("diagonal")
        twins = {self.rank + axis: axis for axis in range(self.rank)}
        total = np.zeros(self.shape[: self.rank])
        for term in self.terms:
            # An identity whose ends become one label is all ones there.
            same = term.renamed(twins)
            factors = tuple(
                (np.ones(f), own[:1]) if isinstance(f, int) and own[0] == own[1] else (f, own)
                for f, own in same.factors
            )
            total = total + Term(term.coefficient, factors, term.out).contracted(
                range(self.rank), self._sizes
            )
        return total

    def solve(self, g: ArrayLike, limit: int = DEFAULT_LIMIT) -> Array:
        """The x with (this) x = g, in the variable's shape.

        One Kronecker product of square pieces is solved piece by piece; anything else as a dense system.

        Raises
        ------
        ShapeError
            If the derivative is not square or g has another shape.
        TooLargeError
            If a dense system would be needed and takes more than ``limit`` bytes.
        UncheckableError
            If the matrix is singular.
        """
        self._square("inverse")
        right = np.asarray(g)
        if right.shape != self.shape[: self.rank]:
            raise ShapeError(f"g has shape {right.shape}; expected {self.shape[: self.rank]}.")
        pieces = self._kronecker() if len(self.terms) == 1 else None
        try:
            if pieces is None:
                count = math.prod(right.shape)
                flat = self.dense(limit).reshape(count, count)
                return np.asarray(np.linalg.solve(flat, right.ravel()).reshape(right.shape))
            solved: Array = right / self.terms[0].coefficient
            for axis, piece in enumerate(pieces):
                if not isinstance(piece, int):
                    moved = np.moveaxis(solved, axis, 0)
                    flat = np.linalg.solve(piece, moved.reshape(moved.shape[0], -1))
                    solved = np.moveaxis(flat.reshape(moved.shape), 0, axis)
            return np.asarray(solved)
        except np.linalg.LinAlgError as error:
            raise UncheckableError(
                f"The derivative of shape {self.shape} is singular; it has no inverse."
            ) from error

    def latex(self) -> str:
        """The formula in LaTeX."""
        return self.latex_source

    def _square(self, what: str) -> None:
        if self.shape[: self.rank] != self.shape[self.rank :]:
            raise ShapeError(f"A derivative of shape {self.shape} has no {what}: it is not square.")

    def _kronecker(self) -> list[Array | int] | None:
        """One square piece per axis pair (a, rank + a), if the one term is their product."""
        (term,) = self.terms
        pieces: list[Array | int] = []
        for axis in range(self.rank):
            pair = {axis, self.rank + axis}
            own = [
                entry
                for entry in term.factors
                if _reach(term, entry[1]) & set(range(len(self.shape))) == pair
            ]
            if not own:
                return None
            if len(own) == 1 and isinstance(own[0][0], int):
                pieces.append(own[0][0])
            else:
                pieces.append(
                    Term(1.0, tuple(own), term.out).contracted((axis, self.rank + axis), self._sizes)
                )
        used = sum(
            1
            for entry in term.factors
            if any(
                _reach(term, entry[1]) & set(range(len(self.shape))) == {axis, self.rank + axis}
                for axis in range(self.rank)
            )
        )
        return pieces if used == len(term.factors) else None

    def __repr__(self) -> str:
        return f"<Structured {self.shape}, {self.nbytes:,} of {self.nbytes_dense:,} bytes: {self.pattern}>"


def _reach(term: Term, labels: Sequence[int]) -> set[int]:
    """Every label connected to the given ones through the factors of a term."""
    reached = set(labels)
    while True:
        more = {label for _, own in term.factors if reached & set(own) for label in own}
        if more <= reached:
            return reached
        reached |= more


def structured(
    program: Program,
    lines: Sequence[Line],
    values: Mapping[str, ArrayLike],
    sizes: Mapping[str, int],
    written: tuple[str, str],
) -> Structured:
    """Hold the last of some lines as its terms and factors; the lines before it are computed.

    Parameters
    ----------
    program : Program
        The sheet the lines are over.
    lines : sequence of Line
    values : mapping of str to array_like
        Values of the declared names.
    sizes : mapping of str to int
        Sizes the values do not show.
    written : tuple of str
        The last line's formula, in Unicode and in LaTeX.

    Raises
    ------
    DataError
        If a value is missing or unknown.
    ShapeError
        If a shape does not fit.
    """
    last = lines[-1]
    known, lengths = _given(program, [line.expression for line in lines], values, sizes)
    for name, body in program.bodies.items():
        if all(symbol in known for symbol in symbols_of(body)):
            known[program.symbols[name]] = node_value(body, known, lengths)
    for line in lines[:-1]:
        known[line.symbol] = node_value(line.expression, known, lengths)
    node = last.expression
    shape = tuple(size if isinstance(size, int) else lengths[size] for size in last.symbol.dims)
    data = last.symbol.data
    rank = len(program.symbols[data.wrt if isinstance(data, Second) else data.of].dims)
    terms = []
    for coefficient, term in coefficient_terms(node):
        if term.kind == "prod":
            labels, out = term.data
            factors = [_factor(arg, own, known, lengths) for arg, own in zip(term.args, labels, strict=True)]
        else:
            out = tuple(range(len(shape)))
            factors = [_factor(term, out, known, lengths)]
        terms.append(Term(float(coefficient), tuple(factors), out))
    return Structured(shape, rank, *written, tuple(terms))


def _given(
    program: Program, nodes: Sequence[Node], values: Mapping[str, ArrayLike], sizes: Mapping[str, int]
) -> tuple[dict[Node, Array], dict[str, int]]:
    """Values by symbol and the sizes they show, checked against the declarations."""
    mentioned = {name for node in nodes for name in program.names_in(node)}
    needed = [name for name in program.ancestors(mentioned) if name in program.declarations]
    missing = [name for name in program.declarations if name in needed and name not in values]
    unknown = [name for name in values if name not in program.declarations]
    if missing or unknown:
        words = (("missing", missing), ("not declared", unknown))
        found = "; ".join(f"{word}: {', '.join(names)}" for word, names in words if names)
        raise DataError(f"The derivative needs values of {', '.join(sorted(needed)) or 'nothing'}; {found}.")
    known: dict[Node, Array] = {}
    lengths = dict(sizes)
    for name, value in values.items():
        symbol, array = program.symbols[name], np.asarray(value)
        fits = array.ndim == len(symbol.dims) and all(
            length == (size if isinstance(size, int) else lengths.setdefault(size, length))
            for size, length in zip(symbol.dims, array.shape, strict=True)
        )
        if not fits:
            spelled = ", ".join(map(str, symbol.dims))
            raise ShapeError(f"{name} has shape {array.shape}; expected ({spelled}) with sizes {lengths}.")
        known[symbol] = array
    return known, lengths


def _factor(
    arg: Node, own: tuple[int, ...], values: Mapping[Node, Array], sizes: Mapping[str, int]
) -> tuple[Array | int, tuple[int, ...]]:
    if arg.kind == "delta":
        size = arg.dims[0]
        return (size if isinstance(size, int) else sizes[size]), own
    return node_value(arg, values, sizes), own
