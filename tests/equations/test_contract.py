"""The order of a product: how much is computed for long chains, and what comes out."""

import math

import numpy as np
import pytest

from chainrule.equations.code.contract import BLAS_SHARE, Operand, Workshop, contraction_code
from chainrule.equations.formulas.forms import Named
from chainrule.equations.formulas.series_parallel import Edge, Graph, reduce_graph, reduced_form
from chainrule.equations.nodes.nodes import Pool


def _lengths_asked(factors: int) -> int:
    asked = 0

    def length(label: int) -> float:
        nonlocal asked
        asked += 1
        return 2.0 + label % 3

    chain = [Operand("W", (label, label + 1)) for label in range(factors)]
    code, _ = contraction_code(chain, (0, factors), Workshop(length))
    assert code.count("W") == factors
    return asked


def test_order_of_long_chain_takes_linear_work() -> None:
    """Every pair is priced once, and again only when a join changed it."""
    assert _lengths_asked(80) < 2.5 * _lengths_asked(40)


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
