"""Functions that are known by name, with their slopes: what a reader calls them, and mixes up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.diagnosis.naming.operations import MAPS, sigmoid

Array = NDArray[Any]


@dataclass(frozen=True)
class Function:
    """A function of one entry.

    Parameters
    ----------
    name : str
    value : callable
        Of the entry u.
    slope : callable
        Of the entry u and the value v; as people write it, in v where they do.
    by_value : bool
        Whether people write the slope in the value, as 1 - tanh²: then it is mixed up by putting u there.
    """

    name: str
    value: Callable[[Array], Array]
    slope: Callable[[Array, Array], Array]
    by_value: bool = False


def _leaky(share: float) -> Function:
    return Function(
        f"leaky relu ({share:g})",
        lambda u: np.where(u > 0, u, share * u),
        lambda u, v: np.where(u > 0, 1.0, share),
    )


def _elementary(name: str, by_value: bool = False) -> Function:
    one = MAPS[name]
    return Function(
        name,
        lambda u: one.value([u], ()),
        lambda u, v: one.adjoint(0, np.ones(u.shape), [u], (), v),
        by_value,
    )


ACTIVATIONS = (
    _elementary("tanh", by_value=True),
    _elementary("sigmoid", by_value=True),
    Function("relu", lambda u: np.where(u > 0, u, 0.0), lambda u, v: np.where(u > 0, 1.0, 0.0)),
    _leaky(0.01),
    _leaky(0.1),
    _leaky(0.2),
    Function("softplus", lambda u: np.logaddexp(0.0, u), lambda u, v: sigmoid(u)),
    Function(
        "elu",
        lambda u: np.where(u > 0, u, np.expm1(np.minimum(u, 0.0))),
        lambda u, v: np.where(u > 0, 1.0, np.exp(np.minimum(u, 0.0))),
    ),
    Function("silu", lambda u: u * sigmoid(u), lambda u, v: sigmoid(u) * (1 + u * (1 - sigmoid(u)))),
    Function("softsign", lambda u: u / (1 + np.abs(u)), lambda u, v: (1 + np.abs(u)) ** -2.0),
)
FUNCTIONS = (
    *ACTIVATIONS,
    *(_elementary(name) for name in ("exp", "log", "sqrt", "sin", "cos", "reciprocal", "arctan")),
    Function("square", lambda u: u**2, lambda u, v: 2 * u),
    Function("cube", lambda u: u**3, lambda u, v: 3 * u**2),
    Function("abs", np.abs, lambda u, v: np.sign(u)),
)

# Too rare to be taken for another.
SPECIAL = tuple(_elementary(name) for name in ("erf", "gammaln", "psi"))


def recognised(u: Array, v: Array) -> Function | None:
    """The function that takes u to v, entry by entry."""
    if np.ptp(u) == 0.0 if u.size else True:
        return None
    with np.errstate(all="ignore"):
        for one in (*FUNCTIONS, *SPECIAL):
            if np.allclose(one.value(u), v, rtol=1e-12, atol=1e-14 * float(np.max(np.abs(v), initial=0.0))):
                return one
    return None
