"""What matters to a model: how much worse it does where a column says nothing any more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.drawing.markup import Markup, element
from chainrule.drawing.panels import table_panel
from chainrule.numerals import numeral
from chainrule.reports.page import Section

Array = NDArray[Any]
REPEATS = 10
MOST_ROWS = 1000
MOST_OPERATIONS = 4e9
"""Multiplications that all predictions may take together: some seconds."""
SHOWN = 12


@dataclass(frozen=True)
class Importance:
    """What a column is worth to a model.

    Parameters
    ----------
    column : str
    rise : float
        Mean rise of the loss of held-out rows where the values of the column are shuffled among them.
    error : float
        Standard error of that mean, from one shuffling to another.
    """

    column: str
    rise: float
    error: float


def permutation_importance(
    loss: Callable[[Array, Array], float],
    X: Array,
    columns: Mapping[str, Sequence[int]],
    rng: np.random.Generator,
    operations: float,
) -> tuple[Importance, ...]:
    r"""How far the loss of some rows rises if a column is shuffled among them, the largest rise first.

    .. math:: I_j = \frac{1}{R} \sum_r \bigl(\ell(X^{(j, r)}) - \ell(X)\bigr)

    where the places of column j in X are permuted by a random permutation r. Columns that say the same share
    what they are worth: the other one still says it.

    Parameters
    ----------
    loss : callable
        ``loss(X, rows)`` of inputs X for the rows of the given numbers.
    X : ndarray, shape (n, d)
    columns : mapping of str to sequence of int
        The places in X of each column of the table: the indicators of a category are shuffled together.
    rng : numpy.random.Generator
    operations : float
        What the prediction of one row takes; fewer rows and shufflings are taken where all would be too many.

    Returns
    -------
    tuple of Importance
        None if even one shuffling of few rows would take too long, or there are fewer than two rows.

    References
    ----------
    L. Breiman, Random forests, Machine Learning 45 (2001), section 10.
    """
    repeats = REPEATS
    afford = MOST_OPERATIONS / max(1.0, operations * len(columns))
    rows = rng.permutation(len(X))[:MOST_ROWS]
    while repeats > 2 and repeats * len(rows) > afford:
        repeats -= 1
    rows = np.sort(rows[: int(afford / repeats)])
    if len(rows) < 2:
        return ()
    whole = X[rows]
    before = loss(whole, rows)
    found = [
        _importance(name, [loss(_shuffled(whole, list(places), rng), rows) - before for _ in range(repeats)])
        for name, places in columns.items()
    ]
    return tuple(sorted(found, key=lambda one: -one.rise))


def _shuffled(X: Array, places: list[int], rng: np.random.Generator) -> Array:
    moved = X.copy()
    moved[:, places] = X[rng.permutation(len(X))][:, places]
    return moved


def _importance(name: str, rises: list[float]) -> Importance:
    spread = float(np.std(rises, ddof=1)) / np.sqrt(len(rises))
    return Importance(name, float(np.mean(rises)), float(spread))


def importance_section(found: Sequence[Importance], loss: str) -> Section:
    """The columns as bars, the most important first.

    Parameters
    ----------
    found : sequence of Importance
    loss : str
        What rises, with its unit.
    """
    longest = max((one.rise for one in found), default=0.0)
    rows = [_row(one, longest) for one in found[:SHOWN]]
    heads = ("Column", "", f"Rise of the {loss}", "Error")
    table = table_panel(heads, rows, "Shuffled among the held-out rows, one column at a time", "importance")
    note = _rest(found[SHOWN:])
    body = element("div", table, element("p", note, class_="note") if note else None)
    lead = (
        f"How much the {loss} rises where a column says nothing: its values are shuffled among the held-out "
        "rows. Columns that say the same share what they are worth."
    )
    return Section("What matters", body, lead)


def _rest(found: Sequence[Importance]) -> str:
    if not found:
        return ""
    columns = f"The other {len(found)} columns" if len(found) > 1 else "The other column"
    highest = found[0].rise
    if highest <= 0:
        return f"{columns} {'do' if len(found) > 1 else 'does'} not raise it."
    return f"{columns} raise{'' if len(found) > 1 else 's'} it by {numeral(highest, 2)} at most."


def _row(one: Importance, longest: float) -> Markup:
    width = 100 * max(0.0, one.rise) / longest if longest > 0 else 0.0
    bar = element("span", class_="bar", style=f"width:{width:.1f}%")
    return element(
        "tr",
        element("th", one.column, scope="row"),
        element("td", bar, class_="long"),
        element("td", numeral(one.rise, 3).replace("-", "−")),
        element("td", f"± {numeral(one.error, 1)}"),
    )
