"""From the text of a sheet to its tokens, with their places in the original text.

Unicode is settled here, before anything is read as Python would read it: ``Wᵀ`` is W transposed (Python's own
parser silently reads the name WT), ``x₁`` is x1, ``h²`` is h**2, ``⊙`` is an elementwise product. A name that
normalisation would change is refused.
"""

import keyword
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal, NamedTuple, NoReturn, TypeAlias, cast

from chainrule.equations.language.syntax import Node
from chainrule.equations.language.tree import Span
from chainrule.errors import SheetError, SheetNameError, SheetSyntaxError

Kind: TypeAlias = Literal["name", "number", "op", "end"]

# What a name may have.
MOST_LETTERS = 80
_ASCII_NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
_SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉"
_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
# What is no name; blanks and comments have no group.
_PIECE = re.compile(
    r"[ \t\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]|\#.*|(?P<end>[\n;])"
    r"|(?P<op>\*\*|//|==|!=|<=|>=|:=|->|<-|<|>|[+\-*/@=()\[\],:%]|\.(?!\d))"
    r"|(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    f"|(?P<power>[⁻⁺]?[{_SUPERSCRIPTS}]+)"
)
_DIGITS = {mark: str(i) for marks in (_SUBSCRIPTS, _SUPERSCRIPTS) for i, mark in enumerate(marks)}
_SAME_AS = {"⊙": "*", "∘": "*", "−": "-", "≤": "<=", "≥": ">=", "≠": "!=", "ᵀ": ".T"}
_ADVICE = {
    "'": "write x.T for a transpose, and give a primed quantity a name of its own, such as x_new",
    '"': "there are no texts in a sheet",
    "`": "there are no texts in a sheet",
    "^": "write x**2 for a power and x.T for a transpose",
    "|": "write abs(x) for an absolute value and norm2(x) for a length",
    "‖": "write norm2(x) for the length of a vector and normF(W) for the Frobenius norm",
    "∑": "write sum(... for i in N)",
    "∏": "there is no product over an index; write exp(sum(log(...) for i in N))",
    "√": "write sqrt(x)",
    "∂": "write d(L, W) for the derivative of L with respect to W",
    "∇": "write d(L, W) for the derivative of L with respect to W",
    "×": "write * for an elementwise product and @ for a matrix product",
    "·": "write * for an elementwise product, @ for a matrix product, dot(x, y) for an inner product",
    "⋅": "write * for an elementwise product, @ for a matrix product, dot(x, y) for an inner product",
    "⊗": "write outer(x, y) or kron(A, B)",
    "′": "give a primed quantity a name of its own, such as x_new",
    "ᵗ": "write x.T for a transpose",
    "{": "write round brackets",
    "}": "write round brackets",
    "&": "there are no logical operators; multiply two conditions, or nest where(...)",
    "!": "there are no logical operators and no factorials",
    "\\": "a line continues by itself inside brackets",
    "∈": "write for i in N",
    "←": "write = for a definition; a name keeps one value",
    "…": "write the terms out, or sum(... for i in N)",
    "𝟏": "write ones(n); 𝟏 is reserved for printing",
}
# Names that a sheet cannot have, and why.
_REFUSED = {
    "np": "The name np is refused: it is NumPy in the compiled code. Functions stand alone: tanh(x).",
    "I": "The name I is reserved for printing; write eye(n), or choose another name.",
    "δ": "The name δ is reserved for printing; write eye(n)[i, j], or choose another name.",
    "and": "There is no and; multiply two conditions, or nest where(...).",
    "or": "There is no or; multiply two conditions, or nest where(...).",
    "not": "There is no not; multiply two conditions, or nest where(...).",
}


class Token(NamedTuple):
    """A piece of the text; ``text`` is what it means, ``start`` and ``end`` are where it stands."""

    kind: Kind
    text: str
    start: int
    end: int


class Fault(NamedTuple):
    """Why a statement cannot be parsed, and where: a character, a name or a bracket."""

    kind: type[SheetError]
    message: str
    start: int
    end: int


@dataclass(frozen=True)
class Source:
    r"""A text and its lines, to say where something stands.

    Examples
    --------
    >>> Source("a = 1\nb = 2").span(6, 7)
    Span(line=2, column=1, width=1)
    """

    text: str

    @cached_property
    def _starts(self) -> tuple[int, ...]:
        return (0, *(match.end() for match in re.finditer("\n", self.text)))

    def line_of(self, offset: int) -> int:
        """Number of the line, counted from 1."""
        return bisect_right(self._starts, offset)

    def line(self, number: int) -> str:
        """The line's text, each tab shown as one blank so that a caret stands under its character."""
        start = self._starts[number - 1]
        end = self.text.find("\n", start)
        return self.text[start : end if end >= 0 else None].replace("\t", " ")

    def span(self, start: int, end: int) -> Span:
        """Place of text[start:end]; what goes over several lines is underlined to the end of the first."""
        line = self.line_of(start)
        last = self._starts[line] - 1 if line < len(self._starts) else len(self.text)
        return Span(line, start - self._starts[line - 1] + 1, max(1, min(end, last) - start))

    def quote(self, start: int, end: int, most: int = 48) -> str:
        """text[start:end] on one line, shortened in the middle."""
        lines = self.text[start:end].split("\n")
        text = " ".join(" ".join(line.partition("#")[0] for line in lines).split())
        return text if len(text) <= most else f"{text[: most // 2 - 2]} … {text[-(most // 2 - 2) :]}"

    def fail(self, message: str, place: Token | Node, kind: type[SheetError] = SheetSyntaxError) -> NoReturn:
        """Raise an error with a caret under a token or a piece of an expression."""
        raise self.error(kind, message, place.start, place.end)

    def error(self, kind: type[SheetError], message: str, start: int, end: int) -> SheetError:
        """An error that shows the line with a caret under text[start:end]."""
        span = self.span(start, end)
        source, column, width = self.line(span.line), span.column, span.width
        if len(source) > 200:  # a very long line is shown around the place
            left = max(0, column - 60)
            source, column = source[left : left + 160], column - left
            width = min(width, 160 - column + 1)
        error = kind(message, line=span.line, column=column, source=source, width=width)
        error.column = span.column
        return error


def tokens(source: Source) -> Iterator[Token | Fault]:
    """The pieces of a text from left to right; what cannot be read is a fault, and reading goes on behind it.

    A line end or semicolon is a token of kind "end", and so is the end of the text.
    """
    text, at = source.text, 0
    while at < len(text):
        match = _PIECE.match(text, at)
        end = match.end() if match else _name_end(text, at)
        if match and match.lastgroup == "power":
            yield from _power(text, at, end)
        elif match and match.lastgroup:
            yield Token(cast(Kind, match.lastgroup), match.group(), at, end)
        elif match is None and end > at:
            name, reason = _name(text[at:end])
            if reason is not None:
                yield Fault(SheetNameError, reason, at, end)
            yield Token("name", name, at, end)
        elif match is None:
            end = at + 1
            yield (
                Token("op", _SAME_AS[text[at]], at, end)
                if text[at] in _SAME_AS
                else _unreadable(text[at], at)
            )
        at = end
    yield Token("end", "", at, at)


def _name_end(text: str, at: int) -> int:
    """Where a name that starts at ``at`` ends; ``at`` itself if there is none."""
    match = _ASCII_NAME.match(text, at)
    end = match.end() if match else at
    while end < len(text) and _goes_on(text[end], end == at):
        end += 1
    return end


def _goes_on(char: str, is_first: bool) -> bool:
    """Whether a name may have a character as its first one, or as another one."""
    if char.isascii():
        return char.isalpha() or char == "_" or (not is_first and char.isdigit())
    if char in _SAME_AS or char in _ADVICE:
        return False
    return char.isidentifier() if is_first else char in _SUBSCRIPTS or f"a{char}".isidentifier()


@lru_cache(256)  # a sheet says few names many times
def _name(written: str) -> tuple[str, str | None]:
    """The name's own spelling with subscript digits as digits, and the reason if it cannot be one."""
    name = "".join(_DIGITS.get(char, char) for char in written)
    read = unicodedata.normalize("NFKC", name)
    reason = _REFUSED.get(name)
    if read != name:
        reason = f"The name {written} would silently be read as {read}; write {read} or spell it out."
    elif len(name) > MOST_LETTERS:
        reason = f"A name of {len(name)} characters is too long to be read; at most {MOST_LETTERS}."
    elif name.startswith("_"):
        reason = f"The name {written} is refused: a leading underscore belongs to the compiled code."
    elif keyword.iskeyword(name) and name not in ("lambda", "for", "in", "if", "else", *_REFUSED):
        reason = (
            f"The name {name} is a word of Python, which the compiled code is written in; choose another."
        )
    return name, reason


def _power(text: str, start: int, end: int) -> Iterator[Token]:
    yield Token("op", "**", start, end)
    if text[start] == "⁻":
        yield Token("op", "-", start, end)
    digits = "".join(_DIGITS.get(char, "") for char in text[start:end])
    yield Token("number", digits, start, end)


def _unreadable(char: str, at: int) -> Fault:
    if char in _ADVICE:
        message = f"{char} cannot be read: {_ADVICE[char]}."
    elif not char.isprintable():
        message = f"The invisible character U+{ord(char):04X} cannot be read; remove it."
    else:
        message = f"The character {char} (U+{ord(char):04X}) is not part of the language."
    return Fault(SheetSyntaxError, message, at, at + 1)
