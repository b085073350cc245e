"""Mistakes and what a patient teacher says about them: the place underlined, and what would be right."""

import re

import pytest

from chainrule.equations.language.foreign import REMARKS, WORDS
from chainrule.equations.language.sheet import read, read_expression
from chainrule.errors import (
    OptionError,
    SheetError,
    SheetLimitError,
    SheetNameError,
    SheetShapeError,
    SheetSyntaxError,
)

GIVEN = """data x: R[p]; y: Class[K]; X: R[N, p]; Y: Class[N, K]
parameters W: R[M, p]; b: R[M]; A: R[p, p]; s: R; μ: R[p]; β₁: R[M]
"""
SYNTAX, NAME, SHAPE, LIMIT = SheetSyntaxError, SheetNameError, SheetShapeError, SheetLimitError

# (statement, kind of error, what is underlined, words that must be said)
MISTAKES = [
    # shapes of products
    (
        "h = W.T @ x",
        SHAPE,
        "W.T @ x",
        ["W.T is (p, M)", "x is (p,)", "second axis of W.T is M", "Did you mean W @ x?"],
    ),
    ("h = x @ x", SHAPE, "x @ x", ["two columns", "x.T @ x or x @ x.T"]),
    ("h = x.T @ x.T", SHAPE, "x.T @ x.T", ["two rows"]),
    ("h = W @ x.T", SHAPE, "W @ x.T", ["x.T lies as a row", "Did you mean W @ x?"]),
    ("h = x.T @ W", SHAPE, "x.T @ W", ["Did you mean x.T @ W.T?"]),
    ("h = x @ W", SHAPE, "x @ W", ["x stands as a column", "W @ x"]),
    ("h = s @ x", SHAPE, "s @ x", ["s is a scalar", "write *"]),
    ("h = b * W @ x", SHAPE, "b * W", ["last axis", "diag(b) @ W", "b * (W @ x)"]),
    ("h = W * W @ x", SHAPE, "W * W @ x", ["two ways", "(W * W) @ ...", "W * (W @ ...)"]),
    ("h = 1 / W @ x", SHAPE, "1 / W @ x", ["two ways"]),
    ("h = μ + W @ (A @ μ) + μ", SHAPE, "μ + W @ (A @ μ)", ["μ is (p,)", "(M,)"]),
    ("h = β₁ᵀ @ μ", SHAPE, "β₁ᵀ @ μ", ["β₁ᵀ is row (M,)", "size of μ is p", "mean β₁ @ μ.T or"]),
    # elementwise shapes
    ("h = x + x.T", SHAPE, "x + x.T", ["column and a row", "x + x, or x.T + x.T"]),
    ("h = x * b.T", SHAPE, "x * b.T", ["outer product write x @ b.T"]),
    ("h = x * x.T", SHAPE, "x * x.T", ["x * x", "outer product x @ x.T"]),
    ("h = x * b", SHAPE, "x * b", ["x is (p,), b is (M,)", "equal shapes"]),
    ("h = W + W.T", SHAPE, "W + W.T", ["forget a .T"]),
    ("h = X + b", SHAPE, "X + b", ["goes along the last axis", "which is p"]),
    ("h = W + b", SHAPE, "W + b", ["W + outer(b, ones(p))"]),
    ("h = (W - s) / b", SHAPE, "(W - s) / b", ["(W - s) / outer(b, ones(p))"]),
    ("h = A * x", SHAPE, "A * x", ["square matrix", "diag(x) @ A", "outer(ones(p), x)"]),
    ("h = max(x, b)", SHAPE, "max(x, b)", ["max(x, b): x is (p,), b is (M,)"]),
    ("h = A ** -1", SHAPE, "A ** -1", ["inv(A)"]),
    ("h = A⁻¹ @ x", SHAPE, "A⁻¹", ["inv(A)"]),
    # functions
    ("h = softmax(X)", SHAPE, "softmax(X)", ["axis=1"]),
    ("h = sum(X, axis=2)", SHAPE, "2", ["X is (N, p)", "axes are 0, 1"]),
    ("h = sum(X, dim=1)", SYNTAX, "dim", ["axis="]),
    ("h = tanh(x, axis=0)", SYNTAX, "0", ["no option axis"]),
    ("h = sum(X, axis=s)", SYNTAX, "s", ["whole number"]),
    ("h = tanh(x, x)", SYNTAX, "tanh(x, x)", ["takes 1 argument, got 2"]),
    ("h = tanhh(x)", NAME, "tanhh", ["Did you mean tanh?"]),
    ("h = ln(x)", NAME, "ln", ["Write log"]),
    ("h = norm(x)", NAME, "norm", ["norm2", "normF"]),
    ("h = Softmax(x)", NAME, "Softmax", ["Did you mean softmax?"]),
    ("h = np.tanh(x)", NAME, "np", ["tanh(x)"]),
    ("h = x(3)", NAME, "x", ["not a function", "x * (...)"]),
    ("h = (x + 1)(3)", SYNTAX, "(", ["(x + 1) * (...)"]),
    ("h = det(W)", SHAPE, "det(W)", ["square", "W is (M, p)"]),
    ("h = norm2(W)", SHAPE, "norm2(W)", ["normF"]),
    ("h = dot(x, b)", SHAPE, "dot(x, b)", ["one size"]),
    ("h = onehot(s)", SHAPE, "onehot(s)", ["Class[K]"]),
    ("h = eye(x)", NAME, "x", ["a value, not a size", "axes are p"]),
    ("h = ones(q)", NAME, "q", ["not a size", "p, K, N, M"]),
    ("h = x < s", SYNTAX, "<", ["where(...)", "left == right"]),
    ("h = x if s else b", SYNTAX, "if", ["where(condition, a, b)"]),
    # labels and subscripts
    ("L = y + 1", SHAPE, "y", ["a label, of K classes", "onehot(y)", "Bit"]),
    ("L = x[y]", SHAPE, "y", ["label of K classes", "size p"]),
    ("L = X[0, Y]", SHAPE, "Y", ["Y[i]"]),
    ("L = s[0]", SHAPE, "s[0]", ["s is a scalar"]),
    ("L = x[0, 1]", SHAPE, "x[0, 1]", ["2 subscripts", "x is (p,)"]),
    ("L = x[-1]", SHAPE, "-1", ["from 0 on"]),
    ("L = x[1.5]", SHAPE, "1.5", ["whole number"]),
    ("L = x[1:2]", SYNTAX, ":", ["colon alone"]),
    ("L = x[]", SYNTAX, "]", ["no subscript"]),
    ("h = X[i]", NAME, "i", ["h[i] = ...", "for i in N"]),
    # indices
    ("L = mean(X @ x for i in N)", SHAPE, "X @ x", ["is (N,)", "X[i].T in place of X"]),
    ("L = sum(x[i] * μ for i in p)", SHAPE, "x[i] * μ", ["μ[i] in place of μ"]),
    (
        "L = sum(A @ A[i] for i in p)",
        SHAPE,
        "A @ A[i]",
        ["A[i].T in place of A", "g[k] = sum(... for i in p)"],
    ),
    ("L = sum(x[i] * x[i + 1] for i in p)", SHAPE, "i + 1", ["sum(where(k == i + 1, x[k], 0) for k in p)"]),
    ("L = sum(A[i, p - i] for i in p)", SHAPE, "p - i", ["sum(where(k == p - i, A[i, k], 0) for k in p)"]),
    ("L = sum(A[k - 1, k] for k in p)", SHAPE, "k - 1", ["sum(where(m == k - 1, A[m, k], 0) for m in p)"]),
    ("e: R[1, p]; L = sum(e @ X[i] for i in N)", SHAPE, "e @ X[i]", ["(1,)", "(e @ X[i])[0]"]),
    ("L = sum(W[i] @ x for i in N)", SHAPE, "i", ["i runs over N", "over M in axis 0 of W"]),
    ("L = sum(x[i] for i in q)", NAME, "q", ["not a size"]),
    ("L = sum(x[i] for i in X)", NAME, "X", ["value, not a size"]),
    ("L = sum(x[i] for i in range(p))", SYNTAX, "range", ["for i in N"]),
    ("L = sum(x[i] for i in p if s)", SYNTAX, "if", ["where"]),
    ("L = max(x[i] for i in p)", SYNTAX, "max(x[i] for i in p)", ["sum and mean"]),
    ("L = sum(x[i] for i in p for i in p)", NAME, "i", ["another letter"]),
    ("L = sum(X[b, 0] for b in N)", NAME, "b", ["b is a value"]),
    ("L = x[0] for i in N", SYNTAX, "for", ["inside an aggregate"]),
    ("h[i] = x", SHAPE, "i", ["cannot be seen", "x[i]"]),
    ("h[i] = where(i < 2, 1, 0)", SHAPE, "i", ["cannot be seen", "for i in n"]),
    (
        "h[i] = sum(where(j < i, x[j], 0) for j in p) + sum(where(k < i, b[k], 0) for k in M)",
        SHAPE,
        "i",
        ["cannot be seen"],
    ),
    ("h[i, i] = A[i, i]", SYNTAX, "i", ["twice"]),
    ("h[x] = X[x]", SYNTAX, "x", ["another letter"]),
    # names
    ("h = tanh(xx)", NAME, "xx", ["Did you mean x?"]),
    ("h = z1\nz1 = x", NAME, "z1", ["later, in line 4", "top to bottom"]),
    ("h = h + 1", NAME, "h", ["its own definition"]),
    ("g = h1; h1 = x", NAME, "h1", ["not before this place"]),
    ("x = 3", NAME, "x", ["declared in line 1"]),
    ("h = x; h = 2 * x", NAME, "h", ["defined in line 3", "one value"]),
    ("h += 3", SYNTAX, "+", ["one value"]),
    ("p = 3", NAME, "p", ["p is a size (line 1)"]),
    ("w: R[x]", NAME, "R[x]", ["x is a value"]),
    ("tanh(t) = t", NAME, "tanh", ["function of the language"]),
    ("f(t) = f(t) + 1", NAME, "f", ["cannot use itself"]),
    ("f(t) = t + b; h = f(x)", SHAPE, "f(x)", ["In f(x), with f from line 3", "t is (p,), b is (M,)"]),
    ("f(t, u) = t + u; h = f(x)", SYNTAX, "f(x)", ["f(t, u) takes 2 arguments, got 1"]),
    ("ℓ = 3", NAME, "ℓ", ["silently be read as l"]),
    ("I = 3", NAME, "I", ["eye(n)"]),
    ("h = __import__(s)", NAME, "__import__", ["underscore"]),
    # derivatives and claims
    ("d(s, W) = x", SYNTAX, "d", ["d(s, W) == ...", "g = d(s, W)"]),
    ("g = d(s, W[1])", SYNTAX, "W[1]", ["name of a value", "d(L, W)[i, j]"]),
    ("g = d(s, 2 * W)", SYNTAX, "2 * W", ["name of a value"]),
    ("g = d(s)", SYNTAX, "d(s)", ["d(L, W)"]),
    ("g = d(s, y)", SYNTAX, "y", ["a label"]),
    ("s == s == s", SYNTAX, "==", ["one =="]),
    ("s ==", SYNTAX, " ", ["nothing on the right"]),
    # syntax
    ("h = W x", SYNTAX, "x", ["W x", "@ for a matrix product"]),
    ("h = 2x", SYNTAX, "x", ["2 * x"]),
    ("h = (W @ x", SYNTAX, "(", ["never closed"]),
    ("h = W @ x)", SYNTAX, ")", ["closes nothing"]),
    ("h = x^2", SYNTAX, "^", ["x**2", "x.T"]),
    ("h = x'", SYNTAX, "'", ["x.T"]),
    ("h = ‖x‖", SYNTAX, "‖", ["norm2(x)"]),
    ("h = 3 +", SYNTAX, " ", ["ends here", "expected a value"]),
    ("h = [1, 2]", SYNTAX, "[", ["no lists"]),
    ("h := x", SYNTAX, ":=", ["Write ="]),
    ("x @ x.T", SYNTAX, "x @ x.T", ["Give it a name"]),
    # declarations
    ("z: real[3]", SYNTAX, "real", ["R[M, p]"]),
    ("z: class_[3]", SYNTAX, "class_", ["Class"]),
    ("input z: R", SYNTAX, "input", ["roles are data, parameters, constants"]),
    ("data z R[3]", SYNTAX, "z", ["data z: R[p]"]),
    ("parameters z = X[:, 0]", SYNTAX, "z", ["parameters z: R[p]"]),
    ("z: R[p M]", SYNTAX, "M", ["commas"]),
    ("h == W @ x", NAME, "h", ["Write = to define it"]),
    ("W @ x = h", SYNTAX, "@", ["one name", "=="]),
    ("z: R(3)", SYNTAX, "(", ["R[...]"]),
    ("z: R[p/2]", SYNTAX, "p/2", ["a product of these", "2*n"]),
    ("z: R[0]", SYNTAX, "0", ["at least 1"]),
    ("z: Class", SYNTAX, "Class", ["Class[K]"]),
    ("z, w: R", SYNTAX, ",", ["one name at a time"]),
    ("z: R = 3", SYNTAX, "=", ["not both"]),
    ("z[N]: R", SYNTAX, "[", ["z: R[N, p]"]),
    ("parameters\nz: R", SYNTAX, "parameters", ["same line"]),
    ("parameter z: R", SYNTAX, "parameter", ["Did you mean parameters?"]),
    ("layout numerators", SYNTAX, "numerators", ["Did you mean numerator?"]),
    ("z: R; layout numerator", SYNTAX, "layout", ["line of its own"]),
    # limits
    ("h = " + "-" * 300 + "x", LIMIT, "-", ["100 deep"]),
    ("h = " + "(" * 60 + "x" + ")" * 60, LIMIT, "(", ["40 deep"]),
    ("h = 2**3000", LIMIT, "3000", ["1000"]),
    ("h = 10**200 ** 2", LIMIT, "200 ** 2", []),
    ("h = (10**200)**2", LIMIT, "(10**200)**2", ["1e300"]),
    ("h = 1e999", LIMIT, "1e999", ["too large"]),
    ("h = s / 0", SYNTAX, "s / 0", ["divides by zero"]),
    ("h = 0 ** -2", SYNTAX, "0 ** -2", ["divides by zero"]),
    ("h = (-8) ** (1/3)", SYNTAX, "(-8) ** (1/3)", ["not a real number"]),
    ("z: R[10000000]", LIMIT, "10000000", ["1,000,000"]),
]


def _underlined(error):
    _, shown, caret = str(error).split("\n")
    return shown[caret.index("^") : caret.rindex("^") + 1] or " "


def _mistake(text):
    """The one mistake of a sheet: raised, or kept by the claim that cannot be read."""
    try:
        (claim,) = read(text).claims
    except SheetError as error:
        return error
    return claim.fault


@pytest.mark.parametrize(("statement", "kind", "place", "words"), MISTAKES)
def test_a_mistake_is_explained_at_its_place(statement, kind, place, words):
    error = _mistake(GIVEN + statement)
    assert type(error) is kind
    assert _underlined(error) == place
    line = (GIVEN + statement).split("\n")[error.line - 1]
    assert line[error.column - 1 : error.column - 1 + error.width] == place.strip()
    assert error.line == 3
    for word in words:
        assert word in error.message, error.message
    assert error.message.endswith((".", "?"))


@pytest.mark.parametrize("statement", [statement for statement, kind, _, _ in MISTAKES if kind is SHAPE])
def test_in_a_claim_a_shape_that_does_not_fit_is_a_verdict(statement):
    name, divider, body = statement.rpartition(" = ")
    if "[" in name or ";" in name or ";" in body or "\n" in body:
        pytest.skip("not a plain definition, so there is no claim to make of it")
    assert divider
    (claim,) = read(f"{GIVEN}{body} == 1").claims
    assert isinstance(claim.reading.defect, SheetShapeError)


@pytest.mark.parametrize("statement", ["h = W x", "h = tanhh(x)", "h = W.T @ x", "h = " + "-" * 300 + "x"])
def test_a_further_expression_is_read_with_the_same_care(statement):
    sheet = read(GIVEN)
    with pytest.raises(SheetError) as of_sheet:
        read(GIVEN + statement)
    with pytest.raises(type(of_sheet.value)) as of_expression:
        read_expression(sheet, statement.removeprefix("h = "))
    assert of_expression.value.message == of_sheet.value.message
    assert of_expression.value.line == 1


@pytest.mark.parametrize("text", ["", "x; x", "X[i]", "x = 3", "x == x"])
def test_a_further_expression_is_one_expression(text):
    with pytest.raises(SheetError):
        read_expression(read(GIVEN), text)


def test_only_texts_are_sheets():
    with pytest.raises(OptionError):
        read(b"x: R")


def test_line_ends_of_all_systems():
    assert list(read("x: R\r\nh = x\rg = h").definitions) == ["h", "g"]
    with pytest.raises(SheetNameError) as info:
        read("x: R\r\n\th = xy")
    assert (info.value.line, info.value.column, _underlined(info.value)) == (2, 6, "xy")


def test_a_mistake_over_several_lines_is_shown_in_its_first():
    with pytest.raises(SheetShapeError) as info:
        read(GIVEN + "h = (W.T   # here\n     @ x)")
    assert (info.value.line, _underlined(info.value)) == (3, "W.T   # here")


def test_too_many_names_and_terms():
    with pytest.raises(SheetLimitError, match="names"):
        read("\n".join(f"a{i}: R" for i in range(5001)))
    twice = "; ".join(f"f{i}(t) = f{i - 1}(t) + f{i - 1}(t + 1)" for i in range(1, 20))
    with pytest.raises(SheetLimitError, match="terms"):
        read(f"x: R; f0(t) = t; {twice}; h = f19(x)")


@pytest.mark.parametrize("name", WORDS)
def test_how_a_function_of_another_language_is_written_can_be_read(name):
    """The formula that is offered is one of the language, and is offered."""
    given_values = "x: R[n]; z: R[n]; a: R; b: R; low: R; high: R; A: R[n, n]; B: R[n, n]"
    with pytest.raises(SheetNameError, match=re.escape(f"There is no function {name}. Write {WORDS[name]}.")):
        read(f"{given_values}; h = {name}(x)")
    read(f"{given_values}; {WORDS[name] if ' = ' in WORDS[name] else f'h = {WORDS[name]}'}")


@pytest.mark.parametrize("name", REMARKS)
def test_what_is_said_of_functions_that_no_formula_replaces(name):
    with pytest.raises(SheetNameError, match=re.escape(REMARKS[name])):
        read(f"x: R[n]; h = {name}(x)")
