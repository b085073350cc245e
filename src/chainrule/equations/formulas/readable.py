"""Formulas that nobody reads are refused before they are written."""

from collections.abc import Iterable

from chainrule.equations.nodes.nodes import Node, from_below
from chainrule.equations.nodes.simplify import cost
from chainrule.errors import SheetLimitError

# What is still written: 100 pages. f(f(... f(x))) with f(t) = sin(t) + cos(t) doubles at every level.
MOST_SYMBOLS = 50_000
# All lines of a derivation: the Hessian of trace((A₁ + B₁) ... (A₄₀ + B₄₀)) times a direction has 305,800.
MOST_TOGETHER = 250_000
# Operations inside one another; the language reads no deeper formula either.
MOST_NESTED = 100


def is_readable(node: Node) -> bool:
    """Whether a formula is written."""
    return cost(node) <= MOST_SYMBOLS and _depth(node, ()) <= MOST_NESTED


def _depth(node: Node, held: Iterable[Node]) -> int:
    """Operations inside one another."""
    return from_below(node, lambda _, depths: 1 + max(depths, default=0), dict.fromkeys(held, 0))


def require_readable(node: Node, held: Iterable[Node]) -> None:
    """Make sure that a formula is not too long or too deep; ``held`` stand in it as names.

    Raises
    ------
    SheetLimitError
        With the number of its symbols, or of operations inside one another.
    """
    length, depth = cost(node), _depth(node, held)
    if length > MOST_SYMBOLS or depth > MOST_NESTED:
        what = (
            f"{length:,} symbols; at most {MOST_SYMBOLS:,} are"
            if length > MOST_SYMBOLS
            else f"{depth:,} operations inside one another; at most {MOST_NESTED} are"
        )
        raise SheetLimitError(
            f"A formula would be written with {what}. Give parts of it names in the sheet, h = ..., and it "
            "stands over these names; compiled code shares what occurs twice and needs none."
        )


def require_readable_together(nodes: Iterable[Node]) -> None:
    """Make sure that some lines are not too long together, each of which may be written.

    Raises
    ------
    SheetLimitError
        With the number of their symbols.
    """
    if (length := sum(map(cost, nodes))) > MOST_TOGETHER:
        raise SheetLimitError(
            f"The derivation would be written with {length:,} symbols; at most {MOST_TOGETHER:,} are. Ask "
            "for fewer names, or give parts of the sheet names, over which lines are shorter; compiled code "
            "shares what occurs twice."
        )
