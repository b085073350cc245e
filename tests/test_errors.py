"""Messages: short whatever a file or a text holds, and in our words where memory ends."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule import check_gradient, errors, fit, load, minimize
from chainrule.data import read, read_table
from chainrule.equations import Equations, equations
from chainrule.equations.code.compiled import Compiled
from chainrule.errors import LONGEST, ChainruleError, SheetError, TooLargeError, shortened
from chainrule.network import Network, passes
from chainrule.network.workspace import Workspace

GOLDEN = Path(__file__).parent / "persistence" / "golden" / "network-v1.safetensors"
KINDS = [
    kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ChainruleError)
]


@pytest.mark.parametrize("kind", KINDS, ids=[kind.__name__ for kind in KINDS])
@pytest.mark.parametrize(
    "name", ["x" * 5_000_000, "x " * 2_500_000, "x\n" * 2_500_000], ids=["word", "words", "lines"]
)
def test_no_name_makes_a_message_long(kind, name):
    message = str(kind(f"There is no column {name}."))
    assert len(message) < LONGEST and message.startswith("There is no column x")
    assert re.search(r"\((5,000,\d{3}|4,999,\d{3}) characters\)", message)


@given(st.text(st.characters(codec="utf-8"), max_size=300))
def test_what_is_short_stays_as_it_is(text):
    assert shortened(text) == text


@given(st.integers(1, 20_000), st.integers(1, 20_000), st.integers(1, 300))
def test_the_caret_of_a_long_line_stands_under_the_mistake(length, column, width):
    line = "".join(chr(0x4E00 + i) for i in range(max(length, column)))
    error = SheetError("x is not known here.", line=7, column=column, source=line, width=width)
    message, shown, caret = str(error).split("\n")
    assert len(shown) < 200 and len(caret) <= len(shown)
    assert shown[caret.index("^")] == line[column - 1]
    assert error.source == line and error.column == column


def test_many_mistakes_in_long_lines_make_a_short_message():
    text = "x: R\n" + "".join(f"L{i} = {'x + ' * 300}zz + zq\n" for i in range(45))
    with pytest.raises(SheetError) as caught:
        Equations(text)
    assert len(str(caught.value)) < 30_000


def test_what_is_said_by_name_is_not_compared_for_hours(monkeypatch):
    table = read.as_table({"x" * 100_000: [1.0], "y": [2.0]}, {})
    monkeypatch.setattr("difflib.get_close_matches", None)
    with pytest.raises(ChainruleError, match=r"has no column '(xy){19}x\.\.\.\(100,003 characters\)"):
        table.select("xy" * 50_000)


SHEET = "data x: R[n]; y: R\nparameters w: R[n]\nL = (w.T @ x - y)**2"
DATA = {"x": np.ones((4, 2)), "y": np.ones(4)}
NET = Network((2, 3, 1), loss="squared")


def over_rows():
    return NET.initialize(rng=0), np.ones((4, 2)), np.ones((4, 1))


def at_start(ask):
    objective = Equations(SHEET).objective("L", DATA)
    return ask(objective, np.zeros(objective.parameters.size))


DOORS = {
    "evaluate": ((equations, "evaluate"), lambda: Equations(SHEET).evaluate("w", {"w": np.ones(2)})),
    "value": ((Compiled, "function"), lambda: at_start(lambda of, theta: of.value(theta))),
    "gradient": ((Compiled, "function"), lambda: at_start(lambda of, theta: of.value_and_gradient(theta))),
    "product": ((Compiled, "function"), lambda: at_start(lambda of, theta: of.hessian_product(theta, theta))),
    "compiled": ((Compiled, "function"), lambda: Equations(SHEET).compile("L")(**DATA, w=np.ones(2))),
    "fit": ((Compiled, "function"), lambda: fit(Equations(SHEET), of="L", data=DATA, epochs=1)),
    "minimize": ((Compiled, "function"), lambda: minimize(Equations(SHEET), of="L", data=DATA)),
    "predict": ((passes, "forward"), lambda: NET.predict(*over_rows()[:2])),
    "losses": ((passes, "forward"), lambda: NET.losses(*over_rows())),
    "network value": ((passes, "forward"), lambda: NET.value(*over_rows())),
    "network gradient": ((passes, "forward"), lambda: NET.gradient(*over_rows())),
    "network objective": ((passes, "forward"), lambda: NET.objective(*over_rows()[1:]).value(over_rows()[0])),
    "training": ((Workspace, "step"), lambda: fit(NET, data=over_rows()[1:], epochs=1)),
    "model": (
        (passes, "forward"),
        lambda: load(GOLDEN).predict({"age": [30.0], "smokes": [True], "town": ["Ulm"]}),
    ),
    "table": ((read, "parse"), lambda: read_table(GOLDEN)),
    "check": (
        (Equations, "evaluate"),
        lambda: check_gradient(lambda w: Equations(SHEET).evaluate("L", {}), np.ones(2), at=np.ones(2)),
    ),
}


@pytest.mark.parametrize(("place", "ask"), DOORS.values(), ids=DOORS)
def test_where_memory_ends_it_is_said_what_was_asked_for(monkeypatch, place, ask):
    def full(*args, **options):
        raise MemoryError("Unable to allocate 40.0 GiB for an array")

    owner, name = place
    monkeypatch.setattr(owner, name, property(lambda self: full) if owner is Compiled else full)
    with pytest.raises(ChainruleError, match=r"^\w+ .*Unable to allocate 40\.0 GiB") as caught:
        ask()
    assert isinstance(caught.value, TooLargeError) or "fails at the point" in str(caught.value)
