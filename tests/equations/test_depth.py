"""Networks of any depth: length grows linearly, and a hundred layers are still right."""

import numpy as np
import pytest

from chainrule.equations import Equations
from chainrule.equations.nodes.nodes import topological
from work import calls

DEPTHS = (1, 2, 3, 4, 5, 10, 30, 100)


def network(depth):
    """A tanh network with softmax cross-entropy; all sizes differ from layer to layer."""
    weights = "; ".join(f"W{k}: R[m{k}, m{k - 1}]; b{k}: R[m{k}]" for k in range(1, depth + 1))
    layers = "\n".join(f"h{k} = tanh(W{k} @ h{k - 1} + b{k})" for k in range(1, depth + 1))
    return (
        f"data h0: R[m0]; y: Class[K]\nparameters {weights}; V: R[K, m{depth}]; c: R[K]\n"
        f"{layers}\nf = V @ h{depth} + c\nL = logsumexp(f) - f[y]\n"
    )


@pytest.fixture(scope="module", params=["example", "batch"])
def derived(request):
    models = {depth: Equations(network(depth)) for depth in DEPTHS}
    return request.param, {depth: model.derive("L", form=request.param) for depth, model in models.items()}


def increments(sizes):
    """How much one more layer adds, between consecutive depths."""
    return [(sizes[b] - sizes[a]) / (b - a) for a, b in zip(DEPTHS[:-1], DEPTHS[1:], strict=True)]


def test_characters_grow_linearly(derived):
    _, derivations = derived
    steps = increments({depth: len(str(derivation)) for depth, derivation in derivations.items()})
    # Subscripts of two and three digits make a layer a little longer.
    assert max(steps) <= 1.5 * min(steps)
    assert len(str(derivations[100])) < 120 * len(str(derivations[1]))


def test_lines_and_nodes_grow_by_the_same_for_every_layer(derived):
    _, derivations = derived
    lines = {depth: len(derivation.lines) for depth, derivation in derivations.items()}
    nodes = {
        depth: len(list(topological([line.expression for line in derivation.lines])))
        for depth, derivation in derivations.items()
    }
    assert len(set(increments(lines)[1:])) == 1
    assert len(set(increments(nodes)[1:])) == 1


def test_latex_and_sheet_grow_linearly(derived):
    _, derivations = derived
    for text in (lambda derivation: derivation.latex(), lambda derivation: derivation.sheet()):
        steps = increments({depth: len(text(derivation)) for depth, derivation in derivations.items()})
        assert max(steps) <= 1.5 * min(steps)


def test_each_layer_has_the_lines_of_the_textbook(derived):
    form, derivations = derived
    text = str(derivations[3])
    expected = {
        "example": [
            "dL/dV = dL/df h₃ᵀ",
            "dL/dh₃ = Vᵀ dL/df",
            "dL/db₂ = (1 - h₂⊙h₂) ⊙ dL/dh₂",
            "dL/dW₂ = dL/db₂ h₁ᵀ",
        ],
        "batch": [
            "dC/dF = (1/N) (softmax(F, axis=1) - E_y)",
            "dC/dV = dC/dFᵀ H₃",
            "dC/dH₂ = ΔH₃ W₃",
            "ΔH₂ = (1 - H₂⊙H₂) ⊙ dC/dH₂",
            "dC/db₂ = ΔH₂ᵀ 𝟏",
        ],
    }
    assert [line for line in expected[form] if line not in text.splitlines()] == []


def values_for(model, depth, random):
    sizes = {f"m{k}": 2 + k % 3 for k in range(depth + 1)} | {"K": 6}
    values = {}
    for name in model.program.declarations:
        shape = [sizes[size] for size in model.shape_of(name)]
        values[name] = random.normal(size=shape) if name != "y" else 4
    return values, sizes


@pytest.mark.parametrize("depth", [1, 3, 100])
def test_the_gradient_is_right_on_a_sample_of_entries(depth):
    model, random = Equations(network(depth)), np.random.default_rng(depth)
    values, _ = values_for(model, depth, random)
    function = model.compile([f"dL/d{name}" for name in model.parameters])
    gradients = dict(
        zip(model.parameters, function(**{name: values[name] for name in function.inputs}), strict=True)
    )
    sample = random.choice(model.parameters, size=min(8, len(model.parameters)), replace=False)
    for name in {*sample, "W1", "V"}:
        place = tuple(random.integers(0, length) for length in values[name].shape)
        moved = values[name].astype(complex)
        moved[place] += 1e-30j
        slope = model.evaluate("L", {**values, name: moved}).imag / 1e-30
        assert gradients[name][place] == pytest.approx(slope, rel=1e-9, abs=1e-14)


def test_a_hundred_layers_compile_to_linear_code():
    lengths = {
        depth: len(Equations(network(depth)).compile([f"dL/dW{depth}", "dL/dW1"]).source)
        for depth in (10, 30, 100)
    }
    assert (lengths[100] - lengths[30]) / 70 <= 1.3 * (lengths[30] - lengths[10]) / 20


def _calls(depth):
    """How many functions are called to compile the value and all gradients."""
    model = Equations(network(depth))
    return calls(model.compile, ["L", *(f"dL/d{name}" for name in model.parameters)])


def test_every_further_layer_takes_the_same_work_to_compile():
    _calls(2)  # what is imported and cached at the first request
    twenty, forty, eighty = _calls(20), _calls(40), _calls(80)
    assert eighty - forty < 2.2 * (forty - twenty)
    assert eighty - forty < 40 * 15_000


def test_a_long_recurrence_stays_linear():
    # Read as a tree, x ← r x (1 - x) doubles with every step.
    def source(steps):
        lines = "\n".join(f"x{k + 1} = 3.5 * x{k} * (1 - x{k})" for k in range(steps))
        return Equations(f"x0: R\n{lines}\nL = x{steps}\n").compile(["L", "dL/dx0"])

    short, long = source(7), source(14)
    assert len(long.source) <= 3 * len(short.source)
    model = Equations("x0: R\n" + "\n".join(f"x{k + 1} = 3.5 * x{k} * (1 - x{k})" for k in range(14)))
    value, slope = long(x0=0.3)
    moved = model.evaluate("x14", {"x0": 0.3 + 1e-30j})
    assert value == pytest.approx(moved.real, rel=1e-9)
    assert slope == pytest.approx(moved.imag / 1e-30, rel=1e-6)


def test_a_block_of_the_hessian_of_a_hundred_layers_has_lines_that_read_well():
    lengths = {}
    for depth in (10, 100):
        lines = str(Equations(network(depth)).derive("L", "b1", order=2)).splitlines()
        assert max(map(len, lines)) < 250
        lengths[depth] = sum(map(len, lines))
    assert lengths[100] < 12 * lengths[10]
