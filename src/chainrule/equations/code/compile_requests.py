"""Requests in words, read, checked against a sheet and compiled; for one example or stacked over all."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from chainrule.equations.calculus.asked import Over, asked_of, require_name
from chainrule.equations.calculus.lift import stacked_program
from chainrule.equations.calculus.stacking import examples_of, examples_size
from chainrule.equations.code.assemble import Source, array_source, numpy_source
from chainrule.equations.code.body import Body
from chainrule.equations.code.compile import compile_product, compile_program
from chainrule.equations.code.compiled import Compiled
from chainrule.equations.code.requests import Request, read_request
from chainrule.equations.formulas.explanation import remarks_on
from chainrule.equations.language.free_names import underscored
from chainrule.equations.language.sheet import Sheet
from chainrule.equations.nodes.program import Program
from chainrule.errors import OptionError, SheetShapeError

_Write = Callable[..., Compiled]

# Whose arrays compiled code takes.
TARGETS = {"numpy": numpy_source, "array_api": array_source}


def compile_requests(
    sheet: Sheet,
    free: Callable[[Iterable[str]], Program],
    names: str | Sequence[str],
    sizes: Mapping[str, int] | None,
    over: Over,
    target: str,
) -> Compiled:
    """See ``Equations.compile``.

    Parameters
    ----------
    sheet : Sheet
    free : callable
        The program that assumes nothing of some names.
    names : str or sequence of str
    sizes : mapping of str to int, optional
    over : Over
    target : {"numpy", "array_api"}
    """
    texts = [names] if isinstance(names, str) else list(names)
    if not texts:
        raise OptionError("Say what the function should return, such as ['L', 'dL/dW'].")
    program = free(())
    wanted = [_read(program, text) for text in texts]
    program.require(request.of for request in wanted)
    program = free(name for request in wanted for name in request.names[1:])
    single = isinstance(names, str)
    write: _Write = partial(compile_program, single=single, sizes=sizes, write=_writer(target))
    if over.reduction is not None and over.form != "batch":
        raise OptionError(f'reduction={over.reduction!r} is over the examples; say form="batch".')
    if over.reduces:
        return _reduced(sheet, program, wanted, over, write)
    return _stacked(sheet, program, wanted, write) if over.form == "batch" else write(program, wanted)


def _stacked(sheet: Sheet, program: Program, wanted: Sequence[Request], write: _Write) -> Compiled:
    """A value for every example, of a sheet for one of them."""
    axis, remark = examples_of(program, [request.of for request in wanted])
    remarks = (remark,) if remark else ()
    if axis is not None:
        return replace(write(program, wanted), remarks=remarks)
    examples = examples_size((*sheet.declarations, *sheet.definitions, *sheet.sizes))
    stack, stacked = stacked_program(program, examples)
    lifted = [Request(*(stacked[name] for name in request.names)) for request in wanted]
    for request, new in zip(wanted, lifted, strict=True):
        if request.then and stack.symbols[new.of].dims:
            raise OptionError(
                f"{request.of} has a value for every example; ask for {request} in example form, of a sum, "
                'or with reduction="mean".'
            )
    return _in_own_names(write(stack, lifted, each=examples), wanted, stacked, remarks)


def _reduced(
    sheet: Sheet, program: Program, wanted: Sequence[Request], over: Over, write: _Write
) -> Compiled:
    """The objective of the one scalar that is asked for, and what is differentiated of it."""
    of, *others = dict.fromkeys(request.of for request in wanted)
    if others:
        raise OptionError(f"One objective is compiled at a time; {', '.join((of, *others))} are asked for.")
    names = [name for request in wanted for name in request.names[1:]]
    asked = asked_of(sheet, lambda _: program, of, names or [of], over)
    stacked = dict(zip(program.symbols, asked.program.symbols, strict=False))
    lifted = [Request(asked.of, *(stacked[name] for name in request.names[1:])) for request in wanted]
    return _in_own_names(write(asked.program, lifted), wanted, stacked, remarks_on(asked))


def _in_own_names(
    function: Compiled, wanted: Sequence[Request], stacked: Mapping[str, str], remarks: tuple[str, ...]
) -> Compiled:
    """A function of stacked names that is called by those of the sheet."""
    original = {new: old for old, new in stacked.items()}
    inputs = tuple(original[name] for name in function.inputs)
    others = {original.get(name, name): dims for name, dims in function.others.items()}
    return replace(function, inputs=inputs, outputs=tuple(map(str, wanted)), others=others, remarks=remarks)


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
        directions[name] = underscored(f"v_{name}", used)
        used.add(directions[name])
    return compile_product(program, of, directions, sizes=sizes, write=write)


def _writer(target: str) -> Callable[[Body], Source]:
    if target not in TARGETS:
        raise OptionError(f"target is {' or '.join(map(repr, TARGETS))}; got {target!r}.")
    return TARGETS[target]


def _read(program: Program, text: str) -> Request:
    request = read_request(text, program.symbols)
    for name in request.names:
        require_name(program, name)
    axes = program.symbols[request.of].dims
    if request.then and axes:
        raise SheetShapeError(
            f"{request.of} has {len(axes)} axes; second derivatives are compiled of scalars."
        )
    return request
