"""Values of elementwise functions that neither NumPy nor `chainrule.special` has, as literal as can be."""

import math

from chainrule import special
from chainrule.arrays import Array, np


def arcsin_slope(x: Array) -> Array:
    return np.asarray(1 / np.sqrt((1 - x) * (1 + x)))


def divisor(u: Array) -> Array:
    return np.where(np.abs(u.real) < np.finfo(u.dtype).tiny, np.inf, u)


def normal_cdf(x: Array) -> Array:
    return np.asarray(0.5 * (1 + special.erf(x / math.sqrt(2))))


def normal_pdf(x: Array) -> Array:
    return np.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def normal_hazard(x: Array) -> Array:
    return normal_pdf(x) / normal_cdf(x)


def normal_hazard_slope(x: Array) -> Array:
    return np.asarray(-(x + normal_hazard(x)) * normal_hazard(x))


def cloglog(x: Array) -> Array:
    return np.asarray(np.log(1 - np.exp(-np.exp(x))))


def cloglog_slope(x: Array) -> Array:
    return np.asarray(np.exp(x) / (np.exp(np.exp(x)) - 1))


def cloglog_curvature(x: Array) -> Array:
    return np.asarray(cloglog_slope(x) * (1 - np.exp(x) - cloglog_slope(x)))


def tanh_slope(x: Array) -> Array:
    return np.asarray(1 - np.tanh(x) ** 2)
