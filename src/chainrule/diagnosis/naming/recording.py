"""A loss is run once on arrays that remember; the table of what they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from scipy import special

from chainrule.diagnosis.naming import array_steps as arrays
from chainrule.diagnosis.naming import elementwise_steps as each
from chainrule.diagnosis.naming import operations as ops
from chainrule.diagnosis.naming import product_steps as products
from chainrule.diagnosis.naming.tape import Array, Tape, Untraceable
from chainrule.diagnosis.naming.traced import Traced, plain

UFUNCS: dict[str, Callable[..., Any]] = {
    **{name: each.mapped(one) for name, one in ops.MAPS.items()},
    "negative": each.negative,
    "positive": lambda x: x,
    "conjugate": lambda x: x,
    "add": each.add,
    "subtract": each.subtract,
    "multiply": each.multiply,
    "divide": each.divide,
    "true_divide": each.divide,
    "power": each.power,
    "float_power": each.power,
    "square": lambda x: each.power(x, 2.0),
    "absolute": each.absolute,
    "fabs": each.absolute,
    "maximum": each.larger,
    "fmax": each.larger,
    "minimum": each.smaller,
    "fmin": each.smaller,
    "logaddexp": each.log_add,
    "hypot": lambda x, y: np.sqrt(each.power(x, 2.0) + each.power(y, 2.0)),
    "exp2": lambda x: np.exp(x * np.log(2.0)),
    "matmul": products.matmul,
    "expit": each.mapped(ops.MAPS["sigmoid"]),
    "log_expit": lambda x: -each.log_add(0.0, -x),
    "xlogy": lambda x, y: x * np.log(each.pick(np.asarray(plain(x)) == 0, 1.0, y)),
    "vecdot": lambda x, y: arrays.total(x * y, -1),
}

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sum": arrays.total,
    "mean": arrays.mean,
    "var": arrays.variance,
    "std": arrays.deviation,
    "average": arrays.average,
    "max": arrays.extreme(np.argmax),
    "amax": arrays.extreme(np.argmax),
    "min": arrays.extreme(np.argmin),
    "amin": arrays.extreme(np.argmin),
    "prod": arrays.product,
    "cumsum": lambda x, axis=None, **_: (x if axis is not None else x.reshape(-1)).step(
        ops.CUMULATE, ((axis or 0) % max(1, x.ndim),)
    ),
    "reshape": lambda x, *shape, **options: x.reshape(*shape, **options),
    "ravel": lambda x, *_, **__: x.reshape(-1),
    "flatten": lambda x, *_, **__: x.reshape(-1),
    "transpose": lambda x, axes=None: x.transpose(*(axes or ())),
    "swapaxes": arrays.swapped,
    "moveaxis": arrays.moved_axis,
    "expand_dims": arrays.expanded,
    "squeeze": lambda x, axis=None: x.reshape(np.squeeze(x.node.value, axis).shape),
    "atleast_1d": lambda x: x if x.ndim else x.reshape(1),
    "atleast_2d": lambda x: x if x.ndim > 1 else x.reshape(1, -1),
    "broadcast_to": lambda x, shape, **_: each.spread_to(x, tuple(shape)),
    "repeat": lambda x, repeats, axis=None: np.take(
        x if axis is not None else x.reshape(-1),
        np.repeat(np.arange(x.size if axis is None else x.shape[axis]), repeats),
        axis=axis or 0,
    ),
    "take": lambda x, indices, axis=None, **_: (
        x.reshape(-1)[indices] if axis is None else x[(slice(None),) * (axis % x.ndim) + (indices,)]
    ),
    "take_along_axis": lambda x, indices, axis: x[
        tuple(indices if a == axis % x.ndim else np.indices(indices.shape)[a] for a in range(x.ndim))
    ],
    "roll": lambda x, shift, axis=None: np.take(
        x, np.roll(np.arange(x.size if axis is None else x.shape[axis]), shift), axis=axis
    ).reshape(x.shape),
    "flip": lambda x, axis=None: x[
        tuple(
            slice(None, None, -1) if axis is None or a == axis % x.ndim else slice(None)
            for a in range(x.ndim)
        )
    ],
    "diff": lambda x, n=1, axis=-1: (
        np.take(x, np.arange(1, x.shape[axis]), axis=axis)
        - np.take(x, np.arange(x.shape[axis] - 1), axis=axis)
    ),
    "concatenate": arrays.join,
    "hstack": lambda parts, **_: arrays.join(parts, 0 if np.ndim(plain(parts[0])) < 2 else 1),
    "vstack": lambda parts, **_: arrays.join([np.atleast_2d(part) for part in parts], 0),
    "column_stack": lambda parts: arrays.join([p if np.ndim(plain(p)) > 1 else p[:, None] for p in parts], 1),
    "stack": arrays.stack,
    "where": each.pick,
    "clip": each.clip,
    "abs": each.absolute,
    "astype": lambda x, *_, **__: x,
    "real": lambda x: x,
    "real_if_close": lambda x, *_: x,
    "copy": lambda x, *_, **__: x.copy(),
    "dot": products.dot,
    "vdot": products.flat_dot,
    "inner": lambda x, y: products.matmul(x, np.swapaxes(y, -1, -2) if np.ndim(plain(y)) > 1 else y),
    "outer": products.outer,
    "einsum": products.einsum,
    "tensordot": products.tensordot,
    "trace": lambda x, *rest: arrays.total(arrays.diagonal(x, *rest)),
    "diagonal": arrays.diagonal,
    "diag": arrays.diag,
    "norm": products.norm,
    "inv": products.inverse,
    "solve": products.solve,
    "det": lambda x: x.step(ops.DETERMINANT),
    "slogdet": lambda x: (np.sign(np.linalg.det(x.node.value)), x.step(ops.LOG_DETERMINANT)),
    "logsumexp": products.log_sum,
    "softmax": products.softmax,
    "log_softmax": products.log_softmax,
}

Traced.ufuncs, Traced.functions = UFUNCS, FUNCTIONS


def trace(loss: Callable[[Any], Any], arrays: Mapping[str, Array], rebuild: Callable[[Any], Any]) -> Tape:
    """The tape of a loss at a point.

    Parameters
    ----------
    loss : callable
    arrays : mapping of str to ndarray
    rebuild : callable
        Makes the loss's argument of the traced arrays.

    Raises
    ------
    Untraceable
        If the loss does what cannot be recorded, or fails on arrays that are no NumPy arrays.
    """
    tape = Tape()
    traced = {
        name: Traced(tape, tape.parameter(name, np.array(array, np.float64)))
        for name, array in arrays.items()
    }
    try:
        with np.errstate(all="ignore"), _scipy_recorded(loss):
            result = loss(rebuild(traced))
    except Untraceable:
        raise
    except Exception as error:  # somebody's code
        raise Untraceable(f"The loss cannot be traced: {type(error).__name__}: {error}") from error
    while isinstance(result, np.ndarray) and result.dtype == object and result.size == 1:
        result = result.reshape(-1)[0]
    if isinstance(result, Traced):
        tape.root = result.node
    if tape.root is None or tape.root.value.size != 1:
        raise Untraceable("The loss cannot be traced: its value does not remember where it came from.")
    return tape


@contextmanager
def _scipy_recorded(loss: Callable[[Any], Any]) -> Iterator[None]:
    """While a loss runs, SciPy's functions that take an array apart are ours, for arrays that remember."""
    originals = {name: getattr(special, name) for name in ("logsumexp", "softmax", "log_softmax")}
    names = getattr(loss, "__globals__", {})
    places: list[tuple[Callable[[Any], None], Any]] = []
    for name, original in originals.items():
        ours = _instead(original, FUNCTIONS[name])
        imported = [key for key, value in names.items() if value is original]
        places += [(lambda f, name=name: setattr(special, name, f), original)]  # type: ignore[misc]
        places += [(lambda f, key=key: names.__setitem__(key, f), original) for key in imported]  # type: ignore[misc]
        for put, _ in places[-1 - len(imported) :]:
            put(ours)
    try:
        yield
    finally:
        for put, original in places:
            put(original)


def _instead(original: Callable[..., Any], ours: Callable[..., Any]) -> Callable[..., Any]:
    def chosen(*args: Any, **options: Any) -> Any:
        is_traced = any(isinstance(one, Traced) for one in (*args, *options.values()))
        return (ours if is_traced else original)(*args, **options)

    return chosen
