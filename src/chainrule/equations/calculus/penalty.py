"""What counts once: the penalty that is named; and what counts for every example: terms without data."""

from collections.abc import Collection
from typing import NamedTuple

from chainrule.equations.language.scope import near
from chainrule.equations.language.sheet import Sheet
from chainrule.equations.nodes.distribute import Terms, opened
from chainrule.equations.nodes.nodes import Node, factors_of, is_sum, linear
from chainrule.equations.nodes.operations import operation
from chainrule.equations.nodes.program import Program
from chainrule.errors import OptionError, SheetNameError, SheetShapeError

PENALTY = 'penalty="{}"'
"""How a penalty is named where nothing else is said."""


def require_penalty(sheet: Sheet, program: Program, of: str, penalty: object, option: str = PENALTY) -> None:
    """Make sure that C = reduction of ``of`` over the examples + ``penalty`` is what it says.

    Parameters
    ----------
    sheet : Sheet
    program : Program
    of, penalty : str
    option : str
        How the reader has named the penalty, with {} for its name.

    Raises
    ------
    OptionError
        If it is no line of its own, if data enter it, or if ``of`` has it as a term already.
    SheetNameError, SheetShapeError, NoRuleError
        If there is no such name, it is no scalar, or it has no rule.
    """
    if not isinstance(penalty, str):
        raise OptionError(f"penalty is {penalty!r}; expected the name of a line of the sheet.")
    said = option.format(penalty)
    if penalty not in sheet.declarations and penalty not in sheet.definitions:
        raise SheetNameError(f"{said}: the sheet has no such name.{near(penalty, list(sheet.definitions))}")
    if penalty in sheet.declarations:
        raise OptionError(f"{said}: {penalty} is declared, not computed; a penalty is a line such as R = ...")
    if penalty == of:
        raise OptionError(f"{said}: that is the objective itself; a penalty is another line of the sheet.")
    axes = sheet.type_of(penalty).axes
    if axes:
        shape = ", ".join(map(str, axes)) + ("," if len(axes) == 1 else "")
        raise SheetShapeError(f"{said}: {penalty} has shape ({shape}); a penalty is a scalar.")
    program.require([penalty])
    if data := sorted(set(program.named("data")) & program.ancestors([penalty])):
        raise OptionError(
            f"{said}: the data {', '.join(data)} enter {penalty}, so it differs from example to example; "
            "a penalty is made of parameters and constants alone."
        )
    _, same = split_terms(program, of, program.named("data"))
    if program.symbols[penalty] in [term for _, term in same]:
        raise OptionError(
            f"{said}: {of} has {penalty} as a term already, and would count it once more; leave it out."
        )


class Repeated(NamedTuple):
    """Terms of a name that are the same for every example: a sum counts each of them so many times."""

    program: Program
    of: str
    terms: list[Node]
    times: str


def repeated(program: Program, of: str, over: Collection[str], times: str) -> Repeated | None:
    """What a sum of ``of`` over the examples repeats, numbers and constants aside.

    Parameters
    ----------
    program : Program
    of : str
    over : collection of str
        The names that differ from example to example.
    times : str
        How often.
    """
    _, same = split_terms(program, of, over)
    constants = set(program.named("constants"))
    terms = []
    for c, term in same:
        declared = program.ancestors(program.names_in(term)) & set(program.declarations)
        if not declared <= constants:
            terms.append(linear(program.pool, [(c, term)], ()))
    return Repeated(program, of, terms, times) if terms else None


def split_terms(program: Program, of: str, over: Collection[str]) -> tuple[Terms, Terms]:
    """The terms of a quantity that the names in ``over`` enter, and those that they do not.

    Names that stand for sums are opened, and factors go into sums, so that ``e = data + R; L = a e`` is seen
    through.
    """
    changing = program.dependents(over)

    def is_same(node: Node) -> bool:
        return changing.isdisjoint(program.names_in(node))

    def behind(node: Node) -> Node:
        return program.definitions.get(node, node)

    def place_of(term: Node) -> int | None:
        """The one factor of scalars that changes, if it is a sum, or a name for something made of scalars."""
        factors = factors_of(term)
        moving = [place for place, (arg, _) in enumerate(factors) if not is_same(arg)]
        if len(moving) != 1 or any(own for _, own in factors):
            return None
        arg, _ = factors[moving[0]]
        inner = behind(arg)
        named = inner is not arg and not any(own for _, own in factors_of(inner))
        return moving[0] if is_sum(inner) or (named and operation(inner).is_polynomial) else None

    terms = opened(program.symbols[of], place_of, behind) or []
    same = [pair for pair in terms if is_same(pair[1])]
    return [pair for pair in terms if pair not in same], same
