"""Reading tables: kinds, quotes, delimiters, missing values, and what is said about bad files."""

import io
import json
import re
import sys
import zipfile

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
        "numeric",
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
    path = write("a;b\n1,5;01\n2,25;02\n")
    with pytest.raises(DataError, match="option decimal=','"):
        read_table(path)
    table = read_table(path, decimal=",", kinds={"b": "categorical"})
    assert table["a"].values.tolist() == [1.5, 2.25]
    assert table["b"].values.tolist() == ["01", "02"]
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


@pytest.mark.parametrize("decimal", [".", ","])
@pytest.mark.parametrize(
    "text", ["1,000", "1,5", "-12,345", "1,234,567", "12,500.75", "0,567", "1.000,5", "1.000"]
)
def test_no_advice_on_a_number_changes_it(write, text, decimal):
    """A reader that takes the advice reads what is written, or is told of both readings."""
    path = write(f'a;b\n"{text}";1\n"{text}";2\n')
    grouped, point = text.replace(",", ""), text.replace(",", ".")
    try:
        found = read_table(path, decimal=decimal)["a"]
    except DataError as error:
        message = str(error)
        if "option decimal=','" in message and re.fullmatch(r"[+-]?[1-9]\d{0,2},\d{3}", text):
            assert f"is {grouped} where" in message and f"{point} where" in message
        elif "option decimal=','" in message:
            assert read_table(path, decimal=",")["a"].values.tolist() == [float(point)] * 2
        else:
            assert "groups thousands" in message
    else:
        assert found.kind == "numeric"
        assert found.values[0] == float(point if decimal == "," else text)


@pytest.mark.parametrize(
    ("text", "decimal", "message"),
    [
        ("1,000", ".", "is 1000 where the comma groups thousands, 1.000 where it is decimal"),
        ("1.000", ",", "groups thousands with '.'; write it as 1000"),
        ("1.000.000,5", ",", "groups thousands with '.'; write it as 1000000,5"),
        ("0,567", ".", "has a decimal comma; read it with the option decimal=','"),
    ],
)
def test_a_mark_that_may_group_or_part_is_not_guessed_at(write, text, decimal, message):
    with pytest.raises(DataError, match=re.escape(message)):
        read_table(write(f'a;b\n"{text}";1\n"{text}";2\n'), decimal=decimal)


def test_grouped_thousands_beside_plain_numbers_are_no_categories(write):
    with pytest.raises(DataError, match="groups thousands with ','; write it as 1000"):
        read_table(write('a,b\n"1,000",1\n950,2\n"12,500.75",3\n'))
    assert read_table(write('a,b\n"1,000",1\nmany,2\nfew,3\n'))["a"].kind == "categorical"


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
        read_table(write(BAD[message]))
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
    monkeypatch.setattr("chainrule.data.delimited.MAX_COLUMNS", 3)
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
