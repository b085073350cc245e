"""Copies and pickles: of what a sheet gives, as its text and what was asked of it; of every error."""

import copy
import multiprocessing
import pickle
import pickletools

import numpy as np
import pytest

import chainrule as cr
from chainrule import errors
from chainrule.equations import Equations
from chainrule.equations.language.origin import Origin
from chainrule.equations.language.sheet import KEPT, LONGEST_KEPT, read
from chainrule.errors import ChainruleError, OptionError, SheetError
from equations.complex_steps import close

TEXT = """
data x: R[p]; y: Class[K]; parameters W: R[K, p]; b: R[K]
f = W @ x + b; L = logsumexp(f) - f[y] + b.T @ b
"""
VALUES = {"x": np.array([0.3, -1.2]), "y": 1, "W": np.arange(6.0).reshape(3, 2), "b": np.ones(3)}
X, Y = np.random.default_rng(0).normal(size=(5, 2)), np.array([0, 1, 2, 1, 0])
WAYS = {
    "pickle": lambda value: pickle.loads(pickle.dumps(value)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}
EVERY_WAY = pytest.mark.parametrize("again", WAYS.values(), ids=WAYS)
DERIVED = {
    "gradient": lambda model: model.derive("L"),
    "batch": lambda model: model.derive("L", ["W"], form="batch", reduction="sum"),
    "layout": lambda model: model.derive("f", "x", layout="denominator"),
    "hessian": lambda model: model.derive("L", order=2, explain=True),
    "explanation": lambda model: model.derive("L").explanation,
    "product": lambda model: model.hessian_product("L", "b"),
    "layers": lambda model: model.derive("L").by_layer(),
}


@EVERY_WAY
@pytest.mark.parametrize("made", DERIVED.values(), ids=DERIVED)
def test_derivations(made, again):
    first = made(Equations(TEXT))
    second = again(first)
    assert type(second) is type(first) and str(second) == str(first)
    assert second.latex() == first.latex()


@EVERY_WAY
def test_sheets(again):
    model = again(Equations(TEXT))
    assert model.text == TEXT and str(model.derive("L", "b")) == str(Equations(TEXT).derive("L", "b"))
    assert again(read(TEXT)).text == TEXT and repr(model) == repr(Equations(TEXT))


@EVERY_WAY
def test_compiled_functions(again):
    model = Equations(TEXT)
    functions = {
        "values": model.compile(["L", "dL/dW"], sizes={"p": 2}),
        "one": model.compile("d2L/db2").limited(10**6),
        "batch": model.compile(["L"], form="batch"),
        "array API": model.compile(["L"], target="array_api"),
        "product": model.compile_product("L", "b"),
    }
    for name, first in functions.items():
        second = again(first)
        assert (second.source, second.inputs, second.limit) == (first.source, first.inputs, first.limit), name
    close(again(functions["one"])(**VALUES), functions["one"](**VALUES))


@EVERY_WAY
def test_structured_results(again):
    first = Equations(TEXT).derive("L", "W", order=2).structured(VALUES)
    second = again(first)
    close(second.dense(), first.dense())
    assert second.pattern == first.pattern


@EVERY_WAY
@pytest.mark.parametrize("weights", [None, np.array([1.0, 2.0, 0.0, 1.0, 3.0])])
def test_objectives_of_sheets(again, weights):
    model = Equations(TEXT)
    first = model.objective("L", {"x": X, "y": Y}, reduction="sum", sample_weight=weights, sizes={"K": 3})
    for one in (first, first.shuffled(np.arange(first.size)[::-1].copy())):
        second, theta = again(one), np.linspace(-1, 1, 9)
        close(second.value_and_gradient(theta)[1], one.value_and_gradient(theta)[1])
        close(second.value(theta, slice(0, 2)), one.value(theta, slice(0, 2)))
        close(second.hessian_product(theta, theta), one.hessian_product(theta, theta))
    whole = Equations("X: R[N, p]; parameters w: R[p]; R = norm2(X @ w)**2").objective("R", {"X": X})
    close(again(whole).value(np.ones(2)), whole.value(np.ones(2)))


@EVERY_WAY
def test_objectives_of_networks_and_results_of_runs(again):
    network = cr.Network([2, 4, 3])
    objective = network.objective(X, np.eye(3)[Y])
    theta = np.linspace(-1, 1, network.parameters.size)
    close(again(objective).value(theta), objective.value(theta))
    method = cr.optimizers.GradientDescent(learning_rate=0.1)
    result = cr.fit(Equations(TEXT), of="L", data={"x": X, "y": Y}, method=method, epochs=2, seed=0)
    close(again(result).parameters["W"], result.parameters["W"])


def test_no_code_and_no_node_is_pickled():
    model = Equations(TEXT)
    model.derive("L")
    for made in (model, model.compile(["L"]), model.derive("L", order=2), model.derive("L").by_layer()):
        stored = pickle.dumps(made)
        assert len(stored) < 1500
        names = {argument for code, argument, _ in pickletools.genops(stored) if isinstance(argument, str)}
        assert not any("def function" in name or "nodes" in name or "Node" in name for name in names)
    for part in (model.program, model.program.pool, model.program.symbols["W"]):
        for way in WAYS.values():
            if way is not copy.copy or part is not model.program:
                with pytest.raises(TypeError, match="cannot be pickled; pickle the Equations"):
                    way(part)


def test_a_sheet_is_asked_for_nothing_else():
    with pytest.raises(OptionError, match="asked for derive, .*; got 'evaluate'"):
        Origin(Equations, TEXT, "evaluate", {"name": "L"})()


def test_an_argument_that_changes_later_changes_nothing():
    wrt = ["b"]
    derivation = Equations(TEXT).derive("L", wrt)
    wrt[0] = "W"
    assert str(pickle.loads(pickle.dumps(derivation))) == str(derivation)


def every_error():
    found, left = [], [ChainruleError]
    while left:
        found.append(left.pop())
        left += found[-1].__subclasses__()
    return found


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
@EVERY_WAY
def test_errors(kind, again):
    first = kind("what arrived")
    if issubclass(kind, SheetError):
        first = kind("what arrived", line=2, column=3, source="L = x", width=2)
        first = kind.several((first, kind("and this", line=4)), heading="Two")
        assert [str(one) for one in again(first).errors] == [str(one) for one in first.errors]
    if kind is errors.DivergenceError:
        first = kind("what arrived", state={"theta": [1.0]})
        assert again(first).state == first.state
    second = again(first)
    assert type(second) is kind and str(second) == str(first) and vars(second).keys() == vars(first).keys()


def _value_in_another_process(function):
    return float(function(**VALUES)[0])


def test_another_process_takes_them():
    function = Equations(TEXT).compile(["L"])
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_value_in_another_process, (function,)) == float(function(**VALUES)[0])


def test_a_sheet_that_is_read_again_is_the_same_and_a_mistake_is_said_again():
    assert read(TEXT) is read(TEXT.replace("\n", "\r\n"))
    assert read(TEXT + "\n# more") is not read(TEXT)
    for _ in range(2):
        with pytest.raises(SheetError, match="nowhere"):
            read("x: R[p]; L = nowhere @ x")


def test_many_sheets_and_long_ones_are_not_kept():
    long = TEXT + "#" * LONGEST_KEPT
    assert read(long) is not read(long)
    first = read(TEXT)
    for count in range(KEPT):
        read(f"{TEXT}# {count}")
    assert read(TEXT) is not first


def test_what_is_asked_of_one_reading_changes_no_other():
    first, second = Equations(TEXT), Equations(TEXT)
    first.derive("L", order=2)
    first.evaluate("d(L, W) + 0 * W", VALUES)
    assert first.program is not second.program
    assert str(second.derive("L")) == str(Equations(TEXT + "\n").derive("L"))
