"""Requests in words, read, checked against a sheet and compiled; for one example or stacked over all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from chainrule.equations.calculus.lift import stacked_program
from chainrule.equations.calculus.stacking import examples_size
from chainrule.equations.code.assemble import Body, Source, array_source, numpy_source
from chainrule.equations.code.compile import Compiled, compile_product, compile_program
from chainrule.equations.code.requests import Request, read_request
from chainrule.equations.language.scope import near
from chainrule.equations.nodes.program import Program
from chainrule.errors import OptionError, SheetNameError, SheetShapeError

__all__ = ["TARGETS", "compile_direction", "compile_requests"]

# Whose arrays compiled code takes.
TARGETS = {"numpy": numpy_source, "array_api": array_source}


def compile_requests(
    free: Callable[[Iterable[str]], Program],
    names: str | Sequence[str],
    taken: Collection[str],
    sizes: Mapping[str, int] | None,
    form: str,
    target: str,
) -> Compiled:
    """See ``Equations.compile``.

    Parameters
    ----------
    free : callable
        The program that assumes nothing of some names.
    names : str or sequence of str
    taken : collection of str
        The names and sizes of the sheet.
    sizes : mapping of str to int, optional
    form : {"example", "batch"}
    target : {"numpy", "array_api"}
    """
    write = _writer(target)
    texts = [names] if isinstance(names, str) else list(names)
    if not texts:
        raise OptionError("Say what the function should return, such as ['L', 'dL/dW'].")
    program = free(())
    wanted = [_read(program, text) for text in texts]
    program.require(request.of for request in wanted)
    program = free(name for request in wanted for name in request.names[1:])
    single = isinstance(names, str)
    if form == "example":
        return compile_program(program, wanted, single=single, sizes=sizes, write=write)
    if form != "batch":
        raise OptionError(f'form is "example" or "batch"; got {form!r}.')
    examples = examples_size(taken)
    stack, stacked = stacked_program(program, examples)
    lifted = [Request(*(stacked[name] for name in request.names)) for request in wanted]
    for request, new in zip(wanted, lifted, strict=True):
        if request.then and stack.symbols[new.of].dims:
            raise OptionError(
                f"{request.of} has a value for every example; ask for {request} in example form, or of a sum."
            )
    function = compile_program(stack, lifted, single=single, sizes=sizes, write=write, each=examples)
    original = {new: old for old, new in stacked.items()}
    inputs = tuple(original[name] for name in function.inputs)
    others = {original.get(name, name): dims for name, dims in function.others.items()}
    return replace(function, inputs=inputs, outputs=tuple(map(str, wanted)), others=others)


def compile_direction(
    program: Program,
    of: str,
    names: Sequence[str],
    taken: Collection[str],
    sizes: Mapping[str, int] | None,
    target: str,
) -> Compiled:
    """See ``Equations.compile_product``: the direction of W is ``v_W``, or ``v_W_`` if that is taken."""
    write = _writer(target)
    used, directions = set(taken), dict[str, str]()
    for name in names:
        direction = f"v_{name}"
        while direction in used:
            direction += "_"
        directions[name] = direction
        used.add(direction)
    return compile_product(program, of, directions, sizes=sizes, write=write)


def _writer(target: str) -> Callable[[Body], Source]:
    if target not in TARGETS:
        raise OptionError(f"target is {' or '.join(map(repr, TARGETS))}; got {target!r}.")
    return TARGETS[target]


def _read(program: Program, text: str) -> Request:
    request = read_request(text, program.symbols)
    for name in request.names:
        if name not in program.symbols:
            raise SheetNameError(f"The sheet has no value named {name}.{near(name, list(program.symbols))}")
    axes = program.symbols[request.of].dims
    if request.then and axes:
        raise SheetShapeError(
            f"{request.of} has {len(axes)} axes; second derivatives are compiled of scalars."
        )
    return request
