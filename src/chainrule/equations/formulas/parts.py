"""Letters where several axes are run through as one: ``i÷n`` and ``i mod n``, or ``ij`` for one axis."""

from collections.abc import Sequence
from functools import reduce

from chainrule.equations.formulas.forms import PartOf
from chainrule.equations.formulas.glyphs import unicode_name
from chainrule.equations.language.tree import Size, size_factors, size_product
from chainrule.equations.nodes.blocks import Parts, grouped

At = tuple[str, ...]


def parted(letter: str, parts: Sequence[Size]) -> list[str]:
    """What stands for each of the axes that one letter runs through, the last fastest."""
    texts, whole = list[str](), letter
    for last in parts[:0:-1]:
        texts.append(f"{whole} mod {unicode_name(str(last))}")
        whole = f"{whole}÷{unicode_name(str(last))}"
    if not texts:
        return [letter]
    # A part of a part is one of more parts.
    known = letter if isinstance(letter, PartOf) else PartOf.of(letter, letter, (parts[0],), 0)
    before, after = known.parts[: known.place], known.parts[known.place + 1 :]
    finer = (*before, *parts, *after)
    return [
        PartOf.of(text, known.whole, finer, known.place + n) for n, text in enumerate([whole, *texts[::-1]])
    ]


def realigned(
    at: At, parts: Sequence[Parts], merged: Sequence[Parts]
) -> list[tuple[tuple[str, ...], Parts]] | None:
    """The letters and sizes on every axis inside, where axes were put together and are taken apart otherwise.

    None if one letter would run through parts of two axes.
    """
    found: list[tuple[tuple[str, ...], Parts]] = []
    for own, sizes, inner in zip(grouped(at, list(map(len, parts))), parts, merged, strict=True):
        left, rest = list(zip(own, sizes, strict=True)), list(inner)
        while left and rest:
            taken, axes = [left.pop(0)], [rest.pop(0)]
            while (above := reduce(size_product, [size for _, size in taken])) != (
                below := reduce(size_product, axes)
            ):
                if not (left if _divides(above, below) else rest) or len(taken) > 1 < len(axes):
                    return None
                if _divides(above, below):
                    taken.append(left.pop(0))
                else:
                    axes.append(rest.pop(0))
            if len(taken) > 1 < len(axes):
                return None
            if len(axes) == 1:
                found.append((tuple(letter for letter, _ in taken), tuple(size for _, size in taken)))
            else:
                split = parted(taken[0][0], axes)
                found += [((letter,), (size,)) for letter, size in zip(split, axes, strict=True)]
    return found


def _divides(part: Size, whole: Size) -> bool:
    """Whether every factor of one size is one of the other."""
    left = list(size_factors(whole))
    for factor in size_factors(part):
        if factor not in left:
            return False
        left.remove(factor)
    return True
