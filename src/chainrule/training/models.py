"""What can be fitted: sheets of equations, networks, and objectives as they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.errors import OptionError
from chainrule.network.penalties import Frobenius
from chainrule.objective import Objective
from chainrule.optimize.adam import AdamW
from chainrule.optimize.first_order import FirstOrder
from chainrule.optimize.state import pack_start
from chainrule.parameters import Parameters
from chainrule.training.initial import Initial, draw_parameters, override


@runtime_checkable
class MakesObjectives(Protocol):
    """A model that becomes an objective when it meets data."""

    @property
    def objective(self) -> Any:
        """``objective(of, data, ...)`` of a sheet, ``objective(X, y, sample_weight)`` of a network."""
        ...


@runtime_checkable
class HasInitialValues(MakesObjectives, Protocol):
    """A model that draws its own starting values, as layered networks do."""

    def initialize(self, rng: np.random.Generator, scheme: Any = ..., dtype: Any = ...) -> Parameters:
        """Starting values of all parameters."""
        ...


@dataclass(frozen=True, eq=False)
class Problem:
    """A model, what of it is minimised, and how its data are read.

    Parameters
    ----------
    model
        A sheet of equations, a network or an objective.
    of : str, optional
        The quantity of the sheet that is minimised.
    sizes : mapping of str to int, optional
        Sizes of the sheet that no data fix.
    reduction : str, optional
        ``"mean"`` (default) or ``"sum"`` over the examples of a sheet; a network knows its own.
    penalty : str, optional
        The line of the sheet that counts once beside the examples; a network knows its own.
    """

    model: Any
    of: str | None = None
    sizes: Mapping[str, int] | None = None
    reduction: str | None = None
    penalty: str | None = None

    @property
    def _of_sheets(self) -> dict[str, Any]:
        """What was said that a sheet alone takes."""
        options = {"of": self.of, "sizes": self.sizes, "reduction": self.reduction, "penalty": self.penalty}
        return {name: value for name, value in options.items() if value is not None}

    def objective(self, data: Any, sample_weight: ArrayLike | None = None) -> Objective:
        """The objective of these data.

        Raises
        ------
        OptionError
            If an argument is missing, or belongs to another kind of model.
        """
        if isinstance(self.model, HasInitialValues):
            return self._of_network(data, sample_weight)
        if isinstance(self.model, MakesObjectives):
            return self._of_sheet(data, sample_weight)
        if isinstance(self.model, Objective):
            self._refuse_for_objective(data, sample_weight)
            return self.model
        raise OptionError(
            f"The model is {type(self.model).__name__}; expected Equations, a Network or an objective with "
            "parameters, size, value and value_and_gradient."
        )

    def _of_network(self, data: Any, sample_weight: ArrayLike | None) -> Objective:
        if extra := ", ".join(self._of_sheets):
            raise OptionError(f"{extra} belongs to a sheet of equations; a network has its own.")
        if not isinstance(data, tuple | list) or len(data) != 2:
            raise OptionError(f"data is {kind_of(data)}; a network needs the pair data=(X, y).")
        objective: Objective = self.model.objective(*data, sample_weight)
        return objective

    def _of_sheet(self, data: Any, sample_weight: ArrayLike | None) -> Objective:
        if self.of is None:
            raise OptionError('of is missing; name the quantity to minimise, for example of="L".')
        if not isinstance(data, Mapping):
            raise OptionError(
                f'data is {kind_of(data)}; a sheet needs arrays by name, for example data={{"x": X, "y": y}}.'
            )
        # A model of the reader's own need not know of penalties.
        options = {} if self.penalty is None else {"penalty": self.penalty}
        objective: Objective = self.model.objective(
            self.of,
            data,
            reduction=self.reduction or "mean",
            sample_weight=sample_weight,
            sizes=self.sizes,
            **options,
        )
        return objective

    def _refuse_for_objective(self, data: Any, sample_weight: ArrayLike | None) -> None:
        given = {"of": self.of, "data": data, **self._of_sheets, "sample_weight": sample_weight}
        if extra := [name for name, value in given.items() if value is not None]:
            raise OptionError(
                f"{type(self.model).__name__} is an objective, which holds its data; {', '.join(extra)} "
                "cannot be given as well."
            )

    def start(self, objective: Objective, initial: Initial, rng: np.random.Generator) -> NDArray[Any]:
        """The starting point θ: given, or drawn and overridden by name.

        Raises
        ------
        OptionError, ShapeError
            If ``initial`` does not fit the parameters.
        """
        if isinstance(initial, Parameters) or not (initial is None or isinstance(initial, str | Mapping)):
            return pack_start(objective, initial)
        scheme = initial if isinstance(initial, str) else None
        if not isinstance(self.model, HasInitialValues):
            drawn = draw_parameters(objective.parameters, rng, scheme)
        else:
            options: dict[str, Any] = {} if scheme is None else {"scheme": scheme}
            # A run over float32 inputs is a float32 run.
            drawn = self.model.initialize(rng, dtype=getattr(objective, "dtype", np.float64), **options)
        if isinstance(initial, Mapping):
            drawn = override(drawn, initial, rng)
        return pack_start(objective, drawn)


def refuse_twice_shrunk(model: Any, method: Any) -> None:
    """Refuse a decay of the weights beside a penalty on their squares, unless the method says it is meant.

    Raises
    ------
    OptionError
        If the network has a penalty of Frobenius and the method is AdamW, alone or within another one.
    """
    while isinstance(inner := getattr(method, "method", None), FirstOrder):
        method = inner
    penalty = getattr(model, "penalty", None)
    if isinstance(method, AdamW) and not method.beside_penalty and isinstance(penalty, Frobenius):
        raise OptionError(
            f"AdamW shrinks the weights in every step, and the network has the penalty {penalty!r}; use "
            "Adam, a network without a penalty, or AdamW(..., beside_penalty=True) if both are meant."
        )


def remarks_on(objective: Objective) -> tuple[str, ...]:
    """What a reader of the result should know about what was minimised; nothing of most objectives."""
    return tuple(getattr(objective, "remarks", ()))


def kind_of(data: Any) -> str:
    """What was given instead of data, in words."""
    return "missing" if data is None else f"a {type(data).__name__}"
