"""Solutions with sums of Kronecker products, piece by piece, and how near to singular they are.

A ⊗ B is solved with A and with B, and a sum of such products with their eigenvectors where on every axis all
terms have the identity or one and the same symmetric matrix: H + λ I, A ⊗ I + I ⊗ B.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chainrule.arrays import Array, np
from chainrule.equations.formulas.factored import Factor, Term
from chainrule.equations.nodes.connected import connected
from chainrule.errors import TooLargeError, UncheckableError

# From about 1/eps on, rounding alone decides what the solution is.
LARGEST_CONDITION = 0.25 / 2.0**-52


@dataclass(frozen=True, eq=False)
class Piece:
    """A square matrix over one axis and its partner: ``matrix`` has two axes, one (a diagonal) or none (I).

    ``size`` is how large the terms are that it was added up from, which is what rounding is relative to.
    """

    order: int
    matrix: Array
    size: float

    @property
    def rank(self) -> int:
        """Axes of the array."""
        return self.matrix.ndim


@dataclass(frozen=True, eq=False)
class Kronecker:
    """coefficient · Π_a piece_a[a, partner_a]; the partners are the variable's axes in some order."""

    coefficient: float
    partners: tuple[int, ...]
    pieces: tuple[Piece, ...]


def solve_kronecker(terms: Sequence[Term], g: Array, limit: int) -> Array | None:
    """The x with (Σ terms) x = g, or None where the terms are no sum of Kronecker products of that kind.

    Raises
    ------
    UncheckableError
        If the sum is singular to rounding.
    TooLargeError
        If one of the pieces takes more than ``limit`` bytes.
    """
    if not g.ndim:
        return None
    if len(terms) == 1:
        _require_no_vector(terms[0], g.shape)
    found = [_kronecker(term, g.shape, limit) for term in terms]
    products = [product for product in found if product is not None]
    if len(products) < len(found) or len({product.partners for product in products}) != 1:
        return None
    products = _gathered(products)
    axes = np.argsort(products[0].partners)
    if len(products) == 1:
        _require_regular(1.0 if products[0].coefficient else np.inf, g.size)
        solved = g / products[0].coefficient
        for axis, piece in enumerate(products[0].pieces):
            solved = _along(axis, solved, piece)
        return np.asarray(np.transpose(solved, axes))
    found_by_values = _by_eigenvalues(products, g)
    return None if found_by_values is None else np.transpose(found_by_values, axes)


def solve_matrix(matrix: Array, right: Array, size: float) -> Array:
    """Solve a dense system; ``size`` is the norm of the terms that were added up to the matrix.

    Raises
    ------
    UncheckableError
        If the matrix is singular to rounding.
    """
    try:
        inverse = np.linalg.inv(matrix)
    except np.linalg.LinAlgError:
        inverse = np.full_like(matrix, np.inf)
    _require_regular(float(np.linalg.norm(inverse, 1)) * size, len(matrix))
    return np.asarray(np.linalg.solve(matrix, right))


def _require_regular(condition: float, order: int) -> None:
    condition = np.inf if np.isnan(condition) else condition
    if condition > LARGEST_CONDITION:
        raise UncheckableError(
            f"solve found a matrix of order {order} that is singular: its condition number is "
            f"{condition:.1e}, and from {LARGEST_CONDITION:.1e} on no digit of a solution is right. "
            "matvec and diag hold all the same; with a multiple of the identity added, as by a penalty, "
            "there is a solution."
        )


def _require_no_vector(term: Term, shape: tuple[int, ...]) -> None:
    """One product with a vector of its own along an axis has rank 1 there, with ones too."""
    covered = {label for _, own in term.factors for label in own}
    bare = [order for label, order in enumerate(shape * 2) if label not in covered and order > 1]
    if bare:
        _require_regular(np.inf, bare[0])
    for places in connected(term.factors):
        reached = {label for place in places for label in term.factors[place][1] if label < 2 * len(shape)}
        for label in reached if len(reached) == 1 else ():
            if (shape * 2)[label] > 1:
                _require_regular(np.inf, (shape * 2)[label])


def _along(axis: int, right: Array, piece: Piece) -> Array:
    """Solve with one piece along one axis."""
    moved = np.moveaxis(right, axis, 0)
    if piece.rank < 2:
        values = np.broadcast_to(piece.matrix, piece.order)
        _require_regular(_ratio(piece.size, values), piece.order)
        flat = (moved.reshape(piece.order, -1).T / values).T
    else:
        flat = solve_matrix(piece.matrix, moved.reshape(piece.order, -1), piece.size)
    return np.moveaxis(flat.reshape(moved.shape), 0, axis)


def _ratio(size: float, values: Array) -> float:
    smallest = float(np.min(np.abs(values), initial=np.inf))
    return size / smallest if smallest > 0 else np.inf


def _by_eigenvalues(products: Sequence[Kronecker], g: Array) -> Array | None:
    """With the eigenvectors of every axis, if all terms share them."""
    rotated: Array = g
    bases: list[Array | None] = []
    values: list[Array] = [np.asarray(product.coefficient) for product in products]
    for axis, order in enumerate(g.shape):
        found = _spectra([product.pieces[axis] for product in products], order)
        if found is None:
            return None
        spectra, basis = found
        along = [1] * g.ndim
        along[axis] = order
        values = [value * own.reshape(along) for value, own in zip(values, spectra, strict=True)]
        bases.append(basis)
        rotated = rotated if basis is None else _rotated(basis.T, rotated, axis)
    total: Array = sum(values, np.zeros(g.shape))
    size = sum(float(np.max(np.abs(value), initial=0.0)) for value in values)
    _require_regular(_ratio(size, total), g.size)
    solved = rotated / total
    for axis, basis in enumerate(bases):
        solved = solved if basis is None else _rotated(basis, solved, axis)
    return np.asarray(solved)


def _spectra(pieces: Sequence[Piece], order: int) -> tuple[list[Array], Array | None] | None:
    """The eigenvalues of every piece of one axis, and the eigenvectors; None if these are not shared."""
    dense = [piece for piece in pieces if piece.rank == 2]
    if not dense:
        return [np.broadcast_to(piece.matrix, order) for piece in pieces], None
    shared = all(piece.rank == 0 or _same(piece, dense[0]) for piece in pieces)
    if not shared or not _is_symmetric(dense[0].matrix):
        return None
    spectrum, basis = np.linalg.eigh(dense[0].matrix)
    return [spectrum if piece.rank else np.ones(order) for piece in pieces], basis


def _rotated(matrix: Array, array: Array, axis: int) -> Array:
    return np.moveaxis(np.tensordot(matrix, array, (1, axis)), 0, axis)


def _is_symmetric(matrix: Array) -> bool:
    tolerance = 8 * np.finfo(float).eps * float(np.max(np.abs(matrix), initial=0.0))
    return bool(np.allclose(matrix, matrix.T, rtol=0, atol=tolerance))


def _same(one: Piece, two: Piece) -> bool:
    return one.rank == two.rank and (one.matrix is two.matrix or np.array_equal(one.matrix, two.matrix))


def _gathered(products: Sequence[Kronecker]) -> list[Kronecker]:
    """Terms that differ on one axis alone, added there: A ⊗ C + B ⊗ C = (A + B) ⊗ C."""
    done: list[Kronecker] = []
    for product in products:
        for place, other in enumerate(done):
            pairs = zip(product.pieces, other.pieces, strict=True)
            differing = [axis for axis, (one, two) in enumerate(pairs) if not _same(one, two)]
            if len(differing) <= 1:
                done[place] = _added(other, product, differing[0] if differing else 0)
                break
        else:
            done.append(product)
    return done if len(done) == len(products) else _gathered(done)


def _added(one: Kronecker, two: Kronecker, axis: int) -> Kronecker:
    first, second = one.pieces[axis], two.pieces[axis]
    rank = max(first.rank, second.rank)
    matrix = one.coefficient * _as_rank(first, rank) + two.coefficient * _as_rank(second, rank)
    size = abs(one.coefficient) * first.size + abs(two.coefficient) * second.size
    pieces = (*one.pieces[:axis], Piece(first.order, matrix, size), *one.pieces[axis + 1 :])
    return Kronecker(1.0, one.partners, pieces)


def _as_rank(piece: Piece, rank: int) -> Array:
    if piece.rank < rank == 2:
        return np.diag(np.broadcast_to(piece.matrix, piece.order))
    return piece.matrix


def _kronecker(term: Term, shape: tuple[int, ...], limit: int) -> Kronecker | None:
    """The term as one product over pairs of an axis and an axis of the variable."""
    rank = len(shape)
    sizes = dict(enumerate(shape * 2))
    found = _by_axes(term, rank)
    if found is None:
        return None
    coefficient, parts = found
    pairs = [(min(labels), max(labels)) for labels in parts if len(labels) == 2]
    pairs += _left_over(shape, {label for pair in pairs for label in pair})
    if len(pairs) < rank or any(sizes[a] != sizes[b] for a, b in pairs):
        return None
    pairs.sort()
    pieces = []
    for pair in pairs:
        single = [factor for label in pair for factor in parts.get(frozenset({label}), ())]
        pieces.append(_piece((*parts.get(frozenset(pair), ()), *single), pair, sizes, limit))
    return Kronecker(coefficient, tuple(b - rank for _, b in pairs), tuple(pieces))


def _by_axes(term: Term, rank: int) -> tuple[float, dict[frozenset[int], list[Factor]]] | None:
    """The number, and the factors of every axis and of every pair of an axis and one of the variable.

    None where factors that hang together reach other axes.
    """
    coefficient, parts = term.coefficient, dict[frozenset[int], list[Factor]]()
    for places in connected(term.factors):
        own = [term.factors[place] for place in places]
        reached = frozenset(label for _, labels in own for label in labels if label < 2 * rank)
        if not reached:
            coefficient *= float(Term(1.0, tuple(own), ()).contracted((), {}).real)
        elif len(reached) == 1 or (len(reached) == 2 and min(reached) < rank <= max(reached)):
            parts.setdefault(reached, []).extend(own)
        else:
            return None
    return coefficient, parts


def _left_over(shape: tuple[int, ...], used: set[int]) -> list[tuple[int, int]]:
    """Pairs of axes that only vectors reach: each with its own twin, else with one of its size."""
    rank, pairs = len(shape), []
    columns = [rank + axis for axis in range(rank) if rank + axis not in used]
    for axis in range(rank):
        fitting = [column for column in columns if shape[column - rank] == shape[axis]]
        if axis not in used and fitting:
            twin = rank + axis if rank + axis in fitting else fitting[0]
            columns.remove(twin)
            pairs.append((axis, twin))
    return pairs


def _piece(factors: Sequence[Factor], pair: tuple[int, int], sizes: dict[int, int], limit: int) -> Piece:
    """The matrix that some factors are over a pair of axes; an identity and a diagonal are not filled."""
    order = sizes[pair[0]]
    kept = [(factor, own) for factor, own in factors if not isinstance(factor, int) or set(own) != set(pair)]
    if factors and not kept:
        return Piece(order, np.asarray(1.0), 1.0)
    if len(kept) < len(factors):
        diagonal = Term(1.0, tuple(kept), ()).renamed({pair[1]: pair[0]}).contracted(pair[:1], sizes)
        return Piece(order, diagonal, float(np.max(np.abs(diagonal), initial=0.0)))
    if 8 * order * order > limit:
        raise TooLargeError(
            f"solve needs a matrix of {order:,} by {order:,}, {8 * order * order:,} bytes, more than "
            f"{limit:,}; matvec and diag do without."
        )
    matrix = Term(1.0, tuple(factors), ()).contracted(pair, sizes)
    return Piece(order, matrix, float(np.linalg.norm(matrix, 1)))
