"""Narrow places are found, and none where there is none."""

import numpy as np
import pytest

from chainrule import check_claims
from chainrule.diagnosis.reaching import reached
from chainrule.equations import Equations


def simplex(rng, dimension, width):
    """Slopes and offsets of one more linear function than dimensions, all positive in one narrow place."""
    middle, slopes = 3 * rng.normal(size=dimension), rng.normal(size=(dimension + 1, dimension))
    slopes[-1] = -rng.uniform(0.2, 1, dimension) @ slopes[:-1]
    return slopes, width * rng.uniform(0.3, 1, dimension + 1) - slopes @ middle


@pytest.mark.parametrize("dimension", [1, 2, 3, 5])
@pytest.mark.parametrize("width", [1, 1e-2, 1e-3])
def test_a_simplex_is_found(dimension, width):
    rng = np.random.default_rng(0)
    for _ in range(20):
        slopes, offsets = simplex(rng, dimension, width)
        found = reached(lambda x: slopes @ x + offsets, rng.normal(size=dimension))  # noqa: B023
        assert found is not None and np.all(slopes @ found + offsets > 0)


def test_where_functions_are_never_positive_together_none_is_found():
    for slope in (1.0, 3.0, 1e-3):
        assert reached(lambda x: np.array([x[0], -slope * x[0]]), np.array([0.7])) is None  # noqa: B023
    assert reached(lambda x: -np.exp(x), np.array([0.7])) is None
    assert reached(lambda x: np.array([np.nan]), np.array([0.7])) is None


@pytest.mark.parametrize("seed", range(6))
def test_a_claim_of_a_narrow_simplex_fails(seed):
    rng, names = np.random.default_rng(seed), "abc"[: 1 + seed % 3]
    rows = zip(*simplex(rng, len(names), 10.0 ** -rng.integers(1, 5)), strict=True)
    terms = [
        " + ".join(f"({slope:.6f}) * {name}" for slope, name in zip(slopes, names, strict=True))
        + f" + ({offset:.8f})"
        for slopes, offset in rows
    ]
    nested = "1"
    for term in terms:
        nested = f"where({term} > 0, {nested}, 0)"
    declarations = "; ".join(f"{name}: R" for name in names)
    product = " * ".join(f"relu({term})" for term in terms)
    for claim in check_claims(Equations(f"{declarations}\n{product} == 0\n{nested} == 0")).claims:
        assert claim.verdict == "fails"
