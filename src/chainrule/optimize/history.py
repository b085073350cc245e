"""The record of a run: one row per epoch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.errors import ShapeError

_SHOWN_AT_EACH_END = 5


@dataclass(frozen=True)
class Epoch:
    """One row of a :class:`History`; NaN where nothing was measured.

    Parameters
    ----------
    epoch : int
        Counted from 1.
    loss : float
        Row-weighted mean of the losses of the epoch's steps, each taken before its step.
    gradient_norm : float
        ‖∇C‖₂ as the last step saw it.
    learning_rate : float
        η of the epoch.
    seconds : float
        Wall time since the beginning of the run, seconds.
    validation : float
        Validation score after the epoch; lower is better.
    end_loss : float
        C(θ) over all examples after the epoch.
    """

    epoch: int
    loss: float
    gradient_norm: float
    learning_rate: float = math.nan
    seconds: float = math.nan
    validation: float = math.nan
    end_loss: float = math.nan


_COLUMNS = tuple(field.name for field in fields(Epoch))


@dataclass(frozen=True, eq=False, repr=False)
class History:
    """The columns of :class:`Epoch`, each an array with an entry per epoch.

    Examples
    --------
    >>> history = History.of([Epoch(1, loss=0.5, gradient_norm=2.0), Epoch(2, loss=0.25, gradient_norm=1.0)])
    >>> history.loss
    array([0.5 , 0.25])
    >>> len(history), history[-1].epoch
    (2, 2)
    >>> print(history)
    epoch  loss  gradient_norm
        1   0.5              2
        2  0.25              1
    """

    epoch: NDArray[np.int64]
    loss: NDArray[np.float64]
    gradient_norm: NDArray[np.float64]
    learning_rate: NDArray[np.float64]
    seconds: NDArray[np.float64]
    validation: NDArray[np.float64]
    end_loss: NDArray[np.float64]

    def __post_init__(self) -> None:
        for name in _COLUMNS:
            column: NDArray[Any] = np.array(getattr(self, name), np.int64 if name == "epoch" else np.float64)
            if column.ndim != 1 or column.size != np.size(self.epoch):
                raise ShapeError(
                    f"Column {name} has shape {column.shape}; expected ({np.size(self.epoch)},)."
                )
            column.flags.writeable = False
            object.__setattr__(self, name, column)

    @classmethod
    def of(cls, epochs: Iterable[Epoch]) -> History:
        """The history of these epochs."""
        rows = list(epochs)
        return cls(**{name: np.array([getattr(row, name) for row in rows]) for name in _COLUMNS})

    @classmethod
    def from_dict(cls, columns: Mapping[str, ArrayLike]) -> History:
        """The history with these columns, as :meth:`to_dict` gives them."""
        return cls(**{name: np.asarray(columns[name]) for name in _COLUMNS})

    def to_dict(self) -> dict[str, list[float]]:
        """The columns as lists, ready for a table or a file."""
        return {name: getattr(self, name).tolist() for name in _COLUMNS}

    def __len__(self) -> int:
        return int(self.epoch.size)

    def __getitem__(self, index: int) -> Epoch:
        return Epoch(**{name: getattr(self, name)[index].item() for name in _COLUMNS})

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, History):
            return NotImplemented
        return all(
            np.array_equal(getattr(self, name), getattr(other, name), equal_nan=True) for name in _COLUMNS
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """A table of the measured columns, its middle left out when it is long."""
        if not len(self):
            return "History(no epochs)"
        names = [name for name in _COLUMNS if not np.isnan(getattr(self, name)).all()]
        lines = [names] + [
            [f"{value:.6g}" for value in row] for row in zip(*map(self._shown, names), strict=True)
        ]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        table = [
            "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines
        ]
        if len(self) > 2 * _SHOWN_AT_EACH_END:
            table.insert(1 + _SHOWN_AT_EACH_END, "...".rjust(widths[0]))
        return "\n".join(table)

    def _shown(self, name: str) -> list[float]:
        column: list[float] = getattr(self, name).tolist()
        if len(column) <= 2 * _SHOWN_AT_EACH_END:
            return column
        return column[:_SHOWN_AT_EACH_END] + column[-_SHOWN_AT_EACH_END:]
