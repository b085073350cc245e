"""A CSV of 200,000 rows, 16 measurements, two categories and a count, read beside pandas.

python -m benchmarks read_table
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks import peers
from benchmarks.harness import Case, Contest
from chainrule.data import delimited, read_table

ROWS, MEASURED = 200_000, 16


def written() -> Path:
    """The file, of 33 MB."""
    rng = np.random.default_rng(0)
    columns = [np.char.mod("%.6f", rng.standard_normal(ROWS)) for _ in range(MEASURED)]
    columns += [rng.choice(["Ulm", "Bonn", "Köln", "Berlin"], ROWS), rng.choice(["no", "yes"], ROWS)]
    columns.append(rng.integers(0, 1000, ROWS).astype(str))
    names = [*(f"x{j}" for j in range(MEASURED)), "town", "sold", "count"]
    path = Path(tempfile.mkdtemp()) / "table.csv"
    lines = [",".join(names), *map(",".join, zip(*(column.tolist() for column in columns), strict=True))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def ours(path: Path) -> np.ndarray:
    """A column of the table."""
    return read_table(path)["x3"].values


def without_arrow(path: Path) -> Callable[[], np.ndarray]:
    """Our reader where pyarrow is not installed."""

    def read() -> np.ndarray:
        ways = delimited.SPLITTERS
        delimited.SPLITTERS = tuple(way for way in ways if "arrow" not in way.__name__)
        try:
            return ours(path)
        finally:
            delimited.SPLITTERS = ways

    return read


def reading() -> Contest:
    """Ours with pyarrow where it is installed; without; and pandas."""
    path = written()
    rivals = {"without pyarrow": without_arrow(path)} if peers.installed("pyarrow") else {}
    if peers.installed("pandas"):
        import pandas

        rivals["pandas"] = lambda: pandas.read_csv(path)["x3"].to_numpy()
    return Contest(lambda: ours(path), rivals)


CASES = [Case("read a CSV of 33 MB", reading)]
