"""Preprocessor: learned on training rows, held to on every other table."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from chainrule.data import (
    ClassEncoder,
    Column,
    Preprocessor,
    Table,
    fold_rows,
    from_one_hot,
    from_signs,
    infer_task,
    one_hot,
    read_table,
    split_rows,
    to_signs,
)
from chainrule.data.delimited import parse_delimited
from chainrule.data.reading import Reading
from chainrule.errors import DataError, OptionError


def people(**changed):
    columns = {
        "age": [20.0, 30.0, np.nan, 70.0, 40.0],
        "constant": [3.1, 3.1, 3.1, 3.1, 3.1],
        "smokes": [True, False, False, True, False],
        "town": np.array(["Ulm", "Bonn", "Ulm", None, "Kiel"], object),
        "ill": np.array(["no", "yes", "yes", "no", "no"]),
    }
    return Table.of({**columns, **changed}, source="people")


def test_imputation_and_standardising_use_training_rows_only():
    table = people()
    preprocessor = Preprocessor.fit(table, "ill", missing="median")
    X = preprocessor.inputs(table)
    assert preprocessor.outputs == ("age", "smokes", "town=Bonn", "town=Kiel", "town=Ulm")
    places = {name: list(where) for name, where in preprocessor.places.items()}
    assert places == {"age": [0], "smokes": [1], "town": [2, 3, 4]}
    assert preprocessor.left_out == {"constant": "one value only"}
    filled = np.array([20.0, 30.0, 35.0, 70.0, 40.0])
    np.testing.assert_allclose(X[:, 0], (filled - filled.mean()) / filled.std(), rtol=1e-14)
    np.testing.assert_array_equal(X[:, 1], [1, 0, 0, 1, 0])
    np.testing.assert_array_equal(X[:, 2:], [[0, 0, 1], [1, 0, 0], [0, 0, 1], [0, 0, 1], [0, 1, 0]])
    assert preprocessor.targets(table).tolist() == [0, 1, 1, 0, 0]
    assert preprocessor.classes == ("no", "yes") and preprocessor.task == "classification"
    assert preprocessor.decode([1, 0]).tolist() == ["yes", "no"]
    later = people(age=[1000.0, np.nan, 35.0, 39.0, 0.0], constant=[5.0, 3.1, 3.1, 3.1, 3.1])
    X = preprocessor.inputs(later)
    np.testing.assert_allclose(X[0, 0], (1000 - filled.mean()) / filled.std(), rtol=1e-12)
    assert X[1, 0] == X[2, 0]


@pytest.mark.parametrize(("missing", "fill"), [("mean", 40.0), ("median", 35.0), ("most_frequent", 20.0)])
def test_fills(missing, fill):
    preprocessor = Preprocessor.fit(people(), "ill", missing=missing, standardize=False)
    assert preprocessor.inputs(people())[2, 0] == fill


def test_missing_values_are_never_filled_silently():
    with pytest.raises(DataError, match=r"people, row 3, column 'age': a value is missing.*median"):
        Preprocessor.fit(people(), "ill")
    complete = people().drop_missing()
    preprocessor = Preprocessor.fit(complete, "ill")
    with pytest.raises(DataError, match="row 3, column 'age': a value is missing"):
        preprocessor.inputs(people())
    with pytest.raises(DataError, match="row 4, column 'town': a value is missing"):
        preprocessor.inputs(people(age=np.ones(5)))
    with pytest.raises(DataError, match="a target cannot be filled in"):
        Preprocessor.fit(people(), "age", missing="mean")
    assert Preprocessor.fit(people(age=[np.nan] * 5), "ill", missing="mean").left_out["age"] == "no values"


def test_infinite_values_are_refused_even_where_missing_ones_are_filled():
    preprocessor = Preprocessor.fit(people(), "ill", missing="mean")
    with pytest.raises(DataError, match="row 2, column 'age': inf is not finite"):
        preprocessor.inputs(people(age=[1.0, np.inf, np.nan, 2.0, 3.0]))
    for missing in ("mean", "median", "most_frequent", "indicator"):
        with pytest.raises(DataError, match="row 2, column 'age': inf is not finite"):
            Preprocessor.fit(people(age=[1.0, np.inf, np.nan, 2.0, 3.0]), "ill", missing=missing)


def test_kinds_of_the_training_table_are_enforced(tmp_path):
    preprocessor = Preprocessor.fit(people().drop_missing(), "ill")
    with pytest.raises(
        DataError, match=r"row 1, column 'age': 'old' is not a number; the column must be numeric"
    ):
        preprocessor.inputs(people(age=np.array(["old"] * 5)))
    with pytest.raises(DataError, match="no column 'smokes'"):
        preprocessor.inputs(people().without("smokes"))
    path = tmp_path / "codes.csv"
    path.write_text("zip,y\n10,1.5\n20,2.5\n10,0.5\n")
    trained = Preprocessor.fit(read_table(path, kinds={"zip": "category"}), "y")
    assert trained.outputs == ("zip=10", "zip=20")
    np.testing.assert_array_equal(
        trained.inputs(read_table(path, kinds=trained.kinds)), [[1, 0], [0, 1], [1, 0]]
    )
    with pytest.raises(DataError, match="10.0 is numeric, but the column was categorical"):
        trained.inputs(read_table(path))


def test_a_column_that_is_all_missing_at_prediction_has_any_kind():
    preprocessor = Preprocessor.fit(people(), "ill", missing="most_frequent")
    nothing = people(town=[np.nan] * 5, smokes=[np.nan] * 5)
    X = preprocessor.inputs(nothing)
    np.testing.assert_array_equal(X[:, 1:], np.tile([0, 0, 0, 1], (5, 1)))


def test_unseen_categories():
    table = people().drop_missing()
    with pytest.raises(DataError, match=r"row 2, column 'town': category 'Bonnn' is not in .*mean 'Bonn'"):
        Preprocessor.fit(table, "ill").inputs(
            people(town=np.array(["Ulm", "Bonnn"] + ["Ulm"] * 3), age=np.ones(5))
        )
    preprocessor = Preprocessor.fit(table, "ill", unseen="other")
    assert preprocessor.outputs[-1] == "town=(other)"
    X = preprocessor.inputs(people(town=np.array(["Ulm", "Rom", "Ulm", "Ulm", "Kiel"]), age=np.ones(5)))
    np.testing.assert_array_equal(
        X[:, 2:], [[0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 1, 0], [0, 0, 1, 0], [0, 1, 0, 0]]
    )


def test_unseen_classes_and_single_ones():
    preprocessor = Preprocessor.fit(people(age=np.ones(5)), "ill", missing="mean")
    with pytest.raises(
        DataError, match=r"row 4, column 'ill': label 'maybe' is none of the classes \(no, yes\)"
    ):
        preprocessor.targets(people(ill=np.array(["no", "no", "no", "maybe", "yes"])))
    with pytest.raises(DataError, match="one class only"):
        Preprocessor.fit(people(ill=np.array(["no"] * 5), age=np.ones(5)), "ill", missing="mean")


def test_options_and_columns_that_are_wrong():
    table = people().drop_missing()
    with pytest.raises(DataError, match="no column 'il'; did you mean 'ill'"):
        Preprocessor.fit(table, "il")
    with pytest.raises(OptionError, match="missing is 'zero'"):
        Preprocessor.fit(table, "ill", missing="zero")
    with pytest.raises(OptionError, match="unseen"):
        Preprocessor.fit(table, "ill", unseen="ignore")
    with pytest.raises(OptionError, match="task"):
        Preprocessor.fit(table, "ill", task="ranking")
    with pytest.raises(DataError, match="holds text .* a regression needs numbers"):
        Preprocessor.fit(table, "ill", task="regression")
    with pytest.raises(DataError, match="Classes come from one column; got ill, town"):
        Preprocessor.fit(table, ["ill", "town"], task="classification")
    with pytest.raises(DataError, match="people has no rows to learn from"):
        Preprocessor.fit(table.take([]), "ill")
    with pytest.raises(DataError, match="1j is no class label"):
        ClassEncoder.of(np.array([1j]))
    with pytest.raises(DataError, match="no input columns"):
        Preprocessor.fit(table.select("ill"), "ill")
    with pytest.raises(DataError, match="without a target"):
        Preprocessor.fit(table).targets(table)
    names = Table.of({"id": np.array([f"n{i}" for i in range(1001)]), "y": np.arange(1001) * 0.5})
    with pytest.raises(DataError, match=r"no input columns .* \(id: 1001 different texts in 1001 rows\)"):
        Preprocessor.fit(names, "y")
    as_categories = Table.of({"id": names["id"].values, "y": names["y"].values})
    declared = replace(as_categories["id"], kind="categorical")
    with pytest.raises(DataError, match="1001 different values; at most 1000"):
        Preprocessor.fit(replace(names, columns=(declared, names["y"])), "y")


def test_regression_targets_in_their_units():
    rng = np.random.default_rng(0)
    y = 1000 + 20 * rng.standard_normal(30)
    table = Table.of({"x": rng.standard_normal(30), "u": 3 * y - 7, "y": y})
    preprocessor = Preprocessor.fit(table, ["y", "u"], standardize_target=True)
    encoded = preprocessor.targets(table)
    assert encoded.shape == (30, 2) and preprocessor.task == "regression"
    np.testing.assert_allclose(encoded.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(encoded.std(axis=0), 1, rtol=1e-12)
    np.testing.assert_allclose(preprocessor.decode(encoded), np.column_stack([y, 3 * y - 7]), rtol=1e-13)
    single = Preprocessor.fit(table, "y", features=["x"], standardize_target=True)
    assert single.targets(table).shape == (30,)
    np.testing.assert_allclose(single.decode(single.targets(table)), y, rtol=1e-13)
    np.testing.assert_array_equal(Preprocessor.fit(table, "y").targets(table), y)


@pytest.mark.parametrize(
    "values", [[1e-300, 2e-300, 5e-300], [1e300, -1e300, 5e299], [1e9 + 1, 1e9 + 2, 1e9 + 4]]
)
def test_standardising_is_safe_at_any_scale(values):
    table = Table.of({"x": values, "y": [0.5, 1.5, 2.5]})
    X = Preprocessor.fit(table, "y").inputs(table)
    assert np.all(np.isfinite(X)) and abs(X.mean()) < 1e-6
    assert X.std() == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(
    ("values", "center", "scale"),
    [
        ([1.0, 0.0, 0.0, 1.0], 0.5, 0.5),
        ([0.0, -8.0, 4.0, 4.0], 0.0, np.sqrt(24)),
        ([-1.0, -1.0, -1.0, 1.0], -0.5, np.sqrt(0.75)),
    ],
)
def test_zeros_and_ones_are_standardised_like_other_numbers(values, center, scale):
    table = Table.of({"x": values, "y": [0.5, 1.5, 2.5, 4.5]})
    X = Preprocessor.fit(table, "y").inputs(table)
    np.testing.assert_allclose(X[:, 0], (np.array(values) - center) / scale, rtol=1e-15)


def test_a_thousand_categories_are_encoded():
    names = Table.of({"id": np.array([f"n{i // 2}" for i in range(2000)]), "y": np.arange(2000) * 0.5})
    assert len(Preprocessor.fit(names, "y").outputs) == 1000


NUMBER = {"kind": "numeric", "name": "x", "center": 0.5, "scale": 2.0, "fill": None}
DATE = {
    "kind": "date", "name": "d", "parts": ["day", "hour"], "centers": [1.0, 2.0], "scales": [1.0, 3.0],
    "fill": "2020-01-31T12:00:00", "form": "dmy",
}  # fmt: skip
WORDS = {"kind": "categorical", "name": "t", "categories": ["a", "b"], "other": False, "fill": None}
CLASSES = {"task": "classification", "name": "y", "classes": ["a", "b"]}
NUMBERS = {"task": "regression", "names": ["y", "u"], "centers": [0.0, 1.0], "scales": [1.0, 2.0]}


@pytest.mark.parametrize(
    ("good", "changed"),
    [
        (NUMBER, {"name": 3}),
        (NUMBER, {"center": "0"}),
        (NUMBER, {"center": np.nan}),
        (NUMBER, {"scale": 0.0}),
        (NUMBER, {"scale": -1.0}),
        (NUMBER, {"scale": True}),
        (NUMBER, {"fill": np.inf}),
        (NUMBER, {"fill": ""}),
        (NUMBER, {"form": "1"}),
        (NUMBER, {"form": None}),
        (DATE, {"parts": ["day", "year"]}),
        (DATE, {"parts": ["day"]}),
        (DATE, {"centers": [1.0, np.nan]}),
        (DATE, {"scales": [1.0, 0.0]}),
        (DATE, {"fill": "tomorrow"}),
        (DATE, {"fill": 3}),
        (DATE, {"form": "1.000,5"}),
        (NUMBER, {"kind": "boolean"}),
        ({"kind": "boolean", "name": "b", "fill": None}, {"fill": 2}),
        (WORDS, {"categories": ["a", 2]}),
        (WORDS, {"fill": 1.5}),
        (WORDS, {"other": 1}),
        (CLASSES, {"name": 3}),
        (CLASSES, {"task": "ranking"}),
        (CLASSES, {"classes": []}),
        (CLASSES, {"classes": ["a", 1]}),
        (NUMBERS, {"names": ["y"]}),
        (NUMBERS, {"names": ["y", 3]}),
        (NUMBERS, {"names": [], "centers": [], "scales": []}),
        (NUMBERS, {"centers": [0.0, np.inf]}),
        (NUMBERS, {"scales": [1.0, 0.0]}),
        (NUMBERS, {"log": 3}),
    ],
)
def test_a_description_that_is_not_sound_is_refused(good, changed):
    def read(part):
        content = {"features": [part], "target": None} if "kind" in part else {"features": [], "target": part}
        return Preprocessor.from_dict(content)

    read(good)
    with pytest.raises(DataError):
        read({**good, **changed})


def test_the_description_survives_json():
    table = people()
    for options in (
        {"missing": "mean"},
        {"missing": "most_frequent", "unseen": "other", "standardize": False},
        {"missing": "median", "missing_values": {"-999", "NA"}},
    ):
        for target in ("ill", "pulse", None, ["pulse", "age"]):
            table = people(pulse=[60.5, 61.0, 60.5, 62.0, 63.0])
            if target == ["pulse", "age"]:
                table = people(pulse=np.arange(5.0), age=np.arange(5.0))
            preprocessor = Preprocessor.fit(table, target, task="auto", **options)
            again = Preprocessor.from_dict(json.loads(json.dumps(preprocessor.to_dict(), allow_nan=False)))
            assert again == preprocessor
            np.testing.assert_array_equal(again.inputs(table), preprocessor.inputs(table))
    older = {name: one for name, one in preprocessor.to_dict().items() if name != "missing_values"}
    assert Preprocessor.from_dict(older).missing_values == () != preprocessor.missing_values == ("-999",)
    wrong = [{**older, "missing_values": one} for one in (None, "-999", [-999])]
    odd = [{"features": [{"kind": "odd"}], "target": None}, {"features": 3, "target": None}]
    for damaged in ({}, *odd, [], *wrong):
        with pytest.raises(DataError, match="damaged"):
            Preprocessor.from_dict(damaged)


@pytest.mark.parametrize(
    ("values", "task"),
    [
        ([0, 1, 1, 0, 1], "classification"),
        ([True, False, True], "classification"),
        (["a", "b"], "classification"),
        ([0.5, 1.0, 2.0], "regression"),
        (list(range(40)), "regression"),
        ([1, 2, 3, 4, 5, 6], "classification"),
        ([1, 2, 3, 4, 6], "regression"),
        ([2, 3, 4] * 9, "regression"),
        ([0, 1, 2] * 9, "classification"),
        (list(range(10)) * 3, "classification"),
        (list(range(11)) * 3, "regression"),
        ([1] * 97 + [2] * 2 + [3] * 2, "regression"),
        ([1] * 96 + [2] * 2 + [3] * 2, "classification"),
        ([0.5, 1.5] * 9, "classification"),
        ([-1, 1], "classification"),
        ([1, 1], "classification"),
    ],
)
def test_tasks_are_inferred_with_a_reason(values, task):
    found, reason = infer_task(Column.of("y", values))
    assert found == task and "'y'" in reason
    other = {"classification": "regression", "regression": "classification"}[task]
    is_open = Column.of("y", values).kind == "numeric"
    assert reason.endswith(f"overrule with the option task='{other}'") == is_open


def test_label_encodings_there_and_back():
    labels = np.array(["c", "a", "b", "c"])
    encoder = ClassEncoder.of(labels)
    numbers = encoder.encode(labels)
    assert numbers.tolist() == [2, 0, 1, 2]
    np.testing.assert_array_equal(encoder.decode(numbers), labels)
    np.testing.assert_array_equal(from_one_hot(one_hot(numbers, 3)), numbers)
    bits = np.array([1, 0, 0, 1, 1])
    assert to_signs(bits).tolist() == [1, -1, -1, 1, 1]
    np.testing.assert_array_equal(from_signs(to_signs(bits)), bits)
    assert ClassEncoder.of([3.0, 1.0, 3.0]).classes == (1, 3)
    assert ClassEncoder.of([3.0, 1.5]).classes == (1.5, 3)
    assert ClassEncoder.of([True, False]).decode([1]).dtype == bool
    assert ClassEncoder.of([7, 5]).decode([1]).tolist() == [7]


def test_labels_that_cannot_be_encoded():
    encoder = ClassEncoder.of([0, 1])
    with pytest.raises(DataError, match="row 2: label 2 is none of the classes"):
        encoder.encode([0, 2])
    with pytest.raises(DataError, match="row 1: label True"):
        encoder.encode([True, False])
    with pytest.raises(DataError, match="row 2: the label is missing"):
        encoder.encode(Column.of("y", [0.0, np.nan]))
    with pytest.raises(DataError, match="from 0 to 1"):
        encoder.decode([0, 2])
    with pytest.raises(DataError, match="from 0 to 1; got -1 to 1"):
        encoder.decode([1, -1])
    for numbers in ([3], [0, 3], [-1], [0.5]):
        with pytest.raises(DataError, match="from 0 to 2"):
            one_hot(numbers, 3)
    for rows in ([[1, 1], [0, 1]], [[0, 0], [0, 1]], [[2, -1], [0, 1]], [1, 0]):
        with pytest.raises(DataError, match="exactly one 1"):
            from_one_hot(rows)
    with pytest.raises(DataError, match=r"-1 or \+1"):
        from_signs([0, 1])
    with pytest.raises(DataError, match="different"):
        ClassEncoder(("a", "a"))
    with pytest.raises(DataError, match="no classes"):
        ClassEncoder(())


@pytest.mark.parametrize(("count", "more"), [(8, ""), (9, ", and 1 more"), (11, ", and 3 more")])
def test_an_unknown_label_is_answered_with_the_first_eight(count, more):
    encoder = ClassEncoder.of([f"c{j:02}" for j in range(count)])
    shown = ", ".join(f"c{j:02}" for j in range(8))
    with pytest.raises(DataError) as caught:
        encoder.encode(["d"])
    assert str(caught.value) == f"row 1: label 'd' is none of the classes ({shown}{more})."


def test_splits_are_seeded_disjoint_and_stratified():
    labels = np.repeat(["a", "b", "c"], [50, 30, 7])
    train, test = split_rows(87, test=0.2, seed=4, stratify=labels)
    assert sorted([*train, *test]) == list(range(87)) and len(test) == 17
    for label, size in zip("abc", [50, 30, 7], strict=True):
        assert abs(np.sum(labels[test] == label) - 0.2 * size) < 1
    again = split_rows(87, test=0.2, seed=4, stratify=labels)
    np.testing.assert_array_equal(test, again[1])
    assert not np.array_equal(test, split_rows(87, test=0.2, seed=5, stratify=labels)[1])
    train, test = split_rows(10, test=0.01)
    assert len(test) == 1 and len(train) == 9
    for options in ({"test": 0.0}, {"test": 1.0}):
        with pytest.raises(OptionError):
            split_rows(10, **options)
    with pytest.raises(DataError):
        split_rows(1)
    with pytest.raises(DataError, match="one label per row"):
        split_rows(5, stratify=[1, 2])


def test_what_is_left_of_the_shares_goes_to_the_largest_remainders():
    """Of 7, 5 and 3 rows a quarter are 1.87, 1.33 and 0.8."""
    labels = np.repeat(["a", "b", "c"], [7, 5, 3])
    for seed in range(5):
        _, test = split_rows(15, test=0.25, seed=seed, stratify=labels)
        assert [np.sum(labels[test] == label) for label in "abc"] == [2, 1, 1]


@pytest.mark.parametrize(
    ("kind", "values"), [("boolean", [True, False, False]), ("categorical", ["a", "b", "b"])]
)
def test_a_label_that_is_missing_is_of_no_class(kind, values):
    """Whatever stands in its place."""
    column = Column("y", kind, np.array(values, bool if kind == "boolean" else object), np.arange(3) == 1)
    with pytest.raises(DataError, match="row 2: the label is missing"):
        ClassEncoder.of(column).encode(column)
    assert ClassEncoder.of(column).first_unknown(column) == 1


@pytest.mark.parametrize(("missing", "more"), [(1, ""), (3, " and 2 more needed ones")])
def test_columns_that_are_missing_are_counted(missing, more):
    table = Table.of({f"a{i}": [0.0, 1.0, 2.0] for i in range(4)})
    left = Table.of({f"a{i}": [0.0, 1.0, 2.0] for i in range(missing, 4)})
    with pytest.raises(DataError) as caught:
        Preprocessor.fit(table).inputs(left)
    assert str(caught.value).startswith(f"table has no column 'a0'{more}; ")


def test_rows_without_a_label_are_a_group_of_their_own():
    labels = np.array(["a"] * 8 + [None] * 4, object)
    _, test = split_rows(12, test=0.25, stratify=labels)
    assert sorted(map(str, labels[test])) == ["None", "a", "a"]


def test_every_row_is_as_likely_to_be_a_test_row():
    counts = np.zeros(12)
    labels = np.array([0, 1, 1] * 4)
    for seed in range(400):
        counts[split_rows(12, test=0.25, seed=seed, stratify=labels)[1]] += 1
    assert np.all(np.abs(counts / 400 - 0.25) < 0.1)


def test_dates_as_inputs():
    """The numbers of a date that differ in training, of its order; what is missing is the median day."""
    when = np.array(["2020-01-31", "2020-02-03", "NaT", "2021-02-28"], "M8[D]")
    table = Table.of({"when": when, "y": [0.5, 1.5, 2.5, 3.0]})
    preprocessor = Preprocessor.fit(table, "y", missing="median", standardize=False)
    assert preprocessor.outputs == ("when.day", "when.month", "when.weekday")
    assert [table["when"].text(row) for row in (0, 2)] == ["2020-01-31", "missing"]
    assert preprocessor.inputs(table).tolist() == [
        [18292.0, 1.0, 5.0],
        [18295.0, 2.0, 1.0],
        [18295.0, 2.0, 1.0],
        [18686.0, 2.0, 7.0],
    ]
    scaled = Preprocessor.fit(table.take([0, 1, 3]), "y").inputs(table.take([0, 1, 3]))
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(scaled.std(axis=0), 1, rtol=1e-12)
    with pytest.raises(DataError, match="row 3, column 'when': a value is missing"):
        Preprocessor.fit(table, "y")
    times = Table.of({"when": np.array(["1970-01-01T06:30", "1970-01-01T18:00"], "M8[m]"), "y": [0.5, 1.0]})
    hours = Preprocessor.fit(times, "y", standardize=False)
    assert hours.outputs == ("when.hour",) and hours.inputs(times).tolist() == [[6.5], [18.0]]
    with pytest.raises(DataError, match="'when' is date .* which is not predicted"):
        infer_task(table["when"])
    with pytest.raises(DataError, match="column 'when' is date .* expected numbers"):
        table.matrix("when")


@pytest.mark.parametrize("seed", range(8))
def test_groups_stay_together(seed):
    groups = np.random.default_rng(seed).integers(0, 9, 40).astype(str)
    train, test = split_rows(40, test=0.25, seed=seed, groups=groups)
    assert not set(groups[train]) & set(groups[test]) and sorted([*train, *test]) == list(range(40))
    largest = max(np.sum(groups == one) for one in groups)
    assert 10 <= len(test) < 10 + largest
    two = split_rows(6, test=0.9, seed=seed, groups=[0, 0, 0, 1, 1, 1])
    assert [len(part) for part in two] == [3, 3]


def test_the_last_rows_in_an_order_are_tested_with_those_that_are_level():
    days = np.array([5.0, 1, 4, 3, 3, 2])
    assert split_rows(6, test=0.5, order=days)[1].tolist() == [0, 2, 3, 4]
    assert all(split_rows(6, test=0.3, order=days, seed=seed)[1].tolist() == [0, 2] for seed in range(3))
    for alike in ({"groups": [1] * 6}, {"order": [1] * 6}):
        with pytest.raises(DataError, match="one group, or to one time"):
            split_rows(6, **alike)
    for order in ([1.0, np.nan, 2.0, np.nan], np.array(["2020-01-02", "NaT", "2020-01-03", "NaT"], "M8[D]")):
        with pytest.raises(DataError, match="(?i)order is na[nt] in row 2"):
            split_rows(4, order=order)
    with pytest.raises(OptionError, match="stratify and order each say"):
        split_rows(6, stratify=[0] * 6, order=days)


@pytest.mark.parametrize("seed", range(6))
def test_each_row_is_tested_in_one_fold(seed):
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(12, 60)), int(rng.integers(2, 7))
    labels, groups = rng.integers(0, 3, n).astype(str), rng.integers(0, 9, n).astype(str)
    for given in ({}, {"stratify": labels}, {"groups": groups}):
        folds = fold_rows(n, k, seed=seed, **given)
        assert len(folds) == k
        assert sorted(np.concatenate([test for _, test in folds])) == list(range(n))
        assert all(sorted([*train, *test]) == list(range(n)) for train, test in folds)
        if "groups" in given:
            assert not any(set(groups[train]) & set(groups[test]) for train, test in folds)
            continue
        parts = ["all", *np.unique(labels)] if given else ["all"]
        for part in parts:
            counts = [np.sum((labels[test] == part) | (part == "all")) for _, test in folds]
            assert max(counts) - min(counts) <= 1
    again, other = (fold_rows(n, k, seed=s)[0][1].tolist() for s in (seed, seed + 1))
    assert again == fold_rows(n, k, seed=seed)[0][1].tolist() != other


@pytest.mark.parametrize("seed", range(6))
def test_a_fold_in_time_is_tested_by_what_came_before(seed):
    rng = np.random.default_rng(seed)
    days = rng.integers(0, 40, 50)
    folds = fold_rows(50, 4, order=days.astype("M8[D]"))
    for train, test in folds:
        assert days[train].max() < days[test].min()
    for (train, test), (later, _) in pairwise(folds):
        assert sorted([*train, *test]) == later.tolist()
    assert days[folds[-1][1]].max() == days.max() and len(folds[0][0]) > 5


def test_folds_that_cannot_be_made_are_refused():
    for n, given, what in (
        (3, {}, "3 rows cannot be divided into 4 folds"),
        (6, {"groups": [1, 1, 1, 2, 2, 3]}, "3 groups cannot"),
        (9, {"order": [1, 1, 1, 2, 2, 3, 3, 3, 3]}, "9 rows with 3 different times cannot be divided"),
        (5, {"order": [1] * 5}, "5 rows with 1 different time cannot"),
        (1, {"order": [1]}, "1 row cannot be divided into 4 folds"),
    ):
        with pytest.raises(DataError, match=what):
            fold_rows(n, 4, **given)
    for folds in (1, 2.5, True):
        with pytest.raises(OptionError, match="folds is"):
            fold_rows(9, folds)
    with pytest.raises(OptionError, match="stratify and groups each say"):
        fold_rows(4, 2, stratify=[0] * 4, groups=[1, 2, 1, 2])


def test_missing_inputs_are_indicated_where_training_rows_lack_them():
    table = Table.of(
        {
            "age": np.array([1.0, np.nan, 3.0, 9.0]),
            "town": np.array(["a", None, "b", "a"], object),
            "full": np.arange(4.0),
        }
    )
    made = Preprocessor.fit(table, missing="indicator", standardize=False)
    assert made.outputs == ("age", "town=a", "town=b", "full", "age is missing", "town is missing")
    X = made.inputs(table)
    np.testing.assert_array_equal(X[1], [3, 1, 0, 1, 1, 1])
    np.testing.assert_array_equal(X[:, 4:].sum(axis=1), [0, 2, 0, 0])
    assert made.kinds == {"age": "numeric", "town": "categorical", "full": "numeric"}
    assert made.places == {"age": [0, 4], "town": [1, 2, 5], "full": [3]}
    again = Preprocessor.from_dict(json.loads(json.dumps(made.to_dict())))
    assert again == made
    later = Table.of({"age": [2.0], "town": ["b"], "full": np.array([np.nan])})
    np.testing.assert_array_equal(again.inputs(later), [[2, 0, 1, 1.5, 0, 0]])


def test_a_logarithm_is_learned_and_undone():
    table = Table.of({"x": np.arange(4.0), "y": np.exp([0.0, 1, 2, 5])})
    made = Preprocessor.fit(table, "y", task="regression", standardize_target=True, log_target=True)
    y = made.targets(table)
    np.testing.assert_allclose(y, (np.array([0, 1, 2, 5]) - 2) / np.std([0, 1, 2, 5]))
    np.testing.assert_allclose(made.decode(y), table["y"].values)
    assert Preprocessor.from_dict(json.loads(json.dumps(made.to_dict()))) == made
    plain = Preprocessor.fit(table, "y", task="regression")
    assert "log" not in plain.to_dict()["target"]  # as files of before have it
    several = Preprocessor.fit(
        Table.of({"x": [1.0, 2], "y": [1.0, 2], "z": [3.0, 4]}), ["y", "z"], log_target=True
    )
    table = Table.of({"x": [1.0], "z": [3.0], "y": [2.0]})
    np.testing.assert_allclose(several.decode(several.targets(table)), [[2, 3]])
    with pytest.raises(DataError, match="column 'x': 0 has no logarithm"):
        Preprocessor.fit(
            Table.of({"x": np.arange(4.0), "z": [1.0, 2, 1, 2]}), "x", task="regression", log_target=True
        )


def test_only_the_columns_that_are_named_are_standardised():
    table = Table.of({"a1": [1.0, 3], "a2": [0.0, 8], "b": [2.0, 6]})
    assert Preprocessor.fit(table, standardize=["a*"]).inputs(table).tolist() == [[-1, -1, 2], [1, 1, 6]]
    with pytest.raises(DataError, match="no column 'c'"):
        Preprocessor.fit(table, standardize=["c"])


WRITTEN = {
    "whole": lambda i: f"{i * 37}",
    "commas": lambda i: f"{1 + i * 6211:,}",
    "thousandths": lambda i: f"{i + 1}.{i * 57 % 1000:03d}",
    "decimal comma": lambda i: f"{i * 7},{i % 10}{i % 3}",
    "spaces": lambda i: f"{1000 + i * 6211:,}".replace(",", " "),
    "percent": lambda i: f"{i * 3 % 41} %",
    "dollars": lambda i: f"${1 + i * 611:,}.{i % 10}5",
    "day first": lambda i: f"{i % 28 + 1}.{i % 12 + 1}.2020",
    "month first": lambda i: f"{i % 12 + 1}/{i % 28 + 1}/2020",
    "iso": lambda i: f"20{10 + i}-{i % 12 + 1:02d}-{i % 28 + 1:02d}",
    "codes": lambda i: f"0{i % 7}",
    "words": lambda i: ("no", "yes")[i % 2],
}


@pytest.mark.parametrize("first", WRITTEN)
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_rows_alone_are_read_as_among_the_others(delimiter, first):
    """Whatever a column shows beside the rest of its table is kept: 1.234 alone may mean two things."""

    def table(rows, **options):
        quoted = [[f'"{field}"' if delimiter in field else field for field in row] for row in rows]
        text = "\n".join(delimiter.join(row) for row in [["a", "b", "y"], *quoted])
        return parse_delimited(f"{text}\n".encode(), "made up", Reading(**options))

    for second in WRITTEN:
        rows = [[WRITTEN[first](i), WRITTEN[second](i), f"{i}"] for i in range(30)]
        whole = table(rows)
        if any(column.question for column in whole):
            continue
        preprocessor = Preprocessor.fit(whole, "y", task="regression")
        X = preprocessor.inputs(whole)
        for i in (0, 7, 29):
            alone = table([rows[i]], kinds=preprocessor.kinds)
            np.testing.assert_array_equal(preprocessor.inputs(alone)[0], X[i])


def test_a_class_has_no_logarithm():
    table = Table.of({"x": [1.0, 2.0, 3.0], "y": ["a", "b", "a"], "z": [1.0, 2.0, 2.0]})
    for target in ("y", "z"):
        with pytest.raises(OptionError, match=f"log_target is of numbers; the target '{target}' is a class"):
            Preprocessor.fit(table, target, log_target=True)
    assert Preprocessor.fit(table, "z", task="regression", log_target=True).target.log


def test_what_is_to_be_standardised_is_an_input_of_numbers():
    table = Table.of({"a": [1.0, 2.0, 4.0], "b": ["u", "v", "u"], "y": [1.5, 2.5, 3.5]})
    for name in ("b", "y"):
        with pytest.raises(OptionError, match=r"the option standardize=\['.'\] fits no input"):
            Preprocessor.fit(table, "y", standardize=[name])
    assert Preprocessor.fit(table, "y", standardize=["*"]).features[0].scale > 1.2
    assert Preprocessor.fit(table, "y", standardize=[]).features[0].scale == 1.0


def test_one_name_is_taken_as_it_is():
    table = Table.of({"ab": [1.0, 2.0, 4.0], "cd": [3.0, 1.0, 7.0], "y": [1.5, 2.5, 3.5]})
    assert Preprocessor.fit(table, "y", exclude="cd") == Preprocessor.fit(table, "y", features=["ab"])
    assert Preprocessor.fit(table, ["y"], features="a*") == Preprocessor.fit(table, "y", exclude=["cd"])
    made = Preprocessor.fit(table, "y", standardize="cd")
    assert made == Preprocessor.fit(table, "y", standardize=["cd"]) and made.features[0].scale == 1.0
