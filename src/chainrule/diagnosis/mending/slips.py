"""All changes of a piece of a claim, each the way back from a mistake that people make."""

from __future__ import annotations

from collections.abc import Iterator

from chainrule.diagnosis.mending.arithmetic import brackets, dropped, functions, scales, signs, turned
from chainrule.diagnosis.mending.factors import inserted, slopes
from chainrule.diagnosis.mending.references import names, subscripts, sums
from chainrule.diagnosis.mending.slip import Slip, Spot
from chainrule.diagnosis.mending.surroundings import Surroundings

FAMILIES = (signs, functions, scales, dropped, names, turned, brackets, subscripts, sums, slopes, inserted)


def slips(spot: Spot, around: Surroundings) -> Iterator[Slip]:
    """All changes of a piece itself, not of its parts."""
    return (slip for family in FAMILIES for slip in family(spot, around))
