"""Whatever the text: a sheet or one of our errors, after work that its length bounds."""

import unicodedata

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chainrule.equations.language.functions import FUNCTIONS
from chainrule.equations.language.reader import MAX_MISTAKES
from chainrule.equations.language.sheet import read
from chainrule.equations.language.terms import MAX_TERMS
from chainrule.errors import ChainruleError, SheetError
from equations.model_sheets import S0, S1, S2_LOGISTIC, S3, S4
from work import calls

SHEETS = [S0, S1, S2_LOGISTIC, S3, S4]
WORDS = [
    *"xyWbfLNKpi",
    *(
        "data ",
        "parameters ",
        "layout ",
        "numerator",
        "R",
        "Class",
        "Simplex",
        "Bit",
        "d",
        "for ",
        " in ",
        "if ",
    ),
    *FUNCTIONS,
    *("=", "==", ":", ";", "\n", ",", "(", ")", "[", "]", "()", "[]", " ", "#", "\t"),
    *("+", "-", "*", "/", "**", "@", ".T", "ᵀ", "₁", "²", "⁻", "<", ">=", "!=", ".", "⊙", "axis="),
    *(
        "0",
        "1",
        "2.5",
        "1e3",
        "1e400",
        "9" * 70,
        "x: R[p]; ",
        "y: Class[K]; ",
        "f(t) = ",
        "h[i] = ",
        "ℓ",
        "__",
        "λ",
    ),
]
SETTINGS = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


# Calls, at most: some to begin with, and for each character and each term that functions are expanded to.
FIRST, EACH = 500, 100


def _outcome(text):
    try:
        return read(text)
    except ChainruleError as error:
        return error


def _survives(text):
    outcome = []
    assert calls(lambda: outcome.append(_outcome(text))) <= FIRST + EACH * len(text)
    _is_told(text, *outcome)


def _is_told(text, outcome):
    """What was read has shapes everywhere; what was refused says where, in order and not too often."""
    if isinstance(outcome, Exception):
        error = outcome
        assert isinstance(error, SheetError)
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        for single in error.errors:
            if single.line is not None:
                assert 1 <= single.line <= len(lines)
            if single.column is not None:
                assert 1 <= single.column <= len(lines[single.line - 1]) + 1
            assert type(single) is not SheetError
        if len(error.errors) > 1:
            places = [single.line for single in error.errors]
            assert places == sorted(places)
            assert len(places) <= MAX_MISTAKES
        assert str(error)
    else:
        sheet = outcome
        for name in sheet.definitions:
            assert sheet.domain_of(name)
            assert unicodedata.normalize("NFKC", name) == name
        for claim in sheet.claims:
            for reading in claim.readings.values():
                assert (reading.defect is None) == (
                    reading.left is not None
                    and reading.right is not None
                    and reading.left.type == reading.right.type
                )


@SETTINGS
@given(st.text(max_size=200))
def test_any_text(text):
    _survives(text)


@SETTINGS
@given(st.lists(st.sampled_from(WORDS), max_size=60).map("".join))
@example("d(d(d(x,x),x),x) == 1")
@example("x: R; f(t) = d(t, x); f(f(f(x))) == 1")
def test_token_soup(text):
    _survives(text)


@SETTINGS
@given(st.lists(st.sampled_from(WORDS), max_size=25).map("".join))
def test_token_soup_behind_good_declarations(text):
    _survives("data x: R[p]; y: Class[K]; X: R[N, p]\nparameters W: R[K, p]; b: R[K]; L: R\n" + text)


@SETTINGS
@given(
    st.sampled_from(SHEETS),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 6), st.sampled_from(WORDS)), min_size=1, max_size=4),
)
def test_mutated_sheets(text, edits):
    for place, removed, inserted in edits:
        at = int(place * len(text))
        text = text[:at] + inserted + text[at + removed :]
    _survives(text)


BOMBS = [
    "-" * 100_000,
    "(" * 59_000,
    "x: R[n]\n" + "\n".join("sum(" * 39 + "x" + ")" * 39 + " == 1" for _ in range(290)),
    "x: R[n]\n" + "\n".join("d(x, x) == " + "+".join(["d(x*x,x)"] * 98) for _ in range(65)),
    "h = " + "-" * 19_000 + "1",
    "h = " + "+".join("1" * 9_000),
    "h = " + "1" * 19_000,
    "h = x" + ".T" * 9_000,
    "h = x" + "[0]" * 6_000,
    "h = " + "a(" * 39 + ")" * 39,
    "x: R; h = " + "**".join("x" * 6_000),
    "x: R; h = 2" + "**2" * 60,
    "\n".join(f"a{i}: R" for i in range(5_500)),
    "\n".join(["x: R", *(f"a{i} = x" for i in range(3_900)), "h = y"]),
    "\n".join(["x: R[n]", "a0 = softmax(x)", *(f"a{i} = a{i - 1}" for i in range(1, 3_300))]),
    "x: R\n"
    + "\n".join(f"f{i}(t) = f{i - 1}(f{i - 1}(t))" if i else "f0(t) = t*t" for i in range(60))
    + "\nh = f59(x)",
    "x: R\n"
    + "\n".join(f"f{i}(t) = f{i - 1}(t)*f{i - 1}(t)" if i else "f0(t) = t+1" for i in range(60))
    + "\nf59(x) == 1",
    "x: R; f(t) = t + t; h = " + "f(" * 38 + "1" + ")" * 38 + " / 2",
    "X: R[" + ", ".join("abcdefghij" * 500) + "]",
    "x: R[n]; h = " + "d(" * 38 + "x" + ", x)" * 38,
    "x: R[a]; x" + " == x; x" * 1_900 + " == x",
    "kron" + ";A: R[m, n]; B = " + "kron(A, " * 38 + "A" + ")" * 38,
    "h = sum(" + "1 " + "".join(f"for i{i} in 2 " for i in range(3_000)) + ")",
    ";" * 59_000,
    "\n" * 59_000,
    "#" * 59_000,
    "é" * 19_000,
    "\u0301" * 19_000,
    "h = 1e" + "9" * 10_000,
    "h = 0." + "0" * 10_000,
    "x: R; h = " + " ".join(["x"] * 9_000),
]


@pytest.mark.parametrize("text", BOMBS, ids=range(len(BOMBS)))
def test_texts_made_to_exhaust(text):
    _survives(text)


def _doubling(functions):
    steps = "; ".join(f"f{i}(t) = f{i - 1}(t) + f{i - 1}(t + 1)" for i in range(1, functions))
    return f"x: R; f0(t) = t; {steps}; h = f{functions - 1}(x)"


@pytest.mark.parametrize("text", [_doubling(13), _doubling(60)])
def test_functions_are_expanded_to_a_number_of_terms(text):
    outcome = []
    assert calls(lambda: outcome.append(_outcome(text))) <= EACH * MAX_TERMS
    _is_told(text, *outcome)
