"""Every way of splitting delimited text gives the columns of the exact one, or leaves the text to it."""

import tracemalloc
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chainrule.data import delimited
from chainrule.data.arrow_text import split_by_arrow
from chainrule.data.blocks import split_in_blocks
from chainrule.data.delimited import parse_delimited
from chainrule.data.plain_numbers import code_starts
from chainrule.data.reading import MISSING, Reading
from chainrule.errors import DataError

WAYS = {"blocks": split_in_blocks, "arrow": split_by_arrow if find_spec("pyarrow") else None}


@pytest.fixture(params=list(WAYS))
def way(request, monkeypatch):
    """A way, with samples and blocks so small that short texts are split by it, and how often it answered."""
    if WAYS[request.param] is None:
        pytest.skip("pyarrow is not installed")
    answers = []

    def splitter(content, layout, numeric):
        split = WAYS[request.param](content, layout, numeric)
        answers.append(split is not None)
        return split

    monkeypatch.setattr("chainrule.data.plain_numbers.SAMPLE", 4)
    monkeypatch.setattr("chainrule.data.plain_numbers.MAX_WAYS", 2)
    monkeypatch.setattr("chainrule.data.infer.MAX_WAYS", 2)
    monkeypatch.setattr("chainrule.data.blocks.BLOCK", 24)
    monkeypatch.setattr(delimited, "SPLITTERS", (splitter,))
    return answers


def outcome(content, **options):
    """The table as plain values, or what is said of it."""
    try:
        table = parse_delimited(content, "made up", Reading(**options))
    except DataError as error:
        return str(error)
    return table.places.tolist(), [
        (
            one.name,
            one.kind,
            np.where(one.missing, None, one.values.astype(object)).tolist(),
            one.missing.tolist(),
            one.words,
            None if one.written is None else one.written.tolist(),
            *(one.form, one.note, one.question),
        )
        for one in table
    ]


def same(content, **options):
    found = outcome(content, **options)
    ways, delimited.SPLITTERS = delimited.SPLITTERS, ()
    try:
        assert found == outcome(content, **options)
    finally:
        delimited.SPLITTERS = ways


FIELDS = st.sampled_from(
    [
        *("1", "2", "3.5", "-4e-05", "0.25", "1e300", "17", "5.", ".5", "+6", "1.0", "123456789"),
        *("", "NA", "nan", "-999", " 7 ", "\t8", "?"),
        *("01", "-02", "+03", "007.5", "9007199254740993", "12345678901234567.5", "1e-07", "00"),
        *(
            "inf",
            "-nan",
            "1_000",
            "0x1F",
            "١٢",
            "abc",
            "Ülm",
            "yes",
            "no",
            "true",
            "2020-01-02",
            "01.02.2020",
        ),
        *('"1"', '"01"', '"a,b"', '"say ""01"""', '""', '"0\n1"', '"x"y', ' "3"', 'a"b', '"'),
        *("1,5", "1 2", "a 01", "1.000", "2.500", '"1,000"', '"1,5"', "5 %", "$7", "1 000", "1'000"),
    ]
)
PLAIN = st.sampled_from(["1", "2", "3.5", "-4e-05", "0.25", "17", "5.", ".5", "+6", "1.0", "0", "-0.0"])
TEXTS = st.builds(
    lambda rows, end, last: ("x,y,z\n" + "".join(f"{','.join(row)}\n" for row in rows) + last).replace(
        "\n", end
    ),
    st.lists(
        st.one_of(
            st.tuples(PLAIN, PLAIN, FIELDS),
            st.tuples(PLAIN, FIELDS, PLAIN),
            st.lists(FIELDS, min_size=2, max_size=4),
            st.just(()),
        ),
        max_size=14,
    ),
    st.sampled_from(["\n", "\n", "\r\n", "\r"]),
    st.sampled_from(["", "", "1,2,3", "\n\n", "1,2"]),
)
CLEAN = "".join(f"{i}.5,{i}{i},{'ab'[i % 2]}\n" for i in range(1, 8))


DECLINED = ["1,2", '1,2,"x"y', '1,2,"x\ny"']


@pytest.mark.parametrize(
    "tail",
    [
        "",
        "01,5,a",
        "1,05,a",
        "inf,5,a",
        "NA,,a",
        "x,5,a",
        "5,9007199254740993,b",
        "-999,1,a",
        " -999,1,a",
        '"7",-04,"b"',
        "1,2",
        "1,2,01.02",
        "1e-05,2,a",
        "1_0,2,a",
        '1,2,"x"y',
        '1,2,"x\ny"',
        "1, 2 ,a",
        "0x1F,1,a",
        "1,2,",
        "Infinity,2,a",
    ],
)
def test_what_the_first_rows_do_not_show(way, tail):
    same(f"x,y,z\n{CLEAN}{tail}\n{CLEAN}".encode())
    same(f"x,y,z\n{CLEAN}{tail}\n{CLEAN}".encode(), missing_values={"-999", "NA"})
    assert any(way) if not tail else tail not in DECLINED or not any(way)


WHOLE = "".join(f"{i};{i % 3}\n" for i in range(1, 11))


@pytest.mark.parametrize(
    ("tail", "is_asked"),
    [
        ("1.234;1", True),
        ("-12.5;1\n1.234;1", False),
        ("12.5;1", False),
        ("1.000;1", True),
        ("10.000;1\n123.456;2", True),
        ("1234.567;1", False),
        ("0.234;1", False),
        ("1.2345;1", False),
        ("1.234;1\n1.5;1", False),
        ("1.000;1\n0.5;1", False),
        ("5;1", False),
    ],
)
def test_a_point_that_comes_late_is_asked_about(way, tail, is_asked):
    """Among whole numbers; between fields parted by commas it is decimal, and so it is where that is said."""
    for options in ({}, {"decimal": "."}, {"kinds": {"x": "1000.5"}}, {"kinds": {"x": "number"}}):
        same(f"x;y\n{WHOLE}{tail}\n".encode(), **options)
    same(f"x,y\n{WHOLE}{tail}\n".replace(";", ",").encode())
    same(f"x;y\n{WHOLE}{tail}\n2,5;1\n".encode())
    same(f"x;y\n{WHOLE}{tail}\n7;0,5\n".encode())
    columns = outcome(f"x;y\n{WHOLE}{tail}\n".encode())[1]
    assert ("say which with the option kinds" in columns[0][-1]) is is_asked
    assert any(way)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS, st.sampled_from([MISSING, {"-999", "1"}]), st.sampled_from([".", ",", None]))
@example("x,y,z\n" + CLEAN, MISSING, ".")
def test_every_way_gives_what_the_exact_one_gives(way, text, missing_values, decimal):
    same(text.encode(), missing_values=missing_values, decimal=decimal)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet='1.,"\n\r0- a', max_size=120))
def test_any_text_is_read_alike(way, text):
    same(b"p,q\n" + text.encode(), delimiter=",")


@pytest.mark.parametrize("name", WAYS)
def test_little_more_than_the_columns_is_held(monkeypatch, name):
    """Beside the text and the columns, which are nearly as large, less than half of it."""
    if WAYS[name] is None:
        pytest.skip("pyarrow is not installed")
    monkeypatch.setattr("chainrule.data.blocks.BLOCK", 1 << 16)
    monkeypatch.setattr("chainrule.data.arrow_text.PIECE", 1 << 16)
    monkeypatch.setattr(delimited, "SPLITTERS", (WAYS[name],))
    rows = [f"{i / 7:.6f},{i * i / 3:.4f},{i / 11:.8f},{i / 3:.9f},{'ab'[i % 2]}\n" for i in range(60_000)]
    content = ("x,y,k,l,z\n" + "".join(rows)).encode()
    parse_delimited(content, "long", Reading())  # which imports
    tracemalloc.start()
    try:
        table = parse_delimited(content, "long", Reading())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(table) == 60_000 and peak < 1.5 * len(content)


@given(st.text(alphabet="0123.,;-+ae\n", max_size=40), st.integers(1, 9))
def test_codes_are_found_in_pieces_as_in_the_whole(text, scanned):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("chainrule.data.plain_numbers.SCANNED", scanned)
        found = code_starts(text.encode(), ",").tolist()
    assert found == [
        i for i in range(len(text) - 1) if text[i] == "0" and text[i + 1].isdecimal() and _begins(text[:i])
    ]


def _begins(before):
    if before[-1:] in "+-" and before:
        return before[:-1] == "" or before[-2] not in "0123456789.;ae"
    return before == "" or before[-1] not in "0123456789.;ae"
