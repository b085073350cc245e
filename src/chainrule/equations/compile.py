"""From a program to NumPy source: straight lines, shared subexpressions once, stable at large scores.

Definitions are put into each other first, because only then does ``log(1 - p)`` with ``p = sigmoid(z)``
become ``-softplus(z)``; what ends in a matrix product keeps its name, so that linear layers are computed
once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from chainrule.equations.adjugates import with_adjugates
from chainrule.equations.binding import bound_values
from chainrule.equations.codegen import Writer
from chainrule.equations.lets import Cotangent, Line, derive_lines, needed_lines
from chainrule.equations.nodes import Node, coefficient_terms
from chainrule.equations.products import transposed
from chainrule.equations.program import Program
from chainrule.equations.requests import Request
from chainrule.equations.second import Direction, Moved, Second, hessian_lines, product_lines
from chainrule.equations.separate import separated
from chainrule.equations.simplify import cost, substitute
from chainrule.equations.tails import right_in_the_tails
from chainrule.equations.tree import Declaration, Size, Span
from chainrule.errors import DataError, ShapeError

__all__ = ["Compiled", "compile_product", "compile_program", "stable_program"]

# What overflows unless it is looked through, such as log(1 - p), is far shorter than this.
MOST_INLINED = 100
CODE = "<compiled equations>"


@dataclass(frozen=True)
class Compiled:
    """A compiled function of named arrays.

    Attributes
    ----------
    source : str
        Its code, self-contained but for NumPy (and SciPy where erf occurs).
    inputs : tuple of str
        Names it needs, in the order of its positional arguments.
    outputs : tuple of str
        What it returns, in order.
    sizes : tuple of str
        Sizes that no input shows; they are given by name, too, or shown by the value of another name.
    others : mapping of str to tuple
        The names of the sheet that may be given without being needed, with their axes.
    """

    source: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    sizes: tuple[str, ...]
    function: Callable[..., Any]
    single: bool
    others: Mapping[str, tuple[Size, ...]] = field(default_factory=dict)

    def __call__(self, *args: ArrayLike, **values: ArrayLike) -> Any:
        """Values of the outputs: a tuple, or one value if one name was compiled.

        Raises
        ------
        DataError
            If an input is missing or unknown, or a matrix that is inverted is singular.
        ShapeError
            If the shapes of the inputs do not fit.
        """
        if not args and values.keys() == set(self.inputs) and not self.sizes:
            given = [values[name] for name in self.inputs]
        else:
            given = bound_values(self.inputs, self.sizes, self.others, args, values)
        try:
            result = self.function(*given)
        except RefusedError as refused:
            raise ShapeError(str(refused)) from None
        except np.linalg.LinAlgError as error:
            raise DataError(_without_inverse(self, error)) from error
        return result[0] if self.single else result

    def __repr__(self) -> str:
        return f"<Compiled ({', '.join(self.inputs)}) -> {', '.join(self.outputs)}>"


def stable_program(
    program: Program, of: Iterable[str], keep: Iterable[str]
) -> tuple[Program, dict[Node, str]]:
    """The program with its definitions put into each other, but for linear layers and ``keep``.

    A linear layer inside a body gets a name of its own, so that bodies stay short however deep the model is.

    Returns
    -------
    Program
        What ``of`` needs: bodies for the linear layers, for ``keep``, and for every name's own value.
    dict of Node to str
        What the inlined bodies were called.
    """
    kept, replacement = set(keep), dict[Node, Node]()
    bodies: dict[str, Node] = {}
    symbols = dict(program.symbols)
    called: dict[Node, str] = {}
    needed = program.ancestors(of)
    for name, body in program.bodies.items():
        if name not in needed:
            continue
        new = substitute(body, replacement)
        if not is_linear_layer(new):
            for layer in _layers_inside(new):
                inner = _free_name(f"z_{name}", symbols)
                bodies[inner] = layer
                replacement[layer] = symbols[inner] = program.pool.symbol(inner, layer.dims)
            new = substitute(new, replacement)
        bodies[name] = new
        if name not in kept and not is_linear_layer(new) and not _is_long(new):
            replacement[program.symbols[name]] = new
            called.setdefault(new, name)
    return replace(program, bodies=bodies, symbols=symbols), called


def _is_long(node: Node) -> bool:
    """Whether a sum or product is better kept by name: read as a tree, x ← r x (1 - x) doubles each time."""
    return node.kind in ("lin", "prod", "pow") and cost(node) > MOST_INLINED


def is_linear_layer(node: Node) -> bool:
    """Whether a matrix product stands at the root, perhaps plus a bias."""
    return any(
        term.kind == "prod"
        and sum(bool(arg.dims) for arg in term.args) > 1
        and any(set(labels) - set(term.data[1]) for labels in term.data[0])
        and bool(term.dims)
        and all(arg.kind != "onehot" for arg in term.args)
        for _, term in coefficient_terms(node)
    )


def _layers_inside(node: Node) -> list[Node]:
    """The outermost linear layers below a node, which is none itself."""
    found: list[Node] = []
    seen: set[Node] = set()
    stack = list(node.args)
    while stack:
        inner = stack.pop()
        if inner in seen:
            continue
        seen.add(inner)
        if is_linear_layer(inner):
            found.append(inner)
        else:
            stack.extend(inner.args)
    return found


def _free_name(wish: str, taken: Mapping[str, object]) -> str:
    name, number = wish, 2
    while name in taken:
        name, number = f"{wish}_{number}", number + 1
    return name


def compile_program(
    program: Program,
    requests: Iterable[tuple[str | None, ...]],
    *,
    single: bool = False,
    sizes: Mapping[str, int] | None = None,
    checked: bool = True,
    order: Literal["C", "F"] = "C",
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
    checked : bool
        Whether the code checks shapes and labels; the caller must have, if not.
    order : {"C", "F"}
        As in NumPy: ``"F"`` makes products of matrices that are returned lie with their first axis fastest.
    """
    asked = [Request(*request) for request in requests]  # type: ignore[arg-type]
    middle = {name for request in asked for name in request.names[1:] if name in program.bodies}
    stable, called = stable_program(program, [name for request in asked for name in request.names], middle)
    lines: list[Line] = []
    for of in dict.fromkeys(request.of for request in asked):
        own = [request for request in asked if request.of == of]
        wrt = list(dict.fromkeys(name for request in own for name in request.names[1:]))
        if any(request.then for request in own):
            lines += _second_lines(stable, of, wrt, own, sizes or {})
        elif wrt:
            lines += derive_lines(stable, of, wrt)
    outputs = [(str(request), _result(stable, request, lines)) for request in asked]
    fused: dict[Node, Node] = {}
    bodies = {stable.symbols[name]: body for name, body in stable.bodies.items()}
    held = {line.symbol: with_adjugates(line.expression, bodies, fused) for line in lines}
    returned = [held.get(node, node) for _, node in outputs] if order == "F" else []
    columns = {node for node in returned if len(node.dims) == 2}
    return _function(Writer(stable, called, held, dict(sizes or {}), checked, columns), outputs, single)


def compile_product(
    program: Program,
    of: str,
    directions: Mapping[str, str],
    *,
    sizes: Mapping[str, int] | None = None,
    checked: bool = True,
    order: Literal["C", "F"] = "C",
) -> Compiled:
    """Compile the Hessian of a scalar times a direction.

    Parameters
    ----------
    program : Program
    of : str
    directions : mapping of str to str
        The names to differentiate with respect to, and under which new name the direction of each is given.
    sizes, checked, order
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
    bodies = {stable.symbols[name]: body for name, body in stable.bodies.items()}
    fused: dict[Node, Node] = {}
    held = {
        line.symbol: with_adjugates(
            right_in_the_tails(substitute(line.expression, renamed), bodies, tails), bodies, fused
        )
        for line in lines
    }
    moved = [
        pool.symbol(Moved(Cotangent(of, name)), symbols[of].dims + symbols[name].dims) for name in directions
    ]
    outputs = [(f"D[d{of}/d{name}]", symbol) for name, symbol in zip(directions, moved, strict=True)]
    columns = {held[symbol] for symbol in moved if len(symbol.dims) == 2} if order == "F" else set()
    writer = Writer(stable, called, held, dict(sizes or {}), checked, columns)
    return _function(writer, outputs, single=False)


def _second_lines(
    program: Program, of: str, wrt: Sequence[str], requests: Sequence[Request], sizes: Mapping[str, int]
) -> list[Line]:
    """The lines of the blocks and gradients asked for, as the machine computes them best."""
    gradient = [request.wrt for request in requests if request.wrt and not request.then]
    wanted = {_block(program, wrt, request) for request in requests if request.then}
    lines = hessian_lines(program, of, wrt, gradient)
    for line in lines:
        line.requested = line.requested and (line.symbol in wanted or isinstance(line.symbol.data, Cotangent))
    tails: dict[Node, Node] = {}
    bodies = {program.symbols[name]: body for name, body in program.bodies.items()}
    lines = separated(program, needed_lines(lines), wanted, sizes)
    for line in lines:
        line.expression = right_in_the_tails(line.expression, bodies, tails)
    return needed_lines(lines)


def _block(program: Program, wrt: Sequence[str], request: Request) -> Node:
    """The symbol of the block that holds a request: the name that comes first in ``wrt`` first."""
    first, second = sorted(request.names[1:], key=wrt.index)
    dims = program.symbols[first].dims + program.symbols[second].dims
    return program.pool.symbol(Second(request.of, first, second), dims)


def _result(program: Program, request: Request, lines: Sequence[Line]) -> Node:
    """The node that a request returns."""
    of, wrt, then = request
    symbol = program.symbols[of]
    if wrt is None:
        return program.bodies.get(of, symbol)
    if then is None:
        return program.pool.symbol(Cotangent(of, wrt), symbol.dims + program.symbols[wrt].dims)
    straight = program.pool.symbol(
        Second(of, wrt, then), program.symbols[wrt].dims + program.symbols[then].dims
    )
    if any(line.symbol is straight for line in lines):
        return straight
    first, second = len(program.symbols[wrt].dims), len(program.symbols[then].dims)
    mirrored = program.pool.symbol(
        Second(of, then, wrt), program.symbols[then].dims + program.symbols[wrt].dims
    )
    return transposed(mirrored, [*range(second, second + first), *range(second)])


def _function(writer: Writer, outputs: Sequence[tuple[str, Node]], single: bool) -> Compiled:
    source = writer.source(outputs)
    namespace: dict[str, Any] = {"np": np, "ValueError": RefusedError}
    exec(compile(source, CODE, "exec"), namespace)
    names = tuple(name for name, _ in outputs)
    program = writer.program
    others = {name: program.symbols[name].dims for name in program.declarations}
    return Compiled(source, tuple(writer.inputs), names, writer.hidden, namespace["function"], single, others)


def _without_inverse(compiled: Compiled, error: Exception) -> str:
    """Which line of the code met a matrix without an inverse, in words."""
    place = error.__traceback__
    line = ""
    while place is not None:
        if place.tb_frame.f_code.co_filename == CODE:
            line = compiled.source.splitlines()[place.tb_lineno - 1].strip()
        place = place.tb_next
    return (
        f"The function of {', '.join(compiled.outputs)} has no value at these inputs: a matrix that is "
        f"inverted is singular, in {line!r}. Give one with a determinant other than 0."
    )


class RefusedError(ValueError):
    """What the ValueError of generated code is while it runs here: shapes or labels that do not fit."""
