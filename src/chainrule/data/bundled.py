"""Five well-known data sets, in bundled.npz beside this file; bundled.md names where each comes from."""

from __future__ import annotations

from importlib.resources import files

import numpy as np

from chainrule.data.table import Table
from chainrule.errors import DataError
from chainrule.near_misses import near_misses

BUNDLED = {
    "breast_cancer": "diagnosis",
    "diabetes": "progression",
    "digits": "label",
    "iris": "species",
    "wine": "cultivar",
}
"""Names of the bundled data sets, each with its target column."""

_PARTS = ("values", "names", "target", "classes")


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
    with (files("chainrule.data") / "bundled.npz").open("rb") as file, np.load(file) as stored:
        parts = {part: stored[f"{name}.{part}"] for part in _PARTS if f"{name}.{part}" in stored}
    values, target = parts["values"].astype(float), parts["target"]
    if "classes" in parts:
        target = parts["classes"][target]
    inputs = (
        dict(zip(parts["names"].tolist(), values.T, strict=True)) if "names" in parts else {"pixel": values}
    )
    return Table.of({**inputs, BUNDLED[name]: target}, name)
