"""How many threads the matrix products of a run may use."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from chainrule.objective import Objective
from chainrule.optimize.iteration import Method

# Rows of a step times parameters. Below, a second thread gains little on a quiet machine, and waiting for one
# that shares its core with other work can cost many times the product itself.
_WORTH_MORE_THREADS = 10_000_000


def suitable_threads(objective: Objective, method: Method) -> AbstractContextManager[Any]:
    """A context in which small steps use one BLAS thread; large ones keep the limits that are set.

    It depends on sizes alone, never on the clock: a run gives the same numbers again.
    """
    rows = min(method.batch_size or objective.size, objective.size) or 1
    if rows * objective.parameters.size >= _WORTH_MORE_THREADS:
        return nullcontext()
    from threadpoolctl import ThreadpoolController

    limit: AbstractContextManager[Any] = ThreadpoolController().limit(limits=1, user_api="blas")
    return limit
