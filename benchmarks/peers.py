"""The same quantities by JAX, torch and SymPy, where they are installed; nothing here is a dependency.

A loss is written once for both array libraries, over a namespace of the few functions they call differently.
JAX is compiled (``jit``), torch runs eagerly; both in float64 and on one thread: JAX has no option for it, so
its pool of threads is made while the process may run on one core only.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np

Loss = Callable[[SimpleNamespace], Callable[..., Any]]
Function = Callable[[], np.ndarray]


NAMES = {"jax": "JAX", "torch": "torch", "sympy": "SymPy", "sklearn": "scikit-learn", "pandas": "pandas"}


def installed(name: str) -> bool:
    """Whether a peer can be imported."""
    return importlib.util.find_spec(name) is not None


def missing() -> dict[str, str]:
    """The peers that stand nowhere, with the reason."""
    reason = "not installed (pip install -r benchmarks/peers.txt)"
    return {said: reason for name, said in NAMES.items() if not installed(name)}


@contextmanager
def _one_core() -> Iterator[None]:
    """The process on one core; threads that are made meanwhile stay there."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def _jax() -> SimpleNamespace:
    with _one_core():
        import jax

        jax.config.update("jax_enable_x64", True)
        jax.numpy.zeros(1).block_until_ready()
    np_like = jax.numpy
    return SimpleNamespace(
        library=jax,
        array=np_like.asarray,
        tanh=np_like.tanh,
        relu=jax.nn.relu,
        softplus=jax.nn.softplus,
        logsumexp=lambda F: jax.scipy.special.logsumexp(F, axis=1),
        numpy=np.asarray,
    )


def _torch() -> SimpleNamespace:
    import torch

    torch.set_num_threads(1)
    return SimpleNamespace(
        library=torch,
        array=torch.tensor,
        tanh=torch.tanh,
        relu=torch.relu,
        softplus=torch.nn.functional.softplus,
        logsumexp=lambda F: torch.logsumexp(F, dim=1),
        numpy=lambda array: array.detach().numpy(),
    )


def hessians(loss: Loss, at: np.ndarray) -> dict[str, Function]:
    """The dense Hessian of a loss of one array: ``jax.hessian`` and ``torch.func.hessian``."""
    peers: dict[str, Function] = {}
    if installed("jax"):
        ops = _jax()
        compiled, place = ops.library.jit(ops.library.hessian(loss(ops))), ops.array(at)
        peers["JAX"] = lambda: np.asarray(compiled(place))
    if installed("torch"):
        ops_t = _torch()
        function, there = loss(ops_t), ops_t.array(at)
        peers["torch"] = lambda: ops_t.library.func.hessian(function)(there).numpy()
    return peers


def gradients(loss: Loss, at: Sequence[np.ndarray]) -> dict[str, Function]:
    """Value and gradient of a loss of several arrays; the gradient as one vector."""
    peers: dict[str, Function] = {}
    if installed("jax"):
        ops = _jax()
        compiled = ops.library.jit(ops.library.value_and_grad(loss(ops), tuple(range(len(at)))))
        places = [ops.array(array) for array in at]
        peers["JAX"] = lambda: _vector(compiled(*places)[1])
    if installed("torch"):
        ops_t = _torch()
        function = loss(ops_t)
        there = [ops_t.array(array).requires_grad_() for array in at]
        peers["torch"] = lambda: _vector(ops_t.library.autograd.grad(function(*there), there))
    return peers


def products(loss: Loss, at: Sequence[np.ndarray], ways: Sequence[np.ndarray]) -> dict[str, Function]:
    """The Hessian times a direction: forward over reverse in JAX, reverse over reverse in torch."""
    peers: dict[str, Function] = {}
    if installed("jax"):
        ops = _jax()
        jax = ops.library
        gradient = jax.grad(loss(ops), tuple(range(len(at))))
        compiled = jax.jit(lambda point, way: jax.jvp(gradient, point, way)[1])
        places, along = (tuple(ops.array(array) for array in arrays) for arrays in (at, ways))
        peers["JAX"] = lambda: _vector(compiled(places, along))
    if installed("torch"):
        ops_t = _torch()
        torch, function = ops_t.library, loss(ops_t)
        there = [ops_t.array(array).requires_grad_() for array in at]
        directions = [ops_t.array(array) for array in ways]

        def twice() -> np.ndarray:
            first = torch.autograd.grad(function(*there), there, create_graph=True)
            return _vector(torch.autograd.grad(first, there, directions))

        peers["torch"] = twice
    return peers


def _vector(arrays: Sequence[Any]) -> np.ndarray:
    """Arrays as one vector, matrices column by column as θ has them."""
    return np.concatenate([np.asarray(array).ravel(order="F") for array in arrays])


def sympy_hessian(features: int = 6) -> object:
    """SymPy's Hessian of one logistic term, entry by entry."""
    import sympy

    b, x = (sympy.Matrix(sympy.symbols(f"{letter}:{features}")) for letter in "bx")
    return sympy.hessian(sympy.log(1 + sympy.exp((x.T * b)[0])), list(b))
