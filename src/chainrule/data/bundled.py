"""The data sets that come with scikit-learn, as tables with sensible column names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chainrule.data.table import Table, near_misses
from chainrule.errors import DataError

__all__ = ["BUNDLED", "bundled"]

BUNDLED = {
    "breast_cancer": "diagnosis",
    "diabetes": "progression",
    "digits": "label",
    "iris": "species",
    "wine": "cultivar",
}
"""Names of the bundled data sets, each with its target column."""


def bundled(name: str) -> Table:
    """One of the bundled data sets: digits, iris, wine, breast_cancer or diabetes.

    ``digits`` has columns pixel0 ... pixel63 (0 to 16) and label (0 to 9), 1,797 rows; ``iris`` (150 rows)
    has four lengths in cm and species; ``wine`` (178) and ``breast_cancer`` (569) have measurements and
    cultivar or diagnosis; ``diabetes`` (442) has ten measurements in their own units and progression.

    Raises
    ------
    DataError
        If there is no such data set.

    Examples
    --------
    >>> iris = bundled("iris")
    >>> iris.names
    ('sepal_length', 'sepal_width', 'petal_length', 'petal_width', 'species')
    >>> len(bundled("digits"))
    1797
    """
    if name not in BUNDLED:
        raise DataError(f"There is no bundled data set {name!r}{near_misses(name, BUNDLED)}")
    from sklearn import datasets

    loaders: dict[str, Callable[[], Any]] = {
        "breast_cancer": datasets.load_breast_cancer,
        "diabetes": lambda: datasets.load_diabetes(scaled=False),
        "digits": datasets.load_digits,
        "iris": datasets.load_iris,
        "wine": datasets.load_wine,
    }
    data = loaders[name]()
    if name == "digits":
        return Table.of({"pixel": data.data, "label": data.target}, name)
    columns = {_plain(raw): data.data[:, j] for j, raw in enumerate(data.feature_names)}
    target = data.target if name == "diabetes" else data.target_names.astype(str)[data.target]
    return Table.of({**columns, BUNDLED[name]: target}, name)


def _plain(name: str) -> str:
    return name.removesuffix(" (cm)").replace(" ", "_").replace("/", "_")
