"""The record of a run as plain data, for JSON and for model files."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from chainrule.optimize import History, Method, Result


def training_record(result: Result, method: Method, seed: int, **facts: Any) -> dict[str, Any]:
    """What a run was and how it went."""
    history = result.history
    return {
        **facts,
        "method": repr(method),
        "seed": seed,
        "epochs": result.state.epoch,
        "stopped": result.stopped,
        "converged": result.converged,
        "loss": _finite(history.loss[-1]) if len(history) else None,
        "seconds": _finite(history.seconds[-1]) if len(history) else None,
        "history": plain_history(history),
    }


def plain_history(history: History) -> Mapping[str, list[float | None]]:
    """The measured columns; NaN and infinity, which JSON does not have, as None."""
    columns = {name: [_finite(value) for value in column] for name, column in history.to_dict().items()}
    return {name: column for name, column in columns.items() if any(value is not None for value in column)}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
