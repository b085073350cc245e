"""Derivatives in test suites: assertions, and other libraries' functions as the checks take them.

With pytest, ``chainrule.pytest_plugin`` shows what they raise in a few lines, and a check that could not run
as an outcome of its own.
"""

from chainrule.testing.adapters import Pair, ScipyFunctions, assert_scipy, from_jax, from_scipy, from_torch
from chainrule.testing.assertions import Assertions, assert_gradient, assert_hessian, assert_jacobian

__all__ = [
    "Assertions",
    "Pair",
    "ScipyFunctions",
    "assert_gradient",
    "assert_hessian",
    "assert_jacobian",
    "assert_scipy",
    "from_jax",
    "from_scipy",
    "from_torch",
]
