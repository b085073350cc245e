"""Where a derivative does not exist, and what the formulas give there."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import NamedTuple

from chainrule.equations.formulas.line_names import spelling_of
from chainrule.equations.formulas.matrixform import matrix_form
from chainrule.equations.formulas.print_unicode import UnicodePrinter
from chainrule.equations.nodes.nodes import Node, content, is_number, topological
from chainrule.equations.nodes.operations import ELEMENTWISE, fact, operation
from chainrule.equations.nodes.program import Program, symbols_of

Text = Callable[[Node], str]


class Kink(NamedTuple):
    """A place where a function has no derivative.

    Attributes
    ----------
    place : str
        Where, as an equation that holds for an entry.
    convention : str
        What the formulas take for the derivative there.
    """

    place: str
    convention: str

    def __str__(self) -> str:
        return f"{self.place}: {self.convention}"


def kinks_of(program: Program, of: str, wrt: Sequence[str], order: int = 1) -> tuple[Kink, ...]:
    """Where the derivatives up to an order do not hold on the way from ``wrt`` to ``of``, down the sheet.

    Returns
    -------
    tuple of Kink
    """
    moving = program.dependents(wrt) & program.ancestors([of])
    writer = UnicodePrinter(spelling_of(program), tuple(program.symbols))
    found: list[Kink] = []
    for name, body in program.bodies.items():
        if name in moving:
            found += [
                kink
                for node in _without_what_users_say(body)
                if any(program.name_of.get(symbol) in moving for symbol in symbols_of(node))
                for kink in _kinks(node, writer, order)
            ]
    return tuple(dict.fromkeys(found))


def _without_what_users_say(body: Node) -> list[Node]:
    """The nodes of a body without each |u| that only log |u| uses, and each ‖u‖ that only its powers use."""
    nodes, kept = list(topological([body])), {body}
    for node in nodes:
        within = "abs" if node.data == "log" else "norm" if node.kind == "pow" else None
        kept.update(arg for arg in node.args if within not in (arg.kind, arg.data))
    return [node for node in nodes if node in kept or not (node.kind == "norm" or node.data == "abs")]


def _of_function(node: Node, text: Text, order: int) -> list[Kink]:
    (arg,), row = node.args, ELEMENTWISE[node.data]
    if row.kink is not None:
        convention = row.kink.convention or row.words
        return [Kink(f"{text(content(arg)[1])} = 0", convention)] if order >= row.kink.order else []
    if node.data == "log" and arg.kind == "fn" and arg.data == "abs":
        inner = text(content(arg.args[0])[1])
        return [Kink(f"{inner} = 0", "log |u| has no value there, and 1/u none either")]
    return []


def _of_norm(norm: Node, text: Text, order: int, power: Fraction | int = 1) -> list[Kink]:
    return [Kink(f"{text(norm)} = 0", _at_zero_length(power, order))] if 0 < power < 2 * order else []


def _of_power(node: Node, text: Text, order: int) -> list[Kink]:
    (base,) = node.args
    if base.kind == "norm":
        return _of_norm(base, text, order, node.data)
    if node.data.denominator > 1 and 0 < node.data < order:
        words = "the gradient" if order == 1 else "the second derivative"
        return [Kink(f"{text(content(base)[1])} = 0", f"{words} of the root is infinite")]
    return []


def _of_determinant(node: Node, text: Text, order: int) -> list[Kink]:
    there = "the derivative is the adjugate" if order == 1 else "the second derivative is there"
    words = f"the formula needs the inverse; {there}, which compiled code returns"
    return [Kink(f"{text(node)} = 0", words)]


def _of_extreme(node: Node, text: Text, order: int) -> list[Kink]:
    words = f"{node.data}' = e_arg{node.data}, in equal shares among ties"
    return [Kink(f"several entries of {text(node.args[0])} attain the {node.data}", words)]


def _of_choice(node: Node, text: Text, order: int) -> list[Kink]:
    # Where only indices are compared, nothing that moves can come to the border.
    borders = [inner for inner in topological(node.args[:1]) if inner.kind == "compare" and symbols_of(inner)]
    words = "the slope of the branch that is taken there"
    return [Kink(" = ".join(map(text, border.args)), words) for border in borders]


KINKED: dict[str, Callable[[Node, Text, int], list[Kink]]] = {
    "fn": _of_function,
    "norm": _of_norm,
    "pow": _of_power,
    "raised": lambda node, text, order: [] if _is_whole(node.args[1]) else _power_kinks(node.args[0], text),
    "det": _of_determinant,
    "extreme": _of_extreme,
    "where": _of_choice,
}
"""Kinds of nodes that have kinks; the others are smooth, or constant."""


def _kinks(node: Node, writer: UnicodePrinter, order: int) -> list[Kink]:
    """The kinks of one node."""
    row = KINKED.get(node.kind)
    return row(node, lambda arg: writer.text(matrix_form(arg)), order) if row is not None else []


def _at_zero_length(power: Fraction | int, order: int) -> str:
    """What a power of a norm has at 0: its derivatives up to the power, though written as 0/0."""
    words = "gradient" if order == 1 else "second derivative"
    if power < 1:
        return f"the {words} is infinite"
    if power > order:
        return f"the formula gives 0/0; the {words} is 0"
    return f"no {words}; where the formula gives 0/0, 0 is taken"


def _power_kinks(base: Node, text: Text) -> list[Kink]:
    """Where a power with a variable exponent, or a derivative of it, ends."""
    below = "only whole powers have a value there, and none has a derivative by its exponent"
    at = "a power below the order has an infinite derivative; that by the exponent is taken as 0"
    if is_number(base) or fact(operation(base).is_strictly_positive, base):
        return []
    known = fact(operation(base).is_positive, base) is True
    return [Kink(f"{text(base)} = 0", at), *([] if known else [Kink(f"{text(base)} < 0", below)])]


def _is_whole(exponent: Node) -> bool:
    """Whether an exponent is made of sizes and indices so that it is whole, and not negative."""
    return all(
        node.kind in ("size", "iota", "ones", "prod")
        or (node.kind == "lin" and all(c > 0 and c.denominator == 1 for c in node.data))
        for node in topological([exponent])
    )
