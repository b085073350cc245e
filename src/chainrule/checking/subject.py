"""What a report was made of, kept for who asks on: the function, the claim, the point."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chainrule.checking.point import Point
from chainrule.checking.shapes import Claim


@dataclass(frozen=True, repr=False, eq=False)
class Subject:
    """What was judged.

    Parameters
    ----------
    function : callable
        As `check_gradient` takes it.
    derivative : callable or None
        The claim at any point; None where values were given.
    claims : dict of str to Claim
        By block.
    point : Point
    examples : int or None
    out_shape : tuple of int
        Of the function's value; () for a loss.
    is_mixed : bool
        Whether the loss is a mixture of the outputs of another function.
    """

    function: Callable[[Any], Any]
    derivative: Callable[[Any], Any] | None
    claims: Mapping[str, Claim]
    point: Point
    examples: int | None
    out_shape: tuple[int, ...] = ()
    is_mixed: bool = False
