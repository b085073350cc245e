"""Whole pages: well formed, self-contained, everything escaped."""

import math
import re

import numpy as np
import pytest

from chainrule.checking import check_gradient
from chainrule.data import Table
from chainrule.diagnosis import verify
from chainrule.drawing.markup import Markup, element, join
from chainrule.equations import Equations
from chainrule.errors import ShapeError
from chainrule.optimize.history import Epoch, History
from chainrule.reports import (
    ClassificationScores,
    Figure,
    RegressionScores,
    Report,
    class_examples,
    examples_section,
    gradient_section,
    model_section,
    number_examples,
    render,
    score_figures,
    scores_section,
    table_section,
    training_section,
    verdict_section,
    write_report,
)
from html_page import Page

HOSTILE = '<script>alert("1")</script> & "quotes" \' </pre><img src=x onerror=alert(1)>'
SHEET = "data x: R[p]; y: R\nparameters w: R[p]\nL = (w.T @ x - y)**2 / 2"


def _report(name=HOSTILE):
    model = Equations(SHEET)
    rng = np.random.default_rng(0)
    classes = [name, "b", "c"]
    scores = ClassificationScores.of(
        classes, rng.integers(0, 3, 20), rng.dirichlet(np.ones(3), 20), [0, 1, 2, 2]
    )
    numbers = RegressionScores.of(rng.normal(size=9), rng.normal(size=9), rng.normal(size=5))
    check = check_gradient(
        lambda v: np.sum(v["w"] ** 2), {"w": np.array([2.0, 5.0])}, {"w": np.array([1.0, 2.0])}
    )
    history = History.of([Epoch(1, 2.0, 1.0, 0.1, 0.5, 3.0), Epoch(2, 0.01, 0.5, 0.1, 0.9, 2.5)])
    sections = (
        model_section(f"# {name}\n{SHEET}", name),
        gradient_section(model.derive("L")),
        verdict_section(((name, check), ("derivation", verify(model, "L"))), name),
        training_section(history, name),
        scores_section(scores),
        scores_section(numbers),
        examples_section(class_examples(scores, rng.random((20, 4, 3))), name),
    )
    return Report(name, name, (Figure(name, name, name), *score_figures(scores)), sections)


def test_a_page_is_well_formed_and_self_contained():
    page = Page(render(_report("plain")))
    assert page.count("h1") == 1
    assert page.count("h2") == 7
    assert page.count("math") == 1
    assert page.count("meta", name="viewport") == 1
    for tag, attributes in page.tags:
        if tag == "img":
            assert attributes["alt"] and attributes["src"].startswith("data:image/png")
        if tag == "svg" and attributes.get("class") == "chart":
            assert attributes["role"] == "img"


def test_hostile_names_stay_text():
    page = Page(render(_report()))
    assert page.text.count(HOSTILE) >= 10
    assert page.count("img") == Page(render(_report("plain"))).count("img")


def test_every_section_says_what_it_is_about():
    page = _report("plain")
    text = Page(render(page)).text
    leads = [section.lead for section in page.sections]
    assert len(set(leads)) >= 5 and all(lead in text for lead in leads)


def test_verdicts_are_words_and_marks():
    text = Page(render(_report("plain"))).text
    assert "✗ wrong" in text and "✓ right" in text


def test_shapes_of_blocks_are_spelled_and_scalars_called_so():
    at = {"w": np.ones((2, 3)), "b": np.array(1.0)}
    body = verdict_section((("x", check_gradient(lambda v: np.sum(v["w"]) + v["b"], at, at)),), "").body
    assert "<td>2 × 3</td>" in body and "<td>scalar</td>" in body


def test_a_model_without_a_description_has_one_box():
    assert model_section(SHEET).body.count("<pre>") == 1
    assert model_section(SHEET, "layers").body.count("<pre>") == 2


def test_what_a_run_did_not_measure_is_left_out():
    def rows(*epochs):
        body = training_section(History.of(list(epochs)), "done").body
        return dict(re.findall(r'<th scope="row">([^<]*)</th><td>([^<]*)</td>', body))

    nan = math.nan
    full = rows(Epoch(1, 2.0, 1.0, 0.1, 0.5, 3.0), Epoch(2, -0.25, 0.5, 0.1, 0.9, 2.5))
    assert full["Lowest loss of held-out rows"] == "2.5" and full["Time"] == "0.9 s"
    assert (full["Loss of the first epoch"], full["Loss of the last epoch"]) == ("2", "−0.25")
    bare = rows(Epoch(1, 2.0, 1.0, nan, nan, nan))
    assert set(full) - set(bare) == {"Lowest loss of held-out rows", "Last learning rate", "Time"}


def test_scores_are_shares_of_classes_and_figures_of_numbers():
    scores = RegressionScores.of([1.0, 2.0, 4.0], [1.0, 2.0, 3.0], [2.0, 5.0])
    figures = score_figures(scores)
    assert [figure.value for figure in figures] == ["0.786", "0.333"]
    assert figures[0].note == "baseline −0.875"
    body = scores_section(scores).body
    assert "<td>0.7857</td><td>−0.875</td>" in body and "R2 0.7857" in body
    classes = ClassificationScores.of("ab", [0, 1, 1], np.eye(2)[[0, 1, 0]], [0, 0, 1])
    assert [figure.value for figure in score_figures(classes)] == ["66.7%", "75.0%"]


def test_the_gradient_is_printed_by_its_derivation():
    derivation = Equations(SHEET).derive("L")
    body = gradient_section(derivation).body
    assert derivation.mathml() in body
    for step in derivation.steps:
        assert str(step) in body


def test_steps_show_what_the_rules_alone_give_before_things_cancel():
    model = Equations("z: R[K]; y: Simplex[K]; p = softmax(z); L = -(y.T @ log(p))")
    body = gradient_section(model.derive("L", "z")).body
    rows = [row for row in body.split("<tr>") if 'scope="row"' in row]
    assert len(rows) == 3
    assert "dL/dz = (diag(p) - p pᵀ) dL/dp" in rows[1] and "Jacobian of softmax" in rows[1]
    shapes, rules = zip(*(re.findall(r"<td[^>]*>([^<]*)</td>", row) for row in rows), strict=True)
    assert shapes == ("K", "K", "") and "product rule" in rules[0] and "Jacobian of softmax" in rules[1]
    assert ">= p - y<" in rows[2] and "through p; factors cancel" in rows[2]


def test_the_confusion_matrix_holds_every_count():
    truth, P = np.array([0, 1, 1, 2, 2, 2, 2]), np.eye(3)[[0, 0, 1, 2, 2, 2, 1]]
    body = scores_section(ClassificationScores.of("abc", truth, P, truth)).body
    assert [body.count(f">{n}</td>") for n in (1, 3)] == [4 + 1, 1]  # class a has one row as well
    assert body.count('class="miss strong"') == 1 and body.count('class="miss"') == 1
    # Letters stay readable: no tint between weak and strong, and none beyond the full colour.
    tints = [float(share) for share in re.findall(r"--share:([\d.]+)", body)]
    assert tints and all(0.12 <= tint <= 0.37 or 0.88 <= tint <= 1 for tint in tints)


def test_examples_show_confident_mistakes_first():
    P = np.array([[0.1, 0.9], [0.6, 0.4], [0.3, 0.7], [0.2, 0.8]])
    scores = ClassificationScores.of("ab", [1, 1, 0, 0], P, [0, 1])
    found = class_examples(scores, each=2)
    assert [(one.truth, one.predicted) for one in found] == [("a", "b"), ("a", "b"), ("b", "b")]
    assert found[0].probabilities == (("b", 0.8), ("a", 0.2))
    body = examples_section(found, "three rows").body
    for words in ("✗ b, but it is a", "✓ b"):
        assert words in body
    assert (body.count('class="wrong"'), body.count('class="right"')) == (2, 1)


def test_examples_show_what_they_were_made_of():
    P = np.array([[0.1, 0.9], [0.6, 0.4]])
    scores = ClassificationScores.of("ab", [1, 1], P, [0, 1])
    found = class_examples(scores, inputs=lambda row: (("age <", f"{row}5"), ("town", "Ulm")))
    assert [one.inputs[0] for one in found] == [("age <", "15"), ("age <", "05")]
    body = examples_section(found, "two rows").body
    assert "<dt>age &lt;</dt><dd>15</dd><dt>town</dt><dd>Ulm</dd>" in body


def test_examples_of_numbers_are_the_worst_and_the_middling():
    truth = np.zeros(20)
    scores = RegressionScores.of(truth + 1000.0, truth + 1000.0 + np.arange(20) * 1000, [1.0])
    found = number_examples(scores, each=2, inputs=lambda row: (("row", str(row)),))
    assert [dict(one.inputs)["row"] for one in found] == ["19", "18", "10", "9"]
    body = examples_section(found, "four rows").body
    assert "predicted 20,000; true 1000" in body and 'class="wrong"' not in body
    two = RegressionScores.of([[1.0, 2e6], [2.0, 3e6]], [[1.0, 2e6], [9.0, 3e6]], [[0, 0]], names=("a", "b"))
    assert [one.predicted for one in number_examples(two, each=1)] == ["a 9, b 3,000,000", "a 1, b 2,000,000"]


def test_a_table_is_shown_as_it_was_understood():
    columns = {f"x{j}": [1.5, np.nan, 13449.7] for j in range(30)}
    table = Table.of({"town <b>": ["Ulm", "Bonn", "Ulm"], **columns}, source="some/houses.csv")
    uses = {"town <b>": "3 inputs", "x29": "no input: as asked"}
    section = table_section(table, uses, ["1 row was left out.", "A gap was filled."])
    page = Page(section.body)
    assert "3 rows, 31 columns" in section.lead and page.count("tr") == 31 + 2
    for words in (
        "town <b>",
        "Ulm (2), Bonn (1)",
        "1.5 to 13,450",
        "houses.csv",
        "11 more columns",
        "3 inputs",
    ):
        assert words in page.text
    assert "as asked" in page.text and page.text.index("1 row was") < page.text.index("A gap")


def test_captions_stand_outside_of_what_scrolls():
    page = render(_report("plain"))
    for inside in re.findall(r'<div class="scroll".*?</div>', page, re.DOTALL):
        assert "caption" not in inside
    assert page.count("<figcaption>") > 5


def test_examples_need_one_picture_for_each_row():
    P = np.array([[0.1, 0.9], [0.6, 0.4], [0.3, 0.7]])
    scores = ClassificationScores.of("ab", [1, 1, 0], P, [0, 1])
    assert len(class_examples(scores, np.zeros((3, 2, 2)), each=9)) == 3
    for count in (2, 4):
        with pytest.raises(ShapeError, match=f"There are {count} pictures for 3 rows"):
            class_examples(scores, np.zeros((count, 2, 2)))


def test_a_wide_table_is_reached_by_the_keyboard_and_its_heads_are_named():
    P = np.array([[0.1, 0.9], [0.6, 0.4], [0.3, 0.7]])
    body = scores_section(ClassificationScores.of("ab", [1, 1, 0], P, [0, 1])).body
    for tag in re.findall(r'<div class="scroll"[^>]*>', body):
        assert 'tabindex="0"' in tag
    heads = re.findall(r"<th\b[^>]*>", body)
    assert heads and all("scope=" in tag for tag in heads)


@pytest.mark.parametrize("validation", [math.nan, 0.75])
def test_the_curve_of_a_validation_is_drawn_where_there_is_one(validation):
    history = History.of(Epoch(k, 1.0 / k, 2.0, validation=validation) for k in (1, 2, 3))
    body = training_section(history, "done", "rows set aside").body
    assert ("legend" in body) is not math.isnan(validation)
    assert ("rows set aside" in body) is not math.isnan(validation) and "held-out" not in body


def test_a_run_without_epochs_has_a_page():
    assert "No epoch" in training_section(History.of([]), "interrupted").body


def test_markup_escapes_what_is_not_markup():
    assert element("p", "<", Markup("<b></b>"), title='"') == '<p title="&quot;">&lt;<b></b></p>'
    assert join("&", None, 3) == "&amp;3"
    assert element("td", "x", colspan=2, class_=None) == '<td colspan="2">x</td>'


def test_a_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("old")
    write_report(path, _report("new"))
    assert "<h1>new</h1>" in path.read_text(encoding="utf-8")
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]
    with pytest.raises(OSError):
        write_report(tmp_path / "nowhere" / "report.html", _report("new"))
