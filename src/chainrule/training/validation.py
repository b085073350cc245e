"""The rows that judge a run while it goes on: data beside those of training, or a share set aside of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.data import split_rows
from chainrule.errors import DataError, OptionError
from chainrule.objective import Objective
from chainrule.optimize.run import Score
from chainrule.optimize.state import Seed, State
from chainrule.options import real_number
from chainrule.parameters import Parameters
from chainrule.training.models import MakesObjectives, Problem, kind_of

Array = NDArray[Any]


def rows_aside(validation: Any, seed: Seed, before: State | None) -> tuple[int, float] | None:
    """Seed and share of the rows that are set aside, those of the run that goes on; None if none are.

    Raises
    ------
    OptionError
        If the run that goes on has been trained on such rows, or there is no seed.
    """
    if not isinstance(validation, float | np.floating):
        return None
    share = real_number("validation", validation, lambda share: 0 < share < 1, "a share between 0 and 1")
    if before is not None and before.epoch:
        if before.aside is None or before.aside[1] != share:
            which = "no rows" if before.aside is None else f"{before.aside[1]} of the rows"
            raise OptionError(
                f"validation is {share}, and the run that goes on has set {which} aside: it may have been "
                "trained on those that would judge it. Set the same share aside, or pass other data as "
                "validation."
            )
        return before.aside
    if not isinstance(seed, int | np.integer):
        raise OptionError(
            f"validation is {share} and seed {seed!r}; rows are set aside by a whole number as seed, which "
            "a run that goes on can know."
        )
    return int(seed), share


def objective_and_score(
    problem: Problem,
    data: Any,
    sample_weight: ArrayLike | None,
    validation: Any,
    validation_weight: ArrayLike | None,
    aside: tuple[int, float] | None,
) -> tuple[Objective, Score | None]:
    """What is minimised, and the validation score of a state; no score without validation.

    ``aside`` is that of `rows_aside`.

    Raises
    ------
    OptionError, ShapeError, DataError
        If the data do not fit the model or each other.
    """
    is_data = not (aside or validation is None or callable(validation) or isinstance(validation, Objective))
    if validation_weight is not None and not is_data:
        raise OptionError(
            "validation_weight needs validation data of its own: rows set aside of the training data have "
            "the weights they had there, an objective has its own, a function gives one number."
        )
    if aside:
        return _set_aside(problem, data, sample_weight, *aside)
    objective = problem.objective(data, sample_weight)
    if validation is None:
        return objective, None
    return objective, _score(problem, objective, validation, validation_weight)


def _set_aside(
    problem: Problem, data: Any, sample_weight: ArrayLike | None, seed: int, share: float
) -> tuple[Objective, Score]:
    """The objective of some rows, and its value on the others, each with its weight."""
    if not isinstance(problem.model, MakesObjectives):
        raise OptionError(f"validation is {share}; an objective holds its data, so none can be set aside.")
    whole = problem.objective(data, sample_weight)
    if whole.size < 2:
        raise DataError(f"validation is {share}, and there are not two examples to divide.")
    weight = np.ones(whole.size) if sample_weight is None else np.array(sample_weight, np.float64)
    _, aside = split_rows(whole.size, test=share, seed=seed)
    weight[np.flatnonzero(weight)[aside]] = 0.0
    training = replace(problem, sizes=getattr(whole, "sizes", problem.sizes))
    return training.objective(data, weight), lambda state: _value(whole, state, aside)


def _score(problem: Problem, objective: Objective, validation: Any, weight: ArrayLike | None) -> Score:
    """Of data like the training data, of an objective, or of a function."""
    spec = objective.parameters
    if callable(validation) and not isinstance(validation, Objective):
        return lambda state: float(validation(Parameters(spec, state.theta.copy())))
    is_objective = isinstance(validation, Objective)
    held_out = validation if is_objective else _like(problem, objective, validation, weight)
    if held_out.parameters != spec:
        raise DataError(
            f"The validation data give {held_out.parameters.zeros()!r}; "
            f"the training data give {spec.zeros()!r}."
        )
    return lambda state: _value(held_out, state)


def _like(problem: Problem, objective: Objective, data: Any, weight: ArrayLike | None) -> Objective:
    """The objective of other data at the sizes that the training data have fixed."""
    if not isinstance(problem.model, MakesObjectives):
        raise OptionError(
            f"validation is {kind_of(data)}; beside an objective it is another objective or a function of "
            "the parameters."
        )
    sizes: Mapping[str, int] | None = getattr(objective, "sizes", problem.sizes)
    return replace(problem, sizes=sizes).objective(data, weight)


def _value(objective: Objective, state: State, rows: Array | None = None) -> float:
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return float(objective.value(state.theta, rows))
