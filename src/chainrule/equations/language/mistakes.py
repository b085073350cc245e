"""Reading on after a mistake: what was found so far, and which names it leaves in doubt.

Each statement is blamed once, for its own mistake and not for those of others. A name that a bad statement
was about is in doubt from there on: statements that use it are still held to the grammar and to known names,
but not to shapes, and what they define is in doubt as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from chainrule.equations.language.functions import ALIASES, CONSTANTS, FUNCTIONS
from chainrule.equations.language.lexer import Token
from chainrule.equations.language.scope import Scope
from chainrule.equations.language.statements import ROLES
from chainrule.errors import SheetError

__all__ = ["MAX_MISTAKES", "SLIPS", "Mistakes", "names_in_doubt"]

MAX_MISTAKES = 50
SLIPS = {
    "parameter": "parameters",
    "params": "parameters",
    "param": "parameters",
    "constant": "constants",
    "const": "constants",
    "given": "a declaration without a role",
}
"""What is written for a role by mistake."""

_DIVIDERS = (":", "=", ":=", "<-", "->", "==")
_WORDS = ("for", "in", "if", "else", "layout", *ROLES, *SLIPS)


@dataclass
class Mistakes:
    """The mistakes of one reading, at most `MAX_MISTAKES`."""

    found: list[SheetError] = field(default_factory=list)
    is_readable: bool = True  # whether all of them are in claims, which are in nobody's way

    def add(self, error: SheetError, in_claim: bool) -> None:
        self.found.append(error)
        self.is_readable &= in_claim

    def is_full(self) -> bool:
        return len(self.found) >= MAX_MISTAKES

    def raise_all(self) -> None:
        """Raise what was found, in the order of the lines; nothing if the sheet can be read."""
        if self.is_readable and not self.is_full():
            return
        heading = f"{MAX_MISTAKES} mistakes in the sheet; it was not read any further"
        raise SheetError.several(self.found, heading if self.is_full() else None)


def names_in_doubt(tokens: tuple[Token, ...], scope: Scope) -> Iterator[str]:
    """The names that a statement with a mistake was about.

    A name that stands alone left of an = or a colon is what the statement was about. In a declaration the
    sizes are in doubt too; and where it cannot be seen what was meant (``W @ x = z``, ``h W @ x``), every
    name that is not known yet.
    """
    has_role = len(tokens) > 2 and tokens[0].text in (*ROLES, *SLIPS) and tokens[1].kind == "name"
    tokens = tokens[has_role:]
    depths = _depths(tokens)
    at = next((i for i, t in enumerate(tokens) if not depths[i] and t.text in _DIVIDERS), -1)
    divider = tokens[at].text
    left = [t.text for i, t in enumerate(tokens[:at]) if _is_name(tokens, i) and not depths[i]]
    if divider == "==":
        # h == ... where h = ... was meant
        yield from (name for name in left if at == 1 and _is_unknown(name, scope))
        return
    alone = left if len(left) == 1 and at >= 0 else []
    yield from (name for name in alone if name != "d")
    if not alone or divider == ":":
        shown = [i for i in range(len(tokens)) if has_role or divider == ":" or not depths[i]]
        names = [tokens[i].text for i in shown if _is_name(tokens, i)]
        yield from (name for name in names if _is_unknown(name, scope))


def _is_name(tokens: tuple[Token, ...], at: int) -> bool:
    return tokens[at].kind == "name" and (at == 0 or tokens[at - 1].text != ".")


def _depths(tokens: tuple[Token, ...]) -> list[int]:
    depth, found = 0, []
    for token in tokens:
        depth += token.kind == "op" and token.text in "(["
        found.append(max(depth, 0))
        depth -= token.kind == "op" and token.text in ")]"
    return found


def _is_unknown(name: str, scope: Scope) -> bool:
    known = scope.is_value(name) or name in scope.sizes or name in scope.functions
    return not known and name not in (*_WORDS, *FUNCTIONS, *ALIASES, *CONSTANTS, "d")
