"""Early stopping: end a run that no longer improves, and keep its best state."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from chainrule.errors import OptionError
from chainrule.optimize.history import Epoch, History
from chainrule.optimize.iteration import Ending
from chainrule.optimize.state import State
from chainrule.options import not_negative, whole_number

__all__ = ["EarlyStopping", "Stopper"]

_MONITORS = ("validation", "end_loss", "loss")


@dataclass(frozen=True)
class EarlyStopping:
    """Stop when the monitored column has not fallen for ``patience`` epochs; the best state is handed back.

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
        if self.monitor not in _MONITORS:
            raise OptionError(f"monitor is {self.monitor!r}; expected one of {', '.join(_MONITORS)}.")


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
    """

    def __init__(self, rule: EarlyStopping, best: State, history: History) -> None:
        self._rule = rule
        self._lowest, self._lowest_epoch = math.inf, best.epoch
        self.best = best
        for index in range(len(history)):
            self._improves(history[index])

    def __call__(self, state: State, row: Epoch) -> Ending | None:
        """Remember the state if it is the best; answer when patience is at its end."""
        if self._improves(row):
            self.best = state
        waited = row.epoch - self._lowest_epoch
        if waited < self._rule.patience:
            return None
        return Ending(
            f"{self._rule.monitor} has not fallen by more than {self._rule.min_delta:g} for {waited} epochs; "
            f"the best was {self._lowest:.6g} after epoch {self._lowest_epoch}."
        )

    def _improves(self, row: Epoch) -> bool:
        value = float(getattr(row, self._rule.monitor))
        if not value < self._lowest - self._rule.min_delta:  # also when it is NaN
            return False
        self._lowest, self._lowest_epoch = value, row.epoch
        return True
