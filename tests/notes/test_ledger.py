"""Every id of the ledger is held by a test, or pending, or known to be untestable."""

import ast
from pathlib import Path

from notes.ledger import IDS, PENDING, UNTESTABLE, covers


def held():
    """The ids in the decorators of the tests of this folder, with the tests that hold them."""
    found = {}
    for path in Path(__file__).parent.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef):
                continue
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and getattr(decorator.func, "id", "") == "covers":
                    assert node.name.startswith("test_"), f"{path.name}: {node.name} is never run"
                    for argument in decorator.args:
                        found.setdefault(ast.literal_eval(argument), []).append(f"{path.name}::{node.name}")
    return found


def test_the_ledger_is_complete():
    assert len(IDS) == len(set(IDS)) == 134


def test_every_id_is_held_pending_or_untestable():
    lost = set(IDS) - set(held()) - set(PENDING) - set(UNTESTABLE)
    assert not lost, f"neither tested nor listed: {sorted(lost)}"


def test_no_id_stands_in_two_places():
    places = [set(held()), set(PENDING), set(UNTESTABLE)]
    for first in range(3):
        for second in range(first):
            both = places[first] & places[second]
            assert not both, f"listed twice: {sorted(both)}"


def test_no_unknown_id_is_listed():
    assert set(held()) | set(PENDING) | set(UNTESTABLE) <= set(IDS)


def test_every_reason_is_given():
    assert all(len(reason) > 20 for reason in (PENDING | UNTESTABLE).values())


def test_an_unknown_id_is_refused():
    for ids in (("S9.1",), ()):
        try:
            covers(*ids)
        except AssertionError:
            continue
        raise AssertionError(f"{ids} was accepted")
