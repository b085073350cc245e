"""Hessians through the pre-activations, and sums over examples written for one of them."""

import itertools

import numpy as np
import pytest

from chainrule.equations import Equations
from chainrule.equations.calculus import entrances
from chainrule.equations.formulas.shown import OneExample
from chainrule.errors import OptionError
from equations.complex_steps import close, jacobian
from equations.node_values import node_value

SIZES = {"p": 3, "M": 4, "K": 2, "N": 6, "m1": 5, "m2": 4, "Q": 7}
TANH = """
    data        x: R[p];  y: Class[K]
    parameters  W: R[M, p];  b: R[M];  V: R[K, M];  c: R[K]
    h = tanh(b + W @ x)
    f = c + V @ h
    L = logsumexp(f) - f[y]
"""
WITHOUT_BIAS = TANH.replace("b + W", "W")
NAMED = """
    data x: R[p]; y: Class[K]
    parameters W1: R[m1, p]; b1: R[m1]; W2: R[m2, m1]; b2: R[m2]; W3: R[K, m2]; b3: R[K]
    z1 = W1 @ x + b1
    h1 = tanh(z1)
    z2 = W2 @ h1 + b2
    h2 = sigmoid(z2)
    f = W3 @ h2 + b3
    L = logsumexp(f) - f[y]
"""
INDEXED = """
    data X: R[N, p]; y: Class[N, K]
    parameters W: R[M, p];  b: R[M];  V: R[K, M];  c: R[K]
    h[i] = tanh(b + W @ X[i]); f[i] = c + V @ h[i]; loss[i] = logsumexp(f[i]) - f[i][y[i]]
    L = mean(loss[i] for i in N)
"""
SOFTMAX = """
    data X: R[N, p]; y: Class[N, K]
    parameters W: R[K, p]
    F = X @ W.T
    L = sum(logsumexp(F[i]) - F[i][y[i]] for i in N)
"""
SHEETS = {
    "bias by name": TANH,
    "no bias": WITHOUT_BIAS,
    "three layers": NAMED,
    "one output": NAMED.replace("; W3: R[K, m2]; b3: R[K]", "; w: R[m2]; b3: R")
    .replace("W3 @", "w.T @")
    .replace("Class[K]", "R")
    .replace("logsumexp(f) - f[y]", "(f - y)**2"),
    "penalty": TANH + "    R = L + normF(W)**2 / 3 + norm2(b)**4 + (V @ b)[0] * normF(V)**2",
    "penalty of a named layer": NAMED + "    R = exp(L) + norm2(z1)**2 + normF(W1)**2 * normF(W2)**2",
    "tied weights": """
        data x: R[p]
        parameters W: R[M, p]; b: R[M]; c: R[p]
        h = tanh(W @ x + b)
        L = norm2(W.T @ h + c - x)**2
    """,
    "a bias that is used twice": TANH.replace("f = c + V @ h", "f = c + V @ (h * b)"),
    "weights in two layers": """
        data x: R[p]
        parameters W: R[p, p]; b: R[p]
        h = tanh(W @ x + b)
        g = tanh(W @ h + b)
        L = sum(g**3)
    """,
    "a scalar neck": """
        data x: R[p]; y: Sign; parameters w: R[p]; b: R
        f = w.T @ x + b; L = softplus(-(y * f))
    """,
    "a scalar neck of a matrix": """
        data x: R[p]; u: R[M]; parameters W: R[p, M]; a: R
        g = x.T @ W @ u + a; L = sin(g) * a
    """,
    "weights on the right": """
        data x: R[p]; y: Simplex[K]
        parameters W1: R[p, M]; w1: R[M]; W2: R[M, K]; w2: R[K]
        z1 = W1.T @ x + w1; h1 = sigmoid(z1); z2 = W2.T @ h1 + w2; q = softmax(z2)
        L = -(y.T @ log(q))
    """,
    "a skip": """
        data x: R[p]; y: R[p]
        parameters W: R[M, p]; V: R[p, M]; U: R[p, p]
        a = W @ x; h = tanh(a); g = V @ h + U @ x + x; L = norm2(g - y)**4
    """,
    "itself": "data x: R[p]; parameters W: R[M, p]; v: R[M]; z = W @ x; L = tanh(v.T @ sigmoid(z))",
    "indexed": INDEXED,
    "indexed without bias": INDEXED.replace("b + W", "W"),
    "indexed penalty": INDEXED + "    R = L + normF(W)**2 / 3 + norm2(b)**2 + sum(V)**2",
    "softmax regression": SOFTMAX,
    "matrix sheet": """
        data X: R[N, p]; Y: R[N, K]
        parameters W1: R[M, p]; b1: R[M]; W2: R[K, M]
        Z = X @ W1.T + b1; H = tanh(Z); F = H @ W2.T
        L = normF(F - Y)**2 / (2 * N)
    """,
    "examples that mix": """
        data X: R[N, p]; y: R[N]
        parameters W: R[M, p]; v: R[M]
        Z = X @ W.T
        m[k] = mean(Z[i, k] for i in N)
        H[i] = tanh(Z[i] - m)
        L = mean((v.T @ H[i] - y[i])**2 for i in N)
    """,
    "a nonlinear sum over the examples": """
        data X: R[N, p]; y: R[N]
        parameters W: R[M, p]; v: R[M]
        H[i] = tanh(W @ X[i]); r[i] = (v.T @ H[i] - y[i])**2
        L = log(1 + sum(r[i] for i in N))
    """,
}


def values_of(model, rng, sizes):
    values = {}
    for name, declaration in model.sheet.declarations.items():
        shape = [size if isinstance(size, int) else sizes[size] for size in declaration.axes]
        if declaration.domain == "class":
            classes = declaration.classes
            values[name] = rng.integers(0, sizes.get(classes, classes), shape)
        elif declaration.domain == "simplex":
            values[name] = rng.dirichlet(np.ones(shape[-1]), shape[:-1])
        elif declaration.domain == "sign":
            values[name] = rng.choice([-1, 1], shape)
        else:
            values[name] = rng.normal(size=shape)
    return values


def check_blocks(derivation, seed, sizes=SIZES):
    """Every block of the printed sheet, read back, against the complex step through the gradient."""
    printed = Equations(derivation.sheet())
    sizes = {size: sizes[size] for size in printed.sizes}
    values = values_of(printed, np.random.default_rng(seed), sizes)
    for place, then in enumerate(derivation.wrt):
        for wrt in derivation.wrt[: place + 1]:
            found = printed.evaluate(f"d2{derivation.of}_d{wrt}_d{then}", values, sizes=sizes)
            close(found, jacobian(printed, f"d({derivation.of}, {wrt})", then, values, sizes), 1e-9)


@pytest.mark.parametrize("name", SHEETS)
@pytest.mark.parametrize("backwards", [False, True])
def test_every_block(name, backwards):
    model = Equations(SHEETS[name])
    of = "R" if "R" in model.names else "L"
    names = list(model.parameters)[:: -1 if backwards else 1]
    check_blocks(model.derive(of, names, order=2), len(name))


@pytest.mark.parametrize("name", [name for name in SHEETS if " X:" not in SHEETS[name]])
def test_every_block_stacked_over_the_examples(name):
    model = Equations(SHEETS[name])
    of = "R" if "R" in model.names else "L"
    check_blocks(model.derive(of, order=2, form="batch", reduction="mean"), len(name))


@pytest.mark.parametrize("name", SHEETS)
def test_each_block_alone(name):
    model = Equations(SHEETS[name])
    for wrt in model.parameters:
        check_blocks(model.derive("L", wrt, order=2), len(name))


def stacked(program, values, size):
    """Values of the program's symbols."""
    known = {program.symbols[name]: np.asarray(value) for name, value in values.items()}
    for name, body in program.bodies.items():
        known[program.symbols[name]] = node_value(body, known, SIZES)
    return known


def over_examples(view, node, known, count):
    """A line's value from what is written for one example: stacked, or summed over them."""
    each, rest = view.parts(node)
    total = 0 if rest is None or node.dims[:1] == (view.size,) else node_value(rest, known, SIZES)
    rows = []
    for s in range(count):
        own = {
            view.symbol(symbol): value[s]
            for symbol, value in known.items()
            if symbol.dims[:1] == (view.size,)
        }
        rows.append(node_value(each if each is not None else rest, {**known, **own}, SIZES))
    if node.dims[:1] == (view.size,):
        return np.stack(rows)
    return total + sum(rows) if each is not None else total


@pytest.mark.parametrize("name", [name for name in SHEETS if "mix" not in name and "nonlinear" not in name])
@pytest.mark.parametrize("order", [1, 2])
def test_what_is_written_for_one_example_adds_up(name, order):
    model = Equations(SHEETS[name])
    of = "R" if "R" in model.names else "L"
    form = None if " X:" in SHEETS[name] else "batch"
    derivation = model.derive(of, order=order, form=form)
    program, view = derivation.program, OneExample(derivation.program, derivation.examples)
    assert view.can_write(derivation.lines)
    printed = Equations(replaced(derivation))
    values = values_of(printed, np.random.default_rng(order), SIZES)
    known = stacked(program, values, derivation.examples)
    for line in derivation.lines:
        known[line.symbol] = node_value(line.expression, known, SIZES)
        close(over_examples(view, line.expression, known, SIZES["N"]), known[line.symbol])


def replaced(derivation):
    """The model of a derivation without its lines."""
    import dataclasses

    return dataclasses.replace(derivation, lines=()).sheet()


def written(text, *args, **options):
    return str(Equations(text).derive(*args, **options)).splitlines()


def test_softmax_regression_is_written_for_one_example():
    assert written(SOFTMAX, "L", order=2) == [
        "d²L/dW²[i,j,k,l] = Σ_s (diag(softmax(f_s)) - softmax(f_s) softmax(f_s)ᵀ)[i,k] x_s[j] x_s[l]"
    ]
    named = SOFTMAX.replace("    L =", "    P = softmax(F, axis=1)\n    L =")
    assert written(named, "L", order=2)[-1].startswith("d²L/dW²[i,j,k,l] = Σ_s (diag(")
    assert written(SOFTMAX, "L") == ["dL/dF = softmax(F, axis=1) - E_y", "dL/dW = dL/dFᵀ X"]
    assert written(SOFTMAX, "L", form="example") == [
        "dL/df_s = softmax(f_s) - e_y_s",
        "dL/dW = Σ_s dL/df_s x_sᵀ",
    ]


def test_an_indexed_sheet_for_one_example():
    assert written(INDEXED, "L", form="example") == [
        "dL/df_s = (1/N) (softmax(f_s) - e_y_s)",
        "dL/dc = Σ_s dL/df_s",
        "dL/dV = Σ_s dL/df_s h_sᵀ",
        "dL/dh_s = Vᵀ dL/df_s",
        "δh_s = (1 - h_s⊙h_s) ⊙ dL/dh_s",
        "dL/db = Σ_s δh_s",
        "dL/dW = Σ_s δh_s x_sᵀ",
    ]
    assert written(INDEXED, "L", "W", order=2)[-3:] == [
        "d²L/(df_s db) = (1/N) (diag(softmax(f_s)) - softmax(f_s) softmax(f_s)ᵀ) V diag(1 - h_s⊙h_s)",
        "dδh_s/db = diag(1 - h_s⊙h_s) Vᵀ d²L/(df_s db) - 2 diag(h_s ⊙ (1 - h_s⊙h_s) ⊙ dL/dh_s)",
        "d²L/dW²[i,j,k,l] = Σ_s dδh_s/db[i,k] x_s[j] x_s[l]",
    ]


def test_the_hessian_of_a_weight_is_that_of_its_pre_activation():
    lines = written(NAMED, "L", ["W1", "W2", "W3"], order=2)
    for number, value in ((1, "x"), (2, "h₁"), (3, "h₂")):
        z, w = ("z" + "₁₂"[number - 1] if number < 3 else "f"), "W" + "₁₂₃"[number - 1]
        right = f"d²L/d{z}²" if number < 3 else "(diag(softmax(f)) - softmax(f) softmax(f)ᵀ)"
        assert f"d²L/d{w}²[i,j,k,l] = {right}[i,k] {value}[j] {value}[l]" in lines
    # Nothing on the way has an axis of a weight: every other line is a matrix.
    assert all("[" not in line.split(" = ")[0] for line in lines if "/dW" not in line and " dW" not in line)
    named = written(WITHOUT_BIAS, "L", "W", order=2)
    assert named[0] == "z_h = W x"
    assert named[-1] == "d²L/dW²[i,j,k,l] = d²L/dz_h²[i,k] x[j] x[l]"


def test_the_names_of_one_example_are_no_names_of_the_sheet():
    text = INDEXED.replace("c: R[K]", "c: R[K]; x_s: R; x: R") + "    R = L + x_s**2 * x\n"
    lines = written(text, "R", ["b", "W", "x_s"], form="example")
    assert "dR/dW = Σ_t δh_t X_tᵀ" in lines
    assert "dR/dx_s = 2 x_s x" in lines


def test_examples_that_mix_have_no_line_for_one_of_them():
    model = Equations("data X: R[N, p]; y: R[N]; parameters a: R; G = exp(a * X @ X.T); L = y.T @ G @ y")
    with pytest.raises(OptionError, match="The examples of L mix"):
        model.derive("L", form="example")
    assert "Σ_s" not in str(model.derive("L", order=2))


def test_every_notation_writes_one_example():
    derivation = Equations(INDEXED).derive("L", "V", form="example")
    assert r"\frac{dL}{dV} &= \sum_{s} \frac{dL}{df_{s}}\, {h_{s}}^{\top}" in derivation.latex()
    assert "<munder><mo>∑</mo><mi>s</mi></munder>" in derivation.mathml()
    assert "dL_dV = dL_df.T @ h" in derivation.sheet()
    shapes = {step.name: step.shape for step in derivation.steps}
    assert shapes == {"dL/df_s": ("K",), "dL/dV": ("K", "M")}


def random_network(rng):
    """A sheet of one to three layers with a style of its own."""
    depth = int(rng.integers(1, 4))
    sizes = ["p", *[f"m{layer}" for layer in range(1, depth)], "K"]
    stacked = bool(rng.integers(2))
    value = "X" if stacked else "x"
    lines = [f"data {value}: R[{'N, ' if stacked else ''}p]; y: Class[{'N, ' if stacked else ''}K]"]
    declared, body, extra = [], [], []
    for layer in range(1, depth + 1):
        rows, columns = sizes[layer], sizes[layer - 1]
        turned, bias, named = rng.integers(2, size=3).astype(bool)
        declared.append(f"W{layer}: R[{f'{columns}, {rows}' if turned else f'{rows}, {columns}'}]")
        weight = f"W{layer}.T" if turned else f"W{layer}"
        inner = f"{weight} @ {value}{'[i]' if stacked else ''}"
        if bias:
            declared.append(f"b{layer}: R[{rows}]")
            inner += f" + b{layer}"
        if rng.integers(3) == 0:
            extra.append(f"normF(W{layer})**2 / 3")
        at, last = "[i]" if stacked else "", layer == depth
        name = "f" if last else f"h{layer}"
        function = rng.choice(["tanh", "sigmoid", "softplus", "sin"])
        if last:
            body.append(f"f{at} = {inner}")
        elif named:
            body += [f"z{layer}{at} = {inner}", f"{name}{at} = {function}(z{layer}{at})"]
        else:
            body.append(f"{name}{at} = {function}({inner})")
        value = name
    loss = "logsumexp(f[i]) - f[i][y[i]] for i in N" if stacked else "logsumexp(f) - f[y]"
    total = f"{rng.choice(['mean', 'sum'])}({loss})" if stacked else loss
    body.append(f"L = {' + '.join([total, *extra])}")
    return "\n".join([*lines, "parameters " + "; ".join(declared), *body])


@pytest.mark.parametrize("seed", range(24))
def test_random_networks(seed):
    rng = np.random.default_rng(seed)
    model = Equations(random_network(rng))
    sizes = {**SIZES, "K": 1 + seed % 3, "N": 2 + seed % 7}
    form = "batch" if seed % 2 and "X:" not in model.text else None
    check_blocks(model.derive("L", order=2, form=form), seed, sizes)


@pytest.mark.full
@pytest.mark.parametrize("start", range(1000, 1200, 20))
def test_two_hundred_random_networks(start):
    for seed in itertools.takewhile(lambda n: n < start + 20, itertools.count(start)):
        test_random_networks(seed)


def test_where_a_parameter_enters_is_looked_for_once(monkeypatch):
    own, asked = entrances.tangent, []

    def counting(*arguments):
        asked.append(arguments)
        return own(*arguments)

    monkeypatch.setattr(entrances, "tangent", counting)
    layers = range(1, 7)
    weights = "; ".join(f"W{k}: R[m{k}, m{k - 1}]" for k in layers)
    lines = "\n".join(f"h{k} = tanh(W{k} @ h{k - 1})" for k in layers)
    Equations(f"data h0: R[m0]; parameters {weights}\n{lines}\nL = sum(h6**2)").derive("L", order=2)
    assert len(asked) <= 2 * len(layers)  # before and after pre-activations have names, not for every block
