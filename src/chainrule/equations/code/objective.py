"""A sheet's scalar as an objective: data bound, lifted over the examples, derived and compiled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.equations.calculus.lift import SCALE, WEIGHTS, weighted_program
from chainrule.equations.code.assemble import Body, Source, stepping_source, unchecked_source
from chainrule.equations.code.compile import Compiled, compile_product, compile_program
from chainrule.equations.language.given import as_array, check_domain, given_values
from chainrule.equations.language.sheet import Sheet
from chainrule.equations.language.sizes import size_value
from chainrule.equations.nodes.program import Program
from chainrule.errors import DataError, OptionError, ShapeError
from chainrule.objective import Rows, rows_scale, step_scale
from chainrule.parameters import ParameterSpec, Theta

__all__ = ["SheetObjective", "sheet_objective"]

Array = NDArray[Any]
EXAMPLES = "_n"
OBJECTIVE = "_objective"
# With a leading underscore, which no name of a sheet has.
DIRECTION = "_v_"
# Arrays are kept for so many pairs of a function and a number of examples.
MOST_KEPT = 8
# The factor of the data term, of the weights and the number of the rows.
_Scale = Callable[[Array | None, int], float]


@dataclass(frozen=True, eq=False)
class SheetObjective:
    """C(θ) of a sheet, with its data bound.

    Attributes
    ----------
    parameters : ParameterSpec
        The sheet's parameters with the shapes the data and sizes give them.
    size : int
        Number of examples n; 0 if the sheet's own formula covers all data.
    reduction : str
        ``"mean"``: C = (Σ_i w_i ℓ_i) / (Σ_i w_i) + penalty, or ``"sum"``: C = Σ_i w_i ℓ_i + penalty.

    Notes
    -----
    C of a mini-batch is that of its rows, divided by their own weights. A step on it sees ``batch_estimate``,
    in which each row has the weight that it has among all, and the penalty its strength.
    """

    parameters: ParameterSpec
    size: int
    reduction: str
    sizes: Mapping[str, int]
    _stacked: Mapping[str, Array] = field(repr=False)
    _fixed: Mapping[str, Array] = field(repr=False)
    _weights: Array | None = field(repr=False)
    _program: Program = field(repr=False)
    _loss: Compiled = field(repr=False)
    _step: Compiled = field(repr=False)
    _target: str = field(repr=False)
    _names: Mapping[str, str] = field(repr=False)
    _cast: dict[Any, dict[str, Any]] = field(init=False, repr=False, default_factory=dict)
    _kept: dict[Any, dict[str, Array]] = field(init=False, repr=False, default_factory=dict)

    @property
    def source(self) -> str:
        """The code that computes the value and the gradient."""
        return self._step.source

    def value(self, theta: Theta, rows: Rows = None) -> Any:
        """C(θ) over all examples or the given rows; complex for complex θ."""
        vector = self.parameters.vector(theta)
        values = self._values(vector, rows, vector.dtype, self._scale_of_rows)
        (value,) = self._run(self._loss, values, vector.dtype, [])
        return _scalar(value)

    def value_and_gradient(self, theta: Theta, rows: Rows = None) -> tuple[Any, Array]:
        """C(θ) and ∇C(θ), shape (p,), over all examples or the given rows; the gradient is the caller's.

        A complex θ gives complex results.
        """
        return self._value_and_gradient(theta, rows, self._scale_of_rows)

    def batch_estimate(self, theta: Theta, rows: Rows) -> tuple[Any, Array]:
        """Unbiased estimates of C(θ) and ∇C(θ), shape (p,), from a batch; the gradient is the caller's.

        The data term is Σ (w_i / w̄) ℓ_i over the b rows, divided by b; for a sum, n/b Σ w_i ℓ_i. The mean
        weight w̄ is that of all examples.
        """
        return self._value_and_gradient(theta, rows, self._scale_of_step)

    def _value_and_gradient(self, theta: Theta, rows: Rows, scale_of: _Scale) -> tuple[Any, Array]:
        vector = self.parameters.vector(theta)
        gradient = np.empty_like(vector)
        values = self._values(vector, rows, vector.dtype, scale_of)
        (value,) = self._run(self._step, values, vector.dtype, self._blocks(gradient))
        return _scalar(value), gradient

    def hessian_product(self, theta: Theta, v: Theta, rows: Rows = None) -> Array:
        """∇²C(θ) v, shape (p,), over all examples or the given rows; exact, and about as dear as 2 gradients.

        Its code is derived at the first call.

        Raises
        ------
        ShapeError
            If v has not the shape of θ.
        """
        theta, v = self.parameters.vector(theta), self.parameters.vector(v, "the direction v")
        product = np.empty(v.shape, np.result_type(theta, v))
        values = self._values(theta, rows, product.dtype, self._scale_of_rows)
        values.update(zip(self._directions, self._blocks(v), strict=True))
        self._run(self._product, values, product.dtype, self._blocks(product))
        return product

    @cached_property
    def _product(self) -> Compiled:
        directions = dict(zip(self._names.values(), self._directions, strict=True))
        hints = {**self.sizes, EXAMPLES: self.size or 1}
        return compile_product(self._program, self._target, directions, sizes=hints, write=_write(returned=0))

    @cached_property
    def _directions(self) -> list[str]:
        return [DIRECTION + name for name in self.parameters.names]

    def _blocks(self, vector: Array) -> list[Array]:
        return [
            vector[place] if shape is None else vector[place].reshape(shape).T
            for place, shape in self._places
        ]

    @cached_property
    def _places(self) -> list[tuple[slice, tuple[int, ...] | None]]:
        """Where each block lies in the vector; its shape there, last axis first, if it is not a vector."""
        slices = self.parameters.slices
        shapes = self.parameters.shapes
        return [(slices[name], None if len(shape) == 1 else shape[::-1]) for name, shape in shapes]

    def _run(
        self, function: Compiled, values: Mapping[str, Array], dtype: Any, blocks: Sequence[Array]
    ) -> tuple[Any, ...]:
        """Call a function with arrays of its last call with as many examples, which no other call uses."""
        key = function.outputs, dtype, values.get(EXAMPLES)
        kept = self._kept.pop(key, {})
        result: tuple[Any, ...] = function.function(*self._bound(function, values), *blocks, kept)
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        self._kept[key] = kept
        return result

    def shuffled(self, permutation: NDArray[np.integer[Any]]) -> SheetObjective:
        """The same objective with its examples in another order, so that batches are contiguous."""
        return replace(
            self,
            _stacked={name: array[permutation] for name, array in self._stacked.items()},
            _weights=self._weights[permutation] if self._weights is not None else None,
        )

    def explain_nonfinite(self, theta: Theta, rows: Rows = None) -> str:
        """One sentence naming the first quantity of the sheet that is not finite; empty if all are."""
        vector = self.parameters.vector(theta)
        values = self._values(vector, rows, vector.dtype, self._scale_of_rows)
        for name in self.parameters.names:
            if not np.all(np.isfinite(values[name])):
                return f"The parameter {name} is not finite."
        names = [name for name in self._program.bodies if name != OBJECTIVE]
        every = compile_program(self._program, [(name, None) for name in names], write=unchecked_source)
        with np.errstate(all="ignore"):
            results = every.function(*self._bound(every, values))
        for name, result in zip(names, results, strict=True):
            wrong = ~np.isfinite(result)
            if np.any(wrong):
                place = tuple(int(i) for i in np.argwhere(wrong)[0])
                where = f" at {list(place)}" if place else ""
                entry = np.asarray(result)[place]
                return f"{name} is the first quantity that is not finite: {entry}{where}."
        return ""

    def _values(self, theta: Array, rows: Rows, dtype: np.dtype[Any], scale_of: _Scale) -> dict[str, Any]:
        """Everything by name, the data in the real type of a computation in ``dtype``."""
        given = self._given(dtype)
        values = dict(given) if rows is None else self._batch(given, rows, scale_of)
        values.update(zip(self.parameters.names, self._blocks(theta), strict=True))
        return values

    def _given(self, dtype: np.dtype[Any]) -> dict[str, Any]:
        """What does not depend on θ, over all examples; converted once."""
        if dtype not in self._cast:
            real = np.empty(0, dtype).real.dtype
            values: dict[str, Any] = {**self._fixed, **self._stacked}
            if self._weights is not None:
                values[WEIGHTS] = self._weights
            for name, array in values.items():
                values[name] = array.astype(real, copy=False) if array.dtype.kind == "f" else array
            if self.size:
                scale = self._scale_of_rows(self._weights, self.size)
                values |= {EXAMPLES: self.size, SCALE: np.asarray(scale, real)}
            self._cast[dtype] = {**self.sizes, **values}
        return self._cast[dtype]

    def _batch(self, given: Mapping[str, Any], rows: Rows, scale_of: _Scale) -> dict[str, Any]:
        """The values with the examples of some rows."""
        if not self.size:
            return dict(given)
        names = [*self._stacked, WEIGHTS] if self._weights is not None else self._stacked
        taken = {name: given[name][rows] for name in names}
        count = len(taken[next(iter(self._stacked))])
        if not count:
            raise DataError(f"A batch without rows: {rows!r} of {self.size} examples; expected at least one.")
        scale = np.asarray(scale_of(taken.get(WEIGHTS), count), given[SCALE].dtype)
        return {**given, **taken, EXAMPLES: count, SCALE: scale}

    def _scale_of_rows(self, weights: Array | None, count: int) -> float:
        return rows_scale(self.reduction, weights, count)

    def _scale_of_step(self, weights: Array | None, count: int) -> float:
        return step_scale(self.reduction, self._mean_weight, count, self.size)

    @cached_property
    def _mean_weight(self) -> float:
        return 1.0 if self._weights is None else float(self._weights.mean())

    @staticmethod
    def _bound(function: Compiled, values: Mapping[str, Any]) -> list[Any]:
        # A size that no input of the code shows is bound like data.
        return [values[name] for name in (*function.inputs, *function.sizes)]


def _write(returned: int) -> Callable[[Body], Source]:
    return partial(stepping_source, along=EXAMPLES, returned=returned)


def _scalar(value: Any) -> Any:
    return value if np.iscomplexobj(value) else float(value)


def sheet_objective(
    sheet: Sheet,
    program: Program,
    of: str,
    data: Mapping[str, ArrayLike],
    reduction: str,
    sample_weight: ArrayLike | None,
    sizes: Mapping[str, int],
) -> SheetObjective:
    """Bind data to a sheet; see ``Equations.objective``."""
    if reduction not in ("mean", "sum"):
        raise OptionError(f'reduction is "mean" or "sum"; got {reduction!r}.')
    parameters = _needed_parameters(program, of)
    _check_names(sheet, program, of, data, parameters)
    stacked = _stacked(sheet, data)
    n = _count(stacked)
    weights = _checked_weights(sample_weight, n)
    if weights is not None and np.any(weights == 0):
        kept = weights > 0
        if not kept.any():
            raise DataError("Every sample_weight is zero; at least one example must count.")
        stacked, weights, n = {name: x[kept] for name, x in stacked.items()}, weights[kept], int(kept.sum())
    rest = {name: value for name, value in data.items() if name not in stacked}
    known, fixed = _known(sheet, rest, stacked, sizes)
    spec = ParameterSpec.of({name: _shape(sheet, name, known) for name in parameters})
    lifted, names = program, {name: name for name in program.symbols}
    target = of
    if n:
        target = OBJECTIVE
        lifted, names = weighted_program(
            program, of, set(stacked), EXAMPLES, OBJECTIVE, weighted=weights is not None
        )
    hints = {**known, EXAMPLES: n or 1}
    loss = compile_program(lifted, [(target, None)], sizes=hints, write=_write(returned=1))
    requests = [(target, None), *((target, names[name]) for name in spec.names)]
    step = compile_program(lifted, requests, sizes=hints, write=_write(returned=1))
    renamed = {names[name]: array for name, array in stacked.items()}
    own = {name: names[name] for name in spec.names}
    return SheetObjective(spec, n, reduction, known, renamed, fixed, weights, lifted, loss, step, target, own)


def _needed_parameters(program: Program, of: str) -> list[str]:
    needed = program.ancestors([of])
    found = [name for name in program.named("parameters") if name in needed]
    if not found:
        raise DataError(f"{of} depends on no parameters; there is nothing to minimise over.")
    return found


def _check_names(
    sheet: Sheet, program: Program, of: str, data: Mapping[str, ArrayLike], parameters: list[str]
) -> None:
    needed = [name for name in sheet.declarations if name in program.ancestors([of])]
    missing = [name for name in needed if name not in data and name not in parameters]
    unknown = [name for name in data if name not in sheet.declarations]
    trained = [name for name in data if name in parameters]
    problems = [f"missing: {', '.join(missing)}" if missing else ""]
    problems.append(f"not declared: {', '.join(unknown)}" if unknown else "")
    problems.append(f"a parameter, which is trained and not given: {', '.join(trained)}" if trained else "")
    if any(problems):
        wanted = ", ".join(name for name in needed if name not in parameters) or "nothing"
        raise DataError(f"{of} needs data for {wanted}; {'; '.join(filter(None, problems))}.")


def _stacked(sheet: Sheet, data: Mapping[str, ArrayLike]) -> dict[str, Array]:
    """The data that come with one axis more than declared: one entry per example."""
    stacked = {}
    for name, value in data.items():
        array = as_array(sheet, name, value)
        if sheet.declarations[name].role == "data" and array.ndim == len(sheet.declarations[name].axes) + 1:
            stacked[name] = np.ascontiguousarray(array)
    return stacked


def _count(stacked: Mapping[str, Array]) -> int:
    counts = {name: len(array) for name, array in stacked.items()}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name} has {count}" for name, count in counts.items())
        raise ShapeError(f"Data must have the same number of examples; {listed}.")
    count = next(iter(counts.values()), None)
    if count == 0:
        raise DataError("There are no examples: the data are empty.")
    return count or 0


def _known(
    sheet: Sheet, rest: Mapping[str, ArrayLike], stacked: Mapping[str, Array], sizes: Mapping[str, int]
) -> tuple[dict[str, int], dict[str, Array]]:
    """Sizes and the arrays that are not stacked, all checked against the declarations."""
    first = {name: array[0] for name, array in stacked.items()}
    arrays, known = given_values(sheet, {**first, **rest}, sizes)
    _infer_classes(sheet, {**arrays, **stacked}, known)
    for name, array in stacked.items():
        check_domain(sheet, name, array, known)
    fixed = {name: arrays[name] for name in rest}
    for name, array in {**stacked, **fixed}.items():
        if np.iscomplexobj(array):
            raise DataError(f"{name} is complex; what is minimised over real parameters needs real data.")
        if not np.all(np.isfinite(array)):
            place = [int(i) for i in np.argwhere(~np.isfinite(array))[0]]
            entry = f"entry {place} is {array[tuple(place)]}" if place else f"it is {array}"
            raise DataError(f"{name} must be finite; {entry}.")
    return dict(known), fixed


def _infer_classes(sheet: Sheet, arrays: Mapping[str, Array], known: dict[str, int]) -> None:
    """Where nothing else says how many classes there are, the largest label does."""
    for name, array in arrays.items():
        classes = sheet.classes_of(name)
        if isinstance(classes, str) and classes not in known and "*" not in classes:
            known[classes] = int(array.max()) + 1


def _shape(sheet: Sheet, name: str, known: Mapping[str, int]) -> tuple[int, ...]:
    try:
        return tuple(size_value(size, known) for size in sheet.type_of(name).axes)
    except KeyError as error:
        size = error.args[0]
        axes = ", ".join(map(str, sheet.type_of(name).axes))
        raise DataError(
            f"{name} has shape ({axes}), and the data do not show {size}; say sizes={{{size!r}: ...}}."
        ) from None


def _checked_weights(sample_weight: ArrayLike | None, n: int) -> Array | None:
    if sample_weight is None:
        return None
    weights = np.asarray(sample_weight)
    if weights.dtype.kind not in "biuf":
        raise DataError(f"sample_weight holds {weights.dtype} values; expected one number per example.")
    weights = weights.astype(np.float64)
    if not n:
        raise OptionError(
            "sample_weight needs examples: give data with one axis more than the sheet declares."
        )
    if weights.shape != (n,):
        raise ShapeError(f"sample_weight has shape {weights.shape}; expected ({n},).")
    if not np.all(np.isfinite(weights)) or np.any(weights < 0):
        raise DataError("sample_weight must be finite and not negative.")
    with np.errstate(over="ignore", divide="ignore"):
        if weights.any() and not (1 / weights.sum() > 0 and 1 / weights.mean() < np.inf):
            raise DataError(
                f"sample_weight sums to {weights.sum():g}, whose reciprocal is out of the range of float64; "
                "divide the weights by their maximum."
            )
    return weights
