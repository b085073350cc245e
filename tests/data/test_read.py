"""Reading tables: kinds, quotes, delimiters, missing values, and what is said about bad files."""

import io
import json
import re
import sys
import zipfile
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.data import ClassEncoder, Column, Preprocessor, Table, read_table
from chainrule.data.delimited import parse_delimited
from chainrule.data.read import as_table
from chainrule.data.reading import Reading
from chainrule.errors import ChainruleError, DataError


@pytest.fixture
def write(tmp_path):
    def _write(text, name="table.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return _write


def test_kinds_quotes_and_missing_values(write):
    text = (
        'age,smokes,"town, now",note,code\n'
        '31,true,"Ulm, Donau",a,7\n'
        '4.5e1,FALSE,"say ""hi""",,08\n'
        ",true,Bonn,NA,?\n"
        '-2,False,"two\nlines",b,1\n'
    )
    table = read_table(write(text))
    assert table.names == ("age", "smokes", "town, now", "note", "code")
    assert [column.kind for column in table] == [
        "numeric",
        "boolean",
        "categorical",
        "categorical",
        "categorical",
    ]
    np.testing.assert_array_equal(table["age"].values, [31.0, 45.0, np.nan, -2.0])
    assert table["age"].missing.tolist() == [False, False, True, False]
    assert table["smokes"].values.tolist() == [True, False, True, False]
    assert table["town, now"].values.tolist() == ["Ulm, Donau", 'say "hi"', "Bonn", "two\nlines"]
    assert table["note"].missing.tolist() == [False, True, True, False]
    assert table["code"].missing.tolist() == [False, False, True, False]
    assert table.places.tolist() == [2, 3, 4, 5]


def test_places_are_lines_of_the_file(write):
    table = read_table(write('a,b\n\n1,"x\ny"\n\n2,z\n'))
    assert table.places.tolist() == [3, 6]
    assert table.take([1]).place(0).endswith("line 6")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_found(write, delimiter):
    rows = [["name", "x", "y"], ['"a, b; c| d"', "1.5", "-2"], ["e", "3", "4"]]
    table = read_table(write("\n".join(delimiter.join(row) for row in rows)))
    assert table.names == ("name", "x", "y")
    np.testing.assert_array_equal(table.matrix("x", "y"), [[1.5, -2], [3, 4]])


def test_the_delimiter_splits_every_line_alike(write):
    table = read_table(write("weight, height, sex;n\n1;2\n3;4\n"))
    assert table.names == ("weight, height, sex", "n")
    assert read_table(write("a,b;c\n1,2;x\n")).names == ("a", "b;c")


def test_options_that_overrule(write):
    path = write("a;b\n1,5;1\n2,25;2\n")
    table = read_table(path, kinds={"b": "categorical"})
    assert table["a"].values.tolist() == [1.5, 2.25]
    assert table["b"].values.tolist() == ["1", "2"]
    assert read_table(write("a\n01\n02\n"), kinds={"a": "number"})["a"].values.tolist() == [1.0, 2.0]
    table = read_table(write("1,2\n3,4\n"), header=False)
    assert table.names == ("column0", "column1") and len(table) == 2
    assert read_table(write("1,2\n"), header=False).names == ("column0", "column1")
    path = write("a,b;c\nu,v;w\n")
    assert read_table(path).names == ("a", "b;c")
    assert read_table(path, delimiter=";").names == ("a,b", "c")
    table = read_table(write("a\n1\n-999\n"), missing_values={"-999"})
    assert table["a"].missing.tolist() == [False, True]
    assert read_table(write("a b\n1\n")).names == ("a b",)


def test_a_byte_order_mark_and_windows_line_ends(write):
    table = read_table(write(b"\xef\xbb\xbfx,y\r\n1,2\r\n3,4\r\n"))
    assert table.names == ("x", "y") and len(table) == 2


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_and_blank_lines_before_the_header(write, delimiter, end):
    lines = [*[""] * 40, f"x{delimiter}y", "", f"1{delimiter}2", f"3{delimiter}4"]
    table = read_table(write(end.join(lines)))
    assert table.names == ("x", "y") and table.places.tolist() == [43, 44]


@pytest.mark.parametrize(
    ("text", "names", "places"),
    [
        ("# by hand\n\n# in May\na,b\n1,2\n# later\n3,4\n", ("a", "b"), [5, 7]),
        ("# by hand, in May\r\na,b\r\n1,2\r\n", ("a", "b"), [3]),
        ("# by hand, in May\nyear,b\nx,2\ny,3\n", ("year", "b"), [3, 4]),
        ("#id,name\n1,Ulm\n2,Bonn\n", ("id", "name"), [2, 3]),
        ("# in May\ncolour,b\n#ff0000,1\n# more\n#00ff00,2\n", ("colour", "b"), [3, 5]),
        ("#tag,name\nu,Ulm\nv,Bonn\n", ("tag", "name"), [2, 3]),
        ("sep=;\na;b\n1,5;2\n", ("a", "b"), [3]),
        ("sep=|\r\na;c|b\r\n1,5|2\r\n", ("a;c", "b"), [3]),
        ("a   b\r1   2\r3   4\r", ("a", "b"), [2, 3]),
        ("# made by me\n# a b\n1 2\n", ("a", "b"), [3]),
        ('# by hand\na,b\n"1\n# 3",2\n', ("a", "b"), [3]),
        ("a;b;\n1;2;\n", ("a", "b"), [2]),
        ("a;b\n1;2;\n3;;\n", ("a", "b"), [2, 3]),
        ("a,b,,\n1,2,,\n", ("a", "b"), [2]),
        ("a,,b\n1,,2\n3,,4\n", ("a", "b"), [2, 3]),
        ('"x" "y"\n"1" 5 "a b"\n"2" 6 "c"\n', ("row_names", "x", "y"), [2, 3]),
        ("x,y\nu,1,2\nv,3,4\n", ("row_names", "x", "y"), [2, 3]),
        (",x,y\n7,1,2\n7,3,4\n", ("row_names", "x", "y"), [2, 3]),
        ("  a    b\n 1.5   2\n 10    3  \n", ("a", "b"), [2, 3]),
        ("1  2\n3   4", ("column0", "column1"), [1, 2]),
        ("full name\nJohn Smith\nAda Byron\n", ("full name",), [2, 3]),
        ("a b\nx 1 2\ny 3\n", ("a b",), [2, 3]),
    ],
)
def test_what_stands_around_the_rows(write, text, names, places):
    table = read_table(write(text), header=not text.startswith("1"))
    assert table.names == names and table.places.tolist() == places
    if "row_names" in names:
        assert table["row_names"].kind == "text"
    elif "b" in names:
        assert table["b"].kind == "numeric" and "# 3" not in str(table["b"].values)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a,b\n1,2\n# a pause\n",
            "line 3: 1 field where 2 are expected (a, b); a line that begins",
        ),
        ("a,b\n1,2,3\n1,4,5\n", "line 2: 3 fields where 2 are expected (a, b)"),
        ("a,b\n1,2,3\n5,4,5\n", "line 2: 3 fields where 2 are expected (a, b)"),
        ("a,,b\n1,,2\n3,x,4\n", "line 1: column 2 has no name; give each column one"),
        ("# nothing\n", "has a header line but no rows"),
    ],
)
def test_what_stands_around_the_rows_and_is_not_read(write, text, message):
    with pytest.raises(DataError, match=re.escape(message)):
        read_table(write(text))


def test_a_header_may_hold_numbers_beside_names(write):
    assert read_table(write("year,2019,2020\nUlm,1,2\n")).names == ("year", "2019", "2020")
    assert read_table(write("2019,year\n1,2\n")).names == ("2019", "year")


@pytest.mark.parametrize(
    ("texts", "classes"),
    [
        (["01", "02", "10"], ("01", "02", "10")),
        (["1", "01", "2"], ("01", "1", "2")),
        (["9007199254740992", "9007199254740993"], ("9007199254740992", "9007199254740993")),
        (["-9007199254740993", "5"], ("-9007199254740993", "5")),
        (["1.0", "2.0"], ("1.0", "2.0")),
        (["1", "1.0", "2"], (1, 2)),
        (["0", "1", "-1"], (-1, 0, 1)),
        (["0.5", "1.5"], (0.5, 1.5)),
    ],
)
def test_labels_come_back_as_they_are_written(write, texts, classes):
    rows = texts * 3
    table = read_table(write("y,x\n" + "".join(f"{text},{i}\n" for i, text in enumerate(rows))))
    preprocessor = Preprocessor.fit(table, "y", task="classification")
    assert preprocessor.classes == classes
    found = preprocessor.decode(preprocessor.targets(table))
    assert [str(one) for one in found] == rows or len(classes) < len(texts)
    held_out = table.take([2, 4])
    np.testing.assert_array_equal(preprocessor.targets(held_out), preprocessor.targets(table)[[2, 4]])
    assert Preprocessor.from_dict(json.loads(json.dumps(preprocessor.to_dict()))) == preprocessor


def test_codes_are_known_where_all_of_them_look_like_numbers(write):
    encoder = ClassEncoder.of(read_table(write("y\n01\n10\n11\n"))["y"])
    assert encoder.encode(read_table(write("y\n10\n11\n"))["y"]).tolist() == [1, 2]
    assert ClassEncoder.of(Column.of("y", np.array([2**53, 2**53 + 1, 7]))).classes == (
        "7",
        "9007199254740992",
        "9007199254740993",
    )


def used(path, **options):
    """The table, of which every column is asked for."""
    table = read_table(path, **options)
    assert [table[name].name for name in table.names] == list(table.names)
    return table


MEANT = {  # where the point is decimal, where the comma is
    "1,000": (1000.0, 1.0),
    "-12,345": (-12345.0, -12.345),
    "1,5": (None, 1.5),
    "0,567": (None, 0.567),
    "1,234,567": (1234567.0, None),
    "12,500.75": (12500.75, None),
    "1.000,5": (None, 1000.5),
    "1.000": (1.0, 1000.0),
    "1 000,5": (None, 1000.5),
    "1'000.5": (1000.5, None),
    "-$1,250.5": (-1250.5, None),
    "1.250.000 €": (None, 1250000.0),
    "7": (7.0, 7.0),
    "1.5": (1.5, None),
    "01,5": (None, 1.5),
    "1,00": (None, 1.0),
    "1000,000": (None, 1000.0),
}


@pytest.mark.parametrize("text", MEANT)
@pytest.mark.parametrize("decimal", [None, ".", ","])
def test_no_number_is_guessed_at(write, text, decimal):
    """A number is read as it is meant; where it may mean two, each option that is offered reads one."""
    path = write(f'a;b\n"{text}";1\n"{text}";2\n')
    meant = dict(zip(".,", MEANT[text], strict=True))
    readings = {value for mark, value in meant.items() if decimal in (None, mark)} - {None}
    try:
        column = used(path, decimal=decimal)["a"]
    except DataError as error:
        options = re.findall(r"kinds=\{'a': (?:'([^']+)'|\"([^\"]+)\")\}", str(error))
        found = {read_table(path, kinds={"a": one or two})["a"].values[0] for one, two in options}
        assert len(readings) != 1 and found == (readings or set(meant.values()) - {None})
    else:
        assert column.kind == "numeric" and readings == set(column.values.tolist())
        again = read_table(path, kinds={"a": column.form or "number"}, decimal=decimal)["a"]
        assert again.values.tolist() == column.values.tolist()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a;b\n1,000;1,5\n2,000;2,5\n", [1.0, 2.0]),
        ("a;b\n1,000;1.5\n2,000;2.5\n", [1000.0, 2000.0]),
        ('a,b\n"1,000","1,000,000"\n"2,000","12"\n', [1000.0, 2000.0]),
        ('a,b\n"1.000","1,5"\n"2.000","2,5"\n', [1000.0, 2000.0]),
        ("a,b\n1.000,5\n2.000,6\n", [1.0, 2.0]),
        ("a;b\n1.000;5\n2.000;6\n", "'1.000' is 1000 where the point groups thousands, 1 where it is"),
        ("a;b;c\n1,000;1,5;1.5\n2,000;2,5;2.5\n", "'1,000' is 1000 where the comma groups thousands, 1 "),
        ('a,b\n"1,000",1\n950,2\n"12,500.75",3\n', [1000.0, 950.0, 12500.75]),
        ("a;b\n5 %;1\n7;2\n8 %;3\n", "'7' is not written as '5 %' is; write them alike, or say that"),
        ("a;b\n$5;1\n7 €;2\n$8;3\n", "'7 €' is not written as '$5' is; write them alike"),
        ("a;b\n$5;1\n7;2\n-$8;3\n", [5.0, 7.0, -8.0]),
        ("a;b\n1.000.000;1\n2.000,5;2\n1,000.5;3\n", "'1,000.5' is not written as '1.000.000' is"),
    ],
)
def test_a_mark_is_shown_by_its_column_or_by_others(write, text, found):
    table = read_table(write(text))
    if isinstance(found, str):
        with pytest.raises(DataError, match=re.escape(found)):
            table["a"]
    else:
        assert table["a"].values.tolist() == found
    assert len(table["b"]) == len(table)


def test_some_numbers_among_words_are_categories(write):
    assert read_table(write('a,b\n"1,000",1\nmany,2\nfew,3\n'))["a"].kind == "categorical"


@pytest.mark.parametrize(
    ("texts", "form", "first"),
    [
        ("2020-01-31 2021-02-03", "ymd", "2020-01-31"),
        ("2020-01-31T12:30Z 2021-02-03T00:00:00.5Z", "ymd UTC", "2020-01-31T12:30"),
        ("2024-05-01T12:00+02:00 2024-05-01T12:00-0530", "ymd UTC", "2024-05-01T10:00"),
        ("31/12/2023T20:00-05:00 14/03/2020T00:00Z", "dmy UTC", "2024-01-01T01:00"),
        ("00:30+02:00 13:45Z", "ymd UTC", "1970-01-01T22:30"),
        ("2020-02 2020-03", "ymd", "2020-02-01"),
        ("3.4.2020 4.5.2020", "dmy", "2020-04-03"),
        ("03/14/2020 01/02/2020", "mdy", "2020-03-14"),
        ("14/03/2020 01/02/2020", "dmy", "2020-03-14"),
        ("12:30 13:45:10", "ymd", "1970-01-01T12:30"),
    ],
)
def test_dates(write, texts, form, first):
    column = read_table(write("when;n\n" + "".join(f"{text};1\n" for text in texts.split())))["when"]
    assert (column.kind, column.form, column.values[0]) == ("date", form, np.datetime64(first))
    again = read_table(write(f"when;n\n{texts.split()[0]};1\n"), kinds={"when": form})["when"]
    assert again.values[0] == column.values[0]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (
            "03/04/2020 05/06/2020",
            "'03/04/2020' is 2020-04-03 where the day comes first, 2020-03-04 where the",
        ),
        ("3-4-2020 5-6-2020", "say which with the option kinds={'when': 'dmy'} or the option kinds={'when'"),
        ("14.03.68 01.02.69", "'14.03.68' has a year of two digits; read as 1969 to 2068 with the option"),
        (
            "2020-01-31 2020-02-30 2020-03-01",
            "'2020-02-30' is not a date, but 2 of the column's 3 values are",
        ),
        ("14/03/2020 never 15/03/2020", "'never' is not a date, but 2 of the column's 3 values are"),
        (
            "2024-05-01T12:00+02:00 2024-05-01T12:00",
            "line 3, column 'when': '2024-05-01T12:00' has no zone, and '2024-05-01T12:00+02:00' has one",
        ),
        ("2024-05-01T12:00Z 2024-05-02T12:00Z 2024-05-01T12:00+20:00", "is not a date, but 2 of the"),
    ],
)
def test_dates_that_are_asked_about(write, texts, message):
    table = read_table(write("when;n\n" + "".join(f"{text};1\n" for text in texts.split())))
    with pytest.raises(DataError, match=re.escape(message)):
        table["when"]
    assert "not understood" in str(table) and table.without("when").names == ("n",)
    assert table.select("n").names == ("n",)


def test_one_moment_is_one_number_whatever_its_zone(write):
    """Of 10:00 in UTC, written in five zones, in text and in arrays."""
    texts = [
        "2024-05-01T12:00+02:00",
        "2024-05-01T10:00Z",
        "2024-05-01 05:00 -0500",
        "2024-05-01T15:30+05:30",
    ]
    rest = datetime(2024, 5, 1, 23, tzinfo=timezone(timedelta(hours=13)))
    column = read_table(write("when\n" + "\n".join(texts) + "\n"))["when"]
    assert set(column.values) == {np.datetime64("2024-05-01T10:00", "us")}
    assert column.note == "in UTC, by their zones" and "in UTC, by their zones" in column.remarks()
    given = Column.of(
        "when", np.array([datetime.fromisoformat(text) for text in texts] + [rest, None], object)
    )
    assert set(given.known) == set(column.values) and given.note == column.note
    assert read_table(write("when\n2024-05-01T12:00\n"))["when"].note == ""
    with pytest.raises(DataError, match="and 2024-05-01 00:00:00 without one"):
        Column.of("when", np.array([rest, datetime(2024, 5, 1)], object))


def test_times_to_predict_have_zones_as_those_of_training_had(write):
    days = [f"2024-05-0{1 + i}T1{i}:00" for i in range(8)]
    zoned, bare = (
        "when,y\n" + "".join(f"{day}{zone},{i}.5\n" for i, day in enumerate(days)) for zone in ("Z", "")
    )
    tables = {zone: read_table(write(text)) for zone, text in (("some", zoned), ("none", bare))}
    for zone, other in (("some", "none"), ("none", "some")):
        made = Preprocessor.fit(tables[zone], "y")
        assert made.inputs(tables[zone]).shape == (8, len(made.outputs))
        assert Preprocessor.from_dict(made.to_dict()) == made
        with pytest.raises(DataError, match="column 'when': times have .*; in training"):
            made.inputs(tables[other])
        np.testing.assert_array_equal(
            made.inputs(Table.of({"when": tables[zone]["when"].values})), made.inputs(tables[zone])
        )
    path = write(bare)
    with pytest.raises(DataError, match="'2024-05-01T10:00' has no zone, and the column is in UTC"):
        read_table(path, kinds=Preprocessor.fit(tables["some"], "y").kinds)


def test_dates_as_asked_for(write):
    path = write("when\n03/04/2020\n05/06/69\n")
    for order, first in (("dmy", "2020-04-03"), ("mdy", "2020-03-04")):
        values = read_table(path, kinds={"when": order})["when"].values
        assert values[0] == np.datetime64(first) and values[1].astype("datetime64[Y]") == np.datetime64(
            "1969"
        )
    with pytest.raises(
        DataError, match=r"line 2, column 'when': '03/04/2020' is not a date \(year-month-day\)"
    ):
        read_table(path, kinds={"when": "ymd"})
    assert read_table(write("n\n20200131\n"), kinds={"n": "date"})["n"].values[0] == np.datetime64(
        "2020-01-31"
    )


def test_what_is_no_input_is_said(write):
    rows = "".join(f"{i},name {i},{i % 3},DE,,0{i % 4},{10**17 + i % 2}\n" for i in range(30))
    table = read_table(write(f"id,name,n,land,empty,zip,code\n{rows}"))
    kinds = {column.name: column.kind for column in table}
    assert kinds == dict(
        id="numeric", name="text", n="numeric", land="categorical", empty="numeric", zip="categorical",
        code="categorical",
    )  # fmt: skip
    lines = dict(line.split(maxsplit=1) for line in str(table).splitlines()[1:])
    assert lines["id"].endswith(
        "counts the rows; if it is none of their traits, use the option exclude=['id']"
    )
    assert lines["name"].endswith("30 different texts in 30 rows: no input")
    assert lines["land"].endswith("one value only: no input")
    assert lines["empty"].endswith("all missing; no input")
    assert lines["zip"].endswith("codes, kept as written") and lines["code"].endswith(
        "codes, kept as written"
    )
    preprocessor = Preprocessor.fit(table, "n")
    assert set(preprocessor.left_out) == {"name", "land", "empty"}
    assert {"zip=00", "code=100000000000000000"} <= set(preprocessor.outputs)
    table = read_table(
        write(f"id,name,n,land,empty,zip,code\n{rows}"), kinds={"name": "category", "id": "id"}
    )
    assert set(Preprocessor.fit(table, "n").left_out) == {"id", "land", "empty"}


BAD = {
    "is empty": "",
    "is empty; expected": "  \n \n",
    "has a header line but no rows": "a,b\n",
    "line 3: 3 fields where 2 are expected": "a,b\n1,2\n1,2,3\n",
    "quote a field that contains ','": "a,b\n1,2\nx\n",
    "line 3, column 'age': 'abc' is not a number, but 3 of": "age,b\n1,2\nabc,3\n2,1\n3,1\n",
    "line 2, column 'a': 'inf' is not a finite number": "a,b\ninf,2\n",
    "line 1: the column name 'a' occurs twice": "a,b,a\n1,2,3\n",
    "line 3: column 2 has no name": "\n\na,,c\n1,2,3\n",
    "the header holds only numbers": "1,2\n3,4\n",
    "check the quotes": 'a,b\n1,"2\n3,4\n',
    "line 1: unexpected end of data; check the quotes": 'a,"b\n1,2\n',
    "line 2: byte 0xff is not UTF-8": b"a,b\n\xff,1\n",
    "field larger than field limit": "a,b\n1," + 140_000 * "x" + "\n",
    "line 2: 2 fields where 3": "a,b,c\n" + 100_000 * "x" + "," + 100_000 * "y" + "\n",
    "compressed with gzip": b"\x1f\x8b\x08\x00",
    "a Parquet file": b"PAR1....",
    "not a readable npz archive": b"PK\x03\x04 and no more",
}


@pytest.mark.parametrize("message", BAD)
def test_bad_files_are_refused_with_place_and_remedy(write, message):
    with pytest.raises(DataError) as caught:
        used(write(BAD[message]))
    assert message in str(caught.value) and "table.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_not_there(tmp_path, write):
    write("a\n1\n", "people.csv")
    with pytest.raises(DataError, match="did you mean 'people.csv'"):
        read_table(tmp_path / "peoples.csv")
    with pytest.raises(DataError, match="bundled data sets are .*digits"):
        read_table(tmp_path / "qqqqqqqq")
    with pytest.raises(DataError, match="did you mean 'digits'"):
        read_table("digit")
    with pytest.raises(DataError, match="no folder"):
        read_table(tmp_path / "no" / "x.csv")
    with pytest.raises(DataError, match="is a folder"):
        read_table(tmp_path)
    with pytest.raises(DataError, match=r"no column 'agee'; did you mean 'a'|no column 'agee'; there are a"):
        read_table(tmp_path / "people.csv", kinds={"agee": "numeric"})


def test_forced_kinds_that_do_not_fit(write):
    path = write("a\n1\nx\ny\n")
    with pytest.raises(
        DataError, match="line 3, column 'a': 'x' is not a number; the column must be numeric"
    ):
        read_table(path, kinds={"a": "numeric"})
    with pytest.raises(DataError, match="'1' is not one of true"):
        read_table(path, kinds={"a": "boolean"})


def test_a_file_beside_wins_over_a_bundled_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len(read_table("iris")) == 150
    (tmp_path / "iris").write_text("a,b\n1,2\n")
    assert len(read_table("iris")) == 1


def test_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a,b\n1,2\n5,x\n")))
    table = read_table("-")
    assert table.source == "standard input" and len(table) == 2


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_of_arrays_is_read(tmp_path, version):
    X = np.arange(6.0).reshape(3, 2)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive, archive.open("X.npy", "w") as stream:
        np.lib.format.write_array(stream, X, version)
    np.testing.assert_array_equal(read_table(tmp_path / "a.npz").matrix("X*"), X)


def test_npz(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((5, 3))
    np.savez(
        tmp_path / "a.npz", X=np.asfortranarray(X), y=np.arange(5), s=np.array(list("abcde")), t=X[:, 0] > 0
    )
    table = read_table(tmp_path / "a.npz")
    assert table.names == ("X0", "X1", "X2", "y", "s", "t")
    np.testing.assert_array_equal(table.matrix("X*"), X)
    assert [table[name].kind for name in ("y", "s", "t")] == ["numeric", "categorical", "boolean"]
    np.savez(tmp_path / "b.npz", X=X, y=np.arange(4))
    with pytest.raises(DataError, match="'y' has 4 values; expected 5"):
        read_table(tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", X=np.array([{}], dtype=object))
    with pytest.raises(DataError, match="Python objects, which are not read"):
        read_table(tmp_path / "c.npz")


def test_what_cannot_be_opened_is_named(write, monkeypatch, tmp_path):
    path = write("a\n1\n")

    def refuse(*arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("chainrule.data.read.Path.open", refuse)
    with pytest.raises(DataError, match=r"table.csv cannot be read: Permission denied\.$"):
        read_table(path)


def test_an_archive_without_arrays(tmp_path):
    np.savez(tmp_path / "none.npz")
    with pytest.raises(DataError, match="none.npz holds no arrays"):
        read_table(tmp_path / "none.npz")


def _npy(shape, content=b""):
    header = repr({"descr": "<f8", "fortran_order": False, "shape": shape}).encode()
    header += b" " * (118 - len(header) - 1 + 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + content


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (_npy((10**12,)), "announces"),
        (_npy((-1,)), "announces"),
        (_npy((2**62, 2**62)), "announces"),
        (_npy((1,), b"12345678")[:-3], "announces|too early"),
        (b"\x93NUMPY\x01\x00\xff\xff{", "damaged"),
        (b"no array", "damaged"),
    ],
)
def test_hostile_archives_take_no_memory(tmp_path, member, message):
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("X.npy", member)
    with pytest.raises(DataError, match=message):
        read_table(path)


def test_archives_that_unpack_to_too_much(tmp_path, monkeypatch):
    monkeypatch.setattr("chainrule.data.read.MAX_BYTES", 10_000)
    np.savez_compressed(tmp_path / "x.npz", X=np.zeros(10_000))
    with pytest.raises(DataError, match="unpacks to"):
        read_table(tmp_path / "x.npz")
    (tmp_path / "long.csv").write_text("a\n" + "1\n" * 6000)
    with pytest.raises(DataError, match="larger than"):
        read_table(tmp_path / "long.csv")


def test_a_table_of_too_many_columns_is_refused(write, monkeypatch):
    monkeypatch.setattr("chainrule.data.heading.MAX_COLUMNS", 3)
    assert len(read_table(write("a,b,c\n1,2,3\n")).names) == 3
    with pytest.raises(DataError, match="has 4 columns; at most 3 are read"):
        read_table(write("a,b,c,d\n1,2,3,4\n"))


SOUP = st.text(alphabet='ab1.,;|\t\n"-+e?x\x00 ', max_size=80)


@settings(max_examples=200, deadline=None)
@given(SOUP)
def test_any_text_gives_a_table_or_a_data_error(text):
    try:
        table = parse_delimited(text.encode(), "soup", Reading())
    except ChainruleError as error:
        assert "soup" in str(error)
    else:
        assert len(table) >= 1
        for column in table:
            assert len(column) == len(table)
            assert column.kind != "numeric" or np.all(np.isfinite(column.known))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(allow_nan=False, allow_infinity=False),
            st.text(st.characters(codec="utf-8"), max_size=5),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_what_the_csv_module_writes_is_read_back(rows):
    import csv

    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(["number", "text"])
    for number, text in rows:
        writer.writerow([repr(number), "t" + text.replace("\x00", "") + "t"])
    table = parse_delimited(stream.getvalue().encode(), "round trip", Reading(delimiter=","))
    assert table["number"].values.tolist() == [number for number, _ in rows]
    assert table["text"].values.tolist() == ["t" + text.replace("\x00", "") + "t" for _, text in rows]


def test_tables_describe_themselves(write):
    table = read_table(write("age,town\n31,Ulm\n,Bonn\n40,Ulm\n"))
    text = str(table)
    assert "3 rows, 2 columns" in text and "1 missing" in text and "Ulm (2), Bonn (1)" in text
    assert len(str(read_table("digits")).splitlines()) < 30
    json.dumps(text)


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ("no yes no", ("no", "yes")),
        ("No Yes No", ("No", "Yes")),
        ("TRUE FALSE TRUE", ("FALSE", "TRUE")),
        ("Yes Yes Yes", ("No", "Yes")),
        ("no no no", ("no", "yes")),
        ("yes Yes no", None),
    ],
)
def test_boolean_columns_remember_their_words(write, texts, words):
    column = read_table(write("a\n" + "\n".join(texts.split()) + "\n"))["a"]
    assert column.kind == "boolean" and column.words == words
    if words:
        assert column.labels.tolist() == texts.split()
        encoder = ClassEncoder.of(column)
        assert encoder.decode(encoder.encode(column)).tolist() == texts.split()
    assert ClassEncoder((False, True)).encode(column).tolist() == column.values.tolist()


class Frame:
    """What data frames have in common: columns, and an item for each."""

    columns = ("age", "town")

    def __getitem__(self, name):
        return {"age": [31.0, 45.0], "town": ["Ulm", "Bonn"]}[name]


def test_tables_from_what_people_hold(write):
    kinds = {"age": "numeric", "town": "categorical"}
    table = Table.of({"age": [31.0, 45.0], "town": ["Ulm", "Bonn"]})
    assert as_table(table, kinds) is table
    texts = np.array([["a", "b"], ["c", "d"]])
    for held, source in [
        (write("age,town\n31,Ulm\n45,Bonn\n"), "table.csv"),
        ({"age": [31.0, 45.0], "town": ["Ulm", "Bonn"]}, "table"),
        (Frame(), "the frame"),
    ]:
        found = as_table(held, kinds)
        assert found.names == ("age", "town") and found.source.endswith(source)
        assert found["age"].values.tolist() == [31.0, 45.0]
        assert found["town"].values.tolist() == ["Ulm", "Bonn"]
    assert as_table(texts, kinds).source == "the array"
    assert as_table(texts, kinds)["town"].values.tolist() == ["b", "d"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([[1.0], [1.0, 2.0]], "A list is no table: "),
        ([1.0, 2.0], r"A list of shape \(2,\) is no table of 2 columns \(age, town\)"),
        (np.ones((2, 3)), r"A ndarray of shape \(2, 3\) is no table of 2 columns"),
    ],
)
def test_what_is_no_table(given, message):
    with pytest.raises(DataError, match=message):
        as_table(given, {"age": "numeric", "town": "categorical"})
