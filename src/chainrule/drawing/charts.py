"""Charts as inline SVG: lines and points, in the colours of the page."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from chainrule.drawing.axis import Axis
from chainrule.drawing.markup import Markup, element, join
from chainrule.numerals import numeral

# A narrow drawing keeps its letters readable when a phone shrinks it.
WIDTH, HEIGHT = 420, 260
TOP, BOTTOM = 12, 44
BESIDE, LEAST = 28, 52
"""Of the left margin: beside the numbers of the axis, and at least."""
LETTER = 7.5
"""Width of a letter at most, in the size that the style gives to the text of charts."""
MOST_POINTS = 600
SMALLEST = 1e-17
"""Of an error: all that double precision can have lie above."""
WIDEST = 1e6
"""100,000 fits beside an axis."""


@dataclass(frozen=True)
class Series:
    """A named row of points; those that are not finite are left out."""

    name: str
    x: Sequence[float]
    y: Sequence[float]

    @property
    def points(self) -> list[tuple[float, float]]:
        """The finite points."""
        pairs = zip(self.x, self.y, strict=True)
        return [(float(x), float(y)) for x, y in pairs if math.isfinite(x) and math.isfinite(y)]


def line_chart(series: Sequence[Series], x_label: str, y_label: str, description: str) -> Markup:
    """Lines over a whole-numbered axis such as the epoch, with a legend if there are several.

    Parameters
    ----------
    series : sequence of Series
        Told apart by colour and by dashes.
    x_label, y_label : str
    description : str
        What a reader who does not see the chart should know.
    """
    return _lines(series, Axis.whole, Axis.fitting, x_label, y_label, description)


def log_chart(series: Sequence[Series], x_label: str, y_label: str, description: str) -> Markup:
    """Lines over two logarithmic axes, such as an error against a step; zeros are drawn as `SMALLEST`."""
    raised = [
        Series(one.name, [x for x, _ in one.points], [max(y, SMALLEST) for _, y in one.points])
        for one in series
    ]
    return _lines(raised, Axis.log, Axis.log, x_label, y_label, description)


def _lines(
    series: Sequence[Series],
    make_across: Callable[..., Axis],
    make_up: Callable[..., Axis],
    x_label: str,
    y_label: str,
    description: str,
) -> Markup:
    drawn = [one for one in series if one.points]
    if not drawn:
        return element("p", "There is nothing finite to draw.", class_="note")
    xs = [x for one in drawn for x, _ in one.points]
    ys = [y for one in drawn for _, y in one.points]
    up = make_up(ys, HEIGHT - BOTTOM, TOP)
    across = _between_margins(make_across, xs, up)
    lines = [_line(one, number, across, up) for number, one in enumerate(drawn)]
    labels = [label + " (log scale)" * axis.logarithmic for label, axis in ((x_label, across), (y_label, up))]
    picture = drawing(description, _frame(across, up, *labels), *lines)
    if len(drawn) == 1:
        return picture
    keys = [element("li", _key(number), one.name) for number, one in enumerate(drawn)]
    return join(element("ul", *keys, class_="legend"), picture)


def scatter_chart(series: Series, x_label: str, y_label: str, description: str) -> Markup:
    """Points with the line y = x, on which a perfect prediction would lie; at most 600 are drawn."""
    points = series.points
    if not points:
        return element("p", "There is nothing finite to draw.", class_="note")
    both = [value for point in points for value in point]
    up = Axis.linear(both, HEIGHT - BOTTOM, TOP)
    across = _between_margins(Axis.linear, both, up)
    stride = math.ceil(len(points) / MOST_POINTS)
    dots = [
        element("circle", cx=across.place(x), cy=up.place(y), r=2.6, class_="dot")
        for x, y in points[::stride]
    ]
    diagonal = element("line", x1=across.start, y1=up.start, x2=across.stop, y2=up.stop, class_="reference")
    return drawing(description, _frame(across, up, x_label, y_label), diagonal, *dots)


def _between_margins(make: Callable[..., Axis], values: list[float], up: Axis) -> Axis:
    """The axis across, with room for the numbers of the other one and for its own last number."""
    left = max(LEAST, BESIDE + LETTER * max(len(_number(mark)) for mark in up.marks))
    widest = max((len(_number(mark)) for mark in make(values, 0.0, 1.0).marks), default=0)
    axis = make(values, left, WIDTH - max(12.0, LETTER * widest / 2))
    # Numbers that would touch each other are left out.
    between = (axis.stop - axis.start) / max(1, len(axis.marks) - 1)
    return replace(axis, marks=axis.marks[:: math.ceil(LETTER * (widest + 1) / between)])


def drawing(description: str, *children: Markup, height: float = HEIGHT) -> Markup:
    """A picture with the words that stand for it."""
    return element(
        "svg",
        element("title", description),
        *children,
        viewBox=f"0 0 {WIDTH} {height:g}",
        role="img",
        class_="chart",
    )


def _line(series: Series, number: int, across: Axis, up: Axis) -> Markup:
    places = [f"{across.place(x)},{up.place(y)}" for x, y in series.points]
    if len(places) == 1:
        x, y = places[0].split(",")
        return element("circle", cx=x, cy=y, r=3, class_=f"dot series{number}")
    return element("polyline", points=" ".join(places), class_=f"line series{number}")


def _key(number: int) -> Markup:
    stroke = element("line", x1=0, y1=5, x2=26, y2=5, class_=f"line series{number}")
    return element("svg", stroke, viewBox="0 0 26 10", class_="key", aria_hidden="true")


def _frame(across: Axis, up: Axis, x_label: str, y_label: str) -> Markup:
    left, right, bottom = across.start, across.stop, HEIGHT - BOTTOM
    pieces = []
    for value in up.marks:
        y = up.place(value)
        pieces.append(element("line", x1=left, y1=y, x2=right, y2=y, class_="grid"))
        pieces.append(element("text", _number(value), x=left - 6, y=y + 4, text_anchor="end"))
    pieces.append(axis_below(across, x_label, bottom))
    turned = f"translate(11 {(TOP + bottom) / 2}) rotate(-90)"
    pieces.append(element("text", y_label, transform=turned, text_anchor="middle", class_="label"))
    return join(*pieces)


def axis_below(across: Axis, label: str, bottom: float) -> Markup:
    """The axis across, at a height, with its numbers and its label below."""
    pieces = []
    for value in across.marks:
        x = across.place(value)
        pieces.append(element("line", x1=x, y1=bottom, x2=x, y2=bottom + 4, class_="axis"))
        pieces.append(element("text", _number(value), x=x, y=bottom + 17, text_anchor="middle"))
    pieces.append(element("line", x1=across.start, y1=bottom, x2=across.stop, y2=bottom, class_="axis"))
    middle, below = (across.start + across.stop) / 2, bottom + BOTTOM - 8
    pieces.append(element("text", label, x=middle, y=below, text_anchor="middle", class_="label"))
    return join(*pieces)


def _number(value: float) -> str:
    return numeral(value, largest=WIDEST).replace("-", "−")
