"""From a program to NumPy source: straight lines, shared subexpressions once, stable at large scores.

Definitions are put into each other first, because only then does ``log(1 - p)`` with ``p = sigmoid(z)``
become ``-softplus(z)``; what ends in a matrix product keeps its name, so that linear layers are computed
once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from chainrule.equations.codegen import Writer
from chainrule.equations.lets import Cotangent, Line, derive_lines
from chainrule.equations.nodes import Node, coefficient_terms
from chainrule.equations.program import Program
from chainrule.equations.simplify import cost, substitute
from chainrule.errors import DataError, ShapeError

__all__ = ["Compiled", "compile_program", "stable_program"]

Request = tuple[str, str | None]
# What overflows unless it is looked through, such as log(1 - p), is far shorter than this.
MOST_INLINED = 100


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
        Sizes that no input shows; they are given by name, too.
    """

    source: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    sizes: tuple[str, ...]
    function: Callable[..., Any]
    single: bool

    def __call__(self, *args: ArrayLike, **values: ArrayLike) -> Any:
        """Values of the outputs: a tuple, or one value if one name was compiled.

        Raises
        ------
        DataError
            If an input is missing or unknown.
        ShapeError
            If the shapes of the inputs do not fit.
        """
        if not args and values.keys() == set(self.inputs) and not self.sizes:
            given = [values[name] for name in self.inputs]
        else:
            given = self._bound(args, values)
        try:
            result = self.function(*given)
        except RefusedError as refused:
            raise ShapeError(str(refused)) from None
        return result[0] if self.single else result

    def _bound(self, args: Sequence[ArrayLike], values: Mapping[str, ArrayLike]) -> list[ArrayLike]:
        wanted = self.inputs + self.sizes
        named = dict(zip(wanted, args, strict=False))
        twice = [name for name in named if name in values]
        missing = [name for name in wanted if name not in named and name not in values]
        unknown = [name for name in values if name not in wanted]
        if len(args) > len(wanted) or twice or missing or unknown:
            found = (("missing", missing), ("unknown", unknown), ("given twice", twice))
            parts = [f"{word}: {', '.join(names)}" for word, names in found if names]
            parts = parts or [f"{len(args)} positional values arrived"]
            raise DataError(f"The function takes {', '.join(wanted)}; {'; '.join(parts)}.")
        return [named[name] if name in named else values[name] for name in wanted]

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
    requests: Sequence[Request],
    *,
    single: bool = False,
    sizes: Mapping[str, int] | None = None,
    checked: bool = True,
) -> Compiled:
    """Compile names and derivatives into one function.

    Parameters
    ----------
    program : Program
    requests : sequence of (of, wrt)
        ``wrt`` is None for the value itself.
    single : bool
        Whether the function returns its one output alone.
    sizes : mapping of str to int, optional
        Sizes to choose the order of products for.
    checked : bool
        Whether the code checks shapes and labels; the caller must have, if not.
    """
    middle = {wrt for _, wrt in requests if wrt in program.bodies and wrt is not None}
    stable, called = stable_program(program, [name for pair in requests for name in pair if name], middle)
    outputs: list[tuple[str, Node]] = []
    lines: list[Line] = []
    for of in dict.fromkeys(of for of, _ in requests):
        wrt = [name for other, name in requests if other == of and name is not None]
        if wrt:
            lines += derive_lines(stable, of, list(dict.fromkeys(wrt)))
    held = {line.symbol: line.expression for line in lines}
    for of, name in requests:
        if name is None:
            symbol = stable.symbols[of]
            outputs.append((of, stable.bodies.get(of, symbol)))
        else:
            symbol = program.pool.symbol(
                Cotangent(of, name), program.symbols[of].dims + program.symbols[name].dims
            )
            outputs.append((f"d{of}/d{name}", symbol))
    return _function(Writer(stable, called, held, dict(sizes or {}), checked), outputs, single)


def _function(writer: Writer, outputs: Sequence[tuple[str, Node]], single: bool) -> Compiled:
    source = writer.source(outputs)
    namespace: dict[str, Any] = {"np": np, "ValueError": RefusedError}
    exec(compile(source, "<compiled equations>", "exec"), namespace)
    names = tuple(name for name, _ in outputs)
    return Compiled(source, tuple(writer.inputs), names, writer.hidden, namespace["function"], single)


class RefusedError(ValueError):
    """What the ValueError of generated code is while it runs here: shapes or labels that do not fit."""
