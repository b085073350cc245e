"""Axes, charts and pictures, read back."""

import base64
import itertools
import math
import re
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.drawing.axis import Axis
from chainrule.drawing.charts import Series, line_chart, scatter_chart
from chainrule.errors import ShapeError
from chainrule.reports.pixels import png_address

numbers = st.floats(-1e9, 1e9, allow_nan=False).filter(lambda x: x == 0 or abs(x) > 1e-9)


def _covers(axis, values):
    assert axis.low <= min(values) and max(values) <= axis.high
    assert axis.low < axis.high
    assert all(axis.low <= mark <= axis.high for mark in axis.marks)
    assert list(axis.marks) == sorted(set(axis.marks))
    low, high = sorted((axis.start, axis.stop))
    assert all(low - 0.01 <= axis.place(value) <= high + 0.01 for value in values)


@given(st.lists(numbers, min_size=1, max_size=9))
def test_linear_axes_cover_their_values(values):
    axis = Axis.linear(values, 10.0, 400.0)
    _covers(axis, values)
    assert 2 <= len(axis.marks) <= 13


@given(st.lists(st.floats(1e-30, 1e30), min_size=1, max_size=9))
def test_logarithmic_axes_cover_their_values(values):
    axis = Axis.log(values, 200.0, 20.0)
    _covers(axis, values)
    assert len(axis.marks) <= 8


@given(st.integers(0, 5000), st.integers(0, 5000))
def test_whole_axes_have_whole_marks(first, extent):
    axis = Axis.whole([first, first + extent], 0.0, 100.0)
    assert all(mark == int(mark) for mark in axis.marks)
    assert len(axis.marks) <= 11
    assert axis.low == first


def test_the_scale_follows_the_range():
    assert Axis.fitting([0.1, 9.0], 0, 1).logarithmic
    assert not Axis.fitting([0.5, 9.0], 0, 1).logarithmic
    assert not Axis.fitting([0.0, 900.0], 0, 1).logarithmic


def test_equal_values_still_have_an_axis():
    _covers(Axis.linear([3.0, 3.0], 0, 1), [3.0])
    for value in (0.0, 1e20, -1e20, 1e-20):
        _covers(Axis.linear([value], 0, 1), [value])


def test_places_follow_the_numbers():
    axis = Axis.log([1.0, 100.0], 0.0, 50.0)
    assert [axis.place(v) for v in (1.0, 10.0, 100.0)] == [0.0, 25.0, 50.0]


def test_lines_go_through_the_points():
    chart = line_chart([Series("a", [1, 2, 3], [0.0, 5.0, 10.0])], "epoch", "loss", "three")
    (points,) = re.findall(r'points="([^"]*)"', chart)
    places = [tuple(map(float, pair.split(","))) for pair in points.split()]
    assert [x for x, _ in places] == pytest.approx([52, 230, 408])
    assert places[0][1] > places[1][1] > places[2][1]
    assert places[1][1] == pytest.approx((places[0][1] + places[2][1]) / 2, abs=0.02)


def test_both_axes_carry_their_numbers_and_their_labels():
    chart = line_chart([Series("a", [1, 2, 3], [-0.5, 2e-7, 1.0])], "epoch", "loss", "three")
    texts = [(dict(re.findall(r' (x|y|transform)="([^"]*)"', tag)), text)
             for tag, text in re.findall(r"<text([^>]*)>([^<]*)</text>", chart)]  # fmt: skip
    assert [text for _, text in texts] == ["−0.5", "0", "0.5", "1", "1", "2", "3", "epoch", "loss"]
    up, across = texts[:4], texts[4:7]
    heights, places = [float(at["y"]) for at, _ in up], [float(at["x"]) for at, _ in across]
    assert heights == sorted(heights, reverse=True) and places == sorted(places)
    assert len({at["x"] for at, _ in up}) == len({at["y"] for at, _ in across}) == 1
    assert all("transform" in at or {"x", "y"} <= set(at) for at, _ in texts)
    for extremes, mark in (((2e-9, 1e-6), "1e−8"), ((1e11, 3e13), "1e12"), ((2e2, 4e5), "100,000")):
        chart = line_chart([Series("a", [1, 2], extremes)], "epoch", "loss", "two")
        assert f">{mark}<" in chart and "loss (log scale)" in chart


def test_everything_is_drawn_inside_the_picture():
    series = [Series("a", [1, 2, 3], [0.0, 5.0, 10.0]), Series("b", [1, 2, 3], [-3.0, 5.0, 1e4])]
    for chart in (line_chart(series, "epoch", "loss", ""), scatter_chart(series[0], "true", "predicted", "")):
        # The largest is the chart, beside it the strokes of a legend.
        width, height = max(tuple(map(float, box)) for box in re.findall(r'viewBox="0 0 (\S+) (\S+)"', chart))
        for size, names in ((width, "x|x1|x2|cx"), (height, "y|y1|y2|cy")):
            places = [float(number) for number in re.findall(rf' (?:{names})="([^"]*)"', chart)]
            assert places and min(places) >= 0 and max(places) <= size


def test_dots_lie_where_their_numbers_say():
    chart = scatter_chart(Series("a", [0.0, 5.0, 10.0], [10.0, 5.0, 0.0]), "true", "predicted", "three")
    dots = [tuple(map(float, dot)) for dot in re.findall(r'<circle cx="([^"]*)" cy="([^"]*)"', chart)]
    assert dots == [(52, 12), (230, 114), (408, 216)]


def test_what_is_not_finite_is_left_out():
    chart = line_chart([Series("a", [1, 2, 3], [1.0, math.nan, math.inf])], "x", "y", "one point")
    assert "<circle" in chart and "polyline" not in chart
    (circle,) = re.findall("<circle [^>]*>", chart)
    assert {"cx", "cy", "r", "class"} <= set(re.findall(r" (\w+)=", circle))
    assert Series("a", [math.nan, 2.0, 3.0], [1.0, math.inf, 4.0]).points == [(3.0, 4.0)]
    assert "nothing finite" in line_chart([Series("a", [1], [math.nan])], "x", "y", "none")
    assert "nothing finite" in scatter_chart(Series("a", [], []), "x", "y", "none")


def test_several_lines_have_a_legend_and_one_has_none():
    one, two = Series("training", [1, 2], [3.0, 2.0]), Series("held-out", [1, 2], [4.0, 3.0])
    assert "legend" not in line_chart([one], "x", "y", "")
    both = line_chart([one, two], "x", "y", "")
    assert "legend" in both and "training" in both and "held-out" in both


def test_points_are_thinned_where_there_are_many():
    many = np.linspace(0, 1, 5000).tolist()
    assert 300 <= scatter_chart(Series("a", many, many), "x", "y", "").count("<circle") <= 600


def test_names_are_escaped():
    assert "<b>" not in line_chart([Series("a", [1, 2], [1.0, 2.0])], "<b>", "<b>", "<b>")


def test_pictures_read_back():
    ink = np.array([[0.0, 0.25, 1.0], [2.0, -1.0, 0.5]])
    data = base64.b64decode(png_address(ink).removeprefix("data:image/png;base64,"))
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    place, chunks = 8, {}
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        kind, body = data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        (sum_,) = struct.unpack(">I", data[place + 8 + length : place + 12 + length])
        assert sum_ == zlib.crc32(kind + body)
        chunks[kind], place = body, place + 12 + length
    assert struct.unpack(">IIBBBBB", chunks[b"IHDR"]) == (3, 2, 8, 0, 0, 0, 0)
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(2, 4)
    assert rows.tolist() == [[0, 255, 191, 0], [0, 0, 255, 128]]


@pytest.mark.parametrize("wrong", [np.zeros(3), np.zeros((0, 2)), np.zeros((2, 2, 3))])
def test_other_shapes_are_no_pictures(wrong):
    with pytest.raises(ShapeError, match="height, width"):
        png_address(wrong)


@given(numbers, st.floats(1e-3, 1e9), st.integers(1, 5000))
def test_no_number_of_an_axis_is_cut_or_touches_another(low, extent, last):
    charts = (
        line_chart([Series("a", [1, last], [low, low + extent])], "epoch", "loss", "two"),
        scatter_chart(Series("a", [low, low + extent], [low, low]), "true", "prediction", "two"),
    )
    for chart in charts:
        ends = []
        for place, anchor, text in re.findall(
            r'<text x="([\d.]+)" y="[\d.]+" text-anchor="(\w+)">([^<]*)</text>', chart
        ):
            # Digits of 13 px are at most 7.3 px wide, and the turned label takes 16 px.
            width, at = 7.3 * len(text), float(place)
            left = at - (width if anchor == "end" else width / 2)
            assert left >= (16 if anchor == "end" else 0)
            if anchor == "middle":
                assert at + width / 2 <= 420
                ends.append((left, at + width / 2))
        assert all(right < left for (_, right), (left, _) in itertools.pairwise(ends))
