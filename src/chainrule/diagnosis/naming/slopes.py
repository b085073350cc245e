"""Slips in the slope of a function with a name: at one place, at every place of it, at every hidden layer."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.diagnosis.naming.functions import ACTIVATIONS, FUNCTIONS
from chainrule.diagnosis.naming.mutant import Mutant, against
from chainrule.diagnosis.naming.operands import is_square
from chainrule.diagnosis.naming.passage import Passage, Region
from chainrule.diagnosis.naming.tape import Node

Array = NDArray[Any]


class Slip(NamedTuple):
    """A slope in the place of the right one; ``kind`` tells it from others of the same function."""

    kind: str
    word: str
    sentence: str
    slope: Array
    rank: int


def slopes(passage: Passage) -> Iterator[Mutant]:
    """At each function, at all of the same name, and at all that a product follows."""
    named: dict[str, dict[int, Region]] = {}
    for region in passage.regions:
        if region.end.place in passage.cotangents:
            # Of two starts the nearer: its steps are all the function's own.
            named.setdefault(region.function.name, {})[region.end.place] = region
            yield from _at_one(passage, region)
    groups = {f"every {name}": list(regions.values()) for name, regions in named.items()}
    hidden = {
        place: region
        for regions in named.values()
        for place, region in regions.items()
        if region.function in ACTIVATIONS
        and any(edge.node.kind == "contract" for edge in passage.into.get(place, ()))
    }
    if all(set(hidden) != set(regions) for regions in named.values()):
        groups["every hidden function"] = list(hidden.values())
    for place, regions in groups.items():
        if len(regions) > 1:
            yield from _at_all(passage, place, regions)


def _at_one(passage: Passage, region: Region) -> Iterator[Mutant]:
    place = f"{region.function.name} behind {', '.join(passage.near(region.start)) or 'the inputs'}"
    cotangent = passage.cotangents[region.end.place]
    for slip in _slips(region):
        change = cotangent * (slip.slope - region.slope)
        yield Mutant(slip.word, place, slip.sentence, ((region.start, change),), slip.rank, _also(slip))
    if is_square(cotangent):
        sentence = "a matrix product stands where entry is multiplied by entry"
        for array in (cotangent @ region.slope, region.slope @ cotangent):
            change = array - cotangent * region.slope
            yield Mutant("elementwise", place, sentence, ((region.start, change),), 4)


def _at_all(passage: Passage, place: str, regions: list[Region]) -> Iterator[Mutant]:
    tables = [{slip.kind: slip for slip in (*_slips(region), *_scaled(region))} for region in regions]
    for kind in dict.fromkeys(kind for table in tables for kind in table):
        chosen = [table.get(kind) for table in tables]
        jumps = {
            region.end.place: (region, slip.slope)
            for region, slip in zip(regions, chosen, strict=True)
            if slip is not None
        }
        slip = next(slip for slip in chosen if slip is not None)
        if len(jumps) > 1:
            changes = against(passage, _rerun(passage, jumps))
            yield Mutant(
                slip.word,
                place,
                slip.sentence,
                changes,
                slip.rank + 1,
                _also(slip),
                again=partial(_again, passage, jumps),
            )


def _again(passage: Passage, jumps: dict[int, tuple[Region, Array]]) -> Passage:
    return passage.having(_rerun(passage, jumps))


def _also(slip: Slip) -> tuple[str, ...]:
    return ("activation",) if slip.word == "factor" else ()


def _slips(region: Region) -> Iterator[Slip]:
    word, later = _word(region)
    with np.errstate(all="ignore"):
        for kind, sentence, slope, rank in (*_forms(region), *_others(region), *_sides(region)):
            yield Slip(kind, word, sentence, slope, rank + later)


def _word(region: Region) -> tuple[str, int]:
    if region.function in ACTIVATIONS:
        return "activation", 0
    return ("branch" if region.function.name == "abs" else "factor"), 2


def _forms(region: Region) -> Iterator[tuple[str, str, Array, int]]:
    """Of the function itself."""
    u, v, f = region.start.value, region.end.value, region.function
    of = f"the derivative of {f.name}"
    yield "none", f"{of} is left out", np.ones(u.shape), 1
    yield "value", f"{f.name} itself stands in place of its derivative", v, 3
    yield "twice", f"{of} is there twice", region.slope**2, 3
    yield "divided", f"{of} is divided by, not multiplied with", 1 / region.slope, 5
    at_value = f"{of} is evaluated at the function's value, not at its argument"
    yield "at value", at_value, f.slope(v, f.value(v)), 2
    yield "at argument", f"{of}, written in the value, is evaluated at the argument", f.slope(u, u), 2
    yield "rest", f"1 - {f.name} stands for {of}", 1 - v, 4


def _others(region: Region) -> Iterator[tuple[str, str, Array, int]]:
    """Of other functions, at the argument and at the value."""
    u, v, f = region.start.value, region.end.value, region.function
    for other in FUNCTIONS:
        if other.name != f.name:
            words = f"the derivative of {other.name}"
            sentence = f"{words} stands for that of {f.name}"
            yield other.name, sentence, other.slope(u, other.value(u)), 3
            at_value = other.slope(u, v) if other.by_value else other.slope(v, other.value(v))
            sentence = f"{words}, at the function's value, stands for that of {f.name}"
            yield f"{other.name} at value", sentence, at_value, 3


def _sides(region: Region) -> Iterator[tuple[str, str, Array, int]]:
    """Of the other side of a kink at 0."""
    u, v, f = region.start.value, region.end.value, region.function.name
    if f.endswith("relu") or np.any(u == 0):
        yield "one", f"the derivative of {f} is 1 wherever its value is not negative", (v >= 0) * 1.0, 2
        yield "other side", f"the derivative of {f} is that of the other side", (u <= 0) * 1.0, 4


def _scaled(region: Region) -> Iterator[Slip]:
    yield Slip("sign", "sign", "what passes has the wrong sign", -region.slope, 3)
    for number in (2.0, 0.5):
        sentence = f"what passes is {number:g} times what it should be"
        yield Slip(f"{number:g}", "constant", sentence, number * region.slope, 4)


def _rerun(passage: Passage, jumps: dict[int, tuple[Region, Array]]) -> dict[int, Array]:
    """The run back again, with another slope from the end of each region to its start."""
    found: dict[int, Array] = {passage.root.place: np.ones(passage.root.value.shape)}
    for node in reversed(passage.nodes):
        if node.place not in found:
            continue
        for operand, part in _handed_back(node, found[node.place], jumps):
            found[operand.place] = found[operand.place] + part if operand.place in found else part
    return found


def _handed_back(
    node: Node, cotangent: Array, jumps: dict[int, tuple[Region, Array]]
) -> Iterator[tuple[Node, Array]]:
    if node.place in jumps:
        region, slope = jumps[node.place]
        yield region.start, cotangent * slope
        return
    for k, operand in enumerate(node.operands):
        if operand.moves:
            yield operand, node.back(k, cotangent)
