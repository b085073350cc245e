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
    binding = _bound(bindings, target)
    values = _values(equations, name, parameters, bindings, held_out)
    _require_shape(name, values, binding, held_out)
    if binding.encoder is None:
        truth, seen = (binding.values(rows) for rows in (held_out, training))
        y, guess, known = (_in_units(binding, one) for one in (truth, values, seen))
        return RegressionScores.of(y, guess, known, names=tuple(binding.columns))
    classes = binding.encoder.classes
    truth, seen = (binding.encoder.encode(rows[binding.columns[0]]) for rows in (held_out, training))
    return ClassificationScores.of(classes, truth, _probabilities(values, len(classes)), seen)


def require_prediction(
    equations: Equations, name: str, target: str, parameters: Parameters, bindings: Bindings, table: Table
) -> None:
    """Make sure that a name can be scored as a prediction, by its value for the first row.

    Raises
    ------
    OptionError
        If its shape does not fit the target.
    """
    first = table.take(np.arange(1))
    values = _values(equations, name, parameters, bindings, first)
    _require_shape(name, values, _bound(bindings, target), first)


def _bound(bindings: Bindings, target: str) -> Binding:
    return next(one for one in bindings.columns if one.name == target)


def _require_shape(name: str, values: Array, binding: Binding, table: Table) -> None:
    shape = values.shape[1:]
    if binding.encoder is None:
        # In units of the columns a number would be spread over several of them.
        expected = binding.values(table).shape[1:]
        if shape != expected:
            raise OptionError(f"{name} has shape {shape}, {binding.name} has {expected} for each row.")
        return
    count = len(binding.encoder.classes)
    if shape != (count,) and (shape or count != 2):
        raise OptionError(f"{name} has shape {shape} for each row; {count} classes need ({count},).")


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


def _probabilities(values: Array, count: int) -> Array:
    if values.ndim == 1 and count == 2:
        inside = np.all((values >= 0) & (values <= 1))
        second = values if inside else np.asarray(special.sigmoid(values))
        return np.column_stack([1 - second, second])
    is_distribution = np.all(values >= 0) and np.allclose(values.sum(axis=1), 1, rtol=1e-9)
    return values if is_distribution else np.asarray(special.softmax(values))


def _in_units(binding: Binding, values: Array) -> Array:
    columns = values if values.ndim > 1 else values[:, None]
    return columns * binding.scale + binding.center
