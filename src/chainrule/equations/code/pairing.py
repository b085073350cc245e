"""Which two operands of a product are joined next, and how: the smallest result first, then the most work."""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from heapq import heappop, heappush
from typing import NamedTuple, TypeAlias

# Of more operands not every pair is tried: a chain of 60 matrices has 1,770 at each of 59 steps.
MANY_OPERANDS = 12
# One operation of a matrix product takes about so much of the time of one on its own.
BLAS_SHARE = 1 / 32
# A set of labels, a bit for each.
Mask: TypeAlias = int
# How much larger what two are joined to is than the two, the work, and the places of the two.
Offer: TypeAlias = tuple[float, float, int, int]


class Join(NamedTuple):
    """Two operands that become one.

    Attributes
    ----------
    a, b : int
        Their places: from 0 as the operands were given; what two were joined to gets -1, -2 and so on, and
        comes before all others.
    way : {"broadcast", "matmul", "dot", "tensordot", "einsum"}
    gone : frozenset of int
        The labels that are summed.
    work : float
        Operations; those of matrix products count `BLAS_SHARE`.
    """

    a: int
    b: int
    way: str
    gone: frozenset[int]
    work: float


@lru_cache(maxsize=4096)
def joins(
    operands: tuple[tuple[int, ...], ...], out: tuple[int, ...], lengths: tuple[float, ...]
) -> tuple[Join, ...]:
    """The joins of a product in their order, until one operand is left.

    The layers of a network have products of one structure: an order is kept, also from its price to its code.

    Parameters
    ----------
    operands : tuple of tuples of int
        The labels of each.
    out : tuple of int
        The labels of the result.
    lengths : tuple of float
        Of the labels of the operands, in the order in which they first come.
    """
    labels = dict.fromkeys(label for own in operands for label in own)
    bits = {label: 1 << place for place, label in enumerate(labels)}
    masks = [_union(own, bits) for own in operands]
    result = _union(filter(bits.__contains__, out), bits)
    pairing = _Pairing(masks, result, dict(zip(bits.values(), lengths, strict=True)))
    return tuple(
        Join(a, b, way, frozenset(label for label, bit in bits.items() if bit & gone), work)
        for a, b, way, gone, work in pairing.joins()
    )


def _union(labels: Iterable[int], bits: Mapping[int, Mask]) -> Mask:
    return sum({bits[label] for label in labels})


class _Volumes(dict[Mask, float]):
    """The number of entries of what has some labels; those of single labels are given."""

    def __missing__(self, mask: Mask) -> float:
        bit = mask & -mask
        volume = self[mask] = self[bit] * self[mask ^ bit]
        return volume


class _Pairing:
    """The operands of a product, and the pairs of them in the order of their prices.

    Of many operands the pairs with a common label are offered. What has the same labels has the same prices:
    of a group the first ones are taken. A price depends on whether a label is used once, twice or more, and
    is asked for again only when that changes: a chain of n matrices prices O(n) pairs, and a product over
    every pair of indices each of its pairs about once.

    Parameters
    ----------
    masks : list of Mask
        The labels of the operands.
    out : Mask
        The labels of the result.
    lengths : dict of Mask to float
        The lengths of single labels.
    """

    def __init__(self, masks: list[Mask], out: Mask, lengths: dict[Mask, float]) -> None:
        self.masks, self.out = dict(enumerate(masks)), out
        self.volumes = _Volumes({0: 1.0, **lengths})
        self.near = len(masks) > MANY_OPERANDS
        self.heap: list[Offer] = []
        self.groups: dict[Mask, list[int]] = {}
        self.once = self.twice = 0
        self._price()

    def joins(self) -> Iterator[tuple[int, int, str, Mask, float]]:
        """What `Join` has, with a mask of labels."""
        for new in range(-1, -len(self.masks), -1):
            a, b = self._cheapest()
            one, two = self.masks.pop(a), self.masks.pop(b)
            # What one of them alone has is summed at the end: no einsum is needed for (s / v).sum().
            gone = one & two & ~self._kept(one, two)
            way = _way(one, two, gone)
            share = BLAS_SHARE if way in ("matmul", "tensordot") else 1.0
            yield a, b, way, gone, share * self.volumes[one | two]
            self.masks = {new: (one | two) & ~gone, **self.masks}
            self._price()

    def _cheapest(self) -> tuple[int, int]:
        """The places of the next two."""
        while True:
            if self.near and (len(self.masks) <= MANY_OPERANDS or not self.heap):
                self.near = False
                self._offer(self.groups)
            size, _, a, b = heappop(self.heap)
            if a in self.masks and b in self.masks and self._growth(self.masks[a], self.masks[b]) == size:
                return a, b

    def _price(self) -> None:
        """Price what has changed with the operands."""
        before, once, twice = self.groups, self.once, self.twice
        self.groups, self.once, self.twice, more = {}, self.out, 0, 0
        for place, mask in self.masks.items():
            more |= self.twice & mask
            self.twice |= self.once & mask
            self.once |= mask
            self.groups.setdefault(mask, []).append(place)
        self.once, self.twice = self.once & ~self.twice, self.twice & ~more
        changed = once ^ self.once | twice ^ self.twice
        firsts = ((mask, places[:2] != before.get(mask, [])[:2]) for mask, places in self.groups.items())
        self._offer([mask for mask, others in firsts if others or mask & changed])

    def _kept(self, one: Mask, two: Mask) -> Mask:
        """The labels of what two operands are joined to."""
        return (one | two) & ~((one ^ two) & self.once | one & two & self.twice)

    def _growth(self, one: Mask, two: Mask) -> float:
        """How much larger what two operands are joined to is than the two."""
        return self.volumes[self._kept(one, two)] - self.volumes[one] - self.volumes[two]

    def _offer(self, groups: Iterable[Mask]) -> None:
        """Price the first operands of some groups beside those of all that share a label."""
        done: set[Mask] = set()
        for one in groups:
            own = self.groups[one]
            for two, places in self.groups.items():
                if two not in done and (one & two or not self.near):
                    pair = own[:2] if one == two else [own[0], places[0]]
                    if len(pair) == 2:
                        price = self._growth(one, two), self.volumes[one | two]
                        heappush(self.heap, (*price, min(pair), max(pair)))
            done.add(one)


def _way(one: Mask, two: Mask, gone: Mask) -> str:
    """How two operands are joined that lose some labels."""
    shared, single = one & two, not gone & (gone - 1)
    if not gone:
        return "broadcast"
    if gone != shared:
        return "einsum"
    if single and one.bit_count() <= 2 and two.bit_count() <= 2:
        return "matmul"
    return "dot" if one == two == gone else "tensordot"
