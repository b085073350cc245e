"""Second order: Hessian blocks and Hessian-vector products, line by line, against the complex step."""

import numpy as np
import pytest

from chainrule.equations import Equations
from chainrule.equations.calculus.blockwise import block_lines
from chainrule.equations.calculus.second import Direction, Moved, Second, product_lines
from chainrule.errors import OptionError, SheetShapeError
from equations.node_values import node_value

STEP = 1e-30
TANH = """
    data        x: R[p];  y: Class[K]
    parameters  W: R[M, p];  b: R[M];  V: R[K, M];  c: R[K]
    h = tanh(b + W @ x)
    f = c + V @ h
    L = logsumexp(f) - f[y] + normF(W)**2 / 3
"""
NAMED = """
    data        x: R[p];  t: Simplex[K]
    parameters  W: R[M, p];  b: R[M];  V: R[K, M]
    z = b + W @ x
    h = sigmoid(z)
    u = V @ h
    q = softmax(u)
    L = -(t.T @ log(q)) + norm2(h)**4 / 5
"""
LOGISTIC = """
    data        X: R[p, K]; y: Bit[p]
    parameters  b: R[K]; a: R
    s = sigmoid(X @ b + a)
    L = -sum(y * log(s) + (1 - y) * log(1 - s)) + a**3 * sqrt(1 + b.T @ b)
"""
MATRIX = """
    parameters  W: R[M, M]; b: R[M]
    A = W @ W.T + eye(M)
    L = logdet(A) + b.T @ inv(A) @ b
"""
SIZES = {"p": 3, "M": 4, "K": 2}


def values_of(model, rng):
    values = {}
    for name, declaration in model.sheet.declarations.items():
        shape = [SIZES[size] for size in declaration.axes]
        if declaration.domain == "class":
            values[name] = np.asarray(rng.integers(0, SIZES[declaration.classes]))
        elif declaration.domain == "simplex":
            values[name] = rng.dirichlet(np.ones(shape[0]))
        elif declaration.domain == "bit":
            values[name] = rng.integers(0, 2, shape)
        else:
            values[name] = np.asarray(rng.normal(size=shape))
    return values


def computed(model, lines, given):
    """Values of the lines' symbols, each computed from the sheet's names and the lines before it."""
    program = model.program
    known = {program.symbols[name]: value for name, value in given.items() if name in program.symbols}
    known.update({symbol: value for symbol, value in given.items() if not isinstance(symbol, str)})
    sizes = {size: SIZES[size] for size in model.sizes}
    for name, body in program.bodies.items():
        known[program.symbols[name]] = node_value(body, known, sizes)
    for line in lines:
        known[line.symbol] = node_value(line.expression, known, sizes)
    return {line.symbol.data: known[line.symbol] for line in lines}


def gradient_at(model, wrt, values):
    """dL/dwrt by the compiled code, which other tests hold to the complex step; complex values pass."""
    function = model.compile(f"dL/d{wrt}")
    return function(
        **{name: values[name] for name in function.inputs}, **{size: SIZES[size] for size in function.sizes}
    )


def hessian_block(model, first, second, values):
    """d²L / (d first d second) by the complex step through the gradient."""
    shape = np.shape(values[second])
    block = np.empty((*np.shape(values[first]), *shape))
    for place in np.ndindex(*shape):
        moved = np.array(values[second], dtype=complex)
        moved[place] += 1j * STEP
        block[(..., *place)] = np.imag(gradient_at(model, first, {**values, second: moved})) / STEP
    return block


@pytest.mark.parametrize("text", [TANH, NAMED, LOGISTIC], ids=["tanh", "named", "logistic"])
def test_every_block_of_the_hessian(text):
    model = Equations(text)
    values = values_of(model, np.random.default_rng(3))
    names = list(model.parameters)
    found = computed(model, block_lines(model.program, "L", names), values)
    for position, then in enumerate(names):
        for wrt in names[: position + 1]:
            want = hessian_block(model, wrt, then, values)
            got = found[Second("L", wrt, then)]
            assert got.shape == want.shape
            np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-12, err_msg=f"{wrt}, {then}")


@pytest.mark.parametrize("text", [TANH, NAMED, LOGISTIC], ids=["tanh", "named", "logistic"])
def test_the_product_is_the_hessian_times_the_direction(text):
    model = Equations(text)
    rng = np.random.default_rng(4)
    values = values_of(model, rng)
    names = list(model.parameters)
    lines = product_lines(model.program, "L", names)
    pool = model.program.pool
    way = {name: np.asarray(rng.normal(size=np.shape(values[name]))) for name in names}
    given = {pool.symbol(Direction(name), model.program.symbols[name].dims): way[name] for name in names}
    found = computed(model, lines, {**values, **given})
    moved = {**values, **{name: values[name] + 1j * STEP * way[name] for name in names}}
    for line in lines:
        if line.requested:
            assert isinstance(line.symbol.data, Moved)
            wrt = line.symbol.data.base.wrt
            want = np.imag(gradient_at(model, wrt, moved)) / STEP
            np.testing.assert_allclose(found[line.symbol.data], want, rtol=1e-11, atol=1e-12)
    assert {line.symbol.data.base.wrt for line in lines if line.requested} == set(names)


def test_inverse_and_log_determinant_have_second_derivatives():
    model = Equations(MATRIX)
    values = values_of(model, np.random.default_rng(5))
    found = computed(model, block_lines(model.program, "L", ["W", "b"]), values)
    base = 1e-6
    for place in np.ndindex(4, 4):
        step = np.zeros((4, 4))
        step[place] = base
        up = gradient_at(model, "W", {**values, "W": values["W"] + step})
        down = gradient_at(model, "W", {**values, "W": values["W"] - step})
        got = found[Second("L", "W", "W")][(..., *place)]
        np.testing.assert_allclose(got, (up - down) / (2 * base), rtol=1e-6, atol=1e-7)


def test_a_block_is_symmetric_and_an_absent_one_is_zero():
    model = Equations("parameters u: R[p]; w: R[K]; L = exp(norm2(u)**2 / 9) + sum(sin(w))")
    values = values_of(model, np.random.default_rng(6))
    found = computed(model, block_lines(model.program, "L", ["u", "w"]), values)
    np.testing.assert_allclose(found[Second("L", "u", "u")], found[Second("L", "u", "u")].T)
    assert found[Second("L", "u", "w")].shape == (3, 2)
    assert not found[Second("L", "u", "w")].any()


DOMKE = """
    data        x: R[p];  y: Class[K]
    parameters  W: R[M, p];  b: R[M];  V: R[K, M];  c: R[K]
    h = tanh(b + W @ x)
    f = c + V @ h
    L = logsumexp(f) - f[y]
"""
CURVATURE = (
    "diag(1 - h⊙h) Vᵀ (diag(softmax(f)) - softmax(f) softmax(f)ᵀ) V diag(1 - h⊙h)"
    " - 2 diag(h ⊙ (1 - h⊙h) ⊙ dL/dh)"
)


def test_the_textbook_hessians_are_printed_as_written():
    model = Equations(DOMKE)
    assert str(model.derive("L", "b", order=2)).splitlines()[-1] == f"d²L/db² = {CURVATURE}"
    assert str(model.derive("L", "W", order=2)).splitlines()[-2:] == [
        f"d²L/db² = {CURVATURE}",
        "d²L/dW²[i,j,k,l] = d²L/db²[i,k] x[j] x[l]",
    ]
    logistic = Equations("""
        data X: R[n, d]; y: Bit[n]
        constants λ: R
        parameters β: R[d]
        p = sigmoid(X @ β)
        L = -sum(y * log(p) + (1 - y) * log(1 - p)) + λ * β.T @ β
    """)
    assert str(logistic.derive("L", order=2)) == "d²L/dβ² = Xᵀ diag(p ⊙ (1 - p)) X + 2 λ I"
    assert str(logistic.hessian_product("L")) == "D[dL/dβ] = Xᵀ (p ⊙ (1 - p) ⊙ (X v_β)) + 2 λ v_β"


@pytest.mark.parametrize("form", ["example", "batch"])
def test_second_order_reads_back_as_a_sheet(form):
    rng = np.random.default_rng(7)
    model = Equations(DOMKE)
    stacked = 5 if form == "batch" else None
    shapes = {"W": (4, 3), "b": (4,), "V": (2, 4), "c": (2,)}
    values = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    values |= {f"v_{name}": rng.normal(size=shape) for name, shape in shapes.items()}
    x, y = rng.normal(size=(stacked or 1, 3)), rng.integers(0, 2, stacked or 1)
    values |= {"X": x, "y": y} if stacked else {"x": x[0], "y": y[0]}
    block = Equations(model.derive("L", ["W", "b"], form=form, order=2).sheet())
    product = Equations(model.hessian_product("L", ["W", "b"], form=form).sheet())
    of = "C" if stacked else "L"
    given = {name: value for name, value in values.items() if name in block.names}
    ways = {name: value for name, value in values.items() if name in product.names}
    for row in ("W", "b"):
        crossed = (
            np.tensordot(block.evaluate(f"d2{of}_dW_dW", given), values["v_W"], 2)
            + block.evaluate(f"d2{of}_dW_db", given) @ values["v_b"]
            if row == "W"
            else np.tensordot(values["v_W"], block.evaluate(f"d2{of}_dW_db", given), 2)
            + block.evaluate(f"d2{of}_db_db", given) @ values["v_b"]
        )
        got = product.evaluate(f"D_d{of}_d{row}", ways)
        np.testing.assert_allclose(got, crossed, rtol=1e-11, atol=1e-12)


def test_second_order_is_linear_in_depth():
    lengths = []
    for depth in (4, 8, 16):
        lines = ["data x: R[m0]; y: R"]
        lines += [f"parameters W{k}: R[m{k}, m{k - 1}]; b{k}: R[m{k}]" for k in range(1, depth)]
        lines.append(f"parameters w: R[m{depth - 1}]")
        lines += [f"h{k} = tanh(W{k} @ {'x' if k == 1 else f'h{k - 1}'} + b{k})" for k in range(1, depth)]
        model = Equations("\n".join([*lines, f"L = (w.T @ h{depth - 1} - y)**2"]))
        lengths.append([len(str(model.hessian_product("L"))), len(str(model.derive("L", "b1", order=2)))])
    small, middle, large = np.array(lengths, dtype=float)
    assert np.all(large - middle < 2.4 * (middle - small))


def test_second_order_asks_for_a_scalar_in_gradient_layout():
    model = Equations(DOMKE)
    with pytest.raises(SheetShapeError, match="f has 1 axes; second order is derived for scalars"):
        model.derive("f", "b", order=2)
    with pytest.raises(OptionError, match="gradient layout"):
        model.derive("L", "b", order=2, layout="numerator")
    with pytest.raises(OptionError, match="order is 1 or 2; got 3"):
        model.derive("L", "b", order=3)
    assert str(model.derive("L", ["c", "x"], order=2)).count("d²L/") >= 3
    linear = Equations("parameters w: R[p]; x: R[p]; L = w.T @ x")
    assert str(linear.derive("L", "w", order=2)) == "d²L/dw² = 0 (dL/dw does not depend on w)"


def test_the_derivative_of_a_shared_inner_node_has_a_name_in_every_notation():
    model = Equations("""
        data X: R[n, p]; y: R[n]
        parameters w: R[p]; b: R
        z = tanh(X @ w + b)
        L = sum((z - y)**2) + norm2(w)**2
    """)
    derivation = model.derive("L", ["w", "b"], order=2)
    assert "dδz/d" in str(derivation)
    assert r"\frac{d\delta_{z}}{d" in derivation.latex()
    assert "<mi>δ</mi>" in derivation.mathml()
    rng = np.random.default_rng(8)
    values = {
        "X": rng.normal(size=(5, 3)),
        "y": rng.normal(size=5),
        "w": rng.normal(size=3),
        "b": np.array(0.4),
    }
    printed = Equations(derivation.sheet())
    for first, second in (("w", "w"), ("w", "b"), ("b", "b")):
        got = printed.evaluate(f"d2L_d{first}_d{second}", values)
        np.testing.assert_allclose(got, hessian_block(model, first, second, values), rtol=1e-10)
