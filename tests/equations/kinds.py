"""One node of every kind, and values away from every kink: what an operation must say is tried on each."""

from fractions import Fraction

import numpy as np

from chainrule.equations.language.tree import size_value
from chainrule.equations.nodes.adjugates import adjugate
from chainrule.equations.nodes.conditions import choose, compare
from chainrule.equations.nodes.intervals import PARTS, interval
from chainrule.equations.nodes.kronecker import kronecker, split_axes
from chainrule.equations.nodes.log_space import Term, log_of, share
from chainrule.equations.nodes.nodes import Pool, linear, scaled
from chainrule.equations.nodes.norms import norm
from chainrule.equations.nodes.operations import ELEMENTWISE
from chainrule.equations.nodes.products import merged, power, product
from chainrule.equations.nodes.raised import raised

SIZES = {"m": 2, "n": 3, "q": 4, "r": 5, "s": 6}


def function(name):
    # Half of X lies between -1 and 1, where these are.
    half = Fraction(1, 2 if name.startswith("arc") else 1)
    return lambda pool, x: pool.intern("fn", name, (scaled(half, x["X"]),), x["X"].dims)


def of_kind(kind, drop, symbol="X"):
    def build(pool, x):
        node = x[symbol]
        return pool.intern(kind, None, (node,), node.dims[: len(node.dims) - drop])

    return build


def _sum_of_exponentials(pool, x):
    """X² exp(Y) summed over the rows, and a term u'u exp(Σ Z) that every row has."""
    weight = product(pool, [(x["u"], "j"), (x["u"], "j"), (pool.ones(("m",)), "i")], "i")
    exponent = product(pool, [(x["Z"], "jk"), (pool.ones(("m",)), "i")], "i")
    return [Term(x["Y"], power(x["X"], Fraction(2)), 1), Term(exponent, weight, 0)]


def _above(pool, x):
    return linear(pool, [(1, x["Y"]), (1, power(x["X"], Fraction(2)))], x["X"].dims)


def _below(x):
    return compare("<", x["X"], x["Y"])


CASES = {
    "lin": lambda pool, x: linear(pool, [(2, x["X"]), (Fraction(-1, 3), x["Y"])], x["X"].dims),
    "prod": lambda pool, x: product(pool, [(x["X"], "ij"), (x["Z"], "jk"), (x["u"], "j")], "ki"),
    "prod, a diagonal": lambda pool, x: product(pool, [(x["S"], "jj"), (x["X"], "ij")], "i"),
    "prod, an open diagonal": lambda pool, x: product(pool, [(x["S"], "jj"), (x["X"], "ij")], "ij"),
    "prod, one factor twice": lambda pool, x: product(pool, [(x["X"], "ij"), (x["X"], "kj")], "ik"),
    "prod, summed whole": lambda pool, x: product(pool, [(x["X"], "ij")], ""),
    "prod, picked": lambda pool, x: product(pool, [(x["X"], "ij"), (pool.onehot(x["y"], "n"), "ij")], "i"),
    "pow, square": lambda pool, x: power(x["X"], Fraction(2)),
    "pow, cube": lambda pool, x: power(x["X"], Fraction(3)),
    "pow, reciprocal": lambda pool, x: power(x["X"], Fraction(-1)),
    "pow, root": lambda pool, x: power(product(pool, [(x["X"], "ij"), (x["X"], "ij")], "i"), Fraction(1, 2)),
    "raised": lambda pool, x: raised(x["X"], x["Y"]),
    "raised, slope": lambda pool, x: raised(x["X"], x["Y"], (1, 1)),
    "raised, one exponent": lambda pool, x: raised(x["X"], product(pool, [(x["u"], "j")], "")),
    "raised, one base": lambda pool, x: raised(power(pool.size("n"), Fraction(1, 2)), x["X"]),
    "norm": lambda pool, x: norm(x["X"], 2),
    "norm of rows": lambda pool, x: norm(x["X"], 1),
    "softmax": lambda pool, x: pool.intern("softmax", None, (x["u"],), ("n",)),
    "softmax of rows": of_kind("softmax", 0),
    "lse": lambda pool, x: pool.intern("lse", None, (x["u"],), ()),
    "lse of rows": of_kind("lse", 1),
    "inv": of_kind("inv", 0, "S"),
    "logdet": of_kind("logdet", 2, "S"),
    "det": of_kind("det", 2, "S"),
    "logsum": lambda pool, x: log_of(_sum_of_exponentials(pool, x)),
    "logabs": lambda pool, x: log_of(_sum_of_exponentials(pool, x), "logabs"),
    "share": lambda pool, x: share(x["Y"], x["X"], _sum_of_exponentials(pool, x)),
    **{
        f"interval, {part}": lambda pool, x, part=part: interval(part, _above(pool, x), x["Y"])
        for part in PARTS[:3]
    },
    "share, of a term": lambda pool, x: share(
        *_sum_of_exponentials(pool, x)[1][:2], _sum_of_exponentials(pool, x)
    ),
    "adjugate": lambda pool, x: adjugate(x["S"]),
    "where": lambda pool, x: choose(
        compare("<", x["X"], x["Y"]), _above(pool, x), power(x["Y"], Fraction(3))
    ),
    "where, not below": lambda pool, x: choose(_below(x), x["Y"], _above(pool, x)),
    "extreme": lambda pool, x: pool.intern("extreme", "max", (x["X"],), ("m",)),
    "extreme, smallest": lambda pool, x: pool.intern("extreme", "min", (x["X"],), ("m",)),
    "kron": lambda pool, x: kronecker(x["X"], x["S"]),
    "kron, of itself": lambda pool, x: kronecker(x["S"], x["S"]),
    "merge": lambda pool, x: merged(x["X"], (2,)),
    "split": lambda pool, x: split_axes(x["long"], [("m", "n"), ("q",)]),
    **{f"fn, {name}": function(name) for name, row in ELEMENTWISE.items() if row.slope is not None},
}


def lengths(dims):
    return [size_value(size, SIZES) for size in dims]


def setting(seed):
    """A pool, its symbols by name, and values away from every kink."""
    random, pool = np.random.default_rng(seed), Pool()
    dims = {
        "X": ("m", "n"),
        "Y": ("m", "n"),
        "Z": ("n", "q"),
        "S": ("n", "n"),
        "u": ("n",),
        "long": ("m*n", "q"),
    }
    symbols = {name: pool.symbol(name, own) for name, own in dims.items()}
    values = {}
    for node in symbols.values():
        shape = lengths(node.dims)
        values[node] = random.choice([-1, 1], size=shape) * random.uniform(0.3, 1.4, size=shape)
    values[symbols["S"]] += 3 * np.diag([1, -1, 1])
    symbols["y"] = pool.symbol("y", ("m",))
    values[symbols["y"]] = random.integers(0, 3, size=2)
    return pool, symbols, values, random
