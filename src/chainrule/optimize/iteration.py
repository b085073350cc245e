"""What a method is, and the iterator of states that it drives."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from chainrule.errors import OptionError
from chainrule.objective import Objective
from chainrule.optimize.batches import check_batch_size
from chainrule.optimize.state import Array, Seed, Start, State, encode_generator, pack_start


@dataclass(frozen=True)
class Ending:
    """Why a run ended.

    Parameters
    ----------
    reason : str
        One sentence.
    converged : bool
        Whether it ended at a minimum, or with a gradient as small as was asked for.
    diverged : bool
        Whether the run left the finite numbers, or its loss rose far above that of the start.
    asked_for : bool
        Whether a callback or early stopping ended the run.
    interrupted : bool
        Whether Ctrl-C did.
    """

    reason: str
    converged: bool = False
    diverged: bool = False
    asked_for: bool = False
    interrupted: bool = False

    @property
    def was_asked_for(self) -> bool:
        """Whether somebody outside of the method ended the run."""
        return self.asked_for or self.interrupted


States = Generator[State, None, Ending]


class Method(ABC):
    """A frozen description of how to minimise; its memory lives in the :class:`State`."""

    batch_size: int | None = None

    @property
    def slot_names(self) -> tuple[str, ...]:
        """Names of the vectors that the method remembers between steps."""
        return ()

    def first_slots(self, theta: Array) -> dict[str, Array]:
        """Those vectors before the first step: zero, unless a method says otherwise."""
        return {name: np.zeros_like(theta) for name in self.slot_names}

    @property
    def resumes_exactly(self) -> bool:
        """Whether a state holds all that the method remembers."""
        return True

    @property
    def ends_by_itself(self) -> bool:
        """Whether it goes on until its end is judged to be a minimum, or none can be found."""
        return False

    def seen(self, objective: Objective) -> Objective:
        """What its steps see of an objective: all of it, unless a method says otherwise."""
        return objective

    def rate(self, epoch: int) -> float:
        """Learning rate of the epoch that follows ``epoch`` complete ones, NaN if the method has none."""
        return math.nan

    @abstractmethod
    def states(self, objective: Objective, state: State) -> States:
        """Yield the states after ``state``, one per epoch; called by :func:`iterate`, which checks."""


def iterate(objective: Objective, method: Method, state: State) -> States:
    """Minimise: yield one immutable state per epoch.

    The iterator of a first-order method is endless: stop reading when enough is enough. One of a method that
    ends by itself returns an :class:`Ending` as the value of its ``StopIteration``.

    Parameters
    ----------
    objective : Objective
        C(θ). It is called with one working array θ that changes in place from step to step: an objective that
        remembers θ must copy it. The gradient that it returns is read, never written. A step on a batch sees
        its ``batch_estimate`` if it has one, else its ``value_and_gradient`` of the rows.
    method : Method
        For example ``HeavyBall(0.5, smoothing=0.1)``.
    state : State
        Where to start: from :func:`initial_state`, or any state of an earlier run. 10 epochs and 10 more give
        the same numbers as 20, bit for bit, on one machine with one number of threads.

    Yields
    ------
    State
        After each epoch, which is ⌈n / batch_size⌉ steps.

    Raises
    ------
    OptionError
        If the state lacks what the method remembers, or batches are asked of an objective without examples.
    ShapeError
        If θ or a gradient has the wrong shape.
    DivergenceError
        When a loss, a gradient or a parameter is no longer finite; its ``state`` is the last good one.

    Examples
    --------
    >>> import numpy as np
    >>> from itertools import islice
    >>> from chainrule.optimize import GradientDescent
    >>> from chainrule.parameters import ParameterSpec
    >>> class Bowl:
    ...     parameters, size = ParameterSpec.of({"w": (3,)}), 0
    ...     def value(self, theta, rows=None):
    ...         return 0.5 * theta @ theta
    ...     def value_and_gradient(self, theta, rows=None):
    ...         return 0.5 * theta @ theta, theta.copy()
    >>> method = GradientDescent(0.5)
    >>> start = initial_state(Bowl(), method, [1.0, 2.0, 4.0])
    >>> [state.theta.tolist() for state in islice(iterate(Bowl(), method, start), 2)]
    [[0.5, 1.0, 2.0], [0.25, 0.5, 1.0]]
    """
    check_method(objective, method)
    pack_start(objective, state.theta)
    _check_slots(method, state)
    return method.states(objective, state)


def initial_state(objective: Objective, method: Method, theta: Start, seed: Seed = 0) -> State:
    """The state before the first epoch: θ, the method's memory at its beginning, and a seeded generator.

    Parameters
    ----------
    objective : Objective
        What will be minimised.
    method : Method
        What will minimise it.
    theta : array_like, shape (p,), or Parameters, or mapping of name to array_like
        The starting point; copied.
    seed : int, numpy.random.Generator or None
        Of the order of the examples. A generator gives one number; None draws from the system.

    Raises
    ------
    OptionError, ShapeError
        If θ does not fit the objective or is not finite, or the method does not fit the objective.
    """
    check_method(objective, method)
    vector = pack_start(objective, theta)
    return State(vector, method.first_slots(vector), encode_generator(seed))


def check_method(objective: Objective, method: Method) -> None:
    """Refuse what is not a method, what is not an objective, and a pair that does not fit.

    Raises
    ------
    OptionError
        With what was given and what would be right.
    """
    if not isinstance(method, Method):
        raise OptionError(f"method is {method!r}; expected one like chainrule.optimizers.Momentum(0.1).")
    if not isinstance(objective, Objective):
        raise OptionError(
            f"{type(objective).__name__} is not an objective; it needs parameters, size, "
            "value(theta, rows) and value_and_gradient(theta, rows)."
        )
    check_batch_size(objective, method.batch_size)
    method.seen(objective)


def _check_slots(method: Method, state: State) -> None:
    missing = [name for name in method.slot_names if name not in state.slots]
    if missing:
        raise OptionError(
            f"{type(method).__name__} remembers {', '.join(method.slot_names)}, but the state holds "
            f"{', '.join(state.slots) or 'none'}: it belongs to another method. "
            "To go on from its parameters, use initial_state(objective, method, state.theta)."
        )
    wrong = [name for name in method.slot_names if state.slots[name].shape != state.theta.shape]
    if wrong:
        raise OptionError(
            f"Slot {wrong[0]} has shape {state.slots[wrong[0]].shape}; theta {state.theta.shape}."
        )
