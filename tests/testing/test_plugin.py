"""The pytest plugin, in runs of pytest of its own."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import chainrule.pytest_plugin

pytest_plugins = "pytester"

TESTS = """
import numpy as np
import pytest
from chainrule.testing import assert_gradient

at = np.array([1.0, 2.0, 0.5])

def loss(x):
    return np.sum(np.tanh(x))

def test_right():
    assert_gradient(loss, lambda x: 1 - np.tanh(x) ** 2, at)

def test_wrong():
    assert_gradient(loss, lambda x: np.ones(3), at)

def test_random():
    rng = np.random.default_rng(0)
    assert_gradient(lambda x: loss(x) + rng.normal(), lambda x: np.ones(3), at)

def test_fails():
    def broken(x):
        return x @ np.ones(4)
    assert_gradient(broken, lambda x: np.ones(3), at)

@pytest.mark.xfail
def test_excused():
    assert_gradient(lambda x: np.log(-loss(x)), lambda x: np.ones(3), at)

def test_kept(derivatives):
    derivatives.gradient(loss, lambda x: 1 - np.tanh(x) ** 2, at)

def test_kept_wrong(derivatives):
    derivatives.gradient(loss, lambda x: -(1 - np.tanh(x) ** 2), at)
"""


# These runs share the process, where the plugin may be imported already.
PLUGIN = ("-p", "chainrule.pytest_plugin", "-W", "ignore::pytest.PytestAssertRewriteWarning")


@pytest.fixture
def ran(pytester, monkeypatch):
    """A run of the tests above with options; the plugin by its name, whether it is installed or not."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(test_it=TESTS)
    return lambda *options: pytester.runpytest_inprocess(*PLUGIN, *options)


def test_each_outcome_is_counted_by_itself(ran):
    result = ran()
    assert result.parseoutcomes() == {"passed": 2, "failed": 2, "unchecked": 2, "xfailed": 1}
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_what_could_not_be_checked_fails_a_run_by_itself(ran):
    result = ran("-k", "random")
    assert result.parseoutcomes() == {"unchecked": 1, "deselected": 6}
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_failure_is_the_line_of_the_test_and_the_verdict(ran):
    shown = ran("-k", "test_wrong").stdout.str().partition("= FAILURES =")[2]
    lines = shown.partition("short test summary")[0].splitlines()
    assert len(lines) < 10
    assert "assert_gradient(loss, lambda x: np.ones(3), at)" in lines[3]
    assert "the gradient is wrong: activation, tanh behind x" in lines[4]
    assert "worst x[1]: yours 1, true 0.07065" in lines[5]
    assert "FAILED test_it.py::test_wrong - the gradient is wrong: activation" in shown


def test_what_failed_in_the_function_is_named_with_its_line(ran):
    shown = ran("-k", "test_fails").stdout.str()
    assert "could not be checked" in shown.lower()
    assert "mismatch in its core dimension" in shown
    assert ", in broken: return x @ np.ones(4)" in shown
    assert "site-packages" not in shown


@pytest.mark.parametrize("style", ["native", "line", "no"])
def test_a_style_that_was_asked_for_is_left_as_it_is(ran, style):
    result = ran(f"--tb={style}")
    assert result.parseoutcomes() == {"passed": 2, "failed": 2, "unchecked": 2, "xfailed": 1}
    assert ("COULD NOT BE CHECKED" in result.stdout.str()) == (style != "no")


def test_outcomes_pass_from_worker_to_controller(ran, pytester):
    pytest.importorskip("xdist")
    result = pytester.runpytest_subprocess(*PLUGIN, "-p", "xdist.plugin", "-n", "1")
    assert result.parseoutcomes() == {"passed": 2, "failed": 2, "unchecked": 2, "xfailed": 1}
    assert "raised at" in result.stdout.str()


def test_verdicts_of_the_fixture_are_properties_of_the_test(ran, pytester):
    ran("--junitxml=found.xml")
    text = (pytester.path / "found.xml").read_text(encoding="utf-8")
    assert 'name="gradient" value="right by complex step, ' in text
    assert 'name="gradient" value="the gradient is wrong: sign, x"' in text
    assert text.count("<failure") == 4


def test_the_plugin_loads_no_arrays():
    code = "import sys, chainrule.pytest_plugin; print([n for n in sys.modules if n.partition('.')[0] in %r])"
    heavy = ("numpy", "scipy", "rich", "click")
    out = subprocess.run([sys.executable, "-c", code % (heavy,)], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_the_package_names_the_plugin():
    root = Path(chainrule.__file__).parents[2]
    found = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    assert found["project"]["entry-points"]["pytest11"] == {"chainrule": chainrule.pytest_plugin.__name__}
