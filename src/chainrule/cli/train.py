"""``chainrule train``: from a table to a trained network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import click
import numpy as np
from numpy.typing import NDArray

from chainrule.cli.heads import TASKS, choose_task, head_of
from chainrule.cli.methods import method_options
from chainrule.cli.network_job import NetworkJob, Rows
from chainrule.cli.options import (
    NewFile,
    json_option,
    quiet_option,
    report_option,
    seed_option,
)
from chainrule.cli.running import RunSettings, run
from chainrule.cli.table_options import given_reading, table_options
from chainrule.cli.worked import WorkedCommand
from chainrule.data import Preprocessor, Table, read_table, split_rows
from chainrule.data.features import Missing
from chainrule.errors import DataError
from chainrule.network import ACTIVATIONS, Network
from chainrule.network.penalties import Frobenius

Array = NDArray[Any]
ASIDE = 0.15
"""Share of the training rows that say when to stop."""
FEWEST = 8
"""Training rows of which some are set aside: one of seven tells nothing."""


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
    penalty: float | None
    held_out: float
    early_stopping: bool
    patience: int


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
    "--penalty", type=click.FloatRange(min=0),
    help="Strength s of the penalty (s/2) ||W||^2 on the weights; by default 0.001, and 0 for adamw, whose "
    "weights decay.",
)  # fmt: skip
@click.option(
    "--held-out", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.25,
    show_default=True, help="Share of the rows that training never sees.",
)  # fmt: skip
@click.option(
    "--early-stopping/--no-early-stopping", default=True, show_default=True,
    help=f"Start at the linear model, stop by {ASIDE:.0%} of the training rows, which are set aside, and "
    "train again on all of them for as long as was best; or start at random and run all epochs.",
)  # fmt: skip
@click.option(
    "--patience", type=click.IntRange(min=1), default=20, show_default=True,
    help="Epochs without improvement after which it stops.",
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


def _job(settings: Settings) -> NetworkJob:
    table = read_table(settings.table, **given_reading())
    task, reason = choose_task(table[settings.target], settings.task)
    kind: Any = "regression" if task == "regression" else "classification"
    table.refuse_missing(table[settings.target], "a target cannot be filled in; leave the row out")
    labels = None if task == "regression" else table[settings.target].values.astype(str)
    rows, held = _split(len(table), settings.held_out, labels, settings.seed)
    if not len(held):
        classes = "" if labels is None else f" of {len(np.unique(labels))} classes of {settings.target!r}"
        raise DataError(f"{table.source}: {len(table)} rows{classes} are too few to hold some out.")
    training, held_out = table.take(rows), table.take(held)
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
    strength = settings.penalty
    if strength is None:
        strength = 0.0 if settings.method == "adamw" else 0.001
    network = Network(
        [len(preprocessor.outputs), *settings.hidden, head.outputs],
        settings.activation,
        head.output,
        head.loss,
        Frobenius(strength) if strength else None,
    )
    parts = [
        Rows(preprocessor.inputs(part), preprocessor.targets(part), part) for part in (training, held_out)
    ]
    aside = _aside(len(rows), None if labels is None else labels[rows], settings)
    return NetworkJob(
        table, reason, preprocessor, head, network, parts[0], parts[1], aside, settings.patience
    )


def _aside(count: int, labels: Array | None, settings: Settings) -> Array | None:
    """Training rows that say when to stop; None if all epochs are to run, or the rows are too few."""
    if not settings.early_stopping:
        return None
    aside = _split(count, ASIDE, labels, settings.seed)[1]
    if len(aside) and count >= FEWEST:
        return aside
    settings.console.say(f"{count} training rows are too few to set some aside: all epochs are run.")
    return None


def _features(table: Table, given: tuple[str, ...]) -> list[str]:
    """Names and globs; several may stand in one option, separated by commas."""
    return [part.strip() for text in given for part in ([text] if text in table else text.split(","))]


def _split(count: int, share: float, labels: Array | None, seed: int) -> tuple[Array, Array]:
    """Rows that are kept and rows that are not; a class too rare for both is kept."""
    rows, others = split_rows(count, test=share, seed=seed, stratify=labels)
    if labels is None:
        return rows, others
    known = np.isin(labels[others], labels[rows])
    return np.sort(np.concatenate([rows, others[~known]])), others[known]
