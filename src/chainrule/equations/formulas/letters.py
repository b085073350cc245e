"""Which forms need letters, and which letters stand in them."""

from collections.abc import Iterable
from typing import Any

from chainrule.equations.formulas.arrange import transpose
from chainrule.equations.formulas.forms import (
    Add,
    Compare,
    Each,
    Entry,
    Form,
    Function,
    Hadamard,
    Indexed,
    Iota,
    Letter,
    Merged,
    Mul,
    Named,
    OfEntries,
    Ones,
    Part,
    Power,
    Relation,
    Scale,
    Sigma,
    Split,
    each_form,
    forms_in,
)
from chainrule.equations.language.tree import size_factors
from chainrule.equations.nodes.nodes import Node, topological


def is_indexed(form: Form) -> bool:
    """Whether a form has, anywhere, more than two axes or a product that does not reduce to matrices.

    What is written entry by entry already has neither.
    """
    for inner in each_form(form, closed=(Entry, OfEntries, Part, Sigma)):
        if isinstance(inner, Entry | OfEntries | Sigma):
            continue
        if isinstance(inner, Part) and not isinstance(inner.arg, Named) and is_indexed(inner.arg):
            return True
        if inner.rank > 2 or isinstance(inner, Each | Indexed | Iota | Merged | Relation | Split):
            return True
        if isinstance(inner, Compare) and (_repeats_labels(inner.left) or _repeats_labels(inner.right)):
            return True
    return False


def _repeats_labels(form: Form) -> bool:
    """Whether labels are repeated, which no matrix form says: they are compared as y[i] = y[j]."""
    return not isinstance(form, Named) and any(
        isinstance(inner, Named) and inner.node in inner.node.pool.labels for inner in each_form(form)
    )


def sizes_not_letters(symbols: Iterable[Node], printed: Iterable[Node]) -> list[str]:
    """The sizes that no index may be called: all but i to l, and these too where they are printed."""
    names = {part for symbol in symbols for size in symbol.dims for part in size_factors(size)}
    nodes = list(topological(printed))
    shown = {node.data for node in nodes if node.kind == "size"}
    shown |= {size for node in nodes if node.kind == "relation" for size, _ in node.data.sizes}
    return sorted(name for name in names if isinstance(name, str) and (name not in "ijkl" or name in shown))


def is_repeated(form: Any) -> bool:
    """Whether a matrix is made of vectors that are repeated: x 𝟏ᵀ - 𝟏 xᵀ, whose entries are x[i] - x[j]."""
    match form:
        case tuple():
            return any(map(is_repeated, form))
        case Mul(rank=2, factors=factors):
            return any(isinstance(transpose(factor), Ones) or isinstance(factor, Ones) for factor in factors)
        case Add(rank=2, terms=inner) | Scale(rank=2, arg=inner) | Power(rank=2, arg=inner):
            return is_repeated(inner)
        case Hadamard(rank=2, above=above, below=below):
            return is_repeated((*above, *below))
        case Function(rank=2, axis=None, arg=arg):
            return is_repeated(arg)
    return False


def letters_in(form: Form, kinds: tuple[type[Form], ...]) -> set[str]:
    """The letters that stand as subscripts (`Entry`), as numbers (`Letter`), or both; none summed over."""
    found = set[str]().union(*(letters_in(inner, kinds) for inner in forms_in(form)))
    match form:
        case Letter(letter=letter) if Letter in kinds:
            return {letter}
        case Entry(letters=letters) if Entry in kinds:
            return found.union(letters)
        case Part(places=places) if Entry in kinds:
            return found.union(place for place in places if isinstance(place, str))
        case OfEntries(letters=letters):
            return _outside(found, letters)
        case Sigma(summed=summed):
            return _outside(found, [letter for letter, _ in summed])
    return found


def _outside(letters: Iterable[str], bound: Iterable[str]) -> set[str]:
    """The letters that are not bound, nor parts of one that is."""
    return {letter for letter in letters if getattr(letter, "whole", letter) not in bound}
