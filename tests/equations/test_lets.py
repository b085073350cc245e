"""The lines of a derivation: which there are, what they are called, and that each is right by itself."""

import numpy as np
import pytest

from chainrule.equations import Equations
from chainrule.equations.calculus import lets
from chainrule.equations.calculus.lets import derive_lines
from chainrule.equations.nodes.program import Cotangent, Temporary, symbols_of
from chainrule.equations.nodes.simplify import cost, simplify
from equations.complex_steps import close, jacobian
from equations.node_values import node_value

NETWORK = """
data        x: R[p];  y: Simplex[K]
parameters  W: R[M, p];  b: R[M];  V: R[K, M];  c: R[K]
z = b + W @ x
h = tanh(z)
f = c + V @ h
q = softmax(f)
L = -(y.T @ log(q))
"""
SIZES = {"p": 3, "M": 4, "K": 5}
SHAPES = {"x": (3,), "W": (4, 3), "b": (4,), "V": (5, 4), "c": (5,)}


@pytest.fixture(scope="module")
def values():
    random = np.random.default_rng(0)
    given = {name: random.normal(size=shape) for name, shape in SHAPES.items()}
    return {**given, "y": random.dirichlet(np.ones(5))}


def text(sheet, of, wrt=None, **options):
    return str(Equations(sheet).derive(of, wrt, **options)).splitlines()


def held_from(name, values, model):
    """The sheet with a definition turned into a given name, and its value."""
    lines = [line for line in NETWORK.splitlines() if not line.startswith(f"{name} =")]
    size = model.shape_of(name)[0]
    return Equations("\n".join([f"{name}: R[{size}]", *lines])), {
        **values,
        name: model.evaluate(name, values),
    }


@pytest.mark.parametrize("name", ["q", "f", "h", "z"])
def test_every_line_is_the_derivative_through_everything_after_its_name(name, values):
    model = Equations(NETWORK)
    program = model.program
    symbols = {program.symbols[key]: np.asarray(value) for key, value in values.items()}
    for key, body in program.bodies.items():
        symbols[program.symbols[key]] = node_value(body, symbols, SIZES)
    found = {}
    for line in derive_lines(program, "L", ["q", "f", "h", "z", "W", "b", "V", "c"]):
        found[line.symbol.data] = symbols[line.symbol] = node_value(line.expression, symbols, SIZES)
    held, given = held_from(name, values, model)
    close(found[Cotangent("L", name)], jacobian(held, "L", name, given))


def test_lines_come_in_the_order_in_which_they_can_be_computed():
    program = Equations(NETWORK).program
    done = set()
    for line in derive_lines(program, "L", ["W", "c", "q", "x"]):
        used = [node for node in symbols_of(line.expression) if isinstance(node.data, tuple)]
        assert all(node in done for node in used)
        done.add(line.symbol)


def test_only_what_is_asked_for_and_what_it_needs_is_kept():
    assert text(NETWORK, "L", "c") == ["dL/df = q - y", "dL/dc = dL/df"]
    assert text(NETWORK, "L", ["V"]) == ["dL/df = q - y", "dL/dV = dL/df hᵀ"]


def test_a_requested_name_is_always_printed_even_where_the_rest_goes_round_it():
    lines = text(NETWORK, "L", ["q", "f"])
    assert lines == ["dL/dq = -(y / q)", "dL/df = q - y"]
    steps = Equations(NETWORK).derive("L", ["q", "f"]).steps
    assert steps[1].rule.startswith("through q; factors cancel")


def test_cancellation_needs_the_quotient_whole():
    sheet = "z: R[n]; y: R[n]\nq = sigmoid(z)\nL = -sum(y * log(q) + (1 - y) * log(1 - q))"
    assert text(sheet, "L", ["z"]) == ["dL/dz = q - y"]


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("-log(q[k])", "q - e_k"),
        ("-log(q[k]) * 3", "3 (q - e_k)"),
        ("-log(softmax(f)[k])", "softmax(f) - e_k"),
    ],
)
def test_the_log_of_a_picked_share_cancels(loss, expected):
    sheet = f"f: R[K]; k: Class[K]\nq = softmax(f)\nL = {loss}"
    assert text(sheet, "L", ["f"]) == [f"dL/df = {expected}"]


LAYER = "x: R[p]; W: R[M, p]; b: R[M]; u: R[M]\nh = tanh(b + W @ x); L = u.T @ h"


def test_a_request_takes_the_place_of_a_temporary():
    assert text(LAYER, "L", ["b", "W"]) == ["dL/db = u ⊙ (1 - h⊙h)", "dL/dW = dL/db xᵀ"]


def test_a_temporary_is_named_after_the_body_it_stands_in():
    lines = derive_lines(Equations(LAYER).program, "L", ["x", "W"])
    assert [line.symbol.data for line in lines if line.is_temporary] == [Temporary("L", "h", 1)]
    assert text(LAYER, "L", ["x", "W"])[0] == "δh = u ⊙ (1 - h⊙h)"
    capital = text(LAYER.replace("h", "H").replace("tanH", "tanh"), "L", ["x", "W"])
    assert capital[0] == "ΔH = u ⊙ (1 - H⊙H)"


def test_equal_derivatives_are_aliases():
    lines = text("a: R[n]; b: R[n]; S: R[n, n]\nf = a + b; L = f.T @ S @ f", "L", ["f", "a", "b"])
    assert lines == ["dL/df = (S + Sᵀ) f", "dL/da = dL/df", "dL/db = dL/df"]


def test_an_absent_variable_says_so():
    assert text("x: R; q: R[n]\nL = x**2", "L", ["q"]) == ["dL/dq = 0 (L does not depend on q)"]
    lines = text("x: R; q: R\nr = 2 * q; L = x**2", "L", ["r", "x"])
    assert sorted(lines) == ["dL/dr = 0 (L does not depend on r)", "dL/dx = 2 x"]


def test_the_derivative_by_itself_is_the_identity():
    assert text("x: R[n]\nf = tanh(x)", "f", ["f"]) == ["df/df = I"]
    assert text("x: R\nf = tanh(x)", "f", ["f"]) == ["df/df = 1"]


def test_a_name_used_twice_collects_both_ways():
    sheet = "x: R[n]; S: R[n, n]\nh = tanh(x); g = S @ h; L = g.T @ h"
    model, random = Equations(sheet), np.random.default_rng(4)
    given = {"x": random.normal(size=3), "S": random.normal(size=(3, 3))}
    printed = Equations(model.derive("L", ["g", "h", "x"]).sheet())
    close(printed.evaluate("dL_dx", given), jacobian(model, "L", "x", given))


def test_kinks_are_read_off_the_value_where_it_has_a_name():
    sheet = "x: R[n]; u: R[n]\nh = relu(x); L = u.T @ h"
    assert text(sheet, "L", ["x"]) == ["dL/dx = u ⊙ step(h)"]
    # 5 relu(x) is not the relu, so its name does not stand for the step.
    assert text(sheet.replace("relu", "5 * relu"), "L", ["x"]) == ["dL/dx = 5 (u ⊙ step(x))"]


def test_rules_are_in_words():
    derivation = Equations(NETWORK).derive("L", ["h", "z"])
    rules = {step.name: step.rule for step in derivation.steps}
    assert "tanh' = 1 - tanh²" in rules["dL/dz"]
    assert "product rule in f" in rules["dL/dh"]


def test_a_long_line_is_written_once_and_not_for_each_line_that_goes_into_it(monkeypatch):
    of = "d(" * 6 + "f" + ", a)" * 6
    model = Equations(f"parameters a: R\nf = sin(a) * exp(a) / (1 + a**2)\ny = {of}")
    long = []

    def counted(node):
        long.extend([node] if cost(node) > lets.MOST_TRIED else [])
        return simplify(node)

    monkeypatch.setattr(lets, "simplify", counted)
    model.derive("y")
    assert 0 < len(long) < 10
    (compiled,) = model.compile(["dy/da"])(a=0.3)
    assert np.isclose(compiled, model.evaluate("d(y, a)", {"a": 0.3}), rtol=1e-9)
