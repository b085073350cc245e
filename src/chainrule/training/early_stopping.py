"""Early stopping: end a run that no longer improves, and keep its best state."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from chainrule.errors import OptionError
from chainrule.numerals import numeral
from chainrule.optimize.history import Epoch, History
from chainrule.optimize.iteration import Ending
from chainrule.optimize.state import State
from chainrule.options import not_negative, whole_number

_MONITORED = {
    "validation": "the validation loss",
    "end_loss": "the loss at the end of an epoch",
    "loss": "the loss during an epoch",
}


@dataclass(frozen=True)
class EarlyStopping:
    """Stop when the monitored column has not fallen for ``patience`` epochs; the best state is handed back.

    The start counts: where no epoch is better, it is the best state.

    Parameters
    ----------
    patience : int
        Epochs without improvement after which the run stops.
    min_delta : float
        A fall counts only if it is larger than this, in the units of the column.
    monitor : {"validation", "end_loss", "loss"}
        A column of the history. ``"end_loss"`` evaluates C(θ) after every epoch; ``"loss"`` costs nothing,
        but was taken before the steps that led to the state.
    """

    patience: int = 10
    min_delta: float = 0.0
    monitor: Literal["validation", "end_loss", "loss"] = "validation"

    def __post_init__(self) -> None:
        object.__setattr__(self, "patience", whole_number("patience", self.patience, least=1))
        object.__setattr__(self, "min_delta", not_negative("min_delta", self.min_delta))
        if self.monitor not in _MONITORED:
            raise OptionError(f"monitor is {self.monitor!r}; expected one of {', '.join(_MONITORED)}.")


class Stopper:
    """The watcher of an :class:`EarlyStopping`; what it knows follows from the history and the best state.

    Parameters
    ----------
    rule : EarlyStopping
        When to stop.
    best : State
        The best state so far: the start, or that of the run that goes on.
    history : History
        The rows of the run that goes on.
    measure : callable
        The monitored quantity of a state, for a best state that the history does not have: the start counts.
    """

    def __init__(
        self, rule: EarlyStopping, best: State, history: History, measure: Callable[[State], float]
    ) -> None:
        self._rule = rule
        self.best = best
        recorded = getattr(history, rule.monitor)[history.epoch == best.epoch]
        lowest = float(recorded[0] if recorded.size and not np.isnan(recorded[0]) else measure(best))
        self._lowest = math.inf if math.isnan(lowest) else lowest

    def __call__(self, state: State, row: Epoch) -> Ending | None:
        """Remember the state if it is the best; answer when patience is at its end."""
        value = float(getattr(row, self._rule.monitor))
        if value < self._lowest - self._rule.min_delta:  # not when it is NaN
            self._lowest, self.best = value, state
        return self.ending(state)

    def ending(self, state: State) -> Ending | None:
        """Why the run ends with this state, if it does."""
        waited = state.epoch - self.best.epoch
        if waited < self._rule.patience:
            return None
        moment = f"after epoch {self.best.epoch}" if self.best.epoch else "at the start"
        least = f" by more than {numeral(self._rule.min_delta)}" if self._rule.min_delta else ""
        return Ending(
            f"{_MONITORED[self._rule.monitor]} has not fallen{least} for {waited} epochs; "
            f"the best was {numeral(self._lowest, 6)} {moment}.",
            asked_for=True,
        )
