"""Every term has the shape and orientation it has on paper; claims fail by shape and do not abort."""

import pytest

from chainrule.equations.language.functions import ALIASES, FUNCTIONS
from chainrule.equations.language.sheet import read, read_expression
from chainrule.equations.language.tree import (
    Aggregate,
    Call,
    IndexRef,
    Pick,
    Ref,
    Type,
    size_product,
    size_value,
)
from chainrule.errors import OptionError, SheetError, SheetNameError, SheetShapeError, SheetSyntaxError
from equations.model_sheets import CLAIMS, S0, S1, S2, S2_LOGISTIC, S3, S4
from work import calls

SCOPE = read("""
    data x: R[p]; y: Class[K]; u: R[K]; X: R[N, p]; Y: Class[N, K]; S: Sign[N]; Q: Simplex[N, K]
    parameters W: R[M, p]; b: R[M]; V: R[K, M]; A: R[p, p]; a: R; T: R[N, M, p]; e: R[1, p]
""")


@pytest.mark.parametrize(
    ("text", "axes", "row"),
    [
        ("x", ("p",), False),
        ("x.T", ("p",), True),
        ("x.T.T", ("p",), False),
        ("a.T", (), False),
        ("W @ x + b", ("M",), False),
        ("x.T @ W.T", ("M",), True),
        ("x.T @ x", (), False),
        ("b @ x.T", ("M", "p"), False),
        ("V @ W", ("K", "p"), False),
        ("e @ x", (1,), False),
        ("a * W", ("M", "p"), False),
        ("W / a", ("M", "p"), False),
        ("2 ** x", ("p",), False),
        ("X @ W.T + b", ("N", "M"), False),
        ("b + X @ W.T", ("N", "M"), False),
        ("X @ W.T + b.T", ("N", "M"), False),
        ("X[0]", ("p",), False),
        ("X[:, 1]", ("N",), False),
        ("X.T[2]", ("N",), False),
        ("T[0]", ("M", "p"), False),
        ("T[0, 1]", ("p",), False),
        ("T[:, 1]", ("N", "p"), False),
        ("x.T[0]", (), False),
        ("u[y]", (), False),
        ("Q[0, Y[1]]", (), False),
        ("softmax(u)", ("K",), False),
        ("softmax(u.T)", ("K",), True),
        ("softmax(X, axis=1)", ("N", "p"), False),
        ("log_softmax(X, axis=-2)", ("N", "p"), False),
        ("logsumexp(X, axis=0)", ("p",), False),
        ("logsumexp(X, axis=-1)", ("N",), False),
        ("sum(X)", (), False),
        ("sum(X, axis=0)", ("p",), False),
        ("mean(T, axis=1)", ("N", "p"), False),
        ("mean(x.T)", (), False),
        ("trace(A)", (), False),
        ("diag(x)", ("p", "p"), False),
        ("diag(x.T)", ("p", "p"), False),
        ("diag(A)", ("p",), False),
        ("norm1(W) + norm2(x) + normF(W)", (), False),
        ("dot(x, x.T)", (), False),
        ("outer(x, b)", ("p", "M"), False),
        ("kron(W, V)", ("K*M", "M*p"), False),
        ("kron(x, b)", ("M*p",), False),
        ("onehot(y)", ("K",), False),
        ("onehot(Y)", ("N", "K"), False),
        ("onehot(Y[3])", ("K",), False),
        ("inv(A) @ x", ("p",), False),
        ("det(A) + logdet(A)", (), False),
        ("eye(M)", ("M", "M"), False),
        ("ones(3)", (3,), False),
        ("zeros(M, 2)", ("M", 2), False),
        ("max(x) + min(x.T)", (), False),
        ("max(x, a)", ("p",), False),
        ("min(W, 0)", ("M", "p"), False),
        ("where(x > 0, x, -x)", ("p",), False),
        ("where(a == 1, W, 0)", ("M", "p"), False),
        ("where(y == 2, a, 0)", (), False),
        ("where(x, 1, 2)", ("p",), False),
        ("tanh(W)", ("M", "p"), False),
        ("polygamma(1, W)", ("M", "p"), False),
        ("sum(X[i, j] * W[k, j] for i in N for j in p for k in M)", (), False),
        ("sum(i * x[i] for i in p) / N", (), False),
        ("d(W @ x, x)", ("M", "p"), False),
    ],
)
def test_types(text, axes, row):
    assert read_expression(SCOPE, text).type == Type(axes, row)


def test_every_function_is_typed_somewhere_above_or_is_elementwise():
    source = "\n".join(case for mark in test_types.pytestmark for case, _, _ in mark.args[1])
    missing = [name for name, f in FUNCTIONS.items() if not f.elementwise and f"{name}(" not in source]
    assert not missing
    assert {f.arity for f in FUNCTIONS.values() if f.elementwise} == {(1,)}


@pytest.mark.parametrize("name", [*(f.name for f in FUNCTIONS.values() if f.elementwise), "σ"])
def test_elementwise_functions_keep_the_type(name):
    for text in ("a", "x", "x.T", "W", "T"):
        assert read_expression(SCOPE, f"{name}({text})").type == read_expression(SCOPE, text).type
    assert read_expression(SCOPE, f"{name}(x)").function == ALIASES.get(name, name)


# The table of shapes: (of, wrt) by rank, in the three layouts, all sizes different.
LAYOUTS = """
    s: R; v: R[m]; x: R[n]; M: R[k, q]; W: R[a, b]
    r = x.T
"""
TABLE = [
    ("s", "s", (), (), ()),
    ("s", "x", ("n",), "row n", ("n",)),
    ("v", "s", ("m",), ("m",), "row m"),
    ("v.T", "s", "row m", "row m", ("m",)),
    ("s", "r", "row n", ("n",), "row n"),
    ("v", "x", ("m", "n"), ("m", "n"), ("n", "m")),
    ("s", "W", ("a", "b"), ("b", "a"), ("a", "b")),
    ("M", "s", ("k", "q"), ("k", "q"), ("q", "k")),
    ("v", "W", ("m", "a", "b"), ("m", "b", "a"), ("a", "b", "m")),
    ("M", "x", ("k", "q", "n"), ("k", "q", "n"), ("n", "q", "k")),
    ("M", "W", ("k", "q", "a", "b"), ("k", "q", "b", "a"), ("a", "b", "q", "k")),
]


@pytest.mark.parametrize(("of", "wrt", "gradient", "numerator", "denominator"), TABLE)
def test_derivatives_in_three_layouts(of, wrt, gradient, numerator, denominator):
    sheet = read(LAYOUTS)
    for layout, expected in zip(
        ("gradient", "numerator", "denominator"), (gradient, numerator, denominator), strict=True
    ):
        row = isinstance(expected, str)
        expected = Type((expected.split()[1],) if row else expected, row)
        assert read_expression(sheet, f"d({of}, {wrt})", layout).type == expected
        line = read(f"{LAYOUTS}\nlayout {layout}\ng = d({of}, {wrt})")
        assert line.type_of("g") == expected


def test_a_layout_holds_from_its_line_on():
    sheet = read(
        "v: R[m]; x: R[n]\na = d(v, x)\nlayout denominator\nb = d(v, x)\nlayout gradient\nc = d(v, x)"
    )
    assert [sheet.type_of(name).axes for name in "abc"] == [("m", "n"), ("n", "m"), ("m", "n")]
    assert [sheet.layout_of(line) for line in (2, 4, 6)] == ["gradient", "denominator", "gradient"]
    assert sheet.layout_of() == "gradient"
    with pytest.raises(OptionError):
        read_expression(sheet, "d(v, x)", layout="rows")


@pytest.mark.parametrize("sheet", [S0, S1, S2, S2_LOGISTIC, S3, S4])
def test_the_models_of_the_notes_are_read(sheet):
    assert len(read(sheet).definitions) >= 2


def test_roles_domains_and_sizes():
    sheet = read(
        "given: R\ndata x: R[p]; y: Class[K]\nparameters W: R[K, p]\nconstants t: Bit; s: Simplex[3]\nq: R"
    )
    assert [d.role for d in sheet.declarations.values()] == [
        "given",
        "data",
        "data",
        "parameters",
        "constants",
        "constants",
        "given",
    ]
    assert [d.domain for d in sheet.declarations.values()] == [
        "real",
        "real",
        "class",
        "real",
        "bit",
        "simplex",
        "real",
    ]
    assert sheet.sizes == ("p", "K")
    assert (sheet.type_of("y"), sheet.classes_of("y")) == (Type(), "K")
    assert (SCOPE.type_of("Y").axes, SCOPE.classes_of("Y"), SCOPE.domain_of("Y")) == (("N",), "K", "class")
    mixed = read("data x: R[p]; parameters W: R[p, 4]; h = W.T @ x")
    assert [d.role for d in mixed.declarations.values()] == ["data", "parameters"]


def test_a_softmax_is_a_simplex_and_its_parts_are_not():
    sheet = read("""
        X: R[N, K]; Y: Class[N, K]
        P[i] = softmax(X[i]); Q = softmax(X, axis=1); C = softmax(X, axis=0); E = onehot(Y)
        q = Q; first = Q[0]; entry = Q[0, 1]; column = Q[:, 1]; T = Q.T; y0 = Y[0]
    """)
    domains = {name: sheet.domain_of(name) for name in sheet.definitions}
    assert [name for name, domain in domains.items() if domain == "simplex"] == ["P", "Q", "E", "q", "first"]
    assert (domains["y0"], sheet.classes_of("y0"), sheet.classes_of("Q")) == ("class", "K", None)


def test_sizes_of_indices_are_seen_from_their_use():
    sheet = read("X: R[N, p]; W: R[M, p]; z[i, k] = k * sum(W[k, j] * X[i, j] for j in p) + i")
    assert sheet.definitions["z"].indices == (("i", "N"), ("k", "M"))
    assert sheet.type_of("z") == Type(("N", "M"))
    stack = [sheet.definitions["z"].body]
    seen = {}
    while stack:
        term = stack.pop()
        if isinstance(term, IndexRef):
            seen.setdefault(term.index, set()).add(term.size)
        stack += [
            part for part in (getattr(term, name, None) for name in ("left", "right", "body", "base")) if part
        ]
        stack += getattr(term, "subscripts", ())
    assert seen == {"i": {"N"}, "k": {"M"}, "j": {"p"}}


def test_an_open_index_of_a_claim_is_any_unbound_subscript():
    sheet = read("X: R[N, p]; k * X[k, 2] == X[k, 2] * k; X[i] == X[j]; sum(X[i, j] for i in N) == X[0, j]")
    indices = [claim.reading.indices for claim in sheet.claims]
    assert indices == [(("k", "N"),), (("i", "N"), ("j", "N")), (("j", "p"),)]
    assert [claim.text for claim in sheet.claims][1] == "X[i] == X[j]"
    clash = read("x: R[p]; z: R[p]; sum(x[i] for i in p) * z[i] == z[i] * sum(x[i] for i in p)").claims[0]
    assert clash.reading.defect is None and clash.reading.indices == (("i", "p"),)


@pytest.mark.parametrize(("ledger", "sheet", "layout", "claim", "axes"), CLAIMS)
def test_claims_of_the_notes(ledger, sheet, layout, claim, axes):
    (found,) = read(f"{sheet}\nlayout {layout}\n{claim}").claims
    assert set(found.readings) == {"gradient", "numerator", "denominator"}
    assert found.text == claim and found.layout == layout
    reading = found.reading
    if axes is None:
        assert isinstance(reading.defect, SheetShapeError)
        assert reading.defect.line == found.line
    else:
        assert reading.defect is None
        assert reading.left.type == reading.right.type
        assert reading.left.type.axes == axes


def test_a_shape_verdict_names_both_sides():
    (claim,) = read("x: R[1, 4]; x == x.T").claims
    assert "left is (1, 4), right is (4, 1)" in claim.reading.defect.message
    (scalar,) = read("x: R[p]; x == 1").claims
    assert "left is (p,), right is a scalar" in scalar.reading.defect.message


def test_the_right_side_is_read_even_if_the_left_one_has_no_shape():
    (claim,) = read("x: R[p]; b: R[q]; sum(x[i] + b for i in p) + x == sum(x[i] for i in p)").claims
    assert claim.reading.left is None
    assert claim.reading.right.type == Type()
    assert claim.reading.right.index == "i"
    assert claim.reading.indices == ()


def test_a_claim_that_cannot_be_read_keeps_its_fault_and_is_in_nobodys_way():
    text = "x: R[p]; x + x.T == nobody; x == (x\nx == x\nx == == x; x == x $ x; x + 0x == x; h = 2 * x"
    sheet = read(text)
    faults = [type(claim.fault) for claim in sheet.claims]
    syntax = SheetSyntaxError
    assert faults == [SheetNameError, syntax, type(None), syntax, syntax, syntax]
    assert [claim.line for claim in sheet.claims] == [1, 1, 2, 3, 3, 3]
    assert sheet.claims[1].text == "x == (x"
    assert "^" in str(sheet.claims[3].fault)
    assert list(sheet.definitions) == ["h"]


@pytest.mark.parametrize(
    "text",
    [
        "x: R[p]; h == 2 * x; g = h + x",  # meant to define h, which later lines need
        "x: R[p]; x == (x; h = 2x",  # another mistake
        "x: R[p]; data x == x",
        "x: R[p]\n" + "x == (x\n" * 50 + "h = 2 * x",  # too many to read on
    ],
)
def test_a_sheet_with_other_mistakes_is_refused_with_those_of_its_claims(text):
    with pytest.raises(SheetError) as info:
        read(text)
    assert len(info.value.errors) in (1, 2, 50)


def test_vectors_and_matrices_are_summed_over_an_index():
    sheet = read("""
        X: R[N, p]; g: R[k]; W: R[k, M, p]; x: R[p]
        m = mean(X[i] for i in N)
        S = sum((X[i] - m) @ (X[i] - m).T for i in N)
        o = sum(g[i] * W[i] @ x for i in k)
        u[j] = sum(g[i] / sum(g) * W[i, j] for i in k)
        r = sum(X[i].T for i in N)
    """)
    shapes = {name: definition.type for name, definition in sheet.definitions.items()}
    assert [shapes[name] for name in "mSou"] == [
        Type(("p",)),
        Type(("p", "p")),
        Type(("M",)),
        Type(("M", "p")),
    ]
    assert shapes["r"] == Type(("p",), True)


def test_a_claim_may_sum_what_stands_whole():
    """It is the other side that must fit."""
    text = "X: R[N, p]; w: R[p]; {} mean(X @ w for i in N)"
    (claim,) = read(text.format("X @ w ==")).claims
    assert claim.reading.defect is None
    with pytest.raises(SheetShapeError, match="X stands whole"):
        read(text.format("h ="))


@pytest.mark.parametrize(
    ("line", "sizes"),
    [
        ("c[i] = sum(where(j <= i, x[j], 0) for j in n)", ["n"]),
        ("c[i] = sum(where(j == i + 1, x[j], 0) for j in n)", ["n"]),
        ("c[i, j] = where(i > j - 2, x[j], 0)", ["n", "n"]),
        ("c[i] = sum(where(j <= i, x[j] * z[i], 0) for j in n)", ["m"]),  # the subscript says it
        ("c[i] = sum(where(j <= i, x[j], 0) for j in n) for i in m", ["m"]),
    ],
)
def test_what_an_index_is_compared_with_says_what_it_runs_over(line, sizes):
    definition = read(f"x: R[n]; z: R[m]; {line}").definitions["c"]
    assert [size for _, size in definition.indices] == sizes


# functions of the user


def test_a_function_is_written_out_with_its_argument_shared():
    sheet = read("x: R[p]; swish(t) = t * sigmoid(t); h = swish(x + 1)")
    body = sheet.definitions["h"].body
    assert body.type == Type(("p",))
    assert body.left is body.right.args[0]


def test_nested_functions_grow_linearly():
    text = "x"
    for _ in range(30):
        text = f"f({text})"
    body = read(f"x: R[p]; f(t) = t * t + t; h = {text}").definitions["h"].body
    seen, stack = set(), [body]
    while stack:
        term = stack.pop()
        if term not in seen:
            seen.add(term)
            stack += [term.left, term.right] if hasattr(term, "left") else []
    assert len(seen) == 2 * 30 + 1


def test_functions_are_hygienic():
    sheet = read("""
        x: R[p]; z: R[p]; X: R[N, p]
        total(t) = sum(t * z[i] for i in p)
        a[i] = total(x[i])
        b = total(sum(x[i] for i in p))
        shadow(x) = x + z
        c = shadow(2 * z)
    """)
    a = sheet.definitions["a"].body
    assert isinstance(a, Aggregate) and a.index != "i" and a.body.left.subscripts[0].index == "i"
    b = sheet.definitions["b"].body
    assert b.index != b.body.left.index
    assert [term.name for term in (sheet.definitions["c"].body.right,)] == ["z"]


def test_a_label_passes_through_a_function():
    sheet = read("f: R[K]; y: Class[K]; nll(s, c) = logsumexp(s) - s[c]; L = nll(2 * f, y)")
    pick = sheet.definitions["L"].body.right
    assert isinstance(pick, Pick) and isinstance(pick.subscripts[0], Ref)


def test_a_derivative_in_a_function_has_the_layout_of_its_line():
    sheet = read("v: R[m]; x: R[n]\nlayout denominator\nJ(t) = d(t * v, x)\nlayout gradient\ng = J(2)")
    assert sheet.type_of("g").axes == ("n", "m")


def test_comparisons_become_numbers():
    body = read("x: R[p]; h = where(x >= 0, x, 0)").definitions["h"].body
    condition = body.args[0]
    assert isinstance(condition, Call) and condition.function == "less_equal"
    assert condition.args[1].name == "x"


def test_products_of_sizes():
    assert size_product("m", 1) == "m"
    assert size_product(size_product("b", 2), size_product("a", 3)) == "6*a*b"
    assert size_value("6*a*b", {"a": 5, "b": 7}) == 210


def test_deep_functions_are_refused_and_not_run_out_of_stack():
    lines = ["x: R[p]", "f0(t) = t + 1"] + [f"f{i}(t) = f{i - 1}(t) * f{i - 1}(t + 1)" for i in range(1, 300)]
    with pytest.raises(SheetError):
        read("\n".join([*lines, "h = f299(x)"]))


def test_a_hundred_layers_are_read_in_little_work():
    lines = ["data x: R[m0]"]
    for i in range(1, 101):
        lines += [f"parameters W{i}: R[m{i}, m{i - 1}]; b{i}: R[m{i}]"]
        lines += [f"h{i} = tanh(W{i} @ {'x' if i == 1 else f'h{i - 1}'} + b{i})"]
    text = "\n".join(lines)
    assert calls(read, text) < 30 * len(text)
