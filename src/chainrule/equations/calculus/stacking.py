"""Which sheets are stacked over examples, and what the objective and the number of examples are called."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import chain, count

from chainrule.equations.calculus.lift import batch_program
from chainrule.equations.nodes.program import Program
from chainrule.errors import OptionError

__all__ = ["examples_size", "shared_axis", "stacked_request"]


def stacked_request(
    program: Program, of: str, names: Sequence[str], reduction: str, taken: Collection[str]
) -> tuple[Program, str, list[str]]:
    """The program over all examples, its objective's name, and the requested names in it.

    A sheet that is over all examples already stays as it is.

    Raises
    ------
    OptionError
        If there is no data to stack, or ``of`` does not depend on any.
    """
    if reduction not in ("mean", "sum"):
        raise OptionError(f'reduction is "mean" or "sum"; got {reduction!r}.')
    data = program.named("data")
    if not data:
        raise OptionError("form='batch' stacks the names of data, and the sheet declares none.")
    if of not in program.dependents(data):
        raise OptionError(f"{of} does not depend on data; there is nothing to stack.")
    if shared_axis(program) is not None:
        return program, of, list(names)
    objective = _free(("C", "R", "J"), taken)
    lifted = batch_program(program, of, reduction, objective, examples_size(taken))
    stacked = dict(zip(program.symbols, lifted.symbols, strict=False))
    return lifted, objective, [stacked.get(name, name) for name in names]


def shared_axis(program: Program) -> str | None:
    """The axis of the examples of a sheet that is over all of them: the first one of all its data, and no
    parameter's.
    """
    axes = [program.declarations[name].axes for name in program.named("data")]
    first = {own[0] if own else None for own in axes}
    taken = {size for name in program.named("parameters") for size in program.declarations[name].axes}
    shared = next(iter(first)) if len(first) == 1 else None
    return shared if isinstance(shared, str) and shared not in taken else None


def examples_size(taken: Collection[str]) -> str:
    """A name for the number of examples that a sheet does not use."""
    return _free(("N", "n"), taken)


def _free(wishes: Iterable[str], taken: Collection[str]) -> str:
    numbered = (f"N{number}" for number in count(1))
    return next(name for name in chain(wishes, numbered) if name not in taken)
