"""What a derivation is asked for: the program, the names in it and the layout, checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
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
from chainrule.equations.language.tree import Layout
from chainrule.equations.nodes.program import Program
from chainrule.errors import OptionError, SheetNameError, SheetShapeError

__all__ = ["Asked", "asked_of", "require_name", "require_scalar", "require_twice"]


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
    form: str | None,
    layout: Layout | None,
    reduction: str,
    penalty: str | None,
) -> Asked:
    """What a request means; see ``Equations.derive``.

    Parameters
    ----------
    sheet : Sheet
    free : callable
        The program that assumes nothing of some names.
    of, wrt, form, layout, reduction, penalty
        As in ``Equations.derive``.

    Raises
    ------
    OptionError
        If there is nothing to differentiate by, a name holds labels, or an option is another.
    SheetNameError, SheetShapeError
        If a name is unknown, or what must be a scalar is none.
    """
    require_name(free(()), of)
    free(()).require([of])
    names = [wrt] if isinstance(wrt, str) else list(wrt if wrt is not None else free(()).named("parameters"))
    if not names:
        known = ", ".join((*sheet.declarations, *sheet.definitions))
        why = "The sheet declares no parameters" if wrt is None else "wrt is empty"
        raise OptionError(f"{why}; say wrt=..., one of {known}.")
    program, target = free(names), of
    for name in (of, *names):
        if name in program.declarations and program.declarations[name].domain == "class":
            raise OptionError(f"{name} holds labels, which have no derivative.")
    if form not in ("example", "batch", None):
        raise OptionError(f'form is "example" or "batch"; got {form!r}.')
    taken = (*sheet.declarations, *sheet.definitions, *sheet.sizes)
    if form == "batch" or penalty is not None:
        require_scalar(sheet, of)
    if penalty is not None:
        require_penalty(sheet, program, of, penalty)
    found, remark = None, ""
    if form == "batch":
        axis, remark = examples_of(program, [of])
        if axis is None and reduction == "sum":
            found = repeated(program, of, program.named("data"), examples_size(taken))
        program, target, names = stacked_request(program, of, names, reduction, taken, penalty)
    elif penalty is not None:
        program, target = penalized_request(program, of, taken, penalty)
    for name in names:
        require_name(program, name)
    layout = layout or sheet.layout_of()
    if layout not in ("gradient", "numerator", "denominator"):
        raise OptionError(f'layout is "gradient", "numerator" or "denominator"; got {layout!r}.')
    return Asked(program, target, list(dict.fromkeys(names)), layout, found, remark)


def require_name(program: Program, name: str) -> None:
    """Make sure that a sheet has a value of a name."""
    if name not in program.symbols:
        hint = near(name, list(program.symbols))
        raise SheetNameError(f"The sheet has no value named {name}.{hint}")


def require_scalar(sheet: Sheet, name: str) -> None:
    """Make sure that a name is a scalar."""
    axes = sheet.type_of(name).axes
    if axes:
        shape = ", ".join(map(str, axes))
        raise SheetShapeError(
            f"{name} has shape ({shape}{',' if len(axes) == 1 else ''}); a scalar is needed here."
        )


def require_twice(program: Program, of: str, layout: Layout) -> None:
    """Make sure of what second order needs: a scalar, in gradient layout."""
    axes = program.symbols[of].dims
    if axes:
        raise SheetShapeError(f"{of} has {len(axes)} axes; second order is derived for scalars.")
    if layout != "gradient":
        raise OptionError(f"Second order is written in gradient layout; got layout {layout!r}.")
