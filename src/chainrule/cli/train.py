"""``chainrule train``: from a table to a trained network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import click
import numpy as np
from numpy.typing import NDArray

from chainrule.checking import CheckReport
from chainrule.cli.console import Console
from chainrule.cli.heads import TASKS, Head, choose_task, head_of
from chainrule.cli.methods import method_options
from chainrule.cli.options import (
    NewFile,
    json_option,
    quiet_option,
    report_option,
    seed_option,
)
from chainrule.cli.running import RunSettings, run, verdict_sections
from chainrule.cli.table_options import given_reading, table_options
from chainrule.cli.worked import WorkedCommand
from chainrule.data import Preprocessor, Table, read_table, split_rows
from chainrule.data.features import Missing
from chainrule.errors import DataError
from chainrule.network import ACTIVATIONS, Network
from chainrule.network.penalties import Frobenius
from chainrule.objective import Objective
from chainrule.optimize import Result
from chainrule.parameters import Parameters
from chainrule.persistence import Model
from chainrule.reports import (
    ClassificationScores,
    Figure,
    Report,
    Scores,
    Section,
    class_examples,
    examples_section,
    gradient_section,
    model_section,
    score_figures,
    scores_section,
    training_section,
)

Array = NDArray[Any]


@dataclass(frozen=True)
class Settings(RunSettings):
    """The options of the command."""

    table: str
    target: str
    task: str
    features: tuple[str, ...]
    exclude: tuple[str, ...]
    missing: Missing
    unseen: Literal["refuse", "other"]
    hidden: tuple[int, ...]
    activation: str
    penalty: float
    validation: float


def _hidden(ctx: click.Context, param: click.Parameter, text: str) -> tuple[int, ...]:
    if text.strip().lower() in ("", "none", "0"):
        return ()
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise click.BadParameter(
            f"{text!r}: expected whole numbers separated by commas, as in 64,32, or none.", ctx, param
        )
    return tuple(map(int, parts))


@click.command(
    "train",
    cls=WorkedCommand,
    examples=(
        "chainrule train houses.csv --target price --out houses.model",
        "chainrule train digits --target label --hidden 64,32 --report digits.html",
        "chainrule train patients.csv --target ill --missing median --epochs 200",
        "chainrule train wine --target cultivar --hidden none --optimizer lbfgs --penalty 0.01",
    ),
)
@click.argument("table")
@click.option("--target", required=True, metavar="COLUMN", help="What to predict.")
@click.option("--task", type=click.Choice(TASKS), default="auto", show_default=True, help="What it is.")
@click.option(
    "--features", multiple=True, metavar="COLUMN", help="Inputs, by name or glob; all others by default."
)
@click.option("--exclude", multiple=True, metavar="COLUMN", help="No inputs, by name or glob.")
@click.option(
    "--missing", type=click.Choice(get_args(Missing)), default="refuse", show_default=True,
    help="What to do about missing inputs.",
)  # fmt: skip
@click.option(
    "--unseen", type=click.Choice(("refuse", "other")), default="refuse", show_default=True,
    help="What to do about categories that training did not see.",
)  # fmt: skip
@click.option(
    "--hidden", default="32", show_default=True, callback=_hidden, metavar="UNITS",
    help="Units of the hidden layers, as in 64,32, or none.",
)  # fmt: skip
@click.option(
    "--activation", type=click.Choice(list(ACTIVATIONS)), metavar="NAME", default="relu", show_default=True,
    help=f"One of {', '.join(ACTIVATIONS)}.",
)  # fmt: skip
@click.option(
    "--penalty", type=click.FloatRange(min=0), default=0.001, show_default=True,
    help="Strength s of the penalty (s/2) ||W||^2 on the weights.",
)  # fmt: skip
@click.option(
    "--validation", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.25,
    show_default=True, help="Share of the rows that training never sees.",
)  # fmt: skip
@method_options("optimizer")
@seed_option
@click.option("--out", type=NewFile(), metavar="FILE", help="Save the trained model.")
@report_option
@table_options
@json_option
@quiet_option
def command(**options: Any) -> None:
    """Train a network on a table; TABLE is CSV, Parquet, JSON lines, npz, - or a bundled data set.

    The kind of the target says what is learned: numbers by the squared loss, two classes by one sigmoid, more
    by softmax. Inputs are standardised, categories become indicators; both are saved with the model.
    """
    settings = Settings(**options)
    run(settings.console, _job(settings), settings)


@dataclass(frozen=True, eq=False)
class Outcome:
    """The result, and its scores on the held-out rows."""

    result: Result
    scores: Scores


@dataclass(frozen=True, eq=False)
class NetworkJob:
    """A network and the numbers of its table."""

    table: Table
    reason: str
    preprocessor: Preprocessor
    head: Head
    network: Network
    X: Array
    y: Array
    X_held: Array
    y_held: Array

    @property
    def rows(self) -> int:
        return len(self.y)

    @property
    def held_rows(self) -> int:
        return len(self.y_held)

    def show(self, console: Console) -> None:
        console.heading("The table")
        console.block(f"{self.table}\n{self.reason}")
        console.heading("The network")
        console.block(repr(self.network))

    def start(self, seed: int) -> Parameters:
        return self.network.initialize(np.random.default_rng(seed))

    def objective(self, rows: int | None = None) -> Objective:
        return self.network.objective(self.X[:rows], self.y[:rows])

    def arguments(self) -> dict[str, Any]:
        held_out = (self.X_held, self.y_held)
        return {"model": self.network, "data": (self.X, self.y), "validation": held_out}

    def outcome(self, result: Result) -> Outcome:
        predictions = self.network.predict(result.parameters, self.X_held)
        return Outcome(result, self.head.scores(self.preprocessor, self.y_held, predictions, self.y))

    def lines(self, outcome: Outcome) -> list[str]:
        return [f"loss {outcome.result.history.loss[-1]:.6g}"]

    def facts(self, outcome: Outcome) -> dict[str, Any]:
        target = self.preprocessor.target
        return {
            "data": self.table.source,
            "target": target.name if target else None,
            "task": self.head.task,
            "rows": self.rows,
            "held_out_rows": self.held_rows,
            "scores": outcome.scores.to_dict(),
        }

    def model(self, outcome: Outcome, record: dict[str, Any], certificate: dict[str, Any] | None) -> Model:
        return Model(self.network, outcome.result.parameters, self.preprocessor, record, certificate)

    def page(self, outcome: Outcome, certificate: CheckReport | None) -> Report:
        from chainrule.catalogue import network_equations  # the equations, which training does without

        equations, scores = network_equations(self.network), outcome.scores
        sections: list[Section] = [
            model_section(equations.text, repr(self.network)),
            gradient_section(equations.derive("C")),
            *verdict_sections(certificate),
            training_section(outcome.result.history, outcome.result.stopped),
            scores_section(scores),
        ]
        if isinstance(scores, ClassificationScores):
            lead = "The mistakes the model is most sure of, then rows it gets right."
            sections.append(examples_section(class_examples(scores), lead))
        size = self.network.parameters.size
        figures = [
            *score_figures(scores),
            Figure("Rows", f"{self.rows:,}", "used for training"),
            Figure("Parameters", f"{size:,}", f"{self.network.depth} layers"),
        ]
        facts = self.facts(outcome)
        source = Path(self.table.source).name
        lead = f"A {facts['task']} network trained on {self.rows:,} rows of {source}."
        return Report(f"Predicting {facts['target']}", lead, tuple(figures), tuple(sections))


def _job(settings: Settings) -> NetworkJob:
    table = read_table(settings.table, **given_reading())
    task, reason = choose_task(table[settings.target], settings.task)
    kind: Any = "regression" if task == "regression" else "classification"
    table.refuse_missing(table[settings.target], "a target cannot be filled in; leave the row out")
    labels = None if task == "regression" else table[settings.target].values.astype(str)
    training, held_out = _split(table, labels, settings)
    preprocessor = Preprocessor.fit(
        training,
        settings.target,
        features=_features(table, settings.features) or None,
        exclude=_features(table, settings.exclude),
        task=kind,
        missing=settings.missing,
        unseen=settings.unseen,
        standardize_target=task == "regression",
    )
    head = head_of(task, len(preprocessor.classes))
    network = Network(
        [len(preprocessor.outputs), *settings.hidden, head.outputs],
        settings.activation,
        head.output,
        head.loss,
        Frobenius(settings.penalty) if settings.penalty else None,
    )
    arrays = [preprocessor.inputs(training), preprocessor.targets(training)]
    arrays += [preprocessor.inputs(held_out), preprocessor.targets(held_out)]
    return NetworkJob(table, reason, preprocessor, head, network, *arrays)


def _features(table: Table, given: tuple[str, ...]) -> list[str]:
    """Names and globs; several may stand in one option, separated by commas."""
    return [part.strip() for text in given for part in ([text] if text in table else text.split(","))]


def _split(table: Table, labels: Array | None, settings: Settings) -> tuple[Table, Table]:
    """Training and held-out rows; a class too rare for both is kept for training."""
    rows, held = split_rows(len(table), test=settings.validation, seed=settings.seed, stratify=labels)
    if labels is not None:
        known = np.isin(labels[held], labels[rows])
        rows, held = np.sort(np.concatenate([rows, held[~known]])), held[known]
    if not len(held):
        classes = "" if labels is None else f" of {len(np.unique(labels))} classes of {settings.target!r}"
        raise DataError(f"{table.source}: {len(table)} rows{classes} are too few to hold some out.")
    return table.take(rows), table.take(held)
