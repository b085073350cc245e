"""What a literal evaluation takes is counted before it is run: the count is what the evaluator then does."""

import numpy as np
import pytest

from chainrule.equations import Equations
from chainrule.equations.language import counted
from chainrule.equations.language.counted import Count
from chainrule.equations.language.interpreter import Interpreter
from chainrule.equations.language.sheet import read
from chainrule.equations.language.tree import size_value
from chainrule.errors import TooLargeError
from equations.model_sheets import MODELS

SIZES = {"n": 5, "p": 3, "m": 1}


def steps(text, name):
    sheet = read(text)
    count = Count(lambda size: size_value(size, SIZES))
    definition = sheet.definitions[name]
    count.whole(definition.indices, definition.body)
    return count.steps


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x: R[n]; L = sum(x) + 2", 0),
        ("x: R[n]; L = sum(sum(x * x[i]) for i in n)", 5 + 4 * 5),
        # What is a number for each value of the indices is computed for a hundred of them at once.
        ("x: R[n]; L = sum(x[i] for i in n)", 1 + 2),
        ("x: R[999]; L = sum(x[i] for i in 999)", 3 * 10),
        ("x: R[n]; L = sum(2 for i in n)", 1),
        ("x: R[n]; L = sum(sum(x[i] * x[j] for i in n) for j in n)", 1 + 1 + 1 + 5),
        # What stands in the inner sum alone is computed once.
        (
            "x: R[n]; A: R[n, p]; L = sum(sum(x[i] for i in n) * sum(x * k) for k in p)",
            3 + 3 + 4 * 3,
        ),
        ("x: R[p]; L[i] = x[i]", 2),
        ("x: R[p]; A: R[p, n]; L[i] = sum(A[i])", 3 * 3),
    ],
)
def test_a_term_counts_once_for_each_value_of_its_indices(text, expected):
    assert steps(text, "L") == expected


@pytest.mark.parametrize(
    "text",
    [
        "x: R[n]; A: R[n, p]; L = sum(sum(sum(exp(A[i] * x[i])) for i in n) * sum(x * k)**2 for k in p)",
        "A: R[n, p]; f(t) = t * tanh(t); L = sum(sum(f(A[i] + A[0, k]).T @ A[0] for k in p) for i in n)",
        "A: R[n, p]; L[k, i] = A[i, k] / (1 + sum(A[i])**2) - norm2(A[0] * k)",
        "A: R[n, p]; b: R[m]; L = sum(sum(sum(A[i] * b[l]) for l in m) for i in n)",
        "x: R[n]; A: R[n, p]; L = sum(sum(exp(A[i, k]) * x[i] for i in n) * x[0]**2 for k in p)",
        "A: R[n, p]; L[k, i] = A[i, k] / (1 + A[i, 0]**2) - mean(A[j, k] for j in n)",
    ],
)
def test_the_count_is_what_is_computed(text, monkeypatch):
    sheet, computed = read(text), []
    compute = Interpreter.compute

    def counting(self, term):
        computed.append(term)
        return compute(self, term)

    monkeypatch.setattr(Interpreter, "compute", counting)
    random = np.random.default_rng(0)
    values = {
        name: random.normal(size=[SIZES[size] for size in item.axes])
        for name, item in sheet.declarations.items()
    }
    model = Equations(text)
    model.evaluate("L", values)
    definition = sheet.definitions["L"]
    count = Count(lambda size: size_value(size, SIZES))
    count.whole(definition.indices, definition.body)
    # A term outside every loop is computed once and counts nothing; a pass of a loop counts one.
    assert len(computed) / 2 <= count.steps <= 2 * len(computed)


def test_loops_are_refused_with_their_number_before_they_run(monkeypatch):
    sheet = "x: R[n]; L = sum(sum(x[i] * x[j] for i in n) for j in n); f[i, j] = x[i] * x[j] + L"
    monkeypatch.setattr(
        Interpreter, "compute", lambda self, term: pytest.fail("computed before it was counted")
    )
    with pytest.raises(TooLargeError, match=r"line 1 .* 10,000,01\d,\d{3} steps.* at most 10,000,000"):
        Equations(sheet).evaluate("L", {"x": np.ones(1_000_000)})
    with pytest.raises(TooLargeError, match=r"shape \(1000000, 1000000\), 8,000,000,000,000 bytes"):
        Equations("x: R[n]\nf[i, j] = x[i] * x[j]").evaluate("f", {"x": np.ones(1_000_000)})


@pytest.mark.parametrize(
    "text", ["x @ x.T", "outer(x, x)", "d(tanh(x), x)", "tanh(x @ x.T) @ x", "kron(x, x)"]
)
def test_no_value_is_larger_than_the_limit(text):
    with pytest.raises(
        TooLargeError, match=r"would have shape .* bytes; write the formula without building it"
    ):
        Equations("x: R[n]").evaluate(text, {"x": np.ones(100_000)})


def test_what_is_within_the_limit_is_computed(monkeypatch):
    model = Equations("x: R[n]; L = sum(sum(x * x[j]) for j in n)")
    x = np.arange(1.0, 7.0)
    needed = 6 + 4 * 6
    monkeypatch.setattr(counted, "MAX_STEPS", needed)
    assert model.evaluate("L", {"x": x}) == 21.0**2
    monkeypatch.setattr(counted, "MAX_STEPS", needed - 1)
    with pytest.raises(TooLargeError, match=f"{needed} steps"):
        model.evaluate("L", {"x": x})


def test_an_array_that_is_computed_at_once_stays_small(monkeypatch):
    """Three indices of 90 are 729,000 values; no term has more than 2¹⁵ of them at a time."""
    model = Equations("x: R[n]; L = sum(sum(sum(x[i] * x[j] * x[k] for i in n) for j in n) for k in n)")
    largest, compute = [0], Interpreter.compute

    def measured(self, term):
        found = compute(self, term)
        largest[0] = max(largest[0], np.size(found))
        return found

    monkeypatch.setattr(Interpreter, "compute", measured)
    x = np.random.default_rng(0).normal(size=90)
    assert model.evaluate("L", {"x": x}) == pytest.approx(x.sum() ** 3, rel=1e-12, abs=0)
    assert 8_000 < largest[0] <= 2**15


MATRICES = "A: R[n, n]; x: R[n]\nL = logdet(A) + x.T @ inv(A) @ x + d(sum(A @ A), A)[0, 0]"


@pytest.mark.parametrize("text", [*(sheet for sheet, _ in MODELS.values()), MATRICES])
def test_a_tally_counts_what_the_walk_counts(text, monkeypatch):
    sheet = read(text)
    sizes = {name: 40 + 7 * place for place, name in enumerate(sheet.sizes)}

    def counts():
        found = []
        for definition in sheet.definitions.values():
            count = Count(lambda size: size_value(size, sizes))
            count.whole(definition.indices, definition.body)
            found.append((count.operations, count.steps))
        return found

    tallied = counts()
    monkeypatch.setattr(counted, "_tally", lambda bodies: None)
    assert tallied == counts()


def test_few_tallies_are_kept(monkeypatch):
    monkeypatch.setattr(counted, "MOST_TALLIES", 5)
    sheet = read("data a: R\n" + "\n".join(f"h{k} = {k} * a" for k in range(20)))
    count = Count(lambda size: size_value(size, SIZES), sheet.moves)
    taken = [count.still(definition.body) and count.operations for definition in sheet.definitions.values()]
    assert taken == [taken[0] * (1 + k) for k in range(20)]
    assert len(sheet.moves.tallies) <= 5
