"""Two witnesses: gradients by hand in ``network``, and derived from equations and compiled, agree.

A pairwise covering array in the quick tests; the full product under the marker ``full``.
"""

import itertools
import zlib

import numpy as np
import pytest

from cases import ACTIVATIONS, LOSSES, OUTPUTS, PENALTIES
from chainrule import penalties as library_penalties
from chainrule.activations import elu, tanh
from chainrule.catalogue import activation_from, formulas, loss_from, network_equations
from chainrule.errors import DataError, NoRuleError, OptionError
from chainrule.network import Activation, Network
from pairwise import covering_rows, feasible_pairs, feasible_rows, pairs_of

FACTORS = {
    "activation": list(ACTIVATIONS),
    "output": list(OUTPUTS),
    "loss": list(LOSSES),
    "penalty": [None, *PENALTIES],
    "reduction": ["mean", "sum"],
    "weighted": [False, True],
    "bias": [True, False],
}


def _allowed(row):
    case = LOSSES[row["loss"]]
    return row["output"] in case.canonical + case.through


PAIRS = feasible_pairs(FACTORS, _allowed, ("output", "loss"))
ROWS = covering_rows(FACTORS, _allowed, PAIRS)
# 13 activations, 22 pairs of output and loss that make sense, 5 penalties, and 2 of everything else.
FULL_PRODUCT = 13 * 22 * 5 * 2**3


def _name(row):
    return "-".join(str(level) for level in row.values())


def _penalty(name, biases):
    if name is None:
        return None
    strength, _, *ratio = (*PENALTIES[name][0], False)[: 3 if name == "ElasticNet" else 2]
    return getattr(library_penalties, name)(strength, biases, *ratio)


def _problem(row):
    """A network, parameters and data; k, depth, penalised biases, n < d or n > d vary with it."""
    seed = zlib.crc32(_name(row).encode())
    rng = np.random.default_rng(seed)
    k, n, hidden = 1 + seed % 3, (5, 8)[seed // 3 % 2], ([9, 4], [7], [])[seed // 7 % 3]
    net = Network(
        [6, *hidden, k],
        row["activation"],
        row["output"],
        row["loss"],
        _penalty(row["penalty"], seed // 21 % 2 == 1),
        row["bias"],
        row["reduction"],
    )
    # Small enough that no output is nearly 1: the sheet writes σ' as ŷ (1 - ŷ), which rounds there.
    spread = 0.25 if row["activation"] == "scaled_relu" else 0.6
    theta, X = spread * rng.normal(size=net.parameters.size), rng.normal(size=(n, 6))
    y = LOSSES[row["loss"]].draw(rng, n, k)
    return net, theta, X, y, rng.uniform(0.2, 3, size=n) if row["weighted"] else None


def _agree(net, theta, X, y, weights=None, target=None):
    """All forms of the sheet against the network: 1e-12 of the largest entry, for rounding alone.

    The absolute 1e-15 is for a softmax over one class, whose gradient is 0.
    """
    value, gradient = net.value_and_gradient(theta, X, y, weights)
    Y = net.examples(X, y).Y
    if target == "distribution" and Y.ndim == 1:
        Y = np.eye(net.sizes[-1])[Y]
    sheet = network_equations(net, target=target)
    penalty = "R" if net.penalty else None
    objectives = [sheet.objective("loss", {"x": X, "y": Y}, net.reduction, weights, penalty=penalty)]
    if net.reduction == "mean":
        objectives.append(sheet.objective("C", {"x": X, "y": Y}, "mean", weights))
    form, more = ("batch", {}) if weights is None else ("weighted", {"w": weights})
    objectives.append(network_equations(net, form, target).objective("C", {"X": X, "Y": Y, **more}))
    for objective in objectives:
        assert objective.parameters == net.parameters
        other, derived = objective.value_and_gradient(theta)
        assert other == pytest.approx(value, rel=1e-12, abs=0)
        largest = np.abs(gradient.vector).max()
        np.testing.assert_allclose(derived, gradient.vector, rtol=0, atol=1e-12 * largest + 1e-15)


@pytest.mark.parametrize("row", ROWS, ids=_name)
def test_both_witnesses_agree(row):
    _agree(*_problem(row))


def test_the_rows_cover_every_pair():
    assert set().union(*(pairs_of(row) for row in ROWS)) == PAIRS
    problems = [_problem(row) for row in ROWS]
    found = {(net.sizes[-1], len(X) < 6) for net, _, X, _, _ in problems}
    assert found == set(itertools.product((1, 2, 3), (True, False)))
    assert {net.depth for net, *_ in problems} == {1, 2, 3}
    assert {net.penalty.biases for net, *_ in problems if net.penalty} == {True, False}


@pytest.mark.full
def test_both_witnesses_agree_over_the_full_product():
    count = 0
    for row in feasible_rows(FACTORS, _allowed):
        _agree(*_problem(row))
        count += 1
    assert count == FULL_PRODUCT


def test_a_wrong_equation_is_noticed(monkeypatch):
    rng = np.random.default_rng(4)
    net = Network([4, 3, 2])
    problem = net, rng.normal(size=net.parameters.size), rng.normal(size=(5, 4)), rng.normal(size=(5, 2))
    _agree(*problem)
    for table, name, wrong in (
        (formulas.ACTIVATIONS, "tanh", lambda: "(1 + 1e-10) * tanh({t})"),
        (formulas.LOSSES, "squared", lambda: formulas.LossFormula({"real": "norm2({yhat} - {y})**2"})),
    ):
        with monkeypatch.context() as patch:
            patch.setitem(table, name, wrong)
            with pytest.raises(AssertionError):
                _agree(*problem)


@pytest.mark.parametrize(
    ("output", "loss", "target"),
    [
        ("softmax", "cross_entropy", "class"),
        ("softmax", "cross_entropy", "distribution"),
        ("softmax", "cross_entropy", "weights"),
        ("sigmoid", "binary_cross_entropy", "probability"),
        ("sigmoid", "binary_cross_entropy", "bit"),
        ("sigmoid", "binary_cross_entropy_mean", "bit"),
        ("sigmoid", "logistic", "sign"),
        ("identity", "logistic", "sign"),
    ],
)
@pytest.mark.parametrize("size", [0.5, 1e4])
def test_kinds_of_targets_also_at_large_scores(output, loss, target, size):
    rng = np.random.default_rng(7)
    k = 3
    y = {
        "class": rng.integers(k, size=7),
        "distribution": rng.dirichlet(np.ones(k), 7),
        "weights": rng.uniform(0, 2, (7, k)),
        "probability": rng.random((7, k)),
        "bit": rng.integers(2, size=(7, k)),
        "sign": rng.choice([-1, 1], (7, k)),
    }[target]
    net = Network([5, 4, k], "sin", output, loss)
    theta = net.initialize(rng)
    theta["W2"] *= size
    _agree(net, theta.vector, rng.normal(size=(7, 5)), y, target=target)


def test_rows_of_weight_zero_do_not_count():
    rng = np.random.default_rng(3)
    net = Network([5, 4, 2], "gelu", "softmax", "cross_entropy", reduction="mean")
    theta, X, y = rng.normal(size=net.parameters.size), rng.normal(size=(7, 5)), rng.integers(2, size=7)
    weights = np.array([0.5, 2.0, 1.0, 0.0, 3.0, 0.0, 1.5])
    _, gradient = net.value_and_gradient(theta, X, y, weights)
    for form, x, target, more in (
        ("example", "x", "y", {}),
        ("weighted", "X", "Y", {"w": weights}),
    ):
        objective = network_equations(net, form).objective(
            "C", {x: X, target: y, **more}, sample_weight=weights if form == "example" else None
        )
        np.testing.assert_allclose(objective.value_and_gradient(theta)[1], gradient.vector, atol=1e-15)


def test_every_quantity_on_the_way_agrees():
    rng = np.random.default_rng(9)
    net = Network([4, 3, 5, 2], ["tanh", "elu(0.5)"], "softmax", "squared")
    theta, X = net.initialize(rng), rng.normal(size=(6, 4))
    Y = rng.normal(size=(6, 2))
    forward, deltas = net.forward(theta, X), net.backward(theta, net.forward(theta, X), Y)
    batch = network_equations(net, "batch", "real")
    values = {"X": X, "Y": Y, **theta}
    for name, want in (
        ("Z1", forward.Z[1]),
        ("H1", forward.H[1]),
        ("Z2", forward.Z[2]),
        ("H2", forward.H[2]),
        ("F", forward.scores),
        ("Yhat", forward.prediction),
        ("loss", net.losses(theta, X, Y)),
        ("d(C, F)", deltas[3] / 6),
        ("d(C, Z2)", deltas[2] / 6),
        ("d(C, Z1)", deltas[1] / 6),
    ):
        np.testing.assert_allclose(batch.evaluate(name, values), want, rtol=1e-12, atol=1e-15)


def test_the_complex_step_passes_through_both():
    rng = np.random.default_rng(6)
    net = Network([3, 4, 2], "silu", "sigmoid", "binary_cross_entropy", library_penalties.Frobenius(0.3))
    X, y = rng.normal(size=(5, 3)), rng.integers(2, size=(5, 2))
    theta, direction = rng.normal(size=(2, net.parameters.size))
    objective = network_equations(net).objective("C", {"x": X, "y": y})
    step = objective.value(theta + 1e-30j * direction).imag / 1e-30
    assert step == pytest.approx(net.gradient(theta, X, y).vector @ direction, rel=1e-13, abs=0)


def test_own_functions_of_the_same_name_get_names_of_their_own():
    rng = np.random.default_rng(8)
    first, second = (
        activation_from("f(t) = t * sigmoid(t)"),
        activation_from("g(t)=2e5*t/1e5\nf(t) = g(sin(t))"),
    )
    loss = loss_from("W1(y, f) = log(1 + (y - f)**2)")
    net = Network([4, 3, 5, 6, 2], [first, second, first], "exp", loss, library_penalties.L1(0.1))
    _agree(net, rng.normal(size=net.parameters.size), rng.normal(size=(7, 4)), rng.normal(size=(7, 2)))
    lines = network_equations(net).text.splitlines()
    assert lines[1:6] == [
        "f2(t) = t * sigmoid(t)",
        "g(t)=2e5*t/1e5",
        "f3(t) = g(sin(t))",
        "W12(y, f) = log(1 + (y - f)**2)",
        "penalty(w) = 0.1 * norm1(w)",
    ]
    assert "h3 = f2(z3)" in lines and "loss = sum(W12(y, f))" in lines


def test_prefixes_have_sheets_too():
    rng = np.random.default_rng(1)
    own = activation_from("mish(t) = t * tanh(softplus(t))")
    net = Network([5, 4, 3, 2], [own, elu(0.5)], "softmax", "cross_entropy")
    for number in (1, 2):
        prefix = net.prefix(number)
        Y = rng.normal(size=(7, prefix.sizes[-1]))
        _agree(prefix, rng.normal(size=prefix.parameters.size), rng.normal(size=(7, 5)), Y)


def test_a_sheet_prints_its_equations():
    net = Network(
        [4, 3, 5, 2],
        ["tanh", "relu"],
        "softmax",
        "cross_entropy",
        library_penalties.Frobenius(0.5),
        bias=False,
    )
    assert (
        network_equations(net, "weighted", "distribution").text
        == """# Network 4-3-5-2: tanh, relu, softmax, cross_entropy
penalty(w) = 0.5 / 2 * normF(w)**2
data        X: R[n, 4]; Y: Simplex[n, 2]; w: R[n]
parameters  W1: R[3, 4]
parameters  W2: R[5, 3]
parameters  W3: R[2, 5]
Z1 = X @ W1.T
H1 = tanh(Z1)
Z2 = H1 @ W2.T
H2 = relu(Z2)
F = H2 @ W3.T
Yhat = softmax(F, axis=1)
loss[i] = -(Y[i].T @ log(Yhat[i]))
C = sum(w[i] * loss[i] for i in n) / sum(w) + penalty(W1) + penalty(W2) + penalty(W3)"""
    )


def test_a_sheet_prints_its_gradient():
    net = Network([4, 3, 2], "sigmoid", "softmax", "cross_entropy", library_penalties.L2(0.5))
    assert (
        str(network_equations(net).derive("C"))
        == """dC/df = ŷ - e_y
dC/dW₂ = dC/df h₁ᵀ + W₂
dC/db₂ = dC/df
dC/dh₁ = W₂ᵀ dC/df
dC/dz₁ = h₁ ⊙ (1 - h₁) ⊙ dC/dh₁
dC/dW₁ = dC/dz₁ xᵀ + W₁
dC/db₁ = dC/dz₁"""
    )
    binary = Network([4, 1], (), "sigmoid", "binary_cross_entropy", reduction="sum")
    assert (
        str(network_equations(binary, "batch").derive("C"))
        == """dC/dF = Ŷ - Y
dC/dW₁ = dC/dFᵀ X
dC/db₁ = dC/dFᵀ 𝟏"""
    )


def test_length_is_linear_in_depth():
    lengths = []
    for depth in (8, 16, 32):
        net = Network([4, *[3] * (depth - 1), 2], "tanh", "softmax", "cross_entropy")
        lengths.append(len(network_equations(net).derive("C").steps))
    assert lengths[2] - lengths[1] == 2 * (lengths[1] - lengths[0])


def test_what_has_no_equation_or_no_such_form_is_refused():
    cube = Activation("cube", lambda z: z**3, lambda z: 3 * z**2, lambda z: 6 * z)
    with pytest.raises(NoRuleError, match=r"activation cube: .*activation_from\("):
        network_equations(Network([4, 3, 2], [cube]))
    net = Network([4, 3, 2], tanh(), "softmax", "cross_entropy")
    with pytest.raises(OptionError, match=r"form is 'rows'; expected 'example'"):
        network_equations(net, "rows")
    with pytest.raises(OptionError, match="'sign'; the loss cross_entropy takes class or distribution or w"):
        network_equations(net, target="sign")
    with pytest.raises(DataError, match="sum"):
        network_equations(net, target="distribution").objective(
            "C", {"x": np.ones((3, 4)), "y": np.ones((3, 2))}
        )
