"""The error of differences against their step: a V where a gradient is right, flat where it is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.checking.subject import Subject
from chainrule.drawing.charts import Series, log_chart
from chainrule.drawing.document import Name, Part, Picture, Table, markdown, notebook_html
from chainrule.errors import OptionError, UncheckableError
from chainrule.numerals import numeral

Array = NDArray[Any]

STEPS = tuple(float(f"1e-{k}") for k in range(1, 13))
"""In units of the block: from where the function bends to where rounding is all."""
DRAWN = 3
"""Lines that can be told apart."""


@dataclass(frozen=True)
class StepCurve:
    """How far central differences are from a claimed gradient, at several steps.

    An error that falls as h² and rises again by rounding is a right gradient; one that stays where it is as
    the step shrinks is the mistake itself; one that jumps is a kink.

    Parameters
    ----------
    steps : tuple of float
        In units of the block: times the root mean square of its entries.
    errors : dict of str to tuple of float
        For each block |difference - claim| along one random direction, relative to the larger of the two.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule.checking import check_gradient
    >>> report = check_gradient(lambda x: np.sum(np.sin(x)), np.cos, np.array([0.5, 1.0, 2.0]))
    >>> print(report.step_curve())
    step  x
    ...
    """

    steps: tuple[float, ...]
    errors: Mapping[str, tuple[float, ...]]

    def __str__(self) -> str:
        heads = ["step", *self.errors]
        rows = [
            [numeral(h, 1), *(numeral(e[k], 1) for e in self.errors.values())]
            for k, h in enumerate(self.steps)
        ]
        widths = [max(len(row[k]) for row in (heads, *rows)) for k in range(len(heads))]
        lines = [
            "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in (heads, *rows)
        ]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able mapping; errors that are not finite become None."""
        errors = {
            name: [float(e) if np.isfinite(e) else None for e in every] for name, every in self.errors.items()
        }
        return {"steps": list(self.steps), "errors": errors}

    def parts(self) -> list[Part]:
        """The curve of the blocks that are off most, and the least error of each."""
        least = {name: min(every) for name, every in self.errors.items()}
        shown = sorted(least, key=lambda name: -least[name])[:DRAWN]
        series = [Series(name, self.steps, self.errors[name]) for name in self.errors if name in shown]
        said = "; ".join(f"{name} falls to {numeral(least[name], 1)}" for name in shown)
        chart = log_chart(series, "step", "error", f"Errors of differences against their step: {said}.")
        caption = "Error of differences against their step: a V is right, flat is wrong, a jump is a kink"
        at = {name: self.steps[int(np.argmin(every))] for name, every in self.errors.items()}
        rows = [[Name(name), numeral(least[name], 1), numeral(at[name], 1)] for name in least]
        return [
            Picture(chart, caption),
            Table(("Block", "Least error", "At step"), rows, "Where the error of differences is least."),
        ]

    def markdown(self) -> str:
        """The least errors, as GitHub renders them."""
        return markdown(self.parts())

    def _repr_html_(self) -> str:
        return notebook_html(self.parts())


def step_curve(subject: Subject | None, seed: int = 0) -> StepCurve:
    """Evaluate the loss on both sides of the point, at every step and along one direction a block.

    Raises
    ------
    OptionError
        If the report has left its loss behind, or is of a Jacobian.
    UncheckableError
        If the loss fails.
    """
    if subject is None:
        raise OptionError("The report has no loss to evaluate, as of a pickle. Check a gradient again.")
    rng, errors = np.random.default_rng(seed), {}
    for block in subject.point.blocks:
        claim = subject.claims[block.name].array
        if claim is None:
            continue
        if claim.shape != block.shape:
            raise OptionError("A curve belongs to a gradient; this report is of a Jacobian.")
        direction = np.zeros(subject.point.vector.size)
        direction[block.start : block.stop] = block.scale * rng.standard_normal(block.size)
        slope = float(claim.ravel() @ direction[block.start : block.stop])
        errors[block.name] = tuple(_error(_difference(subject, h * direction) / h, slope) for h in STEPS)
    return StepCurve(STEPS, errors)


def _difference(subject: Subject, step: Array) -> float:
    point = subject.point
    try:
        with np.errstate(all="ignore"):
            ends = [
                subject.function(point.rebuild(point.vector + sign * step, np.float64)) for sign in (1, -1)
            ]
            return float(np.real(ends[0] - ends[1])) / 2
    except Exception as error:  # somebody's code
        raise UncheckableError(f"The loss fails beside the point: {type(error).__name__}: {error}") from error


def _error(difference: float, claim: float) -> float:
    size = max(abs(difference), abs(claim))
    return abs(difference - claim) / size if size > 0 else 0.0
