"""Points: where a function is judged; one vector on the inside, the caller's own form on the outside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from chainrule.checking.magnitude import root_mean_square
from chainrule.errors import OptionError, ShapeError, UncheckableError
from chainrule.parameters import Parameters

Array = NDArray[Any]
At = Mapping[str, ArrayLike] | ArrayLike

SINGLE = "x"
"""Name of the only block where the caller gives one array instead of named ones."""


@dataclass(frozen=True)
class Block:
    """One named array of a point.

    Parameters
    ----------
    name : str
    shape : tuple of int
    start, stop : int
        Where its entries lie in the point's vector, row-major.
    scale : float
        Root mean square of its entries, 1 where they are all zero: the unit in which steps are taken.
    """

    name: str
    shape: tuple[int, ...]
    start: int
    stop: int
    scale: float

    @property
    def size(self) -> int:
        """Number of entries."""
        return self.stop - self.start

    def index(self, position: int) -> tuple[int, ...]:
        """Index into the array of the entry at a position of the block."""
        return tuple(int(i) for i in np.unravel_index(position, self.shape))


@dataclass(frozen=True)
class Point:
    """A point x: a float64 vector, its blocks, and the way back to what the caller's function takes.

    Parameters
    ----------
    vector : ndarray, shape (n,)
        All entries, block after block, each row-major.
    blocks : tuple of Block
    dtype : numpy dtype
        The coarsest type among the caller's arrays.
    rebuild : callable
        ``rebuild(vector, dtype)`` gives the argument of the caller's function: one array, a ``dict`` of
        arrays, or `Parameters`, whichever arrived.
    """

    vector: Array
    blocks: tuple[Block, ...]
    dtype: np.dtype[Any]
    rebuild: Callable[[Array, DTypeLike], Any]

    def by_name(self, pieces: Mapping[str, Array]) -> Any:
        """Per-block results in the caller's form: the array itself if one array came, else a ``dict``."""
        return pieces[SINGLE] if self.is_single else dict(pieces)

    @property
    def is_single(self) -> bool:
        """Whether the caller gave one array."""
        return isinstance(self.rebuild(self.vector, np.float64), np.ndarray)


def point_of(at: At) -> Point:
    """Read a point from one array, a mapping of names to arrays, or `Parameters`.

    Raises
    ------
    ShapeError
        If there is nothing in it.
    OptionError
        If an entry is not a real number.
    UncheckableError
        If an entry is not finite.
    """
    if isinstance(at, Mapping):
        arrays = {_name(name): _real(name, value) for name, value in at.items()}
    else:
        arrays = {SINGLE: _real(SINGLE, at)}
    if not sum(array.size for array in arrays.values()):
        raise ShapeError("There is nothing to check: the point has no entries.")
    blocks = tuple(_blocks(arrays))
    vector = np.concatenate([array.astype(np.float64).ravel() for array in arrays.values()])
    return Point(vector, blocks, _coarsest(arrays.values()), _builder(at, blocks))


def arrays_of(argument: Any) -> list[Array]:
    """Copies of the arrays that a function is given."""
    return [
        np.array(array) for array in (argument.values() if isinstance(argument, Mapping) else (argument,))
    ]


def held_by(array: Array) -> str:
    """What an array holds that is no number, in words; one without axes may be something else altogether."""
    if array.dtype != object or array.ndim:
        return f"holds {array.dtype} values"
    return "is None" if array[()] is None else f"is a {type(array[()]).__name__}"


def _name(name: object) -> str:
    if not isinstance(name, str):
        raise OptionError(f"A block of the point has the name {name!r}; expected a text, as in {{'W': W}}.")
    return name


def _real(name: object, value: ArrayLike) -> Array:
    try:
        array = np.asarray(value)
    except (TypeError, ValueError) as error:  # rows of several lengths
        raise OptionError(
            f"{name} is no array: {error}; a derivative is checked at real numbers. Arrays of several shapes "
            "are given by name, as {'W': W, 'b': b}."
        ) from error
    if array.dtype.kind not in "fiub":
        raise OptionError(f"{name} {held_by(array)}; a derivative is checked at real numbers.")
    if not np.all(np.isfinite(array)):
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise UncheckableError(
            f"{name}{list(where)} is {array[where]}; a point must be finite to be checked."
        )
    return array


def _blocks(arrays: Mapping[str, Array]) -> Iterable[Block]:
    start = 0
    for name, array in arrays.items():
        size = float(root_mean_square(array.astype(np.float64).ravel(), axis=0))
        yield Block(name, array.shape, start, start + array.size, size if size > 0 else 1.0)
        start += array.size


def _coarsest(arrays: Iterable[Array]) -> np.dtype[Any]:
    floats = [array.dtype for array in arrays if array.dtype.kind == "f"]
    return max(floats, key=lambda dtype: np.finfo(dtype).eps, default=np.dtype(np.float64))


def _builder(at: At, blocks: tuple[Block, ...]) -> Callable[[Array, DTypeLike], Any]:
    def pieces(vector: Array, dtype: DTypeLike) -> dict[str, Array]:
        return {b.name: vector[b.start : b.stop].reshape(b.shape).astype(dtype) for b in blocks}

    if isinstance(at, Parameters):
        spec = at.spec
        return lambda vector, dtype: Parameters(spec, spec.pack(pieces(vector, dtype)))
    if isinstance(at, Mapping):
        return pieces
    return lambda vector, dtype: pieces(vector, dtype)[SINGLE]
