"""Reading on after a mistake: what was found so far, and which names it leaves in doubt.

Each statement is blamed once, for its own mistake and not for those of others. A name that a bad statement
was about is in doubt from there on: statements that use it are still held to the grammar and to known names,
but not to shapes, and what they define is in doubt as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from chainrule.equations.language.functions import ALIASES, CONSTANTS, FUNCTIONS
from chainrule.equations.language.lexer import Token
from chainrule.equations.language.scope import Scope
from chainrule.equations.language.statements import ROLES, divider_of, outside, without_role
from chainrule.errors import SheetError

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


def names_in_doubt(tokens: tuple[Token, ...], scope: Scope) -> list[str]:
    """The names that a statement with a mistake was about.

    A name that stands alone left of an = or a colon is what the statement was about. In a declaration the
    sizes are in doubt too; and where it cannot be seen what was meant (``W @ x = z``, ``h W @ x``), every
    name that is not known yet.
    """
    rest = without_role(tokens, (*ROLES, *SLIPS))
    plain, divider = list(outside(rest)), divider_of(rest)
    left = _names(plain[: plain.index(divider)]) if divider else []
    if divider and divider.text == "==":  # h == ... where h = ... was meant
        return [name for name in left if divider is rest[1] and _is_unknown(name, scope)]
    about = [name for name in left if len(left) == 1 and name != "d"]
    declares = bool(divider and divider.text == ":")
    if len(left) == 1 and not declares:
        return about
    others = _names(rest if declares or rest is not tokens else plain)
    return about + [name for name in others if _is_unknown(name, scope)]


def _names(tokens: Sequence[Token]) -> list[str]:
    """The names among some tokens; the T behind a dot is none."""
    before = ["", *(token.text for token in tokens[:-1])]
    pairs = zip(before, tokens, strict=False)
    return [token.text for mark, token in pairs if token.kind == "name" and mark != "."]


def _is_unknown(name: str, scope: Scope) -> bool:
    known = scope.is_value(name) or name in scope.sizes or name in scope.functions
    return not known and name not in (*_WORDS, *FUNCTIONS, *ALIASES, *CONSTANTS, "d")
