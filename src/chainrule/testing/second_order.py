"""A Hessian as the Jacobian of a gradient, of one array or of named blocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from chainrule.checking.complex_step import complex_step
from chainrule.checking.differences import central_difference
from chainrule.errors import OptionError, UncheckableError


def slopes_of(loss: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The gradient of a loss by the complex step, or by differences where it takes no complex numbers."""

    def slopes(values: Any) -> Any:
        try:
            return complex_step(loss, values)
        except UncheckableError:
            return central_difference(loss, values)

    return slopes


def stacked_gradient(gradient: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The gradient as one array: its blocks one after another, where there are several."""

    def stacked(values: Any) -> Any:
        given = gradient(values)
        if not isinstance(values, Mapping):
            return given
        return np.concatenate([np.reshape(given[name], -1) for name in values])

    return stacked


def stacked_hessian(hessian: Any, at: Any) -> Any:
    """The claim in the shape that belongs to `stacked_gradient`; a function if it is one."""
    if not isinstance(at, Mapping):
        return hessian
    if callable(hessian):
        return lambda values: stacked_hessian(hessian(values), at)
    return {name: np.concatenate([_block(hessian, other, name, at) for other in at]) for name in at}


def _block(hessian: Any, row: str, column: str, at: Mapping[str, Any]) -> Any:
    """One of its blocks, with one axis for the rows."""
    given = hessian[row] if isinstance(hessian, Mapping) and row in hessian else None
    if not isinstance(given, Mapping) or column not in given:
        raise OptionError(
            f"The Hessian has no block [{row!r}][{column!r}]; expected one for each two of {list(at)}."
        )
    found, expected = np.shape(given[column]), np.shape(at[row]) + np.shape(at[column])
    if found != expected:
        raise OptionError(
            f"The Hessian's block [{row!r}][{column!r}] has shape {found}; expected {expected}."
        )
    return np.reshape(given[column], (np.size(at[row]), *np.shape(at[column])))
