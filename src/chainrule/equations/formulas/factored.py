"""Values of nodes as sums of products of small factors, written out only where that takes no more memory.

diag(p) - p pᵀ is two terms over the one vector p, λ I + VᵀV with a wide V is three factors. A product of sums
is multiplied out, so that the identity in one of them renames an axis instead of filling a matrix.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count, product
from typing import Any

from chainrule.arrays import Array, np
from chainrule.equations.language.tree import Size, bottom_up, size_value
from chainrule.equations.nodes.nodes import (
    Node,
    coefficient_terms,
    factors_of,
    has_terms,
    is_identity,
    is_one,
    is_product,
    relabelled,
    topological,
)
from chainrule.equations.nodes.numeric import value_from
from chainrule.equations.nodes.program import symbols_of

Factor = tuple["Array | int", tuple[int, ...]]
# Sums are multiplied out up to that many terms.
MOST_TERMS = 16


@dataclass(frozen=True, eq=False)
class Term:
    """coefficient · Π factors, summed over the labels outside ``out``; an int is an identity matrix.

    A label of ``out`` that no factor has stands for ones along that axis.
    """

    coefficient: float
    factors: tuple[Factor, ...]
    out: tuple[int, ...]

    def renamed(self, rename: Mapping[int, int]) -> Term:
        """The term with some labels of its factors changed."""
        return Term(self.coefficient, tuple(relabelled(self.factors, rename)), self.out)

    def without_identities(self, kept: set[int]) -> Term:
        """Identity matrices dropped by renaming one end, unless both ends are in ``kept``.

        One that nothing else touches is summed over both its axes: it counts them, Σ_ij δ_ij = n.
        """
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
            size, (a, b) = term.factors[found]
            keep, drop = (a, b) if b not in kept else (b, a)
            rest = (*term.factors[:found], *term.factors[found + 1 :])
            alone = keep not in kept and not any({a, b} & set(own) for _, own in rest)
            count = float(size) if alone and isinstance(size, int) else 1.0
            term = Term(term.coefficient * count, rest, term.out).renamed({drop: keep})

    def contracted(self, out: Sequence[int], sizes: Mapping[int, int]) -> Array:
        """The sum over every label outside ``out``; labels no factor has are filled with ones."""
        term = self.without_identities(set(out))
        operands: list[Any] = []
        covered: set[int] = set()
        for factor, own in term.factors:
            if isinstance(factor, int):
                factor = np.ones(factor) if own[0] == own[1] else np.eye(factor)
                own = own[: factor.ndim]
            operands += [factor, list(own)]
            covered |= set(own)
        for label in out:
            if label not in covered:
                operands += [np.ones(sizes[label]), [label]]
        if not operands:
            return np.asarray(term.coefficient)
        return np.asarray(term.coefficient * np.einsum(*operands, list(out), optimize="greedy"))


def written_out(terms: Sequence[Term], shape: Sequence[int], magnitude: bool = False) -> Array:
    """The array a sum of terms stands for, or the sum of the terms' absolute values."""
    total = np.zeros(shape)
    for term in terms:
        value = term.contracted(term.out, dict(zip(term.out, shape, strict=True)))
        total = total + (np.abs(value) if magnitude else value)
    return total


class Factored:
    """Evaluates nodes into terms.

    Parameters
    ----------
    known : mapping of Node to ndarray
        Values of symbols.
    bodies : dict of Node to Node
        What other symbols stand for, each over earlier ones; only what is met is computed.
    lengths : mapping of str to int
        Values of the symbolic sizes.
    """

    def __init__(
        self, known: Mapping[Node, Array], bodies: dict[Node, Node], lengths: Mapping[str, int]
    ) -> None:
        self.bodies = bodies
        self.lengths = lengths
        self._values: dict[Node, Array] = dict(known)
        self._terms: dict[Node, tuple[Term, ...]] = {}

    def length(self, size: Size) -> int:
        """Value of a size."""
        return size_value(size, self.lengths)

    def shape(self, node: Node) -> tuple[int, ...]:
        """Shape of a node's value."""
        return tuple(map(self.length, node.dims))

    def terms(self, root: Node) -> tuple[Term, ...]:
        """The terms of a node; one with a single array where that is as small."""

        def behind(symbol: Node) -> tuple[Node, ...]:
            return symbols_of(self.bodies[symbol]) if symbol in self.bodies else ()

        if root not in self._terms:
            for symbol in bottom_up(symbols_of(root), behind):
                if symbol in self.bodies and symbol not in self._terms:
                    self._visit(self.bodies[symbol])
                    self._terms[symbol] = self._terms[self.bodies[symbol]]
            self._visit(root)
        return self._terms[root]

    def value(self, node: Node) -> Array:
        """The array of a node."""
        if node not in self._values:
            self._values[node] = written_out(self.terms(node), self.shape(node))
        return self._values[node]

    def multiplied(
        self, factors: Sequence[tuple[Node, tuple[int, ...]]], out: Sequence[int], coefficient: float = 1.0
    ) -> tuple[Term, ...]:
        """The product of visited nodes, multiplied out over their terms."""
        sums = [self._terms[node] for node, _ in factors]
        if math.prod(map(len, sums)) > MOST_TERMS:
            sums = [
                terms if len(terms) == 1 else self._collapsed(node)
                for terms, (node, _) in zip(sums, factors, strict=True)
            ]
        sizes = {
            label: self.length(size)
            for node, own in factors
            for label, size in zip(own, node.dims, strict=True)
        }
        labels = [own for _, own in factors]
        return tuple(_joined(chosen, labels, tuple(out), sizes, coefficient) for chosen in product(*sums))

    def _visit(self, root: Node) -> None:
        for node in topological([root]):
            if node not in self._terms:
                self._terms[node] = self._made(node)
                if not self._is_thin(self._terms[node], node):
                    self._terms[node] = self._collapsed(node)

    def _made(self, node: Node) -> tuple[Term, ...]:
        if is_identity(node):
            return (Term(1.0, ((self.length(node.dims[0]), (0, 1)),), node.axes),)
        if is_one(node):
            return (Term(1.0, (), node.axes),)
        if has_terms(node):
            return tuple(
                Term(float(c) * term.coefficient, term.factors, term.out)
                for c, arg in coefficient_terms(node)
                for term in self._terms[arg]
            )
        if is_product(node):
            return self.multiplied(factors_of(node), node.axes)
        if node not in self._values:
            args = [self.value(arg) for arg in node.args]
            with np.errstate(all="ignore"):
                self._values[node] = value_from(node, args, self.length)
        return self._collapsed(node)

    def _is_thin(self, terms: Sequence[Term], node: Node) -> bool:
        """Whether the terms take less memory than the array, or hold nothing but that array."""
        if len(terms) == 1 and len(terms[0].factors) <= 1:
            return True
        arrays = {id(f): f.size for term in terms for f, _ in term.factors if not isinstance(f, int)}
        return sum(arrays.values()) < math.prod(self.shape(node)) and len(node.dims) > 1

    def _collapsed(self, node: Node) -> tuple[Term, ...]:
        """The node as one term: its array."""
        return (Term(1.0, ((self.value(node), node.axes),), node.axes),)


def _joined(
    chosen: Sequence[Term],
    labels: Sequence[tuple[int, ...]],
    out: tuple[int, ...],
    sizes: Mapping[int, int],
    coefficient: float,
) -> Term:
    """The product of one term of each factor, with labels numbered from 0: those of ``out`` first."""
    number = {label: place for place, label in enumerate(dict.fromkeys((*out, *chain.from_iterable(labels))))}
    fresh = count(len(number))
    factors: list[Factor] = []
    for term, own in zip(chosen, labels, strict=True):
        coefficient *= term.coefficient
        names = dict(zip(term.out, (number[label] for label in own), strict=True))
        for factor, inner in term.factors:
            for label in inner:
                if label not in names:
                    names[label] = next(fresh)
            factors.append((factor, tuple(names[label] for label in inner)))
    covered = {label for _, own in factors for label in own}
    # Ones along a summed axis count its entries.
    coefficient *= math.prod(
        size for label, size in sizes.items() if label not in out and number[label] not in covered
    )
    return Term(coefficient, tuple(factors), tuple(range(len(out))))
