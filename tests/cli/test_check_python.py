"""``chainrule check homework.py:gradient``: against a file or a sheet, with grades."""

import json

import numpy as np
import pytest

from html_page import Page

SHEET = """\
data        X: R[N, p]; y: R[N]
parameters  W: R[M, p]; b: R[M]; v: R[M]
H = tanh(X @ W.T + ones(N) @ b.T)
L = norm2(H @ v - y)**2 / (2 * N)
"""
HEAD = """\
import numpy as np
rng = np.random.default_rng(0)
X, y = rng.normal(size=(6, 3)), rng.normal(size=6)
point = {"W": rng.normal(size=(4, 3)), "b": rng.normal(size=4), "v": rng.normal(size=4)}
def loss(W, b, v, X, y):
    return np.mean((np.tanh(X @ W.T + b) @ v - y) ** 2) / 2
"""
RIGHT = """\
import numpy as np
def gradient(W, b, v, X, y):
    h = np.tanh(X @ W.T + b)
    e = (h @ v - y) / len(y)
    d = np.outer(e, v) * (1 - h ** 2)
    return {"W": d.T @ X, "b": d.sum(0), "v": h.T @ e}
"""
NO_SLOPE = RIGHT.replace(" * (1 - h ** 2)", "")


@pytest.fixture
def check(run, tmp_path):
    def call(text, *words):
        (tmp_path / "homework.py").write_text(text)
        (tmp_path / "reference.py").write_text(HEAD)
        (tmp_path / "model.eqs").write_text(SHEET)
        return run("check", "homework.py:gradient", *words)

    return call


FILE, SHEETS = ("--loss", "reference.py:loss"), ("--against", "model.eqs")


@pytest.mark.parametrize("against", [FILE, SHEETS], ids=["file", "sheet"])
def test_right_and_wrong(check, against):
    answer = check(RIGHT, *against)
    assert answer.code == 0 and answer.err.endswith("The gradient is right.\n")
    answer = check(NO_SLOPE, *against)
    assert answer.code == 1 and answer.err.endswith("2 of 3 blocks are not right.\n")
    assert "the derivative of tanh is left out" in answer.out


def test_against_a_sheet_the_shapes_are_said_and_can_be_given(check):
    out = check(RIGHT, *SHEETS, "--size", "M=9", "--size", "N=8", "--size", "p=3").out
    assert "at X (8, 3), y (8,), W (9, 3), b (9,), v (9,)" in out


def test_against_a_sheet_for_one_example(check, tmp_path):
    (tmp_path / "one.eqs").write_text(
        "data x: R[p]; y: R\nparameters W: R[M, p]; b: R[M]; v: R[M]\n"
        "L = (v.T @ tanh(W @ x + b) - y)**2 / 2\n"
    )
    assert check(RIGHT, "--against", "one.eqs", "--batch").code == 0
    answer = check(RIGHT, "--against", "one.eqs", "--batch", "--reduction", "sum")
    assert answer.code == 1 and "batch" in answer.out


@pytest.mark.parametrize(
    ("at", "code"),
    [("point.npz", 0), ("reference.py:point", 0), ("W=5x3 b=5 v=5", 0), ("W=5x3 b=5 v=4", 3), ("W=2x b=1", 2),
     ("other.npz", 2), ("reference.py", 2), ("reference.py:nothing", 3), ("W=99999999x99999999", 2)],
)  # fmt: skip
def test_points(check, tmp_path, at, code):
    np.savez(tmp_path / "point.npz", W=np.ones((2, 3)), b=np.ones(2), v=np.ones(2))
    answer = check(RIGHT, *FILE, "--at", at)
    assert answer.code == code, answer
    assert answer.err and "Traceback" not in answer.err


def test_a_point_of_a_sheet_is_an_archive(check, tmp_path):
    np.savez(tmp_path / "point.npz", W=np.ones((2, 3)), X=np.ones((8, 3)))
    assert "at X (8, 3), y (8,), W (2, 3), b (2,)" in check(RIGHT, *SHEETS, "--at", "point.npz").out
    np.savez(tmp_path / "point.npz", W=np.array([{}]))
    answer = check(RIGHT, *SHEETS, "--at", "point.npz")
    assert answer.code == 2 and "holds Python objects, which are not read" in answer.err
    np.savez(tmp_path / "point.npz", Q=np.ones(3))
    assert check(RIGHT, *SHEETS, "--at", "point.npz").code == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "give --loss homework.py:loss, or --against model.eqs"),
        ((*FILE, *SHEETS), "give --loss homework.py:loss, or --against model.eqs"),
        (("--loss", "reference.py"), "expected a function in a file, as reference.py:loss"),
        (("--loss", "nowhere.py:loss"), "there is no file 'nowhere.py'"),
        ((*FILE, "--batch"), "--batch is about a sheet, which --against names"),
        ((*FILE, "--wrt", "W"), "--wrt is about sheets"),
        ((*SHEETS, "--of", "Q"), "--of Q: the sheet has no such name"),
        (("--against", "nowhere.eqs"), "There is no sheet 'nowhere.eqs'"),
        ((*SHEETS, "--at", "W=3x3"), "a sheet takes its values from an npz file"),
    ],
)
def test_wrong_usage(check, words, said):
    answer = check(RIGHT, *words)
    assert answer.code == 2 and said in answer.err


def test_what_is_about_python_is_refused_beside_a_sheet(run, tmp_path):
    (tmp_path / "model.eqs").write_text(SHEET)
    answer = run("check", "model.eqs", "--loss", "a.py:b")
    assert answer.code == 2 and "--loss is about a function in a Python file" in answer.err
    assert run("check", "homework.py", *FILE).code == 2


def test_json(check):
    answer = check(NO_SLOPE, *FILE, "--json", "-q")
    found = json.loads(answer.out)
    assert (found["exit_code"], answer.code, answer.err) == (1, 1, "")
    assert found["gradient"]["verdict"] == "wrong"
    assert found["gradient"]["diagnosis"]["mistake"] == "activation"
    assert [block["status"] for block in found["gradient"]["report"]["blocks"]] == ["wrong", "wrong", "right"]
    broken = json.loads(check("1 / 0", *FILE, "--json", "-q").out)
    assert broken["exit_code"] == 3 and "ZeroDivisionError" in broken["gradient"]["reason"]


@pytest.mark.parametrize(
    ("text", "score", "passed"),
    [
        (RIGHT, 10, ["passed"] * 3),
        (NO_SLOPE, 10 / 3, ["failed", "failed", "passed"]),
        ("1 / 0", 0, ["failed"] * 3),
    ],
)
def test_grades_for_gradescope(check, tmp_path, text, score, passed):
    check(text, *SHEETS, "--gradescope", "results.json", "--points", "10")
    found = json.loads((tmp_path / "results.json").read_text())
    assert found["score"] == pytest.approx(score)
    assert [test["status"] for test in found["tests"]] == passed
    assert sum(test["max_score"] for test in found["tests"]) == pytest.approx(10)
    assert all(test["score"] in (0, test["max_score"]) for test in found["tests"])
    assert found["output"]


CHEATS = {
    "patches what judges": """\
import chainrule.checking, chainrule.checking.report as report
report.BlockVerdict.ok = report.CheckReport.ok = property(lambda self: True)
chainrule.checking.check_gradient = chainrule.checking.gradient.check_gradient = lambda *a, **k: True
""",
    "answers in place of the process": """\
import json, os, struct
words = json.dumps({"words": {"form": "names", "status": "right"}, "arrays": []}).encode()
for fd in range(3, 32):
    try:
        os.write(fd, struct.pack("<IQ", len(words), 0) + words)
    except OSError:
        pass
""",
    "writes nonsense": """\
import os
for fd in range(3, 32):
    try: os.write(fd, b'!' * 99)
    except OSError: pass
""",
    "announces much": """\
import os, struct
for fd in range(3, 32):
    try: os.write(fd, struct.pack("<IQ", 4, 2**60))
    except OSError: pass
""",
}  # fmt: skip


@pytest.mark.parametrize("cheat", CHEATS.values(), ids=CHEATS)
@pytest.mark.parametrize("against", [FILE, SHEETS], ids=["file", "sheet"])
def test_a_file_cannot_judge_itself(check, tmp_path, cheat, against):
    answer = check(cheat + NO_SLOPE, *against, "--gradescope", "results.json")
    assert answer.code in (1, 3)
    assert json.loads((tmp_path / "results.json").read_text())["score"] < 1
    assert "Traceback" not in answer.out + answer.err


def test_a_report_is_written_as_markdown_or_a_page(check, tmp_path):
    check(NO_SLOPE, *SHEETS, "--out", "report.md")
    text = (tmp_path / "report.md").read_text("utf-8")
    assert text.startswith("**homework.py:gradient, against model.eqs**")
    assert "| `W` |" in text and "the derivative of tanh is left out" in text
    check(NO_SLOPE, *SHEETS, "--out", "report.html")
    page = (tmp_path / "report.html").read_text("utf-8")
    Page(page)
    assert "<polyline" in page and "<rect" in page and "<math" not in page
    check(NO_SLOPE, *SHEETS, "--out", "report.html", "--reveal")
    assert "<math" in (tmp_path / "report.html").read_text("utf-8")
    check("1 / 0", *SHEETS, "--out", "report.md")
    assert "**not checkable:** homework.py, line 1" in (tmp_path / "report.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((*SHEETS, "--out", "report.pdf"), "expected a page, .html, or Markdown, .md"),
        ((*FILE, "--otter", "q1.py"), "--otter writes a test against a sheet"),
    ],
)
def test_what_cannot_be_written_is_said_before_anything_runs(check, words, said):
    answer = check("1 / 0", *words)
    assert answer.code == 2 and said in answer.err and answer.out == ""


def test_a_test_for_otter_is_written_from_a_right_gradient_alone(check, tmp_path):
    answer = check(NO_SLOPE, *SHEETS, "--otter", "q1.py")
    assert answer.code == 2 and "not right itself" in answer.err and not (tmp_path / "q1.py").exists()
    assert check(RIGHT, *SHEETS, "--otter", "q1.py", "--points", "6", "--size", "M=5").code == 0
    names = {}
    exec((tmp_path / "q1.py").read_text("utf-8"), names)
    assert (names["test"]["name"], names["test"]["points"]) == ("q1", 6)
    (suite,) = names["test"]["suites"]
    assert len(suite["cases"]) == 3 and "sizes={'M': 5}" in suite["cases"][0]["code"]


def test_a_diagnosis_from_another_process_is_nothing_but_texts(check):
    forged = """\
import chainrule.diagnosis as d
class Forged:
    def __str__(self): return "right" + chr(27)
    def to_dict(self): return {"mistake": ["a"], "place": {"b": 1}, "equivalents": 3, "second": {"a": 1}}
d.diagnose = lambda *a, **k: Forged()
"""
    own = HEAD + NO_SLOPE.replace("import numpy as np\n", "")
    answer = check(forged + own, "--loss", "homework.py:loss", "--out", "report.md")
    assert answer.code == 1 and "Traceback" not in answer.err and chr(27) not in answer.out
