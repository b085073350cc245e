"""Tensors that are built to be summed over the examples: the same result in parts, in little memory."""

import tracemalloc

import numpy as np
import pytest

from chainrule.equations import Equations
from chainrule.equations.code.chunks import chunked
from chainrule.equations.code.code_facts import Variable
from chainrule.errors import TooLargeError
from equations.statement_texts import read, written

SOFTMAX = """
    data X: R[n, p]; y: Class[n, K]
    parameters W: R[K, p]
    F = X @ W.T
    loss[i] = logsumexp(F[i]) - F[i][y[i]]
    L = sum(loss[i] for i in n) + normF(W)**4
"""
LOGISTIC = """
    data X: R[n, p]; y: Bit[n]
    parameters b: R[p]
    s = sigmoid(X @ b)
    L = -sum(y * log(s) + (1 - y) * log(1 - s))
"""
DEEP = """
    data        X: R[n, p];  y: Class[n, K]
    parameters  W: R[M, p];  b: R[M];  A: R[k, M];  V: R[K, k];  c: R[K]
    H = tanh(X @ W.T + b)
    G = sigmoid(H @ A.T)
    F = G @ V.T + c
    loss[i] = logsumexp(F[i]) - F[i][y[i]]
    L = mean(loss[i] for i in n) + normF(W)**2 / 3
"""
SIZES = {"n": 23, "p": 3, "M": 4, "K": 5, "k": 2}


def values_of(model, sizes):
    rng, values = np.random.default_rng(3), {}
    for name, declaration in model.sheet.declarations.items():
        shape = [sizes[size] for size in declaration.axes]
        if declaration.domain == "class":
            values[name] = rng.integers(0, sizes[declaration.classes], shape)
        else:
            values[name] = (
                rng.integers(0, 2, shape) if declaration.domain == "bit" else rng.normal(size=shape)
            )
    return values


def in_parts(function, numbers):
    """The same code with room for so many numbers at a time."""
    assert "2**21" in function.source
    names = {}
    exec(function.source.replace("2**21", str(numbers)), names)
    return names["function"]


def whole(function):
    return in_parts(function, 2**40)


@pytest.mark.parametrize("text", [SOFTMAX, LOGISTIC, DEEP], ids=["softmax", "logistic", "deep"])
@pytest.mark.parametrize("numbers", [1, 60, 500])
def test_parts_give_what_the_whole_gives(text, numbers):
    model = Equations(text)
    values, looped = values_of(model, SIZES), 0
    for a in model.parameters:
        for b in model.parameters:
            function = model.compile(["L", f"d2L/(d{a} d{b})"], SIZES)
            if "_chunks(" not in function.source:
                continue
            looped += 1
            given = [values[name] for name in function.inputs]
            for one, two in zip(in_parts(function, numbers)(*given), whole(function)(*given), strict=True):
                np.testing.assert_allclose(one, two, rtol=1e-12, atol=1e-13)
            moved = [value + 1e-30j if np.asarray(value).dtype.kind == "f" else value for value in given]
            np.testing.assert_allclose(
                np.imag(in_parts(function, numbers)(*moved)[1]),
                np.imag(whole(function)(*moved)[1]),
                rtol=1e-9,
                atol=1e-40,
            )
    assert looped >= len(model.parameters)


@pytest.mark.parametrize(
    ("text", "block", "sizes"),
    [
        (SOFTMAX, "d2L/dW2", {"n": 60_000, "p": 20, "K": 10}),
        (LOGISTIC, "d2L/db2", {"n": 60_000, "p": 100}),
        (DEEP, "d2L/dW2", {"n": 60_000, "p": 8, "M": 6, "k": 5, "K": 7}),
    ],
    ids=["softmax", "logistic", "deep"],
)
def test_a_block_over_many_examples_needs_little_more_than_its_inputs(text, block, sizes):
    model = Equations(text)
    values, function = values_of(model, sizes), model.compile(block, sizes)
    given = {name: values[name] for name in function.inputs}
    tracemalloc.start()
    try:
        function(**given)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        whole(function)(*given.values())
        without = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # A few arrays of n rows, and 16 MiB for the parts of each tensor.
    assert peak < 80e6
    assert peak < 0.75 * without


def test_a_block_that_would_not_fit_is_refused_before_it_is_begun():
    function = Equations(LOGISTIC).compile(["L", "dL/db", "d2L/db2"])
    X, y, b = np.zeros((1, 20_000)), np.zeros(1), np.zeros(20_000)
    tracemalloc.start()
    try:
        with pytest.raises(
            TooLargeError, match=r"d2L/db2 of shape \(20000, 20000\) takes 3,200,000,000 bytes"
        ):
            function(X=X, y=y, b=b)
        assert tracemalloc.get_traced_memory()[1] < 1e6
    finally:
        tracemalloc.stop()


def test_the_limit_can_be_chosen_and_holds_for_what_outgrows_the_inputs():
    model = Equations(SOFTMAX)
    values = values_of(model, SIZES)
    function = model.compile(["F", "dL/dW", "d2L/dW2"], SIZES)
    given = {name: values[name] for name in function.inputs}
    needed = 8 * (5 * 3) ** 2
    assert function.limited(needed)(**given)[2].nbytes == needed
    with pytest.raises(TooLargeError, match=rf"takes {needed:,} bytes, more than {needed - 1:,}"):
        function.limited(needed - 1)(**given)
    single = {**given, "X": given["X"].astype(np.float32), "W": given["W"].astype(np.float32)}
    assert function.limited(needed // 2)(**single)[2].nbytes == needed // 2
    # The scores, (23, 5), are larger than the inputs, (23, 3) and (5, 3), and the gradient is not.
    first = model.compile(["F", "dL/dW"])
    own = {name: values[name] for name in first.inputs}
    assert first.limited(8 * 23 * 5)(**own)[1].shape == (5, 3)
    with pytest.raises(TooLargeError, match=r"F of shape \(23, 5\) takes 920 bytes, more than 919"):
        first.limited(8 * 23 * 5 - 1)(**own)
    jacobian = model.compile("dF/dW").limited(8)
    with pytest.raises(TooLargeError, match=r"dF/dW of shape \(23, 5, 5, 3\)"):
        jacobian(**{name: values[name] for name in jacobian.inputs}, **{s: SIZES[s] for s in jacobian.sizes})


# What may go into the loop.

KNOWN = {"X": Variable(("n", "p")), "P": Variable(("n", "K")), "W": Variable(("K", "p")), "s": Variable(())}
TENSOR = "T = X[:, None, :] * P[:, :, None]"


def looped(*statements, results=("G",)):
    wishes = iter(range(100))
    return chunked(read(statements), results, KNOWN, {}, "n", str, lambda wish: f"{wish}{next(wishes)}")


def test_a_tensor_that_is_summed_alone_is_built_in_parts():
    found = looped(TENSOR, "Z = X * s", "G = s * _gram(T) - 1")
    assert written(found.before) == ["Z = X * s"]
    assert found.loop == [
        "total0 = None",
        "for part1 in _chunks(n, K * p):",
        "    X_part2 = X[part1]",
        "    P_part3 = P[part1]",
        "    T = X_part2[:, None, :] * P_part3[:, :, None]",
        "    total0 = _plus(total0, _gram(T))",
    ]
    assert written(found.after) == ["G = s * total0 - 1"]


@pytest.mark.parametrize(
    "statements",
    [
        (TENSOR, "G = T * 2"),  # returned, nothing is summed
        (TENSOR, "H = _gram(T)", "G = T.sum() + H"),  # read outside the sum, too
        (TENSOR, "G = np.tensordot(T, W, ((1, 2), (0, 1)))"),  # summed over other axes
        ("T = X[:, None, :] * P.sum(axis=0)[None, :, None]", "G = _gram(T)"),  # mixes the examples
        ("T = np.tensordot(X @ X.T, P[:, :, None] * s, ((0,), (0,)))", "G = _gram(T)"),  # mixes them, too
        (TENSOR, "U = np.tensordot(np.eye(n), T, ((1,), (0,)))", "G = _gram(U)"),
        (
            "E = np.ones((n,))",
            "T = np.where(X[:, None, :] * P[:, :, None], E, 1)",
            "G = _gram(T)",
        ),  # not known
        (TENSOR, "U = T.transpose((1, 0, 2))", "G = _gram(U)"),  # the product of the classes
    ],
)
def test_anything_else_stays_as_it_is(statements):
    assert looped(*statements) is None


def test_a_sum_that_needs_another_is_not_in_the_loop():
    head = (TENSOR, "H = _gram(T).sum()")
    assert looped(*head, "U = T * H", "G = _gram(U)") is None
    assert looped(*head, "G = np.tensordot(T * H, X, ((0,), (0,)))") is None
