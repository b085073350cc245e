"""From the loss of one example to the objective over all: one more axis on everything data touches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple

from chainrule.equations.language.tree import Declaration, Size, Span
from chainrule.equations.nodes import elementary
from chainrule.equations.nodes.blocks import grouped
from chainrule.equations.nodes.conditions import choose, compare
from chainrule.equations.nodes.kronecker import kronecker, split_axes
from chainrule.equations.nodes.nodes import Node, Pool, coefficient_terms, topological
from chainrule.equations.nodes.products import is_simplex, merged, power, product
from chainrule.equations.nodes.program import Program
from chainrule.equations.nodes.sums import linear

__all__ = [
    "SCALE",
    "WEIGHTS",
    "Lifted",
    "batch_program",
    "lift_node",
    "stacked_name",
    "stacked_program",
    "weighted_program",
]

BATCH = "batch"
# Names no sheet can hold: a leading underscore is refused there.
SCALE, WEIGHTS = "_scale", "_weights"


class Lifted(NamedTuple):
    """A node, and whether it has the examples as its first axis."""

    node: Node
    over_examples: bool


def stacked_name(name: str, rank: int, taken: set[str]) -> str:
    """What a stack of rows is called: the capital of a lower-case vector name if that is free."""
    capital = name[:1].upper() + name[1:]
    return capital if rank == 1 and name[:1].islower() and capital not in taken else name


def lift_node(root: Node, symbols: Mapping[Node, Lifted], pool: Pool, size: Size) -> Lifted:
    """The node over all examples, rebuilt in ``pool``."""
    done: dict[Node, Lifted] = dict(symbols)
    for node in topological([root]):
        if node not in done:
            done[node] = _lift(node, [done[arg] for arg in node.args], pool, size)
    return done[root]


def _lift(node: Node, args: list[Lifted], pool: Pool, size: Size) -> Lifted:
    lifted = any(arg.over_examples for arg in args)
    inner = [arg.node for arg in args]
    if node.kind == "lin":
        spread = [_spread(arg, size) if lifted else arg.node for arg in args]
        dims = (size, *node.dims) if lifted else node.dims
        return Lifted(linear(pool, zip(node.data, spread, strict=True), dims), lifted)
    if node.kind == "prod":
        labels, out = node.data
        own = [
            (arg.node, (BATCH, *arg_labels) if arg.over_examples else arg_labels)
            for arg, arg_labels in zip(args, labels, strict=True)
        ]
        return Lifted(product(pool, own, (BATCH, *out) if lifted else out), lifted)
    if node.kind == "pow":
        return Lifted(power(inner[0], node.data), lifted)
    if node.kind == "fn":
        return Lifted(elementary.apply(node.data, inner[0]), lifted)
    if node.kind == "onehot":
        return Lifted(pool.onehot(inner[0], node.dims[-1]), lifted)
    if not lifted:
        return Lifted(pool.intern(node.kind, node.data, tuple(inner), node.dims), False)
    if node.kind in ("compare", "where"):
        spread = [_spread(arg, size) for arg in args]
        return Lifted(compare(node.data, *spread) if node.kind == "compare" else choose(*spread), True)
    if node.kind == "kron":
        return Lifted(kronecker(_spread(args[0], size), _spread(args[1], size), lead=1), True)
    if node.kind == "merge":
        return Lifted(merged(inner[0], (1, *node.data)), True)
    if node.kind == "split":
        return Lifted(split_axes(inner[0], [(size,), *grouped(node.dims, node.data)]), True)
    return Lifted(pool.intern(node.kind, node.data, tuple(inner), (size, *node.dims)), True)


def _spread(value: Lifted, size: Size) -> Node:
    """The same node for every example."""
    if value.over_examples:
        return value.node
    own = tuple(range(len(value.node.dims)))
    pool = value.node.pool
    return product(pool, [(pool.ones((size,)), (BATCH,)), (value.node, own)], (BATCH, *own))


def batch_program(program: Program, of: str, reduction: str, objective: str, size: str) -> Program:
    """The sheet over all examples, with one more definition: the objective.

    Names of data get the examples as their first axis, and so does everything computed from them. Terms of
    ``of`` that no data enter count once: mean: C = (1/N) Σ_i ℓ_i; sum: C = Σ_i ℓ_i + penalty.
    """
    stack = _Stack(program, set(program.named("data")), size, objective)
    pool = stack.result.pool
    value = stack.symbols[program.symbols[of]]
    if reduction == "mean":
        inverse = power(pool.size(size), Fraction(-1))
        total = product(pool, [(inverse, ()), (value.node, (BATCH,))], ())
    else:
        data, penalty = _split(program, of, stack.symbols)
        total = (
            product(pool, [(value.node, (BATCH,))], ()) if not penalty else stack.joined(data, penalty, [])
        )
    return stack.finished(objective, total, (stack.names[of],))


def stacked_program(program: Program, size: str) -> tuple[Program, dict[str, str]]:
    """The sheet over all examples, and the new name of each old one."""
    stack = _Stack(program, set(program.named("data")), size, "")
    return stack.result, stack.names


def weighted_program(
    program: Program, of: str, over: set[str], size: str, objective: str, *, weighted: bool
) -> tuple[Program, dict[str, str]]:
    """The sheet over the examples of the names in ``over``, with C = scale · Σ_i w_i ℓ_i + penalty.

    Returns
    -------
    Program
        With the constants `SCALE` and, if ``weighted``, `WEIGHTS`.
    dict of str to str
        The new name of each old one.
    """
    stack = _Stack(program, over, size, objective)
    outside: list[tuple[Node, tuple[str, ...]]] = [(stack.constant(SCALE, ()), ())]
    if weighted:
        outside.append((stack.constant(WEIGHTS, (size,)), (BATCH,)))
    data, penalty = _split(program, of, stack.symbols)
    total = stack.joined(data, penalty, outside)
    return stack.finished(objective, total, (stack.names[of],)), stack.names


class _Stack:
    """Lifts a program name by name."""

    def __init__(self, program: Program, over: set[str], size: str, objective: str) -> None:
        self.size = size
        self.result = Program(Pool(), {}, {}, {}, {})
        self.symbols: dict[Node, Lifted] = {}
        self.names: dict[str, str] = {}
        sizes = {size for symbol in program.symbols.values() for size in symbol.dims if isinstance(size, str)}
        taken = {*program.symbols, *sizes, objective}
        for name, symbol in program.symbols.items():
            body = None
            if name in program.bodies:
                body = lift_node(program.bodies[name], self.symbols, self.result.pool, size)
            lifted = body.over_examples if body is not None else name in over
            new = stacked_name(name, len(symbol.dims), taken) if lifted else name
            taken.add(new)
            self.names[name] = new
            self._add(program, name, new, lifted, body)

    def _add(self, program: Program, name: str, new: str, lifted: bool, body: Lifted | None) -> None:
        symbol = program.symbols[name]
        dims = (self.size, *symbol.dims) if lifted else symbol.dims
        node = self.result.symbols[new] = self.result.pool.symbol(new, dims)
        self.symbols[symbol] = Lifted(node, lifted)
        _copy_facts(symbol, node)
        if body is not None:
            self.result.bodies[new] = body.node
            self.result.mentions[new] = tuple(self.names[used] for used in program.mentions.get(name, ()))
        elif name in program.without_rule:
            self.result.without_rule[new] = program.without_rule[name]
        else:
            self.result.declarations[new] = replace(program.declarations[name], name=new, axes=dims)

    def constant(self, name: str, dims: tuple[Size, ...]) -> Node:
        """One more constant of the lifted sheet."""
        node = self.result.symbols[name] = self.result.pool.symbol(name, dims)
        self.result.declarations[name] = Declaration(name, "constants", "real", dims, None, Span(0, 0))
        return node

    def joined(
        self,
        data: list[tuple[Fraction, Node]],
        penalty: list[tuple[Fraction, Node]],
        outside: list[tuple[Node, tuple[str, ...]]],
    ) -> Node:
        """The data terms summed over examples, times what stands outside, plus the penalty once."""
        pool = self.result.pool
        terms = [(c, lift_node(term, self.symbols, pool, self.size).node) for c, term in data]
        each = linear(pool, terms, (self.size,))
        total = [(Fraction(1), product(pool, [*outside, (each, (BATCH,))], ()))] if terms else []
        total += [(c, lift_node(term, self.symbols, pool, self.size).node) for c, term in penalty]
        return linear(pool, total, ())

    def finished(self, objective: str, total: Node, mentioned: tuple[str, ...]) -> Program:
        """The program with the objective as its last definition."""
        self.result.symbols[objective] = self.result.pool.symbol(objective, ())
        self.result.bodies[objective] = total
        self.result.mentions[objective] = mentioned
        return self.result


def _copy_facts(old: Node, new: Node) -> None:
    if is_simplex(old) and old.kind == "sym":
        new.pool.simplex.add(new)
    if old in old.pool.signs:
        new.pool.signs.add(new)
    if old.pool.symmetric.get(old) and new.dims == old.dims:
        new.pool.symmetric[new] = True


def _split(
    program: Program, of: str, symbols: Mapping[Node, Lifted]
) -> tuple[list[tuple[Fraction, Node]], list[tuple[Fraction, Node]]]:
    """The terms of a quantity that data enter, and those that they do not: the penalty.

    Names that stand for sums are opened, and factors go into sums, so that ``e = data + penalty; L = a e`` is
    seen through.
    """
    bodies = {program.symbols[name]: body for name, body in program.bodies.items()}
    data: list[tuple[Fraction, Node]] = []
    penalty: list[tuple[Fraction, Node]] = []
    stack = [(Fraction(1), program.symbols[of])]
    while stack:
        c, term = stack.pop()
        body = bodies.get(term, term)
        if not _touched(term, symbols):
            penalty.append((c, term))
        elif body.kind == "lin" or (term in bodies and body.kind == "sym"):
            stack.extend((c * inner, arg) for inner, arg in coefficient_terms(body))
        elif (opened := _distributed(body, bodies, symbols)) is not None:
            stack.extend((c * inner, arg) for inner, arg in coefficient_terms(opened))
        else:
            data.append((c, term))
    return data, penalty


def _distributed(node: Node, bodies: Mapping[Node, Node], symbols: Mapping[Node, Lifted]) -> Node | None:
    """A product of scalars, only one of which data enter, with that one opened."""
    if node.kind != "prod" or any(node.data[0]):
        return None
    moving = [arg for arg in node.args if _touched(arg, symbols)]
    if len(moving) != 1:
        return None
    inner = bodies.get(moving[0], moving[0])
    if inner.kind not in ("lin", "prod", "sym") or inner is moving[0] and inner.kind == "sym":
        return None
    rest = [(arg, ()) for arg in node.args if arg is not moving[0]]
    terms = [(c, product(node.pool, [*rest, (term, ())], ())) for c, term in coefficient_terms(inner)]
    return linear(node.pool, terms, ())


def _touched(node: Node, symbols: Mapping[Node, Lifted]) -> bool:
    return any(symbols[inner].over_examples for inner in topological([node]) if inner in symbols)
