"""At a base of 0 an entry may have no slope: it excuses no other one, and no other block."""

import numpy as np
import pytest

from chainrule.diagnosis import verify
from chainrule.diagnosis.subjects import AsItIs
from chainrule.equations import Equations

SHEET = "parameters x: R[n]; k: R; y: R[n]\nL = sum(x**(k / 10)) + sum(sin(y))"


def verdicts(monkeypatch, witness, name, entry):
    """Those of blocks, where one witness is wrong in an entry of one of them, at the border alone."""
    original = getattr(AsItIs, witness)

    def wrong(subject, point):
        found = {key: np.array(value) for key, value in original(subject, point).items()}
        if np.any(point.values["x"] == 0) and name:
            found[name].flat[entry] += 1e-3
        return found

    monkeypatch.setattr(AsItIs, witness, wrong)
    with np.errstate(all="ignore"):
        return {block.name: block.verdict for block in verify(Equations(SHEET), "L")}


def test_an_infinite_slope_is_no_mistake(monkeypatch):
    assert set(verdicts(monkeypatch, "compiled", "", 0).values()) == {"right"}


@pytest.mark.parametrize("witness", ["compiled", "printed"])
@pytest.mark.parametrize(("name", "entry"), [("x", 1), ("y", 0), ("k", 0)])
def test_an_infinite_slope_excuses_no_other(monkeypatch, witness, name, entry):
    found = verdicts(monkeypatch, witness, name, entry)
    assert found.pop(f"dL/d{name}") == "wrong" and set(found.values()) == {"right"}
