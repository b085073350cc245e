"""Data that stand in a table: a file, a bundled set, a frame, a mapping; the same as their arrays."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.data import Table, bundled, read_table
from chainrule.errors import DataError, OptionError
from chainrule.network import Network
from chainrule.optimizers import Adam

LINE = cr.Equations("data x: R; y: R; parameters a: R; b: R; L = (a * x + b - y)**2")
PLANE = cr.Equations("data x: R[p]; y: Class[K]; parameters V: R[K, p]; f = V @ x; L = logsumexp(f) - f[y]")
ROWS = {"x": [1.0, 2.0, 3.0, 4.0], "y": [2.5, 4.0, 6.5, 7.0], "town": ["Ulm", "Bonn", "Ulm", "Kiel"]}
POINTS = {"x0": [1.0, 2.0, 3.0, 4.0], "x1": [0.5, 0.0, 1.0, 2.0], "y": ["b", "a", "b", "a"]}


class Frame:
    """What data frames have in common."""

    def __init__(self, columns):
        self.columns, self._columns = tuple(columns), columns

    def __getitem__(self, name):
        return self._columns[name]


def written(tmp_path, columns):
    path = tmp_path / "rows.csv"
    lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    path.write_text("\n".join(lines) + "\n")
    return path


def tables(tmp_path, columns):
    path = written(tmp_path, columns)
    return [path, str(path), Frame(columns), Table.of(columns), read_table(path)]


def theta(model, data, **options):
    return cr.fit(model, data=data, method=Adam(0.05), epochs=3, progress=False, **options).parameters.vector


def test_a_sheet_takes_the_columns_of_its_names(tmp_path):
    expected = theta(LINE, {"x": np.array(ROWS["x"]), "y": np.array(ROWS["y"])}, of="L")
    for table in tables(tmp_path, ROWS):
        np.testing.assert_array_equal(theta(LINE, table, of="L", validation=table), expected)
    X = np.column_stack([POINTS["x0"], POINTS["x1"]])
    expected = theta(PLANE, {"x": X, "y": POINTS["y"]}, of="L")
    for table in tables(tmp_path, POINTS):
        np.testing.assert_array_equal(theta(PLANE, table, of="L"), expected)
        assert cr.fit(PLANE, data=table, of="L", epochs=1, progress=False).classes == {"y": ("a", "b")}
    minimum = cr.minimize(LINE, of="L", data={name: ROWS[name] for name in "xy"}).parameters.vector
    np.testing.assert_allclose(cr.minimize(LINE, of="L", data=Frame(ROWS)).parameters.vector, minimum)


def test_the_columns_of_a_vector_stand_by_their_numbers(tmp_path):
    X = np.random.default_rng(0).normal(size=(4, 11))
    expected = theta(PLANE, {"x": X, "y": POINTS["y"]}, of="L")
    shuffled = {f"x{j}": X[:, j].tolist() for j in (10, 2, 0, 1, 9, 3, 4, 8, 7, 6, 5)} | {"y": POINTS["y"]}
    for table in tables(tmp_path, shuffled):
        np.testing.assert_array_equal(theta(PLANE, table, of="L"), expected)
    gap = {name: POINTS[old] for name, old in (("x2", "x1"), ("x0", "x0"), ("y", "y"))}
    np.testing.assert_array_equal(theta(PLANE, Frame(gap), of="L"), theta(PLANE, Frame(POINTS), of="L"))
    with pytest.raises(DataError, match=r"columns 'x0' and 'x00' have the same number"):
        theta(PLANE, Frame({**POINTS, "x00": POINTS["x1"]}), of="L")


def test_a_network_takes_a_table_and_a_target(tmp_path):
    X, y = np.column_stack([POINTS["x0"], POINTS["x1"]]), np.array(POINTS["y"])
    net = Network([2, 3, 2], output="softmax", loss="cross_entropy")
    expected = theta(net, (X, y))
    inputs = {name: POINTS[name] for name in ("x0", "x1")}
    for table in tables(tmp_path, POINTS):
        np.testing.assert_array_equal(theta(net, (table, "y")), expected)
    for table in tables(tmp_path, inputs):
        np.testing.assert_array_equal(theta(net, (table, y)), expected)
    np.testing.assert_array_equal(theta(net, (inputs, y), validation=(inputs, y)), expected)
    iris = bundled("iris")
    net = Network([4, 3], output="softmax", loss="cross_entropy")
    plain = theta(net, (iris.without("species").matrix(), iris["species"].values.astype(str)))
    np.testing.assert_array_equal(theta(net, ("iris", "species")), plain)


def test_what_a_table_lacks_is_named(tmp_path):
    net = Network([2, 1])
    with pytest.raises(DataError, match=r"no column 'cost'"):
        theta(net, (Frame(ROWS), "cost"))
    with pytest.raises(DataError, match=r"column 'town' is categorical .* expected numbers"):
        theta(net, (Frame(ROWS), "y"))
    with pytest.raises(DataError, match=r"row 2, column 'x': a value is missing"):
        theta(LINE, Frame({"x": [1.0, None], "y": [1.0, 2.0]}), of="L")
    with pytest.raises(DataError, match="There is no file"):
        theta(LINE, tmp_path / "none.csv", of="L")
    with pytest.raises(OptionError, match=r"a network needs the pair"):
        theta(net, Frame(ROWS))
    with pytest.raises(cr.errors.ChainruleError, match="y"):
        theta(LINE, Frame({"x": [1.0, 2.0]}), of="L")
