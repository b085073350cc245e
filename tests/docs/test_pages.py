"""The pages that scripts write are those that the scripts write today, and their tables are true."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

from chainrule.equations.language.evaluate import evaluate
from chainrule.equations.language.functions import FUNCTIONS
from chainrule.equations.language.sheet import read
from chainrule.errors import SheetError

DOCS = Path(__file__).parents[2] / "docs"


def _script(name):
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ERRORS = _script("make_errors")
LANGUAGE = _script("make_language")
MISTAKES = [mistake for _, mistakes in ERRORS.CHAPTERS for mistake in mistakes]


@pytest.mark.parametrize("script", [ERRORS, LANGUAGE], ids=["errors", "language"])
def test_the_committed_page_is_what_its_script_writes(script):
    assert script.PAGE.read_text(encoding="utf-8") == script.page(), (
        f"run python docs/{script.__name__}.py and look at what has changed"
    )


@pytest.mark.parametrize("page", ["errors.md", "language.md"])
def test_links_between_the_pages_lead_somewhere(page):
    text = (DOCS / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\((\w+\.md)\)", text)
    assert links
    assert all((DOCS / link).is_file() for link in links)


def test_what_a_page_shows_of_the_source_is_there():
    text = (DOCS / "extend.md").read_text(encoding="utf-8")
    found = re.findall(r"```\{literalinclude\} (\S+)\n(.*?)```", text, re.DOTALL)
    assert len(found) > 5
    for file, options in found:
        source = (DOCS / file).read_text(encoding="utf-8")
        for name in re.findall(r":pyobject: (\w+)", options):
            assert f"\ndef {name}(" in source, (file, name)
        for line in re.findall(r":(?:start|end)-at: '(.*)'", options):
            assert line in source, (file, line)


@pytest.mark.parametrize("mistake", MISTAKES, ids=[mistake.title for mistake in MISTAKES])
def test_a_mistake_of_the_gallery_is_one_mistake_and_is_mended(mistake):
    with pytest.raises(SheetError) as info:
        read(mistake.given + mistake.wrong)
    (error,) = info.value.errors
    assert error.line > mistake.given.count("\n")
    assert mistake.rule.endswith(".")
    assert read(mistake.given + mistake.right)


def test_the_gallery_shows_many_mistakes_and_no_message_twice():
    messages = [ERRORS.printed(mistake.given + mistake.wrong).split("\n")[0] for mistake in MISTAKES]
    assert len(MISTAKES) >= 20
    assert len(set(messages)) == len(messages)


def test_a_sheet_with_ten_different_mistakes_gives_ten_errors():
    with pytest.raises(SheetError) as info:
        read(ERRORS.TOGETHER)
    errors = info.value.errors
    assert len(errors) == 10
    assert len({error.message for error in errors}) == 10
    assert [error.line for error in errors] == sorted({error.line for error in errors})
    assert len({type(error) for error in errors}) == 3


N, M, K = 5, 3, 4


@pytest.mark.parametrize("name", LANGUAGE.FORMULAS)
def test_the_formula_of_a_function_is_the_function(name):
    rng = np.random.default_rng(7)
    square = rng.normal(size=(N, N))
    values = {
        "t": 0.7,
        "u": -1.3,
        "x": rng.normal(size=N),
        "z": rng.normal(size=N),
        "v": rng.normal(size=M),
        "A": square @ square.T + np.eye(N),
        "W": rng.normal(size=(M, N)),
        "y": 2,
    }
    sheet = read(LANGUAGE.GIVEN)
    call, formula = LANGUAGE.FORMULAS[name]
    sizes = {"K": K, "n": N, "m": M}
    for t, u in ((0.7, -1.3), (-0.4, 2.0), (0.0, 0.0)):
        given = values | {"t": t, "u": u}
        got, expected = (evaluate(sheet, text, given, sizes=sizes) for text in (call, formula))
        assert got.shape == expected.shape
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-15)


def test_every_function_is_in_the_reference():
    text = LANGUAGE.PAGE.read_text(encoding="utf-8")
    assert [name for name in FUNCTIONS if f"| `{name}(" not in text] == []


@pytest.mark.parametrize(
    ("expression", "layout", "shape"),
    [
        ("x @ v.T", "gradient", "`(n, m)`"),
        ("x @ z", "gradient", "—"),
        ("d(sum(x), W)", "numerator", "`(n, m)`"),
        ("d(A @ x, x)", "denominator", "`(n, n)`"),
        ("x.T @ z", "gradient", "a number"),
    ],
)
def test_the_tables_show_the_shapes_of_the_reader(expression, layout, shape):
    assert LANGUAGE.result(expression, layout) == shape
