"""Tables: selection by name and glob, rows, and what they refuse."""

import numpy as np
import pytest

from chainrule.data import BUNDLED, Column, Table, bundled
from chainrule.errors import DataError


@pytest.fixture
def table():
    return Table.of(
        {
            "a1": [1.0, 2.0, np.nan, 4.0],
            "a2": [5, 6, 7, 8],
            "b[x]": [True, False, True, True],
            "t": np.array(["u", None, "v", "u"], object),
        },
        source="made up",
    )


def test_globs_keep_the_order_of_the_table(table):
    assert table.matching("t", "a*") == ("a1", "a2", "t")
    assert table.matching("b[x]") == ("b[x]",)
    assert table.select("a?", "t").names == ("a1", "a2", "t")
    assert table.without("a*").names == ("b[x]", "t")
    with pytest.raises(DataError, match=r"made up has no column 'c\*'; there are a1, a2"):
        table.matching("a*", "c*")
    with pytest.raises(DataError, match="did you mean 'a1'"):
        table["a11"]


def test_matrices_refuse_what_is_no_number(table):
    np.testing.assert_array_equal(table.matrix("a2", "b*"), [[5, 1], [6, 0], [7, 1], [8, 1]])
    with pytest.raises(DataError, match="made up, row 3, column 'a1': a value is missing"):
        table.matrix("a*")
    with pytest.raises(DataError, match="'t' is categorical"):
        table.matrix("t")
    with pytest.raises(DataError, match="row 2, column 'x': inf is not finite"):
        Table.of({"x": [1.0, np.inf, 3.0]}).matrix()


def test_rows_keep_their_places(table):
    part = table.take([3, 2])
    assert part["a2"].values.tolist() == [8.0, 7.0]
    with pytest.raises(DataError, match="row 3"):
        part.matrix("a1")
    assert table.drop_missing().places.tolist() == [1, 4]
    assert table.drop_missing("a*").places.tolist() == [1, 2, 4]
    assert len(table.take(np.array([True, False, False, False]))) == 1
    assert len(table.take([])) == 0 and table.take([]).names == table.names
    for rows in ([4], [-5], [0.5], [True, False]):
        with pytest.raises(DataError, match="made up has 4 rows; it cannot give those: "):
            table.take(rows)


def test_columns_that_cannot_be():
    with pytest.raises(DataError, match="holds int, object, str values"):
        Column.of("x", np.array([1, "a", object()], object))
    with pytest.raises(DataError, match="shape"):
        Column.of("x", np.ones((2, 2, 2)))
    with pytest.raises(DataError, match="no columns"):
        Table.of({})
    with pytest.raises(DataError, match="occurs twice"):
        Table.of({"x": np.ones((3, 2)), "x1": np.ones(3)})
    with pytest.raises(DataError, match="has 2 values; expected 3"):
        Table.of({"x": [1, 2, 3], "y": [1, 2]})


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([np.nan, np.nan], "all missing"),
        ([1.0, np.nan, 4.0], "1 to 4, mean 2.5"),
        ([True, False, True], "True (2), False (1)"),
        (np.array(["b", "a", "b", None, "a", "c"], object), "a (2), b (2), c (1)"),
        (np.array(list("abcdef"), object), "a (1), b (1), c (1), d (1), and 2 more"),
    ],
)
def test_what_is_in_a_column_in_a_few_words(values, words):
    table = Table.of({"x": values}, source="made up")
    assert table["x"].summary() == words
    assert repr(table) == f"<Table made up: {len(values)} rows, 1 columns>"


@pytest.mark.parametrize("sign", [1, -1])
def test_whole_numbers_that_a_float_rounds_keep_their_text(sign):
    past = sign * (2**53 + 1)
    assert Column.of("x", np.array([past])).labels.tolist() == [str(past)]
    assert Column.of("x", np.array([sign * (2**53 - 1)])).written is None
    assert Column.of("x", np.array([1, 2])).labels.tolist() == [1.0, 2.0]
    assert Column.of("x", np.array([sign * 1e300])).labels.tolist() == [sign * 1e300]


@pytest.mark.parametrize(("count", "left_out"), [(24, 0), (25, 5), (30, 10)])
def test_a_wide_table_shows_its_ends(count, left_out):
    lines = str(Table.of({f"c{j}": [1.0, 2.0] for j in range(count)})).splitlines()[1:]
    names = [line.split()[0] for line in lines if "more columns" not in line]
    kept = range(count) if not left_out else [*range(10), *range(count - 10, count)]
    assert names == [f"c{j}" for j in kept]
    assert [line.strip() for line in lines if "more columns" in line] == (
        [f"... {left_out} more columns ..."] if left_out else []
    )


@pytest.mark.parametrize(("count", "more"), [(12, ""), (13, ", and 1 more"), (15, ", and 3 more")])
def test_a_name_like_no_other_is_answered_with_the_first_twelve(count, more):
    table = Table.of({f"c{j}": [1.0] for j in range(count)})
    with pytest.raises(DataError) as caught:
        table["zzzzzz"]
    shown = ", ".join(f"c{j}" for j in range(12))
    assert str(caught.value) == f"table has no column 'zzzzzz'; there are {shown}{more}."


SIZES = {
    "digits": (1797, 64, 10),
    "iris": (150, 4, 3),
    "wine": (178, 13, 3),
    "breast_cancer": (569, 30, 2),
    "diabetes": (442, 10, None),
}


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_tables(name):
    table, (rows, inputs, classes) = bundled(name), SIZES[name]
    target = table[BUNDLED[name]]
    assert len(table) == rows and len(table.names) == inputs + 1
    assert table.without(BUNDLED[name]).matrix().shape == (rows, inputs)
    assert all(part.isidentifier() for part in table.names)
    if classes is not None:
        assert len(set(target.values.tolist())) == classes
        assert target.kind == ("numeric" if name == "digits" else "categorical")


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_values_are_those_of_their_source(name):
    pytest.importorskip("sklearn")
    from data.make_bundled import TAKEN

    source, table = TAKEN[name](), bundled(name)
    np.testing.assert_array_equal(table.without(BUNDLED[name]).matrix(), source.data)
    named = name not in ("digits", "diabetes")  # there the target is a number
    truth = source.target_names[source.target] if named else source.target
    np.testing.assert_array_equal(table[BUNDLED[name]].values.astype(truth.dtype), truth)


def test_digits_have_the_names_the_examples_use():
    table = bundled("digits")
    assert table.matching("pixel*") == tuple(f"pixel{j}" for j in range(64))
    assert table.matrix("pixel*").max() == 16.0
    assert set(table["label"].values) == set(range(10))


def test_an_unknown_bundled_name():
    with pytest.raises(DataError, match="did you mean 'digits'"):
        bundled("digit")


@pytest.mark.parametrize(
    ("count", "others"), [(1, ""), (2, " (and in 1 more row)"), (3, " (and in 2 more rows)")]
)
def test_missing_values_are_counted(count, others):
    table = Table.of({"a": [np.nan] * count + [1.0]})
    with pytest.raises(DataError) as caught:
        table.refuse_missing(table["a"], "leave it out")
    assert str(caught.value).endswith(f"column 'a': a value is missing{others}; leave it out.")
