"""Which sheets are stacked over examples, and what the objective and the number of examples are called."""

from collections.abc import Collection, Iterable, Sequence
from itertools import chain, count
from typing import NamedTuple

from chainrule.equations.calculus.lift import batch_program, penalized_program
from chainrule.equations.calculus.pin import mixes
from chainrule.equations.language.tree import size_factors
from chainrule.equations.nodes.nodes import topological
from chainrule.equations.nodes.program import Program
from chainrule.errors import OptionError

OBJECTIVES = ("C", "R", "J")


def stacked_request(
    program: Program,
    of: str,
    names: Sequence[str],
    reduction: str,
    taken: Collection[str],
    penalty: str | None = None,
) -> tuple[Program, str, list[str]]:
    """The program over all examples, its objective's name, and the requested names in it.

    A sheet that is over all examples already, by `examples_of`, stays as it is, but for the penalty.

    Raises
    ------
    OptionError
        If there is no data to stack, or ``of`` does not depend on any.
    """
    data = program.named("data")
    if not data:
        raise OptionError("form='batch' stacks the names of data, and the sheet declares none.")
    if of not in program.dependents(data):
        raise OptionError(f"{of} does not depend on data; there is nothing to stack.")
    if examples_of(program, [of]).axis is not None:
        return *penalized_request(program, of, taken, penalty), list(names)
    objective = _free(OBJECTIVES, taken)
    lifted = batch_program(program, of, reduction, objective, examples_size(taken), penalty)
    stacked = dict(zip(program.symbols, lifted.symbols, strict=False))
    return lifted, objective, [stacked.get(name, name) for name in names]


def penalized_request(
    program: Program, of: str, taken: Collection[str], penalty: str | None
) -> tuple[Program, str]:
    """The program of a sheet as it is with its objective, ``of`` plus the penalty, and what that is called.

    Raises
    ------
    OptionError
        If the sheet is for one example.
    """
    if penalty is None:
        return program, of
    if program.named("data") and shared_axis(program) is None:
        raise OptionError(
            f"{of} is of one example, and a penalty counts once beside all of them; "
            'say form="batch" (--batch).'
        )
    objective = _free(OBJECTIVES, taken)
    return penalized_program(program, of, penalty, objective), objective


class Examples(NamedTuple):
    """Where the examples of a sheet in batch form are.

    Attributes
    ----------
    axis : str or None
        The axis of the sheet that counts them, if it is over all of them already; None if they are stacked.
    remark : str
        What was taken for one example, where a sheet can be read in both ways; else empty.
    """

    axis: str | None
    remark: str = ""


def examples_of(program: Program, names: Iterable[str]) -> Examples:
    """Whether batch form stacks examples of a sheet, or the sheet is over all of them already.

    It is over all of them where all its data have the same first axis, no parameter has it, and the rows
    along it meet in sums alone on the way to ``names``. Rows that meet elsewhere, as the tokens of
    self-attention do in its scores X Wq (X Wk)ᵀ, are parts of one example.
    """
    axis = shared_axis(program)
    if axis is None:
        return Examples(None)
    data = program.named("data")
    needed = program.ancestors(names) & program.dependents(data)
    mixed = (
        name
        for name, body in program.bodies.items()
        if name in needed and any(mixes(node, axis) for node in topological([body]))
    )
    name, listed = next(mixed, None), " and ".join(data)
    if name is None:
        remark = f"The sheet is over all examples already: {axis}, the first axis of {listed}, counts them."
        return Examples(axis, remark)
    remark = (
        f"One example is all of {listed}, as the rows along {axis} meet in {name}, so examples are stacked. "
        'Without form="batch" (--batch) the sheet stays as it is.'
    )
    return Examples(None, remark)


def shared_axis(program: Program) -> str | None:
    """The axis that may be that of the examples: the first one of all data, and no parameter's."""
    data, parameters = (
        [program.declarations[name].axes for name in program.named(role)] for role in ("data", "parameters")
    )
    # n * n is no axis of examples beside A: R[n, n]; 2 * m is one beside A: R[n, 2].
    taken = {part for own in parameters for size in own for part in size_factors(size)}
    shared = next(iter(data[0]), 1) if len({own[:1] for own in data}) == 1 else 1
    return (
        shared
        if isinstance(shared, str) and taken.isdisjoint(p for p in size_factors(shared) if isinstance(p, str))
        else None
    )


def examples_size(taken: Collection[str]) -> str:
    """A name for the number of examples that a sheet does not use."""
    return _free(("N", "n"), taken)


def _free(wishes: Iterable[str], taken: Collection[str]) -> str:
    numbered = (f"N{number}" for number in count(1))
    return next(name for name in chain(wishes, numbered) if name not in taken)
