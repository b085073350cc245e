"""The part of a report on a run: its learning curve, its scores and some of its predictions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.drawing.charts import Series, line_chart, scatter_chart
from chainrule.drawing.markup import Markup, element
from chainrule.drawing.panels import table_panel
from chainrule.errors import ShapeError, shortened
from chainrule.numerals import numeral
from chainrule.optimize import History
from chainrule.reports.fold_scores import FoldScores
from chainrule.reports.page import Figure, Section
from chainrule.reports.pixels import png_address
from chainrule.reports.score_table import Score, columns_of, texts_of
from chainrule.reports.scores import ClassificationScores, RegressionScores, Scores

Array = NDArray[Any]
BARS = 3
CHARTS = 4
"""Targets whose predictions are drawn."""


@dataclass(frozen=True, eq=False)
class Example:
    """A held-out row with its prediction.

    Parameters
    ----------
    truth, predicted : str
    probabilities : tuple of (str, float)
        The most probable classes, most probable first; none of numbers.
    ink : ndarray, shape (height, width), or None
        The row as a picture, 0 paper to 1 ink.
    inputs : tuple of (str, str)
        Some of its columns with their values.
    """

    truth: str
    predicted: str
    probabilities: tuple[tuple[str, float], ...]
    ink: Array | None = None
    inputs: tuple[tuple[str, str], ...] = ()


def training_section(history: History, stopped: str, judges: str = "held-out rows") -> Section:
    """The learning curve: the loss over the epochs, and that of other rows where it was measured.

    Parameters
    ----------
    history : History
    stopped : str
        Why the run ended, in sentences.
    judges : str
        What the other rows are.
    """
    if not len(history):
        return Section("Training", element("p", "No epoch was run.", class_="note"), stopped)
    epochs = history.epoch.tolist()
    series = [Series("training rows", epochs, history.loss.tolist())]
    validation = Series(judges, epochs, history.validation.tolist())
    series += [validation] if validation.points else []
    first, last = _shown(float(history.loss[0])), _shown(float(history.loss[-1]))
    description = f"Learning curve: the training loss goes from {first} to {last} in {len(history)} epochs."
    chart = line_chart(series, "epoch", "loss", description)
    body = element("div", element("div", chart), _facts(history, judges), class_="columns")
    return Section("Training", body, f"Stopped: {stopped}")


def _facts(history: History, judges: str) -> Markup:
    last, validation = history[len(history) - 1], history.validation[np.isfinite(history.validation)]
    facts = {
        "Epochs": str(last.epoch),
        "Loss of the first epoch": _shown(float(history.loss[0])),
        "Loss of the last epoch": _shown(last.loss),
        f"Lowest loss of {judges}": _shown(float(validation.min())) if validation.size else None,
        "Last gradient norm": _shown(last.gradient_norm),
        "Last learning rate": _shown(last.learning_rate) if math.isfinite(last.learning_rate) else None,
        "Time": f"{last.seconds:.2g} s" if math.isfinite(last.seconds) else None,
    }
    rows = [
        element("tr", element("th", name, scope="row"), element("td", text))
        for name, text in facts.items()
        if text is not None
    ]
    return table_panel((), rows, "The run")


def score_figures(scores: Scores | FoldScores) -> list[Figure]:
    """The first scores as figures for the head of a report."""
    is_share = isinstance(_all_rows(scores), ClassificationScores)
    found = []
    for score in scores.table[:2]:
        texts = [f"{value:.1%}" if is_share else _shown(value, 3) for value in (score.model, score.baseline)]
        found.append(Figure(f"Held-out {score.name}", texts[0], f"baseline {texts[1]}"))
    return found


def scores_section(scores: Scores | FoldScores) -> Section:
    """The scores beside the baseline's, and the confusion matrix or predictions against truth."""
    rows = _all_rows(scores)
    if isinstance(rows, ClassificationScores):
        panels = [
            element("div", _score_table(scores.table), _per_class(rows), class_="stack"),
            element("div", _confusion(rows), _calibration(rows), class_="stack"),
        ]
        baseline = "the baseline knows only their shares."
    else:
        charts = [_residuals(one) for one in list(rows.by_target.values())[:CHARTS]]
        panels = [element("div", _score_table(scores.table)), element("div", *charts, class_="stack")]
        baseline = "the baseline predicts the training mean."
    where = f"{len(rows.truth)} rows the training never saw"
    if isinstance(scores, FoldScores):
        where = (
            f"{len(rows.truth)} rows in {len(scores.folds)} folds, each by a model that never saw it, in the "
            "mean over the folds with its standard error"
        )
    lead = " ".join([f"On {where}; {baseline}", *scores.remarks])
    return Section("Held-out scores", element("div", *panels, class_="columns"), lead)


def _all_rows(scores: Scores | FoldScores) -> Scores:
    return scores.pooled if isinstance(scores, FoldScores) else scores


def examples_section(examples: Sequence[Example], lead: str) -> Section:
    """Rows as cards: picture if there is one, truth, prediction and the most probable classes."""
    return Section("Examples", element("ul", *map(_card, examples), class_="cards"), lead)


def class_examples(
    scores: ClassificationScores,
    pictures: Array | None = None,
    each: int = 6,
    inputs: Callable[[int], tuple[tuple[str, str], ...]] = lambda row: (),
) -> tuple[Example, ...]:
    """Up to ``each`` mistakes, the most confident first, then ``each`` rows that are right, from all classes.

    Parameters
    ----------
    scores : ClassificationScores
    pictures : ndarray, shape (n, height, width), optional
        One per held-out row, 0 paper to 1 ink.
    each : int
    inputs : callable, optional
        Names and values to show of a held-out row, by its number.

    Raises
    ------
    ShapeError
        If there is not one picture per row.
    """
    if pictures is not None and len(pictures) != len(scores.truth):
        raise ShapeError(f"There are {len(pictures)} pictures for {len(scores.truth)} rows.")
    confidence = scores.probabilities.max(axis=1)
    wrong = np.flatnonzero(scores.predicted != scores.truth)
    wrong = wrong[np.argsort(-confidence[wrong], kind="stable")][:each]
    right = _one_class_after_another(np.flatnonzero(scores.predicted == scores.truth), scores.truth)[:each]
    return tuple(
        replace(
            _example(scores, int(row), None if pictures is None else pictures[row]), inputs=inputs(int(row))
        )
        for row in (*wrong, *right)
    )


def number_examples(
    scores: RegressionScores,
    each: int = 6,
    inputs: Callable[[int], tuple[tuple[str, str], ...]] = lambda row: (),
) -> tuple[Example, ...]:
    """Up to ``each`` rows that are missed most, then as many that are missed as far as half of all are.

    Parameters
    ----------
    scores : RegressionScores
        Of several targets the errors count in their deviations.
    each : int
    inputs : callable, optional
        Names and values to show of a held-out row, by its number.
    """
    deviations = scores.truth.std(axis=0)
    units = np.where(deviations > 0, deviations, 1.0)
    order = np.argsort(-np.square((scores.truth - scores.predicted) / units).sum(axis=1), kind="stable")
    first = max(each, len(order) // 2 - each // 2)
    text = partial(_numbers, scores.names)
    return tuple(
        Example(text(scores.truth[row]), text(scores.predicted[row]), (), inputs=inputs(int(row)))
        for row in (*order[:each], *order[first : first + each])
    )


def _numbers(names: tuple[str, ...], values: Array) -> str:
    texts = [_shown(value) for value in values.tolist()]
    return texts[0] if len(texts) == 1 else ", ".join(map(" ".join, zip(names, texts, strict=True)))


def _one_class_after_another(rows: Array, truth: Array) -> Array:
    """The rows in the order: the first row of each class, then the second of each, and so on."""
    turn = np.empty(len(rows), np.int64)
    for label in np.unique(truth[rows]):
        mine = truth[rows] == label
        turn[mine] = np.arange(mine.sum())
    return rows[np.lexsort((truth[rows], turn))]


def _example(scores: ClassificationScores, row: int, ink: Array | None) -> Example:
    order = np.argsort(-scores.probabilities[row], kind="stable")[:BARS]
    likely = tuple((str(scores.classes[k]), float(scores.probabilities[row, k])) for k in order)
    return Example(str(scores.classes[scores.truth[row]]), likely[0][0], likely, ink)


def _card(example: Example) -> Markup:
    picture = None
    if example.ink is not None:
        picture = element("img", src=png_address(example.ink), alt=f"a picture of class {example.truth}")
    bars = []
    for label, probability in example.probabilities:
        kind = "bar" if label == example.predicted else "bar other"
        width = f"width:{100 * probability:.1f}%"
        bars += [
            element("span", label),
            element("span", element("span", class_=kind, style=width)),
            element("span", f"{100 * probability:.0f} %"),
        ]
    named = [item for name, text in example.inputs for item in (element("dt", name), element("dd", text))]
    inputs = element("dl", *named, class_="inputs") if named else None
    shown = element("div", *bars, class_="bars") if bars else None
    return element("li", picture, _comparison(example), shown, inputs)


def _comparison(example: Example) -> Markup:
    if not example.probabilities:
        return element("p", f"predicted {example.predicted}; true {example.truth}")
    hit = example.truth == example.predicted
    words = f"✓ {example.truth}" if hit else f"✗ {example.predicted}, but it is {example.truth}"
    return element("p", words, class_="right" if hit else "wrong")


def _score_table(scores: tuple[Score, ...]) -> Markup:
    rows = [
        element(
            "tr",
            element("th", score.name, scope="row"),
            *(element("td", text.replace("-", "−")) for text in texts_of(score)),
        )
        for score in scores
    ]
    return table_panel(("", *map(str.capitalize, columns_of(scores))), rows, "The scores")


def _per_class(scores: ClassificationScores) -> Markup:
    lines = [
        element(
            "tr",
            element("th", label, scope="row"),
            element("td", rows),
            *(element("td", "–" if math.isnan(share) else f"{share:.3f}") for share in shares),
        )
        for label, rows, *shares in scores.per_class
    ]
    return table_panel(("Class", "Rows", "Precision", "Recall", "F1"), lines, "Class by class")


def _calibration(scores: ClassificationScores) -> Markup:
    lines = [
        element(
            "tr",
            element("th", rows, scope="row"),
            *(element("td", f"{share:.3f}") for share in shares),
        )
        for rows, *shares in scores.calibration
    ]
    caption = "Calibration: what the model is sure of, by tenths of probability"
    return table_panel(("Rows", "Mean probability", "Share that is right"), lines, caption)


def _confusion(scores: ClassificationScores) -> Markup:
    labels = [str(label) for label in scores.classes]
    totals = np.maximum(scores.confusion.sum(axis=1, keepdims=True), 1)
    shares = scores.confusion / totals
    rows = [
        element(
            "tr",
            element("th", label, scope="row"),
            *(_cell(int(scores.confusion[i, j]), float(shares[i, j]), i == j) for j in range(len(labels))),
        )
        for i, label in enumerate(labels)
    ]
    caption = "Confusion matrix: a row for each true class, a column for each predicted one"
    return table_panel(("", *labels), rows, caption, "confusion")


def _cell(count: int, share: float, hit: bool) -> Markup:
    if not count:
        return element("td", "·", class_="none")
    # Letters stay readable: a weak tint under dark letters, or nearly the full colour under light ones.
    strong = share >= 0.5
    alpha = 0.76 + 0.24 * share if strong else 0.12 + 0.5 * share
    kind = ("hit" if hit else "miss") + (" strong" if strong else "")
    return element("td", count, class_=kind, style=f"--share:{alpha:.2f}")


def _residuals(scores: RegressionScores) -> Markup:
    (name,) = scores.names
    truth, predicted = scores.truth.ravel(), scores.predicted.ravel()
    description = f"Predictions against true values of {len(truth)} held-out rows, R2 {_shown(scores.r2)}."
    chart = scatter_chart(
        Series("held out", truth.tolist(), predicted.tolist()),
        f"true {shortened(name)}",
        "prediction",
        description,
    )
    note = element("figcaption", "Each dot is a held-out row; on the dashed line the prediction is exact.")
    return element("figure", chart, note)


def _shown(value: float, digits: int = 4) -> str:
    return numeral(value, digits).replace("-", "−")
