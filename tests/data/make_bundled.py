"""Writes bundled.npz of chainrule.data from scikit-learn's copies: python -m data.make_bundled, in tests/."""

from pathlib import Path

import numpy as np
from sklearn import datasets

import chainrule.data

TAKEN = {
    "breast_cancer": datasets.load_breast_cancer,
    "diabetes": lambda: datasets.load_diabetes(scaled=False),
    "digits": datasets.load_digits,
    "iris": datasets.load_iris,
    "wine": datasets.load_wine,
}


def parts(name):
    """What is stored of one data set: every number exactly, small whole numbers as bytes."""
    data = TAKEN[name]()
    if name == "digits":
        return {"values": data.data.astype(np.uint8), "target": data.target.astype(np.uint8)}
    names = [raw.removesuffix(" (cm)").replace(" ", "_").replace("/", "_") for raw in data.feature_names]
    stored = {"values": data.data, "names": np.array(names)}
    if name == "diabetes":
        return {**stored, "target": data.target}
    return {**stored, "target": data.target.astype(np.uint8), "classes": data.target_names.astype(str)}


if __name__ == "__main__":
    arrays = {f"{name}.{part}": array for name in TAKEN for part, array in parts(name).items()}
    np.savez_compressed(Path(chainrule.data.__file__).with_name("bundled.npz"), **arrays)
