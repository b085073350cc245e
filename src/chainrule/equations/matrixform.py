"""From index notation to matrix form.

A product of matrices and vectors is reduced as a graph; what does not reduce, and anything of three or more
axes, stays in index notation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from chainrule.equations.arrange import (
    add,
    hadamard,
    scale,
)
from chainrule.equations.forms import (
    Diagonal,
    Eye,
    Form,
    Function,
    Hadamard,
    Indexed,
    Named,
    Norm,
    Num,
    OneHot,
    Ones,
    Pi,
    Power,
    Scale,
    SizeForm,
    Unit,
)
from chainrule.equations.nodes import Node, coefficient_terms, topological
from chainrule.equations.series_parallel import Edge, Graph, reduce_graph, reduced_form

__all__ = ["matrix_form"]

ROOT = Fraction(1, 2)


def matrix_form(node: Node, held: Mapping[Node, Form] | None = None) -> Form:
    """The matrix form of a node; ``held`` gives the forms of nodes that have a name already."""
    done: dict[Node, Form] = dict(held or {})
    # Deep expressions are built from below, so that the recursion in _build never goes more than one level.
    for inner in topological([node]):
        if inner not in done:
            done[inner] = _build(inner, done.__getitem__)
    return done[node]


def _build(node: Node, form: Callable[[Node], Form]) -> Form:
    rank = len(node.dims)
    match node.kind:
        case "sym":
            return Named(rank, node)
        case "ones":
            return Ones(rank, node.dims) if rank else Num(0, Fraction(1))
        case "size":
            return SizeForm(0, node.data)
        case "pi":
            return Pi(0)
        case "delta":
            return Eye(2, node.dims[0])
        case "unit":
            return Unit(1, node.data, node.dims[0])
        case "onehot":
            return OneHot(rank, node.args[0], node.dims[-1])
        case "lin":
            return _sum_form(node, form)
        case "pow":
            return _power_form(form(node.args[0]), node.data)
        case "fn":
            return Function(rank, node.data, form(node.args[0]))
        case "softmax":
            return Function(rank, "softmax", form(node.args[0]), rank - 1 if rank > 1 else None)
        case "lse":
            return Function(rank, "logsumexp", form(node.args[0]), rank if rank else None)
        case "inv" | "det" | "logdet":
            return Function(rank, node.kind, form(node.args[0]))
        case "prod":
            return _product_form(node, form)
    raise AssertionError(f"unknown kind {node.kind}")


def _sum_form(node: Node, form: Callable[[Node], Form]) -> Form:
    rank = len(node.dims)
    terms: list[tuple[int, Form]] = []
    for c, arg in coefficient_terms(node):
        # A constant fills every entry, so in a sum it needs no ones.
        if arg.kind == "ones" and (rank == 0 or len(node.args) > 1):
            terms.append((1 if c > 0 else -1, Num(rank, abs(c))))
            continue
        sign, body = 1, scale(c, (), (), form(arg))
        if isinstance(body, Scale) and body.coefficient < 0:
            sign, body = -1, scale(-body.coefficient, body.above, body.below, body.arg)
        terms.append((sign, body))
    if not terms:
        return Scale(rank, Fraction(0), (), (), Ones(rank, node.dims)) if rank else Num(0, Fraction(0))
    if len(terms) == 1:
        sign, body = terms[0]
        return scale(Fraction(sign), (), (), body)
    return add(terms, rank)


def _power_form(arg: Form, exponent: Fraction) -> Form:
    if exponent < 0:
        below = _power_form(arg, -exponent)
        if arg.rank:
            return hadamard((), (below,), arg.rank)
        return scale(Fraction(1), (), (below,), None)
    if exponent == 1:
        return arg
    if isinstance(arg, Power) and (exponent.denominator == 1 or isinstance(arg.arg, Norm)):
        # A norm is not negative, so its powers multiply whatever they are.
        return _power_form(arg.arg, arg.exponent * exponent)
    square = _is_square(arg)
    if square is not None and (exponent == ROOT or exponent.denominator == 2):
        norm = Norm(0, square)
        return norm if exponent == ROOT else Power(0, norm, exponent * 2)
    if exponent == ROOT:
        return Function(arg.rank, "sqrt", arg)
    if arg.rank and exponent in (2, 3):
        return Hadamard(arg.rank, (arg,) * int(exponent), ())
    return Power(arg.rank, arg, exponent)


def _is_square(form: Form) -> Form | None:
    """The u of ‖u‖²."""
    if isinstance(form, Power) and form.exponent == 2 and isinstance(form.arg, Norm):
        return form.arg.arg
    return None


def _product_form(node: Node, form: Callable[[Node], Form]) -> Form:
    labels, out = node.data
    sizes = {
        label: size
        for arg, own in zip(node.args, labels, strict=True)
        for label, size in zip(own, arg.dims, strict=True)
    }
    pairs = list(zip(node.args, labels, strict=True))
    reduced = _reduced(pairs, out, form)
    if reduced is not None:
        return reduced
    pieces = _pieces(node, form)
    factors = tuple(sorted(pieces, key=lambda piece: piece[1]))
    left = {label for _, own in factors for label in own}
    summed = tuple(sorted(left - set(out)))
    dims = tuple(sizes[label] for label in sorted(left))
    return Indexed(len(out), Fraction(1), factors, out, summed, dims)


def _reduced(
    pairs: Sequence[tuple[Node, tuple[int, ...]]], out: tuple[int, ...], form: Callable[[Node], Form]
) -> Form | None:
    """The matrix form of some factors with the labels ``out`` as axes; None if there is none."""
    if len(out) > 2 or any(len(own) > 2 for _, own in pairs):
        return None
    sizes = {label: size for arg, own in pairs for label, size in zip(own, arg.dims, strict=True)}
    graph = Graph(out, sizes, set(sizes) - set(out))
    for arg, own in pairs:
        _place(graph, arg, own, form)
    while reduce_graph(graph):
        pass
    return None if graph.summed else reduced_form(graph)


def _pieces(node: Node, form: Callable[[Node], Form]) -> list[tuple[Form, tuple[int, ...]]]:
    """The factors of a tensor; what shares summed indices is joined where matrices can say it: (VᵀV)[j,l]."""
    labels, out = node.data
    pieces: list[tuple[Form, tuple[int, ...]]] = []
    for places in _groups(labels, out):
        pairs = [(node.args[place], labels[place]) for place in places]
        kept = tuple(label for label in out if any(label in own for _, own in pairs))
        joined = _reduced(pairs, kept, form) if 1 < len(places) < len(labels) else None
        if joined is not None:
            pieces.append((joined, kept))
        else:
            pieces += [(form(arg), own) for arg, own in pairs]
    return pieces


def _groups(labels: Sequence[tuple[int, ...]], out: tuple[int, ...]) -> list[list[int]]:
    """Places of the factors that hang together through summed labels."""
    groups: list[tuple[set[int], list[int]]] = []
    for place, own in enumerate(labels):
        inner, places = set(own) - set(out), [place]
        for group in [group for group in groups if group[0] & inner]:
            groups.remove(group)
            inner, places = inner | group[0], [*group[1], *places]
        groups.append((inner, places))
    return [places for _, places in groups]


def _place(graph: Graph, arg: Node, own: tuple[int, ...], form: Callable[[Node], Form]) -> None:
    inverted = arg.kind == "pow" and arg.data < 0
    if len(own) == 2:
        if own[0] == own[1]:
            graph.hang(own[0], Diagonal(1, form(arg)))
        else:
            graph.edges.append(Edge(own[0], own[1], form(arg)))
        return
    if inverted:
        base = _power_form(form(arg.args[0]), -arg.data)
        if own:
            graph.below.setdefault(own[0], []).append(base)
        else:
            graph.under.append(base)
    elif not own:
        graph.scalars.append(form(arg))
    elif arg.kind == "pow" and arg.data.denominator == 1:
        # A square on a summed index is two copies: xᵀx, not sum(x⊙x).
        for _ in range(arg.data.numerator):
            graph.hang(own[0], form(arg.args[0]))
    else:
        graph.hang(own[0], form(arg))
