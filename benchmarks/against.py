"""The same cases with the package of another commit: two processes that take turns.

The other commit is unpacked into a temporary folder (``git archive``); each process imports its own package
and the benchmarks of this commit, and times one run when it is asked to, so that the runs interleave as in
one process. A case that the other commit cannot prepare is left out, with the reason.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.harness import LEAST, MOST, ROOT, Case, Row, Timing, ratio, seconds


class Worker:
    """A process that prepares cases by name and times ours, with the package that lies in ``source``."""

    def __init__(self, source: Path, threads: int) -> None:
        places = [str(source), str(ROOT)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.against", str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
        )

    def ask(self, request: str) -> Any:
        """The answer to ``prepare NAME`` (None, or what went wrong) or to ``run`` (seconds)."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(request + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def end(self) -> None:
        """Let the process go."""
        self._process.communicate("")


def compared(cases: Sequence[Case], commit: str, threads: int, budget: float) -> Iterator[Row | str]:
    """Rows of this commit beside another, or why there is none."""
    with _unpacked(commit) as source:
        workers = [Worker(ROOT / "src", threads), Worker(source, threads)]
        for case in cases:
            wrong = next((said for worker in workers if (said := worker.ask(f"prepare {case.name}"))), None)
            yield f"{case.name}: left out; {wrong}" if wrong else _row(case, workers, commit, budget)
        for worker in workers:
            worker.end()


def _row(case: Case, workers: Sequence[Worker], commit: str, budget: float) -> Row:
    rounds: list[list[float]] = []
    start = time.perf_counter()
    while len(rounds) < LEAST or (len(rounds) < MOST and time.perf_counter() - start < budget):
        order = (0, 1) if len(rounds) % 2 else (1, 0)
        taken = {place: workers[place].ask("run") for place in order}
        rounds.append([taken[0], taken[1]])
    now, before = np.array(rounds).T
    return Row(case.name, [Timing("chainrule", now), Timing(commit, before, ratio(now, before))])


@contextmanager
def _unpacked(commit: str) -> Iterator[Path]:
    archive = subprocess.run(["git", "archive", commit, "src"], cwd=ROOT, check=True, capture_output=True)
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as packed:
            packed.extractall(folder, filter="data")
        yield Path(folder) / "src"


def _serve(threads: int) -> None:
    from benchmarks.cases import groups

    named = {case.name: case for cases in groups(partly=True).values() for case in cases}
    contest = None
    with threadpool_limits(threads):
        for line in sys.stdin:
            what, _, name = line.strip().partition(" ")
            answer: Any = None
            if what == "prepare":
                try:
                    if name not in named:
                        raise ImportError("it lacks a module that the case needs")
                    contest = named[name].prepare()
                    contest.ours()  # what the first call alone costs is no part of a run
                except Exception as error:  # whatever an older package lacks
                    answer = f"{type(error).__name__}: {error}"
            else:
                assert contest is not None
                answer = seconds(contest.ours) / contest.per
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
