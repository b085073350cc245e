"""The form of a local derivative: what stands between an argument and the result that it is in."""

from collections.abc import Hashable, Sequence
from fractions import Fraction
from typing import NamedTuple

from chainrule.equations.nodes.blocks import Parts
from chainrule.equations.nodes.nodes import Node

Labels = tuple[Hashable, ...]


class Slope(NamedTuple):
    """One term of ∂ result / ∂ argument: a product over labels.

    A label of ``out`` or ``arg`` that no factor has runs through both: an identity; one that only ``arg`` has
    is summed, so that the result moves with every entry alike.

    Parameters
    ----------
    place : int
        Which argument of the node.
    factors : sequence of (Node, labels)
    out : labels
        Of the axes of the result.
    arg : labels
        Of the axes of the argument; one may stand twice, for a diagonal.
    coefficient : Fraction
    out_parts, arg_parts : sequence of sizes
        Where several labels run through one axis, as through those of a Kronecker product: for each axis the
        sizes of its parts, and ``out`` or ``arg`` has a label for each.
    """

    place: int
    factors: Sequence[tuple[Node, Labels]]
    out: Labels
    arg: Labels
    coefficient: Fraction | int = 1
    out_parts: Sequence[Parts] = ()
    arg_parts: Sequence[Parts] = ()
