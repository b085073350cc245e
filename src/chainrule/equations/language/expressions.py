"""Expressions from tokens, by the binding powers of the operators.

The grammar and its precedences are those of Python's expressions (a property test holds the two together),
read by a parser of our own: mistakes are explained in the words of the language, and no text makes it recurse
without bound.
"""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import NoReturn, TypeVar

from chainrule.equations.language.lexer import Source, Token
from chainrule.equations.language.syntax import (
    Comparison,
    Flip,
    Group,
    Invocation,
    Literal,
    Loop,
    Name,
    Node,
    Operation,
    Subscript,
    Unary,
    children,
)
from chainrule.equations.language.tree import Size, size_factors, size_product
from chainrule.errors import SheetError, SheetLimitError, SheetSyntaxError

_Item = TypeVar("_Item")

MAX_DEPTH = 100
MAX_SIZE = 1_000_000
MAX_FACTORS = 16
_WORDS = ("for", "in", "if", "else")
_BINDING = {"+": 10, "-": 10, "*": 20, "/": 20, "@": 20, "**": 40}
_UNARY = 30
_COMPARISONS = ("==", "!=", "<", ">", "<=", ">=")


def parse_size(source: Source, node: Node) -> Size:
    """The size that an expression names: a name, a whole number, or a product of these such as ``m*n``."""
    factors = _size_factors(node)
    if factors is None:
        written = source.quote(node.start, node.end)
        source.fail(
            f"A size is a name, a whole number or a product of these such as 2*n, not {written}.", node
        )
    if len(factors) > MAX_FACTORS:
        source.fail(f"A size has at most {MAX_FACTORS} factors; got {len(factors)}.", node, SheetLimitError)
    found: Size = 1
    for factor in factors:
        own = factor.name if isinstance(factor, Name) else int(factor.value)
        if isinstance(own, int):
            _check_size(source, own, factor)
        found = size_product(found, own)
        number = math.prod(part for part in size_factors(found) if isinstance(part, int))
        _check_size(source, number, node)
    return found


def _size_factors(node: Node) -> list[Name | Literal] | None:
    """The names and whole numbers that a product consists of, from left to right; None if it is none."""
    found: list[Name | Literal] = []
    stack = [node]
    while stack:
        match stack.pop():
            case Name() as name:
                found.append(name)
            case Literal(value=value) as literal if value.denominator == 1:
                found.append(literal)
            case Group(inner=inner):
                stack.append(inner)
            case Operation(op="*", left=left, right=right):
                stack += [right, left]
            case _:
                return None
    return found


def _check_size(source: Source, size: int, place: Node) -> None:
    if size < 1:
        source.fail(f"A size is at least 1; got {size}.", place)
    if size > MAX_SIZE:
        source.fail(f"A size is at most {MAX_SIZE:,}; got {size:,}.", place, SheetLimitError)


class ExpressionParser:
    """Reads expressions from the tokens of one statement, from left to right."""

    def __init__(self, source: Source, tokens: tuple[Token, ...]) -> None:
        self.source = source
        self.tokens = tokens
        self.at = 0
        self.depth = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def is_op(self, *texts: str) -> bool:
        return self.tokens[self.at].text in texts  # no name, number or end is written like an operator

    def is_word(self, text: str) -> bool:
        return self.token.kind == "name" and self.token.text == text

    def take(self) -> Token:
        token = self.token
        self.at += token.kind != "end"
        return token

    def fail(
        self, message: str, token: Token | None = None, kind: type[SheetError] = SheetSyntaxError
    ) -> NoReturn:
        self.source.fail(message, token or self.token, kind)

    def refuse(self, message: str, *texts: str) -> None:
        """Fail with a message if one of some operators comes next."""
        if self.is_op(*texts):
            self.fail(message)

    def separated(self, item: Callable[[], _Item]) -> list[_Item]:
        """Items with commas between them."""
        found = [item()]
        while self.is_op(","):
            self.take()
            found.append(item())
        return found

    def expect(self, text: str, where: str) -> Token:
        if not self.is_op(text):
            self.unexpected(f"expected {text} {where}")
        return self.take()

    def name(self, what: str) -> Token:
        if self.token.kind != "name":
            self.unexpected(f"expected {what}")
        return self.take()

    def unexpected(self, expected: str) -> NoReturn:
        token = self.token
        found = "the statement ends here" if token.kind == "end" else f"found {token.text}"
        self.fail(f"{found[0].upper()}{found[1:]}; {expected}.")

    def whole(self) -> Node:
        """An expression outside all brackets, of bounded depth, so that others may walk it by recursion."""
        root = self.expression(0)
        level = [root]
        for _ in range(MAX_DEPTH):
            level = [child for node in level for child in children(node)]
            if not level:
                return root
        self.source.fail(
            f"More than {MAX_DEPTH} operations stand in one another or in one chain; give parts of it names.",
            root,
            SheetLimitError,
        )

    def expression(self, power: int) -> Node:
        """An expression whose operators bind more tightly than ``power``."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail(
                f"The expression is nested more than {MAX_DEPTH} deep; name its parts.", kind=SheetLimitError
            )
        left = self.prefix()
        while _BINDING.get(self.token.text, 0) > power:
            operator = self.take()
            # Powers group from the right, and a sign binds less than the power it stands behind: 2**-x.
            right = self.expression(_UNARY - 1 if operator.text == "**" else _BINDING[operator.text])
            left = Operation(left.start, right.end, operator.text, left, right)
        self.depth -= 1
        return left

    def prefix(self) -> Node:
        if self.is_op("-", "+"):
            sign = self.take()
            operand = self.expression(_UNARY)
            return Unary(sign.start, operand.end, sign.text, operand)
        return self.postfix(self.atom())

    def postfix(self, node: Node) -> Node:
        for _ in range(MAX_DEPTH):
            if self.is_op("["):
                node = self.subscript(node)
            elif self.is_op(".T"):
                node = Flip(node.start, self.take().end, node)
            elif self.is_op("."):
                node = self.dotted(node)
            elif self.is_op("("):
                self.not_callable(node)
            else:
                return node
        self.fail(f"More than {MAX_DEPTH} subscripts follow each other.", kind=SheetLimitError)

    def dotted(self, node: Node) -> Node:
        dot = self.take()
        if self.is_word("T"):
            return Flip(node.start, self.take().end, node)
        if self.token.kind == "name" and isinstance(node, Name):
            self.fail(f"Only .T can follow a dot; functions are written plainly: {self.token.text}(...).")
        self.fail("Only .T, the transpose, can follow a dot.", dot)

    def not_callable(self, node: Node) -> NoReturn:
        written = self.source.quote(node.start, node.end)
        self.fail(f"{written} is not a function; for a product write {written} * (...) or {written} @ (...).")

    def atom(self) -> Node:
        token = self.token
        if token.kind == "number":
            return self.number(self.take())
        if token.kind == "name" and token.text not in _WORDS:
            self.take()
            if self.is_op("("):
                return self.invocation(Name(token.start, token.end, token.text))
            return Name(token.start, token.end, token.text)
        if self.is_op("("):
            return self.group()
        self.refuse("There are no lists; declare a vector as data or a constant: x: R[3].", "[")
        self.refuse(f"{token.text} is not an operation of the language.", "%", "//", ":=", "->", "<-")
        self.unexpected("expected a value: a name, a number, a function or a bracket")

    def number(self, token: Token) -> Node:
        mantissa, _, exponent = token.text.lower().partition("e")
        if len(mantissa) > 60 or abs(int(exponent[:6] or 0)) > 300 or len(exponent) > 5:
            self.fail(
                "The number is too long or too large; at most 60 digits and an exponent of 300.",
                token,
                SheetLimitError,
            )
        after = self.token
        if after.kind == "name" and after.start == token.end and after.text not in _WORDS:
            self.fail(f"Write {token.text} * {after.text}; side by side is not a product.")
        return Literal(token.start, token.end, Fraction(token.text), token.text)

    def group(self) -> Node:
        opening = self.take()
        if self.is_op(")"):
            self.fail("There is nothing between the brackets.", opening)
        inner = self.condition()
        self.refuse("There are no lists or pairs; a comma separates the arguments of a function.", ",")
        if self.is_word("for"):
            self.fail("for ... in ... belongs directly inside sum(...) or mean(...).")
        self.closing(")", "to close the bracket")
        return Group(opening.start, self.tokens[self.at - 1].end, inner)

    def closing(self, text: str, where: str) -> None:
        self.check_separate("(")
        self.expect(text, where)

    def check_separate(self, *brackets: str) -> None:
        """Refuse a value that stands behind another one."""
        if self.token.kind in ("name", "number") or self.is_op(*brackets):
            self.side_by_side(self.tokens[self.at - 1], self.token)

    def condition(self) -> Node:
        """An expression or one comparison, as it may stand in brackets."""
        left = self.expression(0)
        if not self.is_op(*_COMPARISONS):
            return left
        operator = self.take()
        right = self.expression(0)
        self.refuse("Compare two values at a time; nest where(...) for more.", *_COMPARISONS)
        return Comparison(left.start, right.end, operator.text, left, right)

    def invocation(self, function: Name) -> Node:
        self.take()
        args: list[Node] = []
        axis: Node | None = None
        while not self.is_op(")"):
            if args or axis:
                self.closing(",", f"between the arguments of {function.name}")
            if self.token.kind == "name" and self.tokens[self.at + 1].text == "=":
                axis = self.keyword(function, axis)
            elif axis is not None:
                self.fail("Arguments stand before axis=.")
            else:
                args.append(self.condition())
            if self.is_word("for"):
                break
        loops = self.loops(function, args, axis)
        end = self.expect(")", f"to close {function.name}(").end
        return Invocation(function.start, end, function, tuple(args), axis, loops)

    def keyword(self, function: Name, axis: Node | None) -> Node:
        word = self.take()
        if word.text != "axis":
            self.fail(
                f"{function.name} has no option {word.text}; the only option of the language is axis=.", word
            )
        if axis is not None:
            self.fail("axis= stands twice.", word)
        self.take()
        return self.expression(0)

    def loops(self, function: Name, args: list[Node], axis: Node | None) -> tuple[Loop, ...]:
        found: list[Loop] = []
        while self.is_word("for"):
            if len(args) != 1 or axis is not None:
                self.take()
                self.fail(f"{function.name}(... for i in N) takes one expression and no other argument.")
            found.append(self.loop())
            if self.is_word("if"):
                self.fail("An aggregate runs over the whole index; use where(...) in its body instead of if.")
        return tuple(found)

    def loop(self) -> Loop:
        """What an index runs over: ``for i in N``."""
        start = self.take().start
        index = self.name("an index such as i after for")
        self.refuse("One index at a time: for i in N for j in p.", ",")
        if not self.is_word("in"):
            self.unexpected(f"expected in, as in: for {index.text} in N")
        self.take()
        if self.is_word("range"):
            self.fail(f"Write the size itself: for {index.text} in N; it counts from 0 to N - 1.")
        size = self.expression(0)
        parse_size(self.source, size)
        return Loop(start, size.end, Name(index.start, index.end, index.text), size)

    def subscript(self, base: Node) -> Node:
        self.take()
        self.refuse("There is no subscript between the brackets.", "]")
        items = self.separated(self.item)
        self.closing("]", "after the subscripts")
        return Subscript(base.start, self.tokens[self.at - 1].end, base, tuple(items))

    def item(self) -> Node | None:
        node = None if self.is_op(":") else self.expression(0)
        if not self.is_op(":"):
            return node
        colon = self.take()
        if node is not None or not self.is_op(",", "]"):
            self.fail("A part of an axis cannot be taken; a colon alone keeps the whole axis.", colon)
        return None

    def finish(self) -> None:
        if self.token.kind == "end":
            return
        self.check_separate("(", "[")
        self.refuse("A second = stands here; a definition has one, and a claim is written with ==.", "=")
        self.refuse("A comma stands outside all brackets; statements are separated by semicolons.", ",")
        self.refuse(
            "A comparison belongs inside where(...); a claim is written left == right.", *_COMPARISONS
        )
        self.fail(f"{self.token.text} cannot stand here.")

    def side_by_side(self, before: Token, token: Token) -> NoReturn:
        if token.kind == "name" and token.text in ("if", "else"):
            self.fail("There is no if; write where(condition, a, b).")
        if token.kind == "name" and token.text in _WORDS:
            self.fail(
                f"{token.text} belongs inside an aggregate: sum(... for i in N) or mean(... for i in N)."
            )
        rest = {"(": "...)", "[": "...]"}.get(token.text, "")
        shown = f"{before.text} {token.text}{rest}"
        self.fail(
            f"Two values stand side by side: {shown}. Write @ for a matrix product, * for an elementwise one."
        )
