"""Formulas that do not hold as transcribed get the verdict they deserve, in the sheets of the examples."""

from functools import cache

import numpy as np
import pytest

from chainrule import check_claims
from chainrule.equations import Equations
from notes.errata import HOLDS, NOTES, TABLE

# Rows that make no claim a sheet can state.
PENDING = {"S4.E5": "an omission, a start that is not given, makes no claim"}

COUNTS = {"S0": 8, "S1": 19, "S2": 3, "S3": 12, "S4": 5}


@cache
def verdicts(sheet):
    text = (NOTES / f"{sheet}_errata.eqs").read_text(encoding="utf-8")
    return {(claim.layout, claim.text): claim for claim in check_claims(Equations(text))}


@pytest.mark.parametrize(
    ("item", "sheet", "layout", "claim", "expected"), TABLE, ids=[row[0] for row in TABLE]
)
def test_each_claim_gets_its_verdict(item, sheet, layout, claim, expected):
    found = verdicts(sheet)[layout, claim]
    assert found.verdict == expected, "; ".join(found.reasons)
    assert found.reasons or expected == HOLDS


def test_every_row_of_the_errata_has_a_verdict():
    rows = {f"{notes}.E{number}" for notes, count in COUNTS.items() for number in range(1, count + 1)}
    stated = {item.split()[0].rstrip("bnsq") for item, *_ in TABLE}
    assert rows == stated | set(PENDING)
    assert not stated & set(PENDING)


def test_every_claim_of_the_sheets_stands_in_the_table():
    stated = {(sheet, layout, claim) for _, sheet, layout, claim, _ in TABLE}
    for sheet in {row[1] for row in TABLE}:
        for layout, claim in verdicts(sheet):
            assert (sheet, layout, claim) in stated, claim


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("S0.E1", "-1 times"),
        ("S1.E6", "-1 times"),
        ("S3.E10", "1/K"),
        ("S4.E3 b", "1/N"),
        ("S1.E14", "only one side"),
        ("S3.E2", "gradient and denominator"),
        ("S1.E7", "a scalar"),
    ],
)
def test_the_reasons_name_what_the_numbers_show(item, words):
    (row,) = [row for row in TABLE if row[0] == item]
    found = verdicts(row[1])[row[2], row[3]]
    assert any(words in reason for reason in found.reasons), found.reasons


@pytest.mark.parametrize("sheet", sorted({row[1] for row in TABLE}))
def test_other_points_and_sizes_give_the_same_verdicts(sheet):
    text = (NOTES / f"{sheet}_errata.eqs").read_text(encoding="utf-8")
    again = check_claims(Equations(text), rng=np.random.default_rng(7), points=2)
    assert [claim.verdict for claim in again] == [claim.verdict for claim in verdicts(sheet).values()]
