"""What is written of a product, in matrix form or index notation, reads back and has its value."""

from fractions import Fraction

import numpy as np
import pytest

from chainrule.equations import Equations
from chainrule.equations.formulas import readable
from chainrule.equations.formulas.forms import Add, Hadamard, Indexed, Mul, Named
from chainrule.equations.formulas.glyphs import AS_TYPED
from chainrule.equations.formulas.letters import is_indexed
from chainrule.equations.formulas.matrixform import matrix_form
from chainrule.equations.formulas.print_latex import LatexPrinter
from chainrule.equations.formulas.print_mathml import MathPrinter
from chainrule.equations.formulas.print_sheet import SheetPrinter
from chainrule.equations.formulas.print_unicode import UnicodePrinter
from chainrule.equations.nodes.nodes import Pool, linear, topological
from chainrule.equations.nodes.products import product
from chainrule.equations.nodes.simplify import cost
from chainrule.errors import SheetLimitError
from equations.complex_steps import close
from equations.random_nodes import LENGTHS, Draw


def read_back(node, values, lengths):
    """The value of a node's text in sheet syntax, read as a sheet and evaluated literally."""
    names = {symbol: f"v{place}" for place, symbol in enumerate(values)}
    labels = {inner.args[0]: inner.dims[-1] for inner in topological([node]) if inner.kind == "onehot"}
    lines = [f"has_{size}: R[{size}]" for size in lengths]
    for symbol, name in names.items():
        if symbol in labels:
            lines.append(f"{name}: Class[{labels[symbol]}]")
        else:
            sizes = f"[{', '.join(map(str, symbol.dims))}]" if symbol.dims else ""
            lines.append(f"{name}: R{sizes}")
    called = {symbol.data: name for symbol, name in names.items()}
    writer = SheetPrinter(lambda data: called.get(data, data), (*names.values(), *lengths))
    left, right = writer.equation("written", matrix_form(node))
    model = Equations("\n".join([*lines, f"{left} = {right}"]))
    given = {names[symbol]: value for symbol, value in values.items()}
    return model.evaluate("written", given, sizes=lengths), f"{left} = {right}"


@pytest.mark.parametrize("start", range(0, 240, 40))
def test_any_product_reads_back(start):
    kinds = set()
    for seed in range(start, start + 40):
        draw = Draw(seed)
        node = product(draw.pool, draw.factors, draw.out)
        value, text = read_back(node, draw.values, LENGTHS)
        if node.dims or np.ndim(value):
            assert np.shape(value) == draw.expected().shape, text
        close(value, draw.expected())
        kinds.add(type(matrix_form(node)).__name__)
    assert len(kinds) > 3


def test_two_equal_edges_are_two():
    # (AᵀC) ⊙ (AᵀC): once one of two equal edges is taken for the other, a factor is lost.
    pool = Pool()
    a, c = pool.symbol("A", ("m", "n")), pool.symbol("C", ("m", "q"))
    v = pool.symbol("v", ("n",))
    factors = [(a, "kn"), (c, "kq"), (a, "ln"), (c, "lq"), (v, "n")]
    random = np.random.default_rng(0)
    values = {a: random.normal(size=(2, 3)), c: random.normal(size=(2, 4)), v: random.normal(size=3)}
    for out in ("nq", "n", "q", ""):
        node = product(pool, factors, out)
        value, _ = read_back(node, values, LENGTHS)
        gram = (values[a].T @ values[c]) ** 2 * values[v][:, None]
        close(value, np.einsum(f"nq->{out}", gram))


def written(text, name="L"):
    program = Equations(text).program
    return UnicodePrinter(lambda name: AS_TYPED + name).text(matrix_form(program.bodies[name]))


MATRICES = "A: R[m, n]; B: R[n, q]; C: R[q, m]; S: R[m, m]; u: R[m]; v: R[n]; w: R[q]; a: R\n"


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("A @ B", "A B"),
        ("A @ B @ w", "A B w"),
        ("u.T @ A @ v", "uᵀ A v"),
        ("v.T @ A.T @ u", "uᵀ A v"),
        ("trace(A @ B @ C)", "tr(B C A)"),
        ("diag(u) @ A @ diag(v)", "diag(u) A diag(v)"),
        ("trace(S)", "tr(S)"),
        ("diag(S)", "diagonal(S)"),
        ("diag(S @ S)", "(S ⊙ Sᵀ) 𝟏"),
        ("sum(A)", "sum(A)"),
        ("sum(A, axis=1)", "A 𝟏"),
        ("norm2(A @ v)**2", "vᵀ Aᵀ A v"),
        ("norm2(v)**2", "‖v‖²"),
        ("normF(A)", "‖A‖"),
        ("v / norm2(v)", "(1/‖v‖) v"),
        ("mean(v)", "sum(v) / n"),
        ("u @ v.T", "u vᵀ"),
        ("A * (u @ v.T)", "diag(u) A diag(v)"),
        ("2 * (A @ v) - u", "2 A v - u"),
        ("1 - u", "1 - u"),
        ("-(A @ v)", "-A v"),
        ("(u.T @ u) * (A @ v)", "‖u‖² A v"),
        ("A / a", "(1/a) A"),
        ("ones(m)", "𝟏"),
        ("ones(m, n)", "𝟏𝟏ᵀ"),
        ("eye(m) - S", "I - S"),
        ("v[2]", "v[2]"),
        ("exp(-a * v)", "exp(-a v)"),
    ],
)
def test_products_are_written_as_on_paper(formula, expected):
    assert written(f"{MATRICES}L = {formula}") == expected


def test_what_does_not_reduce_is_in_index_notation_throughout():
    lines = (
        MATRICES + "R1: R[m, m]; R2: R[m, m]; R3: R[m, m]; R4: R[m, m]; R5: R[m, m]; R6: R[m, m]\n"
        "h[i] = sum(R1[i, j] * R2[i, k] * R3[i, r] * R4[j, k] * R5[k, r] * R6[j, r] for j in m for k in m"
        " for r in m) + 2 * u[i]\n"
    )
    form = matrix_form(Equations(lines).program.bodies["h"])
    assert isinstance(form, Add)
    assert is_indexed(form)
    text = UnicodePrinter(lambda name: AS_TYPED + name).equation("h", form)
    assert text[0] == "h[i]"
    assert "2 u[i]" in text[1]
    assert "Σ_j,k,l" in text[1]
    assert "u +" not in text[1]


def test_forms_keep_their_rank():
    pool = Pool()
    x, s = pool.symbol("x", ("n",)), pool.symbol("S", ("n", "n"))
    assert isinstance(matrix_form(product(pool, [(s, "ij"), (x, "j")], "i")), Mul)
    assert isinstance(matrix_form(product(pool, [(s, "ij"), (x, "i"), (x, "j")], "ij")), Mul)
    assert isinstance(matrix_form(product(pool, [(s, "ij"), (s, "ji")], "ij")), Hadamard)
    assert matrix_form(x) == Named(1, x)
    cube = matrix_form(product(pool, [(s, "ij"), (x, "k")], "ijk"))
    assert isinstance(cube, Indexed)
    assert cube.rank == 3


def test_names_already_held_are_used():
    pool = Pool()
    x, h = pool.symbol("x", ("n",)), pool.symbol("h", ("n",))
    body = pool.intern("fn", "tanh", (x,), x.dims)
    assert matrix_form(body, {body: Named(1, h)}) == Named(1, h)


def test_a_deep_formula_is_refused_with_its_depth():
    pool = Pool()
    node = pool.symbol("x", ())
    for _ in range(3000):
        node = pool.intern("fn", "sin", (node,), ())
    with pytest.raises(SheetLimitError, match=r"3,001 operations inside one another; at most 100"):
        matrix_form(node)


def test_a_formula_that_doubles_at_every_level_is_refused_with_its_length():
    pool = Pool()
    node = pool.symbol("x", ())
    for level in range(40):
        parts = [pool.intern("fn", name, (node,), ()) for name in ("sin", "cos")]
        node = linear(pool, [(Fraction(1), part) for part in parts], ())
        if level == 8:
            assert UnicodePrinter().text(matrix_form(node)).count("x") == 512
    with pytest.raises(SheetLimitError, match=r"with [\d,]{17} symbols; at most 50,000 are"):
        matrix_form(node)


def test_lines_that_are_short_alone_are_refused_together(monkeypatch):
    model = Equations("parameters x: R[n]; y: R[n]; L = sum(sin(x * y) ** 3)")
    length = sum(cost(line.expression) for line in model.derive("L").lines)
    monkeypatch.setattr(readable, "MOST_TOGETHER", length)
    written = model.derive("L")
    assert str(written) and written.latex() and written.sheet() and str(written.by_layer())
    monkeypatch.setattr(readable, "MOST_TOGETHER", length - 1)
    refused = model.derive("L")
    for write in (refused.__str__, refused.latex, refused.mathml, refused.sheet, refused.by_layer):
        with pytest.raises(
            SheetLimitError, match=rf"written with {length:,} symbols; at most {length - 1:,}"
        ):
            write()


@pytest.mark.parametrize("dims", [(), ("n",), ("n", "m", "p")])
def test_the_deepest_formula_that_is_written_can_be_printed(dims):
    pool = Pool()
    x, y, axes = pool.symbol("x", dims), pool.symbol("y", dims), range(len(dims))
    node = x
    for _ in range(49):
        inner = product(pool, [(node, axes), (y, axes)], axes)
        node = linear(pool, [(Fraction(1), x), (Fraction(2), inner)], dims)
    for printer in (UnicodePrinter, LatexPrinter, MathPrinter, SheetPrinter):
        assert printer(lambda name: {"y": "yyy"}.get(name, name)).text(matrix_form(node)).count("yyy") == 49
