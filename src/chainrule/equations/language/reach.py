"""What terms of a sheet rest on."""

from collections.abc import Iterable, Iterator

from chainrule.equations.language.sheet import Sheet
from chainrule.equations.language.tree import Ref, Term, children, walk


def terms_behind(sheet: Sheet, roots: Iterable[Term]) -> Iterator[Term]:
    """Every term in some terms and in the definitions they depend on, once."""

    def parts(term: Term) -> tuple[Term, ...]:
        if isinstance(term, Ref) and term.name in sheet.definitions:
            return (sheet.definitions[term.name].body,)
        return children(term)

    return walk(roots, parts)
