"""Elementary functions of decimal numbers, to the precision of the current `decimal` context.

They serve where double precision cannot decide. Values far out lose no digits: log(1 + exp(x)) of x = -1,000
keeps all of them, as does sin(x) of x = 1e20. Traps are off in the contexts they are meant for: what is not
defined is NaN.
"""

from __future__ import annotations

import decimal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import cache
from math import comb

GUARD = 15
"""Digits more than asked for, in which intermediate results are kept."""
SERIES = -20
"""Decimal exponent below which a power series needs few terms."""
FARTHEST = 400
"""Decimal exponent beyond which a sine counts as overflow: π would be needed to as many digits."""

NAN, ONE, TWO = Decimal("NaN"), Decimal(1), Decimal(2)


@contextmanager
def _digits(more: int) -> Iterator[None]:
    """So many digits more than the context has."""
    context = decimal.getcontext()
    before = context.prec
    context.prec = before + more
    try:
        yield
    finally:
        context.prec = before


def exp(x: Decimal) -> Decimal:
    """Exp(x)."""
    return x.exp()


def log(x: Decimal) -> Decimal:
    """The natural logarithm; NaN of a negative number."""
    return x.ln()


def log1p(x: Decimal) -> Decimal:
    """log(1 + x), of small x, too."""
    if x and x.adjusted() < SERIES:
        terms = 2 + decimal.getcontext().prec // -SERIES
        return sum((-((-x) ** k) / k for k in range(2, terms)), x)
    with _digits(GUARD - SERIES):
        return +(1 + x).ln()


def expm1(x: Decimal) -> Decimal:
    """exp(x) - 1, of small x, too."""
    if x and x.adjusted() < SERIES:
        total = term = x
        for k in range(2, 2 + decimal.getcontext().prec // -SERIES):
            term = term * x / k
            total += term
        return total
    with _digits(GUARD - SERIES):
        return x.exp() - 1


def power(base: Decimal, exponent: Decimal) -> Decimal:
    """Power of a number; 0**0 is 1, as everywhere in the language."""
    return ONE if not exponent else base**exponent


def power_derivative(base: Decimal, exponent: Decimal, by_base: int, by_exponent: int) -> Decimal:
    """The derivative of a power, so many times by the base and by the exponent; see `special`."""
    if by_exponent and base < 0:
        return NAN
    polynomial = [1]  # v (v - 1) ..., lowest coefficient first
    for i in range(by_base):
        polynomial = [a - i * b for a, b in zip([0, *polynomial], [*polynomial, 0], strict=True)]
    total = Decimal(0)
    for j in range(by_exponent + 1):
        front = sum((c * power(exponent, Decimal(k)) for k, c in enumerate(polynomial)), Decimal(0))
        if front:
            total += comb(by_exponent, j) * front * power(log(base), Decimal(by_exponent - j))
        polynomial = [k * c for k, c in enumerate(polynomial)][1:]
    if not total or (not base and exponent > by_base):
        return Decimal(0)
    return total * power(base, exponent - by_base)


def sigmoid(x: Decimal) -> Decimal:
    """1 / (1 + exp(-x))."""
    e = (-abs(x)).exp()
    return (e if x < 0 else ONE) / (1 + e)


def softplus(x: Decimal) -> Decimal:
    """log(1 + exp(x))."""
    return log1p((-abs(x)).exp()) + (x if x > 0 else 0)


def tanh(x: Decimal) -> Decimal:
    """The hyperbolic tangent."""
    e = expm1(-2 * abs(x))
    return (e if x < 0 else -e) / (2 + e)


@cache
def _pi(digits: int) -> Decimal:
    """Machin's formula: π = 16 arctan(1/5) - 4 arctan(1/239)."""
    unit = int(10 ** (digits + 10))

    def arctan_of_one_over(n: int) -> int:
        total = term = unit // n  # in units of the last digit
        for k in range(3, 4 * digits + 40, 2):
            term //= -n * n
            total += term // k
        return total

    with decimal.localcontext(prec=digits + 10):
        return Decimal(16 * arctan_of_one_over(5) - 4 * arctan_of_one_over(239)).scaleb(-digits - 10)


def pi() -> Decimal:
    """π."""
    return +_pi(decimal.getcontext().prec)


def _sine(x: Decimal, quarters: int) -> Decimal:
    """sin(x + quarters π/2)."""
    if not x.is_finite():
        return NAN
    if x.adjusted() > FARTHEST:
        decimal.getcontext().flags[decimal.Overflow] = True
        return NAN
    with _digits(2 * GUARD + max(0, x.adjusted())):
        quarter = pi() / 2
        turns = int((x / quarter).to_integral_value())
        rest, turns = x - turns * quarter, turns + quarters
        term, step = (ONE, 0) if turns % 2 else (rest, 1)
        total = Decimal(0)
        while term and (not total or term.adjusted() > total.adjusted() - decimal.getcontext().prec):
            total += term
            term *= -rest * rest / ((step + 1) * (step + 2))
            step += 2
    return -total if turns % 4 > 1 else +total


def sin(x: Decimal) -> Decimal:
    """The sine of an angle in radians."""
    return _sine(x, 0) if x else x


def cos(x: Decimal) -> Decimal:
    """The cosine of an angle in radians."""
    return _sine(x, 1)


def arctan(x: Decimal) -> Decimal:
    """The angle between -π/2 and π/2 whose tangent is x; halved until its series is short."""
    if not x.is_finite():
        return x if x.is_nan() else (pi() / 2).copy_sign(x)
    with _digits(GUARD):
        halvings = 0
        while abs(x) > Decimal("0.01"):
            # Of x beyond 1, x/(1 + √(1 + x²)) as it stands squares what may be large.
            x = (
                x / (1 + (1 + x * x).sqrt())
                if abs(x) < 1
                else 1 / (1 / x + (1 + 1 / (x * x)).sqrt().copy_sign(x))
            )
            halvings += 1
        total, power, k = x, x, 1
        while power and power.adjusted() >= total.adjusted() - decimal.getcontext().prec:
            power *= -x * x
            k += 2
            total += power / k
        return total * Decimal(2**halvings)


def arcsin(x: Decimal) -> Decimal:
    """The angle between -π/2 and π/2 whose sine is x; NaN beyond 1."""
    if abs(x) > 1:
        return NAN
    return (pi() / 2).copy_sign(x) if abs(x) == 1 else arctan(x / ((1 - x) * (1 + x)).sqrt())


def arccos(x: Decimal) -> Decimal:
    """The angle between 0 and π whose cosine is x, with all digits beside 1, too; NaN beyond."""
    if abs(x) > 1:
        return NAN
    return pi() if x == -1 else 2 * arctan(((1 - x) / (1 + x)).sqrt())


def sinh(x: Decimal) -> Decimal:
    """(exp(x) - exp(-x)) / 2, of small x, too."""
    return (expm1(x) - expm1(-x)) / 2


def cosh(x: Decimal) -> Decimal:
    """(exp(x) + exp(-x)) / 2."""
    return (x.exp() + (-x).exp()) / 2


def erf(x: Decimal) -> Decimal:
    """2/√π ∫₀ˣ exp(-t²) dt, by the series 2/√π exp(-x²) Σ 2ᵏ x^(2k+1) / (2k+1)!! or from its tail."""
    if not x.is_finite() or _is_far(x):
        return 1 - _tail(x) if x > 0 else _tail(-x) - 1 if x < 0 else x
    with _digits(GUARD):
        total = term = x
        k = 0
        while term and term.adjusted() >= total.adjusted() - decimal.getcontext().prec:
            k += 1
            term *= 2 * x * x / (2 * k + 1)
            total += term
        return total * 2 * (-x * x).exp() / pi().sqrt()


def _is_far(x: Decimal) -> bool:
    """Whether exp(-x²), the smallest term of the asymptotic series, is below the last digit that is kept."""
    return x * x > Decimal("2.4") * (decimal.getcontext().prec + 5)


def _tail(x: Decimal) -> Decimal:
    """1 - erf(x) of an x that is far out, by its asymptotic series."""
    if not x.is_finite():
        return x if x.is_nan() else Decimal(0)
    total = term = ONE
    k = 0
    while term and term.adjusted() >= -decimal.getcontext().prec:
        k += 1
        term *= (1 - 2 * k) / (2 * x * x)
        total += term
    return total * (-x * x).exp() / (x * pi().sqrt())


def normal_cdf(x: Decimal) -> Decimal:
    """Φ(x) = (1 + erf(x/√2)) / 2, with all digits in the left tail, too."""
    if not x.is_finite():
        return x if x.is_nan() else Decimal(int(x > 0))
    with _digits(GUARD):
        z = -x / TWO.sqrt()
        if z > 0 and _is_far(z):
            return _tail(z) / 2
        with _digits(int(x * x) // 4 if z > 0 else 0):
            return (1 - erf(z)) / 2


def normal_pdf(x: Decimal) -> Decimal:
    """exp(-x²/2) / √(2π)."""
    return (-x * x / 2).exp() / (2 * pi()).sqrt()


def _sign(x: Decimal) -> Decimal:
    return x if x.is_nan() or not x else ONE.copy_sign(x)


def _relu(x: Decimal) -> Decimal:
    return Decimal(0) if x <= 0 else x


def _step(x: Decimal) -> Decimal:
    return x if x.is_nan() else Decimal(int(x > 0))


ELEMENTARY: dict[str, Callable[[Decimal], Decimal]] = {
    "exp": exp,
    "log": log,
    "sqrt": Decimal.sqrt,
    "abs": abs,
    "sign": _sign,
    "step": _step,
    "relu": _relu,
    "leaky_relu": lambda x: x / 100 if x <= 0 else x,
    "elu": lambda x: expm1(x) if x <= 0 else x,
    "gelu": lambda x: x * normal_cdf(x),
    "silu": lambda x: x * sigmoid(x),
    "softplus": softplus,
    "sigmoid": sigmoid,
    "log_sigmoid": lambda x: -softplus(-x),
    "log_softplus": lambda x: softplus(x).ln(),
    "log_cosh": lambda x: cosh(x).ln(),
    "tanh": tanh,
    "sin": sin,
    "cos": cos,
    "tan": lambda x: sin(x) / cos(x),
    "arcsin": arcsin,
    "arccos": arccos,
    "arctan": arctan,
    "arcsin_slope": lambda x: 1 / ((1 - x) * (1 + x)).sqrt(),
    "sinh": sinh,
    "cosh": cosh,
    "tanh_slope": lambda x: 4 * sigmoid(2 * x) * sigmoid(-2 * x),
    "erf": erf,
    "normal_cdf": normal_cdf,
    "normal_pdf": normal_pdf,
    "log_normal_cdf": lambda x: normal_cdf(x).ln(),
    "normal_hazard": lambda x: normal_pdf(x) / normal_cdf(x),
    "normal_hazard_slope": lambda x: -(x + normal_pdf(x) / normal_cdf(x)) * normal_pdf(x) / normal_cdf(x),
    "cloglog": lambda x: (-expm1(-x.exp())).ln(),
    "cloglog_slope": lambda x: x.exp() / expm1(x.exp()),
    "cloglog_curvature": lambda x: x.exp() / expm1(x.exp()) * (1 - x.exp() - x.exp() / expm1(x.exp())),
    "expm1": expm1,
    "log1p": log1p,
    "divisor": lambda x: x if x else Decimal("Infinity"),
}
"""The elementwise functions of the language and of the calculus, by name."""
