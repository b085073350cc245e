"""A sheet's scalar as an objective: data bound, lifted over the examples, derived and compiled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

from chainrule.arrays import Array, ArrayLike, NDArray, np
from chainrule.equations.calculus.asked import Over
from chainrule.equations.calculus.lift import SCALE, TOTAL, WEIGHTS, penalized_program, weighted_program
from chainrule.equations.calculus.penalty import repeated
from chainrule.equations.code.assemble import Source, stepping_source, unchecked_source
from chainrule.equations.code.body import Body
from chainrule.equations.code.compile import compile_product, compile_program
from chainrule.equations.code.compiled import Compiled, singular
from chainrule.equations.code.examples import SheetExamples, sheet_examples, without_padding
from chainrule.equations.formulas.explanation import repetition_remark
from chainrule.equations.language.origin import Origin
from chainrule.equations.language.sheet import Sheet
from chainrule.equations.language.tree import size_value
from chainrule.equations.nodes.program import Program
from chainrule.errors import DataError, no_memory
from chainrule.objective import Rows, rows_scale, step_scale
from chainrule.parameters import ParameterSpec, Theta

EXAMPLES = "_n"
OBJECTIVE = "_objective"
# With a leading underscore, which no name of a sheet has.
DIRECTION = "_v_"
# Of one array. Nothing sets another limit for an objective, so what a large machine holds is let through:
# 4,000,000 examples with 1,000 units.
MOST_BYTES = 32 * 1024**3
# Arrays are kept for so many pairs of a function and a number of examples.
MOST_KEPT = 8


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
        ``"mean"``: C = (Σ_i w_i ℓ_i) / (Σ_i w_i) + R, or ``"sum"``: C = Σ_i w_i ℓ_i + R.
    penalty : str or None
        The line R of the sheet that counts once.
    remarks : tuple of str
        What else a reader should know, such as terms that a sum over the examples repeats.

    Notes
    -----
    C of a mini-batch is that of its rows, divided by their own weights. A step on it sees ``batch_estimate``,
    in which each row has the weight that it has among all, and the penalty its strength.
    """

    parameters: ParameterSpec
    size: int
    reduction: str
    sizes: Mapping[str, int]
    penalty: str | None
    remarks: tuple[str, ...]
    _examples: SheetExamples = field(repr=False)
    _program: Program = field(repr=False)
    _step: Compiled = field(repr=False)
    _target: str = field(repr=False)
    _names: Mapping[str, str] = field(repr=False)
    _data: Mapping[str, str] = field(repr=False)
    _origin: Origin = field(repr=False)
    # Shared with the same objective in another order.
    _asked_later: dict[str, Compiled] = field(repr=False, default_factory=dict)
    _cast: dict[Any, dict[str, Any]] = field(init=False, repr=False, default_factory=dict)
    _kept: dict[Any, dict[str, Array]] = field(init=False, repr=False, default_factory=dict)

    def __reduce__(self) -> tuple[Any, ...]:
        # The data as they are now: in their order, without rows of weight zero.
        bound = self._examples
        given = {**bound.fixed, **bound.stacked}
        data = {name: given[own] for name, own in self._data.items()}
        asked = {**self._origin.arguments, "data": data, "sample_weight": bound.weights, "sizes": self.sizes}
        return replace(self._origin, arguments=asked), ()

    def __copy__(self) -> SheetObjective:
        return replace(self)

    @property
    def source(self) -> str:
        """The code that computes the value and the gradient."""
        return self._step.source

    def value(self, theta: Theta, rows: Rows = None) -> Any:
        """C(θ) over all examples or the given rows; complex for complex θ."""
        vector = self.parameters.vector(theta)
        values = self._values(vector, rows, vector.dtype)
        (value,) = self._run(self._loss, values, vector.dtype, [])
        return _scalar(value)

    def value_and_gradient(self, theta: Theta, rows: Rows = None) -> tuple[Any, Array]:
        """C(θ) and ∇C(θ), shape (p,), over all examples or the given rows; the gradient is the caller's.

        A complex θ gives complex results.
        """
        return self._value_and_gradient(theta, rows)

    def batch_estimate(self, theta: Theta, rows: Rows) -> tuple[Any, Array]:
        """Unbiased estimates of C(θ) and ∇C(θ), shape (p,), from a batch; the gradient is the caller's.

        The data term is Σ (w_i / w̄) ℓ_i over the b rows, divided by b; for a sum, n/b Σ w_i ℓ_i. The mean
        weight w̄ is that of all examples.
        """
        return self._value_and_gradient(theta, rows, estimate=True)

    def _value_and_gradient(self, theta: Theta, rows: Rows, estimate: bool = False) -> tuple[Any, Array]:
        vector = self.parameters.vector(theta)
        gradient = np.empty_like(vector)
        values = self._values(vector, rows, vector.dtype, estimate)
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
        values = self._values(theta, rows, product.dtype)
        values.update(zip(self._directions, self._blocks(v), strict=True))
        self._run(self._product, values, product.dtype, self._blocks(product))
        return product

    @property
    def _loss(self) -> Compiled:
        """The value alone, compiled when it is first asked for."""
        return self._later("loss", compile_program, [(self._target, None)], returned=1)

    @property
    def _product(self) -> Compiled:
        """The product of the Hessian with a direction, derived when it is first asked for."""
        directions = dict(zip(self._names.values(), self._directions, strict=True))
        return self._later("product", compile_product, self._target, directions, returned=0)

    def _later(self, what: str, make: Callable[..., Compiled], *asked: Any, returned: int) -> Compiled:
        """What is compiled when it is first asked for."""
        if what not in self._asked_later:
            self._program.pool.refill()
            self._asked_later[what] = make(self._program, *asked, sizes=self._hints, write=_write(returned))
        return self._asked_later[what]

    @property
    def _hints(self) -> dict[str, int]:
        return {**self.sizes, EXAMPLES: self.size or 1}

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
        key, bound = (function.outputs, dtype, values.get(EXAMPLES)), self._bound(function, values)
        kept = self._kept.pop(key, None)
        if kept is None:
            function.room.require(bound, MOST_BYTES, function.outputs)
            kept = {}
        try:
            result: tuple[Any, ...] = function.function(*bound, *blocks, kept)
        except np.linalg.LinAlgError as error:  # a * eye(d) at a = 0, where training begins
            message = f"The objective cannot be computed at these parameters: {singular(function, error)}"
            raise DataError(f"{message} Start from others.") from error
        except MemoryError as error:
            raise no_memory(f"The function of {', '.join(function.outputs)}", error) from None
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        self._kept[key] = kept
        return result

    def shuffled(self, permutation: NDArray[np.integer[Any]]) -> SheetObjective:
        """The same objective with its examples in another order, so that batches are contiguous."""
        return replace(self, _examples=self._examples.take(permutation))

    def explain_nonfinite(self, theta: Theta, rows: Rows = None) -> str:
        """One sentence naming the first quantity of the sheet that is not finite; empty if all are."""
        vector = self.parameters.vector(theta)
        values = self._values(vector, rows, vector.dtype)
        for name in self.parameters.names:
            if not np.all(np.isfinite(values[name])):
                return f"The parameter {name} is not finite."
        names = [name for name in self._program.bodies if name != OBJECTIVE]
        every = compile_program(self._program, [(name, None) for name in names], write=unchecked_source)
        try:
            with np.errstate(all="ignore"):
                results = every.function(*self._bound(every, values))
        except np.linalg.LinAlgError as error:
            return f"Not everything has a value: {singular(every, error)}"
        for name, result in zip(names, results, strict=True):
            wrong = ~np.isfinite(result)
            if np.any(wrong):
                place = tuple(int(i) for i in np.argwhere(wrong)[0])
                where = f" at {list(place)}" if place else ""
                entry = np.asarray(result)[place]
                return f"{name} is the first quantity that is not finite: {entry}{where}."
        return ""

    def _values(
        self, theta: Array, rows: Rows, dtype: np.dtype[Any], estimate: bool = False
    ) -> dict[str, Any]:
        """Everything by name, the data in the real type of a computation in ``dtype``."""
        given = self._given(dtype)
        values = dict(given) if rows is None else self._batch(given, rows, estimate)
        values.update(zip(self.parameters.names, self._blocks(theta), strict=True))
        return values

    def _given(self, dtype: np.dtype[Any]) -> dict[str, Any]:
        """What does not depend on θ, over all examples; converted once."""
        if dtype not in self._cast:
            real = np.empty(0, dtype).real.dtype
            values: dict[str, Any] = {**self._examples.fixed, **self._examples.stacked}
            weights = self._examples.weights
            if weights is not None:
                values[WEIGHTS] = weights
            for name, array in values.items():
                values[name] = array.astype(real, copy=False) if array.dtype.kind == "f" else array
            if self.size:
                values |= {EXAMPLES: self.size, **_typed(self._factors(weights, self.size), real)}
            self._cast[dtype] = {**self.sizes, **values}
        return self._cast[dtype]

    def _batch(self, given: Mapping[str, Any], rows: Rows, estimate: bool) -> dict[str, Any]:
        """The values with the examples of some rows."""
        if not self.size:
            return dict(given)
        stacked = self._examples.stacked
        names = stacked if self._examples.weights is None else [*stacked, WEIGHTS]
        taken = {name: given[name][rows] for name in names}
        count = len(taken[next(iter(stacked))])
        if not count:
            raise DataError(f"A batch without rows: {rows!r} of {self.size} examples; expected at least one.")
        factors = self._factors(taken.get(WEIGHTS), count, estimate)
        return {**given, **taken, EXAMPLES: count, **_typed(factors, given[SCALE].dtype)}

    def _factors(self, weights: Array | None, count: int, estimate: bool = False) -> dict[str, float]:
        """The factors of the sum over the rows and of what no data enter, by their weights and number."""
        if estimate:
            scale = step_scale(self.reduction, self._mean_weight, count, self.size)
            return {SCALE: scale, TOTAL: self.size * self._mean_weight}
        total = count if weights is None else float(weights.sum())
        return {SCALE: rows_scale(self.reduction, weights, count), TOTAL: total}

    @cached_property
    def _mean_weight(self) -> float:
        weights = self._examples.weights
        return 1.0 if weights is None else float(weights.mean())

    @staticmethod
    def _bound(function: Compiled, values: Mapping[str, Any]) -> list[Any]:
        # A size that no input of the code shows is bound like data.
        return [values[name] for name in (*function.inputs, *function.sizes)]


def _write(returned: int) -> Callable[[Body], Source]:
    return partial(stepping_source, along=EXAMPLES, returned=returned)


def _typed(factors: Mapping[str, float], dtype: Any) -> dict[str, Array]:
    return {name: np.asarray(factor, dtype) for name, factor in factors.items()}


def _scalar(value: Any) -> Any:
    return value if np.iscomplexobj(value) else float(value)


def sheet_objective(
    sheet: Sheet,
    program: Program,
    of: str,
    data: Mapping[str, ArrayLike],
    over: Over,
    sample_weight: ArrayLike | None,
    sizes: Mapping[str, int],
    origin: Origin,
) -> SheetObjective:
    """Bind data to a sheet; see ``Equations.objective``."""
    reduction, penalty = over.reduction or "mean", over.penalty
    minimized = [of] if penalty is None else [of, penalty]
    parameters = _needed_parameters(program, minimized)
    examples = sheet_examples(sheet, program, minimized, data, parameters, sample_weight, sizes)
    known, n = examples.sizes, examples.size
    spec = ParameterSpec.of({name: _shape(sheet, name, known) for name in parameters})
    spec.require_room(of)
    program.pool.refill(f"The compiled objective {of}")
    lifted, target, names = _lifted(program, of, examples, reduction, penalty)
    remarks = _remarks(program, of, examples) if n and reduction == "sum" else ()
    hints = {**known, EXAMPLES: n or 1}
    requests = [(target, None), *((target, names[name]) for name in spec.names)]
    step = compile_program(lifted, requests, sizes=hints, write=_write(returned=1))
    own = {name: names[name] for name in spec.names}
    arrays = {name: names[name] if name in examples.stacked else name for name in data}

    def having(examples: SheetExamples) -> SheetObjective:
        stacked = {names[name]: array for name, array in examples.stacked.items()}
        bound = (replace(examples, stacked=stacked), lifted, step, target, own, arrays, origin)
        return SheetObjective(spec, n, reduction, known, penalty, remarks, *bound)

    def run(examples: SheetExamples, theta: Array) -> tuple[float, Array]:
        return having(examples).value_and_gradient(theta)

    return having(without_padding(sheet, minimized, examples, run, spec.size))


def _lifted(
    program: Program, of: str, examples: SheetExamples, reduction: str, penalty: str | None
) -> tuple[Program, str, dict[str, str]]:
    """The program of what is minimised, its name there, and the new name of each old one."""
    own = {name: name for name in program.symbols}
    if examples.size:
        how = (EXAMPLES, OBJECTIVE, reduction, examples.weights is not None, penalty)
        lifted, names = weighted_program(program, of, set(examples.stacked), *how)
        return lifted, OBJECTIVE, names
    if penalty is None:
        return program, of, own
    return penalized_program(program, of, penalty, OBJECTIVE), OBJECTIVE, own


def _remarks(program: Program, of: str, examples: SheetExamples) -> tuple[str, ...]:
    """What the sum over the examples repeats, in words."""
    times = f"{examples.size if examples.weights is None else examples.weights.sum():g}"
    found = repeated(program, of, examples.stacked.keys(), times)
    return () if found is None else (repetition_remark(found),)


def _needed_parameters(program: Program, minimized: list[str]) -> list[str]:
    needed = program.ancestors(minimized)
    found = [name for name in program.named("parameters") if name in needed]
    if not found:
        raise DataError(f"{minimized[0]} depends on no parameters; there is nothing to minimise over.")
    return found


def _shape(sheet: Sheet, name: str, known: Mapping[str, int]) -> tuple[int, ...]:
    try:
        return tuple(size_value(size, known) for size in sheet.type_of(name).axes)
    except KeyError as error:
        size = error.args[0]
        axes = ", ".join(map(str, sheet.type_of(name).axes))
        raise DataError(
            f"{name} has shape ({axes}), and the data do not show {size}; say sizes={{{size!r}: ...}}."
        ) from None
