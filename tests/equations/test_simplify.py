"""Every rewrite keeps value and shape; only what is cheaper is taken; the result is a fixed point."""

from collections import Counter

import numpy as np
import pytest

from chainrule.equations.calculus.lets import _Walk
from chainrule.equations.calculus.modes import adjoints
from chainrule.equations.equations import Equations
from chainrule.equations.nodes import simplify as rewriting
from chainrule.equations.nodes.nodes import topological
from chainrule.equations.nodes.operations import operation, rebuild, substitute
from chainrule.equations.nodes.program import symbols_of
from chainrule.equations.nodes.simplify import cost, simplify
from equations.expression_generator import DECLARATIONS, SIZES, Generator, values_of
from equations.node_values import node_value

RULES = [*rewriting.OF_PRODUCTS, *rewriting.OF_SUMS]
# Sheets in which something is there to cancel, to distribute and to factor out.
RICH = [
    "z = sigmoid(S @ v); L = -mean(v * log(z) + (1 - v) * log(1 - z))",
    "z = softmax(S @ v); L = -sum(v * log(z))",
    "z = softmax(v); L = -log(z[k])",
    "h = tanh(S @ v); L = sum(h * (1 - h) / (1 + h**2)) + h.T @ (S - eye(n)) @ h",
    "L = trace((S + eye(n)) @ (S - 2 * eye(n)) @ diag(v))",
    "h = A @ v; q = h / (norm2(h) + 2); L = sum(q * h) + sum(q * (1 - q)) / 3 - sum(q * h * 2)",
    "L = (v.T @ S @ v) / (v.T @ (S @ S) @ v)",
    "h = softmax(v - a); L = h.T @ S @ v",
    "h = softmax(v); q = S @ h; L = q.T @ q + h.T @ S @ h",
    "L = trace(inv((S + eye(n)) @ S) @ (S + eye(n)))",
    "L = sum(diag(where(S < S.T, S, S @ S)))",
    "L = sum(where(v < a, v, 0) * v + where(v < a, v**3, 0))",
    "K = eye(n) * (1 - eye(n)) + S; L = sum(K * S)",
    "t = 2 * (u - A @ v) + 2 * (A @ v); L = t.T @ t",
    "t = 3 * (u - A @ v); L = sum(2 * (u - A @ v) + t - 5 * (u - A @ v) + u * (u - 1))",
    "L = sum(v * (1 - v) / (1 + v)) - sum((2 + v) * v * (1 + v)) + sum(A @ v) - sum((A - 1) @ v)",
]


def pieces(text, seed):
    """Raw expressions of a sheet and of its derivative, with values of their symbols."""
    model, values = Equations(f"{DECLARATIONS}{text}\n"), values_of(seed)
    program = model.program
    symbols = {symbol: np.asarray(values[name]) for name, symbol in program.symbols.items() if name in values}
    for name, body in program.bodies.items():
        symbols[program.symbols[name]] = node_value(body, symbols, SIZES)
    found = []
    random = np.random.default_rng(seed)
    for name, body in program.bodies.items():
        seed_symbol = program.pool.symbol(f"seed of {name}", body.dims)
        symbols[seed_symbol] = random.normal(size=[SIZES[size] for size in body.dims])
        inside = [node for node in symbols_of(body) if node.data not in ("k", "g")]
        found += [body, *adjoints(body, seed_symbol, inside, program.symbols[name]).values()]
    wanted = [name for name in program.symbols if name in program.ancestors(["L"]) - {"k", "g", "L"}]
    lines = _Walk(program, "L", wanted).all_lines()
    for place, line in enumerate(lines):
        symbols[line.symbol] = node_value(line.expression, symbols, SIZES)
        # Lines put into later ones are where something cancels.
        earlier = {other.symbol: other.expression for other in lines[:place]}
        found += [line.expression, substitute(line.expression, earlier)]
    return found, symbols


def texts():
    for seed in range(40):
        yield seed, f"L = {Generator(seed).expression((), 3)}"
    for seed, text in enumerate(RICH):
        yield seed, text


def same(first, second, symbols):
    with np.errstate(all="ignore"):
        one, two = node_value(first, symbols, SIZES), node_value(second, symbols, SIZES)
    assert one.shape == two.shape
    # A power of a negative number has no slope by its exponent, in either form.
    assert np.array_equal(np.isnan(one), np.isnan(two))
    one, two = np.nan_to_num(one), np.nan_to_num(two)
    scale = 1 + np.max(np.abs(one), initial=0)
    assert np.max(np.abs(one - two), initial=0) <= 1e-9 * scale


def test_every_candidate_of_every_rule_keeps_value_and_shape():
    tried, taken = Counter(), Counter()
    for seed, text in texts():
        found, symbols = pieces(text, seed)
        for node in topological(found):
            for rule in operation(node).simpler:
                for candidate in rule(node):
                    assert candidate.dims == node.dims
                    same(node, candidate, symbols)
                    tried[rule] += 1
                    taken[rule] += cost(candidate) < cost(node)
    # A rule that nothing here exercises, or that never pays, would be tested by nothing.
    assert tried.total() > 100
    assert all(taken[rule] for rule in RULES), taken


@pytest.mark.parametrize(("seed", "text"), list(texts()))
def test_simplifying_keeps_value_and_shape_and_never_costs(seed, text):
    found, symbols = pieces(text, seed)
    for node in found:
        simple = simplify(node)
        assert simple.dims == node.dims
        assert cost(simple) <= cost(node)
        assert simplify(simple) is simple
        same(node, simple, symbols)


@pytest.mark.parametrize(("seed", "text"), list(texts())[::4])
def test_rebuilding_changes_nothing(seed, text):
    found, symbols = pieces(text, seed)
    for node in topological(found):
        assert rebuild(node, node.args) is node
        swapped = {symbol: node.pool.symbol(f"other {symbol.data}", symbol.dims) for symbol in symbols}
        back = {other: symbol for symbol, other in swapped.items()}
        again = substitute(substitute(node, swapped), back)
        same(node, again, symbols)


def body_of(text, name="L"):
    return Equations(text).program.bodies[name]


def test_the_measure_counts_what_a_reader_reads():
    sheet = "X: R[n, p]; w: R[p]; y: R[n]\n"
    residual = body_of(sheet + "L = X @ w - y")
    assert cost(residual) == 2 + 2 + 2 + 1
    assert cost(body_of(sheet + "L = 2 * (X @ w)")) == cost(body_of(sheet + "L = X @ w")) + 1
    assert cost(body_of(sheet + "L = tanh(y)")) == 3
    assert cost(body_of(sheet + "L = y * y")) == 4


def test_sums_are_kept_where_nothing_cancels():
    program = Equations("X: R[n, p]; p1: R[n]; y: R[n]\nL = X.T @ (p1 - y)").program
    simple = simplify(program.bodies["L"])
    assert simple.kind == "prod"
    assert [arg.kind for arg in simple.args].count("lin") == 1


def test_a_common_factor_comes_out():
    model = Equations("X: R[n, p]; q: R[n]; y: R[n]\nA = X.T @ q - X.T @ y; L = X.T @ (q - y)")
    apart, joined = model.program.bodies["A"], model.program.bodies["L"]
    assert apart is not joined
    assert simplify(apart) is joined


def test_deep_expressions_are_simplified_without_recursion():
    program = Equations("x: R; y: R\nL = x * y + x").program
    node, x = program.bodies["L"], program.symbols["x"]
    for _ in range(3000):
        node = node.pool.intern("fn", "tanh", (node,), ())
    simple = simplify(node)
    assert cost(simple) <= cost(node)
    assert substitute(simple, {x: program.symbols["y"]}) is not simple
