"""The logarithm of the gamma function and its derivatives, of arrays and of decimals.

ψ⁽ⁿ⁾, the n-th derivative of the digamma function ψ = (log Γ)', is shifted to where its asymptotic series is
short, and reflected left of 0:

    ψ⁽ⁿ⁾(z) = ψ⁽ⁿ⁾(z + 1) - (-1)ⁿ n! / zⁿ⁺¹,    ψ⁽ⁿ⁾(z) = (-1)ⁿ ψ⁽ⁿ⁾(1 - z) - π dⁿ/dzⁿ cot(π z)

Source: NIST Digital Library of Mathematical Functions, 5.5, 5.11 and 5.15.
"""

from __future__ import annotations

import decimal
import math
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from functools import cache, partial
from typing import Any

from chainrule import decimals
from chainrule.arrays import ArrayLike, np

HIGHEST = 12
"""The highest order of ψ: its derivative is refused."""
SHIFT = 24
"""From here on ten terms of the series have all digits of a double, of every order up to the highest."""


@cache
def _bernoulli(n: int) -> Fraction:
    """The n-th Bernoulli number, from Σ binom(n + 1, k) B_k = 0."""
    if n == 0:
        return Fraction(1)
    if n > 1 and n % 2:
        return Fraction(0)
    return -sum((math.comb(n + 1, k) * _bernoulli(k) for k in range(n)), Fraction(0)) / (n + 1)


def polygamma_name(n: int) -> str:
    """What ψ⁽ⁿ⁾ is called among the elementwise functions."""
    return f"polygamma_{n}" if n else "digamma"


def gammaln(x: ArrayLike) -> Any:
    """Log |Γ(x)|, elementwise; ∞ at 0, -1, -2, ...

    Examples
    --------
    >>> print(f"{gammaln(5.0):.6g} {gammaln(-0.5):.6g}")
    3.17805 1.26551
    """
    from scipy import special

    x = np.asarray(x)
    with np.errstate(all="ignore"):
        if not np.iscomplexobj(x):
            # SciPy's real one has 7 digits at 2 - 1e-9, beside its zero; the complex one has all.
            near = (abs(x - 1) < 0.2) | (abs(x - 2) < 0.2)
            return np.where(near, special.loggamma(np.where(near, x, 1) + 0j).real, special.gammaln(x))[()]
        # SciPy's logarithm of a complex Γ turns by iπ at each pole: no derivative would be left of |Γ|.
        left = x.real < 0.5
        value = special.loggamma(np.where(left, 1 - x, x))
        sine = np.sin(math.pi * (x - np.round(x.real)))
        sine = np.where(sine.real < 0, -sine, sine)
        return np.where(left, math.log(math.pi) - np.log(sine) - value, value)


def polygamma(n: int, x: ArrayLike) -> Any:
    """ψ⁽ⁿ⁾(x), elementwise, of a whole order n ≥ 0; ±∞ or NaN at 0, -1, -2, ...

    Examples
    --------
    >>> print(f"{polygamma(0, 1.0):.6g} {polygamma(1, 1.0):.6g}")
    -0.577216 1.64493
    """
    x = np.asarray(x)
    x = x if np.issubdtype(x.dtype, np.inexact) else x.astype(np.float64)
    with np.errstate(all="ignore"):
        left = x.real <= 0
        z = np.where(left, 1 - x, x)
        shifted = np.asarray(_series(n, z + SHIFT, np.log(z + SHIFT) if n == 0 else None, 10))
        lower = sum((z + k) ** -(n + 1.0) for k in range(SHIFT))
        value = shifted - (-1) ** n * math.factorial(n) * lower
        angle = math.pi * (x - np.round(x.real))
        turned = _cotangent_slope(n, np.cos(angle) / np.sin(angle))
        return np.where(left, (-1) ** n * value - math.pi ** (n + 1) * turned, value)[()]


def _series(n: int, w: Any, log: Any, terms: int, number: Callable[[Fraction], Any] = float) -> Any:
    """ψ⁽ⁿ⁾ of a large w; ``log`` is its logarithm, which ψ alone asks for."""
    total = 0 / w
    for k in range(terms, 0, -1):
        rising = Fraction(math.factorial(2 * k + n - 1), math.factorial(2 * k))
        total = (total + number(_bernoulli(2 * k) * rising)) / (w * w)
    if n == 0:
        return log - 1 / (2 * w) - total
    ahead = math.factorial(n - 1) + math.factorial(n) / (2 * w)
    return -((-1) ** n) * (ahead + total) / w**n


@cache
def _cotangent_polynomial(n: int) -> tuple[int, ...]:
    """P with dⁿ/dtⁿ cot t = P(cot t), lowest coefficient first: of P the next is -(1 + c²) P'."""
    if n == 0:
        return (0, 1)
    slope = [k * c for k, c in enumerate(_cotangent_polynomial(n - 1))][1:]
    return tuple(-a - b for a, b in zip([*slope, 0, 0], [0, 0, *slope], strict=True))


def _cotangent_slope(n: int, cotangent: Any) -> Any:
    total = 0 * cotangent
    for c in reversed(_cotangent_polynomial(n)):
        total = total * cotangent + c
    return total


def _turn(x: Decimal) -> tuple[Decimal, Decimal]:
    """The sine and the cosine of π x, but for a common sign; of the rest of x beside a whole number."""
    angle = decimals.pi() * (x - x.to_integral_value())
    return decimals.sin(angle), decimals.cos(angle)


def _shifts(x: Decimal) -> Iterator[Decimal]:
    """x, x + 1, ... up to where the series is short: as many terms as digits, and no more steps."""
    far = decimal.getcontext().prec
    while x < far:
        yield x
        x += 1


def _terms() -> int:
    return decimal.getcontext().prec // 2 + 5


def _to_decimal(number: Fraction) -> Decimal:
    return Decimal(number.numerator) / number.denominator


def _guarded(function: Callable[[Decimal], Decimal], limit: str) -> Callable[[Decimal], Decimal]:
    """The function with digits to spare for what cancels, and its limit at infinity."""

    def rounded(x: Decimal) -> Decimal:
        if not x.is_finite():
            return Decimal(limit) if x > 0 else decimals.NAN
        with decimal.localcontext() as context:
            context.prec += 20 + min(max(0, -x.adjusted()), 400)
            found = function(x)
        return +found

    return rounded


def _exact_gammaln(x: Decimal) -> Decimal:
    if x <= 0:
        if x == x.to_integral_value():
            return Decimal("Infinity")
        return (decimals.pi() / abs(_turn(x)[0])).ln() - _exact_gammaln(1 - x)
    product, w = Decimal(1), x
    for z in _shifts(x):
        product, w = product * z, z + 1
    total, power = Decimal(0), w
    for k in range(1, _terms() + 1):
        total += _to_decimal(_bernoulli(2 * k) / (2 * k * (2 * k - 1))) / power
        power *= w * w
    stirling: Decimal = (w - Decimal("0.5")) * w.ln() - w + (2 * decimals.pi()).ln() / 2 + total
    return stirling - product.ln()


def _exact_polygamma(n: int, x: Decimal) -> Decimal:
    if x <= 0:
        sine, cosine = _turn(x)
        if not sine:
            return decimals.NAN
        turned = decimals.pi() ** (n + 1) * _cotangent_slope(n, cosine / sine)
        reflected: Decimal = (-1) ** n * _exact_polygamma(n, 1 - x) - turned
        return reflected
    lower, w = Decimal(0), x
    for z in _shifts(x):
        lower, w = lower + z ** -(n + 1), z + 1
    shifted: Decimal = _series(n, w, w.ln(), _terms(), _to_decimal)
    value: Decimal = shifted - (-1) ** n * math.factorial(n) * lower
    return value


DECIMALS: dict[str, Callable[[Decimal], Decimal]] = {
    "gammaln": _guarded(_exact_gammaln, "Infinity"),
    **{
        polygamma_name(n): _guarded(partial(_exact_polygamma, n), "0" if n else "Infinity")
        for n in range(HIGHEST + 1)
    },
}
"""The same of decimal numbers, to the precision of the current `decimal` context."""
