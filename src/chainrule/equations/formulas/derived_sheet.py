"""A model and its derivative as one sheet that reads back.

Where a formula is 0/0 and the derivative, by convention, 0, the sheet must say so: a reader of x / ‖x‖ is
told of x = 0 beside it; an evaluation of the sheet has the text alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from chainrule.equations.calculus.naming import Line
from chainrule.equations.calculus.second import direction_symbols
from chainrule.equations.formulas.line_names import sheet_line
from chainrule.equations.formulas.matrixform import matrix_form
from chainrule.equations.formulas.print_sheet import SheetPrinter
from chainrule.equations.formulas.shown import Shown
from chainrule.equations.language.free_names import underscored
from chainrule.equations.language.lexer import MOST_LETTERS
from chainrule.equations.language.tree import Declaration
from chainrule.equations.nodes.logarithms import is_positive
from chainrule.equations.nodes.nodes import (
    ONE,
    Node,
    argument_of,
    base_and_exponent,
    from_below,
    is_number,
    linear,
)
from chainrule.equations.nodes.operations import last_axes, rebuild
from chainrule.equations.nodes.products import elementwise, power, product
from chainrule.equations.nodes.program import Program
from chainrule.equations.nodes.raised import written_out


def derived_sheet(program: Program, lines: Sequence[Line], shown: Shown) -> str:
    """The model's declarations and definitions, then the lines that are no definitions themselves."""
    sizes = {size for symbol in program.symbols.values() for size in symbol.dims}
    taken = [*program.symbols, *(size for size in sizes if isinstance(size, str))]
    directions = direction_symbols(lines)
    own = [line for line in lines if line.symbol.data not in program.symbols]
    names = _sheet_names([symbol.data for symbol in (*directions, *(line.symbol for line in own))], taken)
    writer = SheetPrinter(lambda data: names.get(data, data), [*taken, *names.values()], shown.letters_of)
    rows = [_declaration(declaration) for declaration in program.declarations.values()]
    rows += [
        f"{names[symbol.data]}: R[{', '.join(map(str, symbol.dims))}]".replace("[]", "")
        for symbol in directions
    ]
    # What can only be evaluated has no body here, and what rests on it would not read back.
    lost = program.dependents(program.without_rule)
    for name, body in program.bodies.items():
        rows += writer.lines(name, matrix_form(said_at_kinks(body))) if name not in lost else ()
    said = [replace(line, expression=said_at_kinks(line.expression), naive=None) for line in own]
    for symbol, (form,) in shown.forms(said):
        rows += writer.lines(writer.names(symbol), form, shown.axes(symbol))
    return "\n".join(rows) + "\n"


def _sheet_names(lines: Iterable[Any], taken: Iterable[str]) -> dict[Any, str]:
    """Names of all lines in sheet syntax, with underscores until they are no others'."""
    used, names = set(taken), dict[Any, str]()
    for number, line in enumerate(lines, 1):
        name = sheet_line(line)
        # What is put together of long names would be too long to be read.
        names[line] = underscored(name if len(name) <= MOST_LETTERS else f"line{number}", used)
        used.add(names[line])
    return names


def _declaration(declaration: Declaration) -> str:
    sizes = ", ".join(str(size) for size in (*declaration.axes, declaration.classes) if size is not None)
    role = "" if declaration.role == "given" else f"{declaration.role} "
    return f"{role}{declaration.name}: {declaration.word}" + (f"[{sizes}]" if sizes else "")


def said_at_kinks(root: Node) -> Node:
    """The node with a choice in every factor that is infinite or no number where compiled code has 0.

    These are 1 / ‖x‖ in the slope of a norm, at 0, u**v log u in the slope by an exponent, where both u and
    the power are 0, and v u**(v-1) in the slope by the base, where u and v are.
    """
    return from_below(root, _said, {})


def _said(node: Node, args: tuple[Node, ...]) -> Node:
    new = rebuild(node, args)
    below, exponent = base_and_exponent(new)
    length, out = argument_of(below, "divisor"), written_out(new)
    if length is not None and below is not new:
        return _zero_where(_size_of(length), power(length, exponent))
    if out is not new and not (is_number(new.args[0]) or is_positive(new.args[0])):
        condition = _base_of_zero_power(new) if new.data[1] else _falling_factorial(new)
        return _zero_where(condition, out)
    return new


def _size_of(length: Node) -> Node:
    """What is 0 where a length is; for the rows of a matrix Σ |x|, since their squares vanish at 1e-200."""
    if not last_axes(length) or not length.dims:
        return length
    (arg,), labels = length.args, range(len(length.args[0].dims))
    sizes = arg.pool.intern("fn", "abs", (arg,), arg.dims)
    return product(arg.pool, [(sizes, labels)], labels[: len(length.dims)])


def _zero_where(condition: Node, value: Node) -> Node:
    """The value, but 0 where another is; made as it stands, since products go behind a choice of u or 0."""
    pool, zero = value.pool, value.pool.zero(value.dims)
    holds = pool.intern("compare", "==", (condition, zero), value.dims)
    return pool.intern("where", None, (holds, zero, value), value.dims)


def _falling_factorial(node: Node) -> Node:
    """The factor v (v-1) ... (v-n+1) before u**(v-n)."""
    pool, (_, exponent) = node.pool, node.args
    below = [
        linear(pool, [(ONE, exponent), (Fraction(-i), pool.ones(exponent.dims))], exponent.dims)
        for i in range(node.data[0])
    ]
    return elementwise(*below, pool.ones(node.dims))


def _base_of_zero_power(node: Node) -> Node:
    """What is 0 where the base is, and the exponent above the order of the derivative by the base."""
    pool, dims = node.pool, node.dims
    base, exponent = (elementwise(arg, pool.ones(dims)) if arg.dims != dims else arg for arg in node.args)
    above = pool.intern("compare", "<", (pool.number(Fraction(node.data[0]), dims), exponent), dims)
    return pool.intern("where", None, (above, base, pool.ones(dims)), dims)
