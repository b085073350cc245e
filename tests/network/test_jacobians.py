"""Jacobians in parameters and inputs, and second derivatives in inputs, against the complex step."""

import itertools

import numpy as np
import pytest

from chainrule.errors import DataError, NoRuleError, OptionError, ShapeError, TooLargeError
from chainrule.network import Network, Output

STEP = 1e-100
# k = 1, 2, 3; d below and above k; depths 1 to 4; all sizes differ but where one is 1.
NETWORKS = {
    "one layer": Network([4, 2], (), "softmax", "squared"),
    "wide": Network([2, 5, 3], "tanh", "softmax", "cross_entropy"),
    "deep": Network([5, 4, 6, 3, 2], ["gelu", "sin", "softplus"], "sigmoid", "squared"),
    "one score": Network([3, 4, 1], "erf", "sigmoid", "binary_cross_entropy"),
    "one input": Network([1, 3, 2], "silu", "exp", "poisson"),
    "no bias": Network([3, 1, 2], "sigmoid", "identity", "huber", bias=False),
    "kinks": Network([3, 7, 2], "relu", "identity", "squared"),
}


def problem(name, n=5):
    net = NETWORKS[name]
    rng = np.random.default_rng(len(name))
    X, theta = rng.normal(size=(n, net.sizes[0])), net.initialize(rng)
    theta.vector[:] += 0.1 * rng.normal(size=theta.size)
    y = {"cross_entropy": lambda: rng.integers(net.sizes[-1], size=n)}.get(
        net.loss.name, lambda: rng.integers(2, size=(n, net.sizes[-1])).astype(float)
    )()
    return net, theta, X, y


def value(net, theta, X, of):
    forward = net.forward(theta, X)
    return forward.scores if of == "scores" else forward.prediction


def in_parameters(net, theta, X, of):
    """(n, k, p) by the complex step."""
    moves = theta.vector + 1j * STEP * np.eye(theta.size)
    return np.stack([value(net, at, X, of).imag / STEP for at in moves], axis=-1)


def in_inputs(function, X):
    """A new last axis for x, by the complex step."""
    moves = [X + 1j * STEP * np.eye(X.shape[1])[j] for j in range(X.shape[1])]
    return np.stack([function(at).imag / STEP for at in moves], axis=-1)


def in_inputs_twice(function, X, h=1e-4):
    """Central differences of the complex step, extrapolated: about 11 digits."""

    def slope(step, unit):
        return (in_inputs(function, X + step * unit) - in_inputs(function, X - step * unit)) / (2 * step)

    units = np.eye(X.shape[1])
    return np.stack([(4 * slope(h / 2, unit) - slope(h, unit)) / 3 for unit in units], axis=-1)


CASES = list(itertools.product(NETWORKS, ["scores", "output"], [5, 1]))


@pytest.mark.parametrize(("name", "of", "n"), CASES)
def test_the_jacobian_in_the_parameters(name, of, n):
    net, theta, X, _ = problem(name, n)
    wanted, k = in_parameters(net, theta, X, of), net.sizes[-1]
    J = net.parameter_jacobian(theta, X, of=of)
    assert J.shape == (n * k, theta.size) and J.nbytes_dense == wanted.nbytes
    close = {"rtol": 0, "atol": 1e-13 * np.abs(wanted).max()}
    np.testing.assert_allclose(J.dense(), wanted, **close)
    np.testing.assert_allclose(np.asarray(J), wanted, **close)
    np.testing.assert_allclose(J.row(-1), wanted[-1], **close)
    rng = np.random.default_rng(1)
    v, u = rng.normal(size=theta.size), rng.normal(size=(n, k))
    np.testing.assert_allclose(J.matvec(v), wanted @ v, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(J.rmatvec(u), np.einsum("ick,ic->k", wanted, u), rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(J.norms(), np.sqrt((wanted**2).sum(axis=-1)), rtol=1e-12)
    np.testing.assert_allclose(J.gram(), np.einsum("icp,jdp->icjd", wanted, wanted), rtol=1e-11, atol=1e-14)
    operator = J.as_linear_operator()
    np.testing.assert_allclose(operator @ v, (wanted @ v).ravel(), rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(operator.T @ u.ravel(), J.rmatvec(u), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize(("name", "of", "n"), CASES)
def test_the_jacobian_in_one_block(name, of, n):
    net, theta, X, _ = problem(name, n)
    whole = in_parameters(net, theta, X, of)
    rng = np.random.default_rng(2)
    for block, shape in net.parameters.shapes:
        flat = whole[:, :, net.parameters.slices[block]]
        wanted = np.stack([[net.parameters.views(row)[block] for row in rows] for rows in whole])
        J = net.parameter_jacobian(theta, X, wrt=block, of=of)
        close = {"rtol": 0, "atol": 1e-13 * np.abs(whole).max()}
        assert J.dense().shape == (n, net.sizes[-1], *shape)
        np.testing.assert_allclose(J.dense(), wanted, **close)
        np.testing.assert_allclose(J.row(0), wanted[0], **close)
        V, u = rng.normal(size=shape), rng.normal(size=(n, net.sizes[-1]))
        product = np.tensordot(wanted, V, axes=len(shape))
        np.testing.assert_allclose(J.matvec(V), product, rtol=1e-11, atol=1e-13)
        found, expected = J.rmatvec(u), np.tensordot(u, wanted, axes=2)
        assert found.shape == shape
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(J.norms(), np.sqrt((flat**2).sum(axis=-1)), rtol=1e-12, atol=1e-300)
        np.testing.assert_allclose(J.gram(), np.einsum("icp,jdp->icjd", flat, flat), rtol=1e-11, atol=1e-14)
        operator = J.as_linear_operator()
        v = rng.normal(size=flat.shape[2])
        np.testing.assert_allclose(operator @ v, (flat @ v).ravel(), rtol=1e-11, atol=1e-13)
        transposed = np.einsum("icp,ic->p", flat, u)
        np.testing.assert_allclose(operator.T @ u.ravel(), transposed, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize(("name", "of", "n"), CASES)
def test_the_jacobian_in_the_inputs(name, of, n):
    net, theta, X, y = problem(name, n)
    wanted = in_inputs(lambda at: value(net, theta, at, of), X)
    np.testing.assert_allclose(net.input_jacobian(theta, X, of=of), wanted, rtol=0, atol=1e-13)
    wanted = in_inputs(lambda at: net.losses(theta, at, y), X)
    np.testing.assert_allclose(net.input_gradient(theta, X, y), wanted, rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("of", ["scores", "output", "loss"])
def test_second_derivatives_in_the_inputs(name, of):
    net, theta, X, y = problem(name)
    targets = y if of == "loss" else None
    function = (
        (lambda at: net.losses(theta, at, y)) if of == "loss" else (lambda at: value(net, theta, at, of))
    )
    wanted = in_inputs_twice(function, X)
    found = net.input_hessian(theta, X, targets, of)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-9 * (1 + np.abs(wanted).max()))
    assert np.array_equal(found, found.swapaxes(-1, -2))
    trace = np.trace(found, axis1=-2, axis2=-1)
    np.testing.assert_allclose(net.laplacian(theta, X, targets, of), trace, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_jacobian_from_layer_to_layer(name):
    net, theta, X, _ = problem(name)
    assert np.allclose(net.layer_jacobian(theta, X, net.depth, 0), net.input_jacobian(theta, X))
    H = net.forward(theta, X).H
    for wrt, of in itertools.combinations(range(net.depth + 1), 2):
        found = net.layer_jacobian(theta, X, of, wrt)
        assert found.shape == (5, net.sizes[of], net.sizes[wrt])

        def onwards(h, wrt=wrt, of=of):
            for l in range(wrt + 1, of + 1):
                z = h @ theta[f"W{l}"].T + (theta[f"b{l}"] if net.bias else 0)
                h = net.activation[l - 1].value(z) if l < net.depth else net.output.value(z)
            return h

        np.testing.assert_allclose(found, in_inputs(onwards, H[wrt]), rtol=0, atol=1e-13)
    for wrong in ((0, 0), (0, 1), (net.depth + 1, 0), (1, -1), ("h1", 0), (1.5, 0)):
        with pytest.raises(OptionError, match="expected 0 <= wrt < of"):
            net.layer_jacobian(theta, X, *wrong)


def test_many_rows_go_in_pieces():
    net = Network([300, 40, 2], "tanh", "softmax", "cross_entropy")
    rng = np.random.default_rng(0)
    theta, X, y = net.initialize(rng), rng.normal(size=(400, 300)), rng.integers(2, size=400)
    some = [0, 166, 167, 399]
    for found, one in (
        (net.input_jacobian(theta, X), net.input_jacobian(theta, X[some])),
        (net.laplacian(theta, X, y), net.laplacian(theta, X[some], y[some])),
    ):
        np.testing.assert_allclose(found[some], one, rtol=1e-11, atol=1e-15)


def test_sparse_inputs_and_float32():
    sparse = pytest.importorskip("scipy.sparse")
    net, theta, X, y = problem("deep")
    X[X < 0.2] = 0
    rows = sparse.csr_array(X)
    one, other = net.parameter_jacobian(theta, rows), net.parameter_jacobian(theta, X)
    for name in ("dense", "norms", "gram"):
        np.testing.assert_allclose(getattr(one, name)(), getattr(other, name)(), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(one.rmatvec(y), other.rmatvec(y), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(net.input_jacobian(theta, rows), net.input_jacobian(theta, X))
    np.testing.assert_allclose(net.input_hessian(theta, rows, y), net.input_hessian(theta, X, y))
    small, single = theta.vector.astype(np.float32), X.astype(np.float32)
    for found in (
        net.parameter_jacobian(small, single).dense(),
        net.input_jacobian(small, single),
        net.input_hessian(small, single, y),
        net.laplacian(small, single),
    ):
        assert found.dtype == np.float32 and np.isfinite(found).all()


def test_what_cannot_be_asked_is_refused():
    net, theta, X, y = problem("wide")
    for action, error, message in (
        (
            lambda: net.parameter_jacobian(theta, X, "W9"),
            OptionError,
            "wrt is 'W9'; the parameters are W1, b1",
        ),
        (lambda: net.parameter_jacobian(theta, X, of="loss"), OptionError, "'scores' or 'output'"),
        (lambda: net.parameter_jacobian(theta, X).matvec(np.zeros(3)), ShapeError, "v has shape"),
        (lambda: net.parameter_jacobian(theta, X).rmatvec(np.zeros(3)), ShapeError, "u has shape"),
        (lambda: net.parameter_jacobian(theta, X).matvec(["a"] * 33), OptionError, "v holds <U1"),
        (lambda: net.parameter_jacobian(theta, X).rmatvec([[1], [1, 2]]), ShapeError, "rows differ"),
        (lambda: net.parameter_jacobian(theta, X).row(5), OptionError, "row is 5; expected .* 0 to 4"),
        (lambda: net.parameter_jacobian(theta, X).row(1.5), OptionError, "row is 1.5"),
        (lambda: net.parameter_jacobian(theta, X[:, :1]), ShapeError, "2 inputs"),
        (lambda: net.input_jacobian(theta, X, of="loss"), OptionError, "input_gradient"),
        (lambda: net.input_hessian(theta, X, of="all"), OptionError, "'loss', 'scores' or 'output'"),
        (lambda: net.input_hessian(theta, X, of="loss"), OptionError, "expected the targets"),
        (lambda: net.input_gradient(theta, X, y + 7), DataError, "y"),
    ):
        with pytest.raises(error, match=message):
            action()
    softmax = net.output
    bare = Network([2, 2], (), Output("bare", softmax.value, softmax.pullback, softmax.jacobian), "squared")
    with pytest.raises(NoRuleError, match="bare has no second derivative"):
        bare.input_hessian(np.zeros(6), X)
    large = Network([2000, 3, 500], "tanh")
    rows = np.zeros((3000, 2000))
    with pytest.raises(TooLargeError, match=r"The Jacobian takes .* row, norms and gram take no such room"):
        large.parameter_jacobian(large.initialize(0), rows).dense()
    with pytest.raises(TooLargeError, match="tangent kernel takes"):
        large.parameter_jacobian(large.initialize(0), rows).gram()
    with pytest.raises(TooLargeError, match="take fewer rows"):
        large.input_hessian(large.initialize(0), rows[:2])


def test_no_rows_have_no_derivatives():
    net, theta, X, _ = problem("wide")
    J = net.parameter_jacobian(theta, X[:0])
    assert J.dense().shape == (0, 3, 33) and J.gram().shape == (0, 3, 0, 3) and J.norms().shape == (0, 3)
    assert net.input_jacobian(theta, X[:0]).shape == (0, 3, 2)
    assert net.input_hessian(theta, X[:0]).shape == (0, 3, 2, 2)
    assert net.predict(theta, X[:0]).shape == (0, 3)
