"""A number for every index of a product that does not depend on how the indices were called.

Indices are told apart by what they touch: the factors, on which axes, beside indices of which numbers; then
by what those touch, and so on along the product (colour refinement, as in tests of graph isomorphism). A step
looks again only at the neighbours of what was renumbered, so that a chain of n matrices takes O(n) looks.
What no step tells apart, as in the trace of a power, is alike in all but rare graphs: one index is set apart,
and its neighbours follow.
"""

from collections.abc import Collection, Iterable, Sequence

from chainrule.equations.nodes.nodes import Factor

# What a factor is to one of its indices: its serial number, the axes of the index, all its indices, and
# whether these may be turned round.
Touch = tuple[int, tuple[int, ...], tuple[int, ...], bool]
Signature = tuple[tuple[int, tuple[int, ...], tuple[int, ...]], ...]


def colours(factors: Sequence[Factor], free: Sequence[int], summed: Collection[int]) -> dict[int, int]:
    """The number of every index: the open ones in their order, then the summed ones.

    Two products that differ in the names of their indices and the order of their factors alone have the same
    numbers, but for graphs in which indices look alike and are not; those cost beauty, never correctness.
    """
    touching = _touching(factors, set(summed))
    cells = _Cells(free, touching)
    cells.split_all()
    cells.split_all()
    touched: Iterable[int] = touching
    while (changed := cells.settle(touched)) is not None:
        touched = changed
    return cells.colour


def _touching(factors: Sequence[Factor], summed: set[int]) -> dict[int, list[Touch]]:
    found: dict[int, list[Touch]] = {label: [] for label in sorted(summed)}
    for node, labels in factors:
        turns = len(labels) == 2 and node.pool.symmetric.get(node, False)
        for label in set(labels) & summed:
            axes = () if turns else tuple(axis for axis, other in enumerate(labels) if other == label)
            found[label].append((node.serial, axes, labels, turns))
    return found


class _Cells:
    """Summed indices in cells of equal numbers; a number is how many indices stand in the cells before."""

    def __init__(self, free: Sequence[int], touching: dict[int, list[Touch]]) -> None:
        self.touching = touching
        self.first = len(free)
        self.colour = {label: place for place, label in enumerate(free)}
        self.colour.update(dict.fromkeys(touching, self.first))
        self.members = {self.first: set(touching)}

    def signature(self, label: int) -> Signature:
        """What an index touches, in numbers."""
        colour = self.colour
        touched = []
        for serial, axes, labels, turns in self.touching[label]:
            beside = [colour[other] for other in labels]
            touched.append((serial, axes, tuple(sorted(beside) if turns else beside)))
        return tuple(sorted(touched))

    def split_all(self) -> None:
        """One step from all indices at once, whose order is that of what they touch alone."""
        groups: dict[Signature, set[int]] = {}
        for label in self.touching:
            groups.setdefault(self.signature(label), set()).add(label)
        self.members = {}
        self._place(self.first, [groups[key] for key in sorted(groups)])

    def _place(self, start: int, groups: Sequence[set[int]]) -> None:
        for group in groups:
            self.members[start] = group
            self.colour.update(dict.fromkeys(group, start))
            start += len(group)

    def settle(self, touched: Iterable[int]) -> set[int] | None:
        """Split the cells until no step does, then set one index apart; None where all are apart."""
        while touched and len(self.members) < len(self.touching):
            touched = self._neighbours(self._split(touched))
        start = min((start for start, cell in self.members.items() if len(cell) > 1), default=None)
        if start is None:
            return None
        cell = self.members[start]
        one = min(cell)
        self._place(start, [{one}, cell - {one}])
        return self._neighbours(cell)

    def _neighbours(self, changed: Iterable[int]) -> set[int]:
        return {
            other
            for label in changed
            for _, _, labels, _ in self.touching[label]
            for other in labels
            if other in self.touching
        }

    def _split(self, touched: Iterable[int]) -> set[int]:
        """Split the cells of some indices by what these touch; returns those with new numbers.

        What was not touched looks as before, and unlike what was: it keeps its number.
        """
        groups: dict[int, dict[Signature, set[int]]] = {}
        for label in touched:
            if len(self.members[self.colour[label]]) > 1:
                cell = groups.setdefault(self.colour[label], {})
                cell.setdefault(self.signature(label), set()).add(label)
        changed: set[int] = set()
        for start, cell in groups.items():
            # The largest part keeps the number: else the middle of a chain would be looked at in every step.
            parts = sorted((cell[key] for key in sorted(cell)), key=len, reverse=True)
            rest = self.members[start]
            rest.difference_update(*parts)
            if not rest:
                rest = self.members[start] = parts.pop(0)
            self._place(start + len(rest), parts)
            changed.update(*parts)
        return changed
