"""NumPy source for nodes: straight lines, each shared node held by one variable."""

from __future__ import annotations

import keyword
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from functools import partial
from itertools import chain
from typing import ClassVar

from chainrule.equations.code.body import Body, largest_positions
from chainrule.equations.code.code_facts import Dims, Statement, Variable, reads
from chainrule.equations.code.contract import Operand, Workshop, aligned_code, contraction_code
from chainrule.equations.code.docstring_lines import docstring_lines
from chainrule.equations.code.exponentials import (
    Names,
    operands,
    part_code,
    total_code,
)
from chainrule.equations.code.node_code import NODE_CODE, Code, relation_code, repeats
from chainrule.equations.code.picks import picked, subscript, without_units
from chainrule.equations.formulas.line_names import sheet_line
from chainrule.equations.language.free_names import numbered
from chainrule.equations.language.tree import Size, bottom_up, size_factors, spelled
from chainrule.equations.nodes.conditions import label_axes
from chainrule.equations.nodes.intervals import PARTS, interval
from chainrule.equations.nodes.log_space import log_of, terms_of
from chainrule.equations.nodes.nodes import Node, coefficient_terms, factors_of, is_zero, topological
from chainrule.equations.nodes.operations import ELEMENTWISE, row_of
from chainrule.equations.nodes.program import Program

# What the code around the statements means by these words: `data y: Class[K]; float: R` is a sheet.
OWN_WORDS = ("np", "float", "getattr", "len", "ValueError")
# What a size is taken for when the order of products is chosen and nobody says how large it is.
ASSUMED_LENGTH = 64.0
# Terms of a sum in one statement: its tree nests as deep, and Python's own parser has limits.
MOST_PIECES = 100
# Kinds whose code is a sum: behind a minus, or at the end of x - y + z, it needs brackets.
_SUMS = ("lin", "logabs")


class Writer:
    """Collects the statements of one function."""

    def __init__(
        self,
        program: Program,
        called: Mapping[Node, str],
        lines: Mapping[Node, Node],
        sizes: Mapping[str, int],
    ) -> None:
        self.program = program
        self.called = called
        self.lines = lines
        self.sizes = sizes
        self.taken = set(OWN_WORDS)
        self.numbers: dict[str, int] = {}
        self.inputs: dict[str, str] = {}
        self.used_sizes: dict[str, str] = {}
        self.statements: list[Statement] = []
        self.dims: dict[str, Dims] = {}
        self.tensors: dict[str, str] = {}
        self.code: dict[Node, Code] = {}
        self.uses: Mapping[Node, int] = {}
        self.exponentials: dict[Node, Names] = {}
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
            chooses=any(node.kind == "where" for node in self.code),
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
        return (self.definitions[node],) if node in self.definitions else operands(node)

    def _name_inputs(self, order: Sequence[Node]) -> None:
        read = set(order) - self.definitions.keys()
        for name, symbol in self.program.symbols.items():
            if symbol in read:
                self.inputs[name] = self.fresh(name)
                self.dims[self.inputs[name]] = symbol.dims
                self.code[symbol] = (self.inputs[name], True)

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
        text, atomic = row_of(CODE, node, "code")(self, node)
        if node in self.code:
            return
        shared = self.uses.get(node, 0) > 1 and (bool(node.args) or node.kind == "relation")
        if shared or (node in self.called and node.args) or len(text) > 72:
            text, atomic = self._assign(self.called.get(node, "t"), text, node.dims), True
        self.code[node] = (text, atomic)

    def _emit_definition(self, symbol: Node, definition: Node) -> None:
        text, atomic = self.code[definition]
        if not (atomic and text.isidentifier()) or text in self.inputs.values():
            text = self._assign(sheet_line(symbol.data), text, symbol.dims)
        self.code[symbol] = (text, True)

    def _soft(self, node: Node) -> Code:
        """Softmax and logsumexp of the same scores share their exponentials."""
        pool, (scores,) = self.program.pool, node.args
        soft = pool.intern("softmax", None, (scores,), scores.dims)
        lse = pool.intern("lse", None, (scores,), scores.dims[:-1])
        if not (self.uses.get(soft) and self.uses.get(lse)):
            return NODE_CODE[node.kind](self, node)
        wishes = [self.called.get(soft, "soft"), self.called.get(lse, "lse")]
        self._from_one_call([soft, lse], wishes, f"_softmax_and_logsumexp({self.text(scores)})")
        return self.code[node]

    def _interval(self, node: Node) -> Code:
        """All parts of the probability of an interval come from one call."""
        b, a = node.args
        parts = [interval(part, b, a) for part in PARTS]
        wishes = [self.called.get(part, f"interval_{part.data}") for part in parts]
        self._from_one_call(parts, wishes, f"_normal_interval({self.text(b)}, {self.text(a)})")
        return self.code[node]

    def _from_one_call(self, nodes: Sequence[Node], wishes: Iterable[str], call: str) -> None:
        names = tuple(map(self.fresh, wishes))
        self.statements.append(Statement(names, call))
        self.dims.update(zip(names, (node.dims for node in nodes), strict=True))
        self.code.update((node, (name, True)) for node, name in zip(nodes, names, strict=True))

    def _exponentials(self, node: Node) -> Names:
        """What the logarithm and all parts of one sum of exponentials read."""
        key = log_of(terms_of(node))
        if key not in self.exponentials:
            wish = self.called.get(key, "log_total")
            names = Names(self.fresh("shift"), self.fresh("total"), self.fresh(wish))
            self.exponentials[key] = names
            self.statements.append(Statement(names, total_code(node, self)))
            self.dims |= dict.fromkeys(names, key.dims)
        return self.exponentials[key]

    def _logarithm(self, node: Node) -> Code:
        self.code[node] = (self._exponentials(node).log, True)
        return self.code[node]

    def shared(self, text: str, wish: str = "t") -> str:
        """A variable for a text, the same one each time."""
        if text not in self.tensors:
            self.tensors[text] = text if text.isidentifier() else self._assign(wish, text)
        return self.tensors[text]

    def _assign(self, wish: str, text: str, dims: Dims | None = None) -> str:
        name = self.fresh(wish)
        self.statements.append(Statement((name,), text))
        if dims is not None:
            self.dims[name] = dims
        return name

    def text(self, node: Node) -> str:
        return self.code[node][0]

    def bracketed(self, node: Node) -> str:
        text, atomic = self.code[node]
        return text if atomic else f"({text})"

    def length(self, size: Size) -> str:
        if isinstance(size, int):
            return str(size)
        if "*" in size:
            return f"({' * '.join(self.length(part) for part in size_factors(size))})"
        if size not in self.used_sizes:
            self.used_sizes[size] = self.fresh(size)
            self.dims[self.used_sizes[size]] = ()
        return self.used_sizes[size]

    def type_argument(self, keyword: str = "") -> str:
        """The argument that gives a constant array the type of the floating inputs; float without any."""
        floats = (variable for name, variable in self.inputs.items() if not self.program.is_label(name))
        variable = next(floats, None)
        return f", {keyword}{variable}.dtype" if variable else f", {keyword}float"

    def spread(self, node: Node) -> str:
        """The code of an argument without the axes along which it repeats, which broadcasts."""
        return self._spread(node)[0]

    @staticmethod
    def _plain(node: Node, text: str) -> str:
        """The code of a function; float(np.sqrt(2)) of a number, which leaves arrays their type."""
        is_array = any(inner.dims or inner.kind == "sym" for inner in topological([node]))
        return text if is_array else f"float({text})"

    def _argument(self, node: Node) -> str:
        """The argument of an elementwise function."""
        (arg,) = node.args
        # As an array a 0 would have the type of the inputs, and float(tanh(0)) refuses a complex 0.
        return "0.0" if not arg.dims and is_zero(arg) else self.text(arg)

    def _sum(self, node: Node) -> Code:
        terms = sorted(coefficient_terms(node), key=lambda pair: pair[0] < 0)
        shape = spelled(self.length(size) for size in node.dims)
        if not terms:
            return f"np.zeros({shape}{self.type_argument()})", True
        if node.dims and all(arg.kind == "ones" for _, arg in terms):
            return f"np.full({shape}, {_number(terms[0][0])}{self.type_argument()})", True
        # One term of full shape lets the others broadcast.
        spread = any(arg.kind != "ones" and not repeats(arg) for _, arg in terms)
        signs = ["" if terms[0][0] > 0 else "-", *(" + " if c > 0 else " - " for c, _ in terms[1:])]
        pieces = [
            sign + self._summand(abs(c), arg, spread) for sign, (c, arg) in zip(signs, terms, strict=True)
        ]
        while len(pieces) > MOST_PIECES:
            head = self._assign("t", "".join(pieces[:MOST_PIECES]))
            pieces = [head, *pieces[MOST_PIECES:]]
        return "".join(pieces), False

    def _summand(self, c: Fraction, arg: Node, spread: bool) -> str:
        """A positive number of a term of a sum."""
        if arg.kind == "ones":
            return _number(c)
        text, atomic = self._spread(arg) if spread else self.code[arg]
        body = text if atomic or (c == 1 and arg.kind not in _SUMS) else f"({text})"
        return body if c == 1 else f"{_number(c)} * {body}"

    def _spread(self, node: Node) -> Code:
        """A term that only repeats along some axes, left to broadcast: ``b`` for 𝟏 bᵀ."""
        if not repeats(node):
            return self.code[node]
        out = node.axes
        pairs = [(arg, own) for arg, own in factors_of(node) if arg.kind != "ones"]
        kept = tuple(label for label in out if any(label in own for _, own in pairs))
        text, atomic = self._contracted(pairs, kept)
        return aligned_code(Operand(text, kept, atomic), out), atomic or kept != out[len(out) - len(kept) :]

    def _product(self, node: Node) -> Code:
        return self._contracted(factors_of(node), node.axes)

    def _contracted(self, pairs: Sequence[tuple[Node, tuple[int, ...]]], out: tuple[int, ...]) -> Code:
        lengths = {
            label: float(size if isinstance(size, int) else self.sizes.get(size, ASSUMED_LENGTH))
            for arg, own in pairs
            for label, size in zip(own, arg.dims, strict=True)
        }
        return contraction_code(self._operands(pairs, out), out, Workshop(lengths.__getitem__, self.shared))

    def _operand(self, arg: Node, labels: tuple[int, ...], at: Mapping[int, int]) -> Operand:
        if at:
            return Operand(self._at(arg, at), labels)
        if arg.kind == "pow" and arg.data < 0 and self.uses.get(arg, 0) <= 1:
            text, atomic = self._powered(arg.args[0], -arg.data)
            return Operand(text, labels, atomic, inverted=True)
        text, atomic = self.code[arg]
        return Operand(text, labels, atomic, identity=arg.kind == "delta")

    def _operands(self, pairs: Sequence[tuple[Node, tuple[int, ...]]], out: tuple[int, ...]) -> list[Operand]:
        """One operand per factor; one-hot rows and the scores they pick from become one."""
        pairs, at = without_units(pairs, out)
        left = list(range(len(pairs)))
        operands: list[Operand] = []
        for place, (arg, own) in enumerate(pairs):
            mate = self._scores_of(place, pairs, out) if place in left and arg.kind == "onehot" else None
            if mate is not None and mate in left:
                left = [other for other in left if other not in (place, mate)]
                rows = (
                    [self.shared(f"np.arange({self.length(arg.dims[0])})", "rows")] if len(own) == 2 else []
                )
                known = {name: Variable(dims) for name, dims in self.dims.items()}
                scores = self._at(pairs[mate][0], at.get(mate, {}))
                code = picked(scores, [*rows, self._labels(arg, at.get(place, {}))], known)
                operands.append(Operand(code, own[:-1]))
        return operands + [self._operand(*pairs[place], at.get(place, {})) for place in left]

    def _at(self, node: Node, at: Mapping[int, int]) -> str:
        """The code of a node with some axes at a position."""
        if not at:
            return self.text(node)
        if node.kind == "relation" and all(axis < label_axes(node) for axis in at):
            label = (self._labels(node, at), label_axes(node) - len(at))
            return relation_code(node, label, self.length, self.type_argument())
        if node.kind == "onehot":
            return f"_onehot({self._labels(node, at)}, {self.length(node.dims[-1])}{self.type_argument()})"
        return self.bracketed(node) + subscript(len(node.dims), at)

    def _labels(self, node: Node, at: Mapping[int, int]) -> str:
        """The code of the labels of one-hot rows or a relation, with some of their axes at a position."""
        (labels,) = node.args
        text = self.text(labels)
        return self.shared(text + subscript(len(labels.dims), at), "label") if at else text

    def _scores_of(
        self, place: int, pairs: Sequence[tuple[Node, tuple[int, ...]]], out: tuple[int, ...]
    ) -> int | None:
        """The one other factor on the axis of the classes, if it has the axes of the one-hot rows."""
        labels = pairs[place][1]
        if labels[-1] in out or len(labels) > 2 or len(set(labels)) < len(labels):
            return None
        mates = [other for other, (_, own) in enumerate(pairs) if labels[-1] in own and other != place]
        if len(mates) != 1 or pairs[mates[0]][1] != labels or self.text(pairs[mates[0]][0]).startswith("1 /"):
            return None
        return mates[0]

    def _power(self, node: Node) -> Code:
        if node.data < 0:
            text, atomic = self._powered(node.args[0], -node.data)
            return f"1 / {text if atomic else f'({text})'}", False
        return self._powered(node.args[0], node.data)

    def _powered(self, base: Node, exponent: Fraction) -> Code:
        if exponent == 1:
            return self.code[base]
        if exponent == Fraction(1, 2):
            return self._plain(base, f"np.sqrt({self.text(base)})"), True
        text = self.bracketed(base)
        if exponent == 2:
            return (
                (f"{text} * {text}", False)
                if text.isidentifier()
                else (f"np.square({self.text(base)})", True)
            )
        return f"{text} ** {_number(exponent)}", False

    def _raised(self, node: Node) -> Code:
        base, exponent = (self.text(arg) for arg in node.args)
        if node.data == (0, 0):
            return f"_power({base}, {exponent})", True
        n, m = node.data
        return f"_power_slope({base}, {exponent}, {n}, {m})", True

    def _applied(self, node: Node) -> Code:
        rectified = self.program.pool.intern("fn", "relu", node.args, node.dims)
        if node.data == "step" and rectified in self.code and self.text(rectified).isidentifier():
            # Faster than step(z), and not a number where z is none either.
            return f"_sign({self.text(rectified)})", True
        return self._plain(node, f"{ELEMENTWISE[node.data].code}({self._argument(node)})"), True

    def _total(self, node: Node) -> Code:
        return part_code(node, self._exponentials(node), self), False

    rows: ClassVar[dict[str, Callable[[Writer, Node], Code]]] = {
        "lin": _sum,
        "prod": _product,
        "pow": _power,
        "raised": _raised,
        "fn": _applied,
        **dict.fromkeys(("softmax", "lse"), _soft),
        "interval": _interval,
        "logsum": _logarithm,
        **dict.fromkeys(("logabs", "sumsign", "share"), _total),
    }


CODE: dict[str, Callable[[Writer, Node], Code]] = {**NODE_CODE, **Writer.rows}
"""The code of every kind of node that compiled code is made of."""


def _number(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    exact = float(value)
    return repr(exact) if Fraction(exact) == value or value.denominator > 10**6 else f"({value})"
