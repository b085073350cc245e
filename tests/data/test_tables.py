"""Small files, one for each trap: what is understood, said, trained or refused, by each way of reading."""

from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from chainrule.cli.main import main
from chainrule.cli.options import in_words_of_the_terminal
from chainrule.data import Preprocessor, delimited, read_table
from chainrule.data.arrow_text import split_by_arrow
from chainrule.data.blocks import split_in_blocks
from chainrule.errors import DataError
from chainrule.persistence import load

TABLES = Path(__file__).parent / "tables"
WAYS = {"exact": (), "blocks": (split_in_blocks,), "arrow": (split_by_arrow,)}


@dataclass(frozen=True)
class Trap:
    """A file.

    Parameters
    ----------
    lines : mapping of str to str
        Of the columns beside the target y: kind, and how its line ends.
    first : mapping of str to object
        The first value of a column.
    inputs : int
        Of the network, but for those of other categories.
    task : str
    refused : str
        What is said before ``options`` mend it.
    options : sequence of str
        As they are typed; where nothing but another file helps, none.
    said : sequence of str
        What else is said.
    """

    lines: dict[str, str]
    first: dict[str, object] = field(default_factory=dict)
    inputs: int = 1
    task: str = "regression"
    refused: str = ""
    options: tuple[str, ...] = ()
    said: tuple[str, ...] = ()


COUNTS = "counts the rows; if it is none of their traits, use the option --exclude"
AREA = {"area": "numeric; mean 8.344"}
TRAPS = {
    "grouped_by_comma.csv": Trap({"price": "numeric; thousands grouped by comma"}, {"price": 1e6}),
    "grouped_by_point.csv": Trap(
        {"price": "numeric; thousands grouped by point, decimal comma"}, {"price": 1e6, "y": 0.0}
    ),
    "grouped_by_space.csv": Trap({"price": "numeric; thousands grouped by space"}, {"price": 1000.0}),
    "grouped_by_apostrophe.csv": Trap(
        {"price": "numeric; thousands grouped by apostrophe"}, {"price": 1000.5}
    ),
    "grouped_or_decimal.csv": Trap(
        {"price": "numeric; thousands grouped by point, decimal comma"},
        {"price": 1000.0},
        refused="'1.000' is 1000 where the point groups thousands, 1 where it is decimal; say which with the "
        "option --kind price=1.000,5 or the option --kind price=1000.5.",
        options=("--kind", "price=1.000,5"),
    ),
    "marks_of_other_columns.csv": Trap(
        {"price": "numeric; decimal comma; '1.000' is read as 1000", "size": "numeric; decimal comma"},
        {"price": 1000.0, "size": 0.5},
        inputs=2,
    ),
    "currency.csv": Trap(
        {"price": "numeric; in $, thousands grouped by comma", "cost": f"numeric; in EUR; {COUNTS} cost"},
        {"price": -12.25, "cost": 1.0},
        inputs=2,
    ),
    "percent.csv": Trap({"share": "numeric; in %"}, {"share": 0.5}),
    "percent_or_not.csv": Trap(
        {"share": "text; 32 different texts in 32 rows: no input", **AREA},
        refused="'0.10' is not written as '3 %' is; write them alike, or say that the column is one of "
        "categories with the option --kind share=categorical.",
        options=("--kind", "share=text"),
    ),
    "decimal_comma.csv": Trap({"size": "numeric; decimal comma"}, {"size": 0.05}),
    "leading_zeros.csv": Trap(
        {"zip": "categorical; 01067 (11), 01068 (11), 01069 (10); codes, kept as written", **AREA},
        {"zip": "01067"},
        inputs=4,
    ),
    "long_ids.csv": Trap(
        {"account": "categorical; codes, kept as written", **AREA}, {"account": "9007199254740993"}, inputs=3
    ),
    "iso_times.csv": Trap(
        {"start": "date; 2024-01-01T00:30:00 to 2024-12-24T23:30:00"},
        {"start": np.datetime64("2024-01-01T00:30")},
        inputs=4,
    ),
    "zones.csv": Trap(
        {"start": "date; 2023-12-31T22:30:00 to 2024-12-24T18:00:00; in UTC, by their zones"},
        {"start": np.datetime64("2023-12-31T22:30")},
        inputs=4,
    ),
    "day_first.csv": Trap({"day": "date; day.month.year"}, {"day": np.datetime64("2020-01-01")}, inputs=3),
    "month_first.csv": Trap({"day": "date; month/day/year"}, {"day": np.datetime64("2020-01-01")}, inputs=3),
    "which_first.csv": Trap(
        {"day": "date; month/day/year"},
        {"day": np.datetime64("2020-01-01")},
        inputs=3,
        refused="'12/01/2022' is 2022-01-12 where the day comes first, 2022-12-01 where the month does; say "
        "which with the option --kind day=dmy or the option --kind day=mdy.",
        options=("--kind", "day=mdy"),
    ),
    "short_years.csv": Trap(
        {"born": "date; 1969-10-10 to 2068-09-09; day.month.year"},
        {"born": np.datetime64("2060-01-01")},
        inputs=3,
        refused="'01.01.60' has a year of two digits; read as 1969 to 2068 with the option --kind born=dmy",
        options=("--kind", "born=dmy"),
    ),
    "no_such_day.csv": Trap(
        {"day": "date; 2023-02-01 to 2023-02-27; 1 missing"},
        inputs=2,
        refused="line 2, column 'day': '2023-02-31' is not a date, but 27 of the column's 28 values are. "
        "Correct it, or say that it means missing with the option --na 2023-02-31",
        options=("--na", "2023-02-31", "--missing", "median"),
    ),
    "times.csv": Trap({"clock": "date; 00:00:00 to 23:41:00"}, {"clock": np.datetime64("1970-01-01")}),
    "truth.csv": Trap(
        {"paid": "boolean; no (16), yes (16)", "seen": "boolean; F (21), T (11)"}, {"paid": True}, inputs=2
    ),
    "ids.csv": Trap(
        {
            "id": f"numeric; {COUNTS} id",
            "name": "text; 32 different texts in 32 rows: no input",
            **AREA,
        },
        {"name": "house 1"},
        inputs=2,
    ),
    "constants.csv": Trap(
        {
            "land": "categorical; DE (32); one value only: no input",
            "year": "numeric; one value only: no input",
            "note": "numeric; all missing; no input",
            **AREA,
        }
    ),
    "word_among_numbers.csv": Trap(
        {"area": "numeric; 1 missing"},
        refused="line 7, column 'area': 'lost' is not a number, but 31 of the column's 32 values are. "
        "Correct it, or say that it means missing with the option --na lost, or that the column is one",
        options=("--na", "lost", "--missing", "median"),
    ),
    "comments.csv": Trap({"area": "numeric; mean 8.194"}),
    "commented_header.txt": Trap({**AREA, "depth": "numeric; 0.5 to 6.5, mean 3.469"}, inputs=2),
    "r_table.txt": Trap(
        {
            "row_names": "text; 32 different texts in 32 rows: no input",
            **AREA,
            "town": "categorical; New York (16), Ulm (16)",
        },
        {"row_names": "house1", "area": 0.0},
        inputs=3,
    ),
    "pandas_index.csv": Trap({"row_names": "text; 32 different texts in 32 rows: no input", **AREA}),
    "comma_at_the_end.csv": Trap(AREA),
    "aligned.txt": Trap({**AREA, "depth": "numeric; 0 to 6, mean 2.969"}, inputs=2),
    "single_quotes.txt": Trap({**AREA, "depth": "numeric; 0 to 6, mean 2.969"}, inputs=2),
    "latin_1.csv": Trap(
        {"town": "categorical; Köln (11), Ulm (11), Fürth (10)", **AREA},
        {"town": "Köln"},
        inputs=4,
        refused="line 2: byte 0xf6 is not UTF-8; save it as UTF-8 text, or, where it is meant to be 'ö', "
        "read it with the option --encoding cp1252.",
        options=("--encoding", "cp1252"),
    ),
    "utf_16.csv": Trap({"town": "categorical; Köln (11), Ulm (11), Fürth (10)", **AREA}, inputs=4),
    "windows.csv": Trap(
        {"town": "categorical; Bad Urach (16), Ulm; Donau (16)", **AREA}, {"town": "Bad\r\nUrach"}, inputs=3
    ),
    "no_header.csv": Trap(
        {"column0": "numeric; mean 8.344"},
        refused="line 1: the header holds only numbers (0, 0.0...); if the file has no header, read it with "
        "the option --no-header.",
        options=("--no-header",),
    ),
    "class_codes.csv": Trap(
        {"area": "numeric; mean 27.72"},
        task="multiclass",
        said=("the whole numbers 1 to 3, none of them rare",),
    ),
    "codes_from_zero.csv": Trap(
        {"area": "numeric; mean 27.72"},
        task="multiclass",
        said=("the whole numbers 0 to 2, none of them rare",),
    ),
    "ratings.csv": Trap(
        AREA, task="multiclass", said=("taken as classes; overrule with the option --task regression",)
    ),
    "counts.csv": Trap(AREA, said=("taken as a quantity; overrule with the option --task classification",)),
    "signs.csv": Trap({"area": "numeric; mean 12.84"}, task="binary"),
    "towns.csv": Trap(
        {"town": "categorical; Ulm (16), Bad Urach (8), Köln (8)", **AREA}, {"town": "Ulm"}, inputs=4
    ),
    "rare_categories.csv": Trap({"town": "categorical; Köln (16), Ulm (15), Bonn (1)", **AREA}, inputs=4),
    "missing_targets.csv": Trap(
        {**AREA, "y": "numeric; 3 missing"}, said=("3 of 32 rows have no value of y and were left out.",)
    ),
    "missing_inputs.csv": Trap(
        {"area": "numeric; 5 missing", "town": "categorical; 4 missing"},
        inputs=5,
        said=(
            "Missing in training rows: area (3), town (3); the median or the most frequent value stands in",
        ),
    ),
    "more_inputs_than_rows.csv": Trap(
        {"x0": "numeric; 0 to 0.9, mean 0.4917"}, inputs=20, said=("Warning: 20 inputs for 9 training rows",)
    ),
    "empty_columns.csv": Trap({**AREA, "note": "numeric; all missing; no input"}),
    "twice_the_same_name.csv": Trap(
        {}, refused="line 1: the column name 'area' occurs twice; names must differ."
    ),
    "semicolons.csv": Trap({**AREA, "town": "categorical; Köln (16), Ulm, Donau (16)"}, inputs=3),
    "line_breaks.csv": Trap(
        {"note": 'categorical; near the lake "sunny" (16), quiet, "dark" (16)', **AREA},
        {"note": 'near the lake\n"sunny"'},
        inputs=3,
    ),
    "byte_order_mark.csv": Trap(AREA, {"area": 0.0}),
    "zipped.csv.gz": Trap(AREA, {"area": 0.0}),
}


@pytest.fixture(params=list(WAYS))
def way(request, monkeypatch):
    """A way of splitting, which takes over after four lines."""
    if request.param == "arrow" and find_spec("pyarrow") is None:
        pytest.skip("pyarrow is not installed")
    monkeypatch.setattr("chainrule.data.plain_numbers.SAMPLE", 4)
    monkeypatch.setattr("chainrule.data.plain_numbers.MAX_WAYS", 2)
    monkeypatch.setattr(delimited, "SPLITTERS", WAYS[request.param])


def test_each_file_is_a_trap():
    assert {path.name for path in TABLES.iterdir()} == set(TRAPS) and len(TRAPS) >= 30


@pytest.mark.parametrize("name", TRAPS)
def test_what_is_understood_said_trained_or_refused(way, name, tmp_path):
    trap, target = TRAPS[name], "column1" if name == "no_header.csv" else "y"
    command = ["train", str(TABLES / name), "--target", target, "--epochs", "1", "--out", str(tmp_path / "m")]
    refused = CliRunner().invoke(main, command)
    assert (refused.exit_code, trap.refused in refused.stderr) == (1 if trap.refused else 0, True)
    if trap.refused and not trap.options:
        return
    answer = CliRunner().invoke(main, [*command, *trap.options])
    assert answer.exit_code == 0, answer.stderr
    assert all(words in answer.stdout for words in trap.said)
    said = dict(line.split(maxsplit=1) for line in answer.stdout.split("\n\n")[0].splitlines()[2:])
    assert set(said) >= {*trap.lines, target}
    for column, line in trap.lines.items():
        kind, _, end = line.partition("; ")
        assert said[column].startswith(kind) and said[column].endswith(end), said[column]
    outputs = load(tmp_path / "m").preprocessor.outputs
    assert f"Network {len(outputs)}-" in answer.stdout and f"  {trap.task}" in answer.stdout
    assert sum(not output.endswith("=(other)") for output in outputs) == trap.inputs
    predicted = CliRunner().invoke(
        main, ["predict", str(tmp_path / "m"), str(TABLES / name), *_reading(trap)]
    )
    assert predicted.exit_code == 0, predicted.stderr
    assert len(predicted.stdout.splitlines()) == 1 + int(answer.stdout.split(" rows, ")[0].split()[-1])


def _reading(trap):
    """The options that say how text is read; kinds are kept in the model."""
    pairs = zip(trap.options[::2], trap.options[1::2], strict=False)
    given = [part for pair in pairs if pair[0] in ("--na", "--encoding") for part in pair]
    return given or [option for option in trap.options if option == "--no-header"]


@pytest.mark.parametrize("name", [name for name, trap in TRAPS.items() if trap.first])
def test_the_values_are_those_that_are_meant(way, name):
    trap = TRAPS[name]
    typed = dict(zip(trap.options[::2], trap.options[1::2], strict=True))
    kinds = dict([typed["--kind"].split("=")]) if "--kind" in typed else {}
    table = read_table(TABLES / name, kinds=kinds, encoding=typed.get("--encoding"))
    assert {column: table[column].values[0] for column in trap.first} == trap.first


@pytest.mark.parametrize("name", [name for name, trap in TRAPS.items() if trap.refused])
def test_python_refuses_what_the_terminal_refuses(way, name):
    with pytest.raises(DataError) as caught:
        Preprocessor.fit(read_table(TABLES / name), "y", missing="median")
    assert TRAPS[name].refused in in_words_of_the_terminal(str(caught.value))
