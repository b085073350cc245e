"""The options of ``train``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal, get_args

import click
from click.core import ParameterSource

from chainrule.cli.heads import TASKS
from chainrule.cli.running import RunSettings
from chainrule.data.features import Missing
from chainrule.errors import OptionError
from chainrule.network import ACTIVATIONS

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
    row_id: str | None
    weights: str | None
    class_weight: Literal["balanced"] | None
    missing: Missing
    missing_target: Literal["drop", "refuse"]
    unseen: Literal["refuse", "other"]
    standardize: tuple[str, ...]
    log_target: bool
    hidden: tuple[int, ...]
    activation: str
    loss: tuple[str, float | None] | None
    penalty: float | None
    held_out: float
    test: str | None
    folds: int | None
    group: str | None
    time_order: str | None
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


def _loss(ctx: click.Context, param: click.Parameter, text: str | None) -> tuple[str, float | None] | None:
    """A loss by name, with its number if it takes one: huber(0.5) or quantile=0.9."""
    if text is None:
        return None
    number = r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+"
    found = re.fullmatch(rf"(squared|huber|quantile|poisson)(?:=({number}))?", text)
    if not found or (found[1] in ("squared", "poisson") and found[2]):
        raise click.BadParameter(
            f"{text!r}: expected squared, huber, huber=0.5, quantile=0.9 or poisson.", ctx, param
        )
    return found[1], float(found[2]) if found[2] else None


TRAIN_OPTIONS = (
    click.option(
        "--target", required=True, metavar="COLUMN",
        help="What to predict; several columns of numbers separated by commas.",
    ),
    click.option("--task", type=click.Choice(TASKS), default="auto", show_default=True, help="What it is."),
    click.option(
        "--features", multiple=True, metavar="COLUMN", help="Inputs, by name or glob; all others by default."
    ),
    click.option("--exclude", multiple=True, metavar="COLUMN", help="No inputs, by name or glob."),
    click.option(
        "--id", "row_id", metavar="COLUMN", help="Names the rows: no input, and carried to the predictions."
    ),
    click.option("--weights", metavar="COLUMN", help="How much each row counts in training: no input."),
    click.option(
        "--class-weight", type=click.Choice(("balanced",)), help="Let every class count alike in training."
    ),
    click.option(
        "--missing", type=click.Choice(get_args(Missing)), default="indicator", show_default=True,
        help="What to do about missing inputs; indicator is the median, or the most frequent category, and a "
        "column that says so.",
    ),
    click.option(
        "--missing-target", type=click.Choice(("drop", "refuse")), default="drop", show_default=True,
        help="What to do about rows without a target.",
    ),
    click.option(
        "--unseen", type=click.Choice(("refuse", "other")), default="other", show_default=True,
        help="What to do about categories that training did not see; other counts them as none of those.",
    ),
    click.option(
        "--standardize", multiple=True, metavar="COLUMN",
        help="Inputs shifted to mean 0 and scaled to variance 1, by name or glob; all numbers by default.",
    ),
    click.option("--log-target", is_flag=True, help="Learn the logarithm of the target."),
    click.option(
        "--hidden", default="32", show_default=True, callback=_hidden, metavar="UNITS",
        help="Units of the hidden layers, as in 64,32, or none.",
    ),
    click.option(
        "--activation", type=click.Choice(list(ACTIVATIONS)), metavar="NAME", default="relu",
        show_default=True, help=f"One of {', '.join(ACTIVATIONS)}.",
    ),
    click.option(
        "--loss", callback=_loss, metavar="NAME",
        help="Of numbers: squared by default, huber, huber=0.5, quantile=0.9, or poisson for counts.",
    ),
    click.option(
        "--penalty", type=click.FloatRange(min=0),
        help="Strength s of the penalty (s/2) ||W||^2 on the weights; by default 0.001, and 0 for adamw, "
        "whose weights decay.",
    ),
    click.option(
        "--held-out", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.25,
        show_default=True, help="Share of the rows that training never sees.",
    ),
    click.option("--test", metavar="TABLE", help="Score this table, and train on all rows of the other."),
    click.option(
        "--folds", type=click.IntRange(min=2), metavar="K",
        help="Score K models, each on rows of its own that it never saw, and train on all rows.",
    ),
    click.option("--group", metavar="COLUMN", help="Rows with one value of it stay together: no input."),
    click.option(
        "--time-order", metavar="COLUMN", help="Hold out, and set aside, the last rows in this order."
    ),
    click.option(
        "--early-stopping/--no-early-stopping", default=True, show_default=True,
        help=f"Start at the linear model, stop by {ASIDE:.0%} of the training rows, which are set aside, and "
        "train again on all of them for as long as was best; or start at random and run all epochs.",
    ),
    click.option(
        "--patience", type=click.IntRange(min=1), default=20, show_default=True,
        help="Epochs without improvement after which it stops.",
    ),
)  # fmt: skip


def train_options(command: Any) -> Any:
    """All of them, in the order in which help lists them."""
    for option in reversed(TRAIN_OPTIONS):
        command = option(command)
    return command


def refuse_together(settings: Settings) -> None:
    """Refuse options of which each says which rows are scored, or drawn.

    Raises
    ------
    OptionError
        If two such options are given.
    """
    source = click.get_current_context().get_parameter_source("held_out")
    scored = {
        "--held-out": source is not ParameterSource.DEFAULT,
        "--test": settings.test is not None,
        "--folds": settings.folds is not None,
    }
    drawn = {"--group": settings.group is not None, "--time-order": settings.time_order is not None}
    for what, given in (("scored", scored), ("drawn", drawn)):
        if len(found := [option for option, is_given in given.items() if is_given]) > 1:
            raise OptionError(f"{' and '.join(found)} each say which rows are {what}; give one of them.")
