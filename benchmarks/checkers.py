"""Other libraries' gradient checkers on a loss and a claimed gradient in NumPy, where they are installed.

Each is given what its users give it: a function with a backward pass of their own, whose values are ours.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.peers import installed

Checker = Callable[[Any, Any], bool]
"""Whether a claimed gradient of a network is rejected."""

NEEDS = {"SciPy": "scipy", "torch slow": "torch", "torch fast": "torch", "JAX": "jax", "autograd": "autograd"}


def absent() -> dict[str, str]:
    """The checkers that stand nowhere, with the reason."""
    return {name: f"{needed} is not installed" for name, needed in NEEDS.items() if not installed(needed)}


def checkers() -> dict[str, Checker]:
    """Those whose library is installed."""
    made: dict[str, Checker] = {
        "SciPy": scipy_rejects,
        "torch slow": lambda net, claimed: torch_rejects(net, claimed, fast=False),
        "torch fast": lambda net, claimed: torch_rejects(net, claimed, fast=True),
        "JAX": jax_rejects,
        "autograd": autograd_rejects,
    }
    return {name: checker for name, checker in made.items() if installed(NEEDS[name])}


def scipy_rejects(net: Any, claimed: Any) -> bool:
    """`scipy.optimize.check_grad` gives a norm; more than 1e-4 of the gradient's is taken for a no."""
    from scipy.optimize import check_grad

    names = list(net.at)

    def loss(vector: np.ndarray) -> float:
        return float(net.loss(split(net, vector)))

    error = check_grad(loss, lambda vector: joined(claimed, names), joined(net.at, names))
    return bool(error > 1e-4 * np.linalg.norm(joined(claimed, names)))


def torch_rejects(net: Any, claimed: Any, fast: bool) -> bool:
    """`torch.autograd.gradcheck` of a Function with the claim as its backward pass."""
    import torch

    names = list(net.at)

    class Loss(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *arrays: Any) -> Any:
            values = {name: array.detach().numpy() for name, array in zip(names, arrays, strict=True)}
            return torch.tensor(float(net.loss(values)), dtype=torch.float64)

        @staticmethod
        def backward(ctx: Any, above: Any) -> Any:
            return tuple(above * torch.tensor(claimed[name]) for name in names)

    inputs = tuple(torch.tensor(net.at[name], requires_grad=True) for name in names)
    return not torch.autograd.gradcheck(Loss.apply, inputs, fast_mode=fast, raise_exception=False)


def jax_rejects(net: Any, claimed: Any) -> bool:
    """`jax.test_util.check_grads` of a function with a custom rule, in reverse mode."""
    import jax
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)

    @jax.custom_vjp
    def loss(values: Any) -> Any:
        Z = jax.numpy.asarray(net.X)
        for layer in range(1, net.depth + 1):
            Z = Z @ values[f"W{layer}"].T + values[f"b{layer}"]
            if layer < net.depth:
                Z = jax.numpy.tanh(Z) if net.act == "tanh" else jax.nn.relu(Z)
        return jax.numpy.mean(jax.scipy.special.logsumexp(Z, axis=1) - Z[np.arange(len(Z)), net.y])

    loss.defvjp(
        lambda values: (loss(values), None),
        lambda _, above: ({name: above * jax.numpy.asarray(g) for name, g in claimed.items()},),
    )
    try:
        check_grads(loss, (dict(net.at),), order=1, modes=["rev"])
    except AssertionError:
        return True
    return False


def autograd_rejects(net: Any, claimed: Any) -> bool:
    """`autograd.test_util.check_grads` of a primitive with a rule of its own, in reverse mode."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from autograd.extend import defvjp, primitive
        from autograd.test_util import check_grads

    names = list(net.at)
    loss = primitive(lambda vector: float(net.loss(split(net, vector))))
    defvjp(loss, lambda _, vector: lambda above: above * joined(claimed, names))
    try:
        check_grads(loss, modes=["rev"], order=1)(joined(net.at, names))
    except AssertionError:
        return True
    return False


def joined(values: Any, names: list[str]) -> np.ndarray:
    """Arrays by name as one vector."""
    return np.concatenate([np.ravel(values[name]) for name in names])


def split(net: Any, vector: np.ndarray) -> dict[str, np.ndarray]:
    """One vector as arrays by name."""
    ends = np.cumsum([array.size for array in net.at.values()])
    pieces = np.split(vector, ends[:-1])
    return {name: piece.reshape(net.at[name].shape) for name, piece in zip(net.at, pieces, strict=True)}
