"""An array that remembers: what NumPy is asked for becomes a step of a tape."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from chainrule.diagnosis.naming import operations as ops
from chainrule.diagnosis.naming.tape import Array, Node, Tape, Untraceable, frozen

REDUCTIONS = {"add": "sum", "maximum": "max", "minimum": "min", "multiply": "prod"}
METHODS = {
    "exp", "log", "log2", "log10", "log1p", "expm1", "sqrt", "square", "tanh", "sin", "cos", "tan",
    "sinh", "cosh", "arctan", "absolute", "conjugate", "expit", "maximum", "minimum", "logaddexp",
    "sum", "mean", "var", "std", "max", "min", "prod", "cumsum", "ravel", "flatten", "swapaxes",
    "squeeze", "repeat", "take", "clip", "dot", "trace", "diagonal",
}  # fmt: skip
PLAIN = {
    "sign", "heaviside", "floor", "ceil", "rint", "round", "signbit", "greater", "greater_equal",
    "less", "less_equal", "equal", "not_equal", "isfinite", "isnan", "isinf", "isclose", "allclose",
    "array_equal", "any", "all", "logical_and", "logical_or", "logical_not", "argmax", "argmin",
    "argsort", "nonzero", "count_nonzero", "searchsorted", "digitize", "unique", "shape", "ndim",
    "size", "zeros_like", "ones_like", "full_like", "empty_like", "result_type", "iscomplexobj",
    "isrealobj", "imag",
}  # fmt: skip
"""What is fixed at the values of the point."""


class Traced(NDArrayOperatorsMixin):
    """An array whose steps are recorded."""

    ufuncs: ClassVar[dict[str, Callable[..., Any]]] = {}
    functions: ClassVar[dict[str, Callable[..., Any]]] = {}
    __array_priority__ = 1e6
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, tape: Tape, node: Node) -> None:
        self.tape = tape
        self.node = node

    # What an array says of itself.
    shape = property(lambda self: self.node.value.shape)
    ndim = property(lambda self: self.node.value.ndim)
    size = property(lambda self: self.node.value.size)
    dtype = property(lambda self: self.node.value.dtype)
    T = property(lambda self: self.transpose())
    mT = property(lambda self: self.swapaxes(-1, -2))
    real = property(lambda self: self)
    imag = property(lambda self: np.zeros(self.shape))
    flat = property(lambda self: self.reshape(-1))

    def __len__(self) -> int:
        return len(self.node.value)

    def __iter__(self) -> Iterator[Traced]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: Any) -> Traced:
        return self.step(ops.TAKE, (frozen(plain_index(index)),))

    def __setitem__(self, index: Any, value: Any) -> None:
        self.node = self.tape.record(ops.PUT, (self.node, self.node_of(value)), (frozen(plain_index(index)),))

    def __float__(self) -> float:
        self.tape.root = self.node
        return float(self.node.value)

    def __bool__(self) -> bool:
        return bool(self.node.value)

    def item(self, *where: int) -> Traced:
        """The only entry, or the one there."""
        return self[where] if where else self.reshape(())

    # Methods of an array, and of the scalars of an array of objects.
    def __getattr__(self, name: str) -> Any:
        if name in self.ufuncs and name in METHODS:
            return lambda *rest: self.ufuncs[name](self, *rest)
        if name in self.functions and name in METHODS:
            return lambda *args, **options: self.functions[name](self, *args, **options)
        if name in PLAIN and hasattr(np.ndarray, name):
            return lambda *args, **options: getattr(self.node.value, name)(
                *plain_all(args), **{key: plain(value) for key, value in options.items()}
            )
        raise AttributeError(name)

    def transpose(self, *axes: Any) -> Traced:
        """Axes in another order."""
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        order = tuple(range(self.ndim))[::-1] if not order else tuple(a % self.ndim for a in order)
        return self if order == tuple(range(self.ndim)) else self.step(ops.TRANSPOSE, (order,))

    def reshape(self, *shape: Any, order: str = "C") -> Traced:
        """Entries in another shape."""
        wanted = shape[0] if len(shape) == 1 and not isinstance(shape[0], int | np.integer) else shape
        turned = self if order == "C" else self.T
        result = turned.node.value.reshape(tuple(wanted)[:: 1 if order == "C" else -1]).shape
        again = turned if result == turned.shape else turned.step(ops.RESHAPE, (result,))
        return again if order == "C" else again.T

    def astype(self, *_: Any, **__: Any) -> Traced:
        """The array itself: rounding is not recorded."""
        return self

    def copy(self, *_: Any) -> Traced:
        """An array of its own, for assignments."""
        return Traced(self.tape, self.node)

    conj = conjugate = __copy__ = copy

    def __deepcopy__(self, memo: Any) -> Traced:
        return self.copy()

    # NumPy's protocols.
    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        out = options.pop("out", (None,))[0]
        options.pop("dtype", None)
        if out is not None and not isinstance(out, Traced) or options.pop("where", True) is not True:
            raise Untraceable(f"np.{ufunc.__name__} writes into an array that does not remember.")
        if any(isinstance(one, np.ndarray) and one.dtype == object for one in inputs):
            return of_objects(ufunc, inputs)
        if method == "reduce" and ufunc.__name__ in REDUCTIONS:
            result = self.functions[REDUCTIONS[ufunc.__name__]](*inputs, **{"axis": 0, **options})
        elif method != "__call__":
            raise Untraceable(f"np.{ufunc.__name__}.{method} is not recorded.")
        elif ufunc.__name__ in self.ufuncs:
            result = self.ufuncs[ufunc.__name__](*inputs)
        elif ufunc.__name__ in PLAIN:
            result = ufunc(*(plain(one) for one in inputs))
        else:
            raise Untraceable(f"np.{ufunc.__name__} is not recorded.")
        if out is None:
            return result
        out.node = result.node
        return out

    def __array_function__(self, func: Callable[..., Any], _: Any, args: Any, options: Any) -> Any:
        name = func.__name__
        if name in self.functions:
            return self.functions[name](*args, **options)
        if name in PLAIN:
            return func(*plain_all(args), **{key: plain(value) for key, value in options.items()})
        raise Untraceable(f"np.{name} is not recorded.")

    # Steps.
    def node_of(self, value: Any) -> Node:
        return self.lifted(value).node

    def lifted(self, value: Any) -> Traced:
        """A value on the same tape."""
        if isinstance(value, Traced):
            return value
        array = np.asarray(value)
        if array.dtype == object:
            return stacked(array)
        if array.dtype.kind not in "fiubc":
            raise Untraceable(f"An array of {array.dtype} takes part in the loss.")
        return Traced(self.tape, self.tape.constant(array.real))

    def step(self, operation: ops.Operation, facts: ops.Facts = ()) -> Traced:
        return Traced(self.tape, self.tape.record(operation, (self.node,), facts))


def plain(value: Any) -> Any:
    return value.node.value if isinstance(value, Traced) else value


def plain_all(values: Sequence[Any]) -> list[Any]:
    return [
        type(value)(plain_all(value)) if isinstance(value, tuple | list) else plain(value) for value in values
    ]


def plain_index(index: Any) -> Any:
    return tuple(plain(one) for one in index) if isinstance(index, tuple) else plain(index)


def any_traced(values: Sequence[Any]) -> Traced:
    """One of the values that are traced, for its tape."""
    for value in values:
        if isinstance(value, Traced):
            return value
        if isinstance(value, list | tuple):
            if found := [one for one in value if isinstance(one, Traced)]:
                return found[0]
        elif isinstance(value, np.ndarray) and value.dtype == object and value.size:
            return any_traced(list(value.ravel()))
    raise Untraceable("Nothing in a step is traced.")


def of_objects(ufunc: np.ufunc, inputs: Sequence[Any]) -> Any:
    """A step on an array of traced scalars: these as one array."""
    one = any_traced(inputs)
    return ufunc.__call__(*(one.lifted(value) for value in inputs))  # noqa: B004


def stacked(array: Array) -> Traced:
    """An array of traced scalars as one traced array."""
    one = any_traced(list(array.ravel()))
    parts = [one.lifted(value).reshape(1) for value in array.ravel()]
    tape = one.tape
    return Traced(tape, tape.record(ops.JOIN, [part.node for part in parts], (0,))).reshape(array.shape)


def moves(value: Any) -> bool:
    """Whether a value depends on a parameter."""
    if isinstance(value, Traced):
        return value.node.moves
    return isinstance(value, np.ndarray) and value.dtype == object
