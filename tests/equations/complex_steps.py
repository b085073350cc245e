"""Derivatives of a sheet's quantities by the complex step through the literal evaluation; nothing derived."""

import numpy as np

STEP = 1e-30


def jacobian(model, of, wrt, values, sizes=None):
    """D of / d wrt, axes of ``of`` first."""
    at = np.asarray(values[wrt], dtype=float)
    columns = []
    for place in np.ndindex(at.shape):
        moved = at.astype(complex)
        moved[place] += STEP * 1j
        columns.append(np.imag(model.evaluate(of, {**values, wrt: moved}, sizes=sizes)) / STEP)
    stacked = np.stack(columns, axis=-1)
    return stacked.reshape(stacked.shape[:-1] + at.shape)


def close(actual, expected, tolerance=1e-9):
    """Equal shapes, and equal to rounding relative to the largest entry."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, (actual.shape, expected.shape)
    scale = 1 + np.max(np.abs(expected), initial=0)
    assert np.max(np.abs(actual - expected), initial=0) <= tolerance * scale, (actual, expected)
