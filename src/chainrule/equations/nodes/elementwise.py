"""What an elementwise function is: one row that says all that the rest of the calculus asks of it.

The rows stand in `function_rows`; here is their form, and where they are looked up. The literal meaning of a
function stands apart, in the language: it is the first witness.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from chainrule.equations.nodes.nodes import Node
from chainrule.errors import NoRuleError


class Kink(NamedTuple):
    """A jump at 0: of the function or its first derivative, or of one of a higher order.

    Parameters
    ----------
    order : int
        Of the first derivative that has no value there.
    convention : str
        What the formulas take for it; if empty, the words of the rule say it.
    """

    order: int = 1
    convention: str = ""


class Elementwise(NamedTuple):
    """An elementwise function f.

    Parameters
    ----------
    name : str
    slope : callable or None
        f'(u), from the argument u and the value v = f(u), or the name that stands for it; None where no
        formula is known that keeps its digits far out.
    words : str
        The rule, for a reader.
    value : callable
        The values of an array, real or complex.
    code : str
        What it is called in generated NumPy code, a function of NumPy or one that the code carries along.
    build : callable, optional
        What f(u) is recognised as; None if it stays f(u).
    spelled : callable, optional
        What a function that only compiled code has is for a reader.
    kink : Kink, optional
    sign : {"", "not negative", "positive"}
        What is known of all its values.
    overflows : bool
        Whether it is infinite, or not a number, at some finite argument.
    steps : bool
        Whether its values are real whatever the argument: those of a step.
    logarithm : callable, optional
        log f(u) for compiled code, finite where f(u) is beyond every float.
    letter, latex : str
        Its name in Unicode and in LaTeX, if that is another.
    """

    name: str
    slope: Callable[[Node, Node], Node] | None
    words: str
    value: Callable[[Any], Any]
    code: str
    build: Callable[[Node], Node | None] | None = None
    spelled: Callable[[Node], Node] | None = None
    kink: Kink | None = None
    sign: Literal["", "not negative", "positive"] = ""
    overflows: bool = False
    steps: bool = False
    logarithm: Callable[[Node], Node] | None = None
    letter: str = ""
    latex: str = ""


ELEMENTWISE: dict[str, Elementwise] = {}
"""All rows by name."""

COMPOSED: dict[str, Callable[[Node], Node]] = {}
"""Functions of the language that are made of others: sqrt(u) is u to the power 1/2."""


def apply(name: str, u: Node) -> Node:
    """The node of name(u), or what it is recognised as."""
    if name in COMPOSED:
        return COMPOSED[name](u)
    build = ELEMENTWISE[name].build if name in ELEMENTWISE else None
    found = build(u) if build is not None else None
    return plain(name, u) if found is None else found


def plain(name: str, u: Node) -> Node:
    """name(u) as it stands, whatever it could be recognised as."""
    return u.pool.intern("fn", name, (u,), u.dims)


def slope(node: Node, value: Node) -> Node:
    """f'(u) of a node f(u); ``value`` is the node or the name that stands for it.

    Raises
    ------
    NoRuleError
        If the function has no row; zero is never a default.
    """
    rule = ELEMENTWISE[node.data].slope if node.data in ELEMENTWISE else None
    if rule is None:
        known = ", ".join(sorted(name for name, row in ELEMENTWISE.items() if row.slope is not None))
        raise NoRuleError(f"No derivative rule for {node.data}; rules exist for {known}.")
    return rule(node.args[0], value)
