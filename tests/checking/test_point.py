"""Points: one vector on the inside, the caller's own form on the outside."""

import numpy as np
import pytest

from chainrule.checking.point import Block, point_of
from chainrule.errors import OptionError, ShapeError, UncheckableError
from chainrule.parameters import Parameters

AT = {"W": np.array([[3.0, -4.0, 0.0], [0.0, 0.0, 5.0]]), "b": np.zeros(2), "s": -7.0}


def test_blocks_lie_one_after_the_other_row_by_row():
    point = point_of(AT)
    assert point.vector.tolist() == [3, -4, 0, 0, 0, 5, 0, 0, -7]
    assert point.blocks == (
        Block("W", (2, 3), 0, 6, pytest.approx(np.sqrt(50 / 6))),
        Block("b", (2,), 6, 8, 1.0),
        Block("s", (), 8, 9, 7.0),
    )
    assert [block.size for block in point.blocks] == [6, 2, 1]
    assert [point.blocks[0].index(j) for j in (0, 2, 3)] == [(0, 0), (0, 2), (1, 0)]
    assert point.blocks[2].index(0) == ()


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128])
def test_the_way_back_gives_what_arrived(dtype):
    for at, kind in ((AT, dict), (Parameters.from_arrays(AT), Parameters)):
        point = point_of(at)
        again = point.rebuild(point.vector, dtype)
        assert type(again) is kind and not point.is_single
        for name, array in AT.items():
            assert again[name].dtype == dtype
            np.testing.assert_array_equal(again[name], array)
    point = point_of(AT["W"])
    again = point.rebuild(2 * point.vector, dtype)
    assert point.is_single and again.dtype == dtype
    np.testing.assert_array_equal(again, 2 * AT["W"])
    assert point.by_name({"x": again}) is again
    assert point_of(AT).by_name({"W": 1, "b": 2}) == {"W": 1, "b": 2}


@pytest.mark.parametrize(
    ("arrays", "coarsest"),
    [
        ([np.ones(2, np.float32), np.ones(3)], np.float32),
        ([np.ones(3), np.ones(2, np.float32)], np.float32),
        ([np.ones(3), np.ones(2, np.float16), np.ones(2, np.float32)], np.float16),
        ([np.ones(3, int), np.ones(2, np.float32)], np.float32),
        ([np.ones(3, int), np.array([True, False])], np.float64),
        ([np.ones(3)], np.float64),
    ],
)
def test_the_coarsest_type_counts(arrays, coarsest):
    point = point_of({f"a{j}": array for j, array in enumerate(arrays)})
    assert point.dtype == coarsest and point.vector.dtype == np.float64


@pytest.mark.parametrize(
    ("at", "error", "message"),
    [
        ({}, ShapeError, "the point has no entries"),
        (np.zeros((0, 3)), ShapeError, "the point has no entries"),
        ({"a": np.ones(2), "b": 1j}, OptionError, "b holds complex128 values"),
        ({"a": ["x"]}, OptionError, "a holds <U1 values"),
        (
            {"a": [[1.0, 2.0], [np.nan, np.inf]]},
            UncheckableError,
            r"a\[1, 0\] is nan; a point must be finite",
        ),
        (np.inf, UncheckableError, r"x\[\] is inf"),
    ],
)
def test_what_is_no_point(at, error, message):
    with pytest.raises(error, match=message):
        point_of(at)


def test_a_block_without_entries_beside_others_has_none():
    assert point_of({"a": np.zeros((0, 2)), "b": [1.0]}).blocks[0] == Block("a", (0, 2), 0, 0, 1.0)
