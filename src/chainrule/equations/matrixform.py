"""From index notation to matrix form, by series-parallel reduction.

A product is a graph: labels are vertices, matrices are edges, vectors hang on vertices. Summed vertices are
removed one at a time: a vertex with vectors only is an inner product, a dead end is a matrix-vector product,
two edges in series are a matrix product, parallel edges are a Hadamard product. What does not reduce, and
anything of three or more axes, stays in index notation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from chainrule.equations.forms import (
    Diag,
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
    Sum,
    Trace,
    Unit,
    add,
    hadamard,
    mul,
    scale,
    transpose,
)
from chainrule.equations.nodes import Node, coefficient_terms, topological
from chainrule.equations.tree import Size

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


@dataclass(slots=True)
class _Edge:
    a: int
    b: int
    form: Form

    def seen_from(self, label: int) -> Form:
        """The matrix with ``label`` as its row index."""
        return self.form if self.a == label else transpose(self.form)

    def other(self, label: int) -> int:
        return self.b if self.a == label else self.a


@dataclass(slots=True)
class _Graph:
    """What is left of a product while it is reduced."""

    out: tuple[int, ...]
    sizes: dict[int, Size]
    summed: set[int]
    edges: list[_Edge] = field(default_factory=list)
    above: dict[int, list[Form]] = field(default_factory=dict)
    below: dict[int, list[Form]] = field(default_factory=dict)
    scalars: list[Form] = field(default_factory=list)
    under: list[Form] = field(default_factory=list)

    def hang(self, label: int, form: Form) -> None:
        self.above.setdefault(label, []).append(form)

    def has_vector(self, label: int) -> bool:
        return bool(self.above.get(label) or self.below.get(label))

    def take_vector(self, label: int) -> Form:
        """What hangs on a vertex, as one column, removed."""
        above, below = self.above.pop(label, []), self.below.pop(label, [])
        return hadamard(above, below, 1) if above or below else Ones(1, (self.sizes[label],))

    def ends(self, label: int) -> list[_Edge]:
        return [edge for edge in self.edges if label in (edge.a, edge.b)]


def _product_form(node: Node, form: Callable[[Node], Form]) -> Form:
    labels, out = node.data
    sizes = {
        label: size
        for arg, own in zip(node.args, labels, strict=True)
        for label, size in zip(own, arg.dims, strict=True)
    }
    if len(out) <= 2 and all(len(own) <= 2 for own in labels):
        graph = _Graph(out, sizes, set(sizes) - set(out))
        for arg, own in zip(node.args, labels, strict=True):
            _place(graph, arg, own, form)
        while _reduce(graph):
            pass
        if not graph.summed:
            return _finish(graph)
    pairs = sorted(zip(labels, node.args, strict=True), key=lambda pair: (pair[0], pair[1].serial))
    factors = tuple((form(arg), own) for own, arg in pairs)
    summed = tuple(sorted(set(sizes) - set(out)))
    dims = tuple(sizes[label] for label in sorted(sizes))
    return Indexed(len(out), Fraction(1), factors, out, summed, dims)


def _place(graph: _Graph, arg: Node, own: tuple[int, ...], form: Callable[[Node], Form]) -> None:
    inverted = arg.kind == "pow" and arg.data < 0
    if len(own) == 2:
        if own[0] == own[1]:
            graph.hang(own[0], Diagonal(1, form(arg)))
        else:
            graph.edges.append(_Edge(own[0], own[1], form(arg)))
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


def _reduce(graph: _Graph) -> bool:
    """Remove one summed vertex or join one pair of parallel edges; the first rule that applies."""
    for rule in (_inner_product, _whole_sum, _dead_end_vector, _dead_end, _trace_rule, _parallel, _series):
        if rule(graph):
            return True
    return False


def _inner_product(graph: _Graph) -> bool:
    for label in sorted(graph.summed):
        if graph.has_vector(label) and not graph.ends(label):
            graph.summed.remove(label)
            above, below = graph.above.pop(label, []), graph.below.pop(label, [])
            graph.scalars.append(_inner(above, below))
            return True
    return False


def _inner(above: list[Form], below: list[Form]) -> Form:
    above = sorted(above, key=lambda form: isinstance(form, OneHot))
    if not below and len(above) == 1 and isinstance(above[0], Diagonal):
        return Trace(0, above[0].arg)
    if below or len(above) == 1:
        return _summed(hadamard(above, below, 1))
    if len(above) == 2 and above[0] == above[1]:
        return Power(0, Norm(0, above[0]), Fraction(2))
    return mul((transpose(above[0]), hadamard(above[1:], (), 1)), 0)


def _summed(form: Form) -> Form:
    """sum(form), scalars outside."""
    if isinstance(form, Scale) and form.arg is not None:
        return scale(form.coefficient, form.above, form.below, Sum(0, form.arg))
    return Sum(0, form)


def _whole_sum(graph: _Graph) -> bool:
    """One matrix with both ends summed and free: its sum, or a squared norm."""
    for edge in graph.edges:
        if not {edge.a, edge.b} <= graph.summed or graph.has_vector(edge.a) or graph.has_vector(edge.b):
            continue
        if len(graph.ends(edge.a)) == 1 and len(graph.ends(edge.b)) == 1:
            graph.edges.remove(edge)
            graph.summed -= {edge.a, edge.b}
            form = edge.form
            if (
                isinstance(form, Hadamard)
                and not form.below
                and len(form.above) == 2
                and form.above[0] == form.above[1]
            ):
                graph.scalars.append(Power(0, Norm(0, form.above[0]), Fraction(2)))
            else:
                graph.scalars.append(_summed(form))
            return True
    return False


def _dead_end_vector(graph: _Graph) -> bool:
    return _close_dead_end(graph, with_vector=True)


def _dead_end(graph: _Graph) -> bool:
    return _close_dead_end(graph, with_vector=False)


def _close_dead_end(graph: _Graph, *, with_vector: bool) -> bool:
    for label in sorted(graph.summed):
        ends = graph.ends(label)
        if len(ends) == 1 and graph.has_vector(label) == with_vector:
            edge = ends[0]
            graph.summed.remove(label)
            graph.edges.remove(edge)
            other = edge.other(label)
            graph.hang(other, mul((edge.seen_from(other), graph.take_vector(label)), 1))
            return True
    return False


def _trace_rule(graph: _Graph) -> bool:
    """Two parallel edges between summed vertices with nothing else on them: tr(A diag(u) B diag(v))."""
    for label in sorted(graph.summed):
        ends = graph.ends(label)
        if len(ends) != 2 or ends[0].other(label) != ends[1].other(label):
            continue
        other = ends[0].other(label)
        if other not in graph.summed or len(graph.ends(other)) != 2:
            continue
        if any(_denominator(edge.form) for edge in ends):
            continue
        pieces = [ends[0].seen_from(label)]
        if graph.has_vector(other):
            pieces.append(Diag(2, graph.take_vector(other)))
        pieces.append(ends[1].seen_from(other))
        if graph.has_vector(label):
            pieces.append(Diag(2, graph.take_vector(label)))
        for edge in ends:
            graph.edges.remove(edge)
        graph.summed -= {label, other}
        inner = mul(pieces, 2)
        if isinstance(inner, Scale) and inner.arg is not None:
            graph.scalars.append(scale(inner.coefficient, inner.above, inner.below, Trace(0, inner.arg)))
        else:
            graph.scalars.append(Trace(0, inner))
        return True
    return False


def _parallel(graph: _Graph) -> bool:
    for position, edge in enumerate(graph.edges):
        for other in graph.edges[position + 1 :]:
            if {edge.a, edge.b} == {other.a, other.b}:
                graph.edges.remove(other)
                pair = (edge.form, other.seen_from(edge.a))
                above = [inner for form in pair for inner in _numerator(form)]
                below = [inner for form in pair for inner in _denominator(form)]
                edge.form = hadamard(above, below, 2)
                return True
    return False


def _numerator(form: Form) -> tuple[Form, ...]:
    return form.above if isinstance(form, Hadamard) and form.below else (form,)


def _denominator(form: Form) -> tuple[Form, ...]:
    return form.below if isinstance(form, Hadamard) else ()


def _series(graph: _Graph) -> bool:
    """A summed vertex with two edges: A diag(u) B."""
    for label in sorted(graph.summed):
        ends = graph.ends(label)
        if len(ends) != 2:
            continue
        first, second = ends
        a, b = first.other(label), second.other(label)
        if b in graph.out and (a not in graph.out or graph.out.index(b) < graph.out.index(a)):
            first, second, a, b = second, first, b, a
        pieces = [first.seen_from(a)]
        if graph.has_vector(label):
            pieces.append(Diag(2, graph.take_vector(label)))
        pieces.append(second.seen_from(label))
        graph.summed.remove(label)
        graph.edges.remove(first)
        graph.edges.remove(second)
        joined = mul(pieces, 2)
        if a == b:
            graph.hang(a, Diagonal(1, joined))
        else:
            graph.edges.append(_Edge(a, b, joined))
        return True
    return False


def _finish(graph: _Graph) -> Form:
    if len(graph.out) == 0:
        return scale(Fraction(1), graph.scalars, graph.under, None)
    if len(graph.out) == 1:
        return scale(Fraction(1), graph.scalars, graph.under, graph.take_vector(graph.out[0]))
    return scale(Fraction(1), graph.scalars, graph.under, _matrix(graph))


def _matrix(graph: _Graph) -> Form:
    a, b = graph.out
    left = graph.take_vector(a) if graph.has_vector(a) else None
    right = graph.take_vector(b) if graph.has_vector(b) else None
    if not graph.edges:
        column = left if left is not None else Ones(1, (graph.sizes[a],))
        row = right if right is not None else Ones(1, (graph.sizes[b],))
        return mul((column, transpose(row)), 2)
    (edge,) = graph.edges
    middle = edge.seen_from(a)
    if isinstance(middle, Eye) and left is not None:
        return _scaled_diag(left)
    pieces: list[Form] = [Diag(2, left)] if left is not None else []
    pieces.append(middle)
    if right is not None:
        pieces.append(Diag(2, right))
    return mul(pieces, 2)


def _scaled_diag(vector: Form) -> Form:
    """diag(vector), scalars outside."""
    if isinstance(vector, Scale) and vector.arg is not None:
        return scale(vector.coefficient, vector.above, vector.below, Diag(2, vector.arg))
    return Diag(2, vector)
