"""Products keep their value under every rule of construction, and have one form."""

from fractions import Fraction

import numpy as np
import pytest

from chainrule.equations.nodes.nodes import Pool, is_zero
from chainrule.equations.nodes.products import elementwise, power, product, transposed
from chainrule.equations.nodes.quotients import picked
from equations.node_values import node_value
from equations.random_nodes import LENGTHS, SIZES, Draw


@pytest.mark.parametrize("start", range(0, 500, 50))
def test_any_product_is_what_einsum_says(start):
    for seed in range(start, start + 50):
        draw = Draw(seed)
        node = product(draw.pool, draw.factors, draw.out)
        assert node.dims == tuple(SIZES[label] for label in draw.out)
        np.testing.assert_allclose(node_value(node, draw.values, LENGTHS), draw.expected(), rtol=1e-10)


@pytest.mark.parametrize("seed", range(0, 200, 4))
def test_nested_products_flatten_to_the_same_value(seed):
    draw = Draw(seed, most=3)
    other = Draw(seed + 1000, most=2, open_at_most=0)
    inner = product(draw.pool, draw.factors, draw.out)
    s = draw.pool.symbol("outer", ())
    labels = tuple(f"axis{k}" for k in range(len(inner.dims)))
    twice = product(draw.pool, [(inner, labels), (s, ()), (s, ())], labels[::-1], Fraction(3, 2))
    value = float(abs(other.random.normal()) + 0.5)
    expected = 1.5 * value**2 * draw.expected().T
    got = node_value(twice, {**draw.values, s: np.asarray(value)}, LENGTHS)
    np.testing.assert_allclose(got, expected, rtol=1e-10)


@pytest.fixture
def pool():
    return Pool()


def test_the_order_of_factors_does_not_matter(pool):
    a, b, u = pool.symbol("A", ("m", "n")), pool.symbol("B", ("n", "q")), pool.symbol("u", ("q",))
    factors = [(a, "ij"), (b, "jk"), (u, "k")]
    assert product(pool, factors, "i") is product(pool, factors[::-1], "i")
    renamed = [(a, "zx"), (b, "xw"), (u, "w")]
    assert product(pool, factors, "i") is product(pool, renamed, "z")


def test_an_identity_renames_a_summed_index(pool):
    a = pool.symbol("A", ("m", "n"))
    assert product(pool, [(a, "ij"), (pool.delta("n"), "jk")], "ik") is a
    assert product(pool, [(pool.delta("m"), "hi"), (a, "ij"), (pool.delta("n"), "jk")], "hk") is a


def test_the_trace_of_the_identity_is_its_size(pool):
    assert product(pool, [(pool.delta("n"), "ii")], "") is pool.size("n")
    assert product(pool, [(pool.delta(3), "ii")], "") is pool.number(Fraction(3))
    both = product(pool, [(pool.delta("n"), "ij"), (pool.delta("n"), "ij")], "")
    assert both is pool.size("n")


def test_three_open_identities_stay_two(pool):
    node = product(pool, [(pool.delta("n"), "ij"), (pool.delta("n"), "jk"), (pool.delta("n"), "ik")], "ijk")
    assert [arg.kind for arg in node.args] == ["delta", "delta"]
    expected = np.einsum("ij,jk->ijk", np.eye(3), np.eye(3))
    np.testing.assert_array_equal(node_value(node, {}, {"n": 3}), expected)


def test_factors_of_opposite_power_cancel_to_ones(pool):
    x, w = pool.symbol("x", ("n",)), pool.symbol("w", ("m",))
    inverse = power(x, Fraction(-1))
    assert product(pool, [(x, "i"), (inverse, "i")], "i") is pool.ones(("n",))
    assert product(pool, [(x, "i"), (inverse, "i")], "") is pool.size("n")
    kept = product(pool, [(x, "i"), (inverse, "i"), (w, "j")], "ij")
    np.testing.assert_array_equal(
        node_value(kept, {x: np.full(3, 2.0), w: np.arange(4.0)}, {"n": 3}), np.tile(np.arange(4.0), (3, 1))
    )


def test_sizes_cancel(pool):
    n = pool.size("n")
    x = pool.symbol("x", ())
    assert product(pool, [(n, ()), (x, ()), (power(n, Fraction(-1)), ())], ()) is x


def test_a_simplex_alone_on_its_last_axis_is_one(pool):
    p = pool.symbol("P", ("n", "k"))
    pool.simplex.add(p)
    assert product(pool, [(p, "ik")], "i") is pool.ones(("n",))
    assert product(pool, [(p, "ik")], "") is pool.size("n")
    assert product(pool, [(p, "ik")], "k").kind == "prod"
    assert product(pool, [(p, "ik"), (p, "ik")], "i").kind == "prod"


def test_signs_square_to_one(pool):
    s = pool.symbol("s", ("n",))
    pool.signs.add(s)
    assert product(pool, [(s, "i"), (s, "i")], "i") is pool.ones(("n",))
    assert product(pool, [(s, "i")] * 3, "i") is s
    assert product(pool, [(power(s, Fraction(-1)), "i")], "i") is s


def test_relu_absorbs_its_step_only_while_it_is_there(pool):
    x, v = pool.symbol("x", ("n",)), pool.symbol("v", ("n",))
    relu, step = pool.intern("fn", "relu", (x,), x.dims), pool.intern("fn", "step", (x,), x.dims)
    assert elementwise(relu, step) is relu
    assert elementwise(step, step) is step
    gone = elementwise(relu, power(relu, Fraction(-1)), step, v)
    assert step in gone.args


def test_a_zero_factor_makes_zero(pool):
    x = pool.symbol("x", ("n",))
    node = product(pool, [(x, "i"), (pool.zero(("m",)), "j")], "ji")
    assert is_zero(node)
    assert node.dims == ("m", "n")


@pytest.mark.parametrize("exponent", [Fraction(-2), Fraction(-1), Fraction(2), Fraction(3), Fraction(1, 2)])
@pytest.mark.parametrize("seed", range(6))
def test_a_power_keeps_the_value_for_negative_bases(seed, exponent, pool):
    random = np.random.default_rng(seed)
    x, y, s = pool.symbol("x", ("n",)), pool.symbol("y", ("n",)), pool.symbol("s", ())
    values = {x: random.normal(size=4), y: random.normal(size=4), s: random.normal()}
    square = elementwise(x, x)
    bases = [square, elementwise(x, y, s, coefficient=-3), power(square, Fraction(1, 2))]
    bases.append(power(elementwise(x, x, y, y), Fraction(3, 2)))
    for base in bases:
        with np.errstate(invalid="ignore"):
            plain = node_value(base, values, {"n": 4}) ** float(exponent)
            got = node_value(power(base, exponent), values, {"n": 4})
        np.testing.assert_allclose(got, plain, rtol=1e-10)


def test_the_root_of_a_square_is_not_the_base(pool):
    x = pool.symbol("x", ())
    root = power(power(x, Fraction(2)), Fraction(1, 2))
    assert root is not x
    assert node_value(root, {x: np.asarray(-3.0)}, {}) == 3
    cube = product(pool, [(root, ()), (root, ()), (root, ())], ())
    assert node_value(cube, {x: np.asarray(-3.0)}, {}) == pytest.approx(27)


def test_softmax_and_sigmoid_are_recognised_in_quotients(pool):
    f = pool.symbol("F", ("n", "k"))
    e = pool.intern("fn", "exp", (f,), f.dims)
    total = product(pool, [(e, "ik")], "i")
    quotient = product(pool, [(e, "ik"), (power(total, Fraction(-1)), "i")], "ik")
    assert quotient.kind == "softmax"
    across = product(pool, [(e, "ik")], "k")
    other = product(pool, [(e, "ik"), (power(across, Fraction(-1)), "k")], "ik")
    assert other.kind != "softmax"
    values = {f: np.arange(6.0).reshape(2, 3)}
    expected = np.exp(values[f]) / np.exp(values[f]).sum(axis=0)
    np.testing.assert_allclose(node_value(other, values, {"n": 2, "k": 3}), expected)


def test_a_picked_entry_cancels_against_the_whole(pool):
    p, y = pool.symbol("P", ("n", "k")), pool.symbol("y", ("n",))
    hot = pool.onehot(y, "k")
    entry = product(pool, [(p, "ik"), (hot, "ik")], "i")
    assert picked(entry) is p
    assert picked(product(pool, [(p, "ik"), (hot, "ik")], "k")) is None
    quotient = product(pool, [(p, "ik"), (hot, "ik"), (power(entry, Fraction(-1)), "i")], "ik")
    assert quotient is hot
    for one, two in [("ik", "jk"), ("jk", "jk"), ("jk", "ik")]:
        kept = product(pool, [(p, one), (hot, two), (power(entry, Fraction(-1)), "i")], "ijk")
        assert len(kept.args) >= 3


def test_transposing_twice_is_nothing(pool):
    t = pool.symbol("T", ("m", "n", "q"))
    turned = transposed(t, (2, 0, 1))
    assert turned.dims == ("q", "m", "n")
    assert transposed(turned, (1, 2, 0)) is t
