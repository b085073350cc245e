"""The whole wait of a user: import, a command, the first call of a sheet; as processes where one is meant.

python -m benchmarks start_up
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.harness import Case, Contest, Function
from benchmarks.sheet_step import HIDDEN, SHEET, digits
from chainrule import Equations

THREE_LINES = "data x: R[p]; y: R\nparameters w: R[p]\nL = (w.T @ x - y)**2\n"
COMMAND = "from chainrule.cli.main import main; main()"


def process(*arguments: str) -> Function:
    """A run of Python as a process of its own, in an empty folder."""
    folder = Path(tempfile.mkdtemp())
    (folder / "sheet.eqs").write_text(THREE_LINES, encoding="utf-8")
    command = [sys.executable, *arguments]
    return lambda: subprocess.run(command, cwd=folder, check=True, capture_output=True)


def beside_numpy(*arguments: str) -> Contest:
    """A process of ours, and one that only imports NumPy."""
    return Contest(process(*arguments), {"import numpy": process("-c", "import numpy")}, same=None)


def first_call() -> Contest:
    """From the text of a sheet to its first value and gradient."""
    X, y = digits()
    data = {"x": X[:32], "y": y[:32]}
    theta = np.zeros(64 * HIDDEN + HIDDEN + 10 * HIDDEN + 10)

    def ours():
        objective = Equations(SHEET).objective("L", data, sizes={"M": HIDDEN, "K": 10})
        return objective.value_and_gradient(theta)

    return Contest(ours, same=None)


CASES = [
    Case("import chainrule", lambda: beside_numpy("-c", "import chainrule")),
    Case("chainrule derive, three lines", lambda: beside_numpy("-c", COMMAND, "derive", "sheet.eqs"), 3),
    Case(
        "chainrule train iris, one epoch",
        lambda: beside_numpy("-c", COMMAND, "train", "iris", "--target", "species", "--epochs", "1", "-q"),
    ),
    Case("text of a sheet to its first gradient", first_call),
]
