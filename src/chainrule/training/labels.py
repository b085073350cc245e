"""Labels as they are written: text becomes class numbers, and classes get weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.data import ClassEncoder, to_signs
from chainrule.errors import DataError, OptionError, ShapeError
from chainrule.network import targets
from chainrule.training.models import HasInitialValues, Problem

Array = NDArray[Any]
ClassWeight = Literal["balanced"] | Mapping[Any, float] | None
_ENCODES = {targets.classes_or_distributions, targets.probabilities, targets.signs}
_DOMAINS = ("class", "sign", "bit")


@dataclass(frozen=True)
class Labels:
    """The labels among the data of a model: ``y`` of a network, names of classes, signs and bits of a sheet.

    Parameters
    ----------
    is_sign : mapping of str to bool
        Their names, and whether they are ±1.
    encoders : mapping of str to ClassEncoder
        Of those that were text in the training data.
    """

    is_sign: Mapping[str, bool]
    encoders: Mapping[str, ClassEncoder] = field(default_factory=dict)

    @classmethod
    def of(cls, problem: Problem, data: Any) -> Labels:
        """The labels of a model, with the classes that the training data have."""
        is_sign = _names(problem.model)
        given = _by_name(data)
        texts = {name: given[name] for name in is_sign if name in given and _is_text(given[name])}
        return cls(is_sign, {name: ClassEncoder.of(values) for name, values in texts.items()})

    @property
    def classes(self) -> dict[str, tuple[Any, ...]]:
        """The labels in the order of their numbers, of those that were text."""
        return {name: encoder.classes for name, encoder in self.encoders.items()}

    def encode(self, data: Any) -> Any:
        """The data with numbers in place of text."""
        given = _by_name(data)
        found = {name: self._numbers(name, given[name]) for name in self.encoders if name in given}
        if not found:
            return data
        return {**data, **found} if isinstance(data, Mapping) else (data[0], found["y"])

    def _numbers(self, name: str, values: ArrayLike) -> Array:
        encoder, signed = self.encoders[name], self.is_sign[name]
        if signed and len(encoder.classes) > 2:
            raise DataError(f"{name} has {len(encoder.classes)} labels; a sign has two.")
        try:
            numbers = encoder.encode(values)
        except DataError as error:
            raise DataError(f"{name}, {error}") from None
        return to_signs(numbers) if signed else numbers

    def weights(self, data: Any, class_weight: ClassWeight, sample_weight: ArrayLike | None) -> Any:
        """The weights of the examples, times those of their classes: ``"balanced"`` is n / (K n_k).

        Raises
        ------
        OptionError
            If there is not one set of labels, or a class has no weight.
        """
        if class_weight is None:
            return sample_weight
        given = [np.asarray(values) for name, values in _by_name(data).items() if name in self.is_sign]
        if len(given) != 1 or given[0].ndim != 1:
            raise OptionError("class_weight needs one label per example, and one kind of labels.")
        found, place, counts = np.unique(given[0], return_inverse=True, return_counts=True)
        each = _of_classes(found.tolist(), counts, class_weight)[place]
        weight = np.ones(len(each)) if sample_weight is None else np.asarray(sample_weight)
        if weight.shape != each.shape:
            raise ShapeError(f"sample_weight has shape {weight.shape}; there are {len(each)} labels.")
        return weight * each


def _of_classes(classes: list[Any], counts: Array, class_weight: Any) -> Array:
    if isinstance(class_weight, str) and class_weight == "balanced":
        return np.asarray(counts.sum() / (len(classes) * counts))
    if not isinstance(class_weight, Mapping):
        expected = "'balanced', a number by class, or None"
        raise OptionError(f"class_weight is {class_weight!r}; expected {expected}.")
    if missing := [label for label in classes if label not in class_weight]:
        raise OptionError(f"class_weight has no weight for class {missing[0]!r}.")
    return np.array([class_weight[label] for label in classes], np.float64)


def _names(model: Any) -> dict[str, bool]:
    if isinstance(model, HasInitialValues):
        encode = getattr(getattr(model, "loss", None), "encode", None)
        return {"y": encode is targets.signs} if encode in _ENCODES else {}
    declared = getattr(getattr(model, "sheet", None), "declarations", {})
    return {name: one.domain == "sign" for name, one in declared.items() if one.domain in _DOMAINS}


def _by_name(data: Any) -> dict[str, Any]:
    """The data of a sheet as they are, the targets of a network as y; nothing of what is neither."""
    if isinstance(data, Mapping):
        return dict(data)
    return {"y": data[1]} if isinstance(data, tuple | list) and len(data) == 2 else {}


def _is_text(values: Any) -> bool:
    try:
        array = np.asarray(values)
    except ValueError:  # rows of different length, which the model refuses
        return False
    if array.dtype.kind == "U":
        return True
    return array.dtype.kind == "O" and array.size > 0 and all(isinstance(value, str) for value in array.flat)
