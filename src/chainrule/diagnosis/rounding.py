"""Whether a derivative is off by rounding alone: where 1 - tanh² u is 1e-17, doubles have no digit of it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.diagnosis.points import SheetPoint
from chainrule.diagnosis.subjects import Subject
from chainrule.equations.language.arithmetic import Allowance, Decimals, NoisyDoubles
from chainrule.errors import ChainruleError

__all__ = ["FACTOR", "Rounding"]

Array = NDArray[Any]

RUNS = 3
MOST_WORK = 2_000_000
"""Operations on decimals: about a second."""
FACTOR = 4.0
"""Of what a few units in the last place of every result do: code rounds elsewhere than a sheet."""


class Rounding:
    """What rounding does to the printed lines at a point, and what they are without; found when asked for."""

    def __init__(self, subject: Subject, point: SheetPoint) -> None:
        self.subject, self.point = subject, point

    @cached_property
    def exact(self) -> dict[str, Array]:
        """The printed lines in decimals; none where these cannot compute them."""
        try:
            found = self.subject.printed_in(self.point, Decimals(allowance=Allowance(MOST_WORK)))
        except ChainruleError:
            return {}
        return {name: value.astype(float) for name, value in found.items()}

    @cached_property
    def noise(self) -> dict[str, Array]:
        """How far rounding may move every entry of the printed lines."""
        try:
            runs = [
                self.subject.printed_in(self.point, NoisyDoubles(np.random.default_rng(seed)))
                for seed in range(RUNS)
            ]
        except ChainruleError:
            return {}
        return {name: FACTOR * np.ptp([run[name] for run in runs], axis=0) for name in runs[0]}
