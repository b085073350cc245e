"""The batches of one epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import OptionError
from chainrule.objective import EstimatesFromBatch, Objective, Rows


class Batch(NamedTuple):
    """What one step sees: ``evaluate(theta, rows)`` of an objective, and how many rows these are."""

    objective: Objective
    evaluate: Callable[[NDArray[Any], Rows], tuple[float, NDArray[Any]]]
    rows: Rows
    size: int


@runtime_checkable
class Shuffles(Protocol):
    """An objective that can lay its examples in another order.

    Batches are then contiguous slices, which an objective can read without gathering rows at every step.
    """

    def shuffled(self, permutation: NDArray[np.integer[Any]]) -> Objective:
        """The same objective whose row i is row ``permutation[i]`` of this one.

        It may share buffers with earlier results: it is used only until the next call.
        """
        ...


def is_full_batch(objective: Objective, batch_size: int | None) -> bool:
    """Whether one step sees all examples."""
    return batch_size is None or batch_size >= objective.size


def check_batch_size(objective: Objective, batch_size: int | None) -> None:
    """Refuse batches of an objective that has no examples.

    Raises
    ------
    OptionError
        If ``batch_size`` is given and ``objective.size`` is 0.
    """
    if batch_size is not None and objective.size == 0:
        raise OptionError(
            f"batch_size is {batch_size}, but the objective is not a sum over examples (its size is 0); "
            "use batch_size=None, which takes the whole objective in every step."
        )


def epoch_batches(objective: Objective, batch_size: int | None, rng: np.random.Generator) -> Iterator[Batch]:
    """The ⌈n / batch_size⌉ batches of an epoch.

    One permutation is drawn, then cut into contiguous batches, the last of which may be shorter. A batch of
    all examples is the whole objective: nothing is drawn.
    """
    size = objective.size
    if batch_size is None or is_full_batch(objective, batch_size):
        yield Batch(objective, objective.value_and_gradient, None, max(size, 1))
        return
    permutation = rng.permutation(size)
    ordered = objective.shuffled(permutation) if isinstance(objective, Shuffles) else None
    source = objective if ordered is None else ordered
    evaluate = source.batch_estimate if isinstance(source, EstimatesFromBatch) else source.value_and_gradient
    for start in range(0, size, batch_size):
        stop = min(start + batch_size, size)
        rows = permutation[start:stop] if ordered is None else slice(start, stop)
        yield Batch(source, evaluate, rows, stop - start)
