"""A page that asks for too much ends with an answer or with one message, at every command."""

import json

import pytest

from chainrule.diagnosis import claims, verification
from chainrule.equations.nodes import nodes

STEPS, OPERATIONS = 20_000, 300_000


def folded(times):
    return "d(" * times + "L" + ", a)" * times


def kron(times):
    return "A" if times == 0 else f"kron({'AB'[times % 2]}, {kron(times - 1)})"


def parameters(count, size=""):
    names = [f"a{k}" for k in range(count)]
    rows = [names[start : start + 20] for start in range(0, count, 20)]
    sums = "\n".join(f"s{j} = {' + '.join(row)}" for j, row in enumerate(rows))
    declared = "; ".join(f"{name}: R{size}" for name in names)
    return f"parameters {declared}\n{sums}\nL = ({' + '.join(f's{j}' for j in range(len(rows)))})**3\n"


SINES = "\nL = sin(a) * exp(a) / (1 + a**2)\n"
BOMBS = {
    **{f"{n} derivatives": f"parameters a: R{SINES}{folded(n)} == a\n" for n in (8, 9, 10)},
    "a definition of 12 derivatives": f"parameters a: R{SINES}G = {folded(12)}\n",
    "17 sums of all before": "parameters a: R\nh0 = sin(a)\n"
    + "".join(f"h{i} = sin({' + '.join(f'h{j}' for j in range(i))})\n" for i in range(1, 18))
    + "L = h17\nd(d(L, a), a) == a\n",
    "two nested sums": "parameters x: R[1000000]; y: R[1000000]\n"
    "L = sum(sum(x[i] * y[j] for i in 1000000) for j in 1000000)\nL == 3\n",
    "two axes of a million": "parameters A: R[1000000, 1000000]\nL = sum(A**2)\nd(L, A) == 2*A\n",
    "six Kronecker products": f"parameters A: R[n, n]; B: R[m, m]\nL = sum({kron(6)})\nd(L, A) == A\n",
    "90 sines": "parameters a: R\nL = "
    + " * ".join(f"sin({k}*a)" for k in range(1, 91))
    + "\nd(d(L, a), a) == a\n",
    "90 matrices": f"parameters W: R[n, n]\nL = trace({' @ '.join(['W'] * 90)})\nd(L, W) == 90 * W\n",
    "300 claims": "parameters a: R\nL = a**2\n" + "".join(f"{k}*a + a == {k + 1}*a\n" for k in range(300)),
    "60 parameters": parameters(60),
    "120 definitions": "parameters x: R[n]\nh0 = tanh(x)\n"
    + "".join(f"h{k} = tanh(h{k - 1} + x)\n" for k in range(1, 120))
    + "L = sum(h119)\nd(L, h118) == 1 - h119**2\n",
}


@pytest.fixture
def small(monkeypatch):
    """All limits a twentieth or less, so that what is refused is refused at once."""
    monkeypatch.setattr(nodes, "MOST_STEPS", STEPS)
    monkeypatch.setattr(claims, "ALLOWANCE", OPERATIONS)
    monkeypatch.setattr(claims, "POOL", 10 * OPERATIONS)
    monkeypatch.setattr(verification, "OPERATIONS", 4 * OPERATIONS)


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
@pytest.mark.parametrize("words", [["derive"], ["derive", "--order", "2"], ["check", "--json"]], ids=" ".join)
def test_it_ends_with_an_answer_or_one_message(run, small, tmp_path, text, words):
    path = tmp_path / "page.eqs"
    path.write_text(text)
    answer = run(words[0], path, *words[1:])
    assert "Traceback" not in answer.out + answer.err
    if "--json" in words:
        found = json.loads(answer.out)
        assert found["exit_code"] == answer.code
        assert (found.get("error") is None) == (found["claims"] is not None or found["gradient"] is not None)
    elif answer.code:
        assert answer.out == ""
        assert answer.err.startswith("error: ") and answer.err.count("error: ") == 1


def test_the_refusal_names_derivative_line_count_limit_and_options(run, small, tmp_path):
    path = tmp_path / "page.eqs"
    path.write_text(BOMBS["90 sines"])
    answer = run("derive", path, "--order", "2", "--wrt", "a")
    assert answer.code == 1
    assert "The second derivative of L in line 2 with respect to a has taken 20,0" in answer.err
    assert "at most 20,000 are taken" in answer.err
    assert "--wrt NAME" in answer.err and "--product in place of --order 2" in answer.err


def test_the_refusal_names_the_definition_that_derives(run, small, tmp_path):
    path = tmp_path / "page.eqs"
    path.write_text(BOMBS["a definition of 12 derivatives"])
    answer = run("derive", path, "--of", "G")
    assert answer.code == 1 and "The definition of G in line 3 has taken 20,0" in answer.err


def test_training_on_a_page_that_asks_for_too_much_ends_with_one_message(run, small, tmp_path):
    page, table = tmp_path / "page.eqs", tmp_path / "table.csv"
    page.write_text(f"data x: R; y: R\nparameters a: R{SINES}G = {folded(12)} * x - y\nM = G**2\n")
    table.write_text("x,y\n" + "".join(f"{k},{k % 3}\n" for k in range(12)))
    answer = run("fit", page, "--data", table, "--bind", "x=x", "--bind", "y=y", "--minimize", "M")
    assert answer.code == 1 and answer.err.count("error: ") == 1
    assert "The definition of G in line 4 has taken 20,0" in answer.err


@pytest.mark.parametrize("units", ["100000,100000", "1000000000", "9" * 26])
def test_a_network_of_more_parameters_than_fit_is_refused_before_there_are_any(run, houses, units):
    answer = run("train", houses, "--target", "price", "--hidden", units, "-q")
    assert answer.code == 1 and answer.err.count("error: ") == 1
    assert "bytes for every vector of them, more than 2,147,483,648: W1 (" in answer.err


def test_what_does_not_fit_in_memory_ends_with_one_message(run, houses, monkeypatch):
    def full(*arguments):
        raise MemoryError("Unable to allocate 8. TiB for an array")

    monkeypatch.setattr("chainrule.network.workspace.Workspace.step", full)
    answer = run("train", houses, "--target", "price", "-q")
    assert answer.code == 1
    assert answer.err.count("error: ") == 1
    assert "needs more memory than this machine gives it. Unable to" in answer.err
