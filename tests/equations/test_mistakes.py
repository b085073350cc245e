"""A sheet with several mistakes: each is reported once, none for what another one has broken."""

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.equations.language.reader import MAX_MISTAKES
from chainrule.equations.language.sheet import read
from chainrule.errors import (
    SheetError,
    SheetLimitError,
    SheetNameError,
    SheetShapeError,
    SheetSyntaxError,
)
from equations.model_sheets import S0, S1, S3, S4
from work import calls

GIVEN = """data x: R[p]; y: Class[K]; X: R[N, p]
parameters W: R[M, p]; b: R[M]; V: R[K, M]; c: R[K]; A: R[m, p]; e: R[K]
"""
SYNTAX, NAME, SHAPE, LIMIT = SheetSyntaxError, SheetNameError, SheetShapeError, SheetLimitError

TEN = """data        x: R[p];  y: Class[K]
parameter   W: R[M, p]
parameters  b: R[M];  V: real[K, M];  c: R[K]
g = tanh(b @ b)
q = softmax(c
r = expp(b)
s = 2c
t = c^2
u = b + c
v = y + 1
b = u
L = logsumexp(c) - m[y]
"""
TEN_FOUND = [
    (2, SYNTAX, "parameters"),
    (3, SYNTAX, "not a type"),
    (4, SHAPE, "two columns"),
    (5, SYNTAX, "never closed"),
    (6, NAME, "Did you mean exp?"),
    (7, SYNTAX, "2 * c"),
    (8, SYNTAX, "c"),
    (9, SHAPE, "equal shapes"),
    (10, SHAPE, "a label"),
    (11, NAME, "declared in line 3"),
    (12, NAME, "m is not known"),
]


def _mistakes(text):
    with pytest.raises(SheetError) as info:
        read(text)
    return info.value


def _found(text):
    """Line and underlined text of each mistake."""
    error = _mistakes(text)
    lines = text.split("\n")
    return [(e.line, lines[e.line - 1][e.column - 1 : e.column - 1 + e.width]) for e in error.errors]


def test_each_mistake_of_a_sheet_is_reported_in_one_go():
    error = _mistakes(TEN)
    assert [(e.line, type(e)) for e in error.errors] == [(line, kind) for line, kind, _ in TEN_FOUND]
    for single, (_, _, words) in zip(error.errors, TEN_FOUND, strict=True):
        assert words in single.message
    blocks = str(error).split("\n\n")
    assert blocks[0] == "11 mistakes in the sheet"
    assert blocks[1:] == [f"{number}. {single}" for number, single in enumerate(error.errors, start=1)]
    assert all(block.count("\n") == 2 and block.endswith("^") for block in blocks[1:])


def test_the_error_of_several_is_of_the_class_and_place_of_the_first():
    error = _mistakes(GIVEN + "h = W.T @ x\ng = tanhh(b)")
    first = error.errors[0]
    assert type(error) is type(first) is SheetShapeError
    assert [getattr(error, name) for name in ("message", "line", "column", "source", "width")] == [
        getattr(first, name) for name in ("message", "line", "column", "source", "width")
    ]
    assert error not in error.errors


def test_a_single_mistake_is_its_own_error():
    error = _mistakes(GIVEN + "h = W.T @ x")
    assert error.errors == (error,)
    assert "mistake" not in str(error)
    plain = SheetError("Something is wrong.")
    assert (plain.errors, str(plain)) == ((plain,), "Something is wrong.")


def test_several_mistakes_can_be_sent_elsewhere():
    error = _mistakes(GIVEN + "h = W.T @ x\ng = tanhh(b)")
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.line) == (type(error), str(error), 3)
    assert [str(single) for single in copy.errors] == [str(single) for single in error.errors]


# (lines behind GIVEN, what is underlined in which of them): the other lines are sound, or suffer from these
NO_CASCADES = [
    # what a failed definition was, nobody knows
    ("h = W x\ng = V @ h\nL = logsumexp(g) - g[y]\nd(L, W) == d(L, h) @ x.T", [(3, "x")]),
    ("h = W.T @ x\ng = h @ h\nL = g + h + c", [(3, "W.T @ x")]),
    ("h[i] = X[i] + b\nL = mean(h[i, k] for i in N for k in p)", [(3, "X[i] + b")]),
    ("f(t) = t +\nh = f(x) + f(b)\ng = h @ h", [(3, "")]),
    ("h = tanh(W @ x\ng = V @ h + b", [(3, "(")]),
    ("h = W@x]\ng = h + c", [(3, "]")]),
    ("h = (W @ x] + b\ng = h @ h", [(3, "]")]),
    ("h' = W @ x\ng = h @ h", [(3, "'")]),
    ("h.T = W @ x\ng = h @ h", [(3, ".")]),
    ("h := W @ x\ng = h @ h", [(3, ":=")]),
    ("h += W @ x\ng = h @ h", [(3, "+")]),
    ("h, k = W @ x\ng = h @ k", [(3, ",")]),
    ("h W @ x\ng = h @ h", [(3, "W")]),
    ("W @ x = h\ng = h @ h", [(3, "@")]),
    ("h == W @ x\ng = h @ h", [(3, "h")]),
    ("x' = x\nh = W @ x", [(3, "'")]),
    # a redefinition: which of the two was meant?
    ("h = W @ x\nh = V @ h\nL = logsumexp(h) - h[y]\ng = h + c", [(4, "h")]),
    ("b: R[K]\ng = b + c", [(3, "b")]),
    ("max(t) = t @ t\nh = max(x)", [(3, "max")]),
    # a failed declaration: its name and its sizes
    ("z: real[q]; u: R[q]\nh = z @ z\ns = sum(u[i] * z[i] for i in q)", [(3, "real")]),
    ("z: real[q]\nh = sum(1 for i in q) / q + ones(q)", [(3, "real")]),
    ("z: R[2+q]\nh = z @ z + eye(q)", [(3, "2+q")]),
    ("z[q]: R\nh = z[0] + z @ z", [(3, "[")]),
    ("params z: R[q]; t: R[q]\nh = z @ z + t.T @ t\ng = t + t", [(3, "params")]),
    ("input z: R[q]\nh = z @ z", [(3, "input")]),
    ("data z R[q]\nh = z @ z\ng = ones(q)", [(3, "z")]),
    ("z, w: R[q]\nh = z @ w", [(3, ",")]),
    # names that are refused
    ("ℓ = 3\nm = ℓ + 2\nk = m + ℓ", [(3, "ℓ")]),
    ("__z: R[q]\nh = __z @ __z", [(3, "__z")]),
    # the shapes of derivatives when the layout is not known
    (
        "L = sum(x)\nlayout numerators\ng = d(L, x) @ x\nh = g @ g\nlayout gradient\nk = d(L, x).T @ x",
        [(4, "numerators")],
    ),
]


@pytest.mark.parametrize(("lines", "found"), NO_CASCADES)
def test_what_a_mistake_breaks_is_not_reported(lines, found):
    assert [(line, shown) for line, shown in _found(GIVEN + lines)] == found


@pytest.mark.parametrize("lines", [lines for lines, _ in NO_CASCADES])
def test_lines_behind_a_mistake_are_read_on(lines):
    more = GIVEN + lines + "\nlast = A @ e\nfinish = tanhh(e)"
    assert [shown for _, shown in _found(more)[-2:]] == ["A @ e", "tanhh"]


# mistakes of their own, in lines that use a name in doubt
INDEPENDENT = [
    ("h = W x\ng = V h", [(3, "x"), (4, "h")]),
    ("h = W x\ng = V @ hh", [(3, "x"), (4, "hh")]),
    ("h = W x\ng = V @ (h", [(3, "x"), (4, "(")]),
    ("h = W x\ng = tanhh(h)", [(3, "x"), (4, "tanhh")]),
    ("h = W x\ng = d(h, zz)", [(3, "x"), (4, "zz")]),
    ("h = W x\nh = W @ x", [(3, "x"), (4, "h")]),
    ("h = W x\nd(h, W) == x * hh", [(3, "x"), (4, "hh")]),
    ("h = W x; g = V @ b + x; k = 2c", [(3, "x"), (3, "V @ b + x"), (3, "c")]),
    ("h = (W @ x; g = V @ b)\nk = 2c", [(3, "("), (3, ")"), (4, "c")]),
    ("h = tanh(W @\n x\ng = tanh(W @\n b)", [(3, "("), (5, "W @")]),
    ("h = sum(x,\n dim=1)\ng = 2c", [(4, "dim"), (5, "c")]),
    ("h = tanh(x\nparameters q: R[\n r: R", [(3, "("), (4, "[")]),
    ("h = where(x[0\n f(t) = t\ng[i] = f(x[i])\n@", [(3, "["), (6, "@")]),
    ("h = ((x\ng[i] = 2x[i]\nk = ((b", [(3, "("), (4, "x"), (5, "(")]),
    ("h = tanh(b\ng = 2c\nk = b)", [(3, "("), (4, "c"), (5, ")")]),
    ("a = zz\nb2 = zz", [(3, "zz"), (4, "zz")]),
    ("z: real[p]; u: real[q]", [(3, "real"), (3, "real")]),
    ("h = 2**3000\ng = 10**400", [(3, "3000"), (4, "10**400")]),
]


@pytest.mark.parametrize(("lines", "found"), INDEPENDENT)
def test_mistakes_of_their_own_are_reported_beside_each_other(lines, found):
    assert _found(GIVEN + lines) == found


def test_mending_the_mistakes_leaves_a_sheet_that_reads():
    lines = GIVEN.split("\n")[:2] + ["h = W x", "g = V h", "L = logsumexp(g) - g(y)"]
    assert [e.line for e in _mistakes("\n".join(lines)).errors] == [3, 4]
    lines[2:4] = ["h = W @ x", "g = V @ h"]
    assert [e.line for e in _mistakes("\n".join(lines)).errors] == [5]
    lines[4] = "L = logsumexp(g) - g[y]"
    assert list(read("\n".join(lines)).definitions) == ["h", "g", "L"]


def test_at_most_fifty_are_reported():
    error = _mistakes("x: R\n" + "\n".join(f"h{i} = 2x" for i in range(70)))
    assert [e.line for e in error.errors] == list(range(2, 2 + MAX_MISTAKES))
    assert str(error).startswith("50 mistakes in the sheet; it was not read any further\n\n1. ")
    assert str(_mistakes("x: R\n" + "h = 2x\n" * 49)).startswith("49 mistakes in the sheet\n")


@pytest.mark.parametrize(
    "text",
    [
        "h = 2x\n" + "g = 1" + " " * 61_000,
        "h = 2x\n" + "g = 1" + " " * 21_000,
        "h = 2x\n" + "g = " + "(" * 50 + "x" + ")" * 50,
    ],
)
def test_a_text_beyond_the_limits_is_not_read_at_all(text):
    error = _mistakes(text)
    assert (type(error), len(error.errors)) == (SheetLimitError, 1)


def test_a_sheet_that_is_used_up_is_reported_once():
    twice = "; ".join(f"f{i}(t) = f{i - 1}(t) + f{i - 1}(t + 1)" for i in range(1, 20))
    error = _mistakes(f"x: R\ny = 2x\nf0(t) = t; {twice}\nh = f19(x)\ng = f19(x)")
    assert [(e.line, type(e)) for e in error.errors] == [(2, SYNTAX), (4, LIMIT)]
    error = _mistakes("x: R; h = 2x\n" + "\n".join(f"a{i}: R" for i in range(5010)))
    assert [(type(e), e.line) for e in error.errors] == [(SYNTAX, 1), (LIMIT, 5001)]


EXHAUSTING = [
    "x: R\n" + "h = (\n" * 8_000,
    "x: R\n" + "h = ((((\n" * 6_000,
    "h = " + "(" * 39 + "[" * 1 + "\n" + "]" * 19_000,
    "(]" * 19_000 + "\n",
    "\n".join(["x: R[n]", *(f"a{i} = x" for i in range(2_500)), *(f"z{i} = q{i}" for i in range(900))]),
    "\n".join(
        ["x: R[n]", "q = 2x", *(f"a{i} = x" for i in range(1_900)), *(f"b{i} = q" for i in range(1_900))]
    ),
    "\n".join(["x: R[n]", *(f"a{i} = x" for i in range(1_500)), *(f"b{i} = tanhh(x)" for i in range(1_500))]),
    "x: R[n]\n"
    + "".join(f"abcdefghij{i} = x\n" for i in range(2_300))
    + "".join(f"z{i} = abcdefghik{i}\n" for i in range(300)),
    "x: R\n" + ";".join(["^"] * 19_000),
    "^" * 19_000,
    "__a=" * 4_900,
    "x: R[n]\n" + "\n".join("sum(" * 39 + "2x" + ")" * 39 + " == 1" for _ in range(290)),
    "x: R[n]; y: R[m]\n" + "\n".join("h = " + "+".join(["x"] * 90) + "+y" for _ in range(190)),
]


@pytest.mark.parametrize("text", EXHAUSTING, ids=range(len(EXHAUSTING)))
def test_many_mistakes_are_found_in_work_that_the_length_bounds(text):
    found = []
    assert calls(lambda: found.append(_mistakes(text))) <= 500 + 100 * len(text)
    assert len(found[0].errors) <= MAX_MISTAKES
    assert str(found[0])


DEFECTS = [
    "h9 = 2q9",
    "h8 = q8^2",
    "h7 = tanh(q7",
    "h6 = q6)",
    "h5 = 'a'",
    "z4: real[p4]",
    "q3 = 1 1",
    "h2 = ",
]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([S0, S1, S3, S4]),
    st.lists(
        st.tuples(st.integers(0, 40), st.sampled_from(DEFECTS)),
        min_size=1,
        max_size=8,
        unique_by=lambda t: t[1],
    ),
)
def test_mistakes_between_the_lines_of_a_sound_sheet_are_the_only_ones(text, defects):
    lines = [line for line in text.strip().split("\n") if line.strip()]
    for place, defect in defects:
        lines.insert(place % (len(lines) + 1), defect)
    error = _mistakes("\n".join(lines))
    assert [lines[e.line - 1] for e in error.errors] == [line for line in lines if line in DEFECTS]
    assert [e.line for e in error.errors] == sorted(e.line for e in error.errors)
