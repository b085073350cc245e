"""What numbers say without a model: a block beside its truth."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.diagnosis.naming.words import say_batch

Array = NDArray[Any]
Arrays = Mapping[str, Array]


class Said(NamedTuple):
    """What is said of a mistake: the first parts of a diagnosis."""

    word: str
    place: str
    sentence: str
    also: tuple[str, ...] = ()


def entry_off(claimed: Arrays, true: Arrays, tolerance: float) -> Said | None:
    """One entry of one block alone."""
    if not (found := _only_block(claimed, true, tolerance)):
        return None
    name, places = found
    if len(places) > 1 or claimed[name].size == 1:
        return None
    at = f"{name}[{', '.join(map(str, places[0]))}]"
    mine, truth = claimed[name][tuple(places[0])], true[name][tuple(places[0])]
    if mine == 0:
        return Said("constant", at, "this entry alone is zero")
    return Said("constant", at, f"this entry alone is off, {mine / truth:.4g} times the truth")


def entries_moved(claimed: Arrays, true: Arrays, tolerance: float) -> Said | None:
    """Right entries of one block, in other places."""
    if not (found := _only_block(claimed, true, tolerance)):
        return None
    name, places = found
    array, truth = claimed[name], true[name]
    if len(places) < 2:
        return None
    if array.ndim == 2 and array.shape == array.T.shape and _is_near(array, truth.T, tolerance):
        return Said("transpose", name, "it is transposed")
    mine, theirs = np.sort(array[tuple(places.T)]), np.sort(truth[tuple(places.T)])
    if not np.allclose(mine, theirs, rtol=tolerance, atol=0):
        return None
    many = (
        "two entries are exchanged"
        if len(places) == 2
        else "the entries are right, and stand in other places"
    )
    return Said("index", name, many)


def _only_block(claimed: Arrays, true: Arrays, tolerance: float) -> tuple[str, Array] | None:
    """The block that alone is wrong, and the places of its wrong entries."""
    off = {name: np.argwhere(_differs(array, true[name], tolerance)) for name, array in claimed.items()}
    wrong = [(name, places) for name, places in off.items() if len(places)]
    return wrong[0] if len(wrong) == 1 and claimed[wrong[0][0]].ndim else None


def paths_off(claimed: Arrays, true: Arrays, outputs: int, tolerance: float) -> Said | None:
    """A Jacobian of which all that is off is outputs that stay as a block moves."""
    wrong, count = [], 0
    for name, array in claimed.items():
        off = _differs(array, true[name], tolerance).reshape(outputs, -1).any(axis=1)
        if np.any(array.reshape(outputs, -1)[off]):
            return None
        wrong += [name] if off.any() else []
        count += int(off.sum())
    # Of one block alone it may as well be one side of a condition: leaky relu as relu.
    if not wrong or len(claimed) < 2:
        return None
    return Said("path", ", ".join(wrong), f"{count} rows of outputs by blocks are zero, and are not")


def blocks_off(claimed: Arrays, true: Arrays, at: Arrays, n: int, tolerance: float) -> Said | None:
    """Blocks that are multiples of the truth, or of its data term beside a penalty, or off by a penalty."""
    wrong = [name for name, array in claimed.items() if not _is_near(array, true[name], tolerance)]
    if not wrong:
        return None
    is_bias = all(claimed[name].ndim < 2 for name in wrong) and len(wrong) < len(claimed)
    for shrunk in (np.zeros_like, np.array, np.sign):
        tried = [_parts(claimed[name], true[name], shrunk(at[name]), tolerance) for name in wrong]
        parts = [one for one in tried if one is not None]
        if len(parts) == len(wrong) and (said := _said_of(parts, ", ".join(wrong), n, is_bias)):
            return said
    return None


def _said_of(parts: list[_Parts], place: str, n: int, is_bias: bool) -> Said | None:
    ratios = [one.ratio for one in parts]
    strengths = [one.strength for one in parts if one.strength is not None]
    if not _are_alike(strengths):
        return None
    if strengths and all(abs(ratio - 1) < 1e-6 for ratio in ratios):
        return Said("penalty", place, "a multiple of the block itself is too much or missing")
    if strengths and is_bias:
        return None
    if max(map(abs, ratios)) < 1e-6:
        return _nothing(place, is_bias, bool(strengths))
    ratio = _of_layers(ratios)
    return _ratio(ratio, not _are_alike(ratios), place, n, is_bias, bool(strengths)) if ratio else None


class _Parts(NamedTuple):
    """A claim as a multiple of the data term beside a penalty; None of no penalty."""

    ratio: float
    strength: float | None


def _parts(array: Array, true: Array, shrunk: Array, tolerance: float) -> _Parts | None:
    """A multiple of the truth alone; a penalty that is added alone; a multiple beside the penalty."""
    bound = (
        10
        * tolerance
        * max(float(np.max(np.abs(array), initial=0.0)), float(np.max(np.abs(true), initial=0.0)))
    )

    def fitted(rest: Array, *basis: Array) -> Array | None:
        columns = np.stack([one.ravel() for one in basis], axis=1)
        if rest.size <= len(basis) or not all(np.any(one) for one in basis):
            return None
        found, *_ = np.linalg.lstsq(columns, rest.ravel(), rcond=None)
        return found if np.max(np.abs(columns @ found - rest.ravel())) <= bound else None

    if (found := fitted(array, true)) is not None:
        return _Parts(float(found[0]), None)
    if (found := fitted(array - true, shrunk)) is not None:
        return _Parts(1.0, float(found[0]))
    if (found := fitted(array, true, shrunk)) is not None and abs(found[0] - 1) > 1e-6:
        # s (D + R) + (1 - s) R is s D + R.
        return _Parts(float(found[0]), float(found[1]) / (1 - float(found[0])))
    return None


def _are_alike(numbers: list[float]) -> bool:
    return not numbers or bool(np.ptp(numbers) <= 1e-4 * max(abs(numbers[0]), 1e-6))


def _of_layers(ratios: list[float]) -> float:
    """The number of which all are powers, as where each layer has it once more; 0 where there is none."""
    if min(map(abs, ratios)) < 1e-6:
        return 0.0
    least = min(ratios, key=lambda ratio: abs(math.log(abs(ratio))))
    if all(abs(ratio - least) <= 1e-5 * abs(least) for ratio in ratios):
        return least
    log = math.log(abs(least))
    if abs(log) < 1e-3:
        return least if all(abs(abs(ratio) - 1) < 1e-5 for ratio in ratios) else 0.0
    powers = [round(math.log(abs(ratio)) / log) for ratio in ratios]
    fits = all(abs(least**k - ratio) <= 1e-5 * abs(ratio) for k, ratio in zip(powers, ratios, strict=True))
    return least if fits and max(powers) <= len(ratios) else 0.0


def _nothing(place: str, is_bias: bool, beside: bool) -> Said:
    if beside:
        return Said("fork", place, "only a multiple of the block itself is there", ("path", "penalty"))
    # Over the classes a softmax's δ sums to zero.
    return Said(
        "bias" if is_bias else "path", place, "every entry is zero", ("path", "sum") if is_bias else ()
    )


def _ratio(ratio: float, many: bool, place: str, n: int, is_bias: bool, beside: bool) -> Said:
    of = "the data term, beside the penalty's" if beside else "the truth"
    words = f"{ratio:.4g} times {of}" + (", once more in each layer" if many else "")
    if abs(ratio + 1) < 1e-5:
        return Said("sign", place, f"the sign of {of} is wrong")
    if (batch := say_batch(n, ratio)) and not many:
        return Said("bias" if is_bias else "batch", place, f"{words}: {batch}", ("batch", "constant"))
    return Said("constant", place, words)


def block_moved(claimed: Arrays, true: Arrays, at: Arrays, tolerance: float) -> Said | None:
    """One block whose data term has its entries in other places, the penalty's gradient in the right ones."""
    wrong = [name for name, array in claimed.items() if not _is_near(array, true[name], tolerance)]
    if len(wrong) != 1:
        return None
    name, array, truth = wrong[0], claimed[wrong[0]], true[wrong[0]]
    for word, sentence, move in _moves(array):
        for shrunk in (at[name], np.sign(at[name])):
            basis, rest = shrunk - move(shrunk), array - move(truth)
            square = float(np.sum(basis**2))
            share = float(np.sum(rest * basis)) / square if square else 0.0
            if array.size > 2 and _is_near(array, move(truth) + share * basis, 10 * tolerance):
                return Said(word, name, f"{sentence}, beside the penalty's gradient")
    return None


def _moves(array: Array) -> Iterator[tuple[str, str, Callable[[Array], Array]]]:
    for axis in (axis for axis in range(array.ndim) if array.shape[axis] > 1):
        for shift in (1, -1):
            yield "index", f"rolled by {shift} along axis {axis}", partial(np.roll, shift=shift, axis=axis)
        yield "index", f"reversed along axis {axis}", partial(np.flip, axis=axis)
    if array.ndim == 2 and array.shape == array.T.shape:
        yield "transpose", "it is transposed", np.transpose


def _is_near(array: Array, other: Array, tolerance: float) -> bool:
    size = max(float(np.max(np.abs(array), initial=0.0)), float(np.max(np.abs(other), initial=0.0)))
    return bool(np.all(np.abs(array - other) <= tolerance * size))


def _differs(array: Array, true: Array, tolerance: float) -> Array:
    # An entry 1 % off is found also where it is a thousandth of its block.
    floor = max(1e-3 * float(np.max(np.abs(true), initial=0.0)), 1e-300)
    return np.asarray(np.abs(array - true) > tolerance * floor)
