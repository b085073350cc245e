"""Where a derivative does not exist, and what the formulas give there."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from chainrule.equations.calculus.lets import FUNCTION_WORDS
from chainrule.equations.formulas.forms import Norm
from chainrule.equations.formulas.glyphs import unicode_name
from chainrule.equations.formulas.matrixform import matrix_form
from chainrule.equations.formulas.print_unicode import UnicodePrinter
from chainrule.equations.nodes.nodes import Node, topological
from chainrule.equations.nodes.program import Program, symbols_of
from chainrule.equations.nodes.sums import content

__all__ = ["Kink", "kinks_of"]

# The functions whose slope jumps at 0, or that jump there themselves.
_AT_ZERO = ("abs", "sign", "step", "relu", "leaky_relu")
# The same for the second derivative: which order jumps, and what is taken there.
_LATER = {"elu": (2, "elu'' jumps from 1 to 0, the formulas take 1 at 0")}


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
    writer = UnicodePrinter(lambda node: unicode_name(str(node.data)), tuple(program.symbols))
    found: list[Kink] = []
    for name, body in program.bodies.items():
        if name in moving:
            found += [
                kink
                for node in _without_absolutes_in_logs(body)
                if any(program.name_of.get(symbol) in moving for symbol in symbols_of(node))
                for kink in _kinks(node, writer, order)
            ]
    return tuple(dict.fromkeys(found))


def _without_absolutes_in_logs(body: Node) -> list[Node]:
    """The nodes of a body but for each |u| that only log |u| uses: where that ends, so does the logarithm."""
    nodes = list(topological([body]))
    others = {arg for node in nodes if not (node.kind == "fn" and node.data == "log") for arg in node.args}
    kept = others | {body}
    return [node for node in nodes if node in kept or not (node.kind == "fn" and node.data == "abs")]


def _kinks(node: Node, writer: UnicodePrinter, order: int) -> list[Kink]:
    """The kinks of one node."""

    def text(arg: Node) -> str:
        return writer.text(matrix_form(arg))

    if node.kind == "fn":
        place = f"{text(_without_number(node.args[0]))} = 0"
        if node.data in _AT_ZERO:
            return [Kink(place, FUNCTION_WORDS[node.data])]
        if node.data == "log" and node.args[0].kind == "fn" and node.args[0].data == "abs":
            inner = text(_without_number(node.args[0].args[0]))
            return [Kink(f"{inner} = 0", "log |u| has no value there, and 1/u none either")]
        first, words = _LATER.get(node.data, (order + 1, ""))
        return [Kink(place, words)] if order >= first else []
    if node.kind == "pow" and node.data.denominator > 1 and 0 < node.data < order:
        return _root(node, writer, order)
    if node.kind == "det" and order > 1:
        return [Kink(f"{text(node)} = 0", "the formula needs the inverse, which is not there")]
    if node.kind == "det":
        words = "the formula needs the inverse; the derivative is the adjugate, which compiled code returns"
        return [Kink(f"{text(node)} = 0", words)]
    if node.kind == "extreme":
        words = f"{node.data}' = e_arg{node.data}, in equal shares among ties"
        return [Kink(f"several entries of {text(node.args[0])} attain the {node.data}", words)]
    if node.kind == "where":
        borders = [inner for inner in topological(node.args[:1]) if inner.kind == "compare"]
        return [
            Kink(" = ".join(map(text, border.args)), "the slope of the branch that is taken there")
            for border in borders
        ]
    return []


def _without_number(node: Node) -> Node:
    """The node without a number in front, and with the sign in which it reads best."""
    _, node = content(node)
    return node.args[0] if node.kind == "lin" and len(node.args) == 1 else node


def _root(node: Node, writer: UnicodePrinter, order: int) -> list[Kink]:
    """A root at 0, where a derivative of some order is infinite, or 0/0 for the length of a vector."""
    form = matrix_form(node.pool.intern("pow", Fraction(1, 2), node.args, node.dims))
    words = "the gradient" if order == 1 else "the second derivative"
    if isinstance(form, Norm):
        return [Kink(f"{writer.text(form)} = 0", f"no {words.removeprefix('the ')}; the formula gives 0/0")]
    place = writer.text(matrix_form(_without_number(node.args[0])))
    return [Kink(f"{place} = 0", f"{words} of the root is infinite")]
