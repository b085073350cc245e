"""Whatever can be derived reads back, line by line: in every order, form and layout."""

from pathlib import Path

import pytest

from chainrule.catalogue import sheet as catalogue_sheet
from chainrule.catalogue import sheet_names
from chainrule.equations import Equations
from chainrule.equations.calculus.lower import mentions
from chainrule.errors import NoRuleError
from equations.expression_generator import DECLARATIONS, SHAPES, SIZES, Generator, values_of
from equations.model_sheets import MODELS
from equations.round_trip import check_round_trip, derivations

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").rglob("*.eqs"))
# Smaller than any size of the models, so that tensors and loops stay short.
SMALL = (2, 3, 1, 4, 2, 3)

# Sheets whose printed lines once could not be read, or are most likely not to.
A, B, C = "a" * 70, "b" * 70, "c" * 80
HARD = {
    "names with an underscore at the end": """
        x: R[p]; i_: R[p]; parameters R: R[p]; R_: R[p]
        z = R * x; z_ = R_ * z + i_; L = sum(z_**3 * z)
    """,
    "names that lines would have": """
        parameters W: R[p]; v_W: R[p]; dL_dW: R; d2L_dW_dW: R
        L = sum(exp(W * v_W)) * dL_dW * d2L_dW_dW
    """,
    "long names": f"parameters {A}: R[p]; {B}: R[p]; L = sum(exp({A} * {B})); {C} = L**2",
    "extremes of rows": """
        parameters X: R[n, m]; y: R[n]
        h = max(X, axis=1); L = norm2(h - y)**2 + sum(min(X, axis=0)**2)
    """,
    "a column beside a matrix": "B: R[n*n, n*n]; parameters x: R[n]; q = kron(x, x); L = q.T @ B @ q",
    "stacks": """
        data X: R[N, p]; parameters W: R[M, p]; b: R[M]
        H = sigmoid(X @ W.T + b); H_ = H @ W; L = normF(H_ - X)**2
    """,
    "sizes of products": """
        parameters z: R[n*m]; A: R[n, n]; B: R[m, m]
        L = tanh(z.T @ kron(A, B) @ z)
    """,
    "one of each": """
        data x: R[p]; y: Class[K]; parameters W: R[K, p]; b: R
        f = W @ x; L = logsumexp(f) - f[y] + b**2
    """,
}


def every_line_reads_back(model, of, sizes, values=None):
    """Check every derivation of one quantity by the parameters it depends on."""
    program = model.program
    wrt = [name for name in model.parameters if name in program.ancestors([of])]
    return [
        check_round_trip(derivation, sizes, values)
        for _, derivation in (derivations(model, of, wrt) if wrt else ())
    ]


def quantities(model):
    """The defined names of at most two axes that have a derivative by a parameter."""
    names = [name for name in model.program.bodies if len(model.shape_of(name)) <= 2]
    return [name for name in names if set(model.parameters) & model.program.ancestors([name])]


def small_sizes(model):
    return dict(zip(model.sizes, SMALL, strict=False))


@pytest.mark.parametrize("text", HARD.values(), ids=HARD)
def test_hard_sheets(text):
    model = Equations(text)
    for of in quantities(model):
        assert every_line_reads_back(model, of, {"N": 3, **small_sizes(model)})


@pytest.mark.parametrize("name", ["S1", "S2", "S4"])
def test_models_of_the_notes(name):
    model = Equations(MODELS[name][0])
    of = {"S1": "L", "S2": "E", "S4": "L"}[name]
    assert every_line_reads_back(model, of, {"N": 3, **small_sizes(model)})


def random_sheet(seed):
    """A random expression as a sheet, and whether it has a derivative."""
    text = Generator(seed).expression((), 2 + seed % 2)
    model = Equations(f"{DECLARATIONS}L = {text}\n")
    return model, [name for name in mentions(model.sheet.definitions["L"].body) if name in SHAPES]


@pytest.mark.parametrize("start", [0, 5])
def test_random_expressions(start):
    for seed in range(start, start + 5):
        model, names = random_sheet(seed)
        for _, derivation in derivations(model, "L", names) if names else ():
            check_round_trip(derivation, SIZES, values_of(seed), tolerance=1e-7)


@pytest.mark.full
@pytest.mark.parametrize("name", MODELS)
def test_every_quantity_of_every_model(name):
    model = Equations(MODELS[name][0])
    for of in quantities(model):
        every_line_reads_back(model, of, small_sizes(model))


@pytest.mark.full
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example(path):
    model = Equations(path.read_text(encoding="utf-8"))
    for of in quantities(model):
        try:
            every_line_reads_back(model, of, small_sizes(model))
        except NoRuleError:
            continue


@pytest.mark.full
@pytest.mark.parametrize("name", sheet_names())
def test_every_sheet_of_the_catalogue(name):
    model = catalogue_sheet(name)
    for of in quantities(model):
        every_line_reads_back(model, of, small_sizes(model))


@pytest.mark.full
@pytest.mark.parametrize("start", range(2000, 2400, 20))
def test_many_random_expressions(start):
    for seed in range(start, start + 20):
        model, names = random_sheet(seed)
        for _, derivation in derivations(model, "L", names) if names else ():
            check_round_trip(derivation, SIZES, values_of(seed), tolerance=1e-6)
