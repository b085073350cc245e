"""What a derivation is asked for: the program, the names in it and the layout, checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from chainrule.equations.calculus.stacking import stacked_request
from chainrule.equations.language.scope import near
from chainrule.equations.language.sheet import Sheet
from chainrule.equations.language.tree import Layout
from chainrule.equations.nodes.program import Program
from chainrule.errors import OptionError, SheetNameError, SheetShapeError

__all__ = ["Asked", "asked_of", "require_name", "require_scalar", "require_twice"]


class Asked(NamedTuple):
    """The program that a request is about, and the names and the layout in it."""

    program: Program
    of: str
    wrt: list[str]
    layout: Layout


def asked_of(
    sheet: Sheet,
    free: Callable[[Iterable[str]], Program],
    of: str,
    wrt: str | Sequence[str] | None,
    form: str | None,
    layout: Layout | None,
    reduction: str,
) -> Asked:
    """What a request means; see ``Equations.derive``.

    Parameters
    ----------
    sheet : Sheet
    free : callable
        The program that assumes nothing of some names.
    of, wrt, form, layout, reduction
        As in ``Equations.derive``.

    Raises
    ------
    OptionError
        If there is nothing to differentiate by, a name holds labels, or an option is another.
    SheetNameError
        If a name is unknown.
    """
    names = [wrt] if isinstance(wrt, str) else list(wrt if wrt is not None else free(()).named("parameters"))
    if not names:
        known = ", ".join((*sheet.declarations, *sheet.definitions))
        why = "The sheet declares no parameters" if wrt is None else "wrt is empty"
        raise OptionError(f"{why}; say wrt=..., one of {known}.")
    program, target = free(names), of
    for name in (of, *names):
        if name in program.declarations and program.declarations[name].domain == "class":
            raise OptionError(f"{name} holds labels, which have no derivative.")
    if form == "batch":
        require_scalar(sheet, of)
        taken = (*sheet.declarations, *sheet.definitions, *sheet.sizes)
        program, target, names = stacked_request(program, of, names, reduction, taken)
    elif form not in ("example", None):
        raise OptionError(f'form is "example" or "batch"; got {form!r}.')
    for name in names:
        require_name(program, name)
    layout = layout or sheet.layout_of()
    if layout not in ("gradient", "numerator", "denominator"):
        raise OptionError(f'layout is "gradient", "numerator" or "denominator"; got {layout!r}.')
    return Asked(program, target, list(dict.fromkeys(names)), layout)


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
