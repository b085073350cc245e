"""Stable scalar and row functions with their derivatives.

Every function accepts scalars and arrays, real or complex. Floating types are kept (float32 in, float32
out), integers become float64, scalars come back as NumPy scalars. Complex arguments serve the complex step:
each function is continued analytically from the branch its real part selects, so that ``f(x + ih).imag / h``
is the derivative to rounding. NaN passes through, limits at ±infinity are taken where they exist, and nothing
warns.

Derivatives keep their *relative* accuracy in the tails, where formulas in terms of the output, such as
1 - tanh(x)², have long been rounded to zero.
"""

from __future__ import annotations

import math
from typing import Any

from chainrule.arrays import Array, ArrayLike, np

__all__ = [
    "abs_",
    "elu",
    "elu_derivative",
    "elu_second_derivative",
    "erf",
    "erf_derivative",
    "erf_second_derivative",
    "gelu",
    "gelu_derivative",
    "gelu_second_derivative",
    "leaky_relu",
    "leaky_relu_derivative",
    "log1p",
    "log_normal_cdf",
    "log_sigmoid",
    "log_sigmoid_derivative",
    "log_sigmoid_second_derivative",
    "log_softmax",
    "logsumexp",
    "norm",
    "normal_cdf",
    "power",
    "power_derivative",
    "relu",
    "sigmoid",
    "sigmoid_derivative",
    "sigmoid_second_derivative",
    "sign",
    "silent_power",
    "silu",
    "silu_derivative",
    "silu_second_derivative",
    "softmax",
    "softplus",
    "softplus_derivative",
    "softplus_second_derivative",
    "step",
    "tanh",
    "tanh_derivative",
    "tanh_second_derivative",
]


# Beyond these arguments exp(-|x|), respectively exp(-x²/2), is zero in double precision, so clamping there
# changes no value and keeps products such as x·σ(x) from becoming infinity times zero.
_EXPONENTIAL_IS_ZERO = 800.0
_GAUSSIAN_IS_ZERO = 40.0


def _inexact(x: ArrayLike) -> Array:
    array = np.asarray(x)
    return array if array.dtype.kind in "fc" else array.astype(np.float64)


def _folded(x: Array) -> Array:
    """Whichever of x and -x has the non-negative real part; at zero, x."""
    return np.where(x.real < 0, -x, x) if np.iscomplexobj(x) else np.abs(x)


def _clamped(x: Array, bound: float, low: bool = True, high: bool = True) -> Array:
    """Hold x to [-bound, bound] by its real part."""
    if low:
        x = np.where(x.real < -bound, -bound, x)
    return np.where(x.real > bound, bound, x) if high else x


def log1p(x: ArrayLike) -> Any:
    """log(1 + x), of small x, too."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return _log1p(_inexact(x))


def _log1p(z: Array) -> Any:
    """log(1 + z); NumPy's complex version loses the real part of small z."""
    if not np.iscomplexobj(z):
        return np.log1p(z)
    real = 0.5 * np.log1p(z.real * (2 + z.real) + z.imag**2)
    return real + 1j * np.arctan2(z.imag, 1 + z.real)


def sigmoid(x: ArrayLike) -> Any:
    """σ(x) = 1 / (1 + exp(-x)), elementwise, with relative accuracy in the left tail.

    Examples
    --------
    >>> print(f"{sigmoid(0.0):.5g} {sigmoid(-700.0):.5g}")
    0.5 9.8597e-305
    """
    x = _inexact(x)
    e = np.exp(-_folded(x))
    return np.where(x.real < 0, e, 1) / (1 + e)


def sigmoid_derivative(x: ArrayLike) -> Any:
    """σ'(x) = σ(x) σ(-x) = e / (1 + e)² with e = exp(-|x|)."""
    e = np.exp(-_folded(_inexact(x)))
    return e / (1 + e) ** 2


def sigmoid_second_derivative(x: ArrayLike) -> Any:
    """σ''(x) = σ'(x) (1 - 2 σ(x)) = -σ'(x) tanh(x/2)."""
    x = _inexact(x)
    return -sigmoid_derivative(x) * tanh(x / 2)


def softplus(x: ArrayLike) -> Any:
    """log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)), elementwise.

    Examples
    --------
    >>> print(f"{softplus(1e4):.5g} {softplus(-50.0):.5g}")
    10000 1.9287e-22
    """
    x = _inexact(x)
    # Not relu: at Re x = 0 the imaginary part must survive, and _folded takes the same side.
    positive = np.where(x.real < 0, 0, x)
    return positive + _log1p(np.exp(-_folded(x)))


def softplus_derivative(x: ArrayLike) -> Any:
    """softplus'(x) = σ(x)."""
    return sigmoid(x)


def softplus_second_derivative(x: ArrayLike) -> Any:
    """softplus''(x) = σ'(x)."""
    return sigmoid_derivative(x)


def log_sigmoid(x: ArrayLike) -> Any:
    """The logarithm of the sigmoid, log σ(x) = -softplus(-x), elementwise."""
    return -softplus(-_inexact(x))


def log_sigmoid_derivative(x: ArrayLike) -> Any:
    """(log σ)'(x) = σ(-x) = 1 - σ(x), with relative accuracy in the right tail."""
    return sigmoid(-_inexact(x))


def log_sigmoid_second_derivative(x: ArrayLike) -> Any:
    """(log σ)''(x) = -σ'(x)."""
    return -sigmoid_derivative(x)


def log_cosh(x: ArrayLike) -> Any:
    """The logarithm of the hyperbolic cosine, elementwise: log(1 + 2 sinh²(x/2)), far out abs(x) - log 2."""
    size = _folded(_inexact(x))
    far = size.real > 1
    near = np.log1p(2 * np.square(np.sinh(np.where(far, 0, size) / 2)))
    return np.where(far, size + np.log1p(np.exp(-2 * size)) - np.log(2), near)


def tanh(x: ArrayLike) -> Any:
    """tanh(x), elementwise."""
    x = _inexact(x)
    if not np.iscomplexobj(x):
        return np.tanh(x)
    # (1 - e²) / (1 + e²) from the decaying side; the library's complex tanh has overflowed on some platforms.
    e = np.expm1(-2 * _folded(x))
    return np.where(x.real < 0, e, -e) / (2 + e)


def tanh_derivative(x: ArrayLike) -> Any:
    """tanh'(x) = 1 - tanh²(x) = 4e / (1 + e)² with e = exp(-2|x|).

    Examples
    --------
    >>> print(f"{tanh_derivative(40.0):.5g} {1 - np.tanh(40.0) ** 2:.5g}")
    7.2194e-35 0
    """
    return 4 * sigmoid_derivative(2 * _inexact(x))


def tanh_second_derivative(x: ArrayLike) -> Any:
    """tanh''(x) = -2 tanh(x) tanh'(x)."""
    return -2 * tanh(x) * tanh_derivative(x)


def relu(x: ArrayLike) -> Any:
    """max(x, 0), elementwise."""
    x = _inexact(x)
    return np.where(x.real <= 0, 0, x)[()] if np.iscomplexobj(x) else np.maximum(x, 0)


def step(x: ArrayLike) -> Any:
    """1 where x > 0 and 0 elsewhere, 0 at x = 0: the derivative of relu; real, whatever x."""
    return np.heaviside(_inexact(x).real, 0)


def leaky_relu(x: ArrayLike, slope: float = 0.01) -> Any:
    """Give x where x > 0 and slope·x elsewhere."""
    x = _inexact(x)
    return np.where(x.real > 0, x, slope * x)[()]


def leaky_relu_derivative(x: ArrayLike, slope: float = 0.01) -> Any:
    """1 where x > 0 and the slope elsewhere, also at 0; real, whatever x."""
    real = _inexact(x).real
    return np.where(real > 0, real.dtype.type(1), real.dtype.type(slope))[()]


def elu(x: ArrayLike, alpha: float = 1.0) -> Any:
    """Give x where x > 0 and alpha (exp(x) - 1) elsewhere."""
    x = _inexact(x)
    return np.where(x.real > 0, x, alpha * np.expm1(_minimum_zero(x)))[()]


def elu_derivative(x: ArrayLike, alpha: float = 1.0) -> Any:
    """1 where x > 0 and alpha exp(x) elsewhere, also at 0."""
    x = _inexact(x)
    return np.where(x.real > 0, 1, alpha * np.exp(_minimum_zero(x)))[()]


def elu_second_derivative(x: ArrayLike, alpha: float = 1.0) -> Any:
    """0 where x > 0 and alpha exp(x) elsewhere, also at 0."""
    x = _inexact(x)
    return np.where(x.real > 0, 0, alpha * np.exp(_minimum_zero(x)))[()]


def _minimum_zero(x: Array) -> Array:
    return np.where(x.real > 0, 0, x)


def silu(x: ArrayLike) -> Any:
    """The product x σ(x), elementwise (also called swish)."""
    x = _clamped(_inexact(x), _EXPONENTIAL_IS_ZERO, high=False)
    return x * sigmoid(x)


def silu_derivative(x: ArrayLike) -> Any:
    """silu'(x) = σ(x) + x σ'(x)."""
    x = _clamped(_inexact(x), _EXPONENTIAL_IS_ZERO)
    return sigmoid(x) + x * sigmoid_derivative(x)


def silu_second_derivative(x: ArrayLike) -> Any:
    """silu''(x) = σ'(x) (2 - x tanh(x/2))."""
    x = _clamped(_inexact(x), _EXPONENTIAL_IS_ZERO)
    return sigmoid_derivative(x) * (2 - x * tanh(x / 2))


def erf(x: ArrayLike) -> Any:
    """erf(x) = 2/√π ∫₀ˣ exp(-t²) dt, elementwise."""
    from scipy import special

    return special.erf(_inexact(x))


def erf_derivative(x: ArrayLike) -> Any:
    """erf'(x) = 2/√π exp(-x²)."""
    x = _clamped(_inexact(x), _GAUSSIAN_IS_ZERO)
    return 2 / math.sqrt(math.pi) * np.exp(-x * x)


def erf_second_derivative(x: ArrayLike) -> Any:
    """erf''(x) = -2x erf'(x)."""
    x = _clamped(_inexact(x), _GAUSSIAN_IS_ZERO)
    return -2 * x * erf_derivative(x)


def normal_cdf(x: ArrayLike) -> Any:
    """Φ(x), the standard normal distribution function, by erfc: with relative accuracy in the left tail."""
    from scipy import special

    return special.erfc(-_inexact(x) * math.sqrt(0.5)) / 2


def log_normal_cdf(x: ArrayLike) -> Any:
    """Log Φ(x), far out on both sides, too."""
    from scipy import special

    return special.log_ndtr(_inexact(x))


def _normal_density(x: Array) -> Any:
    return np.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def gelu(x: ArrayLike) -> Any:
    """The product x Φ(x) with Φ the standard normal distribution function (not the tanh approximation)."""
    x = _clamped(_inexact(x), _GAUSSIAN_IS_ZERO, high=False)
    return x * normal_cdf(x)


def gelu_derivative(x: ArrayLike) -> Any:
    """gelu'(x) = Φ(x) + x φ(x) with φ the standard normal density."""
    x = _clamped(_inexact(x), _GAUSSIAN_IS_ZERO)
    return normal_cdf(x) + x * _normal_density(x)


def gelu_second_derivative(x: ArrayLike) -> Any:
    """gelu''(x) = φ(x) (2 - x²)."""
    x = _clamped(_inexact(x), _GAUSSIAN_IS_ZERO)
    return _normal_density(x) * (2 - x * x)


def sign(x: ArrayLike) -> Any:
    """-1, 0 or 1 by the real part of x; real, whatever x."""
    return np.sign(_inexact(x).real)


def abs_(x: ArrayLike) -> Any:
    """|x| = x sign(Re x), which for complex x is the continuation of |x|, not the modulus."""
    x = _inexact(x)
    if not np.iscomplexobj(x):
        return np.abs(x)
    return np.where(x.real == 0, 0, _folded(x))[()]


def _shifted(x: Array, axis: int) -> tuple[Array, Array, Array]:
    """The maximum of each slice, x minus it, and the sum of the exponentials of all others."""
    index = np.argmax(x.real, axis=axis, keepdims=True)
    top = np.take_along_axis(x, index, axis)
    with np.errstate(invalid="ignore"):
        # An entry that equals an infinite maximum is 0 below it; rows that are all -infinity stay NaN.
        below = np.where((x == top) & (top.real > 0), 0, x - top)
    weights = np.exp(below)
    np.put_along_axis(weights, index, 0, axis)
    return top, below, weights.sum(axis=axis, keepdims=True)


def logsumexp(x: ArrayLike, axis: int = -1) -> Any:
    """The logarithm log Σ_j exp(x_j) along an axis, without overflow or loss when one term dominates.

    The exponentials below the largest are added through log1p, so logsumexp([0, -50]) is exp(-50), not 0.

    Examples
    --------
    >>> print(f"{logsumexp([1e3, 1e3]) - 1e3:.5f} {logsumexp([0.0, -50.0]):.5g}")
    0.69315 1.9287e-22
    """
    x = _inexact(x)
    if x.shape[axis] == 0:
        return np.full(np.delete(x.shape, axis), -np.inf, x.dtype)[()]
    top, _, rest = _shifted(x, axis)
    result = np.where(np.isfinite(top), top + _log1p(rest), top)
    return np.squeeze(result, axis)[()]


def log_softmax(x: ArrayLike, axis: int = -1) -> Any:
    """The difference x_j - logsumexp(x) along an axis, at the largest entry with relative accuracy."""
    x = _inexact(x)
    if x.shape[axis] == 0:
        return x.copy()
    _, below, rest = _shifted(x, axis)
    return below - _log1p(rest)


def softmax(x: ArrayLike, axis: int = -1) -> Any:
    """exp(x_j) / Σ_k exp(x_k) along an axis: positive, summing to 1.

    Examples
    --------
    >>> softmax([1e4, 1e4, -1e4])
    array([0.5, 0.5, 0. ])
    """
    x = _inexact(x)
    if x.shape[axis] == 0:
        return x.copy()
    _, below, rest = _shifted(x, axis)
    return np.exp(below) / (1 + rest)


def norm(x: ArrayLike, axes: int | None = None) -> Array:
    """The Euclidean norm along the last axes, all of them by default.

    sqrt(Σ x²), without a conjugate, divided by the largest entry first: no square overflows or vanishes.

    Parameters
    ----------
    x : array_like
    axes : int, optional
        How many.
    """
    array = _inexact(x)
    along = tuple(range(array.ndim - (array.ndim if axes is None else axes), array.ndim))
    with np.errstate(all="ignore"):
        largest = np.max(np.abs(array.real), axis=along, keepdims=True, initial=0)
        scale = np.where((largest > 0) & np.isfinite(largest), largest, np.ones_like(largest))
        root = np.sqrt(np.sum(np.square(array / scale), axis=along))
    return np.asarray(root * scale.reshape(root.shape))[()]


def power(base: ArrayLike, exponent: ArrayLike) -> Any:
    """Base to the power of an exponent, entry by entry.

    A negative base has its whole powers alone; others are NaN. 0 ** 0 is 1. A complex step on a negative base
    keeps the sign of the whole power, without a cut of the logarithm.

    Parameters
    ----------
    base, exponent : array_like
        Of shapes that broadcast.
    """
    with np.errstate(all="ignore"):
        return silent_power(base, exponent)


def silent_power(base: ArrayLike, exponent: ArrayLike) -> Any:
    """`power` for a caller that has silenced NumPy's warnings: ``errstate`` costs more than a small power."""
    u, v = _inexact(base), _inexact(exponent)
    if u.dtype.kind == v.dtype.kind == "f":
        return np.power(u, v)
    below = u.real < 0
    whole = (v.imag == 0) & (np.rint(v.real) == v.real)
    sign = np.where(whole, np.where(v.real % 2 == 0, 1.0, -1.0), np.nan)
    return np.power(np.where(below, -u, u), v) * np.where(below, sign, 1.0)


def power_derivative(base: ArrayLike, exponent: ArrayLike, by_base: int, by_exponent: int) -> Array:
    """The derivative of base ** exponent, so many times by the base and by the exponent.

    n times by the base it is v (v-1) … (v-n+1) u ** (v-n), which needs no logarithm and is 0 where the
    factors in front are 0. By the exponent it is u ** v (log u)ᵐ: 0 at u = 0 for v > 0, and NaN for u < 0.

    Parameters
    ----------
    base, exponent : array_like
        Of shapes that broadcast.
    by_base, by_exponent : int
        The orders n and m.
    """
    u, v = np.broadcast_arrays(_inexact(base), _inexact(exponent))
    # The derivatives of P(v) = v (v-1) … (v-n+1), by Leibniz' rule beside those of u ** (v-n).
    polynomial = np.polynomial.Polynomial.fromroots(range(by_base)) if by_base else None
    total = np.zeros(u.shape, np.result_type(u, v))
    with np.errstate(all="ignore"):
        for j in range(by_exponent + 1):
            order = by_exponent - j
            front = np.asarray(1.0 * (j == 0)) if polynomial is None else polynomial.deriv(j)(v)
            logarithms = np.log(u) ** order if order else np.ones_like(u)
            total += np.where(front == 0, 0, math.comb(by_exponent, j) * front * logarithms)
        value = total * power(u, v - by_base)
    value = np.where((total == 0) | ((u == 0) & (v.real > by_base)), 0, value)
    return np.where(u.real < 0, np.nan, value)[()] if by_exponent else value[()]
