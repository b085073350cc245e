"""What the rules take is counted: little for honest models, a refusal with its number for what explodes."""

import itertools

import numpy as np
import pytest

from chainrule.equations import Equations
from chainrule.equations.code import contract
from chainrule.equations.nodes import nodes, numeric
from chainrule.equations.nodes.nodes import MOST_STEPS, Pool
from chainrule.equations.nodes.numeric import node_value
from chainrule.equations.nodes.products import product
from chainrule.errors import SheetLimitError, TooLargeError
from equations.complex_steps import close, jacobian

LSTM = """
x: R[p]; h: R[d]; c: R[d]; t: R[d]
parameters Wi: R[d, p]; Ui: R[d, d]; Wf: R[d, p]; Uf: R[d, d]
parameters Wo: R[d, p]; Uo: R[d, d]; Wg: R[d, p]; Ug: R[d, d]
i_ = σ(Wi @ x + Ui @ h); f = σ(Wf @ x + Uf @ h); o = σ(Wo @ x + Uo @ h); g = tanh(Wg @ x + Ug @ h)
cn = f * c + i_ * g; hn = o * tanh(cn); L = norm2(hn - t)**2 / 2
"""


def steps(request, monkeypatch):
    """The most steps that one request takes."""
    used, refill = [0], Pool.refill

    def counting(self):
        used.append(MOST_STEPS - self.left)
        refill(self)

    monkeypatch.setattr(Pool, "refill", counting)
    result = request()
    monkeypatch.setattr(Pool, "refill", refill)
    return max(used), result


def test_all_blocks_of_an_lstm_cell_take_few_steps_and_are_right(monkeypatch):
    model = Equations(LSTM)
    taken, derivation = steps(lambda: model.derive("L", order=2), monkeypatch)
    assert taken < 8_000
    assert len(str(derivation)) < 6_000
    random = np.random.default_rng(3)
    shapes = {name: [{"p": 3, "d": 2}[size] for size in model.shape_of(name)] for name in model.roles}
    values = {name: random.normal(size=shape) for name, shape in shapes.items()}
    block = model.compile("d2L/(dWi dUg)")
    gradient = Equations(LSTM + "\nG = d(L, Wi)")
    close(block(**{name: values[name] for name in block.inputs}), jacobian(gradient, "G", "Ug", values))


def names(count, pattern="a{}"):
    return [pattern.format(i) for i in range(count)]


EXPLODING = {
    "a product of 90 sines": f"parameters {'; '.join(f'{a}: R' for a in names(90))}\n"
    f"L = {' * '.join(names(90, 'sin(a{})'))}",
    "a chain of 90 matrices": f"parameters W: R[m, m]; x: R[m]\nL = sum({' @ '.join(['W'] * 90)} @ x)",
}


@pytest.mark.parametrize("text", EXPLODING.values(), ids=EXPLODING)
def test_what_explodes_is_refused_with_its_number(text, monkeypatch):
    monkeypatch.setattr(nodes, "MOST_STEPS", 20_000)
    with pytest.raises(SheetLimitError, match="more than 20,000 factors and terms"):
        Equations(text).derive("L", order=2)


def test_a_refused_request_costs_the_next_one_nothing(monkeypatch):
    model = Equations(EXPLODING["a product of 90 sines"])
    monkeypatch.setattr(nodes, "MOST_STEPS", 20_000)
    for _ in range(2):
        with pytest.raises(SheetLimitError):
            model.derive("L", order=2)
    text = str(model.derive("L", "a1", order=2))
    assert text.startswith("d²L/da₁² = -sin(a₀) sin(a₁)")


def chain(count):
    """A product of matrices, no two of one shape."""
    return (
        "parameters " + "; ".join(f"A{i}: R[n{i}, n{i + 1}]" for i in range(count)) + "\n"
        "L = sum(" + " @ ".join(f"A{i}" for i in range(count)) + ")"
    )


def test_the_order_of_a_long_chain_is_chosen_among_neighbours(monkeypatch):
    tried, pairs = [], contract._pairs

    def counting(work):
        found = pairs(work)
        tried.append((len(work), len(found)))
        return found

    monkeypatch.setattr(contract, "_pairs", counting)
    model = Equations(chain(40))
    function = model.compile(["L", "dL/dA7"])
    assert all(found <= 2 * count for count, found in tried if count > contract.MANY_OPERANDS)
    random = np.random.default_rng(0)
    values = {f"A{i}": random.normal(size=(2 + i % 3, 2 + (i + 1) % 3)) for i in range(40)}
    value, gradient = function(**values)
    close(value, model.evaluate("L", values))
    close(gradient, jacobian(model, "L", "A7", values))


@pytest.mark.parametrize("count", [3, 9, 40, 70])
def test_a_product_of_many_factors_has_its_value(count):
    pool, random = Pool(), np.random.default_rng(count)
    factors, values, whole = [], {}, None
    for i in range(count):
        shape = (2 + i % 3, 2 + (i + 1) % 3)
        symbol = pool.symbol(f"A{i}", (f"n{i}", f"n{i + 1}"))
        values[symbol] = random.normal(size=shape)
        factors.append((symbol, (i, i + 1)))
        whole = values[symbol] if whole is None else whole @ values[symbol]
    close(node_value(product(pool, factors, (0, count)), values, {}), whole)
    scalars = [pool.symbol(f"s{i}", ()) for i in range(count)]
    given = {symbol: random.normal() for symbol in scalars}
    close(node_value(product(pool, [(s, ()) for s in scalars], ()), given, {}), np.prod(list(given.values())))


@pytest.mark.parametrize("letters", ["ijkl", "ijklm"])
def test_every_pair_of_indices_may_share_a_factor(letters):
    pool, random = Pool(), np.random.default_rng(0)
    A = pool.symbol("A", ("n", "n"))
    pairs = list(itertools.combinations(letters, 2))
    value = random.normal(size=(3, 3))
    node = product(pool, [(A, pair) for pair in pairs], letters[:1])
    rule = f"{','.join(map(''.join, pairs))}->{letters[0]}"
    close(node_value(node, {A: value}, {"n": 3}), np.einsum(rule, *[value] * len(pairs)))


def test_a_derivative_is_not_computed_through_an_array_without_room(monkeypatch):
    model = Equations("X: R[n, p]; parameters w: R[p]; f = tanh(X @ w); L = sum(f**2)")
    values = {"X": np.ones((50, 3)), "w": np.ones(3)}
    monkeypatch.setattr(numeric, "MAX_ENTRIES", 149)
    with pytest.raises(TooLargeError, match=r"array of shape \(50, 3\), 1,200 bytes, more than 1,192"):
        model.evaluate("d(f, w)[0]", values)
