"""The loop that all first-order methods share: one epoch after the other, in place on working arrays."""

from __future__ import annotations

import json
import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np

from chainrule.errors import DivergenceError, OptionError, ShapeError
from chainrule.objective import ExplainsNonfinite, Objective, Rows
from chainrule.optimize.batches import epoch_batches, is_full_batch
from chainrule.optimize.iteration import Method, States
from chainrule.optimize.schedules import Constant, LearningRate, Schedule
from chainrule.optimize.state import Array, State, first_nonfinite_block, norm_of
from chainrule.options import real_number

Update = Callable[[Array, float, int], None]


class FirstOrder(Method):
    """A method whose step depends on the gradient, its own slots and a learning rate."""

    learning_rate: LearningRate

    def __post_init__(self) -> None:
        _check_fields(self)

    def rate(self, epoch: int) -> float:
        """Learning rate of the epoch that follows ``epoch`` complete ones."""
        if not isinstance(self.learning_rate, Schedule):
            return self.learning_rate
        rate = float(self.learning_rate(epoch))
        if not 0 <= rate < math.inf:
            raise OptionError(
                f"{self.learning_rate!r} gives the rate {rate} at epoch {epoch}; expected one >= 0."
            )
        return rate

    @abstractmethod
    def bind(self, theta: Array, slots: dict[str, Array]) -> Update:
        """The step ``update(gradient, rate, number)`` that changes θ and the slots in place.

        The number of the step counts from 1 over the whole run. The gradient must not be written to: it may
        be the objective's own.
        """

    def position(self, theta: Array, slots: dict[str, Array]) -> Array:
        """Where the gradient is taken: θ, unless a method says otherwise."""
        return theta

    def states(self, objective: Objective, state: State) -> States:
        """Yield a state per epoch, without end."""
        theta = state.theta.copy()
        slots = {name: state.slots[name].copy() for name in self.slot_names}
        objective = self.seen(objective)
        update = self.bind(theta, slots)
        position = self.position(theta, slots)
        rng, generator = state.rng(), state.generator
        draws = not is_full_batch(objective, self.batch_size)
        while True:
            loss, norm, step = _descend(self, objective, update, position, state, rng)
            if not (math.isfinite(loss) and all(map(_is_finite, (theta, *slots.values())))):
                raise _divergence(self, objective, state)
            if draws:
                generator = json.dumps(rng.bit_generator.state)
            state = state.after(theta, slots, step, loss, norm, generator)
            yield state


def _descend(
    method: FirstOrder,
    objective: Objective,
    update: Update,
    position: Array,
    state: State,
    rng: np.random.Generator,
) -> tuple[float, float, int]:
    """One epoch in place; returns its row-weighted loss, its last gradient's norm and the steps so far."""
    rate, step = method.rate(state.epoch), state.step
    total, rows_seen = 0.0, 0
    # Overflow is reported once, by the caller, with its place; not by a warning from inside a formula.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for _, evaluate, rows, count in epoch_batches(objective, method.batch_size, rng):
            step += 1
            loss, gradient = evaluate(position, rows)
            if gradient.shape != position.shape:
                raise ShapeError(
                    f"The objective's gradient has shape {gradient.shape}; theta has {position.shape}."
                )
            update(gradient, rate, step)
            total += count * float(loss)
            rows_seen += count
        norm = norm_of(gradient)
    return total / rows_seen, norm, step


def _is_finite(array: Array) -> bool:
    return bool(np.isfinite(array).all())


def _divergence(method: FirstOrder, objective: Objective, state: State) -> DivergenceError:
    """Run the failed epoch again, watching each step, to say where it left the finite numbers."""
    theta = state.theta.copy()
    slots = {name: state.slots[name].copy() for name in method.slot_names}
    update, position = method.bind(theta, slots), method.position(theta, slots)
    rate, step, found = method.rate(state.epoch), state.step, ""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for source, evaluate, rows, _ in epoch_batches(objective, method.batch_size, state.rng()):
            step += 1
            loss, gradient = evaluate(position, rows)
            if found := _nonfinite_quantity(source, position, rows, float(loss), gradient):
                break
            update(gradient, rate, step)
            if block := first_nonfinite_block(objective.parameters, position):
                found = f"the step overflows {block}."
                break
            # A moment that is infinite makes every later step zero: the run would stand still in silence.
            if memory := [name for name, slot in slots.items() if not _is_finite(slot)]:
                found = f"{memory[0]} overflows; dividing the loss by a constant keeps it in range."
                break
    if step == 1 and "overflows" not in found:
        remedy = "Check the starting point and the data."
    else:
        remedy = f"A smaller learning rate than {rate:g} is the usual remedy."
    where = found or "a loss was not finite, yet all were when the epoch was repeated."
    return DivergenceError(
        f"The run diverged in epoch {state.epoch + 1}, step {step}: {where} {remedy}", state
    )


def _nonfinite_quantity(source: Objective, theta: Array, rows: Rows, loss: float, gradient: Array) -> str:
    if not math.isfinite(loss):
        found = f"the loss is {loss}."
    elif block := first_nonfinite_block(source.parameters, gradient):
        found = f"the gradient of {block} is not finite."
    else:
        return ""
    explanation = source.explain_nonfinite(theta, rows) if isinstance(source, ExplainsNonfinite) else ""
    return f"{found} {explanation}".rstrip()


# Fields that are not a learning rate: what they may be, and how to say it.
_FIELD_RULES: dict[str, tuple[Callable[[float], bool], str]] = {
    "smoothing": (lambda value: 0 < value <= 1, "a number s with 0 < s <= 1"),
    "momentum": (lambda value: 0 <= value < 1, "a number with 0 <= momentum < 1"),
    "beta1": (lambda value: 0 <= value < 1, "a number with 0 <= beta1 < 1"),
    "beta2": (lambda value: 0 <= value < 1, "a number with 0 <= beta2 < 1"),
    "weight_decay": (lambda value: 0 <= value < math.inf, "a number >= 0"),
    "epsilon": (lambda value: 0 < value < math.inf, "a positive number"),
}


def _check_fields(method: FirstOrder) -> None:
    """Check the fields and make them Python's numbers."""
    described: Any = method
    for name in (field.name for field in fields(described) if field.name in _FIELD_RULES):
        what = f"{type(method).__name__}: {name}"
        object.__setattr__(method, name, real_number(what, getattr(method, name), *_FIELD_RULES[name]))
    object.__setattr__(method, "batch_size", _whole_batch_size(method))
    if not isinstance(method.learning_rate, Schedule):
        object.__setattr__(method, "learning_rate", Constant(method.learning_rate).initial)


def _whole_batch_size(method: FirstOrder) -> int | None:
    size = method.batch_size
    if size is None:
        return None
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
        raise OptionError(
            f"{type(method).__name__}: batch_size is {size!r}; expected a whole number >= 1, "
            "or None for all examples."
        )
    return int(size)
