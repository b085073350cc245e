"""Paired, interleaved timing: what a case is, how it is run, and what is said of it.

A case times ours beside rivals, which do the same work by hand or on another road, and beside peers, other
libraries where they are installed. Ours and the rivals take turns, round after round, so that a noisy machine
moves all of them; a ratio is the median of the ratios of the rounds, with an interval that holds the median
in 95 of 100 runs whatever the distribution (order statistics). Peers run after that: what they leave in the
caches and the allocator must not move the ratio. Before anything is timed, all must give the same result.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binom

Function = Callable[[], object]
LEAST, MOST = 5, 2000  # rounds of a case
PACKAGES = ("chainrule", "numpy", "scipy", "pandas", "pyarrow", "scikit-learn", "jax", "torch", "sympy")
ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Contest:
    """Functions that do the same work.

    ``per`` is how many steps one run does; ``same`` makes a result comparable (None: nothing to compare), to
    ``tolerance``; ``remark`` says something of the last results, by name, ours as "chainrule".
    """

    ours: Function
    rivals: Mapping[str, Function] = field(default_factory=dict)
    peers: Mapping[str, Function] = field(default_factory=dict)
    per: int = 1
    same: Callable[[Any], np.ndarray] | None = np.asarray
    tolerance: float = 1e-8
    remark: Callable[[Mapping[str, Any]], str] | None = None


@dataclass(frozen=True)
class Case:
    """A row of the table: its name, how to prepare it, and the ratio to the quickest rival to stay below."""

    name: str
    prepare: Callable[[], Contest]
    goal: float | None = None


@dataclass(frozen=True)
class Timing:
    """Seconds of one contestant in each round, and ours divided by its, where that is asked."""

    name: str
    seconds: np.ndarray
    ratio: tuple[float, float, float] | None = None

    @property
    def median(self) -> float:
        return float(np.median(self.seconds))


@dataclass(frozen=True)
class Row:
    """What was measured of a case; ours first."""

    case: str
    timings: Sequence[Timing]
    remark: str = ""
    goal: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Medians in seconds, ratios as median, low and high."""
        contestants = [
            {"name": each.name, "median": each.median, "rounds": len(each.seconds), "ratio": each.ratio}
            for each in self.timings
        ]
        return {"case": self.case, "contestants": contestants, "remark": self.remark, "goal": self.goal}


def ratio(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float, float]:
    """The median of the ratios round by round, and the ends of its 95 % interval."""
    ratios = np.sort(ours / theirs)
    low = max(int(binom.ppf(0.025, len(ratios), 0.5)) - 1, 0)
    return float(np.median(ratios)), float(ratios[low]), float(ratios[len(ratios) - 1 - low])


def measure(case: Case, budget: float) -> Row:
    """Run a case for about ``budget`` seconds, then each peer for about as long."""
    contest = case.prepare()
    runs = {"chainrule": contest.ours, **contest.rivals}
    results = {name: run() for name, run in (runs | dict(contest.peers)).items()}
    if contest.same is not None:
        ours = contest.same(results["chainrule"])
        for name, result in results.items():
            theirs = ours if name == "chainrule" else np.asarray(result)
            np.testing.assert_allclose(ours, theirs, contest.tolerance, contest.tolerance, err_msg=name)
    times = in_turn(runs, budget) / contest.per
    timings = [Timing("chainrule", times[:, 0])]
    timings += [
        Timing(name, times[:, place], ratio(times[:, 0], times[:, place]))
        for place, name in enumerate(contest.rivals, 1)
    ]
    for name, run in contest.peers.items():
        seconds = in_turn({name: run}, budget)[:, 0] / contest.per
        rounds = min(len(seconds), len(times))
        timings.append(Timing(name, seconds, ratio(times[:rounds, 0], seconds[:rounds])))
    remark = contest.remark(results) if contest.remark is not None else ""
    return Row(case.name, timings, remark, case.goal)


def in_turn(runs: Mapping[str, Function], budget: float) -> np.ndarray:
    """Seconds of each run, a row a round; each round starts with another one."""
    rounds: list[list[float]] = []
    names = list(runs)
    start = time.perf_counter()
    while len(rounds) < LEAST or (len(rounds) < MOST and time.perf_counter() - start < budget):
        first = len(rounds) % len(names)
        taken = {name: seconds(runs[name]) for name in (*names[first:], *names[:first])}
        rounds.append([taken[name] for name in names])
    return np.array(rounds)


def seconds(run: Function) -> float:
    """Wall-clock time of one run."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def environment(threads: int, more: Sequence[str] = ()) -> dict[str, Any]:
    """What a figure depends on: the machine, the threads, the versions, also of more packages."""
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "python": sys.version.split()[0],
        "blas_threads": threads,
        "versions": {name: found for name in (*PACKAGES, *more) if (found := _version(name))},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def table(rows: Sequence[Row]) -> str:
    """A line for each contestant; a ratio is ours divided by theirs, so below 1 we are quicker."""
    lines = []
    for row in rows:
        wanted = f"   goal: {row.goal:g}" if row.goal is not None else ""
        ours, *others = row.timings
        lines.append(f"{row.case:<52}{duration(ours.median):>10}{wanted}")
        if row.remark:
            lines.append(f"    {row.remark}")
        for other in others:
            beside = "" if other.ratio is None else "{:8.2f}  ({:.2f} to {:.2f})".format(*other.ratio)
            lines.append(f"    {other.name:<48}{duration(other.median):>10}{beside}")
    return "\n".join(lines)


def duration(value: float) -> str:
    """Seconds to three digits, in the unit that suits.

    >>> duration(3.91e-5), duration(0.227), duration(12.0)
    ('39.1 µs', '227 ms', '12 s')
    """
    unit, scale = next((unit, scale) for unit, scale in _UNITS if value >= scale or unit == "ns")
    return f"{float(f'{value / scale:.3g}'):g} {unit}"


_UNITS = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9))
