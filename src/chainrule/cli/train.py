"""``chainrule train``: from a table to a trained network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import click
import numpy as np
from numpy.typing import NDArray

from chainrule.catalogue import network_equations
from chainrule.checking import CheckReport
from chainrule.cli.console import Console
from chainrule.cli.heads import TASKS, Head, choose_task, head_of
from chainrule.cli.methods import make_method, method_options
from chainrule.cli.options import (
    NewFile,
    decimal_option,
    json_option,
    quiet_option,
    report_option,
    seed_option,
)
from chainrule.cli.record import training_record
from chainrule.cli.verdicts import ROWS, check_or_refuse, refuse_diverged
from chainrule.cli.worked import WorkedCommand
from chainrule.data import Preprocessor, Table, read_table, split_rows
from chainrule.data.features import Missing
from chainrule.errors import DataError
from chainrule.network import ACTIVATIONS, Network
from chainrule.network.penalties import Frobenius
from chainrule.optimize import Result
from chainrule.persistence import Model, save
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
    verdict_section,
    write_report,
)
from chainrule.training import fit

__all__ = ["command"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Settings:
    """The options of the command."""

    table: str
    target: str
    task: str
    features: tuple[str, ...]
    missing: Missing
    unseen: Literal["refuse", "other"]
    hidden: tuple[int, ...]
    activation: str
    penalty: float
    validation: float
    method: str
    learning_rate: float | None
    batch_size: int | None
    epochs: int
    seed: int
    out: Path | None
    report: Path | None
    decimal: str
    as_json: bool
    quiet: bool


@dataclass(frozen=True, eq=False)
class Job:
    """A network and the numbers of its table."""

    source: str
    preprocessor: Preprocessor
    head: Head
    network: Network
    X: Array
    y: Array
    X_held: Array
    y_held: Array


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of a job."""

    result: Result
    scores: Scores
    certificate: CheckReport | None


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
@decimal_option
@json_option
@quiet_option
def command(**options: Any) -> None:
    """Train a network on a table; TABLE is CSV, npz, - or a bundled data set such as iris.

    The kind of the target says what is learned: numbers by the squared loss, two classes by one sigmoid, more
    by softmax. Inputs are standardised, categories become indicators; both are saved with the model.
    """
    run(Settings(**options))


def run(settings: Settings) -> None:
    """Read, understand, check, train, score, save."""
    console = Console(settings.as_json, settings.quiet)
    job = _job(console, read_table(settings.table, decimal=settings.decimal), settings)
    method = make_method(settings.method, settings.learning_rate, settings.batch_size, len(job.y))
    outcome = _train(console, job, method, settings)
    console.heading("Training")
    console.block(f"{outcome.result.stopped}\nloss {outcome.result.history.loss[-1]:.6g}")
    console.heading(f"Scores on {len(job.y_held)} held-out rows")
    console.block(str(outcome.scores))
    record = training_record(outcome.result, method, settings.seed, **_facts(job, outcome))
    if settings.out:
        certificate = outcome.certificate.to_dict() if outcome.certificate is not None else None
        parameters = outcome.result.parameters
        save(settings.out, Model(job.network, parameters, job.preprocessor, record, certificate))
        console.say(f"saved {settings.out}")
    if settings.report:
        write_report(settings.report, _page(job, outcome))
        console.say(f"wrote {settings.report}")
    gradient = outcome.certificate.to_dict() if outcome.certificate is not None else None
    console.finish({**record, "gradient": gradient})


def _job(console: Console, table: Table, settings: Settings) -> Job:
    task, reason = choose_task(table[settings.target], settings.task)
    kind: Any = "regression" if task == "regression" else "classification"
    table.refuse_missing(table[settings.target], "a target cannot be filled in; leave the row out")
    labels = None if task == "regression" else table[settings.target].values.astype(str)
    training, held_out = _split(table, labels, settings)
    preprocessor = Preprocessor.fit(
        training,
        settings.target,
        features=_features(table, settings.features) or None,
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
    console.heading("The table")
    console.block(f"{table}\n{reason}")
    console.heading("The network")
    console.block(repr(network))
    arrays = [preprocessor.inputs(training), preprocessor.targets(training)]
    arrays += [preprocessor.inputs(held_out), preprocessor.targets(held_out)]
    return Job(table.source, preprocessor, head, network, *arrays)


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


def _train(console: Console, job: Job, method: Any, settings: Settings) -> Outcome:
    net = job.network
    start = net.initialize(np.random.default_rng(settings.seed))
    certificate = check_or_refuse(console, net.objective(job.X[:ROWS], job.y[:ROWS]), start, settings.seed)
    result = fit(
        net,
        data=(job.X, job.y),
        method=method,
        epochs=settings.epochs,
        seed=settings.seed,
        validation=(job.X_held, job.y_held),
        progress=console.progress,
    )
    refuse_diverged(console, result, settings.epochs, net.objective(job.X, job.y), start)
    predictions = net.predict(result.parameters, job.X_held)
    return Outcome(result, job.head.scores(job.preprocessor, job.y_held, predictions, job.y), certificate)


def _facts(job: Job, outcome: Outcome) -> dict[str, Any]:
    target = job.preprocessor.target
    return {
        "data": job.source,
        "target": target.name if target else None,
        "task": job.head.task,
        "rows": len(job.y),
        "held_out_rows": len(job.y_held),
        "scores": outcome.scores.to_dict(),
    }


def _page(job: Job, outcome: Outcome) -> Report:
    equations, result = network_equations(job.network), outcome.result
    sections: list[Section] = [
        model_section(equations.text, repr(job.network)),
        gradient_section(equations.derive("C")),
    ]
    if outcome.certificate is not None:
        verdicts = (("Block by block", outcome.certificate),)
        sections.append(verdict_section(verdicts, "The code that trained was checked on a few rows."))
    sections += [training_section(result.history, result.stopped), scores_section(outcome.scores)]
    if isinstance(outcome.scores, ClassificationScores):
        lead = "The mistakes the model is most sure of, then rows it gets right."
        sections.append(examples_section(class_examples(outcome.scores), lead))
    facts = _facts(job, outcome)
    figures = [*score_figures(outcome.scores), Figure("Rows", f"{len(job.y):,}", "used for training")]
    figures.append(Figure("Parameters", f"{job.network.parameters.size:,}", f"{job.network.depth} layers"))
    lead = f"A {facts['task']} network trained on {len(job.y):,} rows of {Path(job.source).name}."
    return Report(f"Predicting {facts['target']}", lead, tuple(figures), tuple(sections))
