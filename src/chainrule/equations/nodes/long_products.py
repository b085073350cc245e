"""Products of many tensors in parts: xᵀ W W ... W x is uᵀ W ... W x with u = Wᵀ ... Wᵀ x.

The product rule writes n terms of n - 1 factors for n factors; over parts under names these are no longer
than a part.
"""

from collections.abc import Callable

from chainrule.equations.nodes.nodes import Factor, Node, factors_of, summed_labels
from chainrule.equations.nodes.products import product

# What a page says has fewer factors, which the compiler joins in the best order for their sizes.
MOST_FACTORS = 32
PART = 16


def in_parts(node: Node, named: Callable[[Node], Node]) -> Node:
    """A node that is no long product over summed indices as it is; else over the names of its parts.

    Parameters
    ----------
    node : Node
    named : callable
        The symbol for a part.
    """
    factors, out = factors_of(node), node.axes
    if len(factors) <= MOST_FACTORS or not summed_labels(factors, out):
        return node
    while len(factors) > PART:
        places, free = _part(factors, set(out))
        part = product(node.pool, [factors[place] for place in places], free)
        rest = [factor for place, factor in enumerate(factors) if place not in places]
        factors = [(named(part), free), *rest]
    return product(node.pool, factors, out)


def _part(factors: list[Factor], out: set[int]) -> tuple[set[int], tuple[int, ...]]:
    """The places of factors that are joined one by one, as few indices left open as can be, and these."""
    uses: dict[int, int] = dict.fromkeys(out, 1)
    at: dict[int, set[int]] = {}
    for place, (_, own) in enumerate(factors):
        for label in set(own):
            uses[label] = uses.get(label, 0) + 1
            at.setdefault(label, set()).add(place)
    taken: set[int] = set()
    free: set[int] = set()
    while len(taken) < PART:
        beside = set().union(*(at[label] for label in free)) - taken
        opened = {
            place: {
                label for label in free | set(factors[place][1]) if uses[label] > (label in factors[place][1])
            }
            for place in beside or set(range(len(factors))) - taken
        }
        one = min(opened, key=lambda place: (len(opened[place]), place))
        taken.add(one)
        uses.update({label: uses[label] - 1 for label in set(factors[one][1])})
        free = opened[one]
    return taken, tuple(sorted(free))
