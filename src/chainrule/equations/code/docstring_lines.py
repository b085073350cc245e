"""The formulas in the docstring of compiled code, as long as a page and no longer."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from chainrule.equations.formulas.line_names import CodeName
from chainrule.equations.formulas.readable import is_readable
from chainrule.equations.formulas.unicode_lines import unicode_lines
from chainrule.equations.nodes.nodes import Node, topological
from chainrule.equations.nodes.operations import rebuild, substitute
from chainrule.equations.nodes.program import Program, symbols_of
from chainrule.equations.nodes.simplify import cost
from chainrule.equations.nodes.stable_sums import spelled_out

# Symbols of a formula that a docstring still says in one line.
LONG_FORMULA = 1000


@dataclass(frozen=True)
class DocstringLines:
    """What the lines of a docstring are made of.

    Attributes
    ----------
    program : Program
    called : mapping of Node to str
        What bodies that were put into others were called.
    bodies, lines : mapping of Node to Node
        The definitions and the lines of derivatives, by symbol.
    code : mapping of Node to (str, bool)
        The code of every node, and whether it is atomic.
    """

    program: Program
    called: Mapping[Node, str]
    bodies: Mapping[Node, Node]
    lines: Mapping[Node, Node]
    code: Mapping[Node, tuple[str, bool]]

    def written(self) -> list[str]:
        """The sheet's lines as the reader knows them, with the names of what was put together."""
        fold = {node: self.program.symbols[name] for node, name in self.called.items() if node.args}
        lines: dict[Node, Node] = {}
        for symbol, body in (*self.bodies.items(), *self.lines.items()):
            own = symbol in self.bodies and fold.get(body) is symbol
            lines[symbol] = spelled_out(body if own else substitute(body, fold))
        long = {
            symbol for symbol, line in lines.items() if cost(line) > LONG_FORMULA or not is_readable(line)
        }
        shown = self._over_variables(lines, long, fold) if long else lines
        # The code is there, whatever its formulas are.
        kept = {symbol: line for symbol, line in shown.items() if is_readable(line)}
        more = len(shown) - len(kept)
        written = unicode_lines(self.program, kept)
        return [*written, f"and {more:,} lines that are too long to be read"] if more else written

    def _over_variables(
        self, lines: Mapping[Node, Node], long: Collection[Node], fold: Mapping[Node, Node]
    ) -> dict[Node, Node]:
        """The lines, long ones over the variables of the code, with a line for each variable in them.

        Read as a tree, h_n = sin(h_0 + ... + h_(n-1)) doubles with every n.
        """
        own = {symbol: self.lines.get(symbol) or self.bodies[symbol] for symbol in long}
        variables = {
            node: self.program.pool.symbol(CodeName(text), node.dims)
            for node, (text, _) in self.code.items()
            if node.args and text.isidentifier()
        }
        done: dict[Node, Node] = {**variables, **fold}
        for node in topological([*own.values(), *variables]):
            if node not in done:
                done[node] = rebuild(node, tuple(done[arg] for arg in node.args))
        held = {done[node]: node for node in variables if done[node] not in lines}
        shown, mentioned = dict[Node, Node](), set[Node]()
        # The last first, so that what they mention is known.
        for symbol, node in reversed([*held.items(), *lines.items()]):
            if symbol in held or symbol in long:
                whole = own.get(symbol, node)
                node = spelled_out(rebuild(whole, tuple(done[arg] for arg in whole.args)))
            if symbol in lines or symbol in mentioned:
                shown[symbol] = node
                mentioned.update(symbols_of(node))
        return dict(reversed(shown.items()))
