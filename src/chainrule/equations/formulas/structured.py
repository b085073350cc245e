"""Jacobian tensors and Hessian blocks as sums of products, never written out unless asked.

A block such as 2 δ[i,k] (VᵀV)[j,l] is held as its factors: the identity as a size, VᵀV as V twice;
diag(p) - p pᵀ is held as p. Products with it, its diagonal and, where it is a Kronecker product, its
inverse need no more.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from chainrule.arrays import Array, ArrayLike, np
from chainrule.equations.calculus.naming import Line
from chainrule.equations.calculus.second import Second
from chainrule.equations.formulas.factored import Factored, Term, written_out
from chainrule.equations.formulas.line_names import unicode_line
from chainrule.equations.formulas.solving import solve_kronecker, solve_matrix
from chainrule.equations.language.given import as_array, check_domain, learn_sizes
from chainrule.equations.language.tree import walk
from chainrule.equations.nodes.connected import connected
from chainrule.equations.nodes.nodes import (
    Node,
    coefficient_terms,
    factors_of,
    is_identity,
    is_sum,
    relabelled,
)
from chainrule.equations.nodes.program import Cotangent, Program, symbols_of
from chainrule.errors import DataError, OptionError, ShapeError, TooLargeError

DEFAULT_LIMIT = 2 * 1024**3


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
    cores: tuple[tuple[tuple[Term, ...], tuple[int, ...]], ...]

    @property
    def core(self) -> Array | tuple[Array, ...]:
        """What the pattern places: its factors that are neither identities nor vectors of an outer product.

        Of 2 δ[i,k] (VᵀV)[j,l] it is VᵀV, of M ⊗ x xᵀ it is M, in the order of axes in which the pattern
        writes it and without the number in front. Several such factors, or several terms, are a tuple, one
        array each in the order of the pattern; a diagonal is its vector, and a term that is identities and
        vectors alone is the number in front of it.

        Raises
        ------
        TooLargeError
            If a core takes more than 2 GiB.

        Examples
        --------
        >>> from chainrule.equations import Equations
        >>> model = Equations("T: R[n, m]; parameters U: R[n, k]; V: R[m, k]; E = normF(T - U @ V.T)**2")
        >>> T, U, V = np.zeros((3, 2)), np.ones((3, 1)), np.array([[1.0], [2.0]])
        >>> block = model.derive("E", "U", order=2).structured({"T": T, "U": U, "V": V})
        >>> block.pattern, block.core
        ('2 δ[i,k] (Vᵀ V)[j,l]', array([[5.]]))
        """
        for _, shape in self.cores:
            if 8 * math.prod(shape) > DEFAULT_LIMIT:
                raise TooLargeError(
                    f"A core of shape {shape} takes {8 * math.prod(shape):,} bytes, more than "
                    f"{DEFAULT_LIMIT:,}; matvec and diag work with the {self.nbytes:,} bytes that are held."
                )
        arrays = tuple(written_out(terms, shape) for terms, shape in self.cores)
        return arrays[0] if len(arrays) == 1 else arrays

    @property
    def nbytes_dense(self) -> int:
        """Bytes of the dense array, float64."""
        return 8 * math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes that are held."""
        arrays = {id(f): f for term in self.terms for f, _ in term.factors if not isinstance(f, int)}
        return sum(array.nbytes for array in arrays.values())

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
        return written_out(self.terms, self.shape)

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
        factor = direction, tuple(range(self.rank, len(self.shape)))
        own = [replace(term, factors=(*term.factors, factor)) for term in self.terms]
        return self._over_its_axes(own)

    def diag(self) -> Array:
        """The diagonal of a square derivative, in the shape of the variable.

        Raises
        ------
        ShapeError
            If the derivative is not square.
        """
        self._square("diagonal")
        twins = {self.rank + axis: axis for axis in range(self.rank)}
        return self._over_its_axes([term.renamed(twins) for term in self.terms])

    def solve(self, g: ArrayLike, limit: int = DEFAULT_LIMIT) -> Array:
        """The x with (this) x = g, in the variable's shape.

        One Kronecker product of square pieces is solved piece by piece, a sum of them by eigenvectors where
        the terms share these (H + λ I); anything else as a dense system.

        Raises
        ------
        ShapeError
            If the derivative is not square or g has another shape.
        TooLargeError
            If a dense system would be needed and takes more than ``limit`` bytes.
        UncheckableError
            If the matrix, or one of its pieces, is singular to rounding; the message gives its condition
            number.
        """
        self._square("inverse")
        right = np.asarray(g)
        if right.shape != self.shape[: self.rank]:
            raise ShapeError(f"g has shape {right.shape}; expected {self.shape[: self.rank]}.")
        solved = solve_kronecker(self.terms, right, limit)
        if solved is not None:
            return solved
        count = math.prod(right.shape)
        flat = self.dense(limit).reshape(count, count)
        size = written_out(self.terms, self.shape, magnitude=True).reshape(count, count)
        return solve_matrix(flat, right.ravel(), float(np.linalg.norm(size, 1))).reshape(right.shape)

    def latex(self) -> str:
        """The formula in LaTeX."""
        return self.latex_source

    def _over_its_axes(self, terms: Sequence[Term]) -> Array:
        """What is left of some terms along the axes of the quantity."""
        axes = tuple(range(self.rank))
        return written_out([replace(term, out=axes) for term in terms], self.shape[: self.rank])

    def _square(self, what: str) -> None:
        if self.shape[: self.rank] != self.shape[self.rank :]:
            raise ShapeError(f"A derivative of shape {self.shape} has no {what}: it is not square.")

    def __repr__(self) -> str:
        return f"<Structured {self.shape}, {self.nbytes:,} of {self.nbytes_dense:,} bytes: {self.pattern}>"


def block_place(lines: Sequence[Line], of: str, block: str | tuple[str, str] | None) -> int:
    """Which of some lines a caller means: a pair of names, one name, or what is left of the equals sign.

    Raises
    ------
    OptionError
        If no such line is a Jacobian or a block of a Hessian; the message lists those that are.
    """
    held = {n: line.symbol.data for n, line in enumerate(lines)}
    held = {n: data for n, data in held.items() if isinstance(data, Cotangent | Second) and data.of == of}
    if block is None:
        if len(lines) - 1 in held:
            return len(lines) - 1
        raise OptionError("structured works on Jacobians and Hessian blocks in gradient layout.")
    pair = (block, block) if isinstance(block, str) else tuple(block)
    for n, data in reversed(held.items()):
        if _names_of(data) == pair or unicode_line(data) == block:
            return n
    there = ", ".join(map(unicode_line, held.values()))
    turned = next((pair[::-1] for data in held.values() if _names_of(data) == pair[::-1]), None)
    hint = f" It is the transpose of block={turned!r}." if turned else ""
    raise OptionError(f"There is no line for block={block!r}; there are {there or 'none'}.{hint}")


def _names_of(data: Cotangent | Second) -> tuple[str, str]:
    """The names by which a line is differentiated: for a first derivative one, twice."""
    return (data.wrt, data.then) if isinstance(data, Second) else (data.wrt, data.wrt)


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
        If a value is missing or unknown, or a matrix that is inverted is singular.
    ShapeError
        If a shape does not fit.
    OptionError
        If the line is the block of one example.
    """
    last = lines[-1]
    bodies = {line.symbol: line.expression for line in lines[:-1]}
    # Every symbol that the line rests on, through the lines before it.
    mentioned = [*walk(symbols_of(last.expression), lambda symbol: symbols_of(bodies.get(symbol, symbol)))]
    known, lengths = _given(program, mentioned, values, sizes)
    held = Factored(known, program.definitions | bodies, lengths)
    data = last.symbol.data
    whole = (data.wrt, data.then) if isinstance(data, Second) else (data.of, data.wrt)
    if last.symbol.dims != sum((program.symbols[name].dims for name in whole), ()):
        raise OptionError(
            f"{unicode_line(data)} is written for one example here, as a step towards the others; "
            f"derive by {data.wrt} alone to have it over all of them."
        )
    rank = len(program.symbols[data.wrt if isinstance(data, Second) else data.of].dims)
    terms: list[Term] = []
    cores: list[tuple[tuple[Term, ...], tuple[int, ...]]] = []
    try:
        for coefficient, factors in _summands(last.expression):
            for arg, _ in factors:
                held.terms(arg)
            terms += held.multiplied(factors, range(len(last.symbol.dims)), coefficient)
            cores += _cores(held, factors, len(last.symbol.dims), coefficient)
    except np.linalg.LinAlgError as error:
        raise DataError(
            f"{unicode_line(data)} has no value here: a matrix that is inverted in it is singular."
        ) from error
    return Structured(held.shape(last.symbol), rank, *written, tuple(terms), tuple(cores))


def _summands(node: Node) -> Iterator[tuple[float, list[tuple[Node, tuple[int, ...]]]]]:
    """The terms as a coefficient and factors, with a label per axis; those of the result are 0, 1, ..."""
    for coefficient, term in coefficient_terms(node):
        (first, labels), *others = factors_of(term)
        if not others and first is not term and is_sum(first) and sorted(labels) == list(term.axes):
            # A transposed sum, such as that of diag(p) - p pᵀ.
            rank = len(labels)
            for inner, factors in _summands(first):
                names = [*labels, *range(rank, rank + sum(len(own) for _, own in factors))]
                renamed = [(arg, tuple(names[label] for label in own)) for arg, own in factors]
                yield float(coefficient) * inner, renamed
        else:
            yield float(coefficient), factors_of(term)


def _cores(
    held: Factored, factors: Sequence[tuple[Node, tuple[int, ...]]], rank: int, coefficient: float
) -> list[tuple[tuple[Term, ...], tuple[int, ...]]]:
    """What some factors hold besides identities and vectors that stand alone; else the number before them."""
    cores, number = [], coefficient
    for places in connected(factors):
        own, is_diagonal = _without_identities([factors[place] for place in places], rank)
        out = sorted({label for _, labels in own for label in labels if label < rank})
        if not out:
            number *= float(written_out(held.multiplied(own, ()), ()).real)
        elif len(out) > 1 or is_diagonal:
            # A factor alone keeps the order of its axes.
            alone = own[0][1] if len(own) == 1 and set(own[0][1]) == set(out) else out
            kept = tuple(dict.fromkeys(alone))
            sizes = {
                label: size
                for node, labels in own
                for label, size in zip(labels, held.shape(node), strict=True)
            }
            cores.append((held.multiplied(own, kept), tuple(sizes[label] for label in kept)))
    return cores or [((Term(number, (), ()),), ())]


def _without_identities(
    factors: list[tuple[Node, tuple[int, ...]]], rank: int
) -> tuple[list[tuple[Node, tuple[int, ...]]], bool]:
    """The factors without the identities between axes of the result, and whether there were any."""
    identities = [labels for node, labels in factors if is_identity(node) and max(labels) < rank]
    own = [(node, labels) for node, labels in factors if not is_identity(node) or max(labels) >= rank]
    for first, second in identities:
        own = relabelled(own, {second: first})
    return own, bool(identities)


def _given(
    program: Program, symbols: Sequence[Node], values: Mapping[str, ArrayLike], sizes: Mapping[str, int]
) -> tuple[dict[Node, Array], dict[str, int]]:
    """Values by symbol and the sizes they show, checked against the declarations."""
    _require_names(
        program, {program.name_of[symbol] for symbol in symbols if symbol in program.name_of}, values
    )
    if wrong := [name for name, value in values.items() if np.iscomplexobj(value)]:
        raise DataError(
            f"The factors of a derivative are held for real values; {', '.join(wrong)} is complex."
        )
    declared = program.declarations
    arrays = {name: as_array(name, value, declared[name].domain) for name, value in values.items()}
    lengths = dict(sizes)
    learn_sizes(arrays, {name: program.symbols[name].dims for name in arrays}, lengths)
    for name, array in arrays.items():
        check_domain(declared[name], array, lengths)
    return {program.symbols[name]: array for name, array in arrays.items()}, lengths


def _require_names(program: Program, mentioned: set[str], values: Mapping[str, ArrayLike]) -> None:
    """Values of all declared names that some names rest on, and of no others."""
    needed = [name for name in program.ancestors(mentioned) if name in program.declarations]
    missing = [name for name in program.declarations if name in needed and name not in values]
    unknown = [name for name in values if name not in program.declarations]
    if missing or unknown:
        words = (("missing", missing), ("not declared", unknown))
        found = "; ".join(f"{word}: {', '.join(names)}" for word, names in words if names)
        raise DataError(f"The derivative needs values of {', '.join(sorted(needed)) or 'nothing'}; {found}.")
