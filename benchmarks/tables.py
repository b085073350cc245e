"""Held-out scores of ``chainrule train FILE --target COLUMN`` on real tables, beside others on the same rows.

    python -m benchmarks.tables                      half B, on which no default was chosen
    python -m benchmarks.tables --half A             the other, on which they were
    python -m benchmarks.tables --commands           the first command of every table, and what came of it
    python -m benchmarks.tables --json figures.json  the figures for a program, too

Each of the splits is that of ``--seed 0``, ``1``, ...; beside it stand the linear model that ``train`` fits
to the same rows, scikit-learn's MLP as it comes on the same inputs (numbers to learn are scaled for it, too),
and the trivial guess. A score is the accuracy, or R2 of numbers. A margin is the mean over the splits of ours
minus the better of both others, whichever has the better mean; its 95 % interval is Student's, with the
variance of overlapping splits of Nadeau and Bengio, *Inference for the generalization error*, 2003.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t as student
from threadpoolctl import threadpool_limits

from benchmarks import peers
from benchmarks.harness import Case, Contest, environment
from benchmarks.real_tables import TABLES, RealTable
from chainrule.cli.network_job import NetworkJob
from chainrule.cli.train import Settings, _job, command
from chainrule.errors import ChainruleError, ConvergenceWarning

SPLITS = 5
BEHIND = 0.02
RIVALS = ("linear", "MLP")
LONGEST = 300.0  # seconds of a first command


@dataclass(frozen=True)
class Scored:
    """Scores of one table, one for each split.

    Parameters
    ----------
    table, half, measure : str
        Its name, its half, and accuracy or R2.
    rows, inputs : int
        In training.
    share : float
        Rows that are held out, for each that trains.
    scores : dict of str to list of float
        Of chainrule, the linear model, MLP (where it is installed) and the trivial guess.
    seconds : dict of str to float
        Of a training, in the mean.
    """

    table: str
    half: str
    measure: str
    rows: int
    inputs: int
    share: float
    scores: dict[str, list[float]]
    seconds: dict[str, float]

    def mean(self, name: str) -> float:
        return float(np.mean(self.scores[name]))

    @property
    def rival(self) -> str:
        """The better of the linear model and the MLP."""
        return max((name for name in RIVALS if name in self.scores), key=self.mean)

    @property
    def margin(self) -> tuple[float, float, float]:
        """Ours minus the better of both: mean and ends of its interval."""
        return paired(np.subtract(self.scores["chainrule"], self.scores[self.rival]), self.share)


def paired(differences: np.ndarray, share: float = 0.0) -> tuple[float, float, float]:
    """The mean and its 95 % interval; `share`, where splits overlap, is rows scored by rows that train."""
    count = len(differences)
    mean = float(np.mean(differences))
    error = float(np.std(differences, ddof=1) * np.sqrt(1 / count + share)) if count > 1 else np.nan
    reach = float(student.ppf(0.975, max(count - 1, 1))) * error
    return mean, mean - reach, mean + reach


def job(path: Path | str, target: str, seed: int) -> tuple[NetworkJob, Settings]:
    """What the first command trains."""
    arguments = [str(path), "--target", target, "--seed", str(seed), "--quiet", "--json"]
    with command.make_context("train", arguments) as context:
        settings = Settings(**context.params)
        return _job(settings), settings


def train(made: NetworkJob, settings: Settings) -> dict[str, float]:
    """Scores of the model that the command hands out, of the linear model and of the trivial guess."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        first = made.scores(made.train(settings.method_for(made.rows), settings)).table[0]
    assert first.linear is not None
    return {"chainrule": first.model, "linear": first.linear, "trivial": first.baseline}


def mlp(made: NetworkJob, seed: int) -> float:
    """The score of scikit-learn's MLP as it comes; numbers to learn are scaled already."""
    from sklearn import exceptions
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    model = (MLPRegressor if made.head.task == "regression" else MLPClassifier)(random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", exceptions.ConvergenceWarning)
        model.fit(made.training.X, made.training.y)
    assert made.held_out is not None
    return float(model.score(made.held_out.X, made.held_out.y))


def score(table: RealTable, folder: Path, splits: int = SPLITS) -> Scored:
    """Every contestant on every split."""
    path = table.written(folder)
    scores: dict[str, list[float]] = {}
    spent: dict[str, float] = {}
    for seed in range(splits):
        made, settings = job(path, table.target, seed)
        start = time.perf_counter()
        found = train(made, settings)
        spent["chainrule"] = spent.get("chainrule", 0.0) + (time.perf_counter() - start) / splits
        if peers.installed("sklearn"):
            start = time.perf_counter()
            found["MLP"] = mlp(made, seed)
            spent["MLP"] = spent.get("MLP", 0.0) + (time.perf_counter() - start) / splits
        for name, value in found.items():
            scores.setdefault(name, []).append(value)
    measure = "R2" if made.head.task == "regression" else "accuracy"
    sizes = (made.rows, made.network.sizes[0], made.held_rows / made.rows)
    return Scored(table.name, table.half, measure, *sizes, scores, spent)


def scored(tables: Iterable[RealTable], splits: int = SPLITS) -> Iterable[Scored | str]:
    """The scores of each table, or why it has none."""
    with tempfile.TemporaryDirectory() as folder:
        for table in tables:
            if table.missing:
                yield f"{table.name}: {table.missing}"
                continue
            try:
                yield score(table, Path(folder), splits)
            except ChainruleError as error:
                yield f"{table.name}: {error}".replace(f"{folder}/", "")


HEAD = f"{'table':<34}{'rows':>7}{'inputs':>7}  {'score':<9}" + "".join(
    f"{name:>10}" for name in ("chainrule", "linear", "MLP", "trivial")
)


def line(one: Scored) -> str:
    """A row of the table of results."""
    values = [one.mean(name) if name in one.scores else np.nan for name in ("chainrule", *RIVALS, "trivial")]
    shown = "".join(f"{value:>10.3f}" for value in values)
    margin, low, high = one.margin
    return (
        f"{one.table:<34}{one.rows:>7,}{one.inputs:>7}  {one.measure:<9}{shown}"
        f"{margin:>+9.3f} ({low:+.3f} to {high:+.3f})"
    )


def summary(found: Sequence[Scored]) -> list[str]:
    """What all tables together say, and which are behind."""
    behind = [one for one in found if one.margin[0] < -BEHIND]
    said = [f"{len(found)} tables; {len(behind)} more than {BEHIND} behind the better of both others"]
    for name in RIVALS:
        each = [one.mean("chainrule") - one.mean(name) for one in found if name in one.scores]
        if each:
            worse, better = sum(x < -BEHIND for x in each), sum(x > BEHIND for x in each)
            median = f"median {float(np.median(each)):+.3f}"
            said.append(f"against {name}: more than {BEHIND} better on {better}, worse on {worse}; {median}")
    return [*said, *(f"behind: {one.table} {one.margin[0]:+.3f} of {one.rival}" for one in behind)]


@dataclass(frozen=True)
class Came:
    """What came of a first command."""

    table: str
    ended_in_a_model: bool
    said: str


def first_command(table: RealTable, folder: Path) -> Came:
    """Run it in a process of its own, as a person would."""
    path, model = table.written(folder), folder / "model"
    model.unlink(missing_ok=True)
    words = ["train", path.name, "--target", table.target, "--out", model.name, "--json", "--quiet"]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "chainrule", *words],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=LONGEST,
        )
    except subprocess.TimeoutExpired:
        return Came(table.name, False, f"took more than {LONGEST:g} s")
    if done.returncode or not model.exists():
        return Came(table.name, False, " ".join(done.stderr.split()))
    record = json.loads(done.stdout)
    name, first = next(iter(record["scores"].items()))
    said = f"{record['task']}, {name} {first['held_out']:.3f}, linear {first['linear']:.3f}"
    return Came(table.name, True, "; ".join([said, *record["remarks"]]))


def commands(tables: Iterable[RealTable]) -> Iterable[Came | str]:
    """The first command of each table, or why there is none."""
    with tempfile.TemporaryDirectory() as folder:
        for table in tables:
            yield f"{table.name}: {table.missing}" if table.missing else first_command(table, Path(folder))


def main(arguments: list[str] | None = None) -> None:
    """Print the table, row by row, and write the figures where that is asked."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks.tables",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--half", choices=("A", "B", "both"), default="B")
    parser.add_argument("--splits", type=int, default=SPLITS)
    parser.add_argument("--only", metavar="TEXT", default="", help="tables whose name has it")
    parser.add_argument(
        "--commands", action="store_true", help="run the first commands of both halves instead"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    options = parser.parse_args(arguments)
    is_both = options.commands or options.half == "both"
    tables = [one for one in TABLES if options.only in one.name and (is_both or one.half == options.half)]
    with threadpool_limits(1):
        rows = _commands(tables) if options.commands else _scores(tables, options.splits)
    if options.json:
        figures = {"environment": environment(1, sorted({one.package for one in TABLES})), "rows": rows}
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def _scores(tables: Sequence[RealTable], splits: int) -> list[dict[str, Any]]:
    print(f"{HEAD}   margin of the better of both")
    found = []
    for one in scored(tables, splits):
        print(one if isinstance(one, str) else line(one), flush=True)
        found += [one] if isinstance(one, Scored) else []
    print("\n".join(summary(found)))
    return [asdict(one) | {"rival": one.rival, "margin": one.margin} for one in found]


def _commands(tables: Sequence[RealTable]) -> list[dict[str, Any]]:
    found = []
    for one in commands(tables):
        print(one if isinstance(one, str) else f"{one.table}: {one.said}", flush=True)
        found += [one] if isinstance(one, Came) else []
    print(f"{sum(one.ended_in_a_model for one in found)} of {len(found)} first commands end in a model")
    return [asdict(one) for one in found]


def diabetes() -> Contest:
    """Training on a table of 442 rows, as the row of ``python -m benchmarks``."""
    made, settings = job("diabetes", "progression", 0)

    def remark(results: Mapping[str, Any]) -> str:
        ours, *others = results.values()
        shown = [f"{name} {value:.3f}" for name, value in ours.items()]
        return "held-out R2: " + ", ".join([*shown, *(f"MLP {value:.3f}" for value in others)])

    others = {"scikit-learn's MLP": lambda: mlp(made, 0)} if peers.installed("sklearn") else {}
    return Contest(lambda: train(made, settings), {}, others, same=None, remark=remark)


CASES = [Case("train on diabetes as the first command does", diabetes)]

if __name__ == "__main__":
    main()
