"""Sums collect like terms, keep brackets, and share what differs only in sign."""

from fractions import Fraction

import numpy as np
import pytest

from chainrule.equations.nodes.nodes import (
    Pool,
    coefficient_terms,
    content,
    is_zero,
    linear,
    negative,
    scaled,
)
from equations.node_values import node_value

N = ("n",)


@pytest.fixture
def names():
    pool = Pool()
    return pool, *(pool.symbol(name, N) for name in "pyz")


def test_like_terms_are_collected_and_zeros_dropped(names):
    pool, p, y, _ = names
    node = linear(pool, [(2, p), (1, y), (Fraction(1, 2), p), (-1, y)], N)
    assert coefficient_terms(node) == [(Fraction(5, 2), p)]


def test_a_sum_that_vanishes_keeps_its_shape(names):
    pool, p, _, _ = names
    node = linear(pool, [(1, p), (-1, p)], N)
    assert is_zero(node)
    assert node.dims == N


def test_one_term_with_coefficient_one_is_the_term(names):
    pool, p, _, _ = names
    assert linear(pool, [(1, p)], N) is p
    assert scaled(Fraction(1, 3), scaled(3, p)) is p


def test_a_plain_sum_opens_and_a_scaled_one_stays(names):
    pool, p, y, z = names
    gap = linear(pool, [(1, p), (-1, y)], N)
    assert len(linear(pool, [(-1, gap), (1, z)], N).args) == 3
    kept = linear(pool, [(2, gap), (1, z)], N)
    assert set(kept.args) == {gap, z}


def test_opposite_differences_share_a_node(names):
    pool, p, y, _ = names
    forward = content(linear(pool, [(1, p), (-1, y)], N))
    backward = content(linear(pool, [(1, y), (-1, p)], N))
    assert forward[1] is backward[1]
    assert forward[0] == -backward[0]


def test_a_constant_term_is_positive(names):
    pool, p, _, _ = names
    factor, primitive = content(linear(pool, [(1, p), (-1, pool.ones(N))], N))
    assert factor == -1
    assert dict((arg.kind, c) for c, arg in coefficient_terms(primitive))["ones"] == 1


def test_content_is_the_common_whole_factor(names):
    pool, p, y, _ = names
    factor, primitive = content(linear(pool, [(6, p), (-9, y)], N))
    assert factor == 3
    assert sorted(primitive.data) == [-3, 2]


def test_uneven_fractions_stay_inside(names):
    pool, p, _, _ = names
    node = linear(pool, [(Fraction(3, 2), pool.ones(N)), (1, p)], N)
    assert content(node) == (1, node)


def test_negative_twice_is_the_node(names):
    pool, p, y, _ = names
    node = linear(pool, [(2, p), (-3, y)], N)
    assert negative(negative(node)) is node


@pytest.mark.parametrize("seed", range(40))
def test_any_sum_keeps_its_value(seed):
    random = np.random.default_rng(seed)
    pool = Pool()
    symbols = [pool.symbol(f"s{k}", N) for k in range(3)] + [pool.ones(N)]
    values = {symbol: random.normal(size=4) for symbol in symbols[:3]}
    nodes = [(symbol, values.get(symbol, np.ones(4))) for symbol in symbols]
    for _ in range(6):
        chosen = [nodes[k] for k in random.integers(0, len(nodes), size=3)]
        coefficients = [Fraction(int(k), 2) for k in random.integers(-4, 5, size=3)]
        node = linear(pool, list(zip(coefficients, (pair[0] for pair in chosen), strict=True)), N)
        expected = sum(float(c) * pair[1] for c, pair in zip(coefficients, chosen, strict=True))
        np.testing.assert_allclose(node_value(node, values, {"n": 4}), expected, atol=1e-12)
        factor, primitive = content(node)
        np.testing.assert_allclose(
            float(factor) * node_value(primitive, values, {"n": 4}), expected, atol=1e-12
        )
        nodes.append((node, expected))
