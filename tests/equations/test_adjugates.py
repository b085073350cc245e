"""The derivative of a determinant where the matrix has no inverse, and what is said where there is none."""

import numpy as np
import pytest

from chainrule.equations import Equations
from chainrule.errors import DataError


def cofactors(X):
    """adj(X)ᵀ, one minor at a time."""
    n = len(X)
    minor = [[np.linalg.det(np.delete(np.delete(X, i, 0), j, 1)) for j in range(n)] for i in range(n)]
    return np.array(minor) * (-1.0) ** np.add.outer(range(n), range(n))


def matrices():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4, 4))
    twice = X.copy()
    twice[:, 0] = X[:, 1]
    bordered = np.zeros((4, 4))
    bordered[:3, :3] = X[:3, :3]
    rank_two = X[:, :2] @ X[:2]
    return {"regular": X, "twice": twice, "bordered": bordered, "rank 2": rank_two, "zero": np.zeros((4, 4))}


@pytest.mark.parametrize("kind", matrices())
def test_the_gradient_of_a_determinant_is_there_for_every_matrix(kind):
    X = matrices()[kind]
    want = cofactors(X)
    model = Equations("parameters X: R[n, n]; L = det(X)")
    _, gradient = model.compile(["L", "d(L, X)"])(X=X)
    np.testing.assert_allclose(gradient, want, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(model.evaluate("d(L, X)", {"X": X}), want, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("kind", matrices())
def test_it_is_found_behind_names_and_inside_sums(kind):
    X = matrices()[kind]
    D, cofactor = np.linalg.det(X), cofactors(X)
    named = Equations("parameters X: R[n, n]; D = det(X); L = tanh(D)")
    want = (1 - np.tanh(D) ** 2) * cofactor
    np.testing.assert_allclose(named.compile("dL/dX")(X=X), want, rtol=1e-9, atol=1e-13)
    summed = Equations("parameters X: R[n, n]; L = det(X)**2 + trace(X) * det(X)")
    want = (2 * D + np.trace(X)) * cofactor + D * np.eye(4)
    np.testing.assert_allclose(summed.compile("dL/dX")(X=X), want, rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(summed.evaluate("d(L, X)", {"X": X}), want, rtol=1e-9, atol=1e-13)
    direction = np.arange(16.0).reshape(4, 4)
    mixed = Equations("parameters X: R[n, n]; c: R; L = c * det(X)").compile("d2L/(dc dX)")
    np.testing.assert_allclose(
        (mixed(X=X) * direction).sum(), (cofactor * direction).sum(), rtol=1e-9, atol=1e-12
    )


def test_where_an_inverse_is_needed_its_lack_is_said():
    model = Equations("parameters X: R[n, n]; L = det(X); M = trace(inv(X))")
    X = np.zeros((3, 3))
    with pytest.raises(
        DataError, match=r"d2L/dX2 cannot be computed at these inputs: .* singular, in '.*inv\(X\)'"
    ):
        model.compile("d2L/dX2")(X=X)
    with pytest.raises(
        DataError, match=r"d\(d\(L, X\), X\) cannot be computed here: a matrix .* is singular"
    ):
        model.evaluate("d(d(L, X), X)", {"X": X})
    with pytest.raises(DataError, match="inv in line 1: the matrix is singular"):
        model.evaluate("M", {"X": X})
    with pytest.raises(DataError, match="d²L/dX² has no value here"):
        model.derive("L", "X", order=2).structured({"X": X})
