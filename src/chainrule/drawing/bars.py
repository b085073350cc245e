"""Bars on a logarithmic axis: for numbers that lie many powers of ten apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from chainrule.drawing.axis import Axis
from chainrule.drawing.charts import BOTTOM, LETTER, SMALLEST, WIDTH, axis_below, drawing
from chainrule.drawing.markup import Markup, element
from chainrule.errors import cut

ROW, TOP = 20, 8
LONGEST = 18
"""Letters of a name beside its bar."""


@dataclass(frozen=True)
class Bar:
    """A value with its name.

    Parameters
    ----------
    name : str
    value : float
        Not negative.
    kind : str
        Class of the bar.
    """

    name: str
    value: float
    kind: str


def bar_chart(bars: Sequence[Bar], label: str, description: str) -> Markup:
    """Horizontal bars from the least power of ten on.

    Parameters
    ----------
    bars : sequence of Bar
    label : str
        Of the axis.
    description : str
        What a reader who does not see the chart should know.
    """
    values = [max(bar.value, SMALLEST) if math.isfinite(bar.value) else 1.0 for bar in bars]
    names = [cut(bar.name, LONGEST) for bar in bars]
    left = 12 + LETTER * max(map(len, names))
    across = Axis.log([min(*values, 1e-3) / 3, max(*values, 1.0)], left, WIDTH - 24)
    bottom = TOP + ROW * len(bars)
    rows = [
        _row(name, TOP + ROW * place, left, across.place(value), bar.kind)
        for place, (name, value, bar) in enumerate(zip(names, values, bars, strict=True))
    ]
    return drawing(description, axis_below(across, label, bottom), *rows, height=bottom + BOTTOM)


def _row(name: str, top: float, left: float, end: float, kind: str) -> Markup:
    text = element("text", name, x=left - 6, y=top + 14, text_anchor="end", class_="label")
    bar = element(
        "rect",
        x=left,
        y=top + 3,
        width=round(max(end - left, 1), 2),
        height=ROW - 6,
        class_=f"measure {kind}",
    )
    return element("g", text, bar)
