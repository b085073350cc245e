"""What a compiled function is asked for: a name, a derivative, a block of a Hessian."""

import re
from collections.abc import Collection
from typing import NamedTuple

from chainrule.errors import OptionError


class Request(NamedTuple):
    """The value of a name, its derivative with respect to ``wrt``, or d²of / (d wrt d then)."""

    of: str
    wrt: str | None = None
    then: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names it mentions."""
        return tuple(name for name in self if name is not None)

    def __str__(self) -> str:
        if self.wrt is None:
            return self.of
        if self.then is None:
            return f"d{self.of}/d{self.wrt}"
        below = f"d{self.wrt}2" if self.wrt == self.then else f"(d{self.wrt} d{self.then})"
        return f"d2{self.of}/{below}"


_TWICE = r"d(?:[2²]|\^2|\*\*2)"
_JOINED = re.compile(rf"{_TWICE}(\w+?)\s*/\s*\(?\s*d(\w+)\s*\)?")
_POWERS = str.maketrans("³⁴⁵⁶⁷⁸⁹", "3456789")
# How each is written, and which of its groups are `of`, `wrt` and `then`.
_READINGS = (
    (re.compile(r"d\s*\(\s*d\s*\(\s*(\w+)\s*,\s*(\w+)\s*\)\s*,\s*(\w+)\s*\)"), (1, 2, 3)),
    (re.compile(rf"{_TWICE}(\w+?)\s*/\s*\(?\s*d(\w+)[\s*·]+d(\w+?)\s*\)?"), (1, 2, 3)),
    (re.compile(rf"{_TWICE}(\w+?)\s*/\s*d(\w+?)(?:\*\*|\^)?[2²]"), (1, 2, 2)),
    (re.compile(r"d\s*\(\s*(\w+)\s*,\s*(\w+)\s*\)"), (1, 2)),
    (re.compile(r"d([^\W\d]\w*?)\s*/\s*d(\w+)"), (1, 2)),
)


def read_request(text: str, names: Collection[str]) -> Request:
    """Read ``"L"``, ``"dL/dW"``, ``"d(L, W)"``, ``"d2L/dW2"``, ``"d2L/(dW db)"`` or ``"d(d(L, W), b)"``.

    What it mentions need not exist: of several readings the one whose names all do is taken, else the first.
    ``"d2L/dWdb"`` is ``"d2L/(dW db)"``.

    Raises
    ------
    OptionError
        If it is none of these, if it is of another order, or if two readings of ``"d2L/dWdb"`` are possible.

    Examples
    --------
    >>> read_request("d2L/dW1 db", ["L", "W1", "b"])
    Request(of='L', wrt='W1', then='b')
    """
    text = text.strip()
    if text in names:
        return Request(text)
    matches = [(pattern.fullmatch(text), groups) for pattern, groups in _READINGS]
    readings = [Request(*(match[group] for group in groups)) for match, groups in matches if match]
    for reading in readings:
        if set(reading.names) <= set(names):
            return reading
    if (joined := _joined(text, names)) is not None:
        return joined
    _refuse_half_a_square(text, names)
    _refuse_higher_order(text, names)
    if not readings and not text.isidentifier():
        raise OptionError(
            f"{text!r} is nothing that can be compiled; write a name such as L, a derivative dL/dW or "
            "d(L, W), or a block of second order d2L/dW2 or d2L/(dW db)."
        )
    return readings[0] if readings else Request(text)


def _joined(text: str, names: Collection[str]) -> Request | None:
    """d2L/dWdb, where one d splits what stands below into two names."""
    match = _JOINED.fullmatch(text)
    if match is None or match[1] not in names:
        return None
    below = match[2]
    splits = [(below[:n], below[n + 1 :]) for n in range(1, len(below)) if below[n] == "d"]
    found = [Request(match[1], *pair) for pair in splits if set(pair) <= set(names)]
    if len(found) > 1:
        raise OptionError(f"{text} can be read as {' and as '.join(map(str, found))}; write one of them.")
    return found[0] if found else None


def _refuse_higher_order(text: str, names: Collection[str]) -> None:
    """d3L/dW3 and d(d(d(L, W), W), W): what goes up to second order."""
    match = re.fullmatch(r"d([3-9])(\w+?)\s*/\s*\(?\s*d(\w+?)\d?\b.*", text.translate(_POWERS))
    nested = re.fullmatch(r"d\s*\((?:\s*d\s*\(){2,}\s*(\w+)\s*,\s*(\w+)\s*\).*\)", text)
    found = (match[2], match[3]) if match else (nested[1], nested[2]) if nested else None
    if found is None or not set(found) <= set(names):
        return
    of, wrt = found
    order = match[1] if match else text.count("(")
    inner = f"d({of}, {wrt})"
    for _ in range(int(order) - 1):
        inner = f"d({inner}, {wrt})"
    raise OptionError(
        f"{text} is of order {order}; a request goes up to order 2: {of}, d{of}/d{wrt}, d2{of}/d{wrt}2. "
        f"Give it a name in the sheet, T = {inner}, and compile T."
    )


def _refuse_half_a_square(text: str, names: Collection[str]) -> None:
    """d2L/dW2 where the name is W2: one 2 is missing, or a second name."""
    match = re.fullmatch(r"d[2²](\w+?)\s*/\s*d(\w+)", text)
    if match and {match[1], match[2]} <= set(names):
        name = match[2]
        raise OptionError(
            f"{text} is of second order above and of first below; "
            f"write d2{match[1]}/d{name}2, d2{match[1]}/(d{name} d...) or d(d({match[1]}, {name}), ...)."
        )
