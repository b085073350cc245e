"""Formats of files: read alike, or named for what they are."""

import gzip
import io
import json
import pickle
import re
import sys
import zipfile

import numpy as np
import pytest

from chainrule.data import Table, read_table
from chainrule.data.formats import FORMATS
from chainrule.data.read import as_table
from chainrule.errors import DataError, OptionError

AGES, TOWNS, SOLD = [31.0, None, 4.5], ["Köln", "Bonn", None], [True, False, True]
TEXT = "age,town,sold\n31,Köln,true\n,Bonn,false\n4.5,,true\n"
LINES = "".join(
    json.dumps({"age": age, "town": town, "sold": sold}, ensure_ascii=False) + "\n"
    for age, town, sold in zip(AGES, TOWNS, SOLD, strict=True)
)


def plain(table):
    """Kinds, values and missing ones."""
    return [
        (
            one.name,
            one.kind,
            [None if absent else value for value, absent in zip(one.values, one.missing, strict=True)],
        )
        for one in table
    ]


EXPECTED = [("age", "numeric", AGES), ("town", "categorical", TOWNS), ("sold", "boolean", SOLD)]
WRITTEN = {
    "table.csv": TEXT.encode(),
    "marked.csv": TEXT.encode("utf-8-sig"),
    "wide.csv": TEXT.encode("utf-16"),
    "big-endian.csv": b"\xfe\xff" + TEXT.encode("utf-16-be"),
    "table.csv.gz": gzip.compress(TEXT.encode()),
    "two.csv.gz": gzip.compress(TEXT[:20].encode()) + gzip.compress(TEXT[20:].encode()),
    "table.jsonl": LINES.encode(),
    "table.ndjson.gz": gzip.compress(LINES.encode()),
    "powershell.jsonl": LINES.encode("utf-16"),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_every_format_gives_the_same_table(tmp_path, name):
    (tmp_path / name).write_bytes(WRITTEN[name])
    assert plain(read_table(tmp_path / name)) == EXPECTED
    assert plain(as_table(str(tmp_path / name), {})) == EXPECTED


def holding(path, ages, towns):
    """A table written in the format of its name."""
    if path.suffix in (".parquet", ".feather"):
        pa = pytest.importorskip("pyarrow")
        from pyarrow import feather, parquet

        write = {".parquet": parquet.write_table, ".feather": feather.write_feather}[path.suffix]
        write(pa.table({"age": ages, "town": towns}), path)
    elif path.suffix == ".npz":
        np.savez(path, age=np.array(ages), town=np.array(towns))
    elif path.suffix == ".jsonl":
        rows = [{"age": age, "town": town} for age, town in zip(ages, towns, strict=True)]
        path.write_text("\n".join(map(json.dumps, rows)))
    else:
        path.write_text("\n".join(["age,town", *(f"{a},{t}" for a, t in zip(ages, towns, strict=True))]))
    return path


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "npz", "parquet", "feather"])
def test_what_means_missing_means_it_in_every_format(tmp_path, suffix):
    """As text, and as the number that it is."""
    path = holding(tmp_path / f"t.{suffix}", [31, -999, 45, 7], ["Ulm", "Bonn", "lost", "NA"])
    for given, ages, towns in (
        ({"-999", "lost"}, [0, 1, 0, 0], [0, 0, 1, 0]),
        ({"31", "NA"}, [1, 0, 0, 0], [0, 0, 0, 1]),
        ((), [0] * 4, [0] * 4),
        (None, [0] * 4, [0, 0, 0, 1]),
    ):
        table = read_table(path, **({} if given is None else {"missing_values": given}))
        assert table["age"].missing.tolist() == ages and table["town"].missing.tolist() == towns
        assert np.isnan(table["age"].values).tolist() == ages
        assert [one.kind for one in table] == ["numeric", "categorical"]


def test_what_means_missing_among_numbers_of_other_files(tmp_path):
    (tmp_path / "t.jsonl").write_text('{"a": 1.5}\n{"a": "lost"}\n{"a": -9}\n{"a": true}\n')
    with pytest.raises(DataError, match="holds bool, float, int values"):
        read_table(tmp_path / "t.jsonl", missing_values={"lost"})
    (tmp_path / "t.jsonl").write_text('{"a": 1.5}\n{"a": "lost"}\n{"a": -9}\n')
    column = read_table(tmp_path / "t.jsonl", missing_values={"lost", "-9.0"})["a"]
    assert column.kind == "numeric" and column.missing.tolist() == [False, True, True]
    (tmp_path / "t.svm").write_text("1 1:5 2:-9\n-1 1:-9\n")
    table = read_table(tmp_path / "t.svm", missing_values={"-9"})
    assert table["x1"].missing.tolist() == [False, True] and table["x2"].missing.tolist() == [True, False]
    np.save(tmp_path / "t.npy", np.array([[1, -9], [2**60, 3]]))
    table = read_table(tmp_path / "t.npy", missing_values={"-9"})
    assert [one.missing.tolist() for one in table] == [[False, False], [True, False]]
    assert table["column0"].labels.tolist() == ["1", str(2**60)]


def test_what_meant_missing_in_training_means_it_in_frames():
    frame = {"age": [1, -9, 3], "town": ["lost", "Ulm", None]}
    table = as_table(frame, {}, {"-9", "lost"})
    assert table["age"].missing.tolist() == [False, True, False]
    assert table["town"].missing.tolist() == [True, False, True]
    assert as_table(np.array([[1.0], [-9.0]]), {"a": "numeric"}, ["-9"])["a"].missing.tolist() == [
        False,
        True,
    ]


def test_standard_input_may_be_of_any_format(monkeypatch):
    for content in WRITTEN.values():
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        assert plain(read_table("-")) == EXPECTED


@pytest.mark.parametrize("write", ["write_parquet", "write_feather"])
def test_files_of_pyarrow(tmp_path, write):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import feather, parquet

    table = pa.table({"age": AGES, "town": pa.array(TOWNS).dictionary_encode(), "sold": SOLD})
    {"write_parquet": parquet.write_table, "write_feather": feather.write_feather}[write](
        table, tmp_path / "x"
    )
    assert plain(read_table(tmp_path / "x")) == EXPECTED
    content = (tmp_path / "x").read_bytes()
    (tmp_path / "x").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match="and cannot be read"):
        read_table(tmp_path / "x")


def test_whole_numbers_of_pyarrow_are_kept(tmp_path):
    pa = pytest.importorskip("pyarrow")
    table = as_table(pa.table({"id": [2**53 + 1, 5], "other": [[1], [2]]}), {"id": "numeric"})
    assert table.names == ("id",) and table["id"].labels.tolist() == ["9007199254740993", "5"]
    with pytest.raises(DataError, match="'other' holds list values"):
        as_table(pa.table({"other": [[1], [2]]}), {})


@pytest.mark.parametrize("kind", ["parquet", "feather"])
def test_what_unpacks_to_too_much_is_refused_whatever_its_file_takes(tmp_path, monkeypatch, kind):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import feather, parquet

    write = {"parquet": parquet.write_table, "feather": feather.write_feather}[kind]
    path = tmp_path / f"x.{kind}"
    # Columns of one value: some kB here, 10,000 rows of 3 columns when they are read.
    write(pa.table({name: np.zeros(10_000) for name in "xyz"}), path)
    monkeypatch.setattr("chainrule.data.read.MAX_BYTES", 100_000)
    assert path.stat().st_size < 100_000
    with pytest.raises(DataError, match="unpacks to 240000 bytes; at most 100000"):
        read_table(path)


def test_without_pyarrow_its_files_are_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "x").write_bytes(b"PAR1....PAR1")
    with pytest.raises(
        DataError, match="x is a Parquet file, which pyarrow reads: pip install pyarrow, or save"
    ):
        read_table(tmp_path / "x")


def _zip(*names):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return stream.getvalue()


NAMED = {
    "an Excel workbook; save the sheet as CSV": _zip("[Content_Types].xml", "xl/workbook.xml"),
    "an OpenDocument spreadsheet": _zip("mimetype", "content.xml"),
    "an old Excel workbook": b"\xd0\xcf\x11\xe0\xa1\xb1",
    "a pickle, which can run code when it is loaded": pickle.dumps({"a": [1, 2]}),
    "a model file (safetensors); expected a table": (60).to_bytes(8, "little") + b'{"__metadata__":{}}',
    "JSON; write one object a line": b'[\n {"a": 1},\n {"a": 2}\n]\n',
    "JSON": b'{\n "a": [1, 2]\n}\n',
    "compressed with bzip2; unpack it first": b"BZh9",
    "a page of HTML": b"<!DOCTYPE html><html>",
    "an SQLite database": b"SQLite format 3\0",
}


@pytest.mark.parametrize("words", NAMED)
def test_what_is_not_read_is_named(tmp_path, words):
    (tmp_path / "x").write_bytes(NAMED[words])
    with pytest.raises(DataError) as caught:
        read_table(tmp_path / "x")
    assert f"x is {words}" in str(caught.value)


def test_every_row_is_read_or_has_a_remedy():
    assert all(row.parse or row.remedy for row in FORMATS)
    assert all(row.magic or row.pattern or row.suffixes for row in FORMATS)


BROKEN = {
    "ends too early": gzip.compress(TEXT.encode())[:-9],
    "compressed with gzip and damaged": b"\x1f\x8b\x08\x00" + b"\xff" * 40,
    "compressed with gzip twice": gzip.compress(gzip.compress(b"a\n1\n")),
    "line 2: Expecting": b'{"a": 1}\n{"a": \n',
    "line 2: a JSON int; expected an object": b'{"a": 1}\n7\n',
    "column 'a': [1, 2] is no single value": b'{"a": [1, 2]}\n',
    "holds int, str values": b'{"a": 1}\n{"a": "x"}\n',
    "line 2: '3' is no entry": b"1 1:2\n1 3\n",
    "line 2: 'x' is not a finite number": b"1 1:2\nx 1:2\n",
    "2 rows of 999999999 entries": b"1 1:2\n1 999999999:2\n",
    "seems to be UTF-16 without a mark; read it with the option encoding='utf-16-le'": TEXT.encode(
        "utf-16-le"
    ),
    "line 2: byte 0xf6 is not UTF-8; save it as UTF-8 text, or, where it is meant to be 'ö'": TEXT.encode(
        "cp1252"
    ),
}


@pytest.mark.parametrize("words", BROKEN)
def test_what_is_wrong_is_said(tmp_path, words):
    (tmp_path / "x").write_bytes(BROKEN[words])
    with pytest.raises(DataError) as caught:
        read_table(tmp_path / "x")
    assert words in str(caught.value)


def test_a_file_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr("chainrule.data.read.MAX_BYTES", 10_000)
    (tmp_path / "bomb.csv.gz").write_bytes(gzip.compress(b"a\n" + b"1\n" * 1_000_000))
    with pytest.raises(DataError, match="bomb.csv.gz unpacks to more than 10000 bytes, which are not read"):
        read_table(tmp_path / "bomb.csv.gz")


def test_encodings(tmp_path):
    (tmp_path / "x.csv").write_bytes(TEXT.encode("cp1252"))
    assert plain(read_table(tmp_path / "x.csv", encoding="cp1252")) == EXPECTED
    (tmp_path / "x.csv").write_bytes(TEXT.encode("utf-16-le"))
    assert plain(read_table(tmp_path / "x.csv", encoding="utf-16-le")) == EXPECTED
    with pytest.raises(DataError, match="is no text in ascii"):
        read_table(tmp_path / "x.csv", encoding="ascii") and (tmp_path / "x.csv").write_bytes(TEXT.encode())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"delimiter": ";;"}, "the option delimiter=';;' is not one character"),
        ({"decimal": "x"}, "decimal is 'x'"),
        ({"missing_values": "NA"}, "missing_values is 'NA'; expected several"),
        (
            {"kinds": {"age": "numbre"}},
            "the option kinds={'age': 'numbre'} is no kind",
        ),
        ({"encoding": "utf-99"}, "the option encoding='utf-99' names no encoding"),
    ],
)
def test_options_are_checked(tmp_path, options, words):
    (tmp_path / "x.csv").write_text(TEXT, encoding="utf-8")
    with pytest.raises(OptionError, match=re.escape(words)):
        read_table(tmp_path / "x.csv", **options)


def test_svmlight_and_arrays(tmp_path):
    (tmp_path / "x").write_bytes(b"# made up\n+1 qid:3 1:0.5 3:2\n\n-1 2:4 # last\n")
    table = read_table(tmp_path / "x")
    assert table.names == ("label", "x1", "x2", "x3") and table.places.tolist() == [2, 4]
    assert table.matrix().tolist() == [[1, 0.5, 0, 2], [-1, 0, 4, 0]]
    (tmp_path / "zero.svm").write_bytes(b"1 0:7\n2\n")
    assert read_table(tmp_path / "zero.svm").matrix("x0").tolist() == [[7], [0]]
    np.save(tmp_path / "x.npy", np.arange(6.0).reshape(3, 2))
    assert read_table(tmp_path / "x.npy").names == ("column0", "column1")


def test_kinds_are_given_to_any_format(tmp_path):
    (tmp_path / "x.jsonl").write_text('{"zip": 8010, "code": "5"}\n{"zip": 1010, "code": "7"}\n')
    table = read_table(tmp_path / "x.jsonl", kinds={"zip": "categorical", "code": "numeric"})
    assert table["zip"].values.tolist() == ["8010", "1010"] and table["code"].values.tolist() == [5.0, 7.0]
    with pytest.raises(DataError, match="row 1|line 1, column 'zip': '8010' is not one of true"):
        read_table(tmp_path / "x.jsonl", kinds={"zip": "boolean"})
    with pytest.raises(DataError, match="no column 'zap'; did you mean 'zip'"):
        read_table(tmp_path / "x.jsonl", kinds={"zap": "boolean"})


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_frames(library):
    module = pytest.importorskip(library)
    make = module.table if library == "pyarrow" else module.DataFrame
    frame = make({"age": AGES, "town": TOWNS, "sold": SOLD, "odd": [b"x", b"y", b"z"]})
    needed = {name: kind for name, kind, _ in EXPECTED}
    assert plain(as_table(frame, needed)) == EXPECTED
    with pytest.raises(DataError, match="'odd' holds bytes|'odd' holds .*S1"):
        as_table(frame, {})


def test_frames_of_pandas_with_its_own_types():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "age": pandas.array([31, None, 4], dtype="Int64"),
            "town": pandas.Categorical(["Ulm", None, "Bonn"]),
            "sold": pandas.array([True, None, False], dtype="boolean"),
        }
    )
    table = as_table(frame, {})
    assert [one.kind for one in table] == ["numeric", "categorical", "boolean"]
    assert [one.missing.tolist() for one in table] == [[False, True, False]] * 3
    with pytest.raises(DataError, match="two columns 'a'"):
        as_table(pandas.DataFrame([[1, 2]], columns=["a", "a"]), {})


def test_lazy_frames_of_polars_are_computed():
    polars = pytest.importorskip("polars")
    assert as_table(polars.LazyFrame({"a": [1, 2]}), {}).matrix().tolist() == [[1], [2]]


def test_sparse_matrices():
    sparse = pytest.importorskip("scipy.sparse")
    table = as_table(sparse.csr_array(np.eye(2)), {"a": "numeric", "b": "numeric"})
    assert table.matrix().tolist() == [[1, 0], [0, 1]]
    assert isinstance(table, Table)
