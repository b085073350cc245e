"""The parameter vector: layout, views, arithmetic, errors."""

import copy
import pickle

import numpy as np
import pytest

from chainrule.errors import OptionError, ShapeError
from chainrule.parameters import Parameters, ParameterSpec

SPEC = ParameterSpec.of({"W1": (4, 3), "b1": (4,), "s": (), "T": (2, 3, 5)})


def test_a_matrix_lies_as_its_columns_stacked():
    theta = np.arange(float(SPEC.size))
    W = SPEC.views(theta)["W1"]
    np.testing.assert_array_equal(W.ravel(order="F"), theta[:12])
    assert W.T.flags.c_contiguous


def test_views_write_through_and_share_memory():
    theta = SPEC.zeros()
    theta["W1"][2, 1] = 7.0
    theta["s"][...] = 3.0
    assert theta.vector[1 * 4 + 2] == 7.0
    assert theta.vector[16] == 3.0
    assert all(np.shares_memory(view, theta.vector) for view in theta.values())


def test_pack_and_views_are_inverse():
    rng = np.random.default_rng(0)
    values = {name: rng.normal(size=shape) for name, shape in SPEC.shapes}
    views = SPEC.views(SPEC.pack(values))
    for name in SPEC.names:
        np.testing.assert_array_equal(views[name], values[name])


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_dtype_is_kept(dtype):
    values = {name: np.ones(shape, dtype) for name, shape in SPEC.shapes}
    assert SPEC.pack(values).dtype == dtype


def test_arithmetic_acts_on_the_vector_and_leaves_the_operands():
    rng = np.random.default_rng(1)
    a = Parameters(SPEC, rng.normal(size=SPEC.size))
    b = Parameters(SPEC, rng.normal(size=SPEC.size))
    before = a.vector.copy()
    np.testing.assert_array_equal((a + 2 * b).vector, a.vector + 2 * b.vector)
    np.testing.assert_array_equal((1 - a).vector, 1 - a.vector)
    np.testing.assert_array_equal((np.float64(2) * a / 4 - b).vector, 2 * a.vector / 4 - b.vector)
    np.testing.assert_array_equal((2 + -a * 3).vector, 2 - 3 * a.vector)
    assert a.dot(b) == pytest.approx(float(a.vector @ b.vector))
    assert a.norm() == pytest.approx(float(np.linalg.norm(a.vector)))
    np.testing.assert_array_equal(a.vector, before)
    assert a == a.copy() and a != b and a != before.tolist()


def test_only_parameters_of_one_layout_and_numbers_are_operands():
    theta = SPEC.zeros()
    with pytest.raises(ShapeError, match=r"left W1 \(4, 3\).*right w \(47,\)"):
        theta + ParameterSpec.of({"w": (47,)}).zeros()
    for other in ([1.0], {"W1": 1.0}):
        with pytest.raises(TypeError):
            theta - other


def test_errors_say_what_would_be_right():
    with pytest.raises(ShapeError, match=r"W1 has shape \(3, 4\); expected \(4, 3\)"):
        SPEC.pack({name: np.ones((3, 4) if name == "W1" else shape) for name, shape in SPEC.shapes})
    with pytest.raises(ShapeError, match="missing: b1, s, T; unknown: q"):
        SPEC.pack({"W1": np.ones((4, 3)), "q": 1.0})
    with pytest.raises(ShapeError, match="need \\(47,\\)"):
        SPEC.views(np.zeros(8))
    with pytest.raises(ShapeError, match="must differ"):
        ParameterSpec((("a", (1,)), ("a", (2,))))
    with pytest.raises(ShapeError, match="sizes cannot be negative"):
        ParameterSpec.of({"a": (2, -1)})
    assert ParameterSpec.of({"a": (2, 0)}).size == 0
    with pytest.raises(KeyError, match="No parameter 'V'"):
        SPEC.zeros()["V"]
    with pytest.raises(ShapeError, match="got a value of shape"):
        SPEC.zeros()["b1"] = np.ones((4, 1))


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda theta: pickle.loads(pickle.dumps(theta))]
)
def test_views_of_a_copy_are_views_of_its_vector(copied):
    theta = Parameters(SPEC, np.arange(float(SPEC.size)))
    other = copied(theta)
    assert other == theta
    other["W1"][3, 2] = -1.0
    assert other.vector[2 * 4 + 3] == -1.0


def test_a_vector_with_gaps_has_no_views():
    with pytest.raises(ShapeError, match=r"16 bytes from number to number.*theta\.copy\(\)"):
        Parameters(SPEC, np.zeros(2 * SPEC.size)[::2])


def test_the_vector_of_what_stands_for_it():
    flat = np.arange(float(SPEC.size))
    theta = Parameters(SPEC, flat)
    assert SPEC.vector(theta) is flat and SPEC.vector(flat) is flat
    for given in (dict(theta), flat.tolist(), flat.astype(int), np.repeat(flat, 2)[::2]):
        found = SPEC.vector(given)
        assert found.flags.c_contiguous and found.dtype == np.float64
        np.testing.assert_array_equal(found, flat)
    for kept in (np.float32, np.complex128):
        assert SPEC.vector(flat.astype(kept)).dtype == kept
    with pytest.raises(ShapeError, match=r"the direction has shape \(5,\); these parameters need"):
        SPEC.vector(np.ones(5), "the direction")
    with pytest.raises(ShapeError, match=r"theta is Parameters\(W \(2, 3\); 6 in all"):
        SPEC.vector(ParameterSpec.of({"W": (2, 3)}).zeros())
    with pytest.raises(OptionError, match="theta holds <U1 values"):
        SPEC.vector(["a"] * SPEC.size)
