"""What the verdicts on several blocks tell together: exchanged names, the layer at which an error enters."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from chainrule.checking.probe import Probe
from chainrule.checking.report import BlockVerdict


def remarks_among(probes: Sequence[Probe], verdicts: Mapping[str, BlockVerdict]) -> list[str]:
    """Sentences on a derivative as a whole, none where there is nothing to be said."""
    wrong = [probe for probe in probes if verdicts[probe.block.name].status == "wrong"]
    held = {
        probe.block.name: other.block.name
        for probe in wrong
        for other in wrong
        if other is not probe and _is_of(probe, other)
    }
    exchanged = [
        f"{a} and {b} are exchanged: each is right under the other's name"
        for a, b in held.items()
        if held.get(b) == a and a < b
    ]
    return exchanged or _enters(verdicts)


def _is_of(probe: Probe, other: Probe) -> bool:
    """Whether what is claimed for another block is right for this one."""
    if probe.claimed.shape != other.claimed.shape or probe.block.shape != other.block.shape:
        return False
    given = replace(probe, claimed=other.claimed)
    is_something = bool(np.any(np.abs(probe.slope.value) > given.allowed(probe.slope)))
    return is_something and bool(np.all(given.off <= given.allowed(probe.slope)))


def _enters(verdicts: Mapping[str, BlockVerdict]) -> list[str]:
    """Where an error enters on the way back: all blocks up to a layer are wrong, and all beyond it right."""
    layers: dict[str, list[str]] = {}
    for name in verdicts:
        number = re.search(r"\d+$", name)
        if number is None:
            return []
        layers.setdefault(number[0], []).append(name)
    wrong = [[verdicts[name].status == "wrong" for name in names] for names in layers.values()]
    count = sum(map(all, wrong))
    decided = all(verdict.status != "not checkable" for verdict in verdicts.values())
    if (
        not decided
        or not 0 < count < len(wrong)
        or any(map(any, wrong[count:]))
        or not all(map(all, wrong[:count]))
    ):
        return []
    order = list(layers)
    before, beyond = (
        [name for each in part for name in layers[each]] for part in (order[:count], order[count:])
    )
    if len(before) < 2:
        return []
    return [
        f"{_listed(beyond)} right, {_listed(before)} wrong: on the way back the error enters between layers "
        f"{order[count]} and {order[count - 1]}"
    ]


def _listed(names: Sequence[str]) -> str:
    return " and ".join(names) if len(names) < 3 else f"{names[0]} to {names[-1]}"
