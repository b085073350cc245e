"""First derivatives as functions: what a Hessian is the derivative of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.checking.complex_step import STEP, complex_function
from chainrule.checking.differences import real_function, slope
from chainrule.checking.noise import measure_noise
from chainrule.checking.oracle import COMPLEX_STEP, Oracle
from chainrule.checking.point import At, Block, Point, point_of
from chainrule.checking.shapes import pieces_of
from chainrule.errors import OptionError, UncheckableError

Array = NDArray[Any]
Of = Literal["loss", "gradient"] | None


@dataclass(frozen=True)
class First:
    """A loss or its gradient at a point.

    Parameters
    ----------
    function : callable
    point : Point
    at : mapping, Parameters or array_like
        As the caller gave it.
    is_gradient : bool
    """

    function: Callable[[Any], Any]
    point: Point
    at: At
    is_gradient: bool

    def pieces(self, values: Any) -> Mapping[str, Any]:
        """A gradient, or what has its form, by block."""
        flat, is_flat = self.point.vector.size, not isinstance(values, Mapping | list | tuple)
        if (
            is_flat
            and not self.point.is_single
            and np.shape(values) == (flat,)
            and not hasattr(self.at, "spec")
        ):
            array = np.asarray(values)
            return {b.name: array[b.start : b.stop].reshape(b.shape) for b in self.point.blocks}
        return pieces_of(values, self.point, self.at)

    def piece(self, values: Any, name: str) -> Array:
        """The gradient in one block."""
        block = next(block for block in self.point.blocks if block.name == name)
        found = self.pieces(self.function(values)).get(name)
        array = np.asarray(0.0 if found is None else found)
        if found is None or array.size != block.size:
            raise UncheckableError(
                f"The gradient has shape {array.shape} in {name}, expected {block.shape}; "
                "check_gradient says more."
            )
        return array.reshape(block.shape)


def first_of(function: Callable[[Any], Any], point: Point, at: At, of: Of) -> First:
    """Whether a function gives a loss or a gradient, from what it gives at the point.

    Raises
    ------
    OptionError
        If that cannot be told, or is said in other words.
    UncheckableError
        If the function fails there.
    """
    if of not in ("loss", "gradient", None):
        raise OptionError(f"of is {of!r}; expected 'loss' or 'gradient'.")
    if of is not None:
        return First(function, point, at, of == "gradient")
    try:
        result = function(point.rebuild(point.vector, point.dtype))
    except Exception as error:
        raise UncheckableError(
            f"The function fails at the point itself: {type(error).__name__}: {error}"
        ) from error
    if isinstance(result, Mapping | list | tuple) or np.size(result) != 1:
        return First(function, point, at, True)
    if point.vector.size > 1 or np.shape(result) != point.blocks[0].shape:
        return First(function, point, at, False)
    raise OptionError("At one number a loss and its gradient look alike: say of='loss' or of='gradient'.")


def random_direction(point: Point, seed: int) -> Array:
    """A direction in units of the blocks; no entry near 0, where a mistake would hide."""
    rng = np.random.default_rng(seed)
    scales = np.concatenate([np.full(block.size, block.scale) for block in point.blocks])
    return np.asarray(scales * rng.choice((-1.0, 1.0), scales.size) * rng.uniform(0.5, 1.5, scales.size))


def part_of(direction: Array, block: Block) -> Array:
    """The part of a direction that lies in one block."""
    part = np.zeros(direction.size)
    part[block.start : block.stop] = direction[block.start : block.stop]
    return part


def slope_along(first: First, direction: Array) -> Callable[[Any], float]:
    """The slope of a loss along a direction as a function of the point, complex step where possible."""
    oracle = Oracle(first.function, first.point)
    oracle.settle([direction], [np.zeros(1)])
    if oracle.base.size != 1:
        raise UncheckableError(f"The loss has shape {oracle.base.shape}; a Hessian belongs to one number.")
    if oracle.method == COMPLEX_STEP:
        evaluate = complex_function(first.function, first.point)
        return lambda values: float(evaluate(_vector(values) + 1j * STEP * direction).imag.item() / STEP)
    real = real_function(first.function, first.point)

    def by_differences(values: Any) -> float:
        vector = _vector(values)

        def line(t: float) -> Array:
            return real(vector + t * direction).ravel()

        at_zero = line(0.0)
        return float(slope(line, at_zero, measure_noise(line, at_zero)).value.item())

    return by_differences


def _vector(values: Any) -> Array:
    return point_of(values).vector
