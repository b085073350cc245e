"""Factors that hang together, and products distributed over sums."""

from fractions import Fraction

import numpy as np
import pytest

from chainrule.equations.nodes.connected import are_connected, connected, labels_of
from chainrule.equations.nodes.distribute import distributed, opened
from chainrule.equations.nodes.nodes import Pool, coefficient_terms, linear
from chainrule.equations.nodes.products import product
from equations.node_values import node_value
from equations.random_nodes import Draw


def test_a_chain_is_one_part_whatever_the_order_of_its_factors():
    factors = [("A", "ij"), ("u", "m"), ("C", "kl"), ("B", "jk"), ("c", "")]
    assert list(connected(factors)) == [[0, 2, 3], [1], [4]]
    assert list(connected(factors, apart="jk")) == [[0], [1], [2], [3], [4]]
    assert are_connected("i", "l", factors)
    assert not are_connected("i", "m", factors)


@pytest.mark.parametrize("seed", range(0, 200, 4))
def test_parts_share_no_label_and_leave_no_factor_out(seed):
    factors = Draw(seed).factors
    parts = list(connected(factors))
    assert sorted(place for part in parts for place in part) == list(range(len(factors)))
    labels = [label for part in parts for label in labels_of(factors, part)]
    assert len(labels) == len(set(labels))


def test_a_product_is_the_sum_of_the_terms_that_it_is_distributed_into():
    pool = Pool()
    a, b, v = pool.symbol("A", ("m", "n")), pool.symbol("B", ("m", "n")), pool.symbol("v", ("n",))
    total = linear(pool, [(Fraction(1), a), (Fraction(-3), b)], a.dims)
    whole = product(pool, [(total, "ij"), (v, "j")], "i")
    rng = np.random.default_rng(0)
    values = {node: rng.normal(size=[{"m": 3, "n": 4}[size] for size in node.dims]) for node in (a, b, v)}

    def value(terms):
        return sum(float(c) * node_value(term, values, {"m": 3, "n": 4}) for c, term in terms)

    terms = distributed([(total, "ij"), (v, "j")], 0, "i")
    assert [c for c, _ in terms] == [1, -3]
    np.testing.assert_allclose(value(terms), value([(Fraction(1), whole)]))
    place = {whole: next(at for at, arg in enumerate(whole.args) if arg is total)}
    assert opened(whole, place.get) == terms
    assert opened(whole, place.get, most=1) is None
    assert opened(whole, lambda term: None) == coefficient_terms(whole)
