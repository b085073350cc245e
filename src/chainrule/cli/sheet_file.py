"""Sheets from files, and the names in them that a command is about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from chainrule.equations import Equations
from chainrule.equations.calculus.penalty import require_penalty
from chainrule.errors import DataError, OptionError, SheetShapeError
from chainrule.near_misses import near_misses

MAX_BYTES = 1 << 20


def read_sheet(path: str) -> Equations:
    """The sheet in a file, or on standard input for ``-``.

    Raises
    ------
    DataError
        If the file is not there or is not text.
    SheetError
        If the text cannot be read as a sheet.
    """
    name = "standard input" if path == "-" else path
    try:
        with click.open_file(path, "rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise DataError(f"There is no sheet {path!r}{_beside(Path(path))}") from None
    except IsADirectoryError:
        raise DataError(f"{path} is a folder; expected a sheet of equations.") from None
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error.strerror or error}.") from None
    if len(content) > MAX_BYTES:
        raise DataError(f"{name} is larger than {MAX_BYTES} bytes; that is no sheet of equations.")
    try:
        return Equations(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise DataError(f"{name} is not UTF-8 text; a sheet of equations is.") from None


def find_objective(equations: Equations, wrt: Sequence[str] = (), penalty: str | None = None) -> str | None:
    """The last scalar but the penalty that depends on one of the names, by default on a parameter.

    None if there is none.
    """
    moved = equations.program.dependents(wrt or equations.parameters) - {penalty}
    scalars = [name for name in equations.sheet.definitions if name in moved and not equations.shape_of(name)]
    return scalars[-1] if scalars else None


def check_penalty(equations: Equations, of: str, penalty: str | None) -> None:
    """Refuse what cannot stand beside ``of`` as the penalty, in the words of the command.

    Raises
    ------
    OptionError
    """
    if penalty is None:
        return
    known_names(equations, [penalty], "--penalty")
    try:
        require_penalty(equations.sheet, equations.program, of, penalty, "--penalty {}")
    except SheetShapeError as error:
        raise OptionError(str(error)) from None


def objective_of(
    equations: Equations,
    given: str | None,
    option: str,
    wrt: Sequence[str] = (),
    penalty: str | None = None,
) -> str:
    """The name a command is about: the given one, or the objective.

    Raises
    ------
    OptionError
        If nothing was given and there is no objective.
    """
    if given is not None:
        return known_names(equations, [given], option)[0]
    found = find_objective(equations, wrt, penalty)
    if found is None:
        raise OptionError(
            f"The sheet defines no scalar that depends on {' or '.join(wrt) or 'its parameters'}; "
            f"name what you mean by {option}."
        )
    return found


def known_names(equations: Equations, names: Sequence[str], option: str) -> list[str]:
    """The names, all of them of the sheet.

    Raises
    ------
    OptionError
        If one is not.
    """
    for name in names:
        if name not in equations.names:
            raise OptionError(
                f"{option} {name}: the sheet has no such name{near_misses(name, equations.names)}"
            )
    return list(names)


def _beside(path: Path) -> str:
    if not path.parent.is_dir():
        return f"; there is no folder {str(path.parent)!r}."
    sheets = [other.name for other in path.parent.iterdir() if other.suffix == path.suffix]
    return near_misses(path.name, sorted(sheets)[:100]) if sheets else "."
