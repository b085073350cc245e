"""Products in index notation, in a canonical form that needs no search.

``product(pool, [(A, "ij"), (B, "jk")], "ik")`` is the matrix product: labels that are not in ``out`` are
summed. Everything here holds by construction: products flatten, identity matrices rename an index, equal
factors merge into powers, ones vanish where something else covers their axis, a simplex sums to one.
"""

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from fractions import Fraction
from itertools import chain, count
from math import prod

from chainrule.equations.language.tree import Size, size_factors
from chainrule.equations.nodes.blocks import merged_dims, opened, sides_of, whole_of
from chainrule.equations.nodes.canonical import canonical, oriented
from chainrule.equations.nodes.conditions import choose, gate, settled_relations
from chainrule.equations.nodes.nodes import (
    ONE,
    Factor,
    Node,
    Pool,
    argument_beside,
    argument_of,
    base_and_exponent,
    coefficient_terms,
    content,
    factors_of,
    has_terms,
    is_identity,
    is_one,
    is_product,
    is_zero,
    linear,
    own_factors,
    scaled,
    summed_labels,
)
from chainrule.equations.nodes.operations import fact, is_plain, is_simplex, may_overflow, operation, plain
from chainrule.equations.nodes.quotients import Exponents, cancel_inverses, recognise

Label = Hashable
# Larger whole numbers are no floats any more, nor exponents that tell odd from even.
MOST_EXPONENT = 2**53
# Of the exponent of a float.
FLOAT_BITS = 1024


def product(
    pool: Pool,
    factors: Sequence[tuple[Node, Sequence[Label]]],
    out: Sequence[Label],
    coefficient: Fraction | int = 1,
) -> Node:
    """The sum over all labels outside ``out`` of the product of the factors.

    Parameters
    ----------
    pool : Pool
        Where the result is interned.
    factors : sequence of (Node, labels)
        One label per axis; a repeated label takes a diagonal.
    out : sequence of labels
        Distinct labels of the result's axes; each must stand in a factor.
    coefficient : Fraction
        A rational factor.
    """
    fresh = count()
    work, sizes = _numbered(factors, out, fresh)
    free = tuple(range(len(out)))
    flat = _flatten(work, sizes, fresh)
    if flat is None or not coefficient:
        return pool.zero(tuple(sizes[label] for label in free))
    c, kept = flat
    pool.spend(len(kept))
    c = c if coefficient == 1 else c * coefficient
    # Unambiguous: a node says how many labels follow it.
    key = (c.numerator, c.denominator, len(free), *chain.from_iterable((n.serial, *own) for n, own in kept))
    if key not in pool.products:
        pool.products[key] = (
            _with_parts_apart(pool, kept, free, sizes, fresh, c)
            or _gated(pool, kept, free, sizes, c)
            or _assemble(pool, kept, free, sizes, c)
        )
    return pool.products[key]


def _numbered(
    factors: Sequence[tuple[Node, Sequence[Label]]], out: Sequence[Label], fresh: Iterator[int]
) -> tuple[list[Factor], dict[int, Size]]:
    """The factors with numbers for labels, those of ``out`` first, and the size of each."""
    number: dict[Label, int] = {label: next(fresh) for label in out}
    sizes: dict[int, Size] = {}
    work: list[Factor] = []
    for node, labels in factors:
        for label in labels:
            if label not in number:
                number[label] = next(fresh)
        ints = tuple([number[label] for label in labels])
        sizes.update(zip(ints, node.dims, strict=True))
        work.append((node, ints))
    return work, sizes


def _with_parts_apart(
    pool: Pool,
    factors: list[Factor],
    free: tuple[int, ...],
    sizes: dict[int, Size],
    fresh: Iterator[int],
    c: Fraction,
) -> Node | None:
    """The product over the parts of merged axes, where these may be taken apart."""
    apart = opened(factors, free, sizes, fresh)
    if apart is None:
        return None
    inner, parts = apart
    groups = [parts.get(label, (label,)) for label in free]
    node = product(pool, inner, [label for group in groups for label in group], c)
    return merged(node, tuple(map(len, groups)))


def _gated(
    pool: Pool, factors: list[Factor], free: tuple[int, ...], sizes: dict[int, Size], c: Fraction
) -> Node | None:
    """The product with factors that may be infinite behind the first condition that holds them back."""
    if len(factors) == 1 or not any(gate(node) for node, _ in factors):
        return None
    renamed, gone = _rename_deltas(factors, free)
    ones = [(pool.ones((sizes[label],)), (label,)) for label in sorted(gone)]
    for place, (node, _) in enumerate(renamed):
        if gate(node) and (behind := _behind_gate(pool, [*renamed, *ones], place)) is not None:
            return product(pool, behind, free, c)
    return None


def _flatten(
    work: list[Factor], sizes: dict[int, Size], fresh: Iterator[int]
) -> tuple[Fraction, list[Factor]] | None:
    """Open nested products and pull the numbers out; None if a factor is zero."""
    c, flat = ONE, list[Factor]()
    stack = work[::-1]
    while stack:
        node, labels = stack.pop()
        if is_zero(node):
            return None
        if is_product(node):
            inner, out = node.data, node.axes
            rename = dict(zip(out, labels, strict=True))
            for arg, own in zip(node.args, inner, strict=True):
                for label, size in zip(own, arg.dims, strict=True):
                    if label not in rename:
                        rename[label] = next(fresh)
                        sizes[rename[label]] = size
            stack.extend(
                (arg, tuple([rename[label] for label in own]))
                for arg, own in reversed(list(zip(node.args, inner, strict=True)))
            )
        else:
            factor, primitive = content(node)
            c = c if primitive is node else c * factor
            (stack if is_product(primitive) else flat).append((primitive, labels))
    return c, flat


def _behind_gate(pool: Pool, factors: list[Factor], position: int) -> list[Factor] | None:
    """Put factors that may be infinite where a condition fails behind that condition; None if there are none.

    (u if c else 0) v is (u v if c else 0): the zero then wins over an infinite v.
    """
    node, own = factors[position]
    rest = factors[:position] + factors[position + 1 :]
    inside = [
        (other, labels)
        for other, labels in rest
        if set(labels) <= set(own)
        and not is_plain(other)
        and (len(labels) == len(own) or may_overflow(other))
    ]
    outside = [pair for pair in rest if pair not in inside]
    wider = next((pair for pair in outside if set(own) < set(pair[1]) and may_overflow(pair[0])), None)
    labels = wider[1] if wider is not None else own
    if wider is not None:
        inside.append(wider)
        outside.remove(wider)
    then, (core, kept) = node.args[1], unrepeated(node.args[0])
    along = [own[axis] for axis in kept]
    held = [_held(core, along, pair) for pair in outside]
    if len(set(labels)) != len(labels) or not (inside or held != outside):
        return None
    body = product(pool, [(then, own), *inside], labels)
    holds = spread(core, along, labels, body.dims)
    return [(choose(holds, body, pool.zero(body.dims)), labels), *held]


def _held(condition: Node, own: list[int], factor: Factor) -> Factor:
    """A factor that may be infinite where a condition of some of its axes fails, behind that condition.

    Of (Σ u) (Σ v) if c else 0, each sum has the condition.
    """
    node, labels = factor
    if not set(own) <= set(labels) or len(set(labels)) != len(labels) or not may_overflow(node):
        return factor
    return choose(spread(condition, own, labels, node.dims), node, node.pool.zero(node.dims)), labels


def merged(node: Node, runs: tuple[int, ...]) -> Node:
    """The node with consecutive axes run through as one, the last of each group fastest.

    An outer product of nodes on the first and on the second axis of every group is their Kronecker product.
    """
    pool = node.pool
    if all(run == 1 for run in runs):
        return node
    dims = merged_dims(node.dims, runs)
    if is_one(node):
        return pool.ones(dims)
    if has_terms(node):
        return linear(pool, [(c, merged(arg, runs)) for c, arg in coefficient_terms(node)], dims)
    if (whole := whole_of(node, runs)).dims == dims:
        return whole
    if set(runs) == {2}:
        pairs, out = factors_of(node), node.axes
        sides = sides_of(pairs, set(out[::2]), set(out[1::2]))
        if sides is not None:
            left, right = (
                product(pool, side, own) for side, own in zip(sides, (out[::2], out[1::2]), strict=True)
            )
            if is_identity(left) and is_identity(right):
                return pool.delta(dims[0])
            return pool.intern("kron", None, (left, right), dims)
    return pool.intern("merge", runs, (node,), dims)


def _assemble(
    pool: Pool, factors: list[Factor], free: tuple[int, ...], sizes: dict[int, Size], c: Fraction
) -> Node:
    """Apply the construction rules, then intern."""
    factors, wanted, sign = _settled(pool, factors, free)
    c = c if sign == 1 else -c
    if (settled := settled_relations(factors)) is not None:
        used = wanted.union(*(labels for _, labels in factors))
        return product(pool, [*settled, *((pool.ones((sizes[i],)), (i,)) for i in sorted(used))], free, c)
    covered = {label for _, labels in factors for label in labels}
    bare = tuple(label for label in free if label not in covered)
    if gone := sorted(wanted - covered - set(free)):
        number, lengths = _lengths(pool, [sizes[label] for label in gone])
        factors, _, sign = _merge_powers(pool, [*factors, *lengths])
        c *= number * sign
    if bare:
        factors.append((pool.ones(tuple(sizes[label] for label in bare)), bare))
    if not factors:
        return pool.number(c)
    if len(factors) == 1 and factors[0][1] == free:
        return scaled(c, factors[0][0])
    return scaled(c, canonical(pool, factors, free, sizes))


def _lengths(pool: Pool, sizes: Sequence[Size]) -> tuple[int, list[Factor]]:
    """What a sum over axes that nothing depends on multiplies by: a number, and symbolic sizes."""
    parts = [part for size in sizes for part in size_factors(size)]
    number = prod(part for part in parts if isinstance(part, int))
    return number, [(pool.size(part), ()) for part in parts if isinstance(part, str)]


def _settled(pool: Pool, factors: list[Factor], free: tuple[int, ...]) -> tuple[list[Factor], set[int], int]:
    """The factors when the construction rules change nothing more, the labels where ones are left, a sign."""
    wanted, sign, before = set[int](), 1, list[Factor]()
    factors = [oriented(factor) for factor in factors]
    while factors != before:
        before = factors
        factors = cancel_inverses(factors, free)
        factors, gone = _rename_deltas(factors, free)
        factors, ones, turn = _merge_powers(pool, factors)
        sign *= turn
        # Ones vanish where a factor covers their axis now; a simplex may be summed away below.
        wanted = (wanted | gone | ones) - {label for _, labels in factors for label in labels}
        factors, ones = _sum_simplices(factors, free)
        wanted |= ones
    return factors, wanted, sign


def _rename_deltas(factors: list[Factor], free: tuple[int, ...]) -> tuple[list[Factor], set[int]]:
    """An identity with a summed end renames that end; with two free ends the rest moves to the first."""
    gone: set[int] = set()
    position = 0
    while position < len(factors):
        node, labels = factors[position]
        if is_one(node):
            gone.update(labels)
            factors = factors[:position] + factors[position + 1 :]
            continue
        if not is_identity(node):
            position += 1
            continue
        a, b = labels
        rest = factors[:position] + factors[position + 1 :]
        if a in free and b in free and a != b:
            first, second = sorted((a, b))
            rest = _renamed(rest, second, first)
            position += 1
            factors = [*rest[: position - 1], (node, (first, second)), *rest[position - 1 :]]
            continue
        keep, drop = (a, b) if b not in free else (b, a)
        factors = _renamed(rest, drop, keep)
        gone = {keep if label == drop else label for label in gone} | {keep}
    return factors, gone


def _renamed(factors: list[Factor], old: int, new: int) -> list[Factor]:
    return [
        (
            node,
            labels
            if is_identity(node) and old in labels and new in labels
            else tuple(new if label == old else label for label in labels),
        )
        for node, labels in factors
    ]


def _merge_powers(pool: Pool, factors: list[Factor]) -> tuple[list[Factor], set[int], int]:
    """Equal factors add their exponents; what cancels leaves ones behind, what is recognised a sign."""
    if len(set(factors)) == len(factors) and not any(_meets_others(node) for node, _ in factors):
        return factors, set(), 1
    exponents = Exponents()
    for node, labels in factors:
        base, exponent = base_and_exponent(node)
        exponents.add((base, labels), exponent)
    sign = recognise(pool, exponents)
    merged: list[Factor] = []
    ones: set[int] = set()
    for (base, labels), exponent in exponents.items():
        if exponent is ONE:
            merged.append((base, labels))
            continue
        exponent = _own_exponent(base, exponent)
        if exponent == 0:
            ones.update(labels)
        else:
            power = base if exponent == 1 else pool.intern("pow", exponent, (base,), base.dims)
            merged.append((power, labels))
    return merged, ones, sign


def _meets_others(node: Node) -> bool:
    """Whether a factor may be recognised, or cancel, with factors that are not its equals."""
    return base_and_exponent(node)[1] is not ONE or bool(fact(operation(node).joins, node))


def _own_exponent(base: Node, exponent: Fraction) -> Fraction:
    """The exponent that comes to the same: 1 for 2 of what is 0 or 1, 0 for 2 of what is -1 or 1."""
    if fact(operation(base).is_indicator, base):
        exponent = min(exponent, ONE)
    if base in base.pool.signs and exponent.denominator == 1:
        return Fraction(exponent.numerator % 2)
    return exponent


def _sum_simplices(factors: list[Factor], free: tuple[int, ...]) -> tuple[list[Factor], set[int]]:
    """A simplex alone on a summed last axis is 1."""
    uses = Counter(label for _, labels in factors for label in labels)
    kept: list[Factor] = []
    ones: set[int] = set()
    for node, labels in factors:
        if labels and labels[-1] not in free and uses[labels[-1]] == 1 and is_simplex(node):
            ones.update(labels[:-1])
        else:
            kept.append((node, labels))
    return kept, ones


def elementwise(*nodes: Node, coefficient: Fraction | int = 1) -> Node:
    """The Hadamard product of nodes of equal shape; numbers without axes go with anything."""
    dims = max((node.dims for node in nodes), key=len)
    axes = range(len(dims))
    return product(nodes[0].pool, [(node, axes if node.dims else ()) for node in nodes], axes, coefficient)


def spread(node: Node, own: Sequence[Label], out: Sequence[Label], dims: Sequence[Size]) -> Node:
    """The node with its axes along ``own``, repeated along the other labels of ``out``, of sizes ``dims``."""
    pool = node.pool
    bare = [(pool.ones((size,)), (label,)) for label, size in zip(out, dims, strict=True) if label not in own]
    return product(pool, [(node, own), *bare], out)


def unrepeated(node: Node) -> tuple[Node, tuple[int, ...]]:
    """What a product repeats along some axes, and the others; of anything else itself and all."""
    rest = own_factors(node)
    kept = tuple(label for label in node.axes if any(label in own for _, own in rest))
    return (product(node.pool, rest, kept), kept) if rest and kept != node.axes else (node, node.axes)


def transposed(node: Node, order: Sequence[int]) -> Node:
    """The node with its axes in another order, as in ``np.transpose``."""
    if tuple(order) == tuple(range(len(node.dims))):
        return node
    return product(node.pool, [(node, range(len(node.dims)))], list(order))


def power(node: Node, exponent: Fraction) -> Node:
    """The elementwise power; constants and products are opened where that is exact for every real base."""
    pool = node.pool
    if exponent == 1:
        return node
    if exponent == 0 or is_one(node):
        return pool.ones(node.dims)
    if is_zero(node) and exponent > 0:
        return node
    if fact(operation(node).is_indicator, node) and exponent > 0:
        return node
    rule = operation(node).power
    found = rule(node, exponent) if rule is not None else None
    return pool.intern("pow", exponent, (node,), node.dims) if found is None else found


def power_of_norm(node: Node, exponent: Fraction) -> Node | None:
    even = exponent > 0 and exponent % 2 == 0
    return power(squared_norm(node.args[0], node.data), exponent / 2) if even else None


def power_of_sum(node: Node, exponent: Fraction) -> Node | None:
    factor, primitive = content(node)
    if exponent.denominator == 1 and factor != 1 and _has_floats(factor, exponent):
        return scaled(factor**exponent.numerator, power(primitive, exponent))
    inner = argument_beside(1, 1, "exp", node) if exponent == -1 else None
    return inner and plain("sigmoid", scaled(-1, inner))


def power_of_power(node: Node, exponent: Fraction) -> Node | None:
    whole = exponent.denominator == 1 and abs(node.data * exponent) < MOST_EXPONENT
    return power(node.args[0], node.data * exponent) if whole else None


def power_of_product(node: Node, exponent: Fraction) -> Node | None:
    """Of every factor, or of the sum that is repeated along some axes."""
    pairs, out = factors_of(node), node.axes
    if exponent.denominator != 1:
        return None
    if not summed_labels(pairs, out):
        return product(node.pool, [(power(arg, exponent), own) for arg, own in pairs], out)
    inner, kept = unrepeated(node)
    return spread(power(inner, exponent), kept, out, node.dims) if kept != out else None


def power_of_function(node: Node, exponent: Fraction) -> Node | None:
    inner = argument_of(node, "exp") if exponent == -1 else None
    return inner and plain("exp", scaled(-1, inner))


def _has_floats(factor: Fraction, exponent: Fraction) -> bool:
    """Whether a power of a number is one that floats come near: (3 x)**(9**20) stays as it is."""
    bits = max(abs(factor.numerator), factor.denominator).bit_length()
    return bits * abs(exponent) < FLOAT_BITS


def squared_norm(node: Node, axes: int) -> Node:
    """The sum of squares along the last axes."""
    labels = range(len(node.dims))
    return product(node.pool, [(node, labels), (node, labels)], labels[: len(labels) - axes])
