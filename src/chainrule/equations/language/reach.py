"""What terms of a sheet rest on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from chainrule.equations.language.sheet import Sheet
from chainrule.equations.language.tree import Ref, Term, children

__all__ = ["terms_behind"]


def terms_behind(sheet: Sheet, roots: Iterable[Term]) -> Iterator[Term]:
    """Every term in some terms and in the definitions they depend on, once."""
    stack, seen = list(roots), set[Term]()
    while stack:
        term = stack.pop()
        if term not in seen:
            seen.add(term)
            stack += children(term)
            if isinstance(term, Ref) and term.name in sheet.definitions:
                stack.append(sheet.definitions[term.name].body)
            yield term
