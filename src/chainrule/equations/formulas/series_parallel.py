"""Series-parallel reduction: a product of matrices and vectors as a graph, taken apart vertex by vertex.

Labels are vertices, matrices are edges, vectors hang on vertices. Summed vertices are removed one at a time:
a vertex with vectors only is an inner product, a dead end is a matrix-vector product, two edges in series are
a matrix product, parallel edges are a Hadamard product.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial

from chainrule.equations.formulas.arrange import (
    hadamard,
    mul,
    scalars_outside,
    scale,
    transpose,
    transposes,
)
from chainrule.equations.formulas.forms import (
    Diag,
    Diagonal,
    Eye,
    Form,
    Hadamard,
    Mul,
    Norm,
    OneHot,
    Ones,
    Power,
    Sum,
    Trace,
)
from chainrule.equations.language.tree import Size


@dataclass(slots=True, eq=False)
class Edge:
    """A matrix between two labels; equal only to itself, since two edges may hold the same matrix."""

    a: int
    b: int
    form: Form

    def seen_from(self, label: int) -> Form:
        """The matrix with ``label`` as its row index."""
        return self.form if self.a == label else transpose(self.form)

    def other(self, label: int) -> int:
        """The label at the other end."""
        return self.b if self.a == label else self.a


@dataclass(slots=True)
class Graph:
    """What is left of a product while it is reduced."""

    out: tuple[int, ...]
    sizes: dict[int, Size]
    summed: set[int]
    edges: list[Edge] = field(default_factory=list)
    above: dict[int, list[Form]] = field(default_factory=dict)
    below: dict[int, list[Form]] = field(default_factory=dict)
    scalars: list[Form] = field(default_factory=list)
    under: list[Form] = field(default_factory=list)
    _at: dict[int, list[Edge]] = field(default_factory=dict)

    def connect(self, edge: Edge) -> None:
        """Put one more matrix between two vertices."""
        self.edges.append(edge)
        for label in {edge.a, edge.b}:
            self._at.setdefault(label, []).append(edge)

    def disconnect(self, edge: Edge) -> None:
        """Remove a matrix."""
        self.edges.remove(edge)
        for label in {edge.a, edge.b}:
            self._at[label].remove(edge)

    def loose(self) -> set[int]:
        """The vertices with one edge."""
        return {label for label, ends in self._at.items() if len(ends) == 1}

    def hang(self, label: int, form: Form) -> None:
        """Put one more vector on a vertex."""
        self.above.setdefault(label, []).append(form)

    def has_vector(self, label: int) -> bool:
        """Whether anything hangs on a vertex."""
        return bool(self.above.get(label) or self.below.get(label))

    def take_vector(self, label: int) -> Form:
        """What hangs on a vertex, as one column, removed."""
        above, below = self.above.pop(label, []), self.below.pop(label, [])
        return hadamard(above, below, 1) if above or below else Ones(1, (self.sizes[label],))

    def take_diagonal(self, label: int) -> list[Form]:
        """What hangs on a vertex, on a diagonal, removed; nothing if it is bare."""
        return [Diag(2, self.take_vector(label))] if self.has_vector(label) else []

    def ends(self, label: int) -> list[Edge]:
        """The edges at a vertex, in the order of all edges."""
        return self._at.get(label, [])


def reduce_graph(graph: Graph) -> bool:
    """Remove one summed vertex or join one pair of parallel edges; the first rule that applies."""
    return any(rule(graph) for rule in _RULES)


def _inner_product(graph: Graph) -> bool:
    for label in sorted(graph.summed & (graph.above.keys() | graph.below.keys())):
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
    first, rest = above[0], hadamard(above[1:], (), 1)
    turned = mul((transpose(first), rest), 0), mul((transpose(rest), first), 0)
    return min(turned, key=lambda form: transposes(form.factors if isinstance(form, Mul) else ()))


def _summed(form: Form) -> Form:
    return scalars_outside([form], lambda bare: Sum(0, *bare))


def _whole_sum(graph: Graph) -> bool:
    """One matrix with both ends summed and free: its sum, or a squared norm."""
    free = {label for label in graph.summed & graph.loose() if not graph.has_vector(label)}
    for edge in graph.edges:
        if {edge.a, edge.b} <= free:
            graph.disconnect(edge)
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


def _dead_end(graph: Graph, *, with_vector: bool) -> bool:
    for label in sorted(graph.summed & graph.loose()):
        if graph.has_vector(label) == with_vector:
            (edge,) = graph.ends(label)
            graph.summed.remove(label)
            graph.disconnect(edge)
            other = edge.other(label)
            graph.hang(other, mul((edge.seen_from(other), graph.take_vector(label)), 1))
            return True
    return False


def _trace_rule(graph: Graph) -> bool:
    """Two parallel edges between summed vertices with nothing else on them: tr(A diag(u) B diag(v))."""
    for label in sorted(graph.summed):
        ends = tuple(graph.ends(label))
        if len(ends) != 2 or ends[0].other(label) != ends[1].other(label):
            continue
        other = ends[0].other(label)
        if other not in graph.summed or len(graph.ends(other)) != 2:
            continue
        if any(_denominator(edge.form) for edge in ends):
            continue
        pieces = [ends[0].seen_from(label), *graph.take_diagonal(other)]
        pieces += [ends[1].seen_from(other), *graph.take_diagonal(label)]
        for edge in ends:
            graph.disconnect(edge)
        graph.summed -= {label, other}
        graph.scalars.append(scalars_outside([mul(pieces, 2)], lambda bare: Trace(0, *bare)))
        return True
    return False


def _parallel(graph: Graph) -> bool:
    for edge in graph.edges:
        near = graph.ends(edge.a)
        for other in near[near.index(edge) + 1 :]:
            if {edge.a, edge.b} == {other.a, other.b}:
                graph.disconnect(other)
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


def _series(graph: Graph) -> bool:
    """A summed vertex with two edges: A diag(u) B."""
    for label in sorted(graph.summed):
        ends = graph.ends(label)
        if len(ends) != 2:
            continue
        first, second = ends
        a, b = first.other(label), second.other(label)
        if b in graph.out and (a not in graph.out or graph.out.index(b) < graph.out.index(a)):
            first, second, a, b = second, first, b, a
        pieces = [first.seen_from(a), *graph.take_diagonal(label), second.seen_from(label)]
        graph.summed.remove(label)
        graph.disconnect(first)
        graph.disconnect(second)
        graph.connect(Edge(a, b, mul(pieces, 2)))
        return True
    return False


_RULES: tuple[Callable[[Graph], bool], ...] = (
    _inner_product,
    _whole_sum,
    partial(_dead_end, with_vector=True),
    partial(_dead_end, with_vector=False),
    _trace_rule,
    _parallel,
    _series,
)


def reduced_form(graph: Graph) -> Form:
    """The form of a graph without summed vertices."""
    arg = None
    if graph.out:
        arg = _matrix(graph) if len(graph.out) == 2 else graph.take_vector(*graph.out)
    return scale(Fraction(1), graph.scalars, graph.under, arg)


def _matrix(graph: Graph) -> Form:
    a, b = graph.out
    if not graph.edges:
        return mul((graph.take_vector(a), transpose(graph.take_vector(b))), 2)
    (edge,) = graph.edges
    middle = edge.seen_from(a)
    if isinstance(middle, Eye) and graph.has_vector(a):
        return scalars_outside([graph.take_vector(a)], lambda bare: Diag(2, *bare))
    return mul((*graph.take_diagonal(a), middle, *graph.take_diagonal(b)), 2)
