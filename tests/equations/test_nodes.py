"""Nodes are interned per pool, constants have one form, and walks do not recurse."""

from fractions import Fraction

import pytest

from chainrule.equations.nodes.nodes import Pool, coefficient_terms, is_number, is_zero, topological


def test_equal_expressions_of_a_pool_are_one_object():
    pool = Pool()
    x = pool.symbol("x", ("n",))
    assert pool.symbol("x", ("n",)) is x
    assert pool.intern("fn", "tanh", (x,), x.dims) is pool.intern("fn", "tanh", (x,), x.dims)


@pytest.mark.parametrize(
    ("name", "dims"), [("x", ("m",)), ("y", ("n",)), ("x", ()), ("x", (3,)), ("x", ("n", "n"))]
)
def test_other_names_or_shapes_are_other_nodes(name, dims):
    pool = Pool()
    assert pool.symbol("x", ("n",)) is not pool.symbol(name, dims)


def test_pools_do_not_share_nodes_and_count_from_zero():
    first, second = Pool(), Pool()
    a, b = first.symbol("x", ()), second.symbol("x", ())
    assert a is not b
    assert (a.serial, b.serial) == (0, 0)


def test_numbers_have_one_form():
    pool = Pool()
    assert pool.number(Fraction(1), ("n",)) is pool.ones(("n",))
    assert pool.number(Fraction(0), ("n",)) is pool.zero(("n",))
    assert pool.zero(("n",)) is not pool.zero(("m",))
    assert coefficient_terms(pool.number(Fraction(2, 3))) == [(Fraction(2, 3), pool.ones())]
    assert is_number(pool.number(Fraction(-2), (4,)))
    assert is_zero(pool.zero())
    assert not is_zero(pool.ones())


def test_a_literal_size_is_a_number_and_a_symbolic_one_is_not():
    pool = Pool()
    assert pool.size(5) is pool.number(Fraction(5))
    assert pool.size("n").kind == "size"
    assert not is_number(pool.size("n"))


def test_topological_puts_arguments_first_and_shared_nodes_once():
    pool = Pool()
    x = pool.symbol("x", ())
    a = pool.intern("fn", "exp", (x,), ())
    b = pool.intern("fn", "sin", (x,), ())
    root = pool.intern("lin", (Fraction(1), Fraction(1)), (a, b), ())
    order = list(topological([root, b]))
    assert len(order) == len(set(order)) == 4
    assert all(order.index(arg) < order.index(node) for node in order for arg in node.args)


def test_walks_do_not_recurse():
    pool = Pool()
    node = pool.symbol("x", ())
    for _ in range(5000):
        node = pool.intern("fn", "tanh", (node,), ())
    assert len(list(topological([node]))) == 5001


def test_repr_names_kind_and_arguments():
    pool = Pool()
    assert repr(pool.intern("fn", "exp", (pool.symbol("x", ()),), ())) == "fn[exp](sym[x])"
    assert repr(pool.ones()) == "ones"
