"""The programs of a sheet: with all that is known of its names, and with nothing assumed of some."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from chainrule.equations.calculus.lower import lower_sheet
from chainrule.equations.language.sheet import Sheet
from chainrule.equations.nodes.program import Program

__all__ = ["Programs"]


class Programs:
    """A sheet in index notation, lowered once for each set of names of which nothing is assumed.

    Parameters
    ----------
    sheet : Sheet
    """

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self._freed: dict[frozenset[str], Program] = {}

    @cached_property
    def whole(self) -> Program:
        """The program that knows all."""
        return lower_sheet(self.sheet)

    def free(self, names: Iterable[str]) -> Program:
        """The program that assumes nothing of the given names, as a derivative by them needs it."""
        pool, symbols = self.whole.pool, self.whole.symbols
        facts = {*pool.simplex, *pool.signs, *(node for node, known in pool.symmetric.items() if known)}
        known = frozenset(name for name in names if symbols.get(name) in facts)
        if known and known not in self._freed:
            self._freed[known] = lower_sheet(self.sheet, known)
        program = self._freed[known] if known else self.whole
        program.pool.refill()
        return program
