"""``chainrule predict``: predictions of a trained model, as CSV."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from chainrule.cli.heads import head_of
from chainrule.cli.table_options import given_reading, table_options
from chainrule.cli.worked import WorkedCommand
from chainrule.data import Preprocessor, read_table
from chainrule.errors import ModelFileError, OptionError
from chainrule.network import Network
from chainrule.persistence import Model, load

Array = NDArray[Any]


@click.command(
    "predict",
    cls=WorkedCommand,
    examples=(
        "chainrule predict houses.model new.csv > prices.csv",
        "chainrule predict digits.model digits --probabilities",
        "cat new.csv | chainrule predict houses.model -",
    ),
)
@click.argument("model")
@click.argument("table")
@click.option("--probabilities", is_flag=True, help="Add the probability of each class.")
@table_options
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array of objects instead of CSV.")
def command(model: str, table: str, probabilities: bool, as_json: bool) -> None:
    """Print a prediction for each row of a table, in its order.

    The table needs the input columns of the training table; others, the target among them, are ignored.
    """
    trained = load(model)
    if not isinstance(trained.definition, Network) or trained.preprocessor is None:
        raise ModelFileError(
            f"{model} holds a sheet of equations; predictions from tables need a model made by train."
        )
    preprocessor = trained.preprocessor
    rows = read_table(table, **given_reading(**preprocessor.kinds))
    names, columns = _columns(trained, preprocessor, rows, probabilities)
    lines = list(zip(*(column.tolist() for column in columns), strict=True))
    if as_json:
        objects = [dict(zip(names, line, strict=True)) for line in lines]
        click.echo(json.dumps(objects, ensure_ascii=False, allow_nan=False, indent=1))
        return
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(lines)
    click.echo(text.getvalue(), nl=False)


def _columns(
    model: Model, preprocessor: Preprocessor, rows: Any, probabilities: bool
) -> tuple[list[str], list[Array]]:
    target = preprocessor.target
    assert target is not None
    names, columns = [target.name], [model.predict(rows)]
    if not probabilities:
        return names, columns
    if not preprocessor.classes:
        raise OptionError("--probabilities: the model predicts numbers, not classes.")
    scores = model.scores(rows)
    head = head_of("binary" if scores.shape[1] == 1 else "multiclass", len(preprocessor.classes))
    shares = head.probabilities(scores)
    names += [f"P({label})" for label in preprocessor.classes]
    return names, [*columns, *np.asarray(shares).T]
