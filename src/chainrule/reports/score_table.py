"""Scores in a table: those of a model, of a linear model and of a prediction that ignores the inputs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from chainrule.numerals import LARGEST, numeral

BEHIND = 0.02
"""A model whose accuracy, or R2, is so much below that of a linear model is said to be behind it."""


MOST_PLACES = 8
"""From so many digits after the point on powers of ten are easier to read."""


@dataclass(frozen=True)
class Score:
    """One score of the model, of the baseline and of the linear model.

    Parameters
    ----------
    name : str
        With its unit in brackets, if it has one.
    model, baseline : float
        NaN where it is not defined.
    linear : float or None
        None if there is no linear model.
    errors : tuple of float
        Where they are means over folds, their standard errors in the order of :func:`values_of`.
    """

    name: str
    model: float
    baseline: float
    linear: float | None = None
    errors: tuple[float, ...] = ()


def score_table(scores: tuple[Score, ...]) -> str:
    """The scores as lines of text, the model's beside the others'."""
    rows = [("", *columns_of(scores))]
    rows += [(score.name, *texts_of(score)) for score in scores]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([name.ljust(widths[0]), *(v.rjust(w) for v, w in zip(values, widths[1:], strict=True))])
        for name, *values in rows
    )


def columns_of(scores: tuple[Score, ...]) -> tuple[str, ...]:
    """What stands above the columns of :func:`values_of`."""
    linear = ("linear model",) if scores[0].linear is not None else ()
    return ("held out", *linear, "baseline")


def values_of(score: Score) -> tuple[float, ...]:
    """The score of the model, of the linear model if there is one, and of the baseline."""
    return (score.model, *(() if score.linear is None else (score.linear,)), score.baseline)


def texts_of(score: Score) -> tuple[str, ...]:
    """The values as people write them, with their standard errors where they have some."""
    values = values_of(score)
    if not score.errors:
        return tuple(map(numeral, values))
    return tuple(map(_with_error, values, score.errors))


def _with_error(value: float, error: float) -> str:
    """A value to the second digit of its standard error."""
    if math.isnan(error):
        return numeral(value)
    # The mean of equal numbers has a spread of 1e-17.
    if math.isfinite(value) and error <= 1e-12 * abs(value):
        return f"{numeral(value)} ± 0"
    places = 1 - math.floor(math.log10(error)) if 0 < error < LARGEST else MOST_PLACES
    if places >= MOST_PLACES or not abs(value) < LARGEST:
        return f"{numeral(value)} ± {numeral(error, 2)}"
    return f"{value:,.{max(0, places)}f} ± {error:,.{max(0, places)}f}"


def remarks_on_linear(score: Score) -> list[str]:
    """That a linear model is ahead, in words, if it is."""
    ahead = math.nan if score.linear is None else score.linear - score.model
    if not ahead > BEHIND + 1e-12:  # 1 - 0.98 is 0.020000000000000018
        return []
    return [f"A linear model of the same rows is ahead by {ahead:.2f} in {score.name}."]


def plain_scores(scores: tuple[Score, ...]) -> dict[str, Any]:
    """The scores as plain data: names without units; NaN and infinity, which JSON does not have, as None."""
    return {
        score.name.split(" (")[0].replace(".", "").replace(" ", "_").lower(): _plain(score)
        for score in scores
    }


def _plain(score: Score) -> dict[str, Any]:
    keys = ("held_out", *(() if score.linear is None else ("linear",)), "baseline")
    found: dict[str, Any] = dict(zip(keys, map(_finite, values_of(score)), strict=True))
    if score.errors:
        found["standard_error"] = dict(zip(keys, map(_finite, score.errors), strict=True))
    return found


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
