"""From a program to NumPy source: straight lines, shared subexpressions once, stable at large scores.

Definitions are put into each other first, because only then does ``log(1 - p)`` with ``p = sigmoid(z)``
become ``-softplus(z)``; what ends in a matrix product keeps its name, so that linear layers are computed
once.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType

from chainrule.equations.calculus.naming import Line
from chainrule.equations.calculus.second import Direction, Moved, product_lines
from chainrule.equations.code.assemble import Source, numpy_source
from chainrule.equations.code.body import Body
from chainrule.equations.code.codegen import Writer
from chainrule.equations.code.compiled import Compiled
from chainrule.equations.code.machine_lines import first_lines, result, second_lines
from chainrule.equations.code.node_code import NODE_CODE
from chainrule.equations.code.requests import Request
from chainrule.equations.code.room import HESSIAN, JACOBIAN, OTHER, Made
from chainrule.equations.code.work import taken_apart
from chainrule.equations.language.free_names import numbered
from chainrule.equations.language.tree import Declaration, Size, Span, walk
from chainrule.equations.nodes.accurate import right_in_the_tails, right_near_zero
from chainrule.equations.nodes.adjugates import with_cofactors
from chainrule.equations.nodes.long_products import in_parts
from chainrule.equations.nodes.nodes import Node, coefficient_terms, factors_of, summed_labels
from chainrule.equations.nodes.operations import is_pick, operation, rewritten, substitute
from chainrule.equations.nodes.program import Cotangent, Program, named
from chainrule.equations.nodes.simplify import cost
from chainrule.equations.nodes.stable_sums import in_log_space

# What overflows unless it is looked through, such as log(1 - p), is far shorter than this.
MOST_INLINED = 100


def stable_program(
    program: Program, of: Iterable[str], keep: Iterable[str]
) -> tuple[Program, dict[Node, str]]:
    """The program with its definitions put into each other, but for linear layers and ``keep``.

    A linear layer or a long sum or product inside a body gets a name of its own, so that bodies stay short
    however deep the model is; so do the parts of a product of many matrices.

    Returns
    -------
    Program
        What ``of`` needs: bodies for the linear layers, for ``keep``, and for every name's own value.
    dict of Node to str
        What the inlined bodies were called.
    """
    needed, stable = program.ancestors(of), _Inlined(program, set(keep))
    for name, body in program.bodies.items():
        if name in needed:
            stable.add(name, body)
    return replace(program, bodies=stable.bodies, symbols=stable.symbols), stable.called


class _Inlined:
    """The definitions as they are put into each other, one by one."""

    def __init__(self, program: Program, kept: set[str]) -> None:
        self.kept, self.symbols = kept, dict(program.symbols)
        self.bodies: dict[str, Node] = {}
        self.called: dict[Node, str] = {}
        # What stands for a symbol or a layer from here on, and what is behind a name that is looked through.
        self.replacement: dict[Node, Node] = {}
        self.behind: dict[Node, Node] = {}
        # What each rewriting has made before.
        self.logs: dict[Node, Node] = {}
        self.near: dict[Node, Node] = {}
        self.cofactors: dict[Node, Node] = {}
        self.clean: set[Node] = set()

    def named(self, name: str, part: Node) -> Node:
        """The symbol of a part of a body."""
        inner = numbered(f"z_{name}", self.symbols)
        self.bodies[inner] = part
        self.symbols[inner] = named(inner, part)
        return self.symbols[inner]

    def add(self, name: str, body: Node) -> None:
        """Put what comes before a definition into it."""
        whole = substitute(body, self.replacement)
        plain = rewritten(whole, lambda inner: in_parts(inner, partial(self.named, name)), {})
        stable = right_near_zero(in_log_space(plain, self.behind, self.logs), self.near)
        new = with_cofactors(stable, self.cofactors)
        layers = [] if is_linear_layer(new) else _layers_inside(new, self.clean)
        for layer in layers:
            self.replacement[layer] = self.named(name, layer)
            if not is_linear_layer(layer):
                self.behind[self.replacement[layer]] = layer
        if layers:
            plain, new = substitute(plain, self.replacement), substitute(new, self.replacement)
        self.bodies[name] = new
        if name not in self.kept and _has_own_name(new):
            self.behind[self.symbols[name]] = plain
        elif name not in self.kept:
            # What uses it may be stable as a whole only: log of a sum of exponentials.
            self.replacement[self.symbols[name]] = plain
            self.called.setdefault(new, name)


def _has_own_name(node: Node) -> bool:
    """Whether a node is a linear layer, or a sum or product that is better kept by name.

    Read as a tree, x ← r x (1 - x) doubles each time.
    """
    is_long = operation(node).is_polynomial and cost(node) > MOST_INLINED
    return is_long or is_linear_layer(node)


def is_linear_layer(node: Node) -> bool:
    """Whether a matrix product stands at the root, perhaps plus a bias."""
    return any(
        bool(term.dims)
        and bool(summed_labels(factors_of(term), range(len(term.dims))))
        and sum(bool(arg.dims) for arg in term.args) > 1
        and not any(arg.args and is_pick(arg) for arg in term.args)
        for _, term in coefficient_terms(node)
    )


def _layers_inside(node: Node, seen: set[Node]) -> list[Node]:
    """The outermost nodes below a node that get names of their own; what was ``seen`` before has none."""

    def below(inner: Node) -> Sequence[Node]:
        return () if inner in seen or _has_own_name(inner) else inner.args

    reached = [inner for inner in walk(node.args, below) if inner not in seen]
    seen.update(reached)
    return [inner for inner in reached if _has_own_name(inner)]


def compile_program(
    program: Program,
    requests: Iterable[tuple[str | None, ...]],
    *,
    single: bool = False,
    sizes: Mapping[str, int] | None = None,
    write: Callable[[Body], Source] = numpy_source,
    each: Size | None = None,
) -> Compiled:
    """Compile names, derivatives and blocks of Hessians into one function.

    Parameters
    ----------
    program : Program
    requests : iterable of (of, wrt, then)
        ``(of,)`` or ``(of, None)`` for the value itself; see `Request`.
    single : bool
        Whether the function returns its one output alone.
    sizes : mapping of str to int, optional
        Sizes to choose the order of products for.
    write : callable
        Makes the source of what is to be done: `numpy_source`, `unchecked_source` or `array_source`.
    each : str or int, optional
        The number of examples: what one example has, differentiated by what it has, is returned for each, and
        not for every pair of examples.
    """
    asked = [Request(*request) for request in requests]  # type: ignore[arg-type]
    middle = {name for request in asked for name in request.names[1:] if name in program.bodies}
    stable, called = stable_program(program, [name for request in asked for name in request.names], middle)
    lines = [
        line
        for of in dict.fromkeys(request.of for request in asked)
        for line in _lines(stable, of, asked, sizes or {}, each)
    ]
    outputs = [(str(request), result(stable, request, lines, each)) for request in asked]
    held = {line.symbol: line.expression for line in lines}
    advice = {str(request): _advice(request, stable.symbols[request.of]) for request in asked}
    writer = Writer(stable, called, held, dict(sizes or {}), NODE_CODE)
    return _function(writer, outputs, write, single, advice)


def _advice(request: Request, of: Node) -> str:
    """What to ask for where the value of a request may be large."""
    return HESSIAN if request.then else JACOBIAN if request.wrt and of.dims else OTHER


def _lines(
    program: Program, of: str, asked: Sequence[Request], sizes: Mapping[str, int], each: Size | None
) -> Sequence[Line]:
    """The derivatives of one value, of the order that is asked for."""
    own = [request for request in asked if request.of == of]
    wrt = list(dict.fromkeys(name for request in own for name in request.names[1:]))
    if any(request.then for request in own):
        return second_lines(program, of, wrt, own, sizes)
    return first_lines(program, of, wrt, sizes, each) if wrt else ()


def compile_product(
    program: Program,
    of: str,
    directions: Mapping[str, str],
    *,
    sizes: Mapping[str, int] | None = None,
    write: Callable[[Body], Source] = numpy_source,
) -> Compiled:
    """Compile the Hessian of a scalar times a direction.

    Parameters
    ----------
    program : Program
    of : str
    directions : mapping of str to str
        The names to differentiate with respect to, and under which new name the direction of each is given.
    sizes, write
        As for `compile_program`.

    Returns
    -------
    Compiled
        It returns a tuple: one block for each of the names.
    """
    stable, called = stable_program(program, [of, *directions], set(directions) & set(program.bodies))
    lines = product_lines(stable, of, list(directions))
    pool, symbols, declarations = stable.pool, dict(stable.symbols), dict(stable.declarations)
    renamed: dict[Node, Node] = {}
    for name, direction in directions.items():
        dims = symbols[name].dims
        renamed[pool.symbol(Direction(name), dims)] = symbols[direction] = pool.symbol(direction, dims)
        declarations[direction] = Declaration(direction, "constants", "real", dims, None, Span(0, 0))
    stable = replace(stable, symbols=symbols, declarations=declarations)
    tails: dict[Node, Node] = {}
    weighed: dict[Node, float] = {}
    held = {
        line.symbol: taken_apart(
            right_in_the_tails(substitute(line.expression, renamed), stable.definitions, tails),
            sizes or {},
            weighed,
        )
        for line in lines
    }
    outputs = [
        (
            f"D[d{of}/d{name}]",
            pool.symbol(Moved(Cotangent(of, name)), symbols[of].dims + symbols[name].dims),
        )
        for name in directions
    ]
    writer = Writer(stable, called, held, dict(sizes or {}), NODE_CODE)
    return _function(writer, outputs, write, single=False)


def _function(
    writer: Writer,
    outputs: Sequence[tuple[str, Node]],
    write: Callable[[Body], Source],
    single: bool,
    advice: Mapping[str, str] = MappingProxyType({}),
) -> Compiled:
    """Compile what a writer has; ``advice`` is what to ask for instead of outputs that may be large."""
    source = write(writer.body(outputs))
    symbols = writer.program.symbols
    returned = [
        Made(node.dims, "", place, advice.get(name, OTHER)) for place, (name, node) in enumerate(outputs)
    ]
    returned.sort(key=lambda made: made.advice is OTHER)
    return Compiled(
        source,
        tuple(writer.inputs),
        tuple(name for name, _ in outputs),
        source.hidden,
        single,
        {name: symbols[name].dims for name in writer.program.declarations},
        tuple(symbols[name].dims for name in writer.inputs),
        lambda: [*returned, *source.made()],
    )
