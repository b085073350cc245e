"""The order of a product: how much is computed for long chains, and what comes out."""

import itertools
import math
from collections.abc import Callable, Iterable

import numpy as np
import pytest

from chainrule.equations.code import pairing
from chainrule.equations.code.contract import Operand, Workshop, contraction_code
from chainrule.equations.code.pairing import BLAS_SHARE, joins
from chainrule.equations.formulas.forms import Named
from chainrule.equations.formulas.series_parallel import Edge, Graph, reduce_graph, reduced_form
from chainrule.equations.nodes.nodes import Pool


@pytest.fixture
def priced(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """How many pairs are priced before a product of operands with these labels has its order."""
    asked, growth = [0], pairing._Pairing._growth

    def counting(self: pairing._Pairing, *pair: int) -> float:
        asked[0] += 1
        return growth(self, *pair)

    monkeypatch.setattr(pairing._Pairing, "_growth", counting)

    def count(labels: Iterable[tuple[int, ...]], out: tuple[int, ...] = ()) -> int:
        asked[0] = 0
        operands = [Operand(f"x{at}", own) for at, own in enumerate(labels)]
        joins.cache_clear()
        code, _ = contraction_code(operands, out, Workshop(lambda label: 2.0 + label % 3))
        assert code.count("x") == len(operands)
        return asked[0]

    return count


def _chain(factors: int) -> list[tuple[int, ...]]:
    return [(label, label + 1) for label in range(factors)]


def test_order_of_long_chain_takes_linear_work(priced: Callable[..., int]) -> None:
    """Every pair is priced once, and again only when a join changed it."""
    assert priced(_chain(80), (0, 80)) < 2.5 * priced(_chain(40), (0, 40))


def test_of_a_product_over_every_pair_of_indices_no_pair_is_priced_often(priced: Callable[..., int]) -> None:
    """A join changes the prices at labels that are now used once or twice, and no others."""
    edges = list(itertools.combinations(range(10), 2))
    assert priced(edges) < 1.5 * math.comb(len(edges), 2)


def test_numbers_among_many_operands_are_priced_as_one(priced: Callable[..., int]) -> None:
    """The 60 numbers u . v of a chain of logsumexp: each pair of them at each step would be 36,000."""
    assert priced([(label,) for label in range(60) for _ in range(2)]) < 1000


def test_what_is_weighed_alone_has_the_work_of_its_code() -> None:
    operands = [Operand(f"x{at}", own) for at, own in enumerate([(0, 2), (2, 3), (3, 1), (3,), (1, 3)])]
    shops = [Workshop(lambda label: 3.0 + label, writes=writes) for writes in (True, False)]
    for shop in shops:
        contraction_code(operands, (0, 1), shop)
    assert shops[0].work == shops[1].work > 0


class _Watched(Edge):
    read = 0

    def __getattribute__(self, name: str) -> object:
        if name == "a":
            _Watched.read += 1
        return super().__getattribute__(name)


def _edges_read(factors: int) -> int:
    """How often edges are looked at while uᵀ W ... W v is taken apart."""
    graph = Graph((), dict.fromkeys(range(factors + 1), "n"), set(range(factors + 1)))
    form = Named(2, Pool().symbol("W", ("n", "n")))
    for label in range(factors):
        graph.connect(_Watched(label, label + 1, form))
    _Watched.read = 0
    while reduce_graph(graph):
        pass
    assert not graph.edges
    reduced_form(graph)
    return _Watched.read


def test_taking_a_chain_apart_reads_edges_at_a_vertex_only() -> None:
    """A scan of all edges for every vertex of every step would be cubic: 8 times."""
    assert _edges_read(40) < 5 * _edges_read(20)


def _greedy_work(
    labels: list[tuple[int, ...]], out: tuple[int, ...], length: dict[int, float]
) -> list[float]:
    """The volumes of the joins when every pair with a common label is priced anew at every step."""
    volumes = []
    while len(labels) > 1:
        prices = []
        for b, second in enumerate(labels):
            for a, first in enumerate(labels[:b]):
                rest = set(out).union(*labels[:a], *labels[a + 1 : b], *labels[b + 1 :])
                union = set(first) | set(second)
                kept = tuple(sorted(union & rest))
                sizes = [math.prod(length[label] for label in own) for own in (kept, first, second, union)]
                if len(labels) <= 12 or set(first) & set(second):
                    prices.append((sizes[0] - sizes[1] - sizes[2], sizes[3], a, b, kept))
        _, volume, a, b, kept = min(prices)
        volumes.append(volume)
        labels = [kept, *(own for place, own in enumerate(labels) if place not in (a, b))]
    return volumes


@pytest.mark.parametrize("seed", range(8))
def test_the_matrices_of_a_long_chain_are_joined_in_the_order_of_their_prices(seed: int) -> None:
    random = np.random.default_rng(seed)
    count = int(random.integers(13, 26))
    length = {label: float(random.integers(2, 2000)) + label / 64 for label in range(count + 1)}
    labels = [(int(label), int(label) + 1) for label in random.permutation(count)]
    shop = Workshop(length.__getitem__)
    code, _ = contraction_code([Operand(f"x{at}", own) for at, own in enumerate(labels)], (0, count), shop)
    assert code.count("x") == count
    assert shop.work == pytest.approx(sum(_greedy_work(labels, (0, count), length)) * BLAS_SHARE)


def test_many_equal_vectors_are_one_product_of_all() -> None:
    """What has the same labels is priced once, whoever it is."""
    code, _ = contraction_code(
        [Operand(f"x{at}", (0,)) for at in range(60)], (0,), Workshop(lambda label: 7.0)
    )
    assert code.replace("(", "").replace(")", "") == " * ".join(f"x{at}" for at in range(60))
