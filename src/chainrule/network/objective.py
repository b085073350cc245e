"""A network over a set of examples as an objective: a function of the flat θ."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import DataError
from chainrule.network import evaluate, nonfinite
from chainrule.network.architecture import Architecture
from chainrule.network.examples import Examples
from chainrule.network.reduction import data_scale
from chainrule.network.workspace import Workspace
from chainrule.objective import Rows
from chainrule.parameters import ParameterSpec

__all__ = ["NetworkObjective", "ShuffledObjective"]

Array = NDArray[Any]

# Up to here a table is copied in its new order once per epoch; a larger one misses the cache either way, so
# its rows are gathered batch by batch.
_SMALL_TABLE_BYTES = 8_000_000


class NetworkObjective:
    """C(θ) of a network over examples, all or a batch, with its gradient.

    A batch takes its own weighted mean; with ``reduction="sum"`` its data term is scaled by n / batch size.
    Gradients are computed in buffers that the objective keeps; each call uses buffers of its own, so threads
    may share an objective.

    Parameters
    ----------
    network : Architecture
        What is evaluated.
    examples : Examples
        From ``network.examples(X, y, sample_weight)``; rows count among those of positive weight.
    """

    def __init__(self, network: Architecture, examples: Examples) -> None:
        self.network = network
        self.examples = examples
        self._cast: dict[np.dtype[Any], Examples] = {}
        # Buffers that no call is using. Taking from and adding to a list is atomic.
        self._idle: list[Workspace] = []

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
        return evaluate.value(self.network, theta, self._rows(theta.real.dtype, rows), self.size)

    def value_and_gradient(self, theta: Array, rows: Rows = None) -> tuple[Any, Array]:
        """C(θ) and ∇C(θ), shape (p,); the gradient is the caller's own. A complex θ gives complex results."""
        theta = self.network.vector(theta)
        examples = self._rows(theta.real.dtype, rows)
        if not _fits_workspace(theta, examples):
            value, gradient = evaluate.value_and_gradient(self.network, theta, examples, self.size)
            return value, gradient.vector
        workspace = self._take(theta.dtype)
        try:
            batch = (examples.X, examples.Y, examples.weights)
            value = step(workspace, theta, *batch, self.size)
            return value, workspace.gradient.copy()
        finally:
            self._idle.append(workspace)

    def shuffled(self, permutation: NDArray[np.integer[Any]]) -> ShuffledObjective:
        """The same objective with row i taken from row ``permutation[i]``: a batch is then a slice.

        Its gradients lie in one buffer, valid until its next call: what a training loop wants.
        """
        return ShuffledObjective(self, np.asarray(permutation, dtype=np.intp))

    def explain_nonfinite(self, theta: Array, rows: Rows = None) -> str:
        """One sentence naming the first quantity of the passes that is not finite, or an empty string."""
        theta = self.network.vector(theta)
        return nonfinite.explain(self.network, theta, self._rows(theta.real.dtype, rows))

    def __getstate__(self) -> dict[str, Any]:
        return {"network": self.network, "examples": self.examples, "_cast": {}, "_idle": []}

    def in_type(self, dtype: np.dtype[Any]) -> Examples:
        """The examples as floating numbers of this type, converted once."""
        found = self._cast.get(dtype)
        if found is None:
            found = self._cast[dtype] = self.examples.cast(dtype)
        return found

    def _rows(self, dtype: np.dtype[Any], rows: Rows) -> Examples:
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

    The gradient of ``value_and_gradient`` is a buffer of this objective: read it before the next call. One
    thread at a time may use it.

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
        workspace = self._workspace
        if workspace is None or workspace.dtype != theta.dtype:
            if not _fits_workspace(theta, self.base.examples):
                return self.base.value_and_gradient(theta, self._in_base(rows))
            workspace = self._prepare(theta.dtype)
        batch = self._ordered
        if batch is None:
            batch = self.base.in_type(theta.dtype).take(self._in_base(rows))
            rows = None
        X, Y, weights = batch.X, batch.Y, batch.weights
        if rows is not None:
            X, Y = X[rows], Y[rows]
            weights = None if weights is None else weights[rows]
        return step(workspace, theta, X, Y, weights, self.base.examples.size), workspace.gradient

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


def step(workspace: Workspace, theta: Array, X: Any, Y: Array, weights: Array | None, size: int) -> float:
    """C(θ) over a batch of ``size`` examples; the gradient is left in the workspace."""
    rows = len(Y)
    if not rows:
        raise DataError("A batch without rows; expected at least one.")
    scale = data_scale(workspace.network.reduction, weights, rows, size)
    return workspace.step(theta, X, Y, weights, scale)


def _fits_workspace(theta: Array, examples: Examples) -> bool:
    """Whether θ and the data are real and lie as the training step needs them."""
    return theta.dtype.kind == "f" and theta.flags.c_contiguous and examples.X.dtype.kind == "f"
