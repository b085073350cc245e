"""From the typed tree to index notation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from chainrule.equations import elementary
from chainrule.equations.nodes import Node, Pool, coefficient_terms, is_number
from chainrule.equations.products import is_simplex, power, product, transposed
from chainrule.equations.program import Program
from chainrule.equations.reverse import total_derivative
from chainrule.equations.sheet import Sheet
from chainrule.equations.sums import linear, negative, scaled
from chainrule.equations.tree import (
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
    Type,
)
from chainrule.errors import NoRuleError

__all__ = ["children", "differentiated", "lower_sheet", "lower_term", "mentions"]


@dataclass(frozen=True)
class Value:
    """A node whose leading axes belong to the open indices, in this order; the rest are the term's own."""

    node: Node
    open: tuple[str, ...] = ()

    @property
    def own(self) -> tuple[int, ...]:
        """Labels of the term's own axes."""
        return tuple(range(len(self.node.dims) - len(self.open)))

    @property
    def labels(self) -> tuple[str | int, ...]:
        """One label per axis: open indices by name, own axes by position."""
        return self.open + self.own

    @property
    def own_dims(self) -> tuple[Size, ...]:
        """Sizes of the own axes."""
        return self.node.dims[len(self.open) :]


def children(term: Term) -> tuple[Term, ...]:
    """The terms directly inside a term."""
    match term:
        case Negative(arg=arg) | Transpose(arg=arg):
            return (arg,)
        case Binary(left=left, right=right):
            return (left, right)
        case Call(args=args):
            return args
        case Pick(base=base, subscripts=subscripts):
            return (base, *(sub for sub in subscripts if sub is not None))
        case Aggregate(body=body):
            return (body,)
        case Derivative(of=of):
            return (of,)
    return ()


def _postorder(root: Term) -> Iterator[Term]:
    seen: set[Term] = set()
    stack: list[tuple[Term, bool]] = [(root, False)]
    while stack:
        term, expanded = stack.pop()
        if expanded:
            yield term
        elif term not in seen:
            seen.add(term)
            stack.append((term, True))
            stack.extend((child, False) for child in reversed(children(term)) if child not in seen)


def mentions(root: Term) -> tuple[str, ...]:
    """The names a term mentions, in the order in which they are written."""
    names = [
        (term.span.line, term.span.column, term.name) for term in _postorder(root) if isinstance(term, Ref)
    ]
    return tuple(dict.fromkeys(name for _, _, name in sorted(names)))


def differentiated(root: Term) -> set[str]:
    """The names by which something is differentiated inside a term."""
    return {term.wrt for term in _postorder(root) if isinstance(term, Derivative)}


def lower_sheet(sheet: Sheet, free: Iterable[str] = ()) -> Program:
    """Every definition of a sheet in index notation.

    Parameters
    ----------
    sheet : Sheet
    free : iterable of str
        Names of which nothing is assumed but their shape, beside those the sheet differentiates by: what
        varies freely does not stay a simplex or a sign, and sum(p) is not 1 to a derivative by p.
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
    for name in sheet.definitions:
        program = _with_definition(sheet, program, name, name in moving)
    return program


def _with_definition(sheet: Sheet, program: Program, name: str, is_free: bool) -> Program:
    """The program with one more definition; a fresh one, since the caches must not outlive a new name."""
    pool, definition = program.pool, sheet.definitions[name]
    mentioned = {**program.mentions, name: mentions(definition.body)}
    try:
        value = lower_value(sheet, program, definition.body)
    except NoRuleError as error:
        symbols = {**program.symbols, name: pool.symbol(name, sheet.type_of(name).axes)}
        refused = {**program.without_rule, name: error}
        return replace(program, symbols=symbols, mentions=mentioned, without_rule=refused)
    order = tuple(index for index, _ in definition.indices)
    body = _spread(value, order + value.own, dict(definition.indices), value.own_dims)
    symbol = pool.symbol(name, body.dims)
    if body.dims and is_simplex(body) and not is_free:
        pool.simplex.add(symbol)
    symbols, bodies = {**program.symbols, name: symbol}, {**program.bodies, name: body}
    return replace(program, symbols=symbols, bodies=bodies, mentions=mentioned)


def _spread(
    value: Value, labels: Sequence[str | int], sizes: dict[str, Size], own_dims: tuple[Size, ...]
) -> Node:
    """The value with its axes in the order of ``labels``; an index it does not use is filled with ones."""
    pool = value.node.pool
    factors: list[tuple[Node, tuple[str | int, ...]]] = [(value.node, value.labels)]
    for label in labels:
        if label not in value.labels:
            size = sizes[label] if isinstance(label, str) else own_dims[label]
            factors.append((pool.ones((size,)), (label,)))
    return product(pool, factors, labels)


def lower_term(sheet: Sheet, program: Program, term: Term, indices: Sequence[tuple[str, Size]] = ()) -> Node:
    """One term in index notation; the given open indices become the leading axes, in this order."""
    value = lower_value(sheet, program, term)
    labels = tuple(index for index, _ in indices) + value.own
    return _spread(value, labels, dict(indices), value.own_dims)


def lower_value(sheet: Sheet, program: Program, root: Term) -> Value:
    """One term with its open indices; iterative, so that long sums do not exhaust the stack."""
    done: dict[Term, Value] = {}
    for term in _postorder(root):
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
            value = done[arg]
            own = value.own[::-1]
            return Value(product(pool, [(value.node, value.labels)], value.open + own), value.open)
        case Binary(op=op, left=left, right=right):
            return _binary(op, done[left], done[right], left.type, right.type)
        case Call():
            return _call(term, [done[arg] for arg in term.args], pool)
        case Pick(base=base, subscripts=subscripts):
            return _pick(done[base], [(sub, done.get(sub) if sub else None) for sub in subscripts], pool)
        case Aggregate(kind=kind, body=body, index=index, size=size):
            return _aggregate(kind, done[body], index, size, pool)
        case Derivative(of=of, wrt=wrt, layout=layout):
            return _derivative(program, done[of], wrt, layout)
        case IndexRef():
            # Only a subscript can use it, and that reads the term itself.
            return Value(pool.zero())
    raise NoRuleError(f"No rule to differentiate {type(term).__name__}.")


def _joined(*values: Value) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for value in values for name in value.open))


def _aligned(
    left: Value, right: Value
) -> tuple[list[Value], tuple[str | int, ...], list[tuple[str | int, ...]]]:
    """Labels of two values that go together elementwise: own axes align from the right."""
    rank = max(len(left.own), len(right.own))
    out = _joined(left, right) + tuple(range(rank))
    labels = [value.open + tuple(range(rank - len(value.own), rank)) for value in (left, right)]
    return [left, right], out, labels


def _binary(op: str, left: Value, right: Value, left_type: Type, right_type: Type) -> Value:
    if op == "@":
        return _matmul(left, right, left_type, right_type)
    pool = left.node.pool
    if op == "**":
        return _power(left, right)
    values, out, labels = _aligned(left, right)
    opened = _joined(left, right)
    if op == "/":
        right = Value(power(right.node, Fraction(-1)), right.open)
    if op in "*/":
        return Value(product(pool, [(left.node, labels[0]), (right.node, labels[1])], out), opened)
    sizes = {
        label: size
        for value, own in zip(values, labels, strict=True)
        for label, size in zip(own, value.node.dims, strict=True)
    }
    terms = []
    for sign, value, own in zip((1, 1 if op == "+" else -1), values, labels, strict=True):
        fill = [(pool.ones((sizes[label],)), (label,)) for label in out if label not in own]
        terms.append((Fraction(sign), product(pool, [(value.node, own), *fill], out)))
    return Value(linear(pool, terms, tuple(sizes[label] for label in out)), opened)


def _power(base: Value, exponent: Value) -> Value:
    """U ** c for a constant c; u ** v = exp(v log u) otherwise."""
    if is_number(exponent.node) and not exponent.node.dims:
        terms = coefficient_terms(exponent.node)
        return Value(power(base.node, terms[0][0] if terms else Fraction(0)), base.open)
    logarithm = Value(elementary.apply("log", base.node), base.open)
    scalar = Type()
    times = _binary("*", exponent, logarithm, scalar, scalar)
    return Value(elementary.apply("exp", times.node), times.open)


def _matmul(left: Value, right: Value, left_type: Type, right_type: Type) -> Value:
    """Row by column a scalar, column by row an outer product, else last axis by first axis."""
    opened = _joined(left, right)
    a: tuple[str | int, ...] = tuple(f"left {axis}" for axis in left.own)
    b: tuple[str | int, ...] = tuple(f"right {axis}" for axis in right.own)
    outer = len(a) == 1 and len(b) == 1 and not left_type.row and right_type.row
    if outer:
        out = opened + a + b
    else:
        b = (a[-1], *b[1:])
        out = opened + a[:-1] + b[1:]
    factors = [(left.node, left.open + a), (right.node, right.open + b)]
    return Value(product(left.node.pool, factors, out), opened)


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
            factors.append((pool.onehot(value.node, size), (*value.open, labels[offset + axis])))
            opened.extend(name for name in value.open if name not in opened)
    kept.extend(labels[offset + len(subscripts) :])
    node = product(pool, [(base.node, tuple(labels)), *factors], (*opened, *kept))
    return Value(node, tuple(opened))


def _aggregate(kind: str, body: Value, index: str, size: Size, pool: Pool) -> Value:
    opened = tuple(name for name in body.open if name != index)
    factors: list[tuple[Node, tuple[str | int, ...]]] = [
        (body.node, body.labels),
        (pool.ones((size,)), (index,)),
    ]
    if kind == "mean":
        factors.append((power(pool.size(size), Fraction(-1)), ()))
    return Value(product(pool, factors, opened + body.own), opened)


def _derivative(program: Program, of: Value, wrt: str, layout: str) -> Value:
    node = total_derivative(program, of.node, wrt)
    first = len(of.open)
    rank = len(of.node.dims)
    lead, own, axes = list(range(first)), list(range(first, rank)), list(range(rank, len(node.dims)))
    if layout == "numerator":
        axes = axes[::-1]
    if layout == "denominator":
        own, axes = axes, own[::-1]
    return Value(transposed(node, lead + own + axes), of.open)


def _call(term: Call, args: list[Value], pool: Pool) -> Value:
    name = term.function
    if name in _CALLS:
        return _CALLS[name](term, args, pool)
    if len(args) == 1 and (name in elementary.SLOPES or name in elementary.BUILDERS):
        return Value(elementary.apply(name, args[0].node), args[0].open)
    raise NoRuleError(
        f"{name} can be evaluated, but no rule is known to differentiate or compile it; "
        "write it with functions that have one."
    )


def _along(term: Call, value: Value, function: Callable[[Node], Node], *, keeps: bool) -> Value:
    """Apply a function of the last axis along the call's axis."""
    own = list(value.own)
    axis = own[term.axis] if term.axis is not None else own[-1]
    last = [other for other in own if other != axis] + [axis]
    pool = value.node.pool
    moved = product(pool, [(value.node, value.labels)], (*value.open, *last))
    result = function(moved)
    if not keeps:
        return Value(result, value.open)
    return Value(product(pool, [(result, (*value.open, *last))], value.labels), value.open)


def _total(term: Call, args: list[Value], pool: Pool) -> Value:
    (value,) = args
    summed = set(value.own) if term.axis is None else {value.own[term.axis]}
    out = tuple(label for label in value.labels if not (isinstance(label, int) and label in summed))
    return Value(product(pool, [(value.node, value.labels)], out), value.open)


def _mean(term: Call, args: list[Value], pool: Pool) -> Value:
    (value,) = args
    axes = value.own if term.axis is None else (value.own[term.axis],)
    total = _total(term, args, pool)
    inverse = [(power(pool.size(value.own_dims[axis]), Fraction(-1)), ()) for axis in axes]
    return Value(product(pool, [(total.node, total.labels), *inverse], total.labels), total.open)


def _trace(term: Call, args: list[Value], pool: Pool) -> Value:
    (value,) = args
    return Value(product(pool, [(value.node, (*value.open, "d", "d"))], value.open), value.open)


def _diag(term: Call, args: list[Value], pool: Pool) -> Value:
    """A vector on the diagonal of a matrix, or the diagonal of a matrix as a vector."""
    (value,) = args
    if len(value.own) == 1:
        factors = [(value.node, (*value.open, "a")), (pool.delta(value.own_dims[0]), ("a", "b"))]
        return Value(product(pool, factors, (*value.open, "a", "b")), value.open)
    return Value(product(pool, [(value.node, (*value.open, "a", "a"))], (*value.open, "a")), value.open)


def _norm1(term: Call, args: list[Value], pool: Pool) -> Value:
    (value,) = args
    size = elementary.apply("abs", value.node)
    return Value(product(pool, [(size, value.labels)], value.open), value.open)


def _norm2(term: Call, args: list[Value], pool: Pool) -> Value:
    (value,) = args
    square = product(pool, [(value.node, value.labels), (value.node, value.labels)], value.open)
    return Value(power(square, Fraction(1, 2)), value.open)


def _dot(term: Call, args: list[Value], pool: Pool) -> Value:
    left, right = args
    opened = _joined(left, right)
    return Value(product(pool, [(left.node, left.labels), (right.node, right.labels)], opened), opened)


def _outer(term: Call, args: list[Value], pool: Pool) -> Value:
    left, right = args
    opened = _joined(left, right)
    factors = [(left.node, (*left.open, "a")), (right.node, (*right.open, "b"))]
    return Value(product(pool, factors, (*opened, "a", "b")), opened)


def _onehot(term: Call, args: list[Value], pool: Pool) -> Value:
    (value,) = args
    return Value(pool.onehot(value.node, term.sizes[-1]), value.open)


def _extreme(term: Call, args: list[Value], pool: Pool) -> Value:
    """max(a, b) = a + relu(b - a) and min(a, b) = a - relu(a - b), elementwise."""
    if len(args) != 2:
        raise NoRuleError(
            f"{term.function} of a whole vector can be evaluated, but no rule differentiates or compiles it."
        )
    left, right = args
    scalar = Type()
    sign = 1 if term.function == "max" else -1
    gap = _binary("-", right, left, scalar, scalar)
    gap = Value(elementary.apply("relu", scaled(sign, gap.node)), gap.open)
    return _binary("+" if sign > 0 else "-", left, gap, scalar, scalar)


def _matrix_function(kind: str) -> Callable[[Call, list[Value], Pool], Value]:
    def build(term: Call, args: list[Value], pool: Pool) -> Value:
        (value,) = args
        dims = value.node.dims if kind == "inv" else value.node.dims[:-2]
        return Value(pool.intern(kind, None, (value.node,), dims), value.open)

    return build


_CALLS: dict[str, Callable[[Call, list[Value], Pool], Value]] = {
    "softmax": lambda term, args, pool: _along(term, args[0], elementary.softmax, keeps=True),
    "log_softmax": lambda term, args, pool: _along(term, args[0], elementary.log_softmax, keeps=True),
    "logsumexp": lambda term, args, pool: _along(term, args[0], elementary.log_sum_exp, keeps=False),
    "sum": _total,
    "mean": _mean,
    "trace": _trace,
    "diag": _diag,
    "norm1": _norm1,
    "norm2": _norm2,
    "normF": _norm2,
    "dot": _dot,
    "outer": _outer,
    "onehot": _onehot,
    "max": _extreme,
    "min": _extreme,
    "inv": _matrix_function("inv"),
    "det": _matrix_function("det"),
    "logdet": _matrix_function("logdet"),
    "eye": lambda term, args, pool: Value(pool.delta(term.sizes[0])),
    "ones": lambda term, args, pool: Value(pool.ones(term.sizes)),
    "zeros": lambda term, args, pool: Value(pool.zero(term.sizes)),
}
