"""What the rules take is counted: little for honest models, a refusal with its number for what explodes."""

import itertools

import numpy as np
import pytest

from chainrule.equations import Equations
from chainrule.equations.code import pairing
from chainrule.equations.nodes import nodes, numeric
from chainrule.equations.nodes.nodes import MOST_STEPS, Pool
from chainrule.equations.nodes.products import product
from chainrule.errors import SheetLimitError, TooLargeError
from equations.complex_steps import close, jacobian
from equations.node_values import node_value

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

    def counting(self, *more):
        used.append(MOST_STEPS - self.left if hasattr(self, "left") else 0)
        refill(self, *more)

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
    with pytest.raises(SheetLimitError, match=r"has taken 20,\d{3} steps.* at most 20,000 are taken"):
        Equations(text).derive("L", order=2)


def test_what_must_explode_is_refused_before_it_does(monkeypatch):
    model = Equations("s(M) = M @ M\nA: R[n, n]\nL = trace(" + "s(" * 12 + "A" + ")" * 13)
    taken, spend = [], Pool.spend

    def counting(self, *counts):
        taken.append(counts)
        spend(self, *counts)

    monkeypatch.setattr(Pool, "spend", counting)
    with pytest.raises(SheetLimitError, match=r"takes at least 16,7\d\d,\d{3} steps.* at most 400,000 are"):
        model.derive("L", "A")
    assert len(taken) < 100


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
    asked, growth, prepare = [], pairing._Pairing._growth, pairing._Pairing.__init__

    def counting(*arguments):
        asked[-1][1] += 1
        return growth(*arguments)

    def watched(pairs, masks, *arguments):
        asked.append([len(masks), 0])
        prepare(pairs, masks, *arguments)

    monkeypatch.setattr(pairing._Pairing, "_growth", counting)
    monkeypatch.setattr(pairing._Pairing, "__init__", watched)
    pairing.joins.cache_clear()
    model = Equations(chain(30))
    function = model.compile(["L", "dL/dA7"])
    assert max(count for count, _ in asked) > 12
    # Of the last twelve every pair is tried: 66 of them, and each join changes those of one.
    assert all(found <= 12 * count + 286 for count, found in asked)
    random = np.random.default_rng(0)
    values = {f"A{i}": random.normal(size=(2 + i % 3, 2 + (i + 1) % 3)) for i in range(30)}
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


LINES = "\n".join(["parameters a: R", "x0 = 3 * a", *(f"x{i + 1} = x{i}**9" for i in range(20)), "L = x20"])


def test_a_power_of_a_power_is_not_multiplied_out_beyond_floats():
    function = Equations(LINES).compile(["L", "dL/da"])
    assert len(function.source) < 5_000
    with np.errstate(over="ignore"):
        assert [function(a=a)[0] for a in (0.1, 2.0, -2.0)] == [0.0, np.inf, -np.inf]


def test_numbers_that_no_float_holds_are_refused_with_their_digits():
    numbers = " * ".join(["1e300"] * 90)
    with pytest.raises(SheetLimitError, match="about 600 digits"):
        Equations(f"parameters a: R; L = a * {numbers}").derive("L")
    small = Equations("parameters a: R; L = a * 1e-300 * 1e-300 * 1e-300").compile(["L", "dL/da"])
    close(small(a=2.0), [0.0, 0.0])


def test_a_sum_of_many_terms_is_compiled_in_several_statements():
    parts = [" + ".join(f"sin({90 * j + i + 1} * a)" for i in range(90)) for j in range(20)]
    lines = [*(f"s{j} = {part}" for j, part in enumerate(parts)), f"L = {' + '.join(names(20, 's{}'))}"]
    function = Equations("\n".join(["parameters a: R", *lines])).compile(["L", "dL/da"])
    count = np.arange(1, 1801)
    close(function(a=0.3)[0], np.sin(0.3 * count).sum())
    close(function(a=0.3)[1], (count * np.cos(0.3 * count)).sum())


def test_an_array_without_memory_on_the_way_is_refused():
    function = Equations("x: R[n]; L = sum(tanh(outer(x, x)))").compile("L").limited(2**70)
    with pytest.raises(TooLargeError, match=r"function of L needs an array that does not fit in memory"):
        function(x=np.ones(10**8))


def test_parameters_are_counted_before_they_are_drawn():
    model = Equations("data x: R[p]; parameters W: R[q, p]; L = sum(tanh(W @ x))")
    with pytest.raises(
        TooLargeError, match=r"3,000,000,000 parameters, 24,000,000,000 bytes .* W \(1000000000, 3\)"
    ):
        model.objective("L", data={"x": np.ones((5, 3))}, sizes={"q": 10**9})


def test_products_of_sums_of_numbers_are_not_taken_apart(monkeypatch):
    def sums(count):
        terms = " + ".join(f"{{k}}*a{i}**{i + 1}" for i in range(5))
        factors = " * ".join(f"({terms})".replace("{k}", str(k + 1)) for k in range(count))
        return f"parameters {'; '.join(f'a{i}: R' for i in range(5))}\nL = {factors}"

    requests = ["L", *(f"dL/da{i}" for i in range(5))]
    model = Equations(sums(30))
    taken, function = steps(lambda: model.compile(requests), monkeypatch)
    assert taken < 20_000
    values = {f"a{i}": 0.3 + i / 10 for i in range(5)}
    value, *slopes = function(**values)
    close(value, model.evaluate("L", values))
    close(np.array(slopes), [jacobian(model, "L", f"a{i}", values) for i in range(5)])


def test_the_order_of_a_product_is_chosen_once_for_points_of_equal_sizes(monkeypatch):
    asked, pairs = [], numeric._pairs
    monkeypatch.setattr(numeric, "_pairs", lambda known: asked.append(1) or pairs(known))
    model = Equations(chain(12))
    random = np.random.default_rng(0)
    taken = []
    for _ in range(2):
        numeric._joins.cache_clear() if not taken else None
        asked.clear()
        values = {f"A{i}": random.normal(size=(2 + i % 3, 2 + (i + 1) % 3)) for i in range(12)}
        close(model.evaluate("d(L, A5)", values), jacobian(model, "L", "A5", values))
        taken.append(len(asked))
    assert taken[0] >= 9 and taken[1] == 0
