"""From the tokens of a statement to what it says: a declaration, a definition, a function or a claim."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from chainrule.equations.language.expressions import ExpressionParser, parse_size
from chainrule.equations.language.lexer import Source, Token
from chainrule.equations.language.statements import ROLES, Statement
from chainrule.equations.language.syntax import Loop, Node
from chainrule.equations.language.tree import Size
from chainrule.errors import SheetSyntaxError

__all__ = [
    "ClaimLine",
    "DeclarationLine",
    "DefinitionLine",
    "FunctionLine",
    "Line",
    "parse_expression",
    "parse_line",
]


@dataclass(frozen=True)
class DeclarationLine:
    """``name: kind[sizes]``."""

    name: Token
    kind: Token
    sizes: tuple[Size, ...]
    bracketed: bool
    end: int


@dataclass(frozen=True)
class DefinitionLine:
    """``name[indices] = body for index in size``; an index whose size shows in the body needs no ``for``."""

    name: Token
    indices: tuple[Token, ...]
    body: Node
    loops: tuple[Loop, ...]


@dataclass(frozen=True)
class FunctionLine:
    """``name(parameters) = body``."""

    name: Token
    parameters: tuple[Token, ...]
    body: Node


@dataclass(frozen=True)
class ClaimLine:
    """``left == right``."""

    left: Node
    right: Node


Line: TypeAlias = DeclarationLine | DefinitionLine | FunctionLine | ClaimLine


def parse_line(source: Source, tokens: tuple[Token, ...]) -> Line:
    """What a statement says; role and layout words are already taken off.

    Parameters
    ----------
    source : Source
    tokens : tuple of Token
        Closed by a token of kind "end".

    Raises
    ------
    SheetSyntaxError
        With the place and what was expected there.
    SheetLimitError
        If an expression is too deep.
    """
    parser = _LineParser(source, tokens)
    match _divider(source, tokens):
        case ":":
            return parser.declaration()
        case "=":
            return parser.definition()
        case "==":
            return parser.claim()
    parser.whole()
    parser.finish()
    raise source.error(
        SheetSyntaxError,
        "A statement is a declaration (x: R[p]), a definition (h = tanh(x)) or a claim (left == right); "
        "this is only an expression. Give it a name.",
        tokens[0].start,
        tokens[-1].end,
    )


def parse_expression(source: Source, statement: Statement) -> Node:
    """One expression and nothing else."""
    parser = _LineParser(source, statement.tokens)
    node = parser.whole()
    parser.finish()
    return node


def _divider(source: Source, tokens: tuple[Token, ...]) -> str | None:
    """The mark outside all brackets that says what kind of statement this is."""
    depth = 0
    for token in tokens:
        if token.kind != "op":
            continue
        depth += (token.text in ("(", "[")) - (token.text in (")", "]"))
        if depth == 0 and token.text in (":", "=", "=="):
            return token.text
        if depth == 0 and token.text in (":=", "<-", "->"):
            message = f"Write = for a definition, not {token.text}."
            raise source.error(SheetSyntaxError, message, token.start, token.end)
    return None


class _LineParser(ExpressionParser):
    """Reads one statement."""

    def declaration(self) -> Line:
        name = self.name("a name before the colon")
        if self.is_op(","):
            self.fail(f"Declare one name at a time: {name.text}: R[p]; then the next after a semicolon.")
        if self.token.kind == "name":
            self.fail(f"{name.text} is not a role; the roles are {', '.join(ROLES)}.", name)
        if self.is_op("["):
            self.fail(f"Sizes stand behind the type: {name.text}: R[N, p].")
        self.expect(":", f"after {name.text}")
        kind = self.name("a type such as R, R[M, p], Class[K], Sign, Bit[K] or Simplex[K]")
        bracketed = self.is_op("[")
        sizes = self.sizes() if bracketed else ()
        if self.is_op("("):
            self.fail(f"Sizes stand in square brackets: {kind.text}[...].")
        if self.is_op("="):
            self.fail(
                "A name is declared with a type or defined by =, not both; what is defined needs no type."
            )
        end = self.tokens[self.at - 1].end
        self.finish()
        return DeclarationLine(name, kind, sizes, bracketed, end)

    def sizes(self) -> tuple[Size, ...]:
        self.take()
        if self.is_op("]"):
            self.fail("There is no size between the brackets; a scalar is written without them.")
        found = []
        while True:
            node = self.expression(0)
            found.append(parse_size(self.source, node))
            if not self.is_op(","):
                break
            self.take()
        if self.token.kind in ("name", "number"):
            self.fail("Sizes are separated by commas, as in R[M, p].")
        self.expect("]", "after the sizes")
        return tuple(found)

    def definition(self) -> Line:
        name = self.name("a name before the =")
        marks = self.marks(name) if self.is_op("[", "(") else ("", ())
        if self.is_op(".", ".T"):
            self.fail(f"A definition names a value: {name.text} = ...; a transpose stands on the right.")
        if self.is_op(","):
            self.fail("Define one name at a time.")
        if self.is_op("+", "-", "*", "/", "@", "**"):
            following = self.tokens[self.at + 1]
            if following.text == "=":
                self.fail(f"A name keeps one value; write a new name = {name.text} {self.token.text} ...")
            self.fail(
                "Left of = stands the one name that is defined; the formula stands right of it. "
                "Write == to claim that two formulas are equal."
            )
        self.expect("=", f"after {name.text}")
        if self.token.kind == "end":
            self.fail(f"There is nothing after the =; write what {name.text} is.")
        body, loops = self.whole(), list[Loop]()
        while marks[0] == "[" and self.is_word("for"):
            loops.append(self.loop())
            if loops[-1].index.name not in [token.text for token in marks[1]]:
                index = loops[-1].index.name
                self.fail(f"{index} is no index of {name.text}; left of the = stand the indices, [{index}].")
        self.finish()
        if marks[0] == "(":
            return FunctionLine(name, marks[1], body)
        return DefinitionLine(name, marks[1], body, tuple(loops))

    def marks(self, name: Token) -> tuple[str, tuple[Token, ...]]:
        """Indices in [...] or parameters in (...) behind the name that is being defined."""
        opening = self.take().text
        what, closing = ("an index", "]") if opening == "[" else ("a parameter", ")")
        found: list[Token] = []
        while not found or self.is_op(","):
            if found:
                self.take()
            if self.token.kind != "name":
                self.unexpected(
                    f"expected {what} such as {'i' if opening == '[' else 't'} on the left of a definition"
                )
            found.append(self.take())
            if found[-1].text in [token.text for token in found[:-1]]:
                self.fail(f"{found[-1].text} stands twice on the left; use another letter.", found[-1])
        if not self.is_op(closing) and name.text == "d" and opening == "(":
            self.unexpected(f"expected {closing}")
        self.expect(closing, f"after {found[-1].text}")
        if name.text == "d" and opening == "(":
            written = self.source.quote(name.start, self.tokens[self.at - 1].end)
            self.fail(
                f"d is the derivative and cannot be defined. For a claim write {written} == ..., "
                f"for a definition name the derivative: g = {written}.",
                name,
            )
        return opening, tuple(found)

    def claim(self) -> Line:
        if self.is_op("=="):
            self.fail("There is nothing on the left of ==.")
        left = self.whole()
        self.expect("==", "here")
        if self.token.kind == "end":
            self.fail("There is nothing on the right of ==.")
        right = self.whole()
        if self.is_op("=="):
            self.fail("A claim has one ==; write a == b; b == c.")
        self.finish()
        return ClaimLine(left, right)
