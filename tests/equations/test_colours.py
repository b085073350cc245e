"""Products that differ in the names of their indices and the order of their factors alone are one node."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.equations.nodes import nodes
from chainrule.equations.nodes.nodes import Pool
from chainrule.equations.nodes.products import product


def _chain(pool, names, ends="open"):
    """A[0,1] B[1,2] ... with its open labels; a ring where ``ends`` are closed."""
    count = len(names)
    matrices = [pool.symbol(name, ("n", "n")) for name in names]
    labels = [(k, (k + 1) % count if ends == "closed" else k + 1) for k in range(count)]
    return list(zip(matrices, labels, strict=True)), (0, count) if ends == "open" else ()


def _ring_with_pendants(pool):
    """A ring of six equal matrices with a vector on every other vertex."""
    ring, _ = _chain(pool, "W" * 6, "closed")
    return [*ring, *((pool.symbol("u", ("n",)), (k,)) for k in (0, 2, 4))], ()


def _doubled(pool):
    """Two equal scalars uᵀ W W u beside a vector W v: which of the two comes first says nothing."""
    w, u, v = pool.symbol("W", ("n", "n")), pool.symbol("u", ("n",)), pool.symbol("v", ("n",))
    scalars = [
        factor
        for start in (10, 20)
        for factor in ((u, (start,)), (w, (start, start + 1)), (w, (start + 1, start + 2)), (u, (start + 2,)))
    ]
    return [*scalars, (w, (0, 1)), (v, (1,))], (0,)


def _both_ways(pool):
    """A ring in which every other matrix is turned round."""
    ring, _ = _chain(pool, "W" * 8, "closed")
    return [(w, own[::-1] if k % 2 else own) for k, (w, own) in enumerate(ring)], ()


def _of_symmetric(pool):
    """A chain with matrices that are their own transposes, given either way round."""
    factors, out = _chain(pool, "SSASS" * 3)
    pool.symmetric[pool.symbol("S", ("n", "n"))] = True
    return factors, out


GRAPHS = {
    "power": lambda pool: _chain(pool, "W" * 9),
    "chain": lambda pool: _chain(pool, "WVWWVWVVW"),
    "trace": lambda pool: _chain(pool, "W" * 7, "closed"),
    "periodic trace": lambda pool: _chain(pool, "WWV" * 4, "closed"),
    "ring with vectors": _ring_with_pendants,
    "both ways": _both_ways,
    "equal scalars": _doubled,
    "symmetric": _of_symmetric,
}


@pytest.mark.parametrize("graph", GRAPHS)
def test_names_of_indices_and_the_order_of_factors_do_not_matter(graph):
    pool, random = Pool(), np.random.default_rng(5)
    factors, out = GRAPHS[graph](pool)
    first = product(pool, factors, out)
    for _ in range(20):
        name = dict(enumerate(map(int, random.permutation(40))))
        shuffled = [factors[place] for place in random.permutation(len(factors))]
        turned = [
            (node, labels[::-1] if pool.symmetric.get(node) and random.integers(2) else labels)
            for node, labels in shuffled
        ]
        renamed = [(node, tuple(name[label] for label in labels)) for node, labels in turned]
        assert product(pool, renamed, [name[label] for label in out]) is first


def test_products_that_differ_stay_apart():
    pool = Pool()
    (w, _), *_ = _chain(pool, "W")[0]
    v = pool.symbol("V", ("n", "n"))
    near, far = [(w, "ab"), (w, "bc"), (v, "cd"), (w, "da")], [(w, "ab"), (v, "bc"), (w, "cd"), (v, "da")]
    turned = [(w, "ab"), (w, "cb"), (v, "cd"), (w, "da")]
    assert len({product(pool, factors, "") for factors in (near, far, turned)}) == 3


LONG = {
    "power": ("W: R[n,n]", ["W"] * 90),
    "mixed": ("W: R[n,n]; V: R[n,n]", ["W", "V.T", "inv(W)", "W.T", "V"] * 18),
    "different": ("; ".join(f"W{k}: R[n,n]" for k in range(90)), [f"W{k}" for k in range(90)]),
}


@pytest.mark.parametrize("kind", LONG)
def test_the_gradient_of_a_trace_of_ninety_factors_is_short_work(kind, monkeypatch):
    """One product for each factor, and all of those are one for equal factors: nothing is left to factor."""
    monkeypatch.setattr(nodes, "MOST_STEPS", 40_000)
    declared, factors = LONG[kind]
    model = cr.Equations(f"parameters {declared}\nL = trace({' @ '.join(factors)})\n")
    text = str(model.derive("L"))
    if kind == "power":
        assert text == "dL/dW = 90 " + " ".join(["Wᵀ"] * 89)
