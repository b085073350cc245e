"""The loss of a sheet, as a function of its parameters at drawn or given values of everything else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.diagnosis.points import draw_point
from chainrule.equations import Equations
from chainrule.equations.language.given import given_values
from chainrule.errors import ChainruleError, OptionError, UncheckableError
from chainrule.near_misses import near_misses

Array = NDArray[Any]

EXAMPLES = 7
"""More than the other sizes have, and no multiple of a small one."""


@dataclass(frozen=True)
class SheetLoss:
    """A scalar of a sheet as a loss.

    Parameters
    ----------
    parameters, data : dict of str to ndarray
        Values of what is differentiated, and of what is not.
    value : callable
        The loss of a ``dict`` of parameters, also of complex ones.
    traced : callable
        The same in plain array code, for `diagnose`.
    examples : int or None
        Number of rows of the data, where they have rows.
    """

    parameters: Mapping[str, Array]
    data: Mapping[str, Array]
    value: Callable[[Mapping[str, Array]], Any]
    traced: Callable[[Mapping[str, Any]], Any]
    examples: int | None

    def __str__(self) -> str:
        """The shapes of everything."""
        every = {**self.data, **self.parameters}.items()
        return ", ".join(f"{name} {np.shape(value) or 'a number'}" for name, value in every)


def sheet_loss(
    equations: Equations,
    of: str,
    *,
    sizes: Mapping[str, int],
    batch: bool,
    reduction: Literal["mean", "sum"],
    penalty: str | None,
    given: Mapping[str, Array],
    seed: int,
) -> SheetLoss:
    """The loss ``of`` at values that are drawn where they are not given.

    Raises
    ------
    OptionError
        If a given name is none of the sheet.
    ShapeError
        If a given array does not fit the sheet, or the others.
    UncheckableError
        If the loss has no finite value there.
    """
    known = equations.sheet.declarations
    for name in given:
        if name not in known:
            raise OptionError(f"--at: the sheet declares no {name}{near_misses(name, known)}")
    over: dict[str, Any] = {"form": "batch", "reduction": reduction, "penalty": penalty} if batch else {}
    drawing = _Drawing(equations, given, equations.program.named("data") if batch else (), seed)
    for positive in (False, True):  # a sheet may take the logarithm of its parameters
        values, shown = drawing.values(sizes, positive)
        loss = _on(equations, of, values, shown, over)
        if np.isfinite(loss.value(loss.parameters)):
            return loss
    raise UncheckableError(f"{of} has no finite value at drawn numbers; give better ones by --at point.npz.")


@dataclass(frozen=True)
class _Drawing:
    """Values for everything a sheet declares; of those in ``stacked`` several rows."""

    equations: Equations
    given: Mapping[str, Array]
    stacked: tuple[str, ...]
    seed: int

    def values(self, sizes: Mapping[str, int], positive: bool) -> tuple[dict[str, Array], Mapping[str, int]]:
        sheet, rng = self.equations.sheet, np.random.default_rng(self.seed)
        single = {name: array[0] if name in self.stacked else array for name, array in self.given.items()}
        known = given_values(sheet, single, sizes)[1]
        counts = [len(array) for name, array in self.given.items() if name in self.stacked]
        turns = range(1, counts[0] if counts else EXAMPLES)
        first = draw_point(sheet, rng, known, positive=positive)
        rows = [draw_point(sheet, rng, first.sizes, turn=turn, positive=positive) for turn in turns]
        drawn = {name: np.stack([one.values[name] for one in (first, *rows)]) for name in self.stacked}
        return {**first.values, **drawn, **self.given}, first.sizes


def _on(
    equations: Equations,
    of: str,
    values: Mapping[str, Array],
    shown: Mapping[str, int],
    over: Mapping[str, Any],
) -> SheetLoss:
    wrt, exact = equations.parameters, equations.compile(of, **over)
    parameters = {name: np.asarray(values[name], dtype=np.float64) for name in wrt}
    data = {name: value for name, value in values.items() if name not in wrt}

    def value(at: Mapping[str, Array]) -> Any:
        every = {**data, **at}
        sizes = {name: shown[name] for name in exact.sizes}
        return exact(**{name: every[name] for name in exact.inputs}, **sizes)

    loss = SheetLoss(parameters, data, value, value, rows_of(data))
    try:
        plain = equations.compile(of, target="array_api", **over)
    except ChainruleError:  # erf and others have no counterpart there
        return loss

    def traced(at: Mapping[str, Any]) -> Any:
        every = {**shown, **data, **at}
        return plain.function(*(every[name] for name in (*plain.inputs, *plain.sizes)))[0]

    return replace(loss, traced=traced)


def rows_of(data: Mapping[str, Any]) -> int | None:
    """The number of examples: the first axis of all arrays of the data, if there are two and one is a matrix.

    A single x of length p and a number y are one example.
    """
    axes = [np.shape(array) for array in data.values() if np.ndim(array)]
    if len(axes) < 2 or len({shape[0] for shape in axes}) > 1 or max(map(len, axes)) < 2:
        return None
    return int(axes[0][0])
