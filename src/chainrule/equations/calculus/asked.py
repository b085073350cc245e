"""What a derivation is asked for: the program, the names in it and the layout, checked."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from chainrule.equations.calculus.penalty import Repeated, repeated, require_penalty
from chainrule.equations.calculus.stacking import (
    examples_of,
    examples_size,
    penalized_request,
    stacked_request,
)
from chainrule.equations.language.scope import near
from chainrule.equations.language.sheet import Sheet
from chainrule.equations.language.tree import Layout, spelled
from chainrule.equations.nodes.program import Program
from chainrule.errors import OptionError, SheetNameError, SheetShapeError


@dataclass(frozen=True)
class Over:
    """How what is asked for is taken over the examples.

    Attributes
    ----------
    form : {"example", "batch"} or None
        None for a sheet as it is.
    reduction : {"mean", "sum"} or None
        None for a value of each example, and where the caller has not said: a mean.
    penalty : str or None
        The line that counts once beside all examples; alone, it stands beside their mean.

    Raises
    ------
    OptionError
        If the form or the reduction is another.
    """

    form: str | None = None
    reduction: str | None = None
    penalty: str | None = None

    def __post_init__(self) -> None:
        if self.form not in ("example", "batch", None):
            raise OptionError(f'form is "example" or "batch"; got {self.form!r}.')
        if self.reduction not in ("mean", "sum", None):
            raise OptionError(f'reduction is "mean" or "sum"; got {self.reduction!r}.')

    @property
    def reduces(self) -> bool:
        """Whether a scalar stands for the objective."""
        return self.reduction is not None or self.penalty is not None


class Asked(NamedTuple):
    """The program that a request is about, the names and the layout in it.

    What its sum over the examples repeats and what was taken for an example stand beside them.
    """

    program: Program
    of: str
    wrt: list[str]
    layout: Layout
    repeated: Repeated | None = None
    remark: str = ""


def asked_of(
    sheet: Sheet,
    free: Callable[[Iterable[str]], Program],
    of: str,
    wrt: str | Sequence[str] | None,
    over: Over,
    layout: Layout | None = None,
) -> Asked:
    """What a request means; see ``Equations.derive``.

    Parameters
    ----------
    sheet : Sheet
    free : callable
        The program that assumes nothing of some names.
    of, wrt, layout
        As in ``Equations.derive``.
    over : Over

    Raises
    ------
    OptionError
        If there is nothing to differentiate by, a name holds labels, or an option is another.
    SheetNameError, SheetShapeError
        If a name is unknown, or what must be a scalar is none.
    """
    require_name(free(()), of)
    free(()).require([of])
    names = _differentiated_by(sheet, free(()), wrt)
    program = free(names)
    _refuse_labels(program, (of, *names))
    if over.form == "batch" or over.penalty is not None:
        require_objective(sheet, program, of, over.penalty)
    layout = layout or sheet.layout_of()
    if layout not in ("gradient", "numerator", "denominator"):
        raise OptionError(f'layout is "gradient", "numerator" or "denominator"; got {layout!r}.')
    taken = (*sheet.declarations, *sheet.definitions, *sheet.sizes)
    if over.form != "batch":
        program, target = penalized_request(program, of, taken, over.penalty)
        return Asked(program, target, names, layout)
    axis, remark = examples_of(program, [of])
    found = None
    if axis is None and over.reduction == "sum":
        found = repeated(program, of, program.named("data"), examples_size(taken))
    stacked = stacked_request(program, of, names, over.reduction or "mean", taken, over.penalty)
    return Asked(*stacked, layout, found, remark)


def _differentiated_by(sheet: Sheet, program: Program, wrt: str | Sequence[str] | None) -> list[str]:
    """The names to differentiate with respect to: all parameters where the caller has not said."""
    names = [wrt] if isinstance(wrt, str) else list(program.named("parameters") if wrt is None else wrt)
    if not names:
        known = ", ".join((*sheet.declarations, *sheet.definitions))
        why = "The sheet declares no parameters" if wrt is None else "wrt is empty"
        raise OptionError(f"{why}; say wrt=..., one of {known}.")
    for name in names:
        require_name(program, name)
    return list(dict.fromkeys(names))


def _refuse_labels(program: Program, names: Iterable[str]) -> None:
    for name in names:
        if name in program.declarations and program.declarations[name].domain == "class":
            raise OptionError(f"{name} holds labels, which have no derivative.")


def require_objective(sheet: Sheet, program: Program, of: str, penalty: str | None) -> None:
    """Make sure that a name is a scalar with a rule, and a penalty one that counts once beside it."""
    require_name(program, of)
    _require_scalar(sheet, of)
    program.require([of])
    if penalty is not None:
        require_penalty(sheet, program, of, penalty)


def require_name(program: Program, name: str) -> None:
    """Make sure that a sheet has a value of a name."""
    if name not in program.symbols:
        hint = near(name, list(program.symbols))
        raise SheetNameError(f"The sheet has no value named {name}.{hint}")


def _require_scalar(sheet: Sheet, name: str) -> None:
    """Make sure that a name is a scalar."""
    axes = sheet.type_of(name).axes
    if axes:
        raise SheetShapeError(f"{name} has shape {spelled(axes)}; a scalar is needed here.")


def require_twice(asked: Asked) -> None:
    """Make sure of what second order needs: a scalar, in gradient layout."""
    axes = asked.program.symbols[asked.of].dims
    if axes:
        raise SheetShapeError(f"{asked.of} has {len(axes)} axes; second order is derived for scalars.")
    if asked.layout != "gradient":
        raise OptionError(f"Second order is written in gradient layout; got layout {asked.layout!r}.")
