"""A trained model: what was learned, what it was learned with, and what is needed to use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.data import ClassTarget, NumericTarget, Preprocessor, as_table
from chainrule.errors import OptionError, ShapeError
from chainrule.network import Network
from chainrule.options import real_number
from chainrule.parameters import Parameters

if TYPE_CHECKING:
    from chainrule.equations import Equations

Array = NDArray[Any]


@dataclass(frozen=True)
class SheetModel:
    """A sheet of equations as a model: the text, what is minimised in it, and where its data come from.

    Parameters
    ----------
    text : str
        The sheet.
    of : str
        Name of the loss.
    sizes : mapping of str to int
        Values of the symbolic sizes.
    bindings : mapping of str to tuple of str
        For each name of the role ``data`` the columns, or globs, it was bound to.
    reduction : {"mean", "sum"}
    penalty : str, optional
        Name of the line that counts once beside the loss of all examples.
    """

    text: str
    of: str
    sizes: Mapping[str, int] = field(default_factory=dict)
    bindings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reduction: str = "mean"
    penalty: str | None = None

    def __post_init__(self) -> None:
        sheet = self.equations()
        if self.reduction not in ("mean", "sum"):
            raise OptionError(f'reduction is "mean" or "sum"; got {self.reduction!r}.')
        if not all(type(size) is int and size >= 0 for size in self.sizes.values()):
            raise OptionError(f"sizes are {dict(self.sizes)}; expected whole numbers.")
        if self.of not in sheet.names:
            raise OptionError(f"The sheet has no name {self.of!r}; there are {', '.join(sheet.names)}.")
        if self.penalty is not None:
            from chainrule.equations.calculus.penalty import require_penalty

            require_penalty(sheet.sheet, sheet.program, self.of, self.penalty)

    def equations(self) -> Equations:
        """The sheet, read."""
        from chainrule.equations import Equations  # which a network does without

        return Equations(self.text)


@dataclass(frozen=True, eq=False)
class Model:
    """A trained model as it is saved.

    Parameters
    ----------
    definition : Network or SheetModel
        What the parameters belong to.
    parameters : Parameters
        All finite.
    preprocessor : Preprocessor, optional
        How a table becomes the model's input.
    record : mapping
        The training record: JSON-able, for people and reports; nothing in it is needed to use the model.
    certificate : mapping, optional
        The last gradient check, as ``CheckReport.to_dict()`` gives it.

    Raises
    ------
    ShapeError
        If the parameters are not those of the definition.
    OptionError
        If a parameter is not finite.

    Examples
    --------
    >>> net = Network([3, 4, 2], output="softmax", loss="cross_entropy")
    >>> model = Model(net, net.initialize(np.random.default_rng(0)))
    >>> model.kind
    'network'
    """

    definition: Network | SheetModel
    parameters: Parameters
    preprocessor: Preprocessor | None = None
    record: Mapping[str, Any] = field(default_factory=dict)
    certificate: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.definition, Network):
            self._check_network(self.definition)
        else:
            self._check_sheet(self.definition)
        for name, value in self.parameters.items():
            if not np.all(np.isfinite(value)):
                raise OptionError(f"{name} is not finite; a model like that is of no use.")

    @property
    def kind(self) -> Literal["network", "equations"]:
        """What the definition is."""
        return "network" if isinstance(self.definition, Network) else "equations"

    def _check_network(self, net: Network) -> None:
        if self.parameters.spec != net.parameters:
            # No zeros of the network's size here: a hostile description may ask for terabytes.
            raise ShapeError(
                f"The model has {self.parameters!r}; its network has sizes {', '.join(map(str, net.sizes))}"
                f"{'' if net.bias else ' and no biases'}."
            )
        if self.preprocessor is None:
            return
        if len(self.preprocessor.outputs) != net.sizes[0]:
            columns = len(self.preprocessor.outputs)
            raise ShapeError(f"The preprocessor gives {columns} columns; the network takes {net.sizes[0]}.")
        target, k = self.preprocessor.target, net.sizes[-1]
        if isinstance(target, NumericTarget) and len(target.names) != k:
            raise ShapeError(f"The target has {len(target.names)} columns; the network has {k} outputs.")
        classes = len(self.preprocessor.classes)
        if isinstance(target, ClassTarget) and classes != k and (classes, k) != (2, 1):
            raise ShapeError(f"The target has {classes} classes; the network has {k} outputs.")

    def _check_sheet(self, sheet: SheetModel) -> None:
        equations = sheet.equations()
        names = [name for name, role in equations.roles.items() if role == "parameters"]
        if sorted(names) != sorted(self.parameters):
            raise ShapeError(
                f"The model has parameters {', '.join(self.parameters) or 'none'}; its sheet has "
                f"{', '.join(names) or 'none'}."
            )
        sizes: dict[str, int] = dict(sheet.sizes)
        for name in names:
            declared, shape = equations.shape_of(name), self.parameters[name].shape
            fits = len(declared) == len(shape) and all(
                (sizes.setdefault(size, n) if isinstance(size, str) else size) == n
                for size, n in zip(declared, shape, strict=True)
            )
            if not fits:
                raise ShapeError(
                    f"{name} has shape {shape}; the sheet says {name}: R[{', '.join(map(str, declared))}]"
                    f"{_known(sizes)}."
                )

    def predict(self, table: Any, threshold: float | None = None) -> Array:
        """Predictions for a table: labels of classes, or numbers in the target's units.

        Only networks with a preprocessor that has a target predict from tables.

        Parameters
        ----------
        table : Table, str, Path, mapping, data frame or array_like
            As `as_table` reads it, with the input columns of the training table; others are ignored.
        threshold : float, optional
            The second of two classes is predicted where its probability is larger; 0.5 by default.

        Returns
        -------
        ndarray, shape (n,) or (n, k)

        Raises
        ------
        OptionError
            If the model is no such network, or a threshold is given and it does not give two probabilities.
        DataError
            If the table lacks a column, or a value cannot be used.
        """
        scores, preprocessor = self.scores(table), self._preprocessor()
        if threshold is not None:
            return preprocessor.decode(self._above(scores, threshold))
        if preprocessor.task == "regression":
            return preprocessor.decode(scores[:, 0] if scores.shape[1] == 1 else scores)
        if scores.shape[1] > 1:
            return preprocessor.decode(np.argmax(scores, axis=1))
        return preprocessor.decode((scores[:, 0] > self._threshold()).astype(np.int64))

    def _above(self, scores: Array, threshold: float) -> Array:
        level = real_number("threshold", threshold, lambda p: 0 <= p <= 1, "a probability")
        output = self.definition.output.name if isinstance(self.definition, Network) else ""
        if len(self._preprocessor().classes) != 2 or output not in ("sigmoid", "softmax"):
            raise OptionError("threshold is a probability of the second of two classes; the model has none.")
        return (scores[:, -1] > level).astype(np.int64)

    def scores(self, table: Any) -> Array:
        """The network's outputs ŷ for a table, shape (n, k): probabilities under softmax or sigmoid."""
        if not isinstance(self.definition, Network):
            raise OptionError("Only a network predicts from a table; evaluate the sheet's equations instead.")
        preprocessor = self._preprocessor()
        known = as_table(table, preprocessor.kinds, preprocessor.missing_values)
        inputs = preprocessor.inputs(known)
        return self.definition.predict(self.parameters, inputs)

    def _preprocessor(self) -> Preprocessor:
        if self.preprocessor is None or self.preprocessor.task == "none":
            raise OptionError("The model was saved without what turns a table into its input and target.")
        return self.preprocessor

    def _threshold(self) -> float:
        """Where one output changes from class 0 to class 1: half for a probability, zero for a score."""
        return (
            0.5 if isinstance(self.definition, Network) and self.definition.output.name == "sigmoid" else 0.0
        )

    def __repr__(self) -> str:
        return f"<Model {self.kind}: {self.parameters!r}>"


def _known(sizes: Mapping[str, int]) -> str:
    return f", with {', '.join(f'{name} = {n}' for name, n in sizes.items())}" if sizes else ""
