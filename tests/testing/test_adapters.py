"""Functions of SciPy, PyTorch and JAX, judged by the checks."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import optimize, sparse
from scipy.sparse.linalg import aslinearoperator

from chainrule import check_gradient, check_jacobian
from chainrule.errors import OptionError, UncheckableError, WrongDerivativeError
from chainrule.testing import assert_gradient, assert_jacobian, assert_scipy, from_jax, from_scipy, from_torch

rng = np.random.default_rng(5)
X0 = np.array([0.4, -1.2, 0.7, 1.9])
X, W = rng.normal(size=(3, 2)), rng.normal(size=(2, 4))


def fun(x, a, b):
    return a * np.sum(x**4) + b * x[0] * x[1]


def jac(x, a, b):
    return 4 * a * x**3 + b * np.array([x[1], x[0], 0, 0])


def hess(x, a, b):
    cross = np.zeros((4, 4))
    cross[0, 1] = cross[1, 0] = b
    return np.diag(12 * a * x**2) + cross


ARGS = {"args": (1.5, 0.3)}


def test_scipys_own_functions_are_right():
    found = assert_scipy(
        optimize.rosen,
        X0,
        jac=optimize.rosen_der,
        hess=optimize.rosen_hess,
        hessp=optimize.rosen_hess_prod,
    )
    assert list(found) == ["jac", "hess", "hessp"] and all(found.values())


def test_the_arguments_of_minimize_are_those_of_the_assertion():
    given = {**ARGS, "jac": jac, "hess": hess, "hessp": lambda x, p, a, b: hess(x, a, b) @ p}
    assert optimize.minimize(fun, X0, method="trust-ncg", **{**given, "hess": None}).fun < fun(X0, 1.5, 0.3)
    assert len(assert_scipy(fun, X0, **given)) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"jac": lambda x, a, b: 4 * x**3},
        {"jac": jac, "hess": lambda x, a, b: np.diag(np.diag(hess(x, a, b)))},
        {"jac": jac, "hessp": lambda x, p, a, b: 2 * hess(x, a, b) @ p},
        {"jac": jac, "hess": hess, "hessp": lambda x, p, a, b: p},
    ],
)
def test_the_derivative_that_is_wrong_is_named(wrong):
    with pytest.raises(WrongDerivativeError, match=f"^the {list(wrong)[-1]} is wrong"):
        assert_scipy(fun, X0, **ARGS, **wrong)


@pytest.mark.parametrize("made", [sparse.csr_array, aslinearoperator], ids=["sparse", "operator"])
def test_matrices_of_every_kind_are_taken(made):
    f = from_scipy(fun, **ARGS, jac=jac, hess=lambda *given: made(hess(*given)))
    assert check_jacobian(f.jac, f.hess, X0)


def test_value_and_gradient_of_one_function():
    both = lambda x, a, b: (fun(x, a, b), jac(x, a, b))  # noqa: E731
    assert assert_scipy(both, X0, **ARGS, jac=True)
    with pytest.raises(WrongDerivativeError, match="sign"):
        assert_scipy(lambda x: (np.sum(x**2), -2 * x), X0, jac=True)


def test_one_argument_needs_no_tuple():
    assert assert_scipy(lambda x, a: a * x @ x, X0, 2.0, jac=lambda x, a: 2 * a * x)


def test_residuals_have_a_jacobian():
    def residuals(x):
        return np.array([x[0] ** 2 - x[1], x[2] * x[3], x[0]])

    def slopes(x):
        return np.array([[2 * x[0], -1, 0, 0], [0, 0, x[3], x[2]], [1, 0, 0, 0]])

    assert assert_scipy(residuals, X0, jac=slopes)
    assert assert_scipy(residuals, X0, jac=lambda x: sparse.csr_array(slopes(x)))
    with pytest.raises(WrongDerivativeError, match="expected"):
        assert_scipy(residuals, X0, jac=lambda x: slopes(x).T)


@pytest.mark.parametrize("nothing", [None, "2-point", False])
def test_what_scipy_finds_itself_is_no_derivative_to_check(nothing):
    with pytest.raises(OptionError, match="no derivative of yours"):
        assert_scipy(fun, X0, **ARGS, jac=nothing, hess=hess)


def test_a_function_that_fails_is_no_pass():
    with pytest.raises(UncheckableError):
        assert_scipy(lambda x: x @ np.ones(9), X0, jac=lambda x: x)


def test_no_library_is_imported_before_it_is_asked_for():
    heavy = ("torch", "jax", "scipy.optimize")
    code = f"import sys, chainrule.testing; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="PyTorch is not installed")


@pytest.fixture
def layer(torch):
    """A layer tanh(X W) with its backward by hand; a slope is right, or left out."""

    def made(right):
        class Layer(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x, w):
                a = torch.tanh(x @ w)
                ctx.save_for_backward(x, w, a)
                return a

            @staticmethod
            def backward(ctx, g):
                x, w, a = ctx.saved_tensors
                d = g * (1 - a**2) if right else g
                return d @ w.T, x.T @ d

        return Layer

    return made


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_function_of_torch(layer, dtype):
    at = {"x": X.astype(dtype), "w": W.astype(dtype)}
    assert assert_jacobian(*from_torch(layer(True)), at)
    with pytest.raises(WrongDerivativeError, match="activation"):
        assert_jacobian(*from_torch(layer(False)), at, model=lambda q: np.tanh(q["x"] @ q["w"]))


def test_a_loss_of_torch(torch):
    def loss(w):
        return torch.nn.functional.softplus(torch.as_tensor(X) @ w).mean()

    assert assert_gradient(*from_torch(loss), W)


def test_a_module_in_float32_is_judged_at_float32(torch):
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(2, 5), torch.nn.ReLU(), torch.nn.Linear(5, 1))
    pair = from_torch(lambda x: net(x).sum())
    assert assert_gradient(*pair, X.astype(np.float32))
    assert not check_gradient(pair.function, lambda x: 1.05 * pair.derivative(x), X.astype(np.float32))
    with pytest.raises(UncheckableError, match="dtype|Float|Double"):
        assert_gradient(*pair, X)


def test_torch_functions_of_several_tensors_are_refused(torch):
    with pytest.raises(UncheckableError, match="expected one tensor"):
        assert_gradient(*from_torch(lambda x: (x, x)), X)


def test_what_torch_cannot_differentiate_is_not_zero(torch):
    with pytest.raises(UncheckableError, match="no derivative"):
        assert_gradient(*from_torch(lambda x: torch.special.bessel_j0(x).sum()), X)
    with pytest.raises(UncheckableError, match="no derivative"):
        assert_gradient(*from_torch(lambda x: (x.detach() ** 2).sum()), X)
    path = from_torch(lambda x: (x * x.detach()).sum())
    with pytest.raises(WrongDerivativeError, match="constant|path"):
        assert_gradient(*path, X)


@pytest.fixture
def jax():
    return pytest.importorskip("jax", reason="JAX is not installed")


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("right", [True, False])
def test_a_custom_vjp_of_jax(jax, dtype, right):
    @jax.custom_vjp
    def f(x, w):
        return jax.numpy.tanh(x @ w)

    def back(kept, g):
        x, w = kept
        d = g * (1 - jax.numpy.tanh(x @ w) ** 2) if right else g
        return d @ w.T, x.T @ d

    f.defvjp(lambda x, w: (f(x, w), (x, w)), back)
    at = {"x": X.astype(dtype), "w": W.astype(dtype)}
    if right:
        assert assert_jacobian(*from_jax(f), at)
    else:
        with pytest.raises(WrongDerivativeError, match="activation"):
            assert_jacobian(*from_jax(f), at, model=lambda q: np.tanh(q["x"] @ q["w"]))


@pytest.mark.parametrize("forward", [True, False])
def test_a_custom_jvp_of_jax(jax, forward):
    @jax.custom_jvp
    def f(x):
        return jax.numpy.sum(jax.numpy.log(1 + jax.numpy.exp(x)))

    f.defjvp(lambda x, v: (f(*x), jax.numpy.sum(jax.nn.sigmoid(x[0]) * v[0])))
    assert assert_gradient(*from_jax(f, forward=forward), X)
    f.defjvp(lambda x, v: (f(*x), jax.numpy.sum(jax.numpy.tanh(x[0]) * v[0])))
    with pytest.raises(WrongDerivativeError):
        assert_gradient(*from_jax(f, forward=forward), X)


def test_jax_keeps_its_setting(jax):
    before = jax.numpy.asarray(X).dtype
    assert (
        assert_gradient(*from_jax(lambda x: jax.numpy.sum(jax.jit(jax.numpy.sin)(x))), X).method
        == "complex step"
    )
    assert jax.numpy.asarray(X).dtype == before
