"""``chainrule train``: from a table to a trained network."""

from __future__ import annotations

from typing import Any

import click

from chainrule.cli.folded_job import FoldedJob
from chainrule.cli.heads import Task, choose_task, head_of
from chainrule.cli.methods import method_options
from chainrule.cli.network_job import NetworkJob
from chainrule.cli.options import NewFile, json_option, quiet_option, report_option, seed_option
from chainrule.cli.running import run
from chainrule.cli.table_options import given_reading, table_options
from chainrule.cli.train_options import Settings, refuse_together, train_options
from chainrule.cli.train_rows import (
    Parts,
    divide,
    divide_in_folds,
    excluded,
    names_in,
    rows_of,
    weighted_rows,
)
from chainrule.cli.worked import WorkedCommand
from chainrule.data import MissingFeature, Preprocessor, Table, read_table
from chainrule.errors import OptionError, cut
from chainrule.network import Network
from chainrule.network.penalties import Frobenius


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
@train_options
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
    refuse_together(settings)
    table = read_table(settings.table, **given_reading())
    targets = names_in(table, (settings.target,))
    if len(set(targets)) < len(targets):
        raise OptionError(f"--target {settings.target} names a column twice.")
    task, reason = choose_task([table[name] for name in targets], settings.task)
    if settings.log_target and task != "regression":
        raise OptionError("--log-target is one of numbers; the target is a class.")
    if settings.log_target and settings.loss and settings.loss[0] == "poisson":
        raise OptionError("--log-target and --loss poisson each take the logarithm; give one of them.")

    def job_of(parts: Parts) -> NetworkJob:
        return _job_of(parts, table, targets, task, reason, settings)

    rows = (table, targets, task != "regression", settings)
    if settings.folds is None:
        return job_of(divide(*rows))
    whole, folds = divide_in_folds(*rows)
    # Each fold has numbers of its own for all rows, so that they are made one after another.
    return FoldedJob(**vars(job_of(whole)), folds=tuple(folds), job_of=job_of)


def _job_of(
    parts: Parts, table: Table, targets: list[str], task: Task, reason: str, settings: Settings
) -> NetworkJob:
    preprocessor = _preprocessor(table, targets, task == "regression", parts.training, settings)
    head = head_of(task, len(preprocessor.classes) or len(targets), settings.loss)
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
    said = (*parts.said, *_said_of_inputs(preprocessor, parts))
    return NetworkJob(
        table=table,
        reason=reason,
        preprocessor=preprocessor,
        head=head,
        network=network,
        training=weighted_rows(preprocessor, parts.training, settings),
        held_out=None if parts.held_out is None else rows_of(preprocessor, parts.held_out),
        aside=parts.aside,
        patience=settings.patience,
        notes=said,
        row_id=settings.row_id,
        beside={
            name: what
            for name, what in (
                (settings.row_id, "names the rows"),
                (settings.weights, "weighs the rows"),
                (settings.group, "groups the rows"),
            )
            if name is not None
        },
    )


def _preprocessor(
    table: Table, targets: list[str], is_number: bool, training: Table, settings: Settings
) -> Preprocessor:
    return Preprocessor.fit(
        training,
        targets,
        features=names_in(table, settings.features) or None,
        exclude=excluded(table, settings),
        task="regression" if is_number else "classification",
        missing=settings.missing,
        unseen=settings.unseen,
        standardize=names_in(table, settings.standardize) or True,
        standardize_target=is_number and (settings.loss or ("", None))[0] != "poisson",
        log_target=settings.log_target,
        missing_values=given_reading()["missing_values"],
    )


def _said_of_inputs(preprocessor: Preprocessor, parts: Parts) -> list[str]:
    """What was done about missing inputs, and a warning where inputs outnumber rows."""
    said, training = [], parts.training
    filled = [one.name for one in preprocessor.features if isinstance(one, MissingFeature)]
    if filled:
        counts = [f"{cut(name)} ({int(training[name].missing.sum()):,})" for name in filled]
        shown = ", ".join(counts[:6]) + (f" and {len(counts) - 6} more" if len(counts) > 6 else "")
        said.append(
            f"Missing in training rows: {shown}; the median or the most frequent value stands in, and one "
            "more input says so."
        )
    inputs, rows = len(preprocessor.outputs), len(training)
    if inputs > rows:
        said.append(
            f"Warning: {inputs:,} inputs for {rows:,} training rows: many models fit these rows exactly. "
            "Fewer --features or a larger --penalty make more of them."
        )
    return said
