from decimal import Decimal

import numpy as np
import pytest

from chainrule.diagnosis.noisy import NoisyDoubles
from chainrule.diagnosis.points import draw_point
from chainrule.equations import Equations
from chainrule.equations.calculus.naming import Line
from chainrule.equations.code.compile import stable_program
from chainrule.equations.code.machine_lines import first_lines
from chainrule.equations.language.arithmetic import Allowance, Decimals, Doubles
from chainrule.equations.language.evaluate import Evaluation
from chainrule.equations.nodes.log_space import Term, log_of
from chainrule.equations.nodes.nodes import Pool, topological
from chainrule.errors import DataError, TooLargeError
from equations.complex_steps import close
from equations.node_values import node_value

SHEET = """
data X: R[N, p]; y: Class[N, K]; t: Bit[N]; q: Simplex[K]; A: R[p, p]; s: R
parameters W: R[K, p]; b: R[K]
F[i] = W @ X[i] + b
P = softmax(F, axis=1)
r[i] = logsumexp(F[i]) - F[i][y[i]]
k = kron(b, q)
L = mean(r[i] for i in N) + s**2 * normF(W) + norm1(b) + max(b) - min(b) + trace(A) + sum(where(F < 0, 1, F))
D = det(A) + logdet(A) + sum(inv(A)) + sum(diag(A)) + sum(outer(b, q)) + sum(onehot(y[0])) + sum(eye(p)) / 3
E = sum(tanh(F)) + sum(gelu(F)) + sum(erf(b)) + sum(leaky_relu(F)) + sum(elu(F)) + sum(sin(b)) + cos(s)
G = sum(log_softmax(F, axis=0)) + sum(log_sigmoid(b)) + sum(abs(b) ** s) + max(s, 1) + dot(b, q) + norm2(k)
"""
DERIVATIVES = [
    "d(L, W)",
    "d(L, b)",
    "d(D, A)",
    "d(E, W)",
    "d(E, b)",
    "d(G, W)",
    "d(G, b)",
    "d(G, s)",
    "d(d(L, b), b)",
    "d(d(det(A), A), A)",
]
NAMES = ["F", "P", "r", "k", "L", "D", "E", "G"]


@pytest.fixture(scope="module")
def place():
    text = SHEET + "".join(f"D{i} = {term}\n" for i, term in enumerate(DERIVATIVES))
    model = Equations(text)
    return model, draw_point(model.sheet, np.random.default_rng(3))


def at(place, arithmetic=None):
    model, point = place
    more = () if arithmetic is None else (arithmetic,)
    return Evaluation(model.sheet, point.values, model.total_derivative, point.sizes, *more)


@pytest.mark.parametrize("name", [*NAMES, *(f"D{i}" for i in range(len(DERIVATIVES)))])
def test_decimals_agree_with_doubles(place, name):
    term = place[0].sheet.definitions[name]
    value, exact = (one.value(term.body, term.indices) for one in (at(place), at(place, Decimals())))
    assert exact.shape == value.shape
    assert exact.astype(float) == pytest.approx(value, rel=1e-12, abs=1e-12)


def test_noise_is_small_where_something_was_rounded_and_none_where_nothing_was(place):
    def values(text, arithmetic):
        model = Equations(f"a: R\nb = {text}")
        return Evaluation(model.sheet, {"a": 4.0}, None, None, arithmetic).named("b")

    def noisy():
        return Decimals(80, np.random.default_rng(0), 40)

    assert values("a - 4", noisy()) == 0
    assert values("(a + 1e30) - 1e30", noisy()) == 4
    clean = values("exp(a)", Decimals())
    up, down = (values("exp(a)", Decimals(80, np.random.default_rng(0), 40, sign)) for sign in (1, -1))
    with Decimals().context():
        assert 1e-41 < float(abs(up / clean - 1)) < 1e-38
        assert float((up - clean) / (down - clean)) == pytest.approx(-1)
    assert values("(a + 1e16) - 1e16", NoisyDoubles(np.random.default_rng(0))) != 4


def test_an_allowance_ends():
    model = Equations("x: R[300]; L = sum(sum(x[i] * x[j] for i in 300) for j in 300)")
    evaluation = Evaluation(
        model.sheet, {"x": np.ones(300)}, None, None, Decimals(allowance=Allowance(50_000))
    )
    with pytest.raises(TooLargeError, match="5.,... operations or more; at most 50,000"):
        evaluation.value(model.sheet.definitions["L"].body)


def test_numbers_beyond_all_bounds_are_refused():
    model = Equations("a: R; b = exp(exp(a))")
    with pytest.raises(DataError, match="bounds"):
        Evaluation(model.sheet, {"a": 100.0}, None, None, Decimals()).value(model.sheet.definitions["b"].body)


def test_products_of_many_factors_are_multiplied_a_few_at_a_time():
    lines = "\n".join(f"h{i} = tanh(h{i - 1}) * 1.5" if i else "h0 = x" for i in range(80))
    model = Equations(f"x: R[n]\n{lines}\nL = sum(h79)")
    x = np.array([0.3, -0.7, 1.1])
    step = 1e-20
    expected = np.array([model.evaluate("L", {"x": x + step * 1j * unit}).imag / step for unit in np.eye(3)])
    assert model.evaluate("d(L, x)", {"x": x}) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("rank", [0, 1, 2, 3, 4])
def test_the_second_derivative_of_a_determinant_in_decimals_holds_for_every_rank(rank):
    rng = np.random.default_rng(rank)
    A = rng.integers(-3, 4, (4, rank)) @ rng.integers(-3, 4, (rank, 4)) * 1.0
    model = Equations("A: R[n, n]\nD = det(A); H = d(d(D, A), A)")
    value = Evaluation(model.sheet, {"A": A}, model.total_derivative, None, Decimals()).named("H")
    for i, j, k, m in np.ndindex(value.shape):
        if i == k or j == m:
            assert abs(value[i, j, k, m]) < 1e-60
            continue
        rows, columns = ([p for p in range(4) if p not in pair] for pair in ((i, k), (j, m)))
        minor = round(np.linalg.det(A[np.ix_(rows, columns)]))
        sign = (-1) ** (i + j + k + m) * np.sign(k - i) * np.sign(m - j)
        assert float(value[i, j, k, m]) == pytest.approx(sign * minor, abs=1e-40)


@pytest.mark.parametrize("kind", ["logsum", "logabs", "sumsign"])
def test_sums_of_exponentials_in_decimals(kind):
    pool = Pool()
    w, s = (pool.symbol(name, ("n",)) for name in "ws")
    node, sizes, at = log_of([Term(s, w, 1)], kind), {"n": 3}, {w: [2.0, -0.5, 1.0], s: [1.0, 0.3, -1.0]}
    value, exact = (
        node_value(node, {symbol: numbers.array(np.array(x)) for symbol, x in at.items()}, sizes, numbers)
        for numbers in (Doubles(), Decimals())
    )
    assert float(exact) == pytest.approx(float(value), rel=1e-14, abs=0)


LOGARITHMS = [
    "log(sum(w**2 * exp(s)))",
    "log(normal_cdf(a) - normal_cdf(b))",
    "log(erf(a) - erf(b))",
]


@pytest.mark.parametrize("text", LOGARITHMS)
def test_what_is_held_in_log_space_has_decimals(text):
    """Those of doubles are as rough as a literal formula, those of decimals hold far out."""
    program = Equations(f"w: R[n]; s: R[n]; a: R; b: R\nL = {text}").program
    stable, _ = stable_program(program, ["L"], [])
    lines = [Line(stable.symbols[name], body) for name, body in stable.bodies.items()]
    lines += first_lines(stable, "L", [name for name in "wsab" if name in program.ancestors(["L"])], {}, None)
    sizes, rng = {"n": 4}, np.random.default_rng(0)
    kinds = set()
    for scale in (1, 30):
        at = {"w": rng.normal(size=4), "s": scale * rng.normal(size=4), "a": scale * 1.25, "b": scale * 0.75}
        values = {program.symbols[name]: Decimals().array(value) for name, value in at.items()}
        for line in lines:
            values[line.symbol] = node_value(line.expression, values, sizes, Decimals(200))
            kinds |= {node.kind for node in topological([line.expression])}
            again = node_value(line.expression, values, sizes, Decimals(400))
            assert np.all(np.abs(again - values[line.symbol]) <= np.abs(again) * Decimal("1e-60"))
            if scale == 1:
                rough = {symbol: np.asarray(value, float) for symbol, value in values.items()}
                assert np.asarray(again, float) == pytest.approx(
                    node_value(line.expression, rough, sizes), rel=1e-9
                )
    assert kinds & {"logsum", "logabs", "sumsign", "share", "interval"}


def test_numbers_of_indices_are_computed_at_once_in_decimals_too(monkeypatch):
    model = Equations("T: R[n, n, n]; U[i, j, k] = sum(T[i, j, p] * T[p, j, k] + i / (j + k + 1) for p in n)")
    made, own = [], Decimals.array
    monkeypatch.setattr(Decimals, "array", lambda self, value: made.append(1) or own(self, value))
    T = np.random.default_rng(0).normal(size=(6, 6, 6))
    found = Evaluation(model.sheet, {"T": T}, None, None, Decimals()).named("U")
    assert len(made) < 60  # not 6**4 products and more
    close(found.astype(float), model.evaluate("U", {"T": T}))


def test_the_quotient_of_two_indices_has_all_digits():
    model = Equations("x: R[4]; s = sum(where(j == 0, 0, i / j) for i in 4 for j in 4)")
    found = Evaluation(model.sheet, {"x": np.ones(4)}, None, None, Decimals()).named("s")
    assert abs(found - 11) < Decimal("1e-75")  # 6 (1 + 1/2 + 1/3)


def test_rounding_inside_a_sum_over_an_index_shows():
    model = Equations("x: R[n]; s = sum(x[i] for i in n)")
    values = {"x": [2.0**260, 0.25, -(2.0**260)]}  # of the first two together, 81 digits are needed
    moved = [
        Evaluation(model.sheet, values, None, None, Decimals(80, np.random.default_rng(0), 40, sign)).named(
            "s"
        )
        for sign in (1, -1)
    ]
    assert abs(moved[0] - moved[1]) > Decimal("1e30")
