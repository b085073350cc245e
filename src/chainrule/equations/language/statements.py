"""From the tokens of a text to its statements: brackets matched, limits held, faults kept where they belong.

Any text too long or too deeply bracketed is refused here, before it is parsed.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, takewhile
from typing import NamedTuple

from chainrule.equations.language.lexer import Fault, Source, Token, tokens
from chainrule.errors import SheetLimitError, SheetSyntaxError

MAX_TEXT = 60_000
MAX_LINE = 20_000
MAX_BRACKETS = 40
ROLES = ("data", "parameters", "constants")
_DIVIDERS = (":", "=", "==", ":=", "<-", "->")
_CLOSING = {"(": ")", "[": "]"}
_OPENING = {closing: opening for opening, closing in _CLOSING.items()}


class Statement(NamedTuple):
    """The tokens between two line ends or semicolons, closed by an empty token of kind "end".

    With a fault the tokens are what is left without it: enough to see what was being defined.
    """

    tokens: tuple[Token, ...]
    starts_line: bool
    ends_line: bool
    fault: Fault | None = None


def statements(source: Source) -> list[Statement]:
    """Tokens of each statement, in order; empty ones are left out.

    Parameters
    ----------
    source : Source

    Raises
    ------
    SheetLimitError
        If the text or a line is too long, or brackets are nested too deeply.
    SheetSyntaxError, SheetNameError
        If a character, a number, a bracket or a name cannot be read.
    """
    found = all_statements(source)
    for statement in found:
        if statement.fault is not None:
            raise source.error(*statement.fault)
    return found


def all_statements(source: Source) -> list[Statement]:
    """As `statements`, but a statement that cannot be read keeps its first fault and the next one is read.

    Parameters
    ----------
    source : Source

    Raises
    ------
    SheetLimitError
        If the text or a line is too long, or brackets are nested too deeply.
    """
    _check_lengths(source)
    pieces = list(tokens(source))
    readable = [piece for piece in pieces if isinstance(piece, Token)]
    never_closed = _never_closed(readable)
    found: list[Statement] = []
    work = _Assembly(source)

    def gives_up(at: int) -> bool:
        if work.opened[-1] in never_closed and _is_claim(readable, at):
            return True
        return work.lacks_bracket(never_closed) and _starts_statement(readable, at)

    at = 0
    for piece in pieces:
        if isinstance(piece, Fault):
            work.blame(piece)
            continue
        at += 1
        if piece.kind != "end":
            work.add(piece)
        elif piece.text != "\n" or not work.opened or gives_up(at):
            work.finish(piece, found)
    return found


def defined_names(source: Source, parts: Sequence[Statement]) -> dict[str, int]:
    """Names that stand left of an = or a colon, with their lines: for the error if one is used too early."""
    found: dict[str, int] = {}
    for part in parts:
        first, *rest = without_role(part.tokens)
        mark = rest[0].text if rest else ""
        marks = {token.text for token in rest} if mark in _CLOSING else {mark}
        if first.kind == "name" and (mark == ":" or ("=" in marks and "==" not in marks)):
            found.setdefault(first.text, source.line_of(first.start))
    return found


def without_role(tokens: tuple[Token, ...], roles: Collection[str] = ROLES) -> tuple[Token, ...]:
    """The tokens of a statement behind ``data``, ``parameters`` or ``constants``."""
    has_role = len(tokens) > 2 and tokens[0].text in roles and tokens[1].kind == "name"
    return tokens[1:] if has_role else tokens


def outside(tokens: Iterable[Token]) -> Iterator[Token]:
    """The tokens that stand outside all brackets."""
    depth = 0
    for token in tokens:
        depth += token.text in _CLOSING
        if depth <= 0:
            yield token
        depth -= token.text in _OPENING


def divider_of(tokens: Iterable[Token]) -> Token | None:
    """The mark outside all brackets that says what kind of statement this is."""
    return next((token for token in outside(tokens) if token.text in _DIVIDERS), None)


@dataclass
class _Assembly:
    """One statement on its way; line ends inside its brackets are left out."""

    source: Source
    tokens: list[Token] = field(default_factory=list)
    opened: list[Token] = field(default_factory=list)
    fault: Fault | None = None
    starts_line: bool = True

    def add(self, token: Token) -> None:
        if token.kind == "op" and token.text in _CLOSING:
            self.opened.append(token)
            if len(self.opened) > MAX_BRACKETS:
                self.source.fail(
                    f"Brackets are nested more than {MAX_BRACKETS} deep; give the inner parts names.",
                    token,
                    SheetLimitError,
                )
        elif token.kind == "op" and token.text in _OPENING:
            if not self.opened or _CLOSING[self.opened[-1].text] != token.text:
                self.blame(_unmatched(self.source, token, self.opened))
            _close(self.opened, token)
        self.tokens.append(token)

    def lacks_bracket(self, never_closed: set[Token]) -> bool:
        """Whether a statement on the next line would show that a bracket is missing in this one."""
        last = self.tokens[-1]
        return self.opened[-1] in never_closed or last.kind != "op" or last.text in _OPENING

    def blame(self, fault: Fault) -> None:
        self.fault = self.fault or fault

    def finish(self, end: Token, found: list[Statement]) -> None:
        if self.opened:
            last = self.opened[-1]
            message = f"This {last.text} is never closed; a {_CLOSING[last.text]} is missing."
            self.blame(Fault(SheetSyntaxError, message, last.start, last.end))
        if self.tokens or self.fault:
            at = self.tokens[-1].end if self.tokens else end.start
            closed = (*self.tokens, Token("end", end.text, at, at))
            found.append(Statement(closed, self.starts_line, end.text != ";", self.fault))
        self.tokens, self.opened, self.fault = [], [], None
        self.starts_line = end.text != ";"


def _close(opened: list[Token], closing: Token) -> None:
    """Take off what a closing bracket ends: the bracket of its kind, if it is one of the last two."""
    kind = _OPENING[closing.text]
    del opened[-2 if len(opened) > 1 and opened[-1].text != kind == opened[-2].text else -1 :]


def _never_closed(tokens: Sequence[Token]) -> set[Token]:
    """Opening brackets that no line of their statement closes."""
    found: set[Token] = set()
    opened: list[Token] = []
    for token in tokens:
        if token.kind == "op" and token.text in _CLOSING:
            opened.append(token)
        elif token.kind == "op" and token.text in _OPENING:
            _close(opened, token)
        elif token.kind == "end" and token.text != "\n":
            found.update(opened)
            opened = []
    return found


def _starts_statement(tokens: Sequence[Token], at: int) -> bool:
    """Whether a declaration, a definition or a layout begins here, as none can inside brackets."""
    first, second = (*tokens[at : at + 2], *[Token("end", "", 0, 0)] * 2)[:2]
    if first.kind != "name" or first.text == "axis":
        return False
    if second.kind == "name":
        return first.text in (*ROLES, "layout")
    if second.text not in _CLOSING:
        return second.text in ("=", ":")
    while tokens[at].kind != "end" and tokens[at].text not in _OPENING:
        at += 1
    return tokens[at].kind != "end" and tokens[at + 1].text == "="


def _is_claim(tokens: Sequence[Token], at: int) -> bool:
    """Whether a line has an == outside its own brackets, as where( and then a == b, 1, 0) has, too."""
    line = takewhile(lambda token: token.kind != "end", islice(tokens, at, None))
    return any(token.text == "==" for token in outside(line))


def _check_lengths(source: Source) -> None:
    if len(source.text) > MAX_TEXT:
        raise SheetLimitError(
            f"The sheet has {len(source.text):,} characters; at most {MAX_TEXT:,} are read. "
            "Split the model into several sheets."
        )
    for number, line in enumerate(source.text.split("\n"), start=1):
        if len(line) > MAX_LINE:
            raise SheetLimitError(
                f"The line has {len(line):,} characters; at most {MAX_LINE:,} are read. Break the line.",
                line=number,
            )


def _unmatched(source: Source, token: Token, opened: list[Token]) -> Fault:
    if not opened:
        message = f"This {token.text} closes nothing; remove it, or open a bracket before it."
    else:
        line = source.line_of(opened[-1].start)
        where = "" if line == source.line_of(token.start) else f" opened in line {line}"
        want = _CLOSING[opened[-1].text]
        message = f"This {token.text} cannot close the {opened[-1].text}{where}; expected {want}."
    return Fault(SheetSyntaxError, message, token.start, token.end)
