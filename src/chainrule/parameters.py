"""Parameters: one contiguous vector with named, writable views of it.

A block of the vector holds its array with the *first* axis running fastest: a matrix of shape (out, in) lies
as (in, out) row-major, which is the textbook's vec(W), columns stacked. The forward product ``H @ W.T`` then
reads contiguous memory, and the public view has the shape the formulas have.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from chainrule.arrays import Array, ArrayLike, DTypeLike, np
from chainrule.errors import OptionError, ShapeError, TooLargeError

__all__ = ["MOST_BYTES", "ParameterSpec", "Parameters", "Theta"]

MOST_BYTES = 2 * 1024**3
"""Of one vector of all parameters; a step holds several."""


@dataclass(frozen=True)
class ParameterSpec:
    """Names and shapes of the blocks of a parameter vector θ.

    Parameters
    ----------
    shapes : tuple of (str, tuple of int)
        Name and shape of each block, in the order in which they lie in θ.

    Raises
    ------
    ShapeError
        If a name appears twice or a size is negative.

    Examples
    --------
    >>> spec = ParameterSpec.of({"W": (2, 3), "b": (2,)})
    >>> spec.size
    8
    >>> spec.views(np.arange(8.0))["W"]
    array([[0., 2., 4.],
           [1., 3., 5.]])
    """

    shapes: tuple[tuple[str, tuple[int, ...]], ...]

    def __post_init__(self) -> None:
        names = [name for name, _ in self.shapes]
        if len(set(names)) != len(names):
            raise ShapeError(f"Parameter names must differ; got {', '.join(names)}.")
        for name, shape in self.shapes:
            if any(size < 0 for size in shape):
                raise ShapeError(f"{name} has shape {shape}; sizes cannot be negative.")

    @classmethod
    def of(cls, shapes: Mapping[str, tuple[int, ...]]) -> ParameterSpec:
        """Build the specification from a mapping of name to shape, in its order."""
        return cls(tuple((name, tuple(int(n) for n in shape)) for name, shape in shapes.items()))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the blocks, in order."""
        return tuple(name for name, _ in self.shapes)

    @cached_property
    def size(self) -> int:
        """Number of parameters p."""
        return sum(math.prod(shape) for _, shape in self.shapes)

    @cached_property
    def slices(self) -> dict[str, slice]:
        """Where each block lies in θ."""
        result, start = {}, 0
        for name, shape in self.shapes:
            stop = start + math.prod(shape)
            result[name] = slice(start, stop)
            start = stop
        return result

    def views(self, theta: Array) -> dict[str, Array]:
        """Named views of θ, writable if θ is; no copy.

        Raises
        ------
        ShapeError
            If θ is not a contiguous vector of length ``size``.
        """
        if theta.shape != (self.size,):
            raise ShapeError(f"theta has shape {theta.shape}; these parameters need ({self.size},).")
        if not theta.flags.c_contiguous:
            raise ShapeError(
                f"theta is a view with {theta.strides[0]} bytes from number to number, each of "
                f"{theta.itemsize}; named views need a contiguous vector: theta.copy()."
            )
        return {name: theta[self.slices[name]].reshape(shape[::-1]).T for name, shape in self.shapes}

    def pack(self, values: Mapping[str, ArrayLike], dtype: DTypeLike | None = None) -> Array:
        """Lay the named arrays into one new vector θ; ``dtype`` defaults to theirs, integers become float64.

        Raises
        ------
        ShapeError
            If a name is missing or unknown, or a shape differs.
        """
        missing = [name for name in self.names if name not in values]
        unknown = [name for name in values if name not in self.slices]
        if missing or unknown:
            raise ShapeError(
                f"Expected values for {', '.join(self.names)}; "
                + "; ".join(
                    part
                    for part in (
                        f"missing: {', '.join(missing)}" if missing else "",
                        f"unknown: {', '.join(unknown)}" if unknown else "",
                    )
                    if part
                )
                + "."
            )
        arrays = {name: np.asarray(values[name]) for name in self.names}
        for name, shape in self.shapes:
            if arrays[name].shape != shape:
                raise ShapeError(f"{name} has shape {arrays[name].shape}; expected {shape}.")
        if dtype is None:
            found = np.result_type(*arrays.values()) if arrays else np.dtype(np.float64)
            dtype = found if np.issubdtype(found, np.inexact) else np.float64
        theta = np.empty(self.size, dtype)
        for name, view in self.views(theta).items():
            view[...] = arrays[name]
        return theta

    def vector(self, theta: Theta, what: str = "theta") -> Array:
        """The flat, contiguous θ of what stands for it; not copied where it is one. Integers become float64.

        Parameters
        ----------
        theta : Parameters, mapping of str to array_like, or array_like of shape (p,)
            By name or flat, real or complex.
        what : str
            How a message calls it.

        Raises
        ------
        ShapeError
            If names or shapes are not these.
        OptionError
            If it does not hold numbers.
        """
        if isinstance(theta, Parameters):
            if theta.spec != self:
                raise ShapeError(f"{what} is {theta!r}; this model needs {_layout(self)}.")
            return theta.vector
        if not isinstance(theta, np.ndarray):
            theta = self.pack(theta) if isinstance(theta, Mapping) else np.asarray(theta)
        if theta.dtype.kind not in "iufc":
            raise OptionError(f"{what} holds {theta.dtype} values; expected real or complex numbers.")
        if theta.shape != (self.size,):
            raise ShapeError(f"{what} has shape {theta.shape}; these parameters need ({self.size},).")
        return np.ascontiguousarray(theta, None if theta.dtype.kind in "fc" else np.float64)

    def require_room(self, what: str) -> None:
        """Refuse parameters that take too much, before there are any.

        Raises
        ------
        TooLargeError
            If a vector of all of them takes more than `MOST_BYTES`; ``what`` says whose they are.
        """
        if (needed := 8 * self.size) > MOST_BYTES:
            raise TooLargeError(
                f"{what} has {self.size:,} parameters, {needed:,} bytes for every vector of them, more than "
                f"{MOST_BYTES:,}: {_layout(self)}. Give smaller sizes."
            )

    def zeros(self, dtype: DTypeLike = float) -> Parameters:
        """Parameters that are all zero."""
        self.require_room("The model")
        return Parameters(self, np.zeros(self.size, dtype))


class Parameters(Mapping[str, Array]):
    """A parameter vector with named, shaped, writable views.

    Arithmetic acts on the whole vector and returns new parameters: ``theta - 0.1 * gradient``.

    Parameters
    ----------
    spec : ParameterSpec
        Names and shapes.
    vector : ndarray, shape (p,)
        The numbers; not copied.

    Examples
    --------
    >>> theta = ParameterSpec.of({"W": (2, 3), "b": (2,)}).zeros()
    >>> theta["b"][:] = [1.0, 2.0]
    >>> (theta - 0.5 * theta).vector
    array([0. , 0. , 0. , 0. , 0. , 0. , 0.5, 1. ])
    """

    __slots__ = ("_views", "spec", "vector")

    # Let a NumPy scalar or array on the left defer to __rmul__ and its kind below.
    __array_ufunc__ = None

    def __init__(self, spec: ParameterSpec, vector: Array) -> None:
        self.spec = spec
        self.vector = vector
        self._views = spec.views(vector)

    @classmethod
    def from_arrays(cls, values: Mapping[str, ArrayLike], dtype: DTypeLike | None = None) -> Parameters:
        """Copy named arrays into one vector, in the order of the mapping."""
        spec = ParameterSpec.of({name: np.shape(value) for name, value in values.items()})
        return cls(spec, spec.pack(values, dtype))

    def __getitem__(self, name: str) -> Array:
        try:
            return self._views[name]
        except KeyError:
            raise KeyError(f"No parameter {name!r}; there are {', '.join(self.spec.names)}.") from None

    def __setitem__(self, name: str, value: ArrayLike) -> None:
        view = self[name]
        array = np.asarray(value)
        if array.shape != view.shape:
            raise ShapeError(f"{name} has shape {view.shape}; got a value of shape {array.shape}.")
        view[...] = array

    def __iter__(self) -> Iterator[str]:
        return iter(self.spec.names)

    def __len__(self) -> int:
        return len(self.spec.names)

    @property
    def size(self) -> int:
        """Number of parameters p."""
        return self.spec.size

    def copy(self) -> Parameters:
        """Parameters that own a copy of the vector."""
        return Parameters(self.spec, self.vector.copy())

    def __reduce__(self) -> tuple[Any, ...]:
        # Views are made anew: copied one by one, they would no longer be views of the vector.
        return Parameters, (self.spec, self.vector)

    def clear(self) -> None:
        """Set every entry to zero, in place."""
        self.vector[...] = 0

    def _operand(self, other: Any) -> Any:
        if isinstance(other, Parameters):
            if other.spec != self.spec:
                raise ShapeError(
                    f"Parameters differ: left {_layout(self.spec)}; right {_layout(other.spec)}."
                )
            return other.vector
        return other if np.isscalar(other) or np.ndim(other) == 0 else NotImplemented

    def _combine(self, other: Any, operation: Any, swap: bool = False) -> Any:
        operand = self._operand(other)
        if operand is NotImplemented:
            return NotImplemented
        left, right = (operand, self.vector) if swap else (self.vector, operand)
        return Parameters(self.spec, operation(left, right))

    def __add__(self, other: Any) -> Any:
        return self._combine(other, np.add)

    def __radd__(self, other: Any) -> Any:
        return self._combine(other, np.add, swap=True)

    def __sub__(self, other: Any) -> Any:
        return self._combine(other, np.subtract)

    def __rsub__(self, other: Any) -> Any:
        return self._combine(other, np.subtract, swap=True)

    def __mul__(self, other: Any) -> Any:
        return self._combine(other, np.multiply)

    def __rmul__(self, other: Any) -> Any:
        return self._combine(other, np.multiply, swap=True)

    def __truediv__(self, other: Any) -> Any:
        return self._combine(other, np.divide)

    def __neg__(self) -> Parameters:
        return Parameters(self.spec, -self.vector)

    def dot(self, other: Parameters) -> float:
        """Inner product of the two vectors, sum over all parameters."""
        return float(self.vector @ self._operand(other))

    def norm(self) -> float:
        """Euclidean norm of the vector."""
        return float(np.linalg.norm(self.vector))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Parameters):
            return NotImplemented
        return self.spec == other.spec and bool(np.array_equal(self.vector, other.vector))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Parameters({_layout(self.spec)}; {self.size} in all, {self.vector.dtype})"


def _layout(spec: ParameterSpec) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in spec.shapes)


Theta = Parameters | Mapping[str, ArrayLike] | ArrayLike
"""What stands for a parameter vector θ: by name or flat."""
