"""The functions of the language: how many arguments, which shape results, and what they mean literally.

One table, `FUNCTIONS`. A rule gives the type of a call or raises a `SheetShapeError` without a place, which
the reader adds. A kernel is the plain NumPy meaning, complex-safe: it decides by real parts and conjugates
nothing, so that a complex step passes through it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any, Literal, TypeAlias

from chainrule import gamma
from chainrule.arrays import Array, np, numpy_function, unit_rows
from chainrule.equations.language.operations import Argument, elementwise_type
from chainrule.equations.language.tree import Size, Type, size_product
from chainrule.errors import SheetShapeError
from chainrule.special import (
    abs_,
    elu,
    erf,
    gelu,
    leaky_relu,
    log1p,
    log_normal_cdf,
    log_sigmoid,
    log_softmax,
    logsumexp,
    norm,
    normal_cdf,
    relu,
    sigmoid,
    sign,
    silu,
    softmax,
    softplus,
    step,
    tanh,
)

Rule: TypeAlias = Callable[[tuple[Argument, ...], "int | None"], Type]
Axes: TypeAlias = "tuple[Size, ...]"
Kernel: TypeAlias = Callable[[tuple[Array, ...], "int | None", tuple[int, ...]], Any]


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the language.

    Attributes
    ----------
    name : str
    arity : tuple of int
        The numbers of arguments it takes.
    rule : callable
        (arguments, axis) -> `Type`; ``axis`` is counted from 0, or None if none was written.
    kernel : callable
        (arrays, axis, sizes) -> array; ``sizes`` are the values of the call's sizes.
    elementwise : bool
        One argument, worked on entry by entry.
    axis : {"none", "optional", "required"}
        Whether ``axis=`` may stand in a call; "required" means on matrices, where the axis must be said.
    takes : tuple of str
        What the arguments are that are no values, in order: a "size", as in ``eye(n)``, a "label", an "order"
        or a "condition". A rule sees a size as an axis, and a label as its unit vector.
    open : bool
        A sheet may define a function of this name, which wins.
    """

    name: str
    arity: tuple[int, ...]
    rule: Rule
    kernel: Kernel
    elementwise: bool = False
    axis: Literal["none", "optional", "required"] = "none"
    takes: tuple[str, ...] = ()
    open: bool = False


# rules


def _fails(args: tuple[Argument, ...], need: str) -> SheetShapeError:
    return SheetShapeError(f"{need}; here {' and '.join(str(arg) for arg in args)}.")


def _same(args: tuple[Argument, ...], axis: int | None) -> Type:
    return args[-1].type  # the order of polygamma is a number of the call


def _needing(need: str, holds: Callable[..., bool], result: Callable[..., Axes] = lambda *axes: ()) -> Rule:
    """The rule of a function that needs certain axes of its arguments, and what axes it then gives."""

    def rule(args: tuple[Argument, ...], axis: int | None) -> Type:
        axes = [arg.type.axes for arg in args]
        if not holds(*axes):
            raise _fails(args, need)
        return Type(result(*axes))

    return rule


def _is_square(axes: Axes) -> bool:
    return len(axes) == 2 and axes[0] == axes[1]


def _are_vectors(*args: Axes) -> bool:
    return all(len(axes) == 1 for axes in args)


def _joined(args: tuple[Argument, ...], axis: int | None) -> Type:
    """Type of what has the axes of all arguments."""
    return Type(tuple(size for arg in args for size in arg.type.axes))


def _extreme(name: str) -> Rule:
    along = _axis_needed(name, False)

    def rule(args: tuple[Argument, ...], axis: int | None) -> Type:
        if len(args) == 1:
            return along(args, axis)
        if axis is not None:
            raise _fails(args, f"{name} of two works entry by entry, without axis=")
        return elementwise_type(args[0], args[1], name)

    return rule


def _where(args: tuple[Argument, ...], axis: int | None) -> Type:
    return reduce(lambda a, b: Argument(elementwise_type(a, b, "where"), a.text), args).type


def _comparison(op: str) -> Rule:
    return lambda args, axis: elementwise_type(args[0], args[1], op)


def _dropped(args: tuple[Argument, ...], axis: int | None) -> Type:
    """Type of what is summed over one axis or over all."""
    if axis is None:
        return Type()
    return Type(tuple(size for i, size in enumerate(args[0].type.axes) if i != axis))


def _axis_needed(name: str, keeps: bool) -> Rule:
    def rule(args: tuple[Argument, ...], axis: int | None) -> Type:
        (arg,) = args
        if not arg.type.axes:
            raise _fails(args, f"{name} needs a vector or a matrix")
        if len(arg.type.axes) > 1 and axis is None:
            raise SheetShapeError(
                f"{name}({arg.text}): {arg}; say along which axis: {name}({arg.text}, axis=1) for each row, "
                "axis=0 for each column."
            )
        return arg.type if keeps else _dropped(args, 0 if axis is None else axis)

    return rule


def _inverse(args: tuple[Argument, ...], axis: int | None) -> Type:
    advice = "" if args[0].type.axes else "; write 1 / x for a number"
    return _needing(f"inv needs a square matrix{advice}", _is_square, lambda axes: axes)(args, axis)


def _kron(args: tuple[Argument, ...], axis: int | None) -> Type:
    a, b = args[0].type, args[1].type
    if len(a.axes) != len(b.axes) or len(a.axes) not in (1, 2) or a.row != b.row:
        raise _fails(args, "kron needs two matrices, two columns or two rows")
    return Type(tuple(size_product(m, n) for m, n in zip(a.axes, b.axes, strict=True)), a.row)


# kernels


def _plain(function: Callable[..., Any]) -> Kernel:
    return lambda args, axis, sizes: function(*args)


def _along(function: Callable[..., Any]) -> Kernel:
    return lambda args, axis, sizes: function(args[0], axis=axis)


def extreme_at(place: Callable[..., Any], values: Array, axis: int) -> Array:
    """Where ``np.argmax`` or ``np.argmin`` finds an entry; of decimals, too, the first that is no number."""
    unknown = values != values
    return np.asarray(np.where(unknown.any(axis), unknown.argmax(axis), place(values, axis=axis)))


def _attained(array: Array, places: Any, axis: int) -> Any:
    """The entries at some places along an axis."""
    return np.take_along_axis(array, np.expand_dims(places, axis), axis).squeeze(axis)


def _extreme_of(place: Callable[..., Any], goes_first: Callable[..., Any]) -> Kernel:
    def kernel(args: tuple[Array, ...], axis: int | None, sizes: tuple[int, ...]) -> Any:
        if len(args) == 1 and axis is not None:
            return _attained(args[0], extreme_at(place, args[0].real, axis), axis)
        return np.where(goes_first(args[0].real, args[1].real), *args)

    return kernel


def _logdet(matrix: Array) -> Any:
    """Log |det|, analytic: of a complex matrix the phase of ±det, whichever has a positive real part."""
    sign, magnitude = np.linalg.slogdet(matrix)
    return magnitude + np.log(sign * np.sign(sign.real)) if np.iscomplexobj(matrix) else magnitude


def _compared(function: Callable[..., Any]) -> Kernel:
    return lambda args, axis, sizes: function(args[0].real, args[1].real).astype(float)


_LARGER = _extreme_of(numpy_function("argmax"), numpy_function("greater_equal"))
_SMALLER = _extreme_of(numpy_function("argmin"), numpy_function("less_equal"))
_ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "exp": numpy_function("exp"),
    "log": numpy_function("log"),
    "sqrt": numpy_function("sqrt"),
    "abs": abs_,
    "sign": sign,
    "step": step,
    "relu": relu,
    "leaky_relu": leaky_relu,
    "elu": elu,
    "gelu": gelu,
    "silu": silu,
    "softplus": softplus,
    "sigmoid": sigmoid,
    "log_sigmoid": log_sigmoid,
    "tanh": tanh,
    "sin": numpy_function("sin"),
    "cos": numpy_function("cos"),
    "erf": erf,
}
# Names that sheets have long given to functions of their own.
_OPEN: dict[str, Callable[..., Any]] = {
    "tan": numpy_function("tan"),
    "arcsin": numpy_function("arcsin"),
    "arccos": numpy_function("arccos"),
    "arctan": numpy_function("arctan"),
    "sinh": numpy_function("sinh"),
    "cosh": numpy_function("cosh"),
    "expm1": numpy_function("expm1"),
    "log1p": log1p,
    "normal_cdf": normal_cdf,
    "log_normal_cdf": log_normal_cdf,
    "gammaln": gamma.gammaln,
    "digamma": partial(gamma.polygamma, 0),
}
FUNCTIONS: dict[str, Function] = {
    function.name: function
    for function in (
        *(Function(name, (1,), _same, _plain(f), elementwise=True) for name, f in _ELEMENTWISE.items()),
        *(Function(name, (1,), _same, _plain(f), elementwise=True, open=True) for name, f in _OPEN.items()),
        Function(
            "polygamma",
            (2,),
            _same,
            lambda args, axis, sizes: gamma.polygamma(sizes[0], args[0]),
            takes=("order",),
            open=True,
        ),
        Function("max", (1, 2), _extreme("max"), _LARGER, axis="required"),
        Function("min", (1, 2), _extreme("min"), _SMALLER, axis="required"),
        Function(
            "where",
            (3,),
            _where,
            _plain(lambda c, a, b: np.where(c.real != 0, a, b)),
            takes=("condition",),
        ),
        Function("softmax", (1,), _axis_needed("softmax", True), _along(softmax), axis="required"),
        Function(
            "log_softmax",
            (1,),
            _axis_needed("log_softmax", True),
            _along(log_softmax),
            axis="required",
        ),
        Function("logsumexp", (1,), _axis_needed("logsumexp", False), _along(logsumexp), axis="required"),
        Function("sum", (1,), _dropped, _along(numpy_function("sum")), axis="optional"),
        Function("mean", (1,), _dropped, _along(numpy_function("mean")), axis="optional"),
        Function(
            "trace",
            (1,),
            _needing("trace needs a square matrix", _is_square),
            _plain(numpy_function("trace")),
        ),
        Function(
            "diag",
            (1,),
            _needing(
                "diag makes a diagonal matrix of a vector, or takes the diagonal of a square matrix",
                lambda axes: len(axes) == 1 or _is_square(axes),
                lambda axes: axes * 2 if len(axes) == 1 else axes[:1],
            ),
            _plain(numpy_function("diag")),
        ),
        Function(
            "norm1",
            (1,),
            _needing("norm1 needs a vector or a matrix; write abs for a number", bool),
            _plain(lambda x: np.sum(abs_(x))),
        ),
        Function(
            "norm2",
            (1,),
            _needing("norm2 needs a vector, normF works on a matrix", _are_vectors),
            _plain(norm),
        ),
        Function("normF", (1,), _needing("normF needs a matrix or a vector", bool), _plain(norm)),
        Function(
            "dot",
            (2,),
            _needing("dot needs two vectors of one size", lambda a, b: _are_vectors(a, b) and a == b),
            _plain(lambda a, b: np.sum(a * b)),
        ),
        Function(
            "outer",
            (2,),
            _needing("outer needs two vectors", _are_vectors, lambda a, b: a + b),
            _plain(lambda a, b: a[:, None] * b[None, :]),
        ),
        Function("kron", (2,), _kron, _plain(numpy_function("kron"))),
        Function(
            "onehot",
            (1,),
            _same,
            lambda args, axis, sizes: unit_rows(args[0], sizes[0]),
            takes=("label",),
        ),
        Function("inv", (1,), _inverse, _plain(numpy_function("linalg.inv"))),
        Function(
            "det",
            (1,),
            _needing("det needs a square matrix", _is_square),
            _plain(numpy_function("linalg.det")),
        ),
        Function("logdet", (1,), _needing("logdet needs a square matrix", _is_square), _plain(_logdet)),
        Function(
            "eye",
            (1,),
            lambda args, axis: Type(args[0].type.axes * 2),
            lambda args, axis, sizes: np.eye(sizes[0]),
            takes=("size", "size"),
        ),
        Function("ones", (1, 2), _joined, lambda args, axis, sizes: np.ones(sizes), takes=("size", "size")),
        Function("zeros", (1, 2), _joined, lambda args, axis, sizes: np.zeros(sizes), takes=("size", "size")),
    )
}
"""Every function a sheet can call, by name."""

COMPARISONS: dict[str, Function] = {
    function.name: function
    for function in (
        Function("less", (2,), _comparison("<"), _compared(numpy_function("less"))),
        Function("less_equal", (2,), _comparison("<="), _compared(numpy_function("less_equal"))),
        Function("equal", (2,), _comparison("=="), _compared(numpy_function("equal"))),
        Function("not_equal", (2,), _comparison("!="), _compared(numpy_function("not_equal"))),
    )
}
"""What ``<``, ``<=``, ``==`` and ``!=`` become: 1 where it holds, else 0; not to be called by name."""

CONSTANTS: dict[str, Function] = {
    name: Function("pi", (0,), _joined, lambda args, axis, sizes: np.asarray(math.pi)) for name in ("pi", "π")
}
"""Numbers by the names that they have where a sheet does not use these itself."""

ALIASES = {"σ": "sigmoid", "Tr": "trace", "tr": "trace", "lgamma": "gammaln"}
"""Other spellings of functions."""


def meaning(name: str) -> Function:
    """What a call in a typed sheet means, be it of a function, a comparison or a constant."""
    return FUNCTIONS.get(name) or COMPARISONS.get(name) or CONSTANTS[name]
