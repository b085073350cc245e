"""Every kind of node beside every other, under letters: it is written in every notation and reads back."""

from fractions import Fraction

import numpy as np
import pytest

from chainrule.equations import Equations
from chainrule.equations.formulas.matrixform import matrix_form
from chainrule.equations.formulas.print_latex import LatexPrinter
from chainrule.equations.formulas.print_mathml import MathPrinter
from chainrule.equations.formulas.print_sheet import SheetPrinter
from chainrule.equations.formulas.print_unicode import UnicodePrinter
from chainrule.equations.nodes.conditions import Order, choose, compare, related
from chainrule.equations.nodes.kronecker import kronecker, split_axes
from chainrule.equations.nodes.nodes import Pool, linear
from chainrule.equations.nodes.norms import norm
from chainrule.equations.nodes.products import merged, product, transposed
from chainrule.equations.nodes.raised import raised
from equations.complex_steps import close
from equations.node_values import node_value

SIZES = {"m": 2, "q": 3}
DIMS = {"A": ("m", "m"), "C": ("m", "m"), "T": ("m", "m", "q"), "u": ("m",), "w": ("q",), "s": (), "y": ()}
TAKEN = (*DIMS, *SIZES, "out")
DECLARATIONS = "A: R[m, m]; C: R[m, m]; T: R[m, m, q]; u: R[m]; w: R[q]; s: R; y: Class[m]\n"


class Drawn:
    """The symbols, and pieces of them: matrices m x m of each kind, one of them under letters alone."""

    def __init__(self):
        self.pool = Pool()
        self.symbols = {name: self.pool.symbol(name, dims) for name, dims in DIMS.items()}
        self.pool.labels[self.symbols["y"]] = "m"
        rng = np.random.default_rng(5)
        self.values = {
            name: rng.uniform(0.2, 0.8, [SIZES[size] for size in dims]) for name, dims in DIMS.items()
        }
        # Far from singular, also times what stands beside it.
        self.values["A"] += 3 * np.eye(2)
        self.values["y"] = 1

    def __getattr__(self, name):
        return self.symbols[name]

    def contracted(self):
        """Σ_k T[i,j,k] w[k]."""
        return product(self.pool, [(self.T, (0, 1, 2)), (self.w, (2,))], (0, 1))

    def outer(self, x, y):
        return product(self.pool, [(x, (0,)), (y, (1,))], (0, 1))

    def repeated(self, x):
        return self.outer(x, self.pool.ones(("m",)))

    def fn(self, name, x):
        return self.pool.intern("fn", name, (x,), x.dims)

    def last(self, kind, data, x, drop=1):
        return self.pool.intern(kind, data, (x,), x.dims[: len(x.dims) - drop])


def _sum(d, *nodes):
    return linear(d.pool, [(Fraction(n + 1, 2), node) for n, node in enumerate(nodes)], nodes[0].dims)


def _picked(d, blocks):
    """Some of the blocks of a matrix of size mq x mm, summed over with weights."""
    apart = split_axes(d.fn("tanh", blocks), [("m", "q"), ("m", "m")])
    return product(d.pool, [(apart, (0, 1, 2, 3)), (d.w, (1,)), (d.u, (3,))], (0, 2))


def _columns_beside(d, x):
    """Its columns beside a column: A ⊗ u, a matrix of size mm x m, of which one block is left."""
    beside = merged(product(d.pool, [(x, (0, 2)), (d.u, (1,))], (0, 1, 2)), (2, 1))
    return product(d.pool, [(split_axes(beside, [("m", "m"), ("m",)]), (0, 1, 2)), (d.u, (0,))], (1, 2))


def _regular(d, x):
    return _sum(d, product(d.pool, [(x, (0, 1)), (d.A, (0, 1))], (0, 1)), d.pool.delta("m"))


def _times(d, scalar):
    return product(d.pool, [(scalar, ()), (d.C, (0, 1))], (0, 1))


def _beside(d, x, *factors, out=(0, 1)):
    return product(d.pool, [(x, (0, 1)), *factors], out)


def _less(d):
    node, places = related(d.pool, Order("<", (1, -1), 0), ("m", "m"))
    return node, tuple(places)


def _of_a_stack(d, x):
    """Log |det| of every matrix of a stack made of it."""
    stack = product(d.pool, [(d.T, (0, 1, 2)), (x, (0, 1))], (2, 0, 1))
    shifted = _sum(d, stack, product(d.pool, [(d.pool.ones(("q",)), (0,)), (d.A, (1, 2))], (0, 1, 2)))
    return _beside(d, d.C, (d.last("logdet", None, shifted, 2), (2,)))


# A matrix m x m from a matrix m x m.
KINDS = {
    "prod": lambda d, x: product(d.pool, [(x, (0, 2)), (d.C, (2, 1))], (0, 1)),
    "transposed": lambda d, x: _beside(d, x, out=(1, 0)),
    "tensor": lambda d, x: _beside(d, x, (d.contracted(), (1, 0))),
    "lin": lambda d, x: _sum(d, x, d.C, d.pool.ones(("m", "m"))),
    "pow": lambda d, x: d.pool.intern("pow", Fraction(-3, 2), (d.fn("exp", x),), x.dims),
    "raised": lambda d, x: raised(d.fn("exp", x), d.C),
    "raised to a number": lambda d, x: raised(d.fn("exp", x), d.s),
    "slope of a power": lambda d, x: raised(d.fn("exp", x), d.C, (1, 1)),
    "fn": lambda d, x: d.fn("normal_cdf", d.fn("normal_pdf", x)),
    "norm of rows": lambda d, x: d.repeated(norm(x, 1)),
    "norm": lambda d, x: _times(d, norm(x, 2)),
    "softmax": lambda d, x: d.pool.intern("softmax", None, (x,), x.dims),
    "lse": lambda d, x: d.repeated(d.last("lse", None, x)),
    "inv": lambda d, x: d.pool.intern("inv", None, (_regular(d, x),), x.dims),
    "det": lambda d, x: _times(d, d.last("det", None, x, 2)),
    "logdet": lambda d, x: _times(d, d.last("logdet", None, _regular(d, x), 2)),
    "compare": lambda d, x: compare("<", x, d.C),
    "where": lambda d, x: choose(compare("<", d.C, d.contracted()), x, d.C),
    "larger": lambda d, x: choose(compare("<=", x, d.C), d.C, x),
    "extreme": lambda d, x: d.repeated(d.last("extreme", "max", x)),
    "attains": lambda d, x: d.pool.intern("attains", "min", (x,), x.dims),
    "kron": lambda d, x: _picked(d, kronecker(x, d.outer(d.w, d.u))),
    "kron, turned": lambda d, x: _picked(d, transposed(kronecker(x, d.outer(d.u, d.w)), (1, 0))),
    "columns beside a column": _columns_beside,
    "merge": lambda d, x: split_axes(d.fn("exp", merged(x, (2,))), [("m", "m")]),
    "diagonal": lambda d, x: d.repeated(_beside(d, d.pool.ones(("m", "m")), (x, (0, 0)), out=(0,))),
    "on a diagonal": lambda d, x: product(
        d.pool, [(x, (0, 2)), (d.u, (2,)), (d.pool.delta("m"), (0, 1))], (0, 1)
    ),
    "trace": lambda d, x: _times(d, product(d.pool, [(x, (0, 0))], ())),
    "total": lambda d, x: _times(d, _beside(d, x, out=())),
    "onehot": lambda d, x: product(d.pool, [(x, (0, 2)), (d.pool.onehot(d.y, "m"), (1,))], (0, 1)),
    "unit": lambda d, x: _beside(d, x, (d.pool.unit(1, "m"), (1,))),
    "iota": lambda d, x: _beside(d, x, (d.pool.iota("m"), (1,))),
    "relation": lambda d, x: _beside(d, x, _less(d)),
    "numbers": lambda d, x: _beside(d, x, (d.pool.size("m"), ()), (d.pool.intern("pi", None, (), ()), ())),
    "stack": _of_a_stack,
}


def check(d, node):
    """A node, written in every notation, has its own value when it is read as a sheet."""
    form = matrix_form(node)

    for printer in (UnicodePrinter, LatexPrinter, MathPrinter):
        assert all(printer(taken=TAKEN).equation("out", form))
    lines = SheetPrinter(taken=TAKEN).lines("out", form)
    model = Equations(DECLARATIONS + "\n".join(lines))
    given = {own: d.values[own] for own in model.sheet.declarations}
    want = node_value(node, {d.symbols[own]: value for own, value in d.values.items()}, SIZES)
    close(model.evaluate("out", given, sizes=SIZES), want)


def check_pairs(outer, start):
    """One in five of the kinds inside a kind; a product with entries of a tensor has letters."""
    for inner in list(KINDS)[start::5]:
        d = Drawn()
        try:
            check(d, KINDS[outer](d, _beside(d, KINDS[inner](d, d.A), (d.contracted(), (0, 1)))))
        except Exception as error:
            raise AssertionError(f"{outer} around {inner}") from error


@pytest.mark.parametrize(("place", "outer"), list(enumerate(KINDS)))
def test_every_kind_around_others(place, outer):
    check_pairs(outer, place % 5)


@pytest.mark.full
@pytest.mark.parametrize("outer", KINDS)
def test_every_kind_around_every_other(outer):
    for start in range(5):
        check_pairs(outer, start)


@pytest.mark.parametrize("layout", ["gradient", "numerator", "denominator"])
def test_a_row_by_name_before_a_matrix(layout):
    """In numerator layout dL/dA is a row, and no transpose shows it."""
    model = Equations(f"""
        layout {layout}
        r: R[T]; parameters v: R[T]; g: R
        A[t] = sum(where(u >= t, g**(u - t) * r[u], 0) for u in T) - v[t]
        L = sum(A**2)
    """)
    derivation = model.derive("L")
    assert "dL/dg = Σ_i,j dL/dA[i] where(i ≤ j, (j - i) g^(j - 1 - i), 0) r[j]" in str(derivation)
    values = {"r": np.array([1.0, 2.0, -1.0]), "v": np.array([0.3, 0.2, 0.1]), "g": np.asarray(0.7)}
    again = Equations(derivation.sheet())
    for name in ("v", "g"):
        want = model.evaluate(f"d(L, {name})", values)
        np.testing.assert_allclose(again.evaluate(f"dL_d{name}", values), want, rtol=1e-12)


def test_a_root_is_taken_entry_by_entry():
    body = Equations("x: R[n]; h[i] = sqrt(i * (x.T @ x)) + x[i]").program.bodies["h"]
    assert UnicodePrinter().equation("h", matrix_form(body)) == ("h[i]", "sqrt(i ‖x‖²) + x[i]")
