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


def second_cofactors(X):
    """The second derivative of det X, one minor at a time."""
    n = len(X)
    found = np.zeros((n, n, n, n), X.dtype)
    for i, j, k, m in np.ndindex(found.shape):
        if i != k and j != m:
            minor = np.delete(np.delete(X, [i, k], 0), [j, m], 1)
            sign = (-1) ** (i + j + k - (k > i) + m - (m > j))
            found[i, j, k, m] = sign * np.linalg.det(minor)
    return found


@pytest.mark.parametrize("target", ["numpy", "array_api"])
@pytest.mark.parametrize("kind", matrices())
def test_so_is_its_second_derivative(kind, target):
    X = matrices()[kind]
    want, direction = second_cofactors(X), np.cos(np.arange(16.0)).reshape(4, 4)
    model = Equations("parameters X: R[n, n]; L = det(X)")
    np.testing.assert_allclose(model.compile("d2L/dX2", target=target)(X=X), want, atol=1e-12)
    (product,) = model.compile_product("L", target=target)(X=X, v_X=direction)
    np.testing.assert_allclose(product, np.tensordot(want, direction, 2), atol=1e-12)
    np.testing.assert_allclose(model.evaluate("d(d(L, X), X)", {"X": X}), want, atol=1e-12)


def test_it_is_right_of_one_row_of_two_and_of_complex_numbers():
    model = Equations("parameters X: R[n, n]; L = det(X)")
    hessian = model.compile("d2L/dX2")
    assert hessian(X=[[0.0]]).tolist() == [[[[0.0]]]]
    np.testing.assert_allclose(hessian(X=np.zeros((2, 2))), second_cofactors(np.zeros((2, 2))), atol=1e-15)
    X = matrices()["rank 2"] + 1e-3j * matrices()["regular"]
    np.testing.assert_allclose(hessian(X=X), second_cofactors(X), atol=1e-12)


def test_powers_and_names_of_it_have_second_derivatives_where_they_are_there():
    X = matrices()["twice"]
    first, second = cofactors(X), second_cofactors(X)
    squares = 2 * np.multiply.outer(first, first)
    for text in ("L = det(X)**2", "D = det(X); L = D**2"):
        found = Equations(f"parameters X: R[n, n]; {text}").compile("d2L/dX2")(X=X)
        np.testing.assert_allclose(found, squares + 2 * np.linalg.det(X) * second, atol=1e-12)
    source = Equations("parameters X: R[n, n]; D = det(X); L = log(D)").compile("dL/dX").source
    assert "np.linalg.inv" in source and "_adjugate" not in source


def test_where_an_inverse_is_needed_its_lack_is_said():
    model = Equations("parameters X: R[n, n]; L = det(X); M = trace(inv(X)); N = logdet(X)")
    X = np.zeros((3, 3))
    with pytest.raises(
        DataError, match=r"d2M/dX2 cannot be computed at these inputs: .* singular, in '.*inv\(X\)'"
    ):
        model.compile("d2M/dX2")(X=X)
    with pytest.raises(
        DataError, match=r"d\(d\(N, X\), X\) cannot be computed here: a matrix .* is singular"
    ):
        model.evaluate("d(d(N, X), X)", {"X": X})
    with pytest.raises(DataError, match="inv in line 1: the matrix is singular"):
        model.evaluate("M", {"X": X})
    with pytest.raises(DataError, match="d²L/dX² has no value here"):
        model.derive("L", "X", order=2).structured({"X": X})
    X = matrices()["regular"]
    assert model.evaluate("d(d(d(L, X), X), X)", {"X": X}).shape == (4,) * 6
