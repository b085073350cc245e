"""The programs of a sheet: with all that is known of its names, and with nothing assumed of some."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property, partial

from chainrule.equations.calculus.lower import lower_sheet
from chainrule.equations.language.sheet import Sheet
from chainrule.equations.language.tree import Derivative, children, names_in, walk
from chainrule.equations.nodes.program import Program


class Programs:
    """A sheet in index notation, lowered once for each set of names of which nothing is assumed.

    Parameters
    ----------
    sheet : Sheet
    part : frozenset of str, optional
        The definitions that are lowered, with all that they depend on; by default every one.
    """

    def __init__(self, sheet: Sheet, part: frozenset[str] | None = None) -> None:
        self.sheet, self.part = sheet, frozenset(sheet.definitions) if part is None else part
        self._freed: dict[frozenset[str], Program] = {}

    @cached_property
    def whole(self) -> Program:
        """The program that knows all."""
        return lower_sheet(self.sheet, part=self.part)

    def behind(self, term: Derivative) -> Programs:
        """Those of the derivatives in claims, where they know enough and these are not made."""
        needed = names_in(term) & self.sheet.definitions.keys()
        return self._claimed if "whole" not in self.__dict__ and needed <= self._claimed.part else self

    @cached_property
    def _claimed(self) -> Programs:
        """Those of what the derivatives in claims rest on, all together."""
        readings = [claim.reading for claim in self.sheet.claims if claim.fault is None]
        names = {
            name
            for reading in readings
            for term in walk(filter(None, (reading.left, reading.right)), children)
            if isinstance(term, Derivative)
            for name in names_in(term)
        }
        for name in reversed(list(self.sheet.definitions)):
            names |= self.sheet.mentioned(name) if name in names else set()
        return Programs(self.sheet, frozenset(names))

    def free(
        self, names: Iterable[str], attempt: str = "What is asked for", steps: int | None = None
    ) -> Program:
        """The program that assumes nothing of the given names, as a derivative by them needs it.

        ``attempt`` and ``steps`` say what it is for, and how many steps of the rules that may take.
        """
        pool, symbols = self.whole.pool, self.whole.symbols
        facts = {*pool.simplex, *pool.signs, *(node for node, known in pool.symmetric.items() if known)}
        known = frozenset(name for name in names if symbols.get(name) in facts)
        if known and known not in self._freed:
            self._freed[known] = lower_sheet(self.sheet, known, self.part)
        program = self._freed[known] if known else self.whole
        program.pool.refill(attempt, steps)
        return program

    def attempting(self, of: object, wrt: object, what: str) -> Callable[[Iterable[str]], Program]:
        """`free`, where an error says what was derived: "The derivative of L in line 3 with respect to W"."""
        line = f" in line {known.span.line}" if (known := self.sheet.definitions.get(_first(of))) else ""
        by = f" with respect to {shown}" if (shown := _first(wrt)) else ""
        return partial(self.free, attempt=f"The {what} of {_first(of)}{line}{by}")


def _first(names: object) -> str:
    """The first of some names, for a message."""
    every = names if isinstance(names, list | tuple) else [names] if isinstance(names, str) else ()
    return ", ".join(map(str, every[:3])) + (", ..." if len(every) > 3 else "")
