"""Functions of other libraries as the checks take them: NumPy arrays go in and come out.

`from_torch` and `from_jax` import their library when they are called, and no sooner.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from chainrule.checking.gradient import check_gradient, check_jacobian
from chainrule.checking.report import CheckReport
from chainrule.errors import OptionError, UncheckableError
from chainrule.testing.assertions import by_model, held

Array = NDArray[Any]
Function: TypeAlias = Callable[..., Any]


class Pair(NamedTuple):
    """A function and its derivative, in the order in which the checks take them: ``check(*pair, at)``.

    Attributes
    ----------
    function, derivative : callable
        Of one array, or of a mapping, whose arrays are the arguments in their order.
    """

    function: Function
    derivative: Function


def from_torch(function: Any, *, device: str = "cpu") -> Pair:
    """A PyTorch function, and what autograd says its derivative is.

    Parameters
    ----------
    function : callable or subclass of torch.autograd.Function
        Of tensors, with one tensor as its value. Of a class it is ``apply``.
    device : str
        Where it runs.

    Returns
    -------
    Pair

    Notes
    -----
    Tensors have the type of the arrays: a module with weights in float32 is judged at arrays of float32.

    Examples
    --------
    ``assert_jacobian(*from_torch(MyFunction), {"x": x, "W": W})`` judges a hand-written ``backward``.
    """
    import torch

    is_class = isinstance(function, type) and issubclass(function, torch.autograd.Function)
    call = function.apply if is_class else function

    def tensors(argument: Any) -> tuple[Any, ...]:
        return tuple(torch.tensor(array, device=device) for array in _arrays(argument))

    def run(given: tuple[Any, ...]) -> Any:
        found = call(*given)
        if not isinstance(found, torch.Tensor):
            raise OptionError(f"The function gives a {type(found).__name__}; expected one tensor.")
        return found

    def array(tensor: Any) -> Array:
        # NumPy has no bfloat16.
        wide = tensor.float() if tensor.dtype == torch.bfloat16 else tensor
        return np.asarray(wide.detach().cpu().numpy())

    def derivative(argument: Any) -> Any:
        given = tuple(tensor.requires_grad_() for tensor in tensors(argument))
        if not run(given).requires_grad:
            # PyTorch's jacobian gives zeros: of torch.special.bessel_j0, too, which has no derivative there.
            raise UncheckableError("PyTorch has no derivative of this function: its value requires no grad.")
        found = torch.autograd.functional.jacobian(call, given)
        return _as_given(argument, [array(part) for part in found])

    return Pair(lambda argument: array(run(tensors(argument))), derivative)


def from_jax(function: Function, *, forward: bool = False) -> Pair:
    """A JAX function, and what JAX says its derivative is: by its ``custom_vjp`` or ``custom_jvp``, if any.

    Parameters
    ----------
    function : callable
        Of arrays, with one array as its value.
    forward : bool
        By ``jacfwd``, which a ``custom_vjp`` does not have, for ``jacrev``.

    Returns
    -------
    Pair

    Notes
    -----
    It runs with 64 bits at arrays of float64, whatever JAX is set to.

    Examples
    --------
    ``assert_jacobian(*from_jax(f), x)`` judges the rule that ``f.defvjp`` was given.
    """
    import jax
    import jax.experimental

    # Where it stood before it had a name of its own.
    wide = jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64

    def value(argument: Any) -> Array:
        with wide(True):
            return np.asarray(function(*map(jax.numpy.asarray, _arrays(argument))))

    def derivative(argument: Any) -> Any:
        arrays = _arrays(argument)
        jacobian = (jax.jacfwd if forward else jax.jacrev)(function, argnums=tuple(range(len(arrays))))
        with wide(True):
            return _as_given(
                argument, [np.asarray(part) for part in jacobian(*map(jax.numpy.asarray, arrays))]
            )

    return Pair(value, derivative)


def _arrays(argument: Any) -> Sequence[Array]:
    return list(argument.values()) if isinstance(argument, Mapping) else [argument]


def _as_given(argument: Any, parts: Sequence[Array]) -> Any:
    """Arrays in the form of the argument they belong to."""
    return dict(zip(argument, parts, strict=True)) if isinstance(argument, Mapping) else parts[0]


class ScipyFunctions(NamedTuple):
    """What `scipy.optimize` is given, as functions of x alone; None where there is nothing of the caller's.

    Attributes
    ----------
    value : callable
    jac, hess : callable or None
        Dense arrays.
    hessp : callable or None
        Of x and a vector.
    """

    value: Function
    jac: Function | None
    hess: Function | None
    hessp: Function | None


def from_scipy(
    fun: Function, *, args: Any = (), jac: Any = None, hess: Any = None, hessp: Any = None
) -> ScipyFunctions:
    """The functions of a call of `scipy.optimize.minimize`, `least_squares` or `root`, ready to be checked.

    Parameters
    ----------
    fun, args, jac, hess, hessp
        As SciPy takes them: ``jac=True`` where ``fun`` gives value and gradient; sparse matrices and linear
        operators are taken, too. What is a word, as "2-point", is SciPy's own.

    Returns
    -------
    ScipyFunctions

    Examples
    --------
    >>> from chainrule import check_jacobian
    >>> def slope(x, a):
    ...     return 2 * a * x
    >>> f = from_scipy(lambda x, a: a * x @ x, args=(3.0,), jac=slope, hess=lambda x, a: 2 * a)
    >>> print(check_jacobian(f.jac, f.hess, [1.0, 2.0]))
    x  wrong     yours has shape (), expected (2, 2)
    judged by complex step, ... evaluations
    """
    rest = args if isinstance(args, tuple) else (args,)
    both = jac is True
    given = (lambda x, *more: fun(x, *more)[1]) if both else jac

    def value(x: Array) -> Any:
        return fun(x, *rest)[0] if both else fun(x, *rest)

    def with_rest(function: Any) -> Function | None:
        return (lambda x, *p: _dense(function(x, *p, *rest), x)) if callable(function) else None

    return ScipyFunctions(value, with_rest(given), with_rest(hess), with_rest(hessp))


def _dense(matrix: Any, x: Array) -> Array:
    """An array of what SciPy takes for one: sparse, or known by its products alone."""
    if hasattr(matrix, "toarray"):
        return np.asarray(matrix.toarray())
    return np.asarray(matrix @ np.eye(x.size) if hasattr(matrix, "matvec") else matrix)


def assert_scipy(
    fun: Function,
    x0: Any,
    args: Any = (),
    *,
    jac: Any = None,
    hess: Any = None,
    hessp: Any = None,
    seed: int = 0,
    model: Function | None = None,
) -> dict[str, CheckReport]:
    """Raise unless every derivative that SciPy is given is right; the arguments are those of `minimize`.

    ``jac`` is judged by ``fun``; ``hess``, and ``hessp`` along a random vector, are judged by ``jac``.

    Parameters
    ----------
    fun, x0, args, jac, hess, hessp
        As `scipy.optimize.minimize`, `least_squares` or `root` takes them.
    seed : int
    model : callable, optional
        ``fun`` of x in plain NumPy, as in `assert_gradient`.

    Returns
    -------
    dict of str to CheckReport

    Raises
    ------
    WrongDerivativeError, UncheckableError
        As in `assert_gradient`, of the first that is not right.
    OptionError
        If there is nothing to check, or a Hessian without ``jac``.

    Examples
    --------
    >>> from scipy.optimize import rosen, rosen_der, rosen_hess, rosen_hess_prod
    >>> found = assert_scipy(rosen, [1.3, 0.7, 0.8], jac=rosen_der, hess=rosen_hess, hessp=rosen_hess_prod)
    >>> list(found)
    ['jac', 'hess', 'hessp']
    """
    __tracebackhide__ = True
    f = from_scipy(fun, args=args, jac=jac, hess=hess, hessp=hessp)
    if f.jac is None:
        raise OptionError(
            f"jac is {jac!r}: there is no derivative of yours to check. Expected a function, or True where "
            "fun gives value and gradient; hess and hessp are judged by it."
        )
    x, slope = np.atleast_1d(np.asarray(x0)), f.jac
    found = {"jac": held("jac", lambda: _check(f.value, slope, x, seed), by_model(model))}
    if f.hess is not None:
        found["hess"] = held("hess", lambda: check_jacobian(slope, f.hess, x, seed=seed), by_model(None))
    if f.hessp is not None:
        product, p = f.hessp, np.random.default_rng(seed).standard_normal(x.size)
        along = Pair(lambda v: p @ slope(v), lambda v: product(v, p))
        found["hessp"] = held("hessp", lambda: check_gradient(*along, x, seed=seed), by_model(None))
    return found


def _check(value: Function, jac: Any, x: Array, seed: int) -> CheckReport:
    """As a gradient where fun gives a number, in an array or not; else as a Jacobian."""
    try:
        is_number = np.size(value(x)) == 1 and np.ndim(jac(x)) < 2
    except Exception:  # somebody's code: the check says what fails
        is_number = True
    return (check_gradient if is_number else check_jacobian)(value, jac, x, seed=seed)
