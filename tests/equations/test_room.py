"""The bytes of what compiled code makes are known from the shapes of its inputs, before it runs."""

import tracemalloc

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import TooLargeError

# Sheets whose code makes arrays larger than every input: outer products, Kronecker products, broadcasts over
# indices, one-hot rows, identities, comparisons, choices, tensors of weights, and what is done with them.
SHEETS = {
    "outer": "x: R[n]\nL = sum(exp(x @ x.T))",
    "outer of two": "x: R[n]; y: R[m]\nL = sum(tanh(outer(x, y)))",
    "broadcast": "x: R[n]; y: R[m]\nL = sum(sin(x[i] * y[j]) for i in n for j in m)",
    "differences": "x: R[n]; y: R[m]\nL = sum(exp(-(x[i] - y[j])**2) for i in n for j in m)",
    "kron": "A: R[p, q]; B: R[q, p]\nL = sum(tanh(kron(A, B)))",
    "kron in a product": "A: R[p, p]; B: R[q, q]\nL = sum(kron(A, B) * kron(A, B)**3)",
    "diagonal": "x: R[n]\nL = logdet(diag(x) + x @ x.T)",
    "one-hot": "data y: Class[n, K]\nparameters s: R[K]\n"
    "L = sum(tanh(s[k] * where(y[i] == k, 2, 1)) for i in n for k in K)",
    "softmax": "data X: R[n, p]; y: Class[n, m]\nparameters W: R[m, p]\nF = X @ W.T\n"
    "L = sum(logsumexp(F[i]) - F[i, y[i]] for i in n)",
    "gram": "X: R[n, p]\nL = sum(exp(X @ X.T))",
    "largest": "x: R[n]; y: R[m]\nM[i, j] = x[i] + y[j]**2\nL = sum(max(M, axis=1))",
    "choice": "x: R[n]; y: R[m]\nL = sum(where(x[i] < y[j], x[i], y[j]**2) for i in n for j in m)",
    "order": "x: R[n]\nL = sum(where(i < j, tanh(x[i] * x[j]), 0) for i in n for j in n)",
    "three axes": "x: R[p]; y: R[q]; z: R[s]\n"
    "L = sum(tanh(x[i] * y[j] * z[k]) for i in p for j in q for k in s)",
    "inverse": "x: R[n]\nL = trace(inv(diag(exp(x)) + x @ x.T))",
}
SIZES = {"n": 310, "m": 270, "p": 23, "q": 17, "s": 13, "K": 290}


def _compiled(text, target="numpy"):
    header = text if text.startswith("data") else f"parameters {text}"
    model = cr.Equations(header)
    return model, model.compile(["L", *(f"dL/d{name}" for name in model.parameters)], target=target)


def _values(model, function, dtype=float):
    random = np.random.default_rng(1)
    values = {}
    for name in function.inputs:
        shape = tuple(SIZES[size] for size in model.shape_of(name))
        if name == "y" and "Class" in model.text:
            values[name] = random.integers(0, 200, shape)
        else:
            values[name] = random.uniform(0.1, 0.9, shape).astype(dtype)
    return values


def _peak(action):
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _counted(function, values):
    """The bytes of the largest array that a call counts: the least limit under which it is let through."""
    low, high = 0, 2**40
    given = [values[name] for name in function.inputs]
    while high - low > 1:
        middle = (low + high) // 2
        try:
            function.room.require(given, middle, function.outputs)
            high = middle
        except TooLargeError:
            low = middle
    return high


@pytest.mark.parametrize("sheet", SHEETS)
def test_a_call_takes_a_few_times_the_largest_array_that_is_counted(sheet):
    model, function = _compiled(SHEETS[sheet])
    values = _values(model, function)
    function(**values)
    counted = _counted(function, values)
    held = sum(value.nbytes for value in values.values())
    assert counted > 2 * held or sheet == "softmax"
    peak = _peak(lambda: function(**values))
    assert counted <= peak <= 8 * max(counted, held) + 100_000


@pytest.mark.parametrize("target", ["numpy", "array_api"])
@pytest.mark.parametrize("sheet", SHEETS)
def test_what_is_too_large_is_refused_before_anything_is_made(sheet, target):
    model, function = _compiled(SHEETS[sheet], target)
    values = _values(model, function, np.float32)
    counted = _counted(function, values)
    function.limited(counted)(**values)
    small = function.limited(counted - 1)

    def refused():
        with pytest.raises(TooLargeError, match=rf"of shape \(\d+, .* takes {counted:,} bytes, more than"):
            small(**values)

    refused()
    assert _peak(refused) < 100_000


def test_another_limit_type_or_shape_is_counted_anew():
    """The sizes of the last call are kept, and nothing else."""
    function = cr.Equations("parameters x: R[n]\nS = exp(x @ x.T)").compile("S").limited(8 * 100)
    for _ in range(2):
        assert function(x=np.ones(10)).shape == (10, 10)
        with pytest.raises(TooLargeError, match="takes 968 bytes"):
            function(x=np.ones(11))
        with pytest.raises(TooLargeError, match="takes 1,600 bytes"):
            function(x=np.ones(10, complex))
        assert function(x=np.ones(14, np.float32)).shape == (14, 14)
        assert function(x=[1.0, 2.0]).shape == (2, 2)
        with pytest.raises(TooLargeError, match="takes 800 bytes, more than 799"):
            function.limited(799)(x=np.ones(10))


def test_sizes_that_are_numbers_of_the_sheet_are_counted_at_the_first_call():
    function = cr.Equations("parameters a: R[11]\nL = sum(exp(outer(a, a)))").compile("L")
    with pytest.raises(TooLargeError, match="takes 968 bytes, more than 967"):
        function.limited(967)(a=np.ones(11))
    assert function.limited(968)(a=np.zeros(11)) == 121


def test_entry_by_entry_work_is_not_counted():
    """Nothing outgrows the inputs: however large these are, they are there already."""
    model = cr.Equations("parameters x: R[n]; A: R[n, m]\nL = sum(tanh(A)**2) + x.T @ x")
    function = model.compile(["L", "dL/dx", "dL/dA"]).limited(1)
    assert function(x=np.ones(3), A=np.ones((3, 2)))[2].shape == (3, 2)


@pytest.mark.parametrize("target", ["numpy", "array_api"])
@pytest.mark.parametrize(
    ("text", "name", "sizes", "message"),
    [
        (
            "x: R[n]\nS = x @ x.T",
            "S",
            {"x": 10**6},
            "^S of shape .* 8,000,000,000,000 bytes.* fewer examples",
        ),
        ("x: R[n]\nh = tanh(x)", "dh/dx", {"x": 10**6}, "^dh/dx of shape .* product of a vector with"),
        ("x: R[n]\nL = sum(x**4)", "d2L/dx2", {"x": 10**6}, "^d2L/dx2 of shape .* compile_product"),
        ("x: R[n]\nL = sum(exp(x @ x.T))", "L", {"x": 10**6}, r"exp\(x.*, on the way to L, of shape"),
    ],
)
def test_the_refusal_says_what_and_how_much_and_what_is_right(text, name, sizes, message, target):
    function = cr.Equations(f"parameters {text}").compile(name, target=target)
    with pytest.raises(TooLargeError, match=message):
        function(**{name: np.ones(length) for name, length in sizes.items()})


def test_a_kronecker_product_is_refused():
    function = cr.Equations("A: R[n, n]; B: R[m, m]\nK = kron(A, B)").compile("K")
    large = np.broadcast_to(1.0, (3000, 3000))
    with pytest.raises(
        TooLargeError, match=r"K of shape \(9000000, 9000000\) takes 648,000,000,000,000 bytes"
    ):
        function(A=large, B=large)


def test_sizes_that_are_said_count():
    function = cr.Equations("parameters x: R; z: R[n]\nu[i] = x * i for i in n").compile("u")
    assert function.sizes == ("n",)
    with pytest.raises(TooLargeError, match=r"u of shape \(1000000000,\) takes 8,000,000,000 bytes"):
        function(x=2.0, n=10**9)
    assert function(x=2.0, n=3).tolist() == [0, 2, 4]


def test_an_objective_is_refused_at_its_first_value():
    model = cr.Equations(
        "data x: R[n]\nparameters a: R\nL = sum(tanh(a * x[i] * x[j]) for i in n for j in n)"
    )
    objective = model.objective("L", data={"x": np.ones(100_000)})
    with pytest.raises(TooLargeError, match=r"\(100000, 100000\) takes 80,000,000,000 bytes"):
        objective.value(np.ones(1))


def test_layers_with_sizes_of_their_own_are_counted_once_each():
    depth = 30
    weights = "; ".join(f"W{k}: R[m{k}, m{k - 1}]" for k in range(1, depth + 1))
    layers = "\n".join(f"H{k} = tanh(H{k - 1} @ W{k}.T)" for k in range(1, depth + 1))
    model = cr.Equations(f"data H0: R[N, m0]\nparameters {weights}\n{layers}\nL = sum(H{depth}**2)\n")
    function = model.compile(["L", *(f"dL/dW{k}" for k in range(1, depth + 1))])
    given = {f"W{k}": np.ones((2 + k % 3, 2 + (k - 1) % 3)) for k in range(1, depth + 1)}
    with pytest.raises(TooLargeError, match=r"shape \(1000, 4\), take 1,440,000 bytes together"):
        function.limited(179_999)(H0=np.ones((1000, 2)), **given)
    assert len(function.limited(180_000)(H0=np.ones((1000, 2)), **given)) == depth + 1


@pytest.mark.parametrize("target", ["numpy", "array_api"])
def test_many_arrays_are_counted_together(target):
    """Each of them is small enough."""
    count = 40
    lines = "\n".join(f"K{k} = exp(-{k + 1} * outer(x, x)); H{k} = K{k} @ H{k - 1}" for k in range(1, count))
    model = cr.Equations(f"parameters x: R[n]\nH0 = outer(x, x)\n{lines}\nL = sum(H{count - 1})")
    function = model.compile(["L", "dL/dx"], target=target)
    x, one = np.full(200, 1e-3), 8 * 200 * 200
    function(x=x)
    peak = _peak(lambda: function(x=x))
    assert 2 * count * one < peak
    with pytest.raises(
        TooLargeError, match=r"^\d+ arrays on the way to L, dL/dx, the largest of shape"
    ) as info:
        function.limited(2 * one)(x=x)
    counted = int(str(info.value).split(" bytes together")[0].split()[-1].replace(",", ""))
    assert 0.5 * peak <= counted <= peak
    assert len(function.limited(-(-counted // 8))(x=x)) == 2
    with pytest.raises(TooLargeError, match=rf"take {counted:,} bytes together"):
        function.limited(-(-counted // 8) - 1)(x=x)
