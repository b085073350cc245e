"""Scores of a sheet's prediction: a name evaluated row by row, beside the truth."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import special
from chainrule.cli.bindings import Binding, Bindings
from chainrule.data import Table
from chainrule.equations import Equations
from chainrule.errors import OptionError
from chainrule.parameters import Parameters
from chainrule.reports import ClassificationScores, RegressionScores, Scores

__all__ = ["score_sheet"]

Array = NDArray[Any]


def score_sheet(
    equations: Equations,
    name: str,
    target: str,
    parameters: Parameters,
    bindings: Bindings,
    training: Table,
    held_out: Table,
) -> Scores:
    """Score ``name`` as a prediction of ``target``.

    For labels a vector of K entries is taken as probabilities if it is one, else as scores of a softmax; a
    number as the probability of the second class if all are between 0 and 1, else as the score of a sigmoid.

    Raises
    ------
    OptionError
        If the shape of ``name`` does not fit the target.
    """
    binding = next(one for one in bindings.columns if one.name == target)
    values = _values(equations, name, parameters, bindings, held_out)
    if binding.encoder is None:
        truth, seen = (binding.values(rows) for rows in (held_out, training))
        # In units of the columns a number would be spread over several of them.
        if values.shape != truth.shape:
            raise OptionError(
                f"{name} has shape {values.shape[1:]}, {target} has {truth.shape[1:]} for each row."
            )
        return RegressionScores.of(*(_in_units(binding, one) for one in (truth, values, seen)))
    classes = binding.encoder.classes
    truth, seen = (binding.encoder.encode(rows[binding.columns[0]]) for rows in (held_out, training))
    return ClassificationScores.of(classes, truth, _probabilities(name, values, len(classes)), seen)


def _values(
    equations: Equations, name: str, parameters: Parameters, bindings: Bindings, table: Table
) -> Array:
    function = equations.compile(name)
    data: dict[str, Any] = bindings.data(table)
    stacked = [one.name for one in bindings.columns if one.name in function.inputs]
    fixed: dict[str, Any] = {
        one: value for one, value in {**bindings.numbers, **parameters}.items() if one in function.inputs
    }
    return np.array(
        [function(**fixed, **{one: data[one][row] for one in stacked}) for row in range(len(table))]
    )


def _probabilities(name: str, values: Array, count: int) -> Array:
    if values.ndim == 1 and count == 2:
        inside = np.all((values >= 0) & (values <= 1))
        second = values if inside else np.asarray(special.sigmoid(values))
        return np.column_stack([1 - second, second])
    if values.shape[1:] != (count,):
        raise OptionError(
            f"{name} has shape {values.shape[1:]} for each row; {count} classes need ({count},)."
        )
    is_distribution = np.all(values >= 0) and np.allclose(values.sum(axis=1), 1, rtol=1e-9)
    return values if is_distribution else np.asarray(special.softmax(values))


def _in_units(binding: Binding, values: Array) -> Array:
    columns = values if values.ndim > 1 else values[:, None]
    return columns * binding.scale + binding.center
