"""Restarts: runs from starts of their own, of which the best is kept."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np

from chainrule.optimize.result import Result
from chainrule.optimize.state import Seed, check_seed
from chainrule.options import whole_number

S = TypeVar("S", bound=Seed)


def best_start(
    run: Callable[[S], Result], seed: S, restarts: int, loss: Callable[[Result], float], what: str
) -> tuple[S, Result]:
    """Run from several starts; the seed of the run with the lowest loss, and its result, which says so.

    Parameters
    ----------
    run : callable
        ``run(seed)``.
    seed : int, numpy.random.Generator or None
        Of the first run; a whole number gives those of the others, a generator draws on.
    restarts : int
        How many runs follow the first one; an interrupted run is the last one.
    loss : callable
        Of a result, lower is better; one that diverged is behind all others.
    what : str
        How that loss is called.

    Raises
    ------
    OptionError
        If ``restarts`` is no whole number.
    """
    count = whole_number("restarts", restarts, least=0)
    if not count:
        return seed, run(seed)
    if not isinstance(seed, np.random.Generator):
        check_seed(seed)
    seeds = [seed, *(_seed_of(seed, number) for number in range(1, 1 + count))]
    tried: list[tuple[tuple[bool, float], S, Result]] = []
    for one in seeds:
        result = run(one)
        value = loss(result)
        tried.append(((result.diverged, math.inf if math.isnan(value) else value), one, result))
        if result.interrupted:
            break
    (_, lowest), found, result = min(tried, key=lambda one: one[0])
    highest = max(value for (_, value), _, _ in tried)
    said = f"Kept is the best of {len(tried)} starts: {what} {lowest:.6g}, of {highest:.6g} at most."
    return found, replace(result, remarks=(*result.remarks, said))


def _seed_of(seed: S, number: int) -> S:
    if not isinstance(seed, int | np.integer):
        return seed
    drawn = np.random.SeedSequence([int(seed), number]).generate_state(1, np.uint64)
    return int(drawn[0])  # type: ignore[return-value]
