"""The numbers in which a sheet is computed: double precision, or decimals of as many digits as it takes."""

from __future__ import annotations

import decimal
import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property, partial
from typing import Any, TypeAlias

from chainrule import decimals, special
from chainrule.arrays import Array, np
from chainrule.equations.language.counted import DISCOUNT, EACH
from chainrule.equations.language.decimal_matrices import Matrices
from chainrule.equations.language.functions import Function, extreme_at
from chainrule.errors import DataError, NoRuleError, TooLargeError
from chainrule.gamma import DECIMALS, polygamma_name


@dataclass
class Allowance:
    """How much may still be computed; one may serve several arithmetics.

    Attributes
    ----------
    left : int
        In operations on decimals, of which a second has some millions.
    limit : int
        How much it was.
    """

    left: int = 10**18  # without end: so many take a thousand years

    def __post_init__(self) -> None:
        self.limit = self.left

    def refill(self, operations: int) -> None:
        """Allow so much from now on."""
        self.left = self.limit = operations

    def spend(self, operations: int) -> None:
        """Take off what is computed next.

        Raises
        ------
        TooLargeError
            If it is more than is left, with both numbers.
        """
        if operations > self.left:
            done = self.limit - self.left
            raise TooLargeError(
                f"At these sizes it takes {done + operations:,} operations or more; at most {self.limit:,} "
                "are made."
            )
        self.left -= operations


class Doubles:
    """float64 and complex128, as NumPy computes with them.

    Parameters
    ----------
    allowance : Allowance, optional
        By default without end.
    hear : callable, optional
        Is called where a result overflows, as `numpy.errstate` does.
    """

    pi = math.pi
    is_exact = False
    # Powers entry by entry, the Euclidean norm along the last axes, the derivative of a power.
    power = staticmethod(special.silent_power)
    norm = staticmethod(special.norm)
    power_derivative = staticmethod(special.power_derivative)

    def __init__(
        self, allowance: Allowance | None = None, hear: Callable[[str, int], Any] = lambda *flags: None
    ) -> None:
        self.allowance, self.hear = allowance or Allowance(), hear

    def context(self) -> AbstractContextManager[Any]:
        """Within which everything is computed."""
        return np.errstate(all="ignore", over="call", call=self.hear)

    def number(self, value: Fraction | int) -> Any:
        """An exact number, as near as these numbers come to it."""
        return np.float64(value.numerator / value.denominator)

    def position(self, index: int | Array) -> Any:
        """The value of an index as a number, or all its values."""
        return index if isinstance(index, int) else index.astype(np.float64)

    def array(self, value: Any) -> Any:
        """A result as an array of these numbers."""
        return value

    def total(self, start: Any, parts: Array) -> Any:
        """A number and what stands along the first axis of an array, added up."""
        return self.array(start + parts.sum(axis=0))

    def function(self, name: str, kernels: Mapping[str, Callable[[Array], Any]]) -> Callable[[Array], Any]:
        """What computes a function; ``kernels`` are those of doubles.

        Raises
        ------
        NoRuleError
            If there is none.
        """
        return kernels[name]

    def call(
        self, function: Function, args: tuple[Array, ...], axis: int | None, sizes: tuple[int, ...]
    ) -> Any:
        """A function of the language."""
        return function.kernel(args, axis, sizes)

    def charge(self, operations: int) -> None:
        """Count what terms of a sheet take in double precision, before they are computed."""
        self.allowance.spend(operations)

    def spend(self, operations: int) -> None:
        """Count what is computed next."""
        self.allowance.spend(EACH + operations // DISCOUNT)


DOUBLES = Doubles()


COSTS = {
    **dict.fromkeys((*decimals.ELEMENTARY, "softmax", "log_softmax", "logsumexp", "lse"), 100),
    **dict.fromkeys(("abs", "sign", "step", "relu", "leaky_relu", "divisor"), 1),
    **dict.fromkeys(("softplus", "log_sigmoid", "gelu", "erf", "normal_cdf", "log_normal_cdf", "power"), 400),
    **dict.fromkeys((*DECIMALS, "polygamma"), 1_400),
}
"""What a function of a decimal counts for, beside a product: an exponential takes 100 times as long."""


class Clipped(Doubles):
    """float64, in which what overflows is the largest number; what overflowed is between it and infinity."""

    def array(self, value: Any) -> Any:
        return np.clip(value, np.finfo(np.float64).min, np.finfo(np.float64).max)

    def call(
        self, function: Function, args: tuple[Array, ...], axis: int | None, sizes: tuple[int, ...]
    ) -> Any:
        return self.array(super().call(function, args, axis, sizes))


FINE = 5
"""Digits of the amounts by which decimals are moved: equal ones hide that softmax(x + 1e100) has lost x."""
WIDEST = 10**12
"""Decimal exponents beyond it are refused, as of exp(1e13)."""


class Decimals:
    """Decimal numbers in arrays of objects.

    Parameters
    ----------
    digits : int
    noise : numpy.random.Generator, optional
        Every result that was rounded is moved by a few units of 10^-places, relatively, so that two runs show
        what rounding does. What is exact, such as 4 - 4, stays exact.
    places : int
    sign : {1, -1}
        Which way: all are moved the same way, so that 1 - sigmoid(z) is positive in every entry with one of
        them, where z is large.
    allowance : Allowance, optional
        By default without end.
    weight : int
        What an operation counts for.
    """

    is_exact = True

    def __init__(
        self,
        digits: int = 80,
        noise: np.random.Generator | None = None,
        places: int = 0,
        sign: int = 1,
        allowance: Allowance | None = None,
        weight: int = 1,
    ) -> None:
        self.weight = weight
        self.decimal_context = decimal.Context(digits, Emax=WIDEST, Emin=-WIDEST, traps=[])
        self.noise = noise
        self.unit = sign * Decimal(10) ** -(places + FINE)
        self.allowance = allowance or Allowance()

    def context(self) -> AbstractContextManager[Any]:
        return decimal.localcontext(self.decimal_context)

    def number(self, value: Fraction | int) -> Any:
        fraction = Fraction(value)
        return Decimal(fraction.numerator) / Decimal(fraction.denominator)

    def position(self, index: int | Array) -> Any:
        return _exact(index)

    def array(self, value: Any) -> Any:
        found = np.asarray(value)
        self.spend(EACH + found.size)
        if found.dtype != object:
            return _exact(found)
        flags = decimal.getcontext().flags
        if flags[decimal.Overflow] or flags[decimal.Underflow]:
            raise DataError("A number beyond all bounds occurs at these values, such as exp(1e13).")
        if self.noise is not None and flags[decimal.Inexact]:
            steps = self.noise.integers(10**FINE, 10 ** (FINE + 1), found.shape)
            found = np.asarray(found * (1 + steps.astype(object) * self.unit), dtype=object)
            flags[decimal.Inexact] = False
        return found

    def total(self, start: Any, parts: Array) -> Any:
        # One by one: of 1e100 + 1 - 1e100 rounding leaves 0, which no noise on the whole would show.
        for part in parts:
            start = self.array(start + part)
        return start

    def power(self, base: Any, exponent: Any) -> Any:
        exponents = _exact(exponent)
        if any(value % 1 for value in exponents.flat):
            self.spend(COSTS["power"] * max(np.size(base), exponents.size))
        return _entrywise(decimals.power, _exact(base), exponents)

    def call(
        self, function: Function, args: tuple[Array, ...], axis: int | None, sizes: tuple[int, ...]
    ) -> Any:
        name = polygamma_name(*map(int, sizes)) if function.name == "polygamma" else function.name
        if name == "pi":
            return self.pi
        if name in _ELEMENTWISE or name in self.whole:
            own = self.function(name, {})
            if axis is None:
                return self.array(own(args[0]))
            found = np.asarray(own(np.moveaxis(args[0], axis, -1)))
            return self.array(found if found.ndim < args[0].ndim else np.moveaxis(found, -1, axis))
        if name == "norm1":
            return self.array(np.sum(_ELEMENTWISE["abs"](args[0])))
        if name in ("norm2", "normF"):
            return self.array(self.norm(args[0], None))
        return self.array(function.kernel(args, axis, sizes))

    def norm(self, x: Array, axes: int | None) -> Any:
        along = tuple(range(x.ndim - (x.ndim if axes is None else axes), x.ndim))
        return _ELEMENTWISE["sqrt"](np.asarray(np.sum(x * x, axis=along), dtype=object))

    def power_derivative(self, base: Array, exponent: Array, by_base: int, by_exponent: int) -> Any:
        self.spend(COSTS["power"] * np.size(base))
        entries = np.frompyfunc(
            lambda u, v: decimals.power_derivative(_decimal(u), _decimal(v), by_base, by_exponent), 2, 1
        )
        return np.asarray(entries(base, exponent), dtype=object)

    def function(self, name: str, kernels: Mapping[str, Callable[[Array], Any]]) -> Callable[[Array], Any]:
        own = _ELEMENTWISE.get(name) or self.whole.get(name)
        if own is None:
            raise NoRuleError(f"{name} is not known of decimals.")

        def counted(array: Array) -> Any:
            self.spend(COSTS.get(name, 1) * array.size)
            return own(array)

        return counted

    def charge(self, operations: int) -> None:
        """Nothing: each result counts its own entries and digits."""

    def spend(self, operations: int) -> None:
        self.allowance.spend(self.weight * operations)

    @property
    def pi(self) -> Any:
        return decimals.pi()

    @cached_property
    def whole(self) -> Mapping[str, Callable[[Array], Any]]:
        matrices = Matrices(self.array).functions
        return {
            **matrices,
            "softmax": lambda x: _rows(x)[2],
            "log_softmax": lambda x: _rows(x)[1],
            "logsumexp": lambda x: _rows(x)[0],
            "lse": lambda x: _rows(x)[0],
            "logdet": lambda x: _ELEMENTWISE["log"](_ELEMENTWISE["abs"](matrices["det"](x))),
        }


Arithmetic: TypeAlias = Doubles | Decimals
"""What interpreters of sheets and of nodes compute in; ``is_exact`` says which."""


def _decimal(x: Any) -> Decimal:
    return x if type(x) is Decimal else Decimal(x)


def _entrywise(function: Callable[..., Decimal], *arrays: Array) -> Array:
    """A function of decimals, entry by entry."""
    entries = np.frompyfunc(lambda *entry: function(*map(_decimal, entry)), len(arrays), 1)
    return np.asarray(entries(*arrays), dtype=object)


def _exact(value: Any) -> Array:
    """An array of floats or whole numbers, each as the decimal that it is."""
    array = np.asarray(value)
    if np.iscomplexobj(array):  # a complex step of a value that does not depend on it
        raise NoRuleError("Decimals are real numbers.")
    plain = array if array.dtype == object else array.astype(np.float64).astype(object)
    return _entrywise(_decimal, plain)


_ELEMENTWISE = {
    name: partial(_entrywise, function) for name, function in (decimals.ELEMENTARY | DECIMALS).items()
}


def _rows(x: Array) -> tuple[Array, Array, Array]:
    """logsumexp, log softmax and softmax along the last axis."""
    at = np.expand_dims(extreme_at(np.argmax, x, -1), -1)
    top = np.take_along_axis(x, at, axis=-1)
    below = x - top
    weights = _ELEMENTWISE["exp"](below)
    np.put_along_axis(weights, at, _exact(0), axis=-1)
    rest = np.asarray(np.sum(weights, axis=-1, keepdims=True), dtype=object)
    np.put_along_axis(weights, at, _exact(1), axis=-1)
    lower = _entrywise(decimals.log1p, rest)
    return np.squeeze(top + lower, -1), below - lower, weights / (1 + rest)
