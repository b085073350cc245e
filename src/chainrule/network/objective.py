"""A network over a set of examples as an objective: a function of the flat θ."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import DataError, no_memory, within_memory
from chainrule.network import evaluate, nonfinite
from chainrule.network.architecture import Architecture
from chainrule.network.curvature import Curvature, Kind
from chainrule.network.examples import Examples
from chainrule.network.workspace import Workspace
from chainrule.objective import Rows, rows_scale, step_scale
from chainrule.parameters import ParameterSpec

Array = NDArray[Any]
# The factor of the data term, of the weights and the number of the rows.
_Scale = Callable[[Array | None, int], float]

# Up to here a table is copied in its new order once per epoch; a larger one misses the cache either way, so
# its rows are gathered batch by batch.
_SMALL_TABLE_BYTES = 8_000_000


class NetworkObjective:
    """C(θ) of a network over examples, all or a batch, with its gradient.

    C of a batch is that of its rows, divided by their own weights; a step on it sees ``batch_estimate``,
    in which each row has the weight that it has among all. Gradients are computed in buffers that the
    objective keeps; each call uses buffers of its own, so threads may share an objective.

    Parameters
    ----------
    network : Architecture
        What is evaluated.
    examples : Examples
        From ``network.examples(X, y, sample_weight)``; rows count among those of positive weight. They are
        not copied, and not to be changed: second derivatives keep the passes of the last θ.
    """

    def __init__(self, network: Architecture, examples: Examples) -> None:
        self.network = network
        self.examples = examples
        self._cast: dict[np.dtype[Any], Examples] = {}
        # Buffers that no call is using. Taking from and adding to a list is atomic.
        self._idle: list[Workspace] = []
        # The last one that a product was asked of: those of one step of Newton's method share their passes.
        self._curvature: Curvature | None = None

    @property
    def parameters(self) -> ParameterSpec:
        """Names and shapes of the parameters."""
        return self.network.parameters

    @property
    def dtype(self) -> np.dtype[Any]:
        """The floating type of the inputs: what a run over them starts in."""
        found: np.dtype[Any] = self.examples.X.real.dtype
        return found

    @property
    def size(self) -> int:
        """Number of examples n of positive weight."""
        return self.examples.size

    def value(self, theta: Array, rows: Rows = None) -> Any:
        """C(θ); complex if θ is."""
        theta = self.network.vector(theta)
        with within_memory("The objective"):
            return evaluate.value(self.network, theta, self.rows(theta.real.dtype, rows))

    def value_and_gradient(self, theta: Array, rows: Rows = None) -> tuple[Any, Array]:
        """C(θ) and ∇C(θ), shape (p,); the gradient is the caller's own. A complex θ gives complex results."""
        return self._value_and_gradient(theta, rows, self.scale_of_rows)

    def batch_estimate(self, theta: Array, rows: Rows) -> tuple[Any, Array]:
        """Unbiased estimates of C(θ) and ∇C(θ), shape (p,), from a batch; the gradient is the caller's own.

        The data term is Σ (w_i / w̄) ℓ_i over the b rows, divided by b; for a sum, n/b Σ w_i ℓ_i. The mean
        weight w̄ is that of all examples.
        """
        return self._value_and_gradient(theta, rows, self.scale_of_step)

    def _value_and_gradient(self, theta: Array, rows: Rows, scale_of: _Scale) -> tuple[Any, Array]:
        theta = self.network.vector(theta)
        examples = self.rows(theta.real.dtype, rows)
        scale = scale_of(examples.weights, examples.size)
        if not _fits_workspace(theta, examples):
            with within_memory("The gradient of the objective"):
                value, gradient = evaluate.value_and_gradient(self.network, theta, examples, scale)
            return value, gradient.vector
        workspace = self._take(theta.dtype)
        try:
            value = workspace.step(theta, examples.X, examples.Y, examples.weights, scale)
            return value, workspace.gradient.copy()
        except MemoryError as error:
            raise no_memory("The gradient of the objective", error) from None
        finally:
            self._idle.append(workspace)

    def hessian_product(self, theta: Array, v: Array, rows: Rows = None) -> Array:
        """∇²C(θ) v, shape (p,)."""
        with within_memory("A product with the Hessian"):
            return self._curved(theta, rows, "hessian") @ v

    def hessian(self, theta: Array, rows: Rows = None) -> Array:
        """∇²C(θ), shape (p, p), symmetric to the last bit."""
        with within_memory("The Hessian"):
            return self._curved(theta, rows, "hessian").dense()

    def gauss_newton(self, theta: Array, rows: Rows = None) -> Array:
        """The part of ∇²C(θ) in which the loss alone is curved, shape (p, p)."""
        with within_memory("The Gauss-Newton matrix"):
            return self._curved(theta, rows, "gauss_newton").dense()

    def _curved(self, theta: Array, rows: Rows, kind: Kind) -> Curvature:
        theta, last = self.network.vector(theta), self._curvature
        if last and rows is None and last.is_at(theta, kind):
            return last
        found = Curvature(self.network, theta.copy(), self.rows(theta.real.dtype, rows), kind)
        if rows is None:
            self._curvature = found
        return found

    def shuffled(self, permutation: NDArray[np.integer[Any]]) -> ShuffledObjective:
        """The same objective with row i taken from row ``permutation[i]``: a batch is then a slice.

        Its gradients lie in one buffer, valid until its next call: what a training loop wants.
        """
        return ShuffledObjective(self, np.asarray(permutation, dtype=np.intp))

    def with_clipped_examples(self, norm: float) -> ClippedObjective:
        """The same values, with the gradient of each example shortened to a norm before they are added up."""
        return ClippedObjective(self, norm)

    def explain_nonfinite(self, theta: Array, rows: Rows = None) -> str:
        """One sentence naming the first quantity of the passes that is not finite, or an empty string."""
        theta = self.network.vector(theta)
        return nonfinite.explain(self.network, theta, self.rows(theta.real.dtype, rows))

    def __getstate__(self) -> dict[str, Any]:
        kept = {"network": self.network, "examples": self.examples}
        return {**kept, "_cast": {}, "_idle": [], "_curvature": None}

    def in_type(self, dtype: np.dtype[Any]) -> Examples:
        """The examples as floating numbers of this type, converted once."""
        found = self._cast.get(dtype)
        if found is None:
            found = self._cast[dtype] = self.examples.cast(dtype)
        return found

    def scale_of_rows(self, weights: Array | None, count: int) -> float:
        """The factor of the data term of C of some rows."""
        return rows_scale(self.network.reduction, weights, count)

    def scale_of_step(self, weights: Array | None, count: int) -> float:
        """The factor of the data term of a step on some rows."""
        return step_scale(self.network.reduction, self._mean_weight, count, self.size)

    @cached_property
    def _mean_weight(self) -> float:
        weights = self.examples.weights
        return 1.0 if weights is None else float(weights.mean(dtype=np.float64))

    def rows(self, dtype: np.dtype[Any], rows: Rows) -> Examples:
        """Some of the examples, as floating numbers of a type."""
        examples = self.in_type(dtype)
        if rows is None:
            return examples
        batch = examples.take(rows)
        if not batch.size:
            raise DataError(f"A batch without rows: {rows!r} of {self.size} examples; expected at least one.")
        return batch

    def _take(self, dtype: np.dtype[Any]) -> Workspace:
        try:
            workspace = self._idle.pop()
        except IndexError:
            return Workspace(self.network, dtype)
        return workspace if workspace.dtype == dtype else Workspace(self.network, dtype)


class ShuffledObjective:
    """A :class:`NetworkObjective` with its rows in another order, for one epoch of training.

    The gradients that it gives are a buffer of this objective: read it before the next call. One thread at a
    time may use it.

    Parameters
    ----------
    base : NetworkObjective
        Whose rows are reordered.
    permutation : ndarray of int, shape (n,)
        Row i is the base's row ``permutation[i]``.
    """

    def __init__(self, base: NetworkObjective, permutation: NDArray[np.intp]) -> None:
        self.base = base
        self.permutation = permutation
        self._workspace: Workspace | None = None
        self._ordered: Examples | None = None

    @property
    def parameters(self) -> ParameterSpec:
        """Names and shapes of the parameters."""
        return self.base.parameters

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(self.permutation)

    def value(self, theta: Array, rows: Rows = None) -> Any:
        """C(θ); complex if θ is."""
        return self.base.value(theta, self._in_base(rows))

    def value_and_gradient(self, theta: Array, rows: Rows = None) -> tuple[Any, Array]:
        """C(θ) and ∇C(θ), shape (p,), in a buffer that the next call overwrites."""
        return self._value_and_gradient(theta, rows, self.base.scale_of_rows)

    def batch_estimate(self, theta: Array, rows: Rows) -> tuple[Any, Array]:
        """Unbiased estimates of C(θ) and ∇C(θ), shape (p,), in a buffer that the next call overwrites."""
        return self._value_and_gradient(theta, rows, self.base.scale_of_step)

    def _value_and_gradient(self, theta: Array, rows: Rows, scale_of: _Scale) -> tuple[Any, Array]:
        workspace = self._workspace
        if workspace is None or workspace.dtype != theta.dtype:
            if not _fits_workspace(theta, self.base.examples):
                return self.base._value_and_gradient(theta, self._in_base(rows), scale_of)
            workspace = self._prepare(theta.dtype)
        batch = self._ordered
        if batch is None:
            batch = self.base.in_type(theta.dtype).take(self._in_base(rows))
            rows = None
        X, Y, weights = batch.X, batch.Y, batch.weights
        if rows is not None:
            X, Y = X[rows], Y[rows]
            weights = None if weights is None else weights[rows]
        if not len(Y):
            raise DataError("A batch without rows; expected at least one.")
        return workspace.step(theta, X, Y, weights, scale_of(weights, len(Y))), workspace.gradient

    def explain_nonfinite(self, theta: Array, rows: Rows = None) -> str:
        """One sentence naming the first quantity of the passes that is not finite, or an empty string."""
        return self.base.explain_nonfinite(theta, self._in_base(rows))

    def _in_base(self, rows: Rows) -> NDArray[np.intp]:
        return self.permutation if rows is None else self.permutation[rows]

    def _prepare(self, dtype: np.dtype[Any]) -> Workspace:
        workspace = self._workspace = self.base._take(dtype)
        # The buffers go back to the base when this objective is dropped.
        weakref.finalize(self, self.base._idle.append, workspace).atexit = False
        examples = self.base.in_type(dtype)
        small = getattr(examples.X, "nbytes", 0) <= _SMALL_TABLE_BYTES
        self._ordered = examples.take(self.permutation) if small else None
        return workspace


class ClippedObjective:
    """A :class:`NetworkObjective` with Σ_i w_i ∇ℓ_i min(1, c / ‖∇ℓ_i‖₂) in place of Σ_i w_i ∇ℓ_i.

    Its values are those of the objective; the penalty is not clipped. The norms come from the two passes, so
    that no gradient of a single example is held.

    Parameters
    ----------
    base : NetworkObjective
    norm : float
        c.
    """

    def __init__(self, base: NetworkObjective, norm: float) -> None:
        self.base, self.norm = base, norm

    @property
    def parameters(self) -> ParameterSpec:
        """Names and shapes of the parameters."""
        return self.base.parameters

    @property
    def size(self) -> int:
        """Number of examples of positive weight."""
        return self.base.size

    def value(self, theta: Array, rows: Rows = None) -> Any:
        """C(θ)."""
        return self.base.value(theta, rows)

    def value_and_gradient(self, theta: Array, rows: Rows = None) -> tuple[Any, Array]:
        """C(θ), and its gradient of clipped parts, shape (p,)."""
        return self._clipped(theta, rows, self.base.scale_of_rows)

    def batch_estimate(self, theta: Array, rows: Rows) -> tuple[Any, Array]:
        """Unbiased estimates of C(θ) and of that gradient from a batch."""
        return self._clipped(theta, rows, self.base.scale_of_step)

    def _clipped(self, theta: Array, rows: Rows, scale_of: _Scale) -> tuple[Any, Array]:
        theta = self.base.network.vector(theta)
        examples = self.base.rows(np.dtype(theta.real.dtype), rows)
        scale = scale_of(examples.weights, examples.size)
        with within_memory("The gradient of the objective"):
            value, gradient = evaluate.value_and_gradient(
                self.base.network, theta, examples, scale, longest=self.norm
            )
        return value, gradient.vector

    def explain_nonfinite(self, theta: Array, rows: Rows = None) -> str:
        """One sentence naming the first quantity of the passes that is not finite, or an empty string."""
        return self.base.explain_nonfinite(theta, rows)


def _fits_workspace(theta: Array, examples: Examples) -> bool:
    """Whether θ and the data are real and lie as the training step needs them."""
    return theta.dtype.kind == "f" and theta.flags.c_contiguous and examples.X.dtype.kind == "f"
