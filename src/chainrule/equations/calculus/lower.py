"""From the typed tree to index notation."""

from collections.abc import Callable, Container, Iterable
from dataclasses import replace

from chainrule.equations.calculus.lower_calls import call
from chainrule.equations.calculus.lower_operations import Value, binary, contracted, one_over
from chainrule.equations.calculus.modes import total_derivative
from chainrule.equations.language.sheet import Sheet
from chainrule.equations.language.tree import (
    Aggregate,
    Binary,
    Call,
    Derivative,
    IndexRef,
    Negative,
    Number,
    Pick,
    Ref,
    Size,
    SizeOf,
    Term,
    Transpose,
    bottom_up,
    children,
    walk,
)
from chainrule.equations.nodes.entries import onehot, picked_entry
from chainrule.equations.nodes.nodes import Node, Pool, negative
from chainrule.equations.nodes.products import product, spread, transposed
from chainrule.equations.nodes.program import Program, named
from chainrule.errors import NoRuleError


def mentions(root: Term) -> tuple[str, ...]:
    """The names a term mentions, in the order in which they are written."""
    names = [
        (term.span.line, term.span.column, term.name)
        for term in walk([root], children)
        if isinstance(term, Ref)
    ]
    return tuple(dict.fromkeys(name for _, _, name in sorted(names)))


def differentiated(root: Term) -> set[str]:
    """The names by which something is differentiated inside a term."""
    return {term.wrt for term in walk([root], children) if isinstance(term, Derivative)}


def lower_sheet(sheet: Sheet, free: Iterable[str] = (), part: Container[str] | None = None) -> Program:
    """The definitions of a sheet in index notation.

    Parameters
    ----------
    sheet : Sheet
    free : iterable of str
        Names of which nothing is assumed but their shape, beside those the sheet differentiates by: what
        varies freely does not stay a simplex, a sign or symmetric: sum(p) is not 1 to a derivative by p.
    part : container of str, optional
        The definitions that are wanted, with all that they depend on; by default every one.
    """
    pool = Pool()
    program = Program(pool, {}, {}, {}, {})
    moving = set(free).union(*(differentiated(definition.body) for definition in sheet.definitions.values()))
    for name, declaration in sheet.declarations.items():
        symbol = program.symbols[name] = pool.symbol(name, declaration.axes)
        program.declarations[name] = declaration
        if declaration.domain == "simplex" and name not in moving:
            pool.simplex.add(symbol)
        if declaration.domain == "sign" and name not in moving:
            pool.signs.add(symbol)
        if declaration.classes is not None:
            pool.labels[symbol] = declaration.classes
    for name in [name for name in sheet.definitions if part is None or name in part]:
        program = _with_definition(sheet, program, name, name in moving)
    return program


def _with_definition(sheet: Sheet, program: Program, name: str, is_free: bool) -> Program:
    """The program with one more definition; a fresh one, since the caches must not outlive a new name."""
    pool, definition = program.pool, sheet.definitions[name]
    pool.attempt = f"The definition of {name} in line {definition.span.line}"
    mentioned = {**program.mentions, name: mentions(definition.body)}
    try:
        value = lower_value(sheet, program, definition.body)
    except NoRuleError as error:
        symbols = {**program.symbols, name: pool.symbol(name, sheet.type_of(name).axes)}
        refused = {**program.without_rule, name: error}
        return replace(program, symbols=symbols, mentions=mentioned, without_rule=refused)
    order = tuple(index for index, _ in definition.indices)
    dims = [*(size for _, size in definition.indices), *value.own_dims]
    body = spread(value.node, value.labels, order + value.own, dims)
    symbol = named(name, body, is_free)
    symbols, bodies = {**program.symbols, name: symbol}, {**program.bodies, name: body}
    return replace(program, symbols=symbols, bodies=bodies, mentions=mentioned)


def lower_value(
    sheet: Sheet,
    program: Program,
    root: Term,
    prepared: Callable[[Node], Node] = lambda node: node,
    in_stages: bool = False,
) -> Value:
    """One term with its open indices; iterative, so that long sums do not exhaust the stack.

    ``prepared`` gives what is differentiated in place of an expression. With ``in_stages`` a derivative that
    is the root is derived so, see `total_derivative`.
    """
    done: dict[Term, Value] = {}
    for term in bottom_up([root], children):
        if isinstance(term, Derivative):
            of = done[term.of]
            done[term] = _derivative(
                program, Value(prepared(of.node), of.open), term, in_stages and term is root
            )
        else:
            done[term] = _lower(sheet, program, term, done)
    return done[root]


def _lower(sheet: Sheet, program: Program, term: Term, done: dict[Term, Value]) -> Value:
    pool = program.pool
    match term:
        case Number(value=number):
            return Value(pool.number(number))
        case SizeOf(size=size):
            return Value(pool.size(size))
        case Ref(name=name):
            return Value(program.symbols[name])
        case Negative(arg=arg):
            return Value(negative(done[arg].node), done[arg].open)
        case Transpose(arg=arg):
            return contracted([(done[arg], done[arg].own)], done[arg].own[::-1])
        case Binary(op=op, left=left, right=right):
            return binary(op, done[left], done[right], left.type, right.type)
        case Call():
            return call(term, [done[arg] for arg in term.args], pool)
        case Pick(base=base, subscripts=subscripts):
            return _pick(done[base], [(sub, done.get(sub) if sub else None) for sub in subscripts], pool)
        case Aggregate(kind=kind, body=body, index=index, size=size):
            return _aggregate(kind, done[body], index, size, pool)
        case IndexRef(index=index, size=size):
            return Value(pool.iota(size), (index,))
    raise NoRuleError(f"No rule to differentiate {type(term).__name__}.")


def _pick(base: Value, subscripts: list[tuple[Term | None, Value | None]], pool: Pool) -> Value:
    """Fix leading own axes by an index (a shared label), a position (a unit vector) or a label (one-hot)."""
    labels: list[str | int] = list(base.labels)
    factors: list[tuple[Node, tuple[str | int, ...]]] = []
    opened = list(base.open)
    kept: list[str | int] = []
    offset = len(base.open)
    for axis, (term, value) in enumerate(subscripts):
        size = base.own_dims[axis]
        if isinstance(term, IndexRef):
            labels[offset + axis] = term.index
            if term.index not in opened:
                opened.append(term.index)
        elif isinstance(term, Number):
            position = int(term.value)
            factors.append((pool.unit(position, size), (labels[offset + axis],)))
        elif term is None:
            kept.append(labels[offset + axis])
        else:
            assert value is not None
            factors.append((onehot(value.node, size), (*value.open, labels[offset + axis])))
            opened.extend(name for name in value.open if name not in opened)
    kept.extend(labels[offset + len(subscripts) :])
    node = picked_entry(pool, (base.node, tuple(labels)), factors, (*opened, *kept))
    return Value(node, tuple(opened))


def _aggregate(kind: str, body: Value, index: str, size: Size, pool: Pool) -> Value:
    opened = tuple(name for name in body.open if name != index)
    factors = [(body.node, body.labels), (pool.ones((size,)), (index,))]
    if kind == "mean":
        factors += one_over(size, pool)
    return Value(product(pool, factors, opened + body.own), opened)


def _derivative(program: Program, of: Value, term: Derivative, in_stages: bool) -> Value:
    node, layout = total_derivative(program, of.node, term.wrt, in_stages), term.layout
    first = len(of.open)
    rank = len(of.node.dims)
    lead, own, axes = list(range(first)), list(range(first, rank)), list(range(rank, len(node.dims)))
    if layout == "numerator":
        axes = axes[::-1]
    if layout == "denominator":
        own, axes = axes, own[::-1]
    return Value(transposed(node, lead + own + axes), of.open)
