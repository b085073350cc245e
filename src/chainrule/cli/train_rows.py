"""Which rows of a table train, which are set aside to say when to stop, and which are scored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.cli.table_options import given_reading
from chainrule.cli.train_options import ASIDE, FEWEST, Settings
from chainrule.data import Column, Preprocessor, Table, fold_rows, read_table, split_rows
from chainrule.errors import DataError, OptionError

Array = NDArray[Any]
Said = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Rows:
    """Some rows of a table: their numbers, and as they stand there; without weights all count alike."""

    X: Array
    y: Array
    table: Table
    weight: Array | None = None

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: Any) -> Rows:
        """Some of these rows."""
        weight = None if self.weight is None else self.weight[rows]
        return Rows(self.X[rows], self.y[rows], self.table.take(rows), weight)


@dataclass(frozen=True, eq=False)
class Parts:
    """A table in its parts.

    Parameters
    ----------
    training : Table
    held_out : Table or None
    aside : ndarray of int, or None
        Training rows that say when to stop.
    said : tuple of str
        What was done about rows, in sentences.
    """

    training: Table
    held_out: Table | None
    aside: Array | None
    said: Said

    @classmethod
    def of(
        cls, training: Table, held_out: Table | None, target: str | None, settings: Settings, said: Said = ()
    ) -> Parts:
        """The parts, with some training rows set aside."""
        aside, more = _aside(training, target, settings)
        return cls(training, held_out, aside, said + more)


def divide(table: Table, targets: list[str], is_class: bool, settings: Settings) -> Parts:
    """The parts of a table, as the options ask for them.

    Raises
    ------
    DataError
        If the rows are too few.
    """
    table, said = with_targets(table, targets, settings)
    target = targets[0] if is_class else None
    if settings.test is None:
        rows, held = _split(table, target, settings.held_out, settings)
        _require_some(held, table, target)
        training, held_out = table.take(rows), table.take(held)
    else:
        needed = {*inputs_of(table, settings), *targets}
        kinds = {one.name: one.form or one.kind for one in table if one.name in needed and not one.left_out}
        held_out, more = with_targets(read_table(settings.test, **given_reading(**kinds)), targets, settings)
        training, said = table, said + more
    is_known, more = _known(training, held_out, target, settings)
    return Parts.of(training, held_out.take(is_known), target, settings, said + more)


def divide_in_folds(
    table: Table, targets: list[str], is_class: bool, settings: Settings
) -> tuple[Parts, list[Callable[[], Parts]]]:
    """All rows as training rows, and the parts of each fold, which are made when they are called for.

    Raises
    ------
    DataError
        If the rows are too few, or a fold cannot be learned from or scored.
    """
    assert settings.folds is not None
    table, said = with_targets(table, targets, settings)
    target = targets[0] if is_class else None
    folds = fold_rows(len(table), settings.folds, seed=settings.seed, **_drawn(table, target, settings))
    made: list[Callable[[], Parts]] = []
    for number, parts in enumerate(folds, start=1):
        try:
            rows, held, more = _of_fold(table, *parts, target, settings)
        except DataError as error:
            raise DataError(f"Fold {number} of {len(folds)}: {error}") from None
        said += tuple(f"Fold {number}: {what}" for what in more)
        made.append(partial(_taken, table, rows, held, target, settings))
    return Parts.of(table, None, target, settings, said), made


def _of_fold(
    table: Table, rows: Array, held: Array, target: str | None, settings: Settings
) -> tuple[Array, Array, Said]:
    """Rows that train, rows that can be scored, and what is said of the others."""
    rows, held = _keep_rare(table, rows, held, target, settings)
    _require_some(held, table, target)
    if target is not None and len(found := np.unique(_labels(table[target])[rows])) < 2:
        raise DataError(f"its training rows have one class of {target!r} only ({found[0]}).")
    columns = _to_be_known(table, target, settings)
    if not columns:
        return rows, held, ()
    few = table.select(*columns)
    is_known, said = _known(few.take(rows), few.take(held), target, settings)
    return rows, held[is_known], said


def _taken(table: Table, rows: Array, held: Array, target: str | None, settings: Settings) -> Parts:
    return Parts.of(table.take(rows), table.take(held), target, settings)


def rows_of(preprocessor: Preprocessor, table: Table) -> Rows:
    """The numbers of these rows; all weigh alike."""
    return Rows(preprocessor.inputs(table), preprocessor.targets(table), table)


def weighted_rows(preprocessor: Preprocessor, table: Table, settings: Settings) -> Rows:
    """The numbers of these rows, with the weights that the options ask for."""
    rows = rows_of(preprocessor, table)
    y, weight = rows.y, None
    if settings.weights is not None:
        weight = _weights(table, table[settings.weights])
    if settings.class_weight is not None:
        if preprocessor.task != "classification":
            raise OptionError("--class-weight: the target is a number, not a class.")
        counts = np.bincount(y, minlength=len(preprocessor.classes))
        each = (len(y) / (np.count_nonzero(counts) * np.maximum(counts, 1)))[y]
        weight = each if weight is None else weight * each
    return replace(rows, weight=weight)


def _weights(table: Table, column: Column) -> Array:
    if column.kind not in ("numeric", "boolean"):
        raise DataError(
            f"{table.source}: --weights {column.name}: the column is {column.kind} ({column.summary()}); "
            "expected numbers."
        )
    table.refuse_missing(column, "give the row a weight, or leave it out")
    weight = column.values.astype(np.float64)
    if (weight < 0).any():
        row = int(np.argmax(weight < 0))
        what = f"{weight[row]:g} is no weight; expected a number >= 0"
        raise DataError(f"{table.place(row)}, column {column.name!r}: {what}.")
    return weight


def with_targets(table: Table, targets: list[str], settings: Settings) -> tuple[Table, Said]:
    """The rows that have all targets, and what was left out."""
    if settings.missing_target == "refuse":
        for name in targets:
            table.refuse_missing(table[name], "leave the row out, or give no --missing-target refuse")
    kept = table.drop_missing(*targets)
    if not len(kept):
        raise DataError(f"{table.source} has no row with a value of {', '.join(targets)} to learn from.")
    if lost := len(table) - len(kept):
        has, was = ("has", "was") if lost == 1 else ("have", "were")
        what = f"{lost:,} of {len(table):,} rows {has} no value of {', '.join(targets)}"
        return kept, (f"{what} and {was} left out.",)
    return kept, ()


def _require_some(held: Array, table: Table, target: str | None) -> None:
    if len(held):
        return
    what = f"{len(table)} rows"
    if target is not None:
        what += f" of {len(np.unique(_labels(table[target])))} classes of {target!r}"
    raise DataError(f"{table.source}: {what} are too few to hold some out.")


def _labels(column: Column) -> Array:
    return column.values.astype(str)


def _split(table: Table, target: str | None, share: float, settings: Settings) -> tuple[Array, Array]:
    """Rows that are kept, and a share that are not."""
    drawn = _drawn(table, target, settings)
    parts = split_rows(len(table), test=share, seed=settings.seed, **drawn)
    return _keep_rare(table, *parts, target, settings)


def _drawn(table: Table, target: str | None, settings: Settings) -> dict[str, Any]:
    """What says which rows are drawn."""
    if settings.group is not None:
        column = table[settings.group]
        table.refuse_missing(column, "a row without a group may belong to any of them")
        return {"groups": _labels(column)}
    if settings.time_order is not None:
        return {"order": _in_time(table, table[settings.time_order])}
    return {"stratify": None if target is None else _labels(table[target])}


def _keep_rare(
    table: Table, rows: Array, others: Array, target: str | None, settings: Settings
) -> tuple[Array, Array]:
    """Rows that are kept and rows that are not.

    Where chance draws them, what is too rare for both, and asked to be known, is kept. Groups and times stay
    divided as they are: a row of another group, or of the future, is not to train.
    """
    is_random = settings.group is None and settings.time_order is None
    rare = np.zeros(len(others), bool)
    for name in _to_be_known(table, target, settings) if is_random else ():
        values = _labels(table[name])
        rare |= ~np.isin(values[others], values[rows])
    return np.sort(np.concatenate([rows, others[rare]])), others[~rare]


def _known(training: Table, held_out: Table, target: str | None, settings: Settings) -> tuple[Array, Said]:
    """Which held-out rows are of a class, and of refused categories, that training has; what is said."""
    unknown = np.zeros(len(held_out), bool)
    names: list[str] = []
    for name in _to_be_known(training, target, settings):
        if name != target and training[name].left_out:  # no input
            continue
        column = held_out[name]
        lacking = ~np.isin(_labels(column), _labels(training[name])) & ~column.missing
        if lacking.any():
            unknown, names = unknown | lacking, [*names, name]
    if not names:
        return ~unknown, ()
    count, values = int(unknown.sum()), f"a value of {' or '.join(names)} that no training row has"
    if unknown.all():
        raise DataError(
            f"{held_out.source}: each of the {count:,} held-out rows has {values}: there is none to score. "
            "Hold out other rows, or score a table of its own with --test."
        )
    has, was = ("has", "was") if count == 1 else ("have", "were")
    what = f"{count:,} of {len(held_out):,} held-out rows {has} {values}"
    return ~unknown, (f"{what} and {was} left out of the score.",)


def _to_be_known(table: Table, target: str | None, settings: Settings) -> list[str]:
    """Columns whose values training must have: classes, and categories where an unknown one is refused."""
    found = [] if target is None else [target]
    if settings.unseen == "refuse":
        inputs = inputs_of(table, settings)
        found += [column.name for column in table if column.name in inputs and column.kind == "categorical"]
    return list(dict.fromkeys(found))


def inputs_of(table: Table, settings: Settings) -> tuple[str, ...]:
    """Names of the input columns, the target among them if it was not left out by name."""
    names = table.matching(*(names_in(table, settings.features) or ["*"]))
    left_out = table.matching(*excluded(table, settings)) if excluded(table, settings) else ()
    return tuple(name for name in names if name not in left_out)


def excluded(table: Table, settings: Settings) -> list[str]:
    """Columns that are no inputs: those that were said, and those that say something else of a row."""
    others = (settings.row_id, settings.weights, settings.group)
    return [*names_in(table, settings.exclude), *(name for name in others if name is not None)]


def names_in(table: Table, given: tuple[str, ...]) -> list[str]:
    """Names and globs; several may stand in one option, separated by commas."""
    return [part.strip() for text in given for part in ([text] if text in table else text.split(","))]


def _in_time(table: Table, column: Column) -> Array:
    table.refuse_missing(column, "a row without a time stands nowhere")
    if column.kind not in ("numeric", "date"):
        raise DataError(
            f"{table.source}: --time-order {column.name}: the column is {column.kind} ({column.summary()}); "
            "expected numbers or dates."
        )
    return column.values


def _aside(table: Table, target: str | None, settings: Settings) -> tuple[Array | None, Said]:
    """Training rows that say when to stop; None if all epochs are to run, or the rows are too few."""
    if not settings.early_stopping:
        return None, ()
    few = f"{len(table)} training rows are too few to set some aside: all epochs are run."
    if len(table) < FEWEST:
        return None, (few,)
    drawn = _drawn(table, target, settings)
    parts = drawn.get("groups", drawn.get("order"))
    if parts is not None and len(np.unique(parts)) == 1:
        return None, ("All training rows belong to one group, or to one time: all epochs are run.",)
    aside = _split(table, target, ASIDE, settings)[1]
    if settings.weights is not None and not np.any(_weights(table, table[settings.weights])[aside]):
        return None, ("No row of positive weight can be set aside: all epochs are run.",)
    return (aside, ()) if len(aside) else (None, (few,))
