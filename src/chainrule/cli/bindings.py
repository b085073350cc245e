"""From the columns of a table to the names of a sheet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data import ClassEncoder, Table, to_signs
from chainrule.equations import Equations
from chainrule.equations.language.tree import Declaration
from chainrule.errors import DataError, OptionError
from chainrule.near_misses import near_misses

Array = NDArray[Any]
LABELS = ("class", "sign", "bit")


@dataclass(frozen=True, eq=False)
class Binding:
    """One name of the sheet and its columns.

    Parameters
    ----------
    name : str
    columns : tuple of str
    domain : str
        Of the declaration.
    is_vector : bool
        Whether the columns stand side by side, or one column gives one number per row.
    encoder : ClassEncoder or None
        For labels.
    center, scale : ndarray
        A real column is (value - center) / scale.
    """

    name: str
    columns: tuple[str, ...]
    domain: str
    is_vector: bool
    encoder: ClassEncoder | None
    center: Array
    scale: Array

    def values(self, table: Table) -> Array:
        """The values of the name for the rows of a table, rows first."""
        if self.encoder is not None:
            column = table[self.columns[0]]
            table.refuse_missing(column)
            numbers = self.encoder.encode(column)
            return to_signs(numbers) if self.domain == "sign" else numbers
        values = (table.matrix(*self.columns) - self.center) / self.scale
        return values if self.is_vector else values[:, 0]

    def __str__(self) -> str:
        shown = self.columns if len(self.columns) <= 4 else (*self.columns[:2], "...", self.columns[-1])
        count = f" ({len(self.columns)} columns)" if len(self.columns) > 4 else ""
        kind = f", classes {_listed(self.encoder.classes)}" if self.encoder else ""
        moved = ", standardised" if np.any(self.scale != 1) or np.any(self.center != 0) else ""
        return f"{self.name} = {', '.join(shown)}{count}{kind}{moved}"


@dataclass(frozen=True, eq=False)
class Bindings:
    """All names that the objective needs beside the parameters.

    Parameters
    ----------
    columns : tuple of Binding
    numbers : mapping of str to float
        Constants given as numbers.
    is_whole : bool
        Whether the sheet's own formula covers all rows, instead of one example at a time.
    sizes : mapping of str to int
        Numbers of classes.
    """

    columns: tuple[Binding, ...]
    numbers: Mapping[str, float]
    is_whole: bool
    sizes: Mapping[str, int]

    def data(self, table: Table) -> dict[str, Any]:
        """What an objective of the sheet takes as data."""
        return {**{one.name: one.values(table) for one in self.columns}, **self.numbers}

    @property
    def labels(self) -> Binding | None:
        """The first binding to labels, if any."""
        return next((one for one in self.columns if one.encoder), None)

    def __str__(self) -> str:
        numbers = [f"{name} = {value:g}" for name, value in self.numbers.items()]
        return "\n".join([*map(str, self.columns), *numbers])


def bind(
    equations: Equations,
    minimized: Sequence[str],
    given: Sequence[tuple[str, str]],
    table: Table,
    training: Table,
    standardize: Sequence[str] = (),
) -> Bindings:
    """Bind the names that some lines need to columns; one without a binding takes the column of its own name.

    Parameters
    ----------
    equations : Equations
    minimized : sequence of str
        The lines.
    given : sequence of (str, str)
        A name, and column names or globs separated by commas, or a number.
    table : Table
        All rows: they say which classes there are.
    training : Table
        The rows that means and deviations are taken from.
    standardize : sequence of str
        Real names whose columns are shifted to mean 0 and scaled to variance 1.

    Raises
    ------
    OptionError
        If a name is unknown, a parameter, bound twice or not bound.
    DataError
        If a column is not there or does not fit the declaration.
    """
    declarations = equations.sheet.declarations
    needed = [
        declarations[name]
        for name in declarations
        if name in equations.program.ancestors(minimized) and name not in equations.parameters
    ]
    texts = _texts(given, needed, equations, table)
    _known(standardize, [one.name for one in needed], "--standardize")
    numbers = {name: float(text) for name, text in texts.items() if _is_number(text) and text not in table}
    bound = [one for one in needed if one.name not in numbers]
    _only_scalars([one for one in needed if one.name in numbers])
    rows = next((one.axes[0] for one in bound if len(one.axes) == 2), None)
    columns = tuple(
        _binding(one, texts[one.name], rows, table, training, one.name in standardize) for one in bound
    )
    by_name = {one.name: one for one in columns}
    sizes = {
        one.classes: len(by_name[one.name].encoder.classes)  # type: ignore[union-attr]
        for one in bound
        if one.domain == "class" and isinstance(one.classes, str)
    }
    return Bindings(columns, numbers, rows is not None, sizes)


def _texts(
    given: Sequence[tuple[str, str]], needed: Sequence[Declaration], equations: Equations, table: Table
) -> dict[str, str]:
    names = [name for name, _ in given]
    _known(names, [one.name for one in needed], "--bind")
    if twice := [name for i, name in enumerate(names) if name in names[:i]]:
        raise OptionError(f"--bind {twice[0]} is given twice; separate several columns by commas.")
    texts = dict(given)
    texts.update({one.name: one.name for one in needed if one.name not in texts and one.name in table})
    if missing := [one.name for one in needed if one.name not in texts]:
        raise OptionError(
            f"Nothing is bound to {', '.join(missing)}; say --bind {missing[0]}=COLUMN. {table.source} has "
            f"{', '.join(table.names[:12])}{', ...' if len(table.names) > 12 else ''}."
        )
    return texts


def _known(names: Sequence[str], needed: Sequence[str], option: str) -> None:
    for name in names:
        if name not in needed:
            raise OptionError(f"{option} {name}: that is no data of the objective{near_misses(name, needed)}")


def _only_scalars(numbers: Sequence[Declaration]) -> None:
    for one in numbers:
        if one.axes or one.domain != "real":
            raise OptionError(f"--bind {one.name}: a number fits only names declared {one.name}: R.")


def _binding(
    declaration: Declaration, text: str, rows: Any, table: Table, training: Table, standardize: bool
) -> Binding:
    parts = [text] if text in table else [part.strip() for part in text.split(",")]
    columns = table.matching(*parts)
    axes = declaration.axes[1:] if rows is not None and declaration.axes[:1] == (rows,) else declaration.axes
    if len(axes) > 1:
        raise DataError(f"{declaration.name} has {len(axes)} axes for each row; columns of a table give one.")
    if not axes and len(columns) > 1:
        raise DataError(
            f"{declaration.name} is one value per row; {text!r} fits {len(columns)} columns "
            f"({', '.join(columns[:4])}{', ...' if len(columns) > 4 else ''})."
        )
    if (rows is not None and axes == declaration.axes) or declaration.role not in ("data", "given"):
        raise OptionError(f"{declaration.name} is the same for all rows; bind it to a number.")
    if not axes and declaration.domain in LABELS:
        encoder = _encoder(declaration, table, columns[0])
        return Binding(declaration.name, columns, declaration.domain, False, encoder, np.zeros(1), np.ones(1))
    center, scale = np.zeros(len(columns)), np.ones(len(columns))
    if standardize:
        values = training.matrix(*columns)
        center, scale = values.mean(axis=0), values.std(axis=0)
        scale[scale == 0] = 1.0
    return Binding(declaration.name, columns, declaration.domain, bool(axes), None, center, scale)


def _encoder(declaration: Declaration, table: Table, column: str) -> ClassEncoder:
    encoder = ClassEncoder.of(table[column])
    if declaration.domain != "class" and len(encoder.classes) != 2:
        raise DataError(
            f"{declaration.name} has two values; column {column!r} has {len(encoder.classes)} "
            f"({_listed(encoder.classes)})."
        )
    return encoder


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def _listed(classes: Sequence[Any]) -> str:
    return ", ".join(map(str, classes[:6])) + (", ..." if len(classes) > 6 else "")
