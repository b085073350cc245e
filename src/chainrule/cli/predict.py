"""``chainrule predict``: predictions of a trained model, as CSV."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from chainrule.cli.heads import head_of
from chainrule.cli.table_options import given_reading, table_options
from chainrule.cli.worked import WorkedCommand
from chainrule.data import NumericTarget, Preprocessor, Table, read_table
from chainrule.errors import ModelFileError, OptionError
from chainrule.network import Network
from chainrule.persistence import Model, load

Array = NDArray[Any]


@click.command(
    "predict",
    cls=WorkedCommand,
    examples=(
        "chainrule predict houses.model new.csv > prices.csv",
        "chainrule predict digits.model digits --proba",
        "cat new.csv | chainrule predict houses.model -",
    ),
)
@click.argument("model")
@click.argument("table")
@click.option(
    "--proba", "--probabilities", "probabilities", is_flag=True, help="Add each class's probability."
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    help="Probability above which the second of two classes is said.",
)
@click.option(
    "--id", "row_id", metavar="COLUMN", help="Put first; the column that train --id named by default."
)
@table_options
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array of objects instead of CSV.")
def command(
    model: str,
    table: str,
    probabilities: bool,
    threshold: float | None,
    row_id: str | None,
    as_json: bool,
) -> None:
    """Print a prediction for each row of a table, in its order.

    The table needs the input columns of the training table; others, the target among them, are ignored.
    """
    trained = load(model)
    if not isinstance(trained.definition, Network) or trained.preprocessor is None:
        raise ModelFileError(
            f"{model} holds a sheet of equations; predictions from tables need a model made by train."
        )
    preprocessor = trained.preprocessor
    rows = _rows(table, preprocessor, row_id, trained.record.get("id"))
    names, columns = _names_of_rows(trained, rows, row_id)
    more = _columns(trained, preprocessor, rows, probabilities, threshold)
    names, columns = [*names, *more[0]], [*columns, *more[1]]
    _say_what_is_missing(preprocessor, rows)
    lines = list(zip(*(column.tolist() for column in columns), strict=True))
    if as_json:
        objects = [dict(zip(names, map(_finite, line), strict=True)) for line in lines]
        if endless := sum(_finite(value) is not value for line in lines for value in line):
            click.echo(f"not finite, and null in JSON: {endless:,} of the numbers", err=True)
        click.echo(json.dumps(objects, ensure_ascii=False, allow_nan=False, indent=1))
        return
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(lines)
    click.echo(text.getvalue(), nl=False)


def _rows(table: str, preprocessor: Preprocessor, given: str | None, usual: Any) -> Table:
    """The table as that of training was read; what names its rows as text: 1.10 is not 1.1."""
    known, kinds = preprocessor.missing_values, preprocessor.kinds
    name = usual if given is None else given
    if not isinstance(name, str) or name in kinds:
        return read_table(table, **given_reading(known, **kinds))
    if given is None:
        # It need not be there, and standard input comes but once.
        found = read_table(table, **given_reading(known, **kinds))
        if table == "-" or name not in found or found[name].kind in ("text", "categorical"):
            return found
    return read_table(table, **given_reading(known, **{**kinds, name: "id"}))


def _finite(value: Any) -> Any:
    """The value as JSON can say it: None if it is an infinite number, or none."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _names_of_rows(model: Model, rows: Table, given: str | None) -> tuple[list[str], list[Array]]:
    """The column that names the rows: the one that is asked for, or that of training where it is there."""
    name = model.record.get("id") if given is None else given
    if given is None and not (isinstance(name, str) and name in rows):
        return [], []
    column = rows[str(name)]
    written = [*map(_as_written, column.labels.tolist(), column.missing.tolist())]
    return [column.name], [np.array([*written, None], object)[:-1]]


def _as_written(value: Any, missing: bool) -> Any:
    if missing:
        return None
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _say_what_is_missing(preprocessor: Preprocessor, rows: Table) -> None:
    """What was filled in is said, on standard error."""
    counts = {name: int(rows[name].missing.sum()) for name in preprocessor.kinds}
    if lacking := [f"{name} ({count:,})" for name, count in counts.items() if count]:
        shown = ", ".join(lacking[:6]) + (f" and {len(lacking) - 6} more" if len(lacking) > 6 else "")
        click.echo(f"missing inputs were filled in as in training: {shown}", err=True)


def _columns(
    model: Model, preprocessor: Preprocessor, rows: Table, probabilities: bool, threshold: float | None
) -> tuple[list[str], list[Array]]:
    target = preprocessor.target
    assert target is not None
    if threshold is not None and len(preprocessor.classes) != 2:
        raise OptionError("--threshold is a probability of the second of two classes; the model has none.")
    predicted = model.predict(rows, threshold)
    if isinstance(target, NumericTarget) and predicted.ndim == 2:
        names, columns = list(target.names), list(predicted.T)
    else:
        names, columns = [target.name], [predicted]
    if not probabilities:
        return names, columns
    if not preprocessor.classes:
        raise OptionError("--proba: the model predicts numbers, not classes.")
    scores = model.scores(rows)
    head = head_of("binary" if scores.shape[1] == 1 else "multiclass", len(preprocessor.classes))
    shares = head.probabilities(scores)
    names += [f"P({label})" for label in preprocessor.classes]
    return names, [*columns, *np.asarray(shares).T]
