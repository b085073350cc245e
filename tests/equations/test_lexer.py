"""Text to tokens: Unicode, places in the original text, refusals and bounds."""

from decimal import Decimal

import pytest

from chainrule.equations.language.lexer import Source
from chainrule.equations.language.statements import MAX_BRACKETS, MAX_LINE, MAX_TEXT, statements
from chainrule.errors import SheetLimitError, SheetNameError, SheetSyntaxError
from work import calls


def _texts(text):
    return [[token.text for token in part.tokens[:-1]] for part in statements(Source(text))]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Wᵀ @ x", ["W", ".T", "@", "x"]),
        ("x₁ ⊙ x₂₀", ["x1", "*", "x20"]),
        ("h²", ["h", "**", "2"]),
        ("h¹²", ["h", "**", "12"]),
        ("A⁻¹", ["A", "**", "-", "1"]),
        ("a − b", ["a", "-", "b"]),
        ("λ*βᵀ@β", ["λ", "*", "β", ".T", "@", "β"]),
        ("x.T", ["x", ".", "T"]),
        ("a∘b ≤ c", ["a", "*", "b", "<=", "c"]),
        ("1.5e-3+.5", ["1.5e-3", "+", ".5"]),
        ("ŷ − Å", ["ŷ", "-", "Å"]),
        ("a\u00a0+\u2009b", ["a", "+", "b"]),
    ],
)
def test_unicode_is_settled_before_anything_is_read(written, read):
    assert _texts(written) == [read]


def test_statements_end_at_lines_and_semicolons_but_not_inside_brackets():
    assert _texts("a = 1; b = (2 +  # half\n  3)\n\n;; c = 4 # ; d") == [
        ["a", "=", "1"],
        ["b", "=", "(", "2", "+", "3", ")"],
        ["c", "=", "4"],
    ]


def test_tokens_know_their_place_in_the_original_text():
    text = "r_ok = 1\nŷ₁ = Wᵀ @ h₂² + β"
    source = Source(text)
    for part in statements(source):
        for token in part.tokens[:-1]:
            place = source.span(token.start, token.end)
            shown = source.line(place.line)[place.column - 1 : place.column - 1 + place.width]
            assert shown == source.text[token.start : token.end]
    last = statements(source)[1].tokens
    assert [(t.text, t.start - 9) for t in last if t.kind == "name"] == [
        ("ŷ1", 0),
        ("W", 5),
        ("h2", 10),
        ("β", 16),
    ]


@pytest.mark.parametrize(
    "name",
    [
        "ℓ",
        "ϕ",
        "µ",
        "𝐖",
        "xᵢ",
        "xⁿ",
        "ſ",
        "_x",
        "__class__",
        "np",
        "I",
        "δ",
        "class",
        "None",
        "y\u0302",
    ],
)
def test_names_that_are_not_what_they_seem_are_refused(name):
    with pytest.raises(SheetNameError) as info:
        statements(Source(f"zz = 2 * {name}"))
    assert (info.value.line, info.value.column, info.value.width) == (1, 10, len(name))


@pytest.mark.parametrize(
    "name", ["lambda", "λ", "alpha", "R", "Class", "data", "d", "sum", "σ", "x̂", "delta", "a__b", "z_"]
)
def test_names_of_the_field_are_names(name):
    assert _texts(f"{name} = 2") == [[name, "=", "2"]]


@pytest.mark.parametrize(
    "text", ["x'", "x^2", "‖x‖", "|x|", "∑x", "x′", "a × b", "𝟏", "a ? b", "a\x00b", "$x$"]
)
def test_other_characters_are_refused_with_a_reason(text):
    with pytest.raises(SheetSyntaxError):
        statements(Source(f"y = {text}"))


@pytest.mark.parametrize(
    ("text", "column"),
    [("a = (b", 5), ("a = b)", 6), ("a = (b]", 7), ("a = [b\nc = (d)", 5), ("a = f(b; c = 2)", 6)],
)
def test_brackets_must_match(text, column):
    with pytest.raises(SheetSyntaxError) as info:
        statements(Source(text))
    assert (info.value.line, info.value.column) == (1, column)


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "(" * (MAX_BRACKETS + 1),
        "a" * (MAX_TEXT + 1),
        "a" * (MAX_LINE + 1),
        "-" * 100_000,
        "\n".join(["-" * 1000] * 200),
    ],
)
def test_bounds_hold_before_anything_is_parsed(text):
    def refuse():
        with pytest.raises(SheetLimitError):
            statements(Source(text))

    assert calls(refuse) < 1_000


def test_a_very_long_line_is_shown_around_the_place():
    with pytest.raises(SheetSyntaxError) as info:
        statements(Source("a = " + "b + " * 2000 + "? + c"))
    error = info.value
    assert error.column == 8005
    shown, caret = str(error).split("\n")[1:]
    assert len(shown) < 200
    assert shown[caret.index("^")] == "?"


def test_numbers_are_kept_as_written():
    (tokens,) = _texts("0.1 1e5 12345678901234567890 3.")
    assert [Decimal(text) for text in tokens] == [Decimal("0.1"), Decimal("1e5"), 12345678901234567890, 3]
