"""From the loss of one example to the objective over all: one more axis on everything data touches."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from chainrule.equations.calculus.penalty import split_terms
from chainrule.equations.language.tree import Declaration, Size, Span, size_factors
from chainrule.equations.nodes.distribute import Terms
from chainrule.equations.nodes.nodes import Node, Pool, from_below, linear
from chainrule.equations.nodes.operations import made, operation
from chainrule.equations.nodes.products import power, product, spread
from chainrule.equations.nodes.program import Program

BATCH = "batch"
Outside = list[tuple[Node, tuple[str, ...]]]
# Names no sheet can hold: a leading underscore is refused there.
SCALE, WEIGHTS, TOTAL = "_scale", "_weights", "_total"


def stacked_name(name: str, rank: int, taken: set[str]) -> str:
    """What a stack of rows is called: a vector by the capital, if that is free and no Greek one."""
    capital = name[:1].upper() + name[1:]
    # The capitals of α and ε look like A and E.
    return (
        capital
        if rank == 1 and name[:1].islower() and not "Ͱ" <= name[:1] <= "Ͽ" and capital not in taken
        else name
    )


def lift_node(root: Node, symbols: Mapping[Node, Node], pool: Pool, size: Size) -> Node:
    """The node over all examples, rebuilt in ``pool``; what is over them has their axis first."""
    return from_below(root, lambda node, args: _lift(node, args, pool, size), dict(symbols))


def _lift(node: Node, args: tuple[Node, ...], pool: Pool, size: Size) -> Node:
    if not any(is_over(arg, size) for arg in args):
        return made(node, args, node.dims, pool)
    # A factor, or a number in a power, needs no copy for each example.
    repeated = args if operation(node).broadcasts else [_spread(arg, size) for arg in args]
    return made(node, repeated, (size, *node.dims), pool)


def is_over(node: Node, size: Size) -> bool:
    """Whether a lifted node has the examples as its first axis; no axis of the sheet has their size."""
    return node.dims[:1] == (size,)


def _spread(node: Node, size: Size) -> Node:
    """The same node for every example."""
    if is_over(node, size):
        return node
    return spread(node, node.axes, (BATCH, *node.axes), (size, *node.dims))


def batch_program(
    program: Program, of: str, reduction: str, objective: str, size: str, penalty: str | None
) -> Program:
    """The sheet over all examples, with one more definition, the objective.

    Names of data get the examples as their first axis, and so does everything computed from them.
    mean: C = (1/N) Σ_i ℓ_i + R; sum: C = Σ_i ℓ_i + R, where R is the penalty.
    """
    stack = _Stack(program, set(program.named("data")), size, objective)
    total = stack.summed(
        [(Fraction(1), program.symbols[of])],
        [(power(stack.result.pool.size(size), Fraction(-1)), ())] if reduction == "mean" else [],
    )
    return stack.finished(objective, [total], penalty)


def penalized_program(program: Program, of: str, penalty: str, objective: str) -> Program:
    """A sheet without examples, with one more definition, the objective C = ``of`` + R."""
    stack = _Stack(program, set(), "", objective)
    return stack.finished(objective, [stack.symbols[program.symbols[of]]], penalty)


def stacked_program(program: Program, size: str) -> tuple[Program, dict[str, str]]:
    """The sheet over all examples, and the new name of each old one."""
    stack = _Stack(program, set(program.named("data")), size, "")
    return stack.result, stack.names


def weighted_program(
    program: Program,
    of: str,
    over: set[str],
    size: str,
    objective: str,
    reduction: str,
    weighted: bool,
    penalty: str | None,
) -> tuple[Program, dict[str, str]]:
    """The sheet over the examples of the names in ``over``, with C = scale · Σ_i w_i ℓ_i + R.

    Terms of ``of`` that no data enter leave the sum as total · term, with total = scale · Σ_i w_i, which is 1
    for a mean: so they keep their strength in every batch, whatever its weights.

    Returns
    -------
    Program
        With the constants `SCALE` and, if ``weighted``, `WEIGHTS`; for a sum with such terms, `TOTAL`.
    dict of str to str
        The new name of each old one.
    """
    stack = _Stack(program, over, size, objective)
    outside: Outside = [(stack.constant(SCALE, ()), ())]
    if weighted:
        outside.append((stack.constant(WEIGHTS, (size,)), (BATCH,)))
    moving, same = split_terms(program, of, over)
    terms = [stack.summed(moving, outside)]
    if same:
        total: Outside = [(stack.constant(TOTAL, ()), ())] if reduction == "sum" else []
        terms.append(product(stack.result.pool, [*total, (stack.lifted(same, ()), ())], ()))
    return stack.finished(objective, terms, penalty), stack.names


class _Stack:
    """Lifts a program name by name."""

    def __init__(self, program: Program, over: set[str], size: str, objective: str) -> None:
        self.size = size
        self.result = Program(Pool(program.pool.attempt), {}, {}, {}, {})
        self.symbols: dict[Node, Node] = {}
        self.names: dict[str, str] = {}
        taken = {
            # I is the identity, the others are words of Python.
            *("I", "None", "True", "False", objective, *program.symbols),
            *(
                part
                for symbol in program.symbols.values()
                for dim in (size, *symbol.dims)
                for part in size_factors(dim)
                if isinstance(part, str)
            ),
        }
        for name, symbol in program.symbols.items():
            body = None
            if name in program.bodies:
                body = lift_node(program.bodies[name], self.symbols, self.result.pool, size)
            lifted = is_over(body, size) if body is not None else name in over
            new = stacked_name(name, len(symbol.dims), taken) if lifted else name
            taken.add(new)
            self.names[name] = new
            self._add(program, name, new, lifted, body)

    def _add(self, program: Program, name: str, new: str, lifted: bool, body: Node | None) -> None:
        symbol = program.symbols[name]
        dims = (self.size, *symbol.dims) if lifted else symbol.dims
        node = self.result.symbols[new] = self.result.pool.symbol(new, dims)
        self.symbols[symbol] = node
        _copy_facts(symbol, node)
        if body is not None:
            self.result.bodies[new] = body
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

    def lifted(self, terms: Terms, dims: tuple[Size, ...]) -> Node:
        """Their sum over all examples."""
        pool = self.result.pool
        nodes = ((c, lift_node(term, self.symbols, pool, self.size)) for c, term in terms)
        return linear(pool, nodes, dims)

    def summed(self, terms: Terms, outside: Outside) -> Node:
        """Their sum over the examples, times what stands outside."""
        each = self.lifted(terms, (self.size,))
        return product(self.result.pool, [*outside, (each, (BATCH,))], ())

    def finished(self, objective: str, terms: list[Node], penalty: str | None) -> Program:
        """The program with the objective as its last definition: these terms, and the penalty once."""
        pool = self.result.pool
        added = [] if penalty is None else [self.result.symbols[self.names[penalty]]]
        self.result.symbols[objective] = pool.symbol(objective, ())
        self.result.bodies[objective] = linear(pool, [(Fraction(1), term) for term in (*terms, *added)], ())
        return self.result


def _copy_facts(old: Node, new: Node) -> None:
    before, after = ((pool.simplex, pool.signs, pool.unbounded) for pool in (old.pool, new.pool))
    for known, facts in zip(before, after, strict=True):
        if old in known:
            facts.add(new)
    if old in old.pool.labels:
        new.pool.labels[new] = old.pool.labels[old]
    if old.pool.symmetric.get(old) and new.dims == old.dims:
        new.pool.symmetric[new] = True
