"""Derivatives of other libraries that are wrong today, by the name of the mistake."""

from importlib.metadata import version
from pathlib import Path

import pytest
from benchmarks.trophies import TROPHIES

PAGE = Path(__file__).parents[2] / "docs" / "trophies.md"


@pytest.mark.parametrize("trophy", TROPHIES, ids=[trophy.run.__name__ for trophy in TROPHIES])
def test_the_mistake_is_found_and_named(trophy):
    if not trophy.is_here:
        pytest.skip(f"{trophy.library} is not installed")
    try:
        report, diagnosis = trophy.judged()
    except (ImportError, AttributeError) as error:
        pytest.skip(f"{trophy.library} {version(trophy.library)} has other insides: {error}")
    if report.ok:
        pytest.skip(f"{trophy.library} {version(trophy.library)} has mended it")
    assert report.status == "wrong"
    assert diagnosis.mistake == trophy.word, str(diagnosis)


def test_the_page_has_every_row():
    text = PAGE.read_text(encoding="utf-8")
    for trophy in TROPHIES:
        row = next(line for line in text.splitlines() if f"| {trophy.where} | {trophy.says} |" in line)
        assert row.endswith(f" | {trophy.word} |") and row.startswith(f"| {trophy.library} ")
