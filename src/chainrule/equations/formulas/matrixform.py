"""From index notation to matrix form.

A product of matrices and vectors is reduced as a graph; what does not reduce, and anything of three or more
axes, stays in index notation.
"""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from chainrule.equations.formulas.arrange import (
    add,
    hadamard,
    scale,
    transpose,
)
from chainrule.equations.formulas.each import of_each, part_form
from chainrule.equations.formulas.forms import (
    Compare,
    Diagonal,
    Extreme,
    Eye,
    Form,
    Function,
    Hadamard,
    Indexed,
    Inverse,
    Iota,
    Kron,
    Merged,
    Named,
    Norm,
    Num,
    OfExponentials,
    OneHot,
    Ones,
    Pi,
    Power,
    Raised,
    Relation,
    Scale,
    SizeForm,
    Split,
    Unit,
    Where,
)
from chainrule.equations.formulas.letters import is_indexed
from chainrule.equations.formulas.readable import require_readable
from chainrule.equations.formulas.series_parallel import Edge, Graph, reduce_graph, reduced_form
from chainrule.equations.language.functions import FUNCTIONS
from chainrule.equations.nodes.adjugates import LEFT, PAIRS, RIGHT
from chainrule.equations.nodes.blocks import Parts, grouped, parts_of, sides_of
from chainrule.equations.nodes.conditions import NEGATED, is_denied
from chainrule.equations.nodes.connected import connected
from chainrule.equations.nodes.nodes import (
    Node,
    coefficient_terms,
    factors_of,
    is_number,
    is_zero,
    number_of,
    topological,
)
from chainrule.equations.nodes.norms import over_divisor
from chainrule.equations.nodes.operations import ELEMENTWISE, row_of
from chainrule.equations.nodes.products import product, squared_norm
from chainrule.equations.nodes.raised import written_out

ROOT = Fraction(1, 2)
# What the parts of an ``svd`` are called where code says what it computes.
SVD_PARTS = {LEFT: "left", RIGHT: "right", PAIRS: "pairs"}


FormOf = Callable[[Node], Form]
FormRow = Callable[[Node, FormOf], Form]
WholeForm = Callable[[Node, int, Form], Function | Inverse]


def matrix_form(node: Node, held: Mapping[Node, Form] | None = None) -> Form:
    """The matrix form of a node; ``held`` gives the forms of nodes that have a name already.

    Raises
    ------
    SheetLimitError
        If the formula would be longer or deeper than anybody reads.
    """
    done: dict[Node, Form] = dict(held or {})

    def form(node: Node) -> Form:
        """The form of a node: of an argument, or of another node that a row writes its own as."""
        if node not in done:
            require_readable(node, done)
            # Deep expressions are built from below, so that the recursion never goes more than one level.
            for inner in topological([node]):
                if inner not in done:
                    done[inner] = row_of(FORMS, inner, "matrix form")(inner, form)
        return done[node]

    return form(node)


def _raised_form(node: Node, form: FormOf) -> Form:
    out = written_out(node)
    return Raised(len(node.dims), *map(form, node.args)) if out is node else form(out)


def _function_form(node: Node, form: FormOf) -> Form:
    (arg,), said = node.args, ELEMENTWISE[node.data].spelled
    if node.data == "divisor":
        return form(arg)
    if said is not None and node.data not in FUNCTIONS:
        return form(said(arg))
    return Function(len(node.dims), node.data, form(arg))


def _of_rows(name: str, keeps: bool, kind: type[Function] = Function) -> FormRow:
    """A function of each row, of what gives a row or a number for each; ``name`` may say ``{0.data}``."""

    def row(node: Node, form: FormOf) -> Form:
        rank = len(node.dims)
        along = rank - 1 if keeps else rank
        return kind(rank, name.format(node), form(node.args[0]), along if rank > keeps else None)

    return row


def _called(name: str) -> WholeForm:
    return lambda node, rank, arg: Function(rank, name.format(node), arg)


def _of_whole(whole: WholeForm, along: FormRow | None = None) -> FormRow:
    """A function of a whole matrix or row; of each where there is a stack of them, or letters are needed.

    A row for each row of a matrix needs no letters: max(X, axis=1), which ``along`` writes.
    """

    def row(node: Node, form: FormOf) -> Form:
        (arg,) = node.args
        if len(arg.dims) > 2 or is_indexed(form(arg)):
            return of_each(node, whole, form)
        return along(node, form) if along else whole(node, len(node.dims), form(arg))

    return row


def _readable_product_form(node: Node, form: FormOf) -> Form:
    """A product; in one of slopes of powers the numbers in front of v u ** (v-1) stand with its own."""
    opened = [written_out(arg) for arg in node.args]
    if opened == list(node.args):
        return _product_form(node, form)
    labels, out = node.data, node.axes
    return form(product(node.pool, list(zip(opened, labels, strict=True)), out))


def _merged_form(node: Node, form: FormOf) -> Form:
    """A matrix beside a column or row, as in I ⊗ y; else entries at one letter for several axes."""
    (inner,), rank = node.args, len(node.dims)
    if inner.kind == "prod" and node.data == (2, 1):
        i, k, j = inner.axes
        pairs = factors_of(inner)
        for first, second in (((i, j), (k,)), ((i,), (k, j))):
            sides = sides_of(pairs, set(first), set(second))
            if sides is not None:
                pairs_of = zip(sides, (first, second), strict=True)
                return Kron(rank, *(form(product(node.pool, *side)) for side in pairs_of))
    return Merged(rank, form(inner), tuple(parts_of(node)))


def _comparison_form(node: Node, form: FormOf) -> Form:
    rank, (left, right) = len(node.dims), (_broadcast(arg, form) for arg in node.args)
    if is_denied(node):
        numbers = (Num(rank, Fraction(number)) for number in (0, 1))
        return Where(rank, Compare(rank, left, right, NEGATED[node.data]), *numbers)
    if isinstance(left, Num) and node.data in ("<", "<="):  # x > 0 rather than 0 < x
        return Compare(rank, right, left, ">" + node.data[1:])
    return Compare(rank, left, right, node.data)


def _choice_form(node: Node, form: FormOf) -> Form:
    """A choice; that of the larger of two is their maximum."""
    rank, (condition, then, other) = len(node.dims), node.args
    if then.kind == "ones" and is_zero(other):
        return form(condition)
    if condition.kind == "compare" and condition.data == "<=" and set(condition.args) == {then, other}:
        name = "max" if condition.args[1] is then else "min"
        return Extreme(rank, _broadcast(then, form), _broadcast(other, form), name)
    if condition.kind == "prod":
        # One condition for all entries needs no ones.
        inner = [arg for arg in condition.args if arg.kind != "ones"]
        condition = inner[0] if len(inner) == 1 and not inner[0].dims else condition
    held, branches = form(condition), (_broadcast(then, form), _broadcast(other, form))
    if condition.kind == "compare" and is_denied(condition):
        assert isinstance(held, Where)
        return Where(rank, held.condition, *reversed(branches))
    return Where(rank, held, *branches)


def _broadcast(node: Node, form: FormOf) -> Form:
    """The form of what goes together with others entry by entry: a number needs no ones."""
    if is_number(node):
        return Num(len(node.dims), number_of(node))
    return form(node)


def _sum_form(node: Node, form: FormOf) -> Form:
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


def _split(rank: int, arg: Form, parts: Sequence[Parts]) -> Form:
    """The axes taken apart; those of a form that is taken apart already, once and for all."""
    if not isinstance(arg, Split):
        return Split(rank, arg, tuple(parts))
    runs = grouped(parts, list(map(len, arg.parts)))
    return Split(rank, arg.arg, tuple(tuple(size for part in run for size in part) for run in runs))


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
    if exponent == ROOT:
        return Function(arg.rank, "sqrt", arg)
    if arg.rank and exponent in (2, 3):
        return Hadamard(arg.rank, (arg,) * int(exponent), ())
    return Power(arg.rank, arg, exponent)


def _base(node: Node, form: FormOf) -> tuple[Form, Fraction]:
    """What a power is written with: norms of rows as roots of sums of squares."""
    base = node.args[0].args[0] if node.args[0].data == "divisor" else node.args[0]
    if base.kind == "norm" and base.dims:
        return _squares(base, form), node.data / 2
    return form(base), node.data


def _squares(node: Node, form: FormOf) -> Form:
    return form(squared_norm(node.args[0], node.data))


def _product_form(node: Node, form: FormOf) -> Form:
    out = node.axes
    sizes = {label: size for arg, own in factors_of(node) for label, size in zip(own, arg.dims, strict=True)}
    pairs = factors_of(node)
    reduced = _reduced(pairs, out, form)
    if reduced is not None:
        return reduced
    pieces = _pieces(node, form)
    factors = tuple(sorted(map(_in_order, pieces), key=lambda piece: piece[1]))
    left = {label for _, own in factors for label in own}
    summed = tuple(sorted(left - set(out)))
    dims = tuple(sizes[label] for label in sorted(left))
    return Indexed(len(out), Fraction(1), factors, out, summed, dims)


def _in_order(piece: tuple[Form, tuple[int, ...]]) -> tuple[Form, tuple[int, ...]]:
    """A⁻ᵀ[i,l] rather than A⁻¹[l,i]."""
    form, own = piece
    if isinstance(form, Inverse) and list(own) == sorted(own, reverse=True):
        return transpose(form), own[::-1]
    return piece


def _reduced(
    pairs: Sequence[tuple[Node, tuple[int, ...]]], out: tuple[int, ...], form: FormOf
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


def _pieces(node: Node, form: FormOf) -> list[tuple[Form, tuple[int, ...]]]:
    """The factors of a tensor; what shares summed indices is joined where matrices can say it: (VᵀV)[j,l]."""
    out = node.axes
    pieces: list[tuple[Form, tuple[int, ...]]] = []
    factors = factors_of(node)
    # What is complete first stands first.
    for places in sorted(connected(factors, out), key=max):
        pairs = [factors[place] for place in places]
        kept = tuple(label for label in out if any(label in own for _, own in pairs))
        joined = _reduced(pairs, kept, form) if 1 < len(places) < len(factors) else None
        if joined is not None:
            pieces.append((joined, kept))
        else:
            pieces += [(form(arg), own) for arg, own in pairs]
    return pieces


def _place(graph: Graph, arg: Node, own: tuple[int, ...], form: FormOf) -> None:
    inverted = arg.kind == "pow" and arg.data < 0
    if len(own) == 2:
        if own[0] == own[1]:
            graph.hang(own[0], Diagonal(1, form(arg)))
        else:
            graph.connect(Edge(own[0], own[1], form(arg)))
        return
    if inverted:
        base, exponent = _base(arg, form)
        base = _power_form(base, -exponent)
        if own:
            graph.below.setdefault(own[0], []).append(base)
        else:
            graph.under.append(base)
    elif not own:
        graph.scalars.append(form(arg))
    elif (
        arg.kind == "pow"
        and arg.args[0].kind != "norm"
        and arg.data.denominator == 1
        and (arg.data == 2 or own[0] in graph.out)
    ):
        # A square on a summed index is two copies: xᵀx, not sum(x⊙x).
        for _ in range(arg.data.numerator):
            graph.hang(own[0], form(arg.args[0]))
    else:
        graph.hang(own[0], form(arg))


FORMS: dict[str, FormRow] = {
    "sym": lambda node, form: Named(len(node.dims), node),
    "ones": lambda node, form: Ones(len(node.dims), node.dims) if node.dims else Num(0, Fraction(1)),
    "size": lambda node, form: SizeForm(0, node.data),
    "pi": lambda node, form: Pi(0),
    "delta": lambda node, form: Eye(2, node.dims[0]),
    "unit": lambda node, form: Unit(1, node.data, node.dims[0]),
    "iota": lambda node, form: Iota(1, node.dims[0]),
    "relation": lambda node, form: Relation(
        len(node.dims), node.data, form(node.args[0]) if node.args else None, node.dims
    ),
    "onehot": lambda node, form: OneHot(len(node.dims), node.args[0], node.dims[-1]),
    "lin": _sum_form,
    "prod": _readable_product_form,
    "pow": lambda node, form: _power_form(*_base(node, form)),
    "raised": _raised_form,
    "fn": _function_form,
    "norm": lambda node, form: (
        _power_form(_squares(node, form), ROOT) if node.dims else Norm(0, form(node.args[0]))
    ),
    "direction": lambda node, form: form(over_divisor(*node.args)),
    "softmax": _of_rows("softmax", True, OfExponentials),
    "lse": _of_rows("logsumexp", False, OfExponentials),
    "extreme": _of_whole(_called("{0.data}"), _of_rows("{0.data}", keeps=False)),
    "attains": _of_whole(_called("e_arg{0.data}"), _of_rows("e_arg{0.data}", keeps=True)),
    **dict.fromkeys(("det", "logdet", "adjugate"), _of_whole(_called("{0.kind}"))),
    "inv": _of_whole(lambda node, rank, arg: Inverse(rank, arg)),
    "svd": lambda node, form: _of_whole(_called(SVD_PARTS[node.data]))(node, form),
    "compare": _comparison_form,
    "where": _choice_form,
    "kron": lambda node, form: Kron(len(node.dims), form(node.args[0]), form(node.args[1])),
    "split": lambda node, form: _split(len(node.dims), form(node.args[0]), grouped(node.dims, node.data)),
    "merge": _merged_form,
    "part": part_form,
}
"""The matrix form of every kind of node that is written for a reader; others are spelled out before."""
