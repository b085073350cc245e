"""Methods of optimisation from the command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from chainrule.optimize import (
    LBFGS,
    SGD,
    Adam,
    AdamW,
    Clipped,
    FirstOrder,
    GradientDescent,
    HeavyBall,
    Method,
    Momentum,
    Nesterov,
)

METHODS: dict[str, Callable[..., Method]] = {
    "adam": Adam,
    "adamw": AdamW,
    "sgd": SGD,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "heavy-ball": HeavyBall,
    "gradient-descent": GradientDescent,
    "lbfgs": LBFGS,
}
RATES = {
    "adam": 0.003,
    "adamw": 0.003,
    "sgd": 0.1,
    "momentum": 0.05,
    "nesterov": 0.05,
    "heavy-ball": 0.5,
    "gradient-descent": 0.1,
}
WHOLE = ("gradient-descent", "heavy-ball", "lbfgs")
"""Methods that use all examples in every step unless told otherwise."""
BATCH = 32


def _positive(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    if value is not None and not (0 < value < float("inf")):
        raise click.BadParameter(f"{value:g}: expected a finite number above 0.", ctx, param)
    return value


def method_options(name: str) -> Callable[[Any], Any]:
    """The options ``--NAME``, ``--learning-rate``, ``--batch-size``, ``--epochs`` and others of a run."""
    rates = ", ".join(f"{rate} for {method}" for method, rate in RATES.items())
    options = (
        click.option(
            f"--{name}",
            "method",
            type=click.Choice(list(METHODS)),
            default="adam",
            show_default=True,
            help="How to minimise.",
        ),  # fmt: skip
        click.option(
            "--learning-rate", type=float, callback=_positive, help=f"By default {rates}."
        ),  # fmt: skip
        click.option(
            "--batch-size",
            type=click.IntRange(min=1),
            help=f"Examples per step; by default {BATCH}, and all of them for {', '.join(WHOLE)}.",
        ),  # fmt: skip
        click.option(
            "--epochs",
            type=click.IntRange(min=1),
            default=100,
            show_default=True,
            help="Passes over the rows.",
        ),
        click.option("--clip", type=float, callback=_positive, help="Longest norm of a step's gradient."),
        click.option(
            "--restarts",
            type=click.IntRange(min=0),
            default=0,
            show_default=True,
            help="So many more runs from starts of their own; the best is kept.",
        ),
    )

    def decorate(function: Any) -> Any:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def make_method(
    name: str, learning_rate: float | None, batch_size: int | None, examples: int, clip: float | None = None
) -> Method:
    """The method of these options, for so many examples.

    Raises
    ------
    BadParameter
        If an option does not belong to the method.
    OptionError
        If a number is out of range.
    """
    if name == "lbfgs":
        given = {"--learning-rate": learning_rate, "--batch-size": batch_size, "--clip": clip}
        if extra := [option for option, value in given.items() if value is not None]:
            raise click.BadParameter(f"lbfgs takes no {' and no '.join(extra)}.")
        return LBFGS()
    if batch_size is None and name not in WHOLE and examples > BATCH:
        batch_size = BATCH
    rate = RATES[name] if learning_rate is None else learning_rate
    # What is given as --penalty is given on purpose.
    options = {"beside_penalty": True} if name == "adamw" else {}
    method = METHODS[name](learning_rate=rate, batch_size=batch_size, **options)
    return Clipped(method, clip) if clip and isinstance(method, FirstOrder) else method
