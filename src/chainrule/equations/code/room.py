"""The bytes of the arrays that compiled code makes, known from the shapes of its inputs before it runs.

Only what can be larger than every input is counted. Of single arrays, only what nothing else contains:
``u[:, None] * v`` and whatever is then done with it entry by entry are one. Of all together, those that have
names, which a function holds until it returns. Most code makes no such array, or one or two; a call with the
shapes of the last one is not counted again.
"""

import ast
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import reduce
from typing import Any, NamedTuple, SupportsIndex

from chainrule.arrays import np
from chainrule.equations.code.code_facts import Dims, Statement, Variable, called, dims_of, operands, reads
from chainrule.equations.language.tree import Size, size_factors, size_product, size_value
from chainrule.errors import TooLargeError

# Of a number of the widest type, complex128.
WIDEST = 16
# All arrays that are held together may take so many times what one may: forty of nearly 2 GiB are 76 GiB.
TOGETHER = 8
# Of the code of an array in a message.
MOST_CHARACTERS = 60
# What would be right instead of a large array: of a Hessian, of a Jacobian, and of any other.
HESSIAN = "compile_product multiplies a Hessian by a direction without it"
JACOBIAN = "the gradient of a scalar v.T @ f is the product of a vector with the Jacobian of f, without it"
OTHER = (
    "give fewer examples at a time, or write the formula so that it is not built, as x * (x.T @ v) for "
    "(x @ x.T) @ v"
)


class Made(NamedTuple):
    """An array that code makes: its axes, its code, which output it is, if any, and what is right instead.

    ``held`` says how many arrays with these axes have names.
    """

    dims: Dims
    code: str = ""
    output: int | None = None
    advice: str = OTHER
    held: int = 0


def made_by(
    statements: Iterable[Statement],
    lines: Iterable[str],
    known: Mapping[str, Variable],
    dims: Mapping[str, Dims],
    sizes: Mapping[str, Size],
) -> list[Made]:
    """The arrays that statements make, where their axes are known.

    Parameters
    ----------
    statements : iterable of Statement
        And results, without names.
    lines : iterable of str
        The assignments as they run, in place.
    known : mapping of str to Variable
        The inputs.
    dims : mapping of str to tuple of size
        Axes of the assigned names.
    sizes : mapping of str to size
        What the variables of lengths stand for.
    """
    facts = {**known, **{name: Variable(axes) for name, axes in dims.items()}}
    found: dict[Dims, ast.expr] = {}
    for statement in statements:
        if len(statement.names) == 1:
            (name,) = statement.names
            facts.setdefault(name, Variable(dims_of(statement.tree, facts)))
            found.setdefault(facts[name].dims or (), statement.tree)
        for code, axes in _parts(statement.tree, facts):
            found.setdefault(axes, code)
    held = Counter(facts[name].dims for name in _names_of_new(lines) if name in facts)
    shapes = [tuple(_length(str(size), sizes) for size in axes) for axes in found]
    return [
        Made(shape, ast.unparse(code), held=held[axes])
        for shape, (axes, code) in zip(shapes, found.items(), strict=True)
    ]


def _names_of_new(lines: Iterable[str]) -> Iterator[str]:
    """The names of the arrays that lines allocate: not of what is written into another, nor of a view."""
    for statement in ast.parse("\n".join(lines)).body:
        if isinstance(statement, ast.Assign) and _allocates(statement.value):
            yield from reads(statement.targets[0])


def _allocates(code: ast.expr) -> bool:
    match code:
        case ast.Subscript(value=inner) | ast.Attribute(value=inner):
            return _allocates(inner)
        case ast.Call(func=ast.Attribute(value=inner, attr="transpose")):
            return _allocates(inner)
        case ast.Call(func=function, args=arguments, keywords=keywords):
            if called(function) == "np.reshape":
                return _allocates(arguments[0])
            return all(word.arg != "out" for word in keywords)
    return isinstance(code, ast.BinOp | ast.UnaryOp)


def _parts(code: ast.expr, known: Mapping[str, Variable]) -> Iterator[tuple[ast.expr, Dims]]:
    """The arrays that an expression makes; not those that one of them is as large as, entry by entry."""
    stack = [(code, False)]
    while stack:
        part, inside = stack.pop()
        entrywise = isinstance(part, ast.BinOp) and not isinstance(part.op, ast.MatMult)
        if isinstance(part, ast.BinOp | ast.Call) and not (inside and entrywise):
            axes = _axes(part, known)
            if axes:
                yield part, axes
            inside = entrywise and axes is not None
        elif isinstance(part, ast.Attribute | ast.Subscript):
            inside = False
        stack += [(operand, inside) for operand in operands(part)]


def _axes(code: ast.BinOp | ast.Call, known: Mapping[str, Variable]) -> Dims | None:
    """The axes of what an expression makes; None where they are not known."""
    if isinstance(code, ast.Call) and code.args and called(code.func) in _MADE:
        return _MADE[called(code.func)](code.args, known)
    return dims_of(code, known)


def _written(shape: ast.expr) -> Dims:
    return tuple(ast.unparse(part) for part in getattr(shape, "elts", ()))


def _multiplied(arguments: list[ast.expr], known: Mapping[str, Variable]) -> Dims | None:
    one, two = (dims_of(argument, known) for argument in arguments[:2])
    return one and two and tuple(map(size_product, one, two))


# What a function makes, beside those whose parts the loop over examples may compute.
_MADE: dict[str, Callable[[list[ast.expr], Mapping[str, Variable]], Dims | None]] = {
    **dict.fromkeys(("np.ones", "np.zeros", "np.full"), lambda arguments, known: _written(arguments[0])),
    "np.reshape": lambda arguments, known: _written(arguments[1]),
    "np.arange": lambda arguments, known: (ast.unparse(arguments[0]),),
    **dict.fromkeys(
        ("np.linalg.inv", "_adjugate", "_attains", "_plus"),
        lambda arguments, known: dims_of(arguments[0], known),
    ),
    **dict.fromkeys(
        ("_less", "_less_equal", "_equal", "_not_equal"),
        lambda arguments, known: dims_of(ast.BinOp(arguments[0], ast.Add(), arguments[1]), known),
    ),
    "np.kron": _multiplied,
}


def _length(text: str, sizes: Mapping[str, Size]) -> Size:
    """The size that the code of a length stands for: m * p of variables is one."""
    parts = [part.strip(" ()") for part in text.split("*")]
    return reduce(size_product, (int(part) if part.isdecimal() else sizes.get(part, part) for part in parts))


class Room:
    """What a function may need more room for than for its inputs.

    Parameters
    ----------
    arrays : sequence of Made
        What it makes, the most telling first.
    inputs : sequence of tuple of size
        Axes of its inputs.
    hidden : sequence of str
        The sizes that it takes after them.
    """

    def __init__(self, arrays: Sequence[Made], inputs: Sequence[Dims], hidden: Sequence[str]) -> None:
        self._axis: dict[str, tuple[int, int]] = {}
        for place, dims in enumerate(inputs):
            for axis, size in enumerate(dims):
                if isinstance(size, str) and "*" not in size:
                    self._axis.setdefault(size, (place, axis))
        self._hidden = {size: len(inputs) + place for place, size in enumerate(hidden)}
        known = self._axis.keys() | self._hidden.keys()
        counted = [made for made in arrays if made.dims and _volume(made.dims)[0].keys() <= known]
        self.arrays = list(_largest(counted, inputs))
        self._held = [made for made in counted if made.held and _outgrows(made.dims, inputs)]
        used = {size for made in self.arrays for size in _volume(made.dims)[0]}
        self._shown = sorted({self._axis[size][0] for size in used if size in self._axis})
        self._said = sorted(self._hidden[size] for size in used if size not in self._axis)
        # Replaced as one, since calls may come from several threads.
        self._last: tuple[tuple[Any, ...], int] | None = None

    def require(self, given: Sequence[Any], limit: int, outputs: Sequence[str], more: str = "") -> None:
        """Refuse a call before it makes an array of more than ``limit`` bytes; ``more`` says what allows it.

        Raises
        ------
        TooLargeError
            With its code or name, its shape and its bytes, or those of all together.
        """
        if not self.arrays:
            return
        try:
            shapes: tuple[Any, ...] = tuple([given[place].shape for place in self._shown])
        except AttributeError:  # lists and numbers
            shapes = tuple(np.shape(given[place]) for place in self._shown)
        if self._said:
            shapes += tuple(given[place] for place in self._said)
            if not all(isinstance(size, SupportsIndex) for size in shapes[len(self._shown) :]):
                return  # no size at all, which the function says itself
        last = self._last
        if last is None or last[0] != shapes:
            largest = max(math.prod(shape) for _, shape in self._filled(self.arrays, shapes))
            last = self._last = shapes, max(largest, -(-self._together(shapes) // TOGETHER))
        if last[1] * WIDEST > limit:
            self._refuse(shapes, _bytes_each(given), limit, outputs, more)

    def _together(self, shapes: tuple[Any, ...]) -> int:
        """The entries of all arrays that have names."""
        return sum(made.held * math.prod(shape) for made, shape in self._filled(self._held, shapes))

    def _filled(
        self, arrays: Iterable[Made], shapes: tuple[Any, ...]
    ) -> Iterator[tuple[Made, tuple[int, ...]]]:
        """Arrays with their shapes; inputs of other ranks than declared are the function's to refuse."""
        place_of = {place: number for number, place in enumerate((*self._shown, *self._said))}
        sizes: dict[str, int] = {}
        for size, (place, axis) in self._axis.items():
            shape = shapes[place_of[place]] if place in place_of else ()
            sizes[size] = shape[axis] if axis < len(shape) else 0
        sizes.update(
            {size: shapes[place_of[place]] for size, place in self._hidden.items() if place in place_of}
        )
        for made in arrays:
            yield made, tuple(size_value(size, sizes) for size in made.dims)

    def _refuse(
        self, shapes: tuple[Any, ...], each: int, limit: int, outputs: Sequence[str], more: str
    ) -> None:
        for made, shape in self._filled(self.arrays, shapes):
            if (needed := math.prod(shape) * each) <= limit:
                continue
            name = _shortened(made.code) if made.output is None else outputs[made.output]
            way = f", on the way to {', '.join(outputs)}," if made.output is None else ""
            raise TooLargeError(
                f"{name}{way} of shape {shape} takes {needed:,} bytes, more than {limit:,}; "
                f"{made.advice}{more}."
            )
        if (needed := self._together(shapes) * each) > TOGETHER * limit:
            number = sum(made.held for made in self._held)
            largest = max((shape for _, shape in self._filled(self._held, shapes)), key=math.prod)
            raise TooLargeError(
                f"{number:,} arrays on the way to {', '.join(outputs)}, the largest of shape {largest}, take "
                f"{needed:,} bytes together, more than {TOGETHER * limit:,}; {OTHER}{more}."
            )


def _volume(dims: Dims) -> tuple[Counter[str], int]:
    """The names in a shape with their powers, and the product of its numbers."""
    factors = [factor for size in dims for factor in size_factors(size)]
    names = Counter(factor for factor in factors if isinstance(factor, str))
    return names, math.prod(factor for factor in factors if isinstance(factor, int))


def _outgrows(dims: Dims, inputs: Iterable[Dims]) -> bool:
    """Whether an array with these axes can be larger than every input."""
    names, number = _volume(dims)
    volumes = map(_volume, set(inputs))
    return not any(number <= most and names <= larger for larger, most in volumes)


def _largest(arrays: Sequence[Made], inputs: Sequence[Dims]) -> Iterator[Made]:
    """The arrays that are not contained in an input, an earlier array, or a later one that is larger."""
    plain = set(inputs)
    arrays = [made for made in dict.fromkeys(arrays) if made.dims not in plain]
    volumes = [_volume(dims) for dims in (*plain, *(made.dims for made in arrays))]
    with_name: dict[str, list[int]] = {}
    for place, (names, _) in enumerate(volumes):
        for name in names:
            with_name.setdefault(name, []).append(place)
    for place, made in enumerate(arrays, start=len(plain)):
        names, number = volume = volumes[place]
        # Of layers with sizes of their own only a few are looked at.
        near = min((with_name[name] for name in names), key=len, default=range(len(volumes)))
        if not any(
            number <= volumes[other][1] and names <= volumes[other][0]
            for other in near
            if other < place or volumes[other] != volume
        ):
            yield made


def _shortened(code: str) -> str:
    return code if len(code) <= MOST_CHARACTERS else f"{code[: MOST_CHARACTERS - 4]} ..."


def _bytes_each(values: Sequence[Any]) -> int:
    """Bytes of a number of the floating type that the values share; 8 where none says."""
    types = [value.dtype for value in values if hasattr(value, "dtype") and not isinstance(value, float)]
    return max((kind.itemsize for kind in types if getattr(kind, "kind", "") in ("f", "c")), default=8)
