"""What a report was asked about, in the arrays that a diagnosis works on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.checking.point import Point
from chainrule.checking.shapes import Claim, read_claims
from chainrule.checking.subject import Subject
from chainrule.diagnosis.naming.match import TOLERANCE

Array = NDArray[Any]
Claims = Mapping[str, Claim]


def arrays_of(point: Point) -> dict[str, Array]:
    """The blocks of a point."""
    return {b.name: point.vector[b.start : b.stop].reshape(b.shape) for b in point.blocks}


def claimed_of(claims: Claims) -> dict[str, Array]:
    """The blocks of a claim that have the right shape."""
    return {name: claim.array for name, claim in claims.items() if claim.array is not None}


def tolerance_of(claims: Claims) -> float:
    """How far entries of a claim may be off by rounding, relative to the largest of their block."""
    return max(TOLERANCE, 40 * max(float(np.finfo(claim.dtype).eps) for claim in claims.values()))


def moved(point: Point) -> Point:
    """A second point, near the first."""
    rng = np.random.default_rng(3)
    scales = np.concatenate([np.full(block.size, block.scale) for block in point.blocks])
    return replace(point, vector=point.vector + 0.1 * scales * rng.standard_normal(point.vector.size))


def claims_at(subject: Subject, point: Point) -> Claims:
    """What is claimed at another point, where the claim is a function."""
    assert subject.derivative is not None
    argument = point.rebuild(point.vector, point.dtype)
    claims, _ = read_claims(subject.derivative(argument), point, subject.out_shape, argument)
    return claims
