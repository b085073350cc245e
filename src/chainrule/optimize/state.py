"""The state of a minimisation: everything that the next epoch depends on."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.errors import OptionError, ShapeError
from chainrule.objective import Objective
from chainrule.parameters import Parameters, ParameterSpec

Array = NDArray[Any]
Seed = int | np.random.Generator | None
Start = ArrayLike | Parameters | Mapping[str, ArrayLike]


@dataclass(frozen=True, eq=False)
class State:
    """An immutable point of a run; resuming is passing one.

    Parameters
    ----------
    theta : ndarray, shape (p,)
        The parameters; copied, read-only.
    slots : mapping of str to ndarray, shape (p,)
        The method's memory (velocity, moments); copied, read-only.
    generator : str
        Where the random numbers stand (JSON of a ``PCG64``); :meth:`rng` opens it.
    epoch, step : int
        How many are complete. A step is one change of θ.
    loss : float or None
        Loss of the epoch that led here: the mean of its steps' losses, each weighted with its number of rows
        and taken before its step. None before the first epoch.
    gradient_norm : float or None
        ‖∇C‖₂ as the last step of that epoch saw it.
    aside : (int, float) or None
        Seed and share of the rows that the run has set aside of its own, and never steps on.
    """

    theta: Array
    slots: Mapping[str, Array] = field(default_factory=dict)
    generator: str = ""
    epoch: int = 0
    step: int = 0
    loss: float | None = None
    gradient_norm: float | None = None
    aside: tuple[int, float] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "theta", _owned(self.theta))
        slots = {name: _owned(slot) for name, slot in self.slots.items()}
        object.__setattr__(self, "slots", MappingProxyType(slots))

    def after(
        self,
        theta: Array,
        slots: Mapping[str, Array],
        step: int,
        loss: float,
        gradient_norm: float,
        generator: str | None = None,
    ) -> State:
        """The state after one more epoch; the generator stands where it stood unless it is given."""
        generator = self.generator if generator is None else generator
        return State(theta, slots, generator, self.epoch + 1, step, loss, gradient_norm, self.aside)

    def rng(self) -> np.random.Generator:
        """A new generator that stands where this state stands."""
        bits = np.random.PCG64(0)
        bits.state = json.loads(self.generator)
        return np.random.Generator(bits)

    def __eq__(self, other: object) -> bool:
        """Whether every number is the same, bit for bit."""
        if not isinstance(other, State):
            return NotImplemented
        return _content(self) == _content(other)

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        rest = (self.generator, self.epoch, self.step, self.loss, self.gradient_norm, self.aside)
        return State, (self.theta, dict(self.slots), *rest)

    def __repr__(self) -> str:
        loss = "none yet" if self.loss is None else f"{self.loss:.6g}"
        slots = f", slots {', '.join(self.slots)}" if self.slots else ""
        return (
            f"State(epoch {self.epoch}, step {self.step}, loss {loss}, {self.theta.size} parameters{slots})"
        )


def _owned(array: Array) -> Array:
    copy = np.array(array)
    copy.flags.writeable = False
    return copy


def _content(state: State) -> tuple[object, ...]:
    arrays = {"theta": state.theta, **state.slots}
    bits = {name: (array.dtype.str, array.shape, array.tobytes()) for name, array in arrays.items()}
    rest = (state.generator, state.epoch, state.step, state.loss, state.gradient_norm, state.aside)
    return bits, *rest


def norm_of(gradient: Array) -> float:
    """‖g‖₂, also where its square overflows."""
    with np.errstate(over="ignore"):
        norm = float(np.linalg.norm(gradient))
    if math.isfinite(norm):
        return norm
    peak = float(np.abs(gradient).max())
    return peak * float(np.linalg.norm(gradient / peak))


def encode_generator(seed: Seed) -> str:
    """The state, as JSON, of a generator for this seed.

    A generator that is passed in gives one number as the seed: it moves on, so that the next run with it
    differs, and never runs in step with ours.
    """
    if isinstance(seed, np.random.Generator):
        seed = int(seed.integers(2**63))
    return json.dumps(np.random.PCG64(check_seed(seed)).state)


def check_seed(seed: int | None) -> int | None:
    """The seed, if it is one.

    Raises
    ------
    OptionError
        If it is not a whole number >= 0 or None.
    """
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0):
        message = f"seed is {seed!r}; expected a whole number >= 0, a numpy.random.Generator or None."
        raise OptionError(message)
    return seed


def pack_start(objective: Objective, theta: Start) -> Array:
    """The starting point as a flat vector: float32 and float64 are kept, integers become float64.

    Raises
    ------
    ShapeError
        If a shape does not fit the objective's parameters.
    OptionError
        If a value is complex or not finite.
    """
    spec = objective.parameters
    if isinstance(theta, Parameters) and theta.spec != spec:
        raise ShapeError(f"The starting point is {theta!r}; the objective has {spec.zeros()!r}.")
    vector: Array
    if isinstance(theta, Parameters):
        vector = theta.vector
    elif isinstance(theta, Mapping):
        vector = spec.pack(theta)
    else:
        vector = np.asarray(theta)
    if vector.shape != (spec.size,):
        raise ShapeError(
            f"theta has shape {vector.shape}; the objective has {spec.size} parameters, ({spec.size},)."
        )
    if np.issubdtype(vector.dtype, np.integer):
        vector = vector.astype(np.float64)
    if not np.issubdtype(vector.dtype, np.floating):
        raise OptionError(f"theta holds {vector.dtype}; a minimisation needs real numbers.")
    if block := first_nonfinite_block(spec, vector):
        raise OptionError(f"The starting point has a NaN or an infinity in {block}; expected finite numbers.")
    return vector


def first_nonfinite_block(spec: ParameterSpec, vector: Array) -> str:
    """Name of the first block that holds a NaN or an infinity, or an empty string."""
    finite = np.isfinite(vector)
    if finite.all():
        return ""
    return next(name for name, place in spec.slices.items() if not finite[place].all())
