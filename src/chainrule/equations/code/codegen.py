"""NumPy source for nodes: straight lines, each shared node held by one variable."""

from __future__ import annotations

import keyword
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from functools import partial
from itertools import chain
from typing import NamedTuple

from chainrule.equations.code.body import Body, largest_positions
from chainrule.equations.code.code_facts import Dims, Statement, Variable, reads
from chainrule.equations.code.contract import Operand, Workshop, aligned_code, contraction_code
from chainrule.equations.code.docstring_lines import docstring_lines
from chainrule.equations.code.picks import picked, subscript, without_units
from chainrule.equations.formulas.line_names import sheet_line
from chainrule.equations.language.free_names import numbered
from chainrule.equations.language.tree import Size, bottom_up, size_factors, spelled
from chainrule.equations.nodes.nodes import (
    Factor,
    Node,
    base_and_exponent,
    factors_of,
    is_identity,
    is_number,
    number_of,
    own_factors,
    topological,
)
from chainrule.equations.nodes.operations import is_pick, operation, row_of
from chainrule.equations.nodes.program import Program, symbols_of

# What the code around the statements means by these words: `data y: Class[K]; float: R` is a sheet.
OWN_WORDS = ("np", "float", "getattr", "len", "ValueError")
# What a size is taken for when the order of products is chosen and nobody says how large it is.
ASSUMED_LENGTH = 64.0


class Code(NamedTuple):
    """The code of a node.

    ``atomic`` if it needs no brackets, ``adds`` if it is a sum, which needs them behind a minus, too.
    """

    text: str
    atomic: bool = True
    adds: bool = False

    @property
    def bracketed(self) -> str:
        return self.text if self.atomic else f"({self.text})"


class Row(NamedTuple):
    """How a kind of node is written.

    Attributes
    ----------
    code : callable
        Its code, from the writer and the node.
    reads : callable
        The nodes whose code that reads.
    at : callable
        The code with some axes at a position, where it is not made of that of the whole.
    """

    code: Callable[[Writer, Node], Code]
    reads: Callable[[Node], Sequence[Node]] = lambda node: node.args
    at: Callable[[Writer, Node, Mapping[int, int]], Code | None] = lambda said, node, at: None


class Writer:
    """Collects the statements of one function."""

    def __init__(
        self,
        program: Program,
        called: Mapping[Node, str],
        lines: Mapping[Node, Node],
        sizes: Mapping[str, int],
        rows: Mapping[str, Row],
    ) -> None:
        self.program = program
        self.called = called
        self.lines = lines
        self.sizes = sizes
        self.rows = rows
        self.taken = set(OWN_WORDS)
        self.numbers: dict[str, int] = {}
        self.inputs: dict[str, str] = {}
        self.used_sizes: dict[str, str] = {}
        self.statements: list[Statement] = []
        self.dims: dict[str, Dims] = {}
        self.variables: dict[str, tuple[str, ...]] = {}
        self.code: dict[Node, Code] = {}
        self.uses: Mapping[Node, int] = {}
        # What a symbol stands for: a line of the derivation or a layer kept by name.
        self.definitions = {**program.definitions, **lines}

    def body(self, outputs: Sequence[tuple[str, Node]]) -> Body:
        """What a function does that computes the given nodes under their names."""
        roots = [node for _, node in outputs]
        order = list(bottom_up(roots, self._below))
        self.uses = Counter([*roots, *chain.from_iterable(map(self._below, order))])
        self._name_inputs(order)
        for node in order:
            self._emit(node)
        self._forget_unread_sizes(map(self.text, roots))
        return Body(
            program=self.program,
            inputs=self.inputs,
            used_sizes=self.used_sizes,
            statements=self.statements,
            results=[(name, self.text(node)) for name, node in outputs],
            dims=self.dims,
            formulas=partial(docstring_lines, self.program, self.called, self.lines, self.code),
            least=largest_positions(order),
            length=self.length,
            fresh=self.fresh,
        )

    def _forget_unread_sizes(self, results: Iterable[str]) -> None:
        """Lengths of what was then written without them: nobody is to be asked for those."""
        read = set().union(*(statement.reads for statement in self.statements), *map(reads, results))
        for size, variable in list(self.used_sizes.items()):
            if variable not in read:
                del self.used_sizes[size]
                self.taken.discard(variable)

    def _below(self, node: Node) -> Sequence[Node]:
        """What the code of a node reads: of a symbol, its definition."""
        if node in self.definitions:
            return (self.definitions[node],)
        return row_of(self.rows, node, "code").reads(node) if node.args else ()

    def _name_inputs(self, order: Sequence[Node]) -> None:
        read = set(order) - self.definitions.keys()
        for name, symbol in self.program.symbols.items():
            if symbol in read:
                self.inputs[name] = self.fresh(name)
                self.dims[self.inputs[name]] = symbol.dims
                self.code[symbol] = Code(self.inputs[name])

    def fresh(self, wish: str) -> str:
        """A name that the code does not use yet."""
        name = wish + "_" if keyword.iskeyword(wish) or wish in self.taken else wish
        name = name if name not in self.taken else numbered(wish, self.taken, self.numbers)
        self.taken.add(name)
        return name

    def _emit(self, node: Node) -> None:
        """Write what a node needs; its own code, too, unless the statement that computes it names it."""
        if node in self.code:
            return
        if node in self.definitions:
            self._emit_definition(node, self.definitions[node])
            return
        code = row_of(self.rows, node, "code").code(self, node)
        shared = self.uses.get(node, 0) > 1 and (bool(node.args) or operation(node).is_constant)
        named = shared or (node in self.called and node.args) or len(code.text) > 72
        if named and not code.text.isidentifier():
            code = Code(self.results(code.text, [self.called.get(node, "t")], [node.dims])[0])
        self.code[node] = code

    def _emit_definition(self, symbol: Node, definition: Node) -> None:
        text = self.text(definition)
        if not text.isidentifier() or text in self.inputs.values():
            # A line has a variable of its own.
            self.variables.pop(text, None)
            (text,) = self.results(text, [sheet_line(symbol.data)], [symbol.dims])
        self.code[symbol] = Code(text)

    def results(self, text: str, wishes: Iterable[str], dims: Sequence[Dims] = ()) -> tuple[str, ...]:
        """The variables for what a text computes, the same ones each time; with their axes, if known."""
        if text not in self.variables:
            names = self.variables[text] = tuple(map(self.fresh, wishes))
            self.statements.append(Statement(names, text))
            self.dims.update(zip(names, dims, strict=False))
        return self.variables[text]

    def result(self, call: str, nodes: Sequence[Node], wishes: Iterable[str], node: Node) -> Code:
        """The variable for one of several nodes that a call computes."""
        names = (self.called.get(one, wish) for one, wish in zip(nodes, wishes, strict=True))
        return Code(self.results(call, names, [one.dims for one in nodes])[nodes.index(node)])

    def shared(self, text: str, wish: str = "t") -> str:
        """A variable for a text, the same one each time."""
        return text if text.isidentifier() else self.results(text, [wish])[0]

    def text(self, node: Node) -> str:
        return self.code[node][0]

    def length(self, size: Size) -> str:
        if isinstance(size, int):
            return str(size)
        if "*" in size:
            return f"({' * '.join(self.length(part) for part in size_factors(size))})"
        if size not in self.used_sizes:
            self.used_sizes[size] = self.fresh(size)
            self.dims[self.used_sizes[size]] = ()
        return self.used_sizes[size]

    def shape(self, node: Node) -> str:
        """The code of the shape of a node."""
        return spelled(self.length(size) for size in node.dims)

    def type_argument(self, keyword: str = "") -> str:
        """The argument that gives a constant array the type of the floating inputs; float without any."""
        floats = (variable for name, variable in self.inputs.items() if not self.program.is_label(name))
        variable = next(floats, None)
        return f", {keyword}{variable}.dtype" if variable else f", {keyword}float"

    def plain(self, node: Node, spread: bool) -> str:
        """A constant as one number, which broadcasts; of anything else its code, maybe left to broadcast."""
        if is_number(node):
            return repr(float(number_of(node)))
        return self.spread(node).text if spread else self.text(node)

    def spread(self, node: Node) -> Code:
        """A term that only repeats along some axes, left to broadcast: ``b`` for 𝟏 bᵀ."""
        if not repeats(node):
            return self.code[node]
        out, pairs = node.axes, own_factors(node)
        kept = tuple(label for label in out if any(label in own for _, own in pairs))
        text, atomic, _ = self.contracted(pairs, kept)
        whole = aligned_code(Operand(text, kept, atomic), out)
        return Code(whole, atomic or kept != out[len(out) - len(kept) :])

    def contracted(self, pairs: Sequence[Factor], out: tuple[int, ...]) -> Code:
        """The code of a product."""
        lengths = {
            label: float(size if isinstance(size, int) else self.sizes.get(size, ASSUMED_LENGTH))
            for arg, own in pairs
            for label, size in zip(own, arg.dims, strict=True)
        }
        shop = Workshop(lengths.__getitem__, self.shared)
        return Code(*contraction_code(self._operands(pairs, out), out, shop))

    def _operand(self, arg: Node, labels: tuple[int, ...], at: Mapping[int, int]) -> Operand:
        if at:
            return Operand(self._at(arg, at).bracketed, labels)
        base, exponent = base_and_exponent(arg)
        inverted = exponent < 0 and self.uses.get(arg, 0) <= 1
        text, atomic, _ = self.powered(base, -exponent) if inverted else self.code[arg]
        return Operand(text, labels, atomic, inverted, is_identity(arg))

    def _operands(self, pairs: Sequence[Factor], out: tuple[int, ...]) -> list[Operand]:
        """One operand per factor; one-hot rows and the scores they pick from become one."""
        pairs, at = without_units(pairs, out)
        left = list(range(len(pairs)))
        operands: list[Operand] = []
        for place, (arg, own) in enumerate(pairs):
            mate = self._scores_of(place, pairs, out) if place in left and arg.args and is_pick(arg) else None
            if mate is not None and mate in left:
                left = [other for other in left if other not in (place, mate)]
                rows = (
                    [self.shared(f"np.arange({self.length(arg.dims[0])})", "rows")] if len(own) == 2 else []
                )
                known = {name: Variable(dims) for name, dims in self.dims.items()}
                scores = self._at(pairs[mate][0], at.get(mate, {})).text
                code = picked(scores, [*rows, self.label(arg, at.get(place, {}))], known)
                operands.append(Operand(code, own[:-1]))
        return operands + [self._operand(*pairs[place], at.get(place, {})) for place in left]

    def _at(self, node: Node, at: Mapping[int, int]) -> Code:
        """The code of a node with some axes at a position."""
        if not at:
            return self.code[node]
        drawn = row_of(self.rows, node, "code").at(self, node, at) if node.args else None
        return drawn or Code(self.code[node].bracketed + subscript(len(node.dims), at))

    def label(self, node: Node, at: Mapping[int, int]) -> str:
        """The code of the labels of one-hot rows or a relation, with some of their axes at a position."""
        (labels,) = node.args
        text = self.text(labels)
        return self.shared(text + subscript(len(labels.dims), at), "label") if at else text

    def _scores_of(self, place: int, pairs: Sequence[Factor], out: tuple[int, ...]) -> int | None:
        """The one other factor on the axis of the classes, if it has the axes of the one-hot rows."""
        labels = pairs[place][1]
        if labels[-1] in out or len(labels) > 2 or len(set(labels)) < len(labels):
            return None
        mates = [other for other, (_, own) in enumerate(pairs) if labels[-1] in own and other != place]
        if len(mates) != 1 or pairs[mates[0]][1] != labels or self.text(pairs[mates[0]][0]).startswith("1 /"):
            return None
        return mates[0]

    def powered(self, base: Node, exponent: Fraction) -> Code:
        """The code of a power with a positive exponent."""
        code = self.code[base]
        if exponent == 1:
            return code
        if exponent == Fraction(1, 2):
            return number_or_array(base, f"np.sqrt({code.text})")
        if exponent != 2:
            return Code(f"{code.bracketed} ** {number_code(exponent)}", False)
        is_name = code.bracketed.isidentifier()
        return Code(f"{code.text} * {code.text}", False) if is_name else Code(f"np.square({code.text})")


def repeats(node: Node) -> bool:
    """Whether a node is a product that only repeats along some axes."""
    return 0 < len(own_factors(node)) < len(factors_of(node))


def covered_axes(node: Node) -> set[int]:
    """The axes along which a node is not the same by construction."""
    labels = {label for _, own in own_factors(node) for label in own}
    return set() if is_number(node) else labels.intersection(node.axes)


def number_or_array(node: Node, text: str) -> Code:
    """The code of a function of a node; float(np.sqrt(2)) of a number, which leaves arrays their type."""
    is_array = symbols_of(node) or any(inner.dims for inner in topological([node]))
    return Code(text if is_array else f"float({text})")


def number_code(value: Fraction) -> str:
    """The code of a number, in brackets where it is a quotient."""
    if value.denominator == 1:
        return str(value.numerator)
    exact = float(value)
    return repr(exact) if Fraction(exact) == value or value.denominator > 10**6 else f"({value})"
