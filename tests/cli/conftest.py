from dataclasses import dataclass

import pytest
from click.testing import CliRunner

from chainrule.cli.main import main

SHEET = """\
data        x: R[p];  y: Class[K]
parameters  W: R[M, p];  b: R[M];  V: R[K, M];  c: R[K]
h = tanh(b + W @ x)
f = c + V @ h
L = logsumexp(f) - f[y]
"""


@dataclass(frozen=True)
class Answer:
    """What a command said."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments, text=None):
        result = CliRunner().invoke(main, list(map(str, arguments)), input=text, prog_name="chainrule")
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Answer(result.exit_code, result.stdout, result.stderr)

    return call


@pytest.fixture
def sheet(tmp_path):
    """The path of a sheet with one hidden layer."""
    path = tmp_path / "model.eqs"
    path.write_text(SHEET, encoding="utf-8")
    return path


@pytest.fixture
def houses(tmp_path):
    """A table with numbers, a category, truth values and a price that follows from them."""
    rows = ["area,rooms,town,garden,price"]
    for i in range(60):
        area, rooms, town, garden = 40 + 3 * (i * 7 % 31), 1 + i % 5, ("Ulm", "Bonn", "Kiel")[i % 3], i % 2
        price = 2.5 * area + 11.5 * rooms + (30 if town == "Bonn" else 0) + 8 * garden
        rows.append(f"{area},{rooms},{town},{'yes' if garden else 'no'},{price}")
    path = tmp_path / "houses.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path
