"""The words for a mistake, and what a number says of it."""

from __future__ import annotations

import math

from chainrule.diagnosis.naming.mutant import Mutant
from chainrule.diagnosis.naming.passage import Passage
from chainrule.diagnosis.naming.tape import Node
from chainrule.numerals import numeral

CLOSE = 1e-5
"""How far a number found may be from the one it is taken for."""


COMMON = (2, 3, 4, 6, 8, 0.5, 1 / 3, 0.25, -2, -0.5)
"""Numbers that are lost or put in by mistake."""


def is_close(number: float, other: float) -> bool:
    """Whether a number is another, as far as it is known."""
    return abs(number - other) <= CLOSE * max(abs(other), 1e-3)


def say_scale(passage: Passage, mutant: Mutant, s: float) -> tuple[str, str, tuple[str, ...]] | None:
    """Word, sentence and other words for a contribution that is s times the true one."""
    node = mutant.changes[0][0]
    of = f"the gradient of {node.name}" if node.name else _arriving(mutant.place)
    source = mutant.source or node
    if source.place in passage.penalised:
        return "penalty", _penalty(s), ()
    if is_close(s, 1.0):
        return None
    if is_close(s, -1.0):
        return "sign", f"the sign of {of} is wrong", ()
    bias = _leads_to_bias(passage, node)
    if abs(s) < CLOSE:
        return ("bias" if bias else "path"), f"{of} is missing", ("path",) if bias else ()
    if batch := say_batch(passage.examples, s):
        number = ("constant",) if len(f"{s:.4g}") < 5 else ()
        return ("bias", batch, ("batch",)) if bias else ("batch", batch, number)
    return _number(passage, node, s, of)


def _arriving(place: str) -> str:
    if place in ("the loss", "the penalty"):
        return f"the gradient of {place}"
    return f"the gradient {place}" if place.startswith("behind") else f"the gradient at {place}"


def _penalty(s: float) -> str:
    if abs(s) < CLOSE:
        return "the penalty's gradient is missing"
    return f"the penalty's gradient is {numeral(s)} times what it should be"


def _leads_to_bias(passage: Passage, node: Node) -> bool:
    if node.name:
        return passage.is_bias(node)
    return node.kind in ("spread", "reshape") and passage.is_bias(node.operands[0])


def is_known(n: int, s: float) -> bool:
    """Whether a number is one that people lose or put in: of two mistakes each has such a number."""
    return (
        abs(s) < CLOSE
        or any(is_close(s, number) for number in (*COMMON, -1.0))
        or bool(say_batch(n, s))
        or is_close(float(f"{s:.3g}"), s)
    )


def say_batch(n: int, s: float) -> str:
    """What a number has to do with n examples, if it has."""
    # Of two examples a sum for a mean is a 2 like any other.
    if n < 3:
        return ""
    if is_close(s, n):
        return f"the sum over the {n} examples stands for their mean"
    if is_close(s, 1 / n):
        return f"the mean over the {n} examples is taken once too often"
    # 3/2 is too likely another number.
    powers = (n**2, n**-2, math.sqrt(n), 1 / math.sqrt(n), *((n / (n - 1), (n - 1) / n) if n > 4 else ()))
    if any(is_close(s, power) for power in powers) and not any(is_close(s, number) for number in COMMON):
        return f"divided by another number than the {n} examples"
    return ""


def _number(passage: Passage, node: Node, s: float, of: str) -> tuple[str, str, tuple[str, ...]] | None:
    sentence = f"{of} is {numeral(s)} times what it should be"
    if say_batch(passage.examples, -s):  # a sign and a mean: these are two
        return None
    widths = {one.value.shape[-1] for one in passage.nodes if one.value.ndim == 2} - {1, 2}
    if any(_is_power(s, width) for width in widths):
        return "constant", sentence, ("sum",)
    if any(is_close(s, number) for number in COMMON):
        return "constant", sentence, ()
    if word := _of_the_loss(passage, s):
        return word, sentence, ("constant", "factor")
    is_whole = node.value.size >= 3 and (bool(node.name) or node is passage.root)
    return ("constant", sentence, ()) if is_whole or float(f"{s:.3g}") == round(s, 12) else None


def _is_power(s: float, number: float) -> bool:
    return is_close(s, number) or is_close(s * number, 1.0)


def _of_the_loss(passage: Passage, s: float) -> str:
    """What a number is that the loss itself computes, or has as a constant."""
    for node in passage.tape.nodes:
        if node.value.size == 1:
            number = float(node.value.reshape(()))
            # A square as of ((y - f) exp(-s))**2, where exp(-s) is all that the loss writes.
            found = _is_power(s, number) or (node.moves and _is_power(s, number**2))
            if found and abs(number) > 1e-9 and not is_close(abs(number), 1.0):
                return "factor" if node.moves else "constant"
    return ""
