"""Whether a derivative is off by rounding alone: where 1 - tanh² u is 1e-17, doubles have no digit of it.

A printed line is computed with every result moved a little. The results inside compiled code cannot be moved,
so its inputs are: each rounding on the way is another one then, and what is left of terms that cancel shows
it.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.diagnosis.noisy import NoisyDoubles
from chainrule.diagnosis.points import SheetPoint, beside
from chainrule.diagnosis.subjects import Subject
from chainrule.diagnosis.witness import USELESS
from chainrule.equations.language.arithmetic import Allowance, Decimals
from chainrule.errors import ChainruleError

Array = NDArray[Any]

RUNS = 3
MOST_WORK = 2_000_000
"""Operations on decimals: about a second."""
FACTOR = 4.0
"""Of what a few units in the last place of every result do: code rounds elsewhere than a sheet."""


class Rounding:
    """What rounding does to the derivatives at a point, and what they are without; found when asked for."""

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
        return {name: np.ptp([run[name] for run in runs], axis=0) for name in runs[0]}

    @cached_property
    def scatter(self) -> dict[str, float]:
        """How far an entry of each compiled derivative moves with the last places of the point, at most.

        With a kernel matrix near I, Xᵀ diag(W 𝟏) X - Xᵀ W X leaves 1e-12 of terms of size 1. A single entry
        may stay by chance.
        """
        rng, sheet = np.random.default_rng(0), self.subject.equations.sheet
        points = [self.point, *(beside(sheet, self.point, rng) for _ in range(RUNS))]
        try:
            runs = [self.subject.compiled(point) for point in points]
        except ChainruleError:
            return {}
        return {
            name: float(np.max(np.ptp([run[name] for run in runs], axis=0), initial=0.0)) for name in runs[0]
        }

    @property
    def leaves_slopes(self) -> bool:
        """Whether the largest compiled slope is more than rounding."""
        if not self.scatter:
            return True  # without code there is nothing to tell it by
        slopes = self.subject.compiled(self.point).values()
        largest = max(np.max(np.abs(one), initial=0.0) for one in slopes)
        return bool(max(self.scatter.values()) <= USELESS * largest)
