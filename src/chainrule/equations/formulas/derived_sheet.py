"""A model and its derivative as one sheet that reads back."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from chainrule.equations.calculus.lets import Line
from chainrule.equations.calculus.second import direction_symbols
from chainrule.equations.formulas.at_kinks import said_at_kinks
from chainrule.equations.formulas.line_names import sheet_line
from chainrule.equations.formulas.matrixform import matrix_form
from chainrule.equations.formulas.print_sheet import SheetPrinter
from chainrule.equations.formulas.shown import Shown
from chainrule.equations.language.free_names import underscored
from chainrule.equations.language.lexer import MOST_LETTERS
from chainrule.equations.language.tree import Declaration
from chainrule.equations.nodes.nodes import Node
from chainrule.equations.nodes.program import Program


def derived_sheet(program: Program, lines: Sequence[Line], shown: Shown) -> str:
    """The model's declarations and definitions, then the lines that are no definitions themselves."""
    sizes = {size for symbol in program.symbols.values() for size in symbol.dims}
    taken = [*program.symbols, *(size for size in sizes if isinstance(size, str))]
    directions = direction_symbols(lines)
    own = [line for line in lines if line.symbol.data not in program.symbols]
    names = _sheet_names([*directions, *(line.symbol for line in own)], taken)
    writer = SheetPrinter(names, [*taken, *map(names, (line.symbol for line in own))], shown.letters_of)
    rows = [_declaration(declaration) for declaration in program.declarations.values()]
    rows += [
        f"{names(symbol)}: R[{', '.join(map(str, symbol.dims))}]".replace("[]", "") for symbol in directions
    ]
    # What can only be evaluated has no body here, and what rests on it would not read back.
    lost = program.dependents(program.without_rule)
    for name, body in program.bodies.items():
        rows += writer.lines(name, matrix_form(said_at_kinks(body))) if name not in lost else ()
    said = [replace(line, expression=said_at_kinks(line.expression), naive=None) for line in own]
    for symbol, form, _ in shown.forms(said):
        rows += writer.lines(names(symbol), form, shown.axes(symbol))
    return "\n".join(rows) + "\n"


def _sheet_names(symbols: Iterable[Node], taken: Iterable[str]) -> Callable[[Node], str]:
    """Names of all symbols in sheet syntax; a line's gets underscores until it is no other's."""
    used = set(taken)
    names: dict[Node, str] = {}
    for number, symbol in enumerate(symbols, 1):
        name = sheet_line(symbol.data)
        # What is put together of long names would be too long to be read.
        name = underscored(name if len(name) <= MOST_LETTERS else f"line{number}", used)
        used.add(name)
        names[symbol] = name
    return lambda node: names[node] if node in names else str(node.data)


def _declaration(declaration: Declaration) -> str:
    sizes = ", ".join(str(size) for size in declaration.axes)
    domain = {"real": "R", "sign": "Sign", "bit": "Bit", "simplex": "Simplex"}.get(
        declaration.domain, "Class"
    )
    if declaration.domain == "class":
        sizes = ", ".join(filter(None, (sizes, str(declaration.classes))))
    role = "" if declaration.role == "given" else f"{declaration.role} "
    return f"{role}{declaration.name}: {domain}" + (f"[{sizes}]" if sizes else "")
