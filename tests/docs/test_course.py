"""The course: what is committed is what its script writes, and what its page says is so."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from chainrule.cli.main import main

ROOT = Path(__file__).parents[2]
COURSE = ROOT / "examples" / "course"
sys.path.insert(0, str(ROOT / "docs"))

from showing.transcripts import as_printed  # noqa: E402

PAGE = (ROOT / "docs" / "course.md").read_text("utf-8")
NAMED = dict(re.findall(r"^\| `(\w+)` \| .*? \| (\w+) \|$", PAGE, re.MULTILINE))
SUBMISSIONS = sorted(path.stem for path in (COURSE / "submissions").glob("*.py"))
pytestmark = pytest.mark.skipif(shutil.which("sh") is None, reason="the scripts of the course are for sh")


def _run(script, folder, **environment):
    """Run a script of the course with a ``chainrule`` of this Python on its path."""
    command = folder / "bin" / "chainrule"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m chainrule "$@"\n')
    command.chmod(0o755)
    path = f"{command.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", script],
        cwd=folder,
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 1) and "Traceback" not in done.stderr, done.stderr
    return done


def _compared(text):
    """Lines without the number of evaluations, which is nobody's business but the oracle's."""
    return re.sub(r"\d+ evaluations", "evaluations", text).splitlines()


def test_the_committed_feedback_is_what_the_script_writes(tmp_path):
    graded = tmp_path / "course"
    shutil.copytree(COURSE, graded, ignore=shutil.ignore_patterns("feedback"))
    _run("grade.sh", graded)
    for name in SUBMISSIONS:
        committed = (COURSE / "feedback" / f"{name}.md").read_text("utf-8")
        written = (graded / "feedback" / f"{name}.md").read_text("utf-8")
        assert as_printed(_compared(committed), _compared(written)) is not None, (
            f"run sh grade.sh in examples/course and look at what has changed\n{written}"
        )
    _assert_partial_credit(graded / "grades")


def _assert_partial_credit(folder):
    grades = {name: json.loads((folder / f"{name}.json").read_text("utf-8")) for name in SUBMISSIONS}
    scores = {name: grade["score"] for name, grade in grades.items()}
    assert scores["right"] == 10 and scores["bias_mean"] == 7.5 and scores["no_slope"] == 5
    assert scores["sign"] == scores["softmax_twice"] == scores["sum_for_mean"] == 0
    assert all(scores[name] < 10 for name in NAMED)


def test_there_are_twelve_mistakes_and_each_has_its_feedback():
    assert set(SUBMISSIONS) == {"right", *NAMED} and len(NAMED) == 12
    assert sorted(path.stem for path in (COURSE / "feedback").iterdir()) == SUBMISSIONS


@pytest.mark.parametrize("name", NAMED)
def test_a_mistake_is_named_as_the_page_says(name):
    text = (COURSE / "feedback" / f"{name}.md").read_text("utf-8")
    assert f"\n**{NAMED[name]}**" in text.split("**The mistake**")[1]


def test_the_autograder_writes_its_results(tmp_path):
    for name in ("source", "submission", "results"):
        (tmp_path / name).mkdir()
    shutil.copy(COURSE / "homework.eqs", tmp_path / "source")
    shutil.copy(COURSE / "submissions" / "no_slope.py", tmp_path / "submission" / "homework.py")
    shutil.copy(COURSE / "run_autograder", tmp_path)
    assert _run("run_autograder", tmp_path, AUTOGRADER=str(tmp_path)).returncode == 0
    found = json.loads((tmp_path / "results" / "results.json").read_text("utf-8"))
    assert found["score"] == 5 and "the derivative of tanh is left out" in found["output"]


def test_options_of_the_scripts_can_be_typed():
    known = {
        name for one in main.get_command(None, "check").params for name in (*one.opts, *one.secondary_opts)
    }
    scripts = [(COURSE / name).read_text("utf-8") for name in ("grade.sh", "run_autograder")]
    for text in (*scripts, PAGE):
        assert set(re.findall(r"(?<![\w-])(--[a-z]+)", text)) <= known
