"""Where a derivative does not exist, and what the formulas give there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from chainrule.equations.glyphs import unicode_name
from chainrule.equations.lets import FUNCTION_WORDS
from chainrule.equations.matrixform import matrix_form
from chainrule.equations.nodes import Node, topological
from chainrule.equations.print_unicode import UnicodePrinter
from chainrule.equations.program import Program, symbols_of
from chainrule.equations.sums import content

__all__ = ["Kink", "kinks_of"]

# The functions whose slope jumps at 0, or that jump there themselves.
_AT_ZERO = ("abs", "sign", "step", "relu", "leaky_relu")


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


def kinks_of(program: Program, of: str, wrt: Sequence[str]) -> tuple[Kink, ...]:
    """The kinks on the way from the names ``wrt`` to ``of``, in the order of the sheet.

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
                for node in topological([body])
                if any(program.name_of.get(symbol) in moving for symbol in symbols_of(node))
                for kink in _kinks(node, writer)
            ]
    return tuple(dict.fromkeys(found))


def _kinks(node: Node, writer: UnicodePrinter) -> list[Kink]:
    """The kinks of one node."""

    def text(arg: Node) -> str:
        return writer.text(matrix_form(arg))

    if node.kind == "fn" and node.data in _AT_ZERO:
        _, arg = content(node.args[0])
        arg = arg.args[0] if arg.kind == "lin" and len(arg.args) == 1 else arg
        return [Kink(f"{text(arg)} = 0", FUNCTION_WORDS[node.data])]
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
