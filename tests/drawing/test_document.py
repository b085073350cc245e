"""What reports look like: the same parts as HTML and as Markdown."""

import re

import numpy as np
import pytest

import chainrule as cr
from chainrule.checking import check_gradient, check_stages
from chainrule.drawing.bars import Bar, bar_chart
from chainrule.drawing.document import (
    Formula,
    Name,
    Paragraph,
    Picture,
    Sentences,
    Table,
    Verdict,
    code,
    escaped,
    markdown,
    notebook_html,
)
from html_page import Page

X = np.random.default_rng(0).normal(size=(7, 3))
AT = {"w": np.array([0.5, -1.0, 2.0]), "b_0": np.array(0.3)}


def loss(q):
    return np.sum(np.tanh(X @ q["w"] + q["b_0"]))


def gradient(q):
    slope = 1 - np.tanh(X @ q["w"] + q["b_0"]) ** 2
    return {"w": X.T @ np.ones(7), "b_0": slope.sum()}


SHEET = cr.Equations(
    "data x: R[p]; y: Class[K]\nparameters W: R[K, p]\nf = W @ x\nL = logsumexp(f) - f[y]\n"
    "d(L, f) == softmax(f) - onehot(y)\nd(L, W) == x @ d(L, f).T\nd(L, f) == softmax(f)\nd(L, f == 3\n"
)


def stages():
    double = (lambda x: 2 * x, lambda x: 2 * np.eye(3))
    wrong = (np.tanh, lambda x: np.eye(3))
    return check_stages({"double": double, "tanh": wrong, "again": double}, AT["w"])


REPORTS = {
    "wrong": lambda: check_gradient(loss, gradient, AT),
    "right": lambda: check_gradient(lambda x: np.sum(x**2), lambda x: 2 * x, AT["w"]),
    "not finite": lambda: check_gradient(loss, {"w": X[0] * np.nan, "b_0": 1.0}, AT),
    "misshapen": lambda: check_gradient(loss, {"w": X, "b_0": 1.0}, AT),
    "stages": stages,
    "diagnosis": lambda: cr.diagnose(check_gradient(loss, gradient, AT)),
    "steps": lambda: check_gradient(loss, gradient, AT).step_curve(),
    "claims": lambda: cr.check_claims(SHEET),
    "no claims": lambda: cr.check_claims(cr.Equations("x: R")),
    "verified": lambda: cr.verify(SHEET, "L"),
}


@pytest.mark.parametrize("make", REPORTS.values(), ids=REPORTS)
def test_every_report_is_a_page_and_markdown(make):
    report = make()
    page = Page(report._repr_html_())
    assert page.names[0] == "div" and "style" in page.names
    text = report.markdown()
    assert text.strip() and "<" not in text.replace("\\<", "")
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({line.count("|") - line.count("\\|") for line in table.splitlines()}) == 1


def test_what_is_wrong_is_said_in_both_forms():
    report = REPORTS["wrong"]()
    worst = report.blocks["w"].worst
    place = f"w[{worst.index[0]}]"
    html, text = report._repr_html_(), report.markdown()
    for said in ("✗ wrong", "✓ right", place, "1 right, 1 wrong of 2"):
        assert said in html and said in text
    assert "| `b_0` | a number | ✓ right |" in text and "**✗ wrong**" in text
    assert html.count("<rect") == 2


def test_names_of_blocks_are_no_markup():
    at = {"<b>|`*": np.ones(2), "x": np.ones(1)}
    report = check_gradient(lambda q: sum(np.sum(v**2) for v in q.values()), lambda q: q, at)
    Page(report._repr_html_())
    assert "<b>" not in report._repr_html_()
    assert "| ``<b>\\|`*`` |" in report.markdown()


def test_parts_have_two_forms():
    parts = [
        Paragraph("a_b", "Bold"),
        Paragraph(", then", "word"),
        Table(("A", "B"), [[Name("f[1]"), Verdict("not checkable")]], "One row."),
        Sentences([("W", "is wrong"), ("", "so is all")]),
        Formula("true", r"\frac{a}{b}", "<math><mi>a</mi></math>"),
        Picture(
            bar_chart([Bar("W", 0.0, "right"), Bar("b" * 90, np.inf, "wrong")], "error", "two"), "errors"
        ),
    ]
    text = markdown(parts)
    assert "**Bold** a\\_b" in text and "**word**, then" in text
    assert "| `f[1]` | ? not checkable |" in text and "* `W`: is wrong\n* so is all" in text
    assert "$$\n\\frac{a}{b}\n$$" in text and "svg" not in text
    page = Page(notebook_html(parts))
    assert page.count("math") == 1 and page.count("rect") == 2 and page.count("td", class_="open") == 1


@pytest.mark.parametrize("values", [[0.0, 1e-16, 3.0], [1e-300, 1e300], [np.nan, 1.0], [0.5, 0.5]])
def test_bars_are_drawn_inside_the_picture(values):
    chart = bar_chart([Bar(f"W{k}", value, "wrong") for k, value in enumerate(values)], "error", "some")
    width, height = map(float, re.search(r'viewBox="0 0 (\S+) (\S+)"', chart).groups())
    bars = re.findall(r'<rect x="(\S+)" y="(\S+)" width="(\S+)" height="(\S+)"', chart)
    assert len(bars) == len(values)
    for x, y, across, down in (tuple(map(float, bar)) for bar in bars):
        assert x >= 0 and y >= 0 and across > 0 and x + across <= width and y + down <= height


def test_characters_of_markdown_mean_nothing():
    assert escaped("*a* [b](c) <d> `e`\n# f") == r"\*a\* \[b\](c) \<d\> \`e\` \# f"
    assert [code("a"), code("`"), code("a``b`")] == ["`a`", "`` ` ``", "``` a``b` ```"]
