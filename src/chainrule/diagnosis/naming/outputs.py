"""A Jacobian as the gradient of one number, a mixture of the outputs, in which a mistake stays what it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.checking.shapes import Claim, read_claims
from chainrule.checking.subject import Subject

Array = NDArray[Any]


def mixed(subject: Subject) -> Subject:
    """The claim on a mixture of the outputs with weights that no two mistakes agree on by chance."""
    weights = _weights(subject.out_shape)

    def derivative(argument: Any) -> Any:
        assert subject.derivative is not None
        given = subject.derivative(argument)
        claims, _ = read_claims(given, subject.point, subject.out_shape, argument)
        return {name: claim.array for name, claim in _weighted(claims, weights).items()}

    return replace(
        subject,
        function=of_mixture(subject.function, subject.out_shape),
        derivative=derivative if subject.derivative else None,
        claims=_weighted(subject.claims, weights),
        out_shape=(),
        is_mixed=True,
    )


def of_mixture(function: Callable[[Any], Any], out_shape: tuple[int, ...]) -> Callable[[Any], Any]:
    """The same mixture of another function with these outputs."""
    weights = _weights(out_shape)
    return lambda argument: np.sum(weights * function(argument))


def _weights(shape: tuple[int, ...]) -> Array:
    rng = np.random.default_rng(4)
    return rng.choice((-1.0, 1.0), shape) * rng.uniform(0.5, 1.5, shape)


def _weighted(claims: Mapping[str, Claim], weights: Array) -> dict[str, Claim]:
    return {
        name: replace(claim, array=np.tensordot(weights, claim.array, weights.ndim))
        for name, claim in claims.items()
        if claim.array is not None
    }
