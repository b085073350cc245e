"""Model files: what is saved comes back; what is damaged, foreign or hostile is refused and costs nothing."""

import contextlib
import json
import os
import re
import tracemalloc
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save as save_tensors

from chainrule.data import Preprocessor, Table
from chainrule.errors import ChainruleError, DataError, ModelFileError, OptionError, ShapeError
from chainrule.network import Activation, Network
from chainrule.network.penalties import PENALTIES, Frobenius
from chainrule.parameters import Parameters
from chainrule.persistence import Model, SheetModel, load, network_from_dict, network_to_dict, save
from persistence.make_golden import FOLDER, SALES, SHEET, TABLE, kinds_model, network_model, sheet_model

MODELS = {"network": network_model, "equations": sheet_model, "kinds": kinds_model}


def assert_same(left, right):
    assert left.kind == right.kind
    assert left.definition == right.definition
    assert left.parameters == right.parameters
    assert left.parameters.vector.dtype == right.parameters.vector.dtype
    assert left.preprocessor == right.preprocessor
    assert dict(left.record) == dict(right.record)
    assert left.certificate == right.certificate


@pytest.fixture(params=MODELS)
def saved(request, tmp_path):
    path = tmp_path / "model.safetensors"
    model = MODELS[request.param]()
    save(path, model)
    return path, model


def test_what_is_saved_comes_back(saved):
    path, model = saved
    assert_same(load(path), model)
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("kind", MODELS)
def test_files_of_version_1_load_for_ever(kind):
    model = MODELS[kind]()
    assert_same(load(FOLDER / f"{kind}-v1.safetensors"), model)


def test_a_sheet_keeps_its_penalty(tmp_path):
    text = SHEET + "R = norm2(v)**2\n"
    definition = replace(sheet_model().definition, text=text, penalty="R")
    model = Model(definition, sheet_model().parameters)
    save(tmp_path / "m", model)
    assert_same(load(tmp_path / "m"), model)
    assert load(tmp_path / "m").definition.penalty == "R"
    for name, message in (("L", "the objective itself"), ("f", "data x enter f"), (3, "penalty is 3")):
        with pytest.raises(OptionError, match=message):
            replace(definition, penalty=name)


def test_saving_twice_gives_the_same_bytes(saved):
    path, model = saved
    first = path.read_bytes()
    save(path, model)
    assert path.read_bytes() == first


def test_weights_lie_in_the_file_in_the_shapes_of_the_formulas(saved):
    from safetensors.numpy import load_file

    path, model = saved
    for name, array in load_file(path).items():
        np.testing.assert_array_equal(array, model.parameters[name])


def test_a_loaded_network_predicts_labels(tmp_path):
    save(tmp_path / "m", network_model())
    model = load(tmp_path / "m")
    net, theta = model.definition, model.parameters
    expected = np.argmax(net.predict(theta, model.preprocessor.inputs(TABLE)), axis=1)
    assert model.predict(TABLE).tolist() == [("no", "yes")[i] for i in expected]
    np.testing.assert_allclose(model.scores(TABLE).sum(axis=1), 1.0)
    with pytest.raises(OptionError, match="Only a network"):
        sheet_model().predict(TABLE)


def test_new_rows_are_read_as_the_training_table_was(tmp_path):
    """Alone, 1.000 and 03/04/2020 may mean two things; beside the model they mean one."""
    (tmp_path / "sales.csv").write_bytes(SALES)
    model = load(FOLDER / "kinds-v1.safetensors")
    assert model.preprocessor.kinds == {
        "price": "1.000,5 EUR",
        "share": "1000,5 %",
        "when": "dmy",
        "start": "ymd",
    }
    assert model.preprocessor.outputs[:2] == ("price", "share")
    expected = model.predict(tmp_path / "sales.csv")
    for row, line in enumerate(SALES.splitlines()[1:]):
        (tmp_path / "new.csv").write_bytes(SALES.splitlines()[0] + b"\n" + line)
        assert model.predict(tmp_path / "new.csv").tolist() == [expected[row]]
    names = ("price", "share", "when", "start")
    strings = dict(zip(names, (["1.000"], ["12,5 %"], [None], ["2021-02-03 00:00"]), strict=True))
    assert model.predict({name: np.array(value, object) for name, value in strings.items()}) == expected[2]
    values = dict(price=[1000.0], share=[12.5], when=np.array(["NaT"], "M8[D]"), start=[datetime(2021, 2, 3)])
    assert model.predict(values) == expected[2]
    (tmp_path / "new.csv").write_text("price;share;when;start\n5;7;;2020-01-31\n")
    with pytest.raises(DataError, match="line 2, column 'share': '7' is not a number as in '1000,5 %'"):
        model.predict(tmp_path / "new.csv")


@pytest.mark.parametrize(("output", "loss"), [("sigmoid", "binary_cross_entropy"), ("identity", "logistic")])
def test_one_output_decides_between_two_classes(output, loss):
    given = network_model()
    net = Network([5, 1], output=output, loss=loss)
    theta = net.initialize(np.random.default_rng(1))
    model = Model(net, theta, given.preprocessor)
    scores = given.preprocessor.inputs(TABLE) @ theta["W1"][0] + theta["b1"]
    assert model.predict(TABLE).tolist() == ["yes" if score > 0 else "no" for score in scores]


def test_regression_predicts_in_units():
    from chainrule.data import Preprocessor, Table

    table = Table.of({"x": [0.0, 1.0, 2.0], "y": [10.0, 20.5, 30.0]})
    preprocessor = Preprocessor.fit(table, "y", standardize_target=True)
    net = Network([1, 1])
    model = Model(net, Parameters(net.parameters, np.array([1.0, 0.0])), preprocessor)
    y = table["y"].values
    np.testing.assert_allclose(
        model.predict(table), y.mean() + y.std() * np.array([-(1.5**0.5), 0, 1.5**0.5])
    )


def test_several_targets_are_predicted_side_by_side():
    table = Table.of({"x": [0.0, 1.0, 2.0], "y": [10.0, 20.5, 30.0], "z": [3.0, 2.0, -1.0]})
    preprocessor = Preprocessor.fit(table, ["y", "z"], standardize_target=True)
    net = Network([1, 2])
    model = Model(net, net.initialize(np.random.default_rng(0)), preprocessor)
    targets = table.matrix("y", "z")
    expected = targets.mean(axis=0) + targets.std(axis=0) * model.scores(table)
    np.testing.assert_allclose(model.predict(table), expected)


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_single_precision_comes_back_as_such(make, tmp_path):
    model = make()
    single = Parameters(model.parameters.spec, model.parameters.vector.astype(np.float32))
    save(tmp_path / "m", replace(model, parameters=single))
    assert load(tmp_path / "m").parameters.vector.dtype == np.float32
    assert load(tmp_path / "m").parameters == single


def test_every_function_of_the_library_goes_by_name():
    from chainrule.network import ACTIVATIONS

    for name in ACTIVATIONS:
        net = Network([3, 4, 2], name)
        assert network_from_dict(json.loads(json.dumps(network_to_dict(net)))) == net
    for kind in PENALTIES.values():
        net = Network([3, 2], penalty=kind(0.3, biases=True), bias=False, reduction="sum")
        assert network_from_dict(json.loads(json.dumps(network_to_dict(net)))) == net
    net = Network([4, 2], output="identity", loss="huber(2.5)")
    assert network_from_dict(network_to_dict(net)) == net


def test_own_functions_are_named_and_must_be_given_again(tmp_path):
    square = Activation("square", lambda z: z * z, lambda z: 2 * z, lambda z: 2 + 0 * z)
    impostor = Activation("tanh", np.sin, np.cos, lambda z: -np.sin(z), source="sin")
    net = Network([3, 4, 5, 2], [square, impostor])
    save(tmp_path / "m", Model(net, net.initialize(np.random.default_rng(0))))
    with pytest.raises(
        ModelFileError, match=r"activation 'square' is a function of the user's own.*functions="
    ):
        load(tmp_path / "m")
    with pytest.raises(ModelFileError, match="'tanh'"):
        load(tmp_path / "m", functions=[square])
    again = load(tmp_path / "m", functions=[impostor, square])
    assert again.definition.activation[0] is square and again.definition.activation[1] is impostor


def test_models_that_make_no_sense_are_refused_before_they_are_saved(tmp_path):
    net = Network([3, 2])
    theta = net.initialize(np.random.default_rng(0))
    with pytest.raises(ShapeError, match="sizes 3, 4"):
        Model(Network([3, 4]), theta)
    broken = theta.copy()
    broken["W1"][1, 2] = np.nan
    with pytest.raises(OptionError, match="W1 is not finite"):
        Model(net, broken)
    with pytest.raises(ShapeError, match="gives 5 columns; the network takes 3"):
        Model(net, theta, network_model().preprocessor)
    with pytest.raises(ShapeError, match="its sheet has W, b, v"):
        Model(SheetModel(SHEET, "L"), theta)
    shapes = {"W": np.ones((2, 3)), "b": np.ones(4), "v": np.ones(2)}
    with pytest.raises(ShapeError, match=r"b has shape \(4,\); the sheet says b: R\[M\], with M = 2"):
        Model(SheetModel(SHEET, "L"), Parameters.from_arrays(shapes))
    for wrong in (np.ones((2, 1)), np.ones(())):
        with pytest.raises(ShapeError, match=r"v has shape .*; the sheet says v: R\[M\]"):
            Model(SheetModel(SHEET, "L"), Parameters.from_arrays({**shapes, "b": np.ones(2), "v": wrong}))
    with pytest.raises(OptionError, match="no name 'K'"):
        SheetModel(SHEET, "K")
    with pytest.raises(OptionError, match='reduction is "mean" or "sum"; got \'max\''):
        SheetModel(SHEET, "L", reduction="max")
    for size in (-1, 2.0, True, "2"):
        with pytest.raises(OptionError, match="expected whole numbers"):
            SheetModel(SHEET, "L", sizes={"M": size})
    with pytest.raises(OptionError, match="record holds a object"):
        save(tmp_path / "m", Model(net, theta, record={"x": object()}))
    with pytest.raises(OptionError, match="takes a Model"):
        save(tmp_path / "m", theta)
    with pytest.raises(ModelFileError, match="cannot be written"):
        save(tmp_path / "no" / "m", Model(net, theta))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("preprocessor", [None, Preprocessor.fit(Table.of({"x": [0.0, 1.0, 2.0]}))])
def test_without_its_columns_a_model_predicts_nothing(preprocessor):
    net = Network([1, 1])
    model = Model(net, net.parameters.zeros(), preprocessor)
    for ask in (model.predict, model.scores):
        with pytest.raises(OptionError, match="saved without what turns a table into its input and target"):
            ask({"x": [1.0]})


def test_a_header_that_is_too_long_is_refused(saved, monkeypatch):
    monkeypatch.setattr("chainrule.persistence.container.MAX_HEADER", 100)
    with pytest.raises(ModelFileError, match=r"has a header of \d+ bytes; at most 100 are read"):
        load(saved[0])


def test_a_file_that_cannot_be_read_is_named(saved, monkeypatch):
    def refuse(*arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("chainrule.persistence.container.Path.open", refuse)
    with pytest.raises(ModelFileError, match=r"model.safetensors cannot be read: Permission denied\.$"):
        load(saved[0])


def test_records_become_json(tmp_path):
    net = Network([2, 1])
    record = {"loss": np.array([1.0, np.nan]), "n": np.int64(3), 5: (True, None, "x"), "inf": float("inf")}
    save(tmp_path / "m", Model(net, net.parameters.zeros(), record=record))
    assert load(tmp_path / "m").record == {"loss": [1.0, None], "n": 3, "5": [True, None, "x"], "inf": None}


def test_a_failed_write_leaves_the_old_file(saved, monkeypatch):
    path, model = saved
    before = path.read_bytes()

    def fail(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(ModelFileError, match="No space left"):
        save(path, model)
    assert path.read_bytes() == before and os.listdir(path.parent) == [path.name]


def test_every_truncation_is_noticed(saved):
    path, _ = saved
    content = path.read_bytes()
    for length in [*range(0, 40), *range(40, len(content), 7), len(content) - 1]:
        path.write_bytes(content[:length])
        with pytest.raises(ModelFileError, match="model.safetensors"):
            load(path)
    path.write_bytes(content + b"\x00")
    with pytest.raises(ModelFileError, match="damaged"):
        load(path)


def test_every_changed_byte_is_noticed(saved):
    path, model = saved
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    noticed = 0
    for place in [
        *range(0, 16),
        *rng.integers(16, len(content), 400),
        *range(len(content) - 24, len(content)),
    ]:
        changed = bytearray(content)
        changed[place] ^= int(rng.integers(1, 256))
        path.write_bytes(bytes(changed))
        try:
            found = load(path)
        except ModelFileError:
            noticed += 1
        else:
            assert_same(found, model)
    assert noticed > 400


def _file(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


META = {"__metadata__": {"chainrule": "{}"}}


def _tensor(**changed):
    return {**META, "W": {"dtype": "F64", "shape": [2, 3], "data_offsets": [0, 48], **changed}}


HOSTILE = {
    "header as long as the universe": b"\xff" * 8 + b"{}",
    "header longer than the file": (10**6).to_bytes(8, "little") + b"{}",
    "no JSON": _file(b"{" * 50),
    "deep nesting": _file(b"[" * 200_000),
    "huge integer": _file(b'{"__metadata__": {"chainrule": "{}"}, "W": ' + b"9" * 5000 + b"}"),
    "not UTF-8": _file(b'{"\xff": 1}'),
    "a list": _file([1, 2]),
    "doubled key": _file(b'{"a": 1, "a": 2}'),
    "NaN": _file(b'{"a": NaN}'),
    "no metadata": _file({"W": {"dtype": "F64", "shape": [0], "data_offsets": [0, 0]}}),
    "metadata of another kind": _file({"__metadata__": {"format": "pt"}}),
    "terabytes": _file(_tensor(shape=[10**6, 10**6], data_offsets=[0, 8 * 10**12])),
    "sizes that overflow": _file(_tensor(shape=[2**62, 2**62, 2**62], data_offsets=[0, 0])),
    "no entries, and too many of them": _file(_tensor(shape=[0, 2**62], data_offsets=[0, 0])),
    "negative size": _file(_tensor(shape=[-2, -3]), b"\0" * 48),
    "fractional size": _file(_tensor(shape=[2.0, 3]), b"\0" * 48),
    "true for one": _file(_tensor(shape=[True, 6]), b"\0" * 48),
    "too many axes": _file(_tensor(shape=[1] * 1000, data_offsets=[0, 8]), b"\0" * 8),
    "offsets backwards": _file(_tensor(data_offsets=[48, 0]), b"\0" * 48),
    "offsets past the end": _file(_tensor(data_offsets=[0, 480]), b"\0" * 48),
    "no offsets": _file(_tensor(data_offsets=[]), b"\0" * 48),
    "one offset": _file(_tensor(data_offsets=[48]), b"\0" * 48),
    "three offsets": _file(_tensor(data_offsets=[0, 48, 96]), b"\0" * 48),
    "a gap": _file(_tensor(data_offsets=[8, 56]), b"\0" * 56),
    "bytes left over": _file(_tensor(), b"\0" * 49),
    "overlap": _file(
        {**_tensor(), "V": {"dtype": "F64", "shape": [1], "data_offsets": [40, 48]}}, b"\0" * 48
    ),
    "another type": _file(_tensor(dtype="I8"), b"\0" * 48),
    "type is a list": _file(_tensor(dtype=[]), b"\0" * 48),
    "something more": _file(_tensor(code="import os"), b"\0" * 48),
    "nothing inside": _file(_tensor(), b"\0" * 48),
    "a pickle": b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x02os",
    "a zip": b"PK\x03\x04" + b"\0" * 100,
    "text": b"age,town\n31,Ulm\n",
    "empty": b"",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_and_take_no_memory(name, tmp_path):
    path = tmp_path / "x"
    path.write_bytes(HOSTILE[name])
    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError) as caught:
            load(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20 * len(HOSTILE[name]) + 500_000
    assert len(str(caught.value)) < 600


REASONS = {
    "empty": "has 0 bytes only; it is no model file, or was cut off",
    "header longer than the file": "announces a header of 1000000 bytes",
    "doubled key": "a key occurs twice",
    "NaN": "NaN is no number of JSON",
    "no metadata": "not one of chainrule",
    "terabytes": "have 8000000000000 bytes, the file has 0",
    "no entries, and too many of them": "which no array can have",
    "negative size": "is described by",
    "another type": "has type 'I8'; a model has F32 or F64",
    "a gap": "begins at 8, expected 0",
    "overlap": "begins at 40, expected 48",
    "bytes left over": "have 48 bytes, the file has 49",
    "nothing inside": "cannot be used as a model",
}


@pytest.mark.parametrize("name", REASONS)
def test_the_reason_is_given(name, tmp_path):
    path = tmp_path / "x"
    path.write_bytes(HOSTILE[name])
    with pytest.raises(ModelFileError, match=REASONS[name]):
        load(path)


def _resealed(model, change):
    """The bytes of a model file whose content is changed and whose checksum is right again."""
    from chainrule.persistence.files import _content, _digest

    arrays = {name: np.ascontiguousarray(value) for name, value in model.parameters.items()}
    content = json.loads(json.dumps(_content(model)))
    change(content)
    text = json.dumps({"sha256": _digest(content, arrays), "content": content})
    return save_tensors(arrays, metadata={"chainrule": text})


CHANGES = {
    "version": lambda c: c.update(version=2),
    "holds a 'other'": lambda c: c.update(format="other"),
    "kind 'forest' is not known": lambda c: c.update(kind="forest"),
    "relu7": lambda c: c["definition"].update(activation=["relu7"]),
    "sizes 5, 1000000000000, 2": lambda c: c["definition"].update(sizes=[5, 10**12, 2]),
    "100000 sizes": lambda c: c["definition"].update(sizes=[1] * 100_000),
    "8 sizes do not go with 4 parameters": lambda c: c["definition"].update(sizes=[1] * 8),
    "bias is 1; expected true or false": lambda c: c["definition"].update(bias=1),
    "target has 3 columns; the network has 2": lambda c: c["preprocessor"].update(
        target={"task": "regression", "names": ["a", "b", "c"], "centers": [0, 0, 0], "scales": [1, 1, 1]}
    ),
    "penalty is 'Evil'": lambda c: c["definition"].update(penalty={"name": "Evil"}),
    "strength": lambda c: c["definition"]["penalty"].update(strength=-1),
    "not the parameters it describes": lambda c: c["parameters"].pop(),
    "description has no 'record'": lambda c: c.pop("record"),
    "another kind of value": lambda c: c["definition"].update(sizes=3),
    "target has 3 classes; the network has 2": lambda c: c["preprocessor"]["target"].update(
        classes=["a", "b", "c"]
    ),
    "target has 1 classes": lambda c: c["preprocessor"]["target"].update(classes=["a"]),
    "no name of a column": lambda c: c["preprocessor"]["target"].update(name=1),
    "'centers' is missing": lambda c: c["preprocessor"].update(target={"task": "regression", "names": ["a"]}),
    "describes no numeric target": lambda c: c["preprocessor"].update(
        target={"task": "regression", "names": ["a", "b"], "centers": ["a", 0], "scales": [1, 1]}
    ),
    "columns is damaged": lambda c: c["preprocessor"].update(features=[{"kind": "numeric", "name": "age"}]),
    "no numeric column": lambda c: c["preprocessor"]["features"][0].update(scale="1"),
    "gives 0 columns": lambda c: c["preprocessor"].update(features=[]),
}


@pytest.mark.parametrize("message", CHANGES)
def test_contents_that_make_no_sense_are_refused_even_with_a_right_checksum(message, tmp_path):
    path = tmp_path / "m"
    path.write_bytes(_resealed(network_model(), CHANGES[message]))
    with pytest.raises(ModelFileError, match=message):
        load(path)


def test_a_wrong_checksum_is_told(tmp_path):
    from safetensors.numpy import load_file

    path = tmp_path / "m"
    save(path, network_model())
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(bytes(content))
    assert load_file(path)
    with pytest.raises(ModelFileError, match="checksum"):
        load(path)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = ["format", "version", "kind", "definition", "parameters", "preprocessor", "record", "certificate"]
INNER = ["sizes", "activation", "output", "loss", "penalty", "bias", "reduction"]


@settings(max_examples=150, deadline=None)
@given(key=st.sampled_from(KEYS + INNER), value=JSON)
def test_any_json_in_any_place_gives_a_model_or_a_refusal(tmp_path_factory, key, value):
    def change(content):
        (content["definition"] if key in INNER else content)[key] = value

    path = tmp_path_factory.mktemp("fuzz") / "m"
    path.write_bytes(_resealed(network_model(), change))
    with contextlib.suppress(ModelFileError):
        load(path)


def _places(content, place=()):
    """Every place in a description, the innermost last."""
    keys = (
        list(content)
        if isinstance(content, dict)
        else range(len(content) if isinstance(content, list) else 0)
    )
    for key in keys:
        yield (*place, key)
        yield from _places(content[key], (*place, key))


def _put(content, place, value):
    for key in place[:-1]:
        content = content[key]
    if value is LEFT_OUT:
        del content[place[-1]]
    else:
        content[place[-1]] = value


LEFT_OUT = object()
JUNK = [
    LEFT_OUT,
    None,
    "a",
    "",
    1,
    0,
    -1,
    1.5,
    [],
    {},
    [1],
    ["a"],
    True,
    10**400,
    [None],
    {"a": 1},
    2**62,
    1e300,
]


def _fuzzed(make, table, tmp_path, every):
    from chainrule.persistence.files import _content

    model, path = make(), tmp_path / "m"
    content = json.loads(json.dumps(_content(model)))
    cases = [(place, value) for place in _places(content) for value in JUNK]
    loaded = 0
    for place, value in cases[::every]:
        path.write_bytes(_resealed(model, lambda c, place=place, value=value: _put(c, place, value)))
        try:
            found = load(path)
            loaded += 1
            repr(found)
            with np.errstate(over="ignore"):
                found.predict(table)
        except ChainruleError as error:
            assert len(str(error)) < 1000 and "Error(" not in str(error), (place, value, str(error))
    assert 0 < loaded < len(cases[::every])


def two_outputs():
    """A regression with two outputs."""
    table = Table.of({"a": [1.0, 2, 3], "b": [3.0, 1, 2], "y": [1.0, 2, 4], "z": [0.0, 1, 1]})
    preprocessor = Preprocessor.fit(table, ["y", "z"], standardize_target=True)
    net = Network([2, 3, 2], "tanh", "identity", "squared")
    return Model(net, Parameters(net.parameters, np.arange(net.parameters.size) / 7), preprocessor)


@pytest.mark.parametrize("make", [network_model, sheet_model, two_outputs])
@pytest.mark.parametrize("every", [17, pytest.param(1, marks=pytest.mark.full)])
def test_junk_in_any_field_gives_a_model_that_predicts_or_a_refusal(make, every, tmp_path):
    table = Table.of({"a": [1.0, 2], "b": [3.0, 1]}) if make is two_outputs else TABLE
    _fuzzed(make, table, tmp_path, every)


def test_predictions_from_whatever_holds_a_table(tmp_path):
    class Frame:
        """As pandas and polars have it: columns and items."""

        columns = ("b", "a")

        def __getitem__(self, name):
            return {"a": np.array([1.0, 2.0]), "b": np.array([3.0, 1.0])}[name]

    model = two_outputs()
    path = tmp_path / "new.csv"
    path.write_text("b,a,more\n3,1,x\n1,2,y\n")
    wanted = model.predict(Table.of({"a": [1.0, 2.0], "b": [3.0, 1.0]}))
    for given_as in (
        {"b": [3, 1], "a": [1, 2]},
        [[1, 3], [2, 1]],
        np.array([[1.0, 3], [2, 1]]),
        path,
        Frame(),
    ):
        np.testing.assert_array_equal(model.predict(given_as), wanted)
    np.testing.assert_array_equal(model.predict(str(path)), wanted)
    for wrong, words in {
        "of shape (3,)": np.ones(3),
        "of shape (2, 3)": np.ones((2, 3)),
        "of shape ()": 7,
        "of shape () is": None,
        "is no table": [[1, 2], [3]],
        "no column 'a'": {"b": [1.0]},
        "holds object": {"a": [object()], "b": [1.0]},
        "no file": "nothing.csv",
    }.items():
        with pytest.raises(DataError, match=re.escape(wrong)):
            model.predict(words)


@settings(max_examples=100, deadline=None)
@given(header=JSON, data=st.binary(max_size=64))
def test_any_header_is_refused(tmp_path_factory, header, data):
    path = tmp_path_factory.mktemp("fuzz") / "m"
    path.write_bytes(_file(header, data))
    with pytest.raises(ModelFileError):
        load(path)


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(ModelFileError, match="no model file"):
        load(tmp_path / "m")
    with pytest.raises(ModelFileError, match="folder"):
        load(tmp_path)
    assert issubclass(ModelFileError, ChainruleError)


def test_a_penalty_of_the_users_own(tmp_path):
    class Cubic(Frobenius):
        pass

    net = Network([2, 1], penalty=Cubic(0.5))
    save(tmp_path / "m", Model(net, net.parameters.zeros()))
    with pytest.raises(ModelFileError, match="user's own"):
        load(tmp_path / "m")
    assert load(tmp_path / "m", functions=[Cubic(0.5)]).definition == net
