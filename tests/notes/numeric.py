"""Oracles in plain NumPy: the complex step, and the functions of the notes spelled out."""

import numpy as np

STEP = 1e-30


def derivative(function, x):
    """Jacobian of an analytic function by the complex step, output axes first."""
    x = np.asarray(x, float)
    columns = []
    for index in np.ndindex(x.shape):
        moved = x.astype(complex)
        moved[index] += 1j * STEP
        columns.append(np.asarray(function(moved)).imag / STEP)
    shape = columns[0].shape
    return np.stack(columns, axis=-1).reshape(*shape, *x.shape)


def sigma(t):
    return 1 / (1 + np.exp(-t))


def relu(t):
    return np.where(np.real(t) > 0, t, 0)


def step(t):
    return np.where(np.real(t) > 0, 1.0, 0.0)


def softmax(t):
    return np.exp(t) / np.exp(t).sum()


def close(actual, expected, rtol=1e-10):
    """Equal to rounding, relative to the largest entry, and of one shape."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, f"{actual.shape} against {expected.shape}"
    scale = max(np.max(np.abs(expected), initial=0.0), 1e-12)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=rtol * scale)
