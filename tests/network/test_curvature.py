"""Second derivatives of whole networks against the complex step of the gradient, over a covering array."""

import numpy as np
import pytest

from chainrule.catalogue import loss_from
from chainrule.errors import NoRuleError, OptionError, ShapeError, TooLargeError
from chainrule.network import Network, Output
from chainrule.network.penalties import ElasticNet, Frobenius
from chainrule.optimize import LBFGS, Newton, NewtonCG, minimize
from network_problems import FACTORS, FULL_PRODUCT, ROWS, allowed, name_of, problem_of
from pairwise import feasible_rows

STEP = 1e-100
DOUBLE = [row for row in ROWS if row["dtype"] == "float64"]


def by_complex_step(gradient, theta):
    """∂ gradient / ∂θ, a column for each parameter."""
    units = 1j * STEP * np.eye(theta.size)
    return np.stack([gradient(theta + unit).imag / STEP for unit in units], axis=1)


def blockwise_errors(net, found, wanted):
    """For each pair of blocks the largest error, in units of the rms of that pair."""
    for rows in net.parameters.slices.values():
        for columns in net.parameters.slices.values():
            one, other = found[rows, columns], wanted[rows, columns]
            yield np.abs(one - other).max() / (
                np.sqrt((other**2).mean()) + 1e-300 + 1e-14 * np.abs(wanted).max()
            )


def check(row):
    net, _, theta, X, y, weights = problem_of(row)
    wanted = by_complex_step(lambda at: net.gradient(at, X, y, weights).vector, theta)
    hessian, operator = net.hessian(theta, X, y, weights), net.hessian_product(theta, X, y, weights)
    assert hessian.dtype == operator.dtype == theta.dtype
    assert np.array_equal(hessian, hessian.T)
    assert max(blockwise_errors(net, hessian, wanted)) < 1e-10
    directions = np.random.default_rng(5).normal(size=(theta.size, 3))
    scale = np.abs(wanted).max() + 1e-300
    np.testing.assert_allclose(operator @ directions, wanted @ directions, rtol=0, atol=1e-11 * scale)
    matrix = net.gauss_newton(theta, X, y, weights)
    products = net.gauss_newton_product(theta, X, y, weights) @ np.eye(theta.size)
    size = np.abs(matrix).max() + 1e-300
    assert np.array_equal(matrix, matrix.T)
    np.testing.assert_allclose(products, matrix, rtol=0, atol=1e-13 * size)
    assert np.linalg.eigvalsh(matrix).min() > -1e-12 * size


@pytest.mark.parametrize("row", DOUBLE, ids=name_of)
def test_hessian_agrees_with_the_complex_step(row):
    check(row)


@pytest.mark.full
def test_hessian_over_the_full_product():
    count = 0
    for row in feasible_rows(FACTORS, allowed):
        if row["dtype"] == "float64":
            check(row)
            count += 1
    assert 2 * count == FULL_PRODUCT


def drawn(sizes, n, *arguments, seed=0, **options):
    net = Network(sizes, *arguments, **options)
    rng = np.random.default_rng(seed)
    X, k = rng.normal(size=(n, sizes[0])), sizes[-1]
    if net.loss.name == "cross_entropy":
        y = rng.integers(k, size=n)
    elif "binary" in net.loss.name:
        y = rng.integers(2, size=(n, k))
    else:
        y = rng.normal(size=(n, k))
    return net, net.initialize(rng), X, y


@pytest.mark.parametrize(
    ("output", "loss", "k"),
    [("identity", "squared", 2), ("softmax", "cross_entropy", 3), ("sigmoid", "binary_cross_entropy", 1)],
)
@pytest.mark.parametrize("n", [4, 23])
def test_one_layer_of_a_canonical_pair_is_all_gauss_newton(output, loss, k, n):
    net, theta, X, y = drawn([5, k], n, (), output, loss, Frobenius(0.2))
    np.testing.assert_array_equal(net.hessian(theta, X, y), net.gauss_newton(theta, X, y))


def test_a_sigmoid_with_the_squared_loss_is_not_convex():
    net, theta, X, y = drawn([3, 1], 5, (), "sigmoid", "squared", seed=2)
    curvatures = np.linalg.eigvalsh(net.hessian(theta, X, 3 * y))
    assert curvatures.min() < -1e-3 < 1e-3 < curvatures.max()
    assert np.linalg.eigvalsh(net.gauss_newton(theta, X, 3 * y)).min() > -1e-14


@pytest.mark.parametrize("activation", ["identity", "relu"])
def test_without_bends_they_differ_off_the_diagonal_blocks_alone(activation):
    net, theta, X, y = drawn([3, 5, 4, 2], 7, activation, "identity", "squared")
    hessian, matrix = net.hessian(theta, X, y), net.gauss_newton(theta, X, y)
    size = np.abs(hessian).max()
    for name, place in net.parameters.slices.items():
        np.testing.assert_allclose(
            hessian[place, place], matrix[place, place], rtol=0, atol=1e-14 * size, err_msg=name
        )
    assert np.abs(hessian - matrix).max() > 0.01 * size


def test_logistic_regression_at_margins_of_a_thousand():
    X, theta = np.array([[1000.0], [-1000.0], [30.0], [1.0]]), np.array([1.0, 0.0])
    net = Network([1, 1], (), "sigmoid", "binary_cross_entropy", reduction="sum")
    z = X[:, 0]
    q = np.exp(-np.abs(z)) / (1 + np.exp(-np.abs(z))) ** 2
    design = np.column_stack([z, np.ones(4)])
    np.testing.assert_allclose(net.hessian(theta, X, [[1], [0], [0], [1]]), design.T * q @ design, rtol=1e-14)


def test_a_nearly_certain_class_keeps_its_curvature():
    """1 - ŷ_y is 0 in double precision, and ŷ_y (1 - ŷ_y) is 2e-20."""
    net = Network([1, 3], (), "softmax", "cross_entropy", bias=False, reduction="sum")
    hessian = net.hessian(np.array([45.0, 0.0, -2.0]), [[1.0]], [0])
    small = np.exp([-45.0, -47.0])
    wanted = [[small.sum(), -small[0], -small[1]], [-small[0], small[0], 0], [-small[1], 0, small[1]]]
    np.testing.assert_allclose(hessian, wanted, rtol=1e-14, atol=1e-38)


@pytest.mark.parametrize("text", ["nll(y, f) = logsumexp(f) - f[y]", "wrong(y, p) = norm2(p)**4 - p[y]"])
def test_a_loss_from_an_equation_that_is_no_sum_over_the_outputs(text):
    net = Network([4, 6, 3], "tanh", "sigmoid", loss_from(text, target="class"))
    rng = np.random.default_rng(1)
    theta, X, y = net.initialize(rng).vector, rng.normal(size=(9, 4)), rng.integers(3, size=9)
    wanted = by_complex_step(lambda at: net.gradient(at, X, y).vector, theta)
    np.testing.assert_allclose(net.hessian(theta, X, y), wanted, rtol=0, atol=1e-13)


def test_an_output_without_second_derivative_is_refused_where_it_is_needed():
    softmax = Network([2, 2], (), "softmax", "squared").output
    bare = Output("bare", softmax.value, softmax.pullback, softmax.jacobian)
    net, theta, X, y = drawn([2, 2], 3, (), bare, "squared")
    with pytest.raises(NoRuleError, match="bare has no second derivative"):
        net.hessian(theta, X, y)
    assert net.gauss_newton(theta, X, y).shape == (6, 6)


def test_many_rows_go_in_pieces_and_take_little_beside_the_result():
    net, theta, X, y = drawn([40, 12, 2], 3000, "tanh", "softmax", "cross_entropy")
    whole = net.hessian(theta, X, y)
    parts = sum(net.hessian(theta, X[part], y[part]) for part in (slice(1500), slice(1500, None)))
    np.testing.assert_allclose(whole, parts / 2, rtol=0, atol=1e-14)


def test_sparse_inputs():
    sparse = pytest.importorskip("scipy.sparse")
    net, theta, X, y = drawn([6, 4, 2], 5, "tanh", "softmax", "cross_entropy", ElasticNet(0.1))
    X[X < 0.3] = 0
    v = np.arange(theta.size) / theta.size
    rows = sparse.csr_array(X)
    for one in (net.hessian_product, net.gauss_newton_product):
        np.testing.assert_allclose(one(theta, rows, y) @ v, one(theta, X, y) @ v, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(net.hessian(theta, rows, y), net.hessian(theta, X, y), atol=1e-15)


@pytest.mark.parametrize("method", [LBFGS(), Newton(), NewtonCG()])
def test_sparse_rows_go_to_their_minimum(method):
    sparse = pytest.importorskip("scipy.sparse")
    net, theta, X, y = drawn([3, 1], 40, ())
    X[X < 0] = 0
    result = minimize(net.objective(sparse.csr_array(X), y), method, theta)
    wanted, *_ = np.linalg.lstsq(np.column_stack([X, np.ones(40)]), y[:, 0], rcond=None)
    assert result.converged
    np.testing.assert_allclose(result.parameters.vector, wanted, atol=1e-6)


def test_an_operator_keeps_its_point_where_theta_changes_in_place():
    net, theta, X, y = drawn([2, 3, 2], 5, "tanh")
    v = np.ones(theta.size)
    asked = {
        "hessian": (net.hessian_product(theta, X, y), lambda one: one @ v),
        "gauss_newton": (net.gauss_newton_product(theta, X, y), lambda one: one @ v),
        "fisher": (net.fisher_product(theta, X, y, kind="empirical"), lambda one: one @ v),
        "jacobian": (net.parameter_jacobian(theta, X), lambda one: one.matvec(v)),
        "examples": (net.per_example_gradients(theta, X, y), lambda one: one.dense()),
    }
    before = {name: ask(one) for name, (one, ask) in asked.items() if name != "examples"}
    untouched = net.per_example_gradients(theta.copy(), X, y).dense()
    theta.vector[:] *= 2
    for name, wanted in before.items():
        one, ask = asked[name]
        np.testing.assert_array_equal(ask(one), wanted, err_msg=name)
    np.testing.assert_array_equal(asked["examples"][0].dense(), untouched)


def test_complex_inputs_are_a_complex_step_in_x():
    net, theta, X, y = drawn([3, 4, 2], 6, "tanh", "softmax", "cross_entropy")
    unit = np.zeros_like(X)
    unit[:, 1] = 1.0
    for quantity in (net.hessian, net.gauss_newton, lambda *at: net.hessian_diagonal(*at).vector):
        step = quantity(theta, X + 1e-100j * unit, y).imag / 1e-100
        h = 1e-5
        difference = (quantity(theta, X + h * unit, y) - quantity(theta, X - h * unit, y)) / (2 * h)
        np.testing.assert_allclose(step, difference, rtol=0, atol=1e-8 * np.abs(difference).max())


def test_what_does_not_fit_is_refused():
    net, theta, X, y = drawn([3, 2], 4, ())
    operator = net.hessian_product(theta, X, y)
    assert operator.shape == (8, 8)
    for wrong in (np.zeros(7), np.zeros((1, 8)), np.zeros((8, 2, 2)), 1.0):
        with pytest.raises(ShapeError, match="v has shape"):
            operator @ wrong
    for wrong in (["a"] * 8, [["a"]] * 8):
        with pytest.raises(OptionError, match="v holds <U1"):
            operator @ wrong
    with pytest.raises(ShapeError, match="rows differ in length"):
        operator @ [[1.0], [1.0, 2.0]]
    assert (operator @ np.zeros((8, 0))).shape == (8, 0)
    np.testing.assert_array_equal(operator @ theta, operator @ theta.vector)
    large = Network([300, 300, 10], "tanh")
    with pytest.raises(
        TooLargeError, match=r"matrix of 93,310 parameters takes 69,654,048,800 bytes.*products"
    ):
        large.hessian(large.initialize(0), np.zeros((2, 300)), np.zeros((2, 10)))


def test_an_objective_gives_the_same_and_shares_its_passes():
    net, theta, X, y = drawn([3, 4, 2], 6, "tanh", "softmax", "cross_entropy", Frobenius(0.1))
    weights = np.array([1.0, 2.0, 0.0, 0.5, 3.0, 1.0])
    objective, vector = net.objective(X, y, weights), theta.vector.copy()
    v = np.linspace(-1, 1, theta.size)
    hessian = net.hessian(theta, X, y, weights)
    np.testing.assert_array_equal(objective.hessian(vector), hessian)
    np.testing.assert_array_equal(objective.gauss_newton(vector), net.gauss_newton(theta, X, y, weights))
    np.testing.assert_allclose(objective.hessian_product(vector, v), hessian @ v, rtol=1e-12)
    assert objective._curved(vector, None, "hessian") is objective._curved(vector.copy(), None, "hessian")
    vector += 0.1  # in place, as optimisers do: what was kept belongs to another θ
    np.testing.assert_array_equal(objective.hessian(vector), net.hessian(vector, X, y, weights))
    batch = np.array([0, 3])  # among the rows of positive weight
    kept = np.array([0, 4])
    wanted = net.hessian(vector, X[kept], y[kept], weights[kept])
    np.testing.assert_allclose(objective.hessian(vector, batch), wanted, rtol=1e-12, atol=1e-15)


def test_float32_is_kept():
    net, theta, X, y = drawn([5, 7, 3], 11, "gelu", "softmax", "cross_entropy", ElasticNet(0.1))
    small = theta.vector.astype(np.float32)
    wanted = net.hessian(small.astype(float), X.astype(np.float32), y)
    found = net.hessian(small, X.astype(np.float32), y)
    product = net.hessian_product(small, X.astype(np.float32), y) @ np.ones(theta.size, np.float32)
    assert found.dtype == product.dtype == np.float32
    np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-6 * np.abs(wanted).max())
    np.testing.assert_allclose(product, wanted.sum(axis=1), rtol=0, atol=2e-5 * np.abs(wanted).max())
