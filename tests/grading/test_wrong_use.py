"""Whatever stands in somebody's file, the answer is a verdict or a sentence, never a traceback."""

import json
import sys
import time

import pytest
from click.testing import CliRunner

from chainrule.cli.main import main

HEAD = """\
import numpy as np
rng = np.random.default_rng(0)
X, y = rng.normal(size=(7, 3)), rng.normal(size=7)
def point():
    return {"w": np.array([0.5, -1.0, 2.0]), "b": np.array(0.3)}
def loss(q):
    return np.mean((X @ q["w"] + q["b"] - y) ** 2)
def right(q):
    e = 2 * (X @ q["w"] + q["b"] - y) / 7
    return {"w": X.T @ e, "b": e.sum()}
"""
LINE = HEAD.count("\n")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is limited on Linux alone")


def gradient(*lines):
    return HEAD + "def gradient(q):\n" + "".join(f"    {line}\n" for line in lines)


CASES = {
    # what it does: (the file, exit code, what is said)
    "right": (gradient("return right(q)"), 0, "w  right"),
    "NaN": (gradient("return {'w': X[0] * np.nan, 'b': 1.0}"), 1, "yours [0] is nan (3 of 3 entries"),
    "random": (
        gradient("return {'w': rng.normal(size=3), 'b': 1.0}"), 3,
        "gives other values when it is asked",
    ),
    "mutates": (gradient("g = right(q)", "q['w'] *= 0", "return g"), 0, "gradient changes w in place"),
    "integers": (gradient("return {'w': np.array([1, 2, 3]), 'b': 4}"), 1, "w  wrong"),
    "constant": (gradient("return {'w': np.ones(3), 'b': 1.0}"), 1, "2 of 2 blocks are not right"),
    "a block missing": (gradient("return {'w': right(q)['w']}"), 1, "no derivative is given for b"),
    "another shape": (gradient("return {'w': right(q)['w'][:, None], 'b': 0.0}"), 1, "expected (3,)"),
    "nothing returned": (gradient("right(q)"), 3, "gradient returns nothing; is there a return?"),
    "text returned": (gradient("return 'done'"), 3, "no array of numbers but an array of <U4"),
    "objects returned": (
        gradient("return {'w': object(), 'b': 1.0}"), 3,
        "for w no array of numbers but object",
    ),
    "rows of several lengths": (
        gradient("return {'w': [[1.0], [1.0, 2.0]], 'b': 1.0}"), 3,
        "no array of numbers",
    ),
    "no argument": (HEAD + "def gradient():\n    return 1\n", 3, "gradient() takes no argument"),
    "an unknown argument": (
        HEAD + "def gradient(w, b, beta):\n    return 1\n", 3,
        "gradient(w, b, beta) needs beta, which has no value",
    ),
    "no such function": (HEAD + "def gradeint(q):\n    return right(q)\n", 3, "did you mean 'gradeint'?"),
    "no function": (HEAD + "gradient = 3\n", 3, "gradient in homework.py is no function but int"),
    "an error": (
        gradient("return {'w': Z.T @ y}"), 3,
        f"homework.py, line {LINE + 2}: NameError: name 'Z' is not defined",
    ),
    "an error in what it calls": (
        gradient("return np.linalg.inv(X)"), 3, f"homework.py, line {LINE + 2}: LinAlgError:",
    ),
    "an error whose message fails": (
        gradient("raise type('E', (Exception,), {'__str__': lambda self: 1 / 0})()"), 3,
        f"homework.py, line {LINE + 2}: E: its message cannot be read",
    ),
    "a syntax error": (gradient("return (q"), 3, f"homework.py, line {LINE + 2}: SyntaxError: '(' was never"),
    "an error while it is read": (
        "1 / 0\n" + gradient("return 1"), 3,
        "homework.py, line 1: ZeroDivisionError",
    ),
    "exit()": (gradient("exit(0)"), 3, f"homework.py, line {LINE + 2}: it ends Python with exit()"),
    "sys.exit at the top": ("import sys\nsys.exit()\n" + HEAD, 3, "homework.py, line 2: it ends Python"),
    "os._exit": (gradient("import os; os._exit(0)"), 3, "ended its process with code 0 before it answered"),
    "input()": (gradient("input('W?')"), 3, "it asks for input, and nobody is there"),
    "a crash": (gradient("import ctypes; ctypes.string_at(0)"), 3, "homework.py"),
    "endless recursion": (gradient("return gradient(q)"), 3, "RecursionError"),
    "a file written": (
        gradient("np.save('w.npy', q['w'])"), 3,
        "it writes to w.npy; files cannot be written",
    ),
    "a file removed": (gradient("import os; os.remove('homework.py')"), 3, "it writes to homework.py"),
    "no point": (
        gradient("return 1").replace("def point", "def start"), 2,
        "At which point? Write a function",
    ),
    "a point that is NaN": (gradient("return 1").replace("0.3)", "np.nan)"), 3, "must be finite"),
    "a loss of several numbers": (
        gradient("return right(q)").replace("np.mean", "np.abs"), 3,
        "The loss has shape",
    ),
    "a random loss": (
        gradient("return right(q)").replace("np.mean(", "rng.normal() + np.mean("), 3,
        "draws random numbers or keeps",
    ),
    "a constant loss": (
        gradient("return {'w': np.zeros(3), 'b': 0.0}").replace("np.mean(", "3.0 * len("), 0,
        "right",
    ),
}  # fmt: skip


@pytest.fixture
def check(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def call(text, *options):
        (tmp_path / "homework.py").write_text(text)
        words = ["check", "homework.py:gradient", "--loss", "homework.py:loss", *options]
        result = CliRunner().invoke(main, words, prog_name="chainrule")
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert "Traceback" not in result.output and str(tmp_path) not in result.output
        assert sorted(path.name for path in tmp_path.iterdir()) == ["homework.py"]
        return result

    return call


@pytest.mark.parametrize(("text", "code", "said"), CASES.values(), ids=CASES)
def test_it_is_judged_or_a_sentence_is_said(check, text, code, said):
    result = check(text)
    assert result.exit_code == code, result.output
    assert " ".join(said.split()) in " ".join(result.output.split())


@pytest.mark.parametrize(
    "where", [gradient("while True: pass"), "while True: pass\n"], ids=["call", "import"]
)
def test_a_loop_without_end_is_ended(check, where):
    start = time.monotonic()
    result = check(where, "--seconds", "1")
    assert result.exit_code == 3
    assert "homework.py has not answered within 1 s: is there a loop without end?" in result.output
    assert time.monotonic() - start < 60


@linux
@pytest.mark.parametrize("line", ["np.ones(10**11)", "a = [0] * 10**12"])
def test_huge_memory_is_refused_by_the_system(check, line):
    result = check(gradient(line))
    assert result.exit_code == 3
    assert f"homework.py, line {LINE + 2}: it needs more than the 4,096 MB of memory" in result.output


@linux
def test_memory_that_grows_slowly_ends_at_the_limit(check):
    result = check(gradient("kept = []", "while True: kept.append(np.ones(2**23))"), "--memory", "1000")
    assert result.exit_code == 3 and "it needs more than the 1,000 MB" in result.output


def test_a_huge_answer_is_not_sent(check):
    result = check(gradient("return {'w': np.ones(10**7), 'b': 1.0}"))
    assert result.exit_code == 3 and "gradient returns 80,000,008 bytes" in result.output


def test_what_it_prints_is_shown_and_is_no_answer(check):
    result = check(gradient("print('W is', q['w'][0], chr(27) + '[2J')", "return right(q)"), "--json", "-q")
    found = json.loads(result.stdout)
    assert found["exit_code"] == 0 and found["gradient"]["printed"].startswith("W is 0.5 \ufffd[2J")
    result = check(gradient("for _ in range(10**5): print('x' * 100)", "return right(q)"))
    assert result.exit_code == 0 and len(result.output) < 5_000


def test_the_limits_that_hold_are_said(check):
    said = check(gradient("return right(q)"), "--seconds", "20", "--memory", "3000").stderr
    assert "at most 20 s and " in said and "can read files and reach the network" in said
    assert ("3,000 MB of memory" in said) == sys.platform.startswith("linux")
    assert ("without a limit" in said) != sys.platform.startswith("linux")
