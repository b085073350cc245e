"""The mistake in each formula that does not hold as transcribed is named, and what holds instead is told."""

import importlib.util
from functools import cache

import pytest

from chainrule import check_claims, diagnose
from chainrule.equations import Equations
from notes.errata import FAILS, HOLDS, LAYOUT, NOTES, SHAPE, TABLE

WORDS = {
    "sign": {"sign"},
    "exchanged": {"sign"},  # target and prediction, one for the other
    "missing factor": {"factor", "constant"},
    "extra factor": {"factor", "constant"},
    "missing exp": {"factor", "constant"},
    "constant factor": {"factor", "constant"},
    "norm": {"factor", "constant"},  # for half its square
    "bracket": {"factor", "constant"},  # or a power
    "factor 1/n": {"batch", "index"},
    "wrong sample": {"batch", "index"},
    "factor K": {"sum"},
    "sum misplaced": {"sum"},
    "missing term": {"path"},
    "transposed": {"transpose"},
    "layout mixed": {"layout"},
    "wrong layer": {"neighbour"},
    "component missing": {"index"},
    "wrong size": {"shape"},
    "penalty twice": {"penalty"},
    "0/0": {"branch"},
}

# Id of the table of verdicts; what was done.
LABELS = {
    "S0.E1": "sign",
    "S0.E1b": "sign",
    "S0.E2": "sign",
    "S0.E5": "wrong layer",
    "S0.E6": "wrong sample",
    "S0.E7": "wrong layer",
    "S0.E8": "sum misplaced",
    "S1.E1": "missing factor",
    "S1.E2": "wrong layer",
    "S1.E3 b": "sign",
    "S1.E4": "norm",
    "S1.E5": "exchanged",
    "S1.E6": "sign",
    "S1.E7": "extra factor",
    "S1.E8": "wrong size",
    "S1.E9": "layout mixed",
    "S1.E10": "missing exp",
    "S1.E11": "missing exp",
    "S1.E12": "sum misplaced",
    "S1.E13": "transposed",
    "S1.E14": "0/0",
    "S1.E15": "component missing",
    "S1.E16 b": "missing term",
    "S1.E17 b": "penalty twice",
    "S1.E18": "norm",
    "S1.E19 b": "transposed",
    "S2.E2": "wrong layer",
    "S2.E2b": "wrong layer",
    "S2.E2sq": "wrong layer",
    "S2.E3 b": "sum misplaced",
    "S3.E1": "constant factor",
    "S3.E2": "transposed",
    "S3.E3": "layout mixed",
    "S3.E4": "transposed",
    "S3.E5": "transposed",
    "S3.E6": "wrong size",
    "S3.E7": "bracket",
    "S3.E8": "wrong size",
    "S3.E9": "bracket",
    "S3.E10": "factor K",
    "S4.E1": "missing exp",
    "S4.E1n": "missing exp",
    "S4.E1b": "missing exp",
    "S4.E2 b": "bracket",
    "S4.E3 b": "factor 1/n",
    "S4.E4 b": "missing factor",
}

# Said of more than it is true of, or of a word: there is no one mistake in the formula.
WITHOUT = {"S0.E4 b", "S2.E1 b", "S3.E11", "S3.E12 b"}

# Two things are wrong, and more than one change is needed to make the sides even fit.
MISSED = {"S1.E12"}


ERRATA = NOTES.parents[1] / "docs" / "make_errata.py"


@cache
def script():
    spec = importlib.util.spec_from_file_location("make_errata", ERRATA)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def report(sheet):
    return script().reports(sheet)


def claim_of(row):
    _, sheet, layout, claim, _ = row
    return next(one for one in report(sheet) if (one.layout, one.text) == (layout, claim))


def found(row):
    return claim_of(row).diagnosis


def test_the_committed_page_is_what_its_script_writes():
    assert script().PAGE.read_text(encoding="utf-8") == script().page(report), (
        "run python docs/make_errata.py and look at what has changed"
    )


def test_every_row_that_does_not_hold_has_a_label_or_a_reason_for_none():
    failing = {row[0] for row in TABLE if row[4] in (FAILS, SHAPE, LAYOUT)}
    assert failing == LABELS.keys() | WITHOUT


def test_formulas_that_hold_get_no_diagnosis():
    for row in TABLE:
        assert row[4] != HOLDS or found(row) is None, row[0]


def test_the_mistakes_are_named():
    wrong = {
        row[0]: found(row)
        for row in TABLE
        if row[0] in LABELS and not WORDS[LABELS[row[0]]] & {found(row).mistake, *found(row).equivalents}
    }
    assert wrong.keys() <= MISSED, {key: str(one) for key, one in wrong.items()}
    assert len(LABELS) - len(wrong) == 45


def test_what_holds_is_told_and_holds():
    for row in TABLE:
        lines = found(row).formulas if row[4] != HOLDS else ()
        for line in (line[9:] for line in lines if line.startswith(("holds", "computes"))):
            sheet = (NOTES / f"{row[1]}_errata.eqs").read_text(encoding="utf-8")
            (verdict,) = check_claims(Equations(f"{_without_claims(sheet)}\nlayout {row[2]}\n{line}"))
            assert verdict.ok, (row[0], line, verdict.reasons)


def _without_claims(sheet):
    return "\n".join(
        line for line in sheet.splitlines() if "==" not in line and not line.startswith("layout")
    )


@pytest.mark.parametrize("item", ["S0.E1", "S1.E7", "S1.E13", "S2.E2", "S3.E4", "S4.E1b"])
def test_nothing_is_told_unless_it_is_asked_for(item):
    (row,) = [row for row in TABLE if row[0] == item]
    shown, hidden = found(row), diagnose(claim_of(row))
    assert not hidden.formulas and len(hidden.hints) <= 2
    assert (hidden.mistake, hidden.place, hidden.evidence) == (shown.mistake, shown.place, shown.evidence)
    told = [line[9:] for line in shown.formulas if not line.startswith("claimed")]
    assert told and not any(formula in f"{hidden}{hidden.hints}" for formula in told)
