"""The formulas in the docstring of compiled code, as long as a page and no longer."""

from collections.abc import Mapping

from chainrule.equations.formulas.line_names import CodeName
from chainrule.equations.formulas.print_unicode import unicode_lines
from chainrule.equations.formulas.readable import is_readable
from chainrule.equations.nodes.nodes import Node, topological
from chainrule.equations.nodes.operations import rebuild, substitute
from chainrule.equations.nodes.program import Program, symbols_of
from chainrule.equations.nodes.simplify import cost
from chainrule.equations.nodes.stable_sums import spelled_out

# Symbols of a formula that a docstring still says in one line.
LONG_FORMULA = 1000


def docstring_lines(
    program: Program,
    called: Mapping[Node, str],
    lines: Mapping[Node, Node],
    code: Mapping[Node, tuple[str, bool, bool]],
) -> list[str]:
    """The sheet's lines as the reader knows them, with the names of what was put together.

    Parameters
    ----------
    program : Program
    called : mapping of Node to str
        What bodies that were put into others were called.
    lines : mapping of Node to Node
        The lines of derivatives, by symbol.
    code : mapping of Node to (str, bool, bool)
        The code of every node, and how it stands among others.
    """
    bodies = program.definitions
    fold = {node: program.symbols[name] for node, name in called.items() if node.args}
    folded: dict[Node, Node] = {}
    for symbol, body in (*bodies.items(), *lines.items()):
        own = symbol in bodies and fold.get(body) is symbol
        folded[symbol] = spelled_out(body if own else substitute(body, fold))
    long = {symbol for symbol, line in folded.items() if cost(line) > LONG_FORMULA or not is_readable(line)}
    whole = {symbol: lines.get(symbol) or bodies[symbol] for symbol in long}
    shown = _over_variables(folded, whole, fold, code) if long else folded
    # The code is there, whatever its formulas are.
    kept = {symbol: line for symbol, line in shown.items() if is_readable(line)}
    more = len(shown) - len(kept)
    written = unicode_lines(program, kept)
    return [*written, f"and {more:,} lines that are too long to be read"] if more else written


def _over_variables(
    lines: Mapping[Node, Node],
    long: Mapping[Node, Node],
    fold: Mapping[Node, Node],
    code: Mapping[Node, tuple[str, bool, bool]],
) -> dict[Node, Node]:
    """The lines, long ones over the variables of the code, with a line for each variable in them.

    Read as a tree, h_n = sin(h_0 + ... + h_(n-1)) doubles with every n.
    """
    variables = {
        node: node.pool.symbol(CodeName(text), node.dims)
        for node, (text, *_) in code.items()
        if node.args and text.isidentifier()
    }
    done: dict[Node, Node] = {**variables, **fold}
    for node in topological([*long.values(), *variables]):
        if node not in done:
            done[node] = rebuild(node, tuple(done[arg] for arg in node.args))
    held = {done[node]: node for node in variables if done[node] not in lines}
    shown, mentioned = dict[Node, Node](), set[Node]()
    # The last first, so that what they mention is known.
    for symbol, node in reversed([*held.items(), *lines.items()]):
        if symbol in held or symbol in long:
            whole = long.get(symbol, node)
            node = spelled_out(rebuild(whole, tuple(done[arg] for arg in whole.args)))
        if symbol in lines or symbol in mentioned:
            shown[symbol] = node
            mentioned.update(symbols_of(node))
    return dict(reversed(shown.items()))
