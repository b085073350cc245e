"""A sheet at a point: whether two terms differ there, or rounding makes it seem so.

Double precision is quick and shows where two terms are apart. Whether that is rounding is decided in decimal
numbers: once as exact as they are, and with every rounded result moved a little, up and down, then by a tiny
part of that. What rounding does shrinks with it; a difference that stays is one.
"""

from __future__ import annotations

import decimal
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from chainrule.diagnosis.noisy import NoisyDoubles
from chainrule.diagnosis.points import FEW_ENTRIES, SheetPoint, entries_at
from chainrule.diagnosis.tallied import TalliedDoubles
from chainrule.equations.language.arithmetic import Allowance, Arithmetic, Decimals
from chainrule.equations.language.evaluate import DerivativeRule, Evaluation
from chainrule.equations.language.ranges import Moves
from chainrule.equations.language.sheet import Sheet
from chainrule.equations.language.tree import Number, Size, Term
from chainrule.errors import DataError, NoRuleError, TooLargeError

Array = NDArray[Any]
Sides: TypeAlias = tuple[Array, Array]
SidesAt: TypeAlias = Callable[[Evaluation], Sides]

CLOSE = 1e-10
"""Relative difference below which two terms are taken for equal, except where decimals are asked."""
DIGITS = (80, 400)
"""(a + 1e100) - 1e100 needs more than 80, and (a + exp(1000)) - exp(1000) more than 400."""
RUNS = 5
"""Of decimals of one precision, if the sides differ: as they are, and moved by two amounts up and down."""
SAME = Fraction(3, 4)
"""Of the digits: sides that agree in so many are the same."""
WIDE = decimal.Context(1_000, Emax=10**15, Emin=-(10**15), traps=[])
"""In which the values of both sides are compared."""
SLACK = 10
"""Decimal digits by which rounding may exceed what the moved results show."""
FINER = 10
"""Decimal digits between the two amounts; a branch that rounding decides does not shrink with them."""
SMALLEST_SHRINKING = Decimal("1e-5")
SWAMPED = "rounding swamps the values of both sides"
UNSETTLED = "rounding decides whether there is a finite value, or which"
TURNS = 8
"""So often rounded results are moved at random to see if a finite value stays one: log(1 - 1) may do so."""
NOISE, USELESS, EXACT = 1e3, 1e-6, 1e-12
"""Where only double precision can be afforded: how often the noise a difference may be, relative noise beyond
which a point tells nothing, relative difference that needs no excuse."""


def enough_digits(terms: Iterable[Term]) -> tuple[int, ...]:
    """Precisions of decimals in which the smallest number among some terms is seen beside 1.

    exp(a) + 1e-90 is not exp(a).
    """
    values = [term.value for term in terms if isinstance(term, Number) and term.value]
    bits = max((one.denominator.bit_length() - one.numerator.bit_length() for one in values), default=0)
    needed = int(bits * math.log10(2) / SAME) + DIGITS[0] // 4
    return DIGITS if needed <= DIGITS[0] else (max(needed, *DIGITS),)


@dataclass(frozen=True)
class Comparison:
    """What one point says of two terms.

    Attributes
    ----------
    outcome : {"equal", "different", "nothing"}
    reason : str
        Why it says nothing.
    left, right : ndarray, optional
        Their values, in double precision.
    is_one_sided : bool
        Whether an entry has a finite value on one side only.
    is_costly : bool
        Whether it says nothing because more would have to be computed than may be.
    """

    outcome: Literal["equal", "different", "nothing"]
    reason: str = ""
    left: Array | None = None
    right: Array | None = None
    is_one_sided: bool = False
    is_costly: bool = False


@dataclass
class Place:
    """A sheet at a point.

    Attributes
    ----------
    sheet : Sheet
    point : SheetPoint
    rule : callable
        What evaluates its derivatives.
    allowance : Allowance
        What may be computed.
    seed : int
        Of the amounts by which rounded results are moved.
    moves : Moves
        What is known of the terms that are compared, shared by all places.
    """

    sheet: Sheet
    point: SheetPoint
    rule: DerivativeRule
    allowance: Allowance
    seed: int = 0
    moves: Moves = field(default_factory=Moves)
    _evaluations: dict[object, Evaluation] = field(default_factory=dict)

    @cached_property
    def doubles(self) -> Evaluation:
        """The sheet there in double precision."""
        return self._evaluated(self.tally)

    @cached_property
    def tally(self) -> TalliedDoubles:
        """Its numbers, which count what decimals would take."""
        return TalliedDoubles(self.allowance)

    def _evaluated(self, arithmetic: Arithmetic) -> Evaluation:
        point = self.point
        return Evaluation(self.sheet, point.values, self.rule, point.sizes, arithmetic, self.moves)

    def compare(
        self,
        left: Term,
        right: Term,
        indices: tuple[tuple[str, Size], ...],
        exactly: bool,
        precisions: tuple[int, ...] = DIGITS,
    ) -> Comparison:
        """Whether two terms are equal here.

        Parameters
        ----------
        left, right : Term
        indices : tuple of (str, size)
            Their open indices.
        exactly : bool
            Whether to ask decimals where double precision sees no difference, too.
        precisions : tuple of int
            Digits of the decimals, one after another.
        """

        def sides_at(evaluation: Evaluation) -> Sides:
            found = evaluation.values((left, right), indices)
            return found[0], found[1]

        before = self.tally.exact
        sides = sides_at(self.doubles)
        if not sides[0].size:
            return Comparison("nothing", "both sides are empty")
        close = _close(sides)
        if close is not None and not exactly:
            return close
        # What agrees is mostly decided by one run, and what does not by RUNS.
        needed = (self.tally.exact - before) * (RUNS if close is None else 1)
        try:
            return self._exact(sides_at, needed <= self.allowance.left, precisions)
        except TooLargeError:
            if close is None:
                raise
            return close

    def _exact(self, sides_at: SidesAt, is_affordable: bool, precisions: tuple[int, ...]) -> Comparison:
        """What decimals say; doubles and their noise where the sheet is too large for them."""
        if is_affordable and self.is_small:
            try:
                with decimal.localcontext(WIDE):
                    return self._decided(sides_at, precisions)
            except (NoRuleError, TooLargeError):  # a function that decimals do not know, or too many of them
                pass
        return self._weighed(sides_at)

    @cached_property
    def is_small(self) -> bool:
        """Whether the sheet can be computed in decimals here."""
        return entries_at(self.sheet, self.point.sizes) <= FEW_ENTRIES

    def _evaluation(self, digits: int, noise: int | None = None, sign: int = 1) -> Evaluation:
        """The sheet here in decimals; with results moved by 10^-noise where that is said."""
        key = digits, noise, sign
        if key not in self._evaluations:
            generator = None if noise is None else np.random.default_rng(self.seed)
            weight = (digits // DIGITS[0]) ** 2  # an exponential to 400 digits takes 25 times as long
            arithmetic = Decimals(digits, generator, noise or 0, sign, self.allowance, weight)
            self._evaluations[key] = self._evaluated(arithmetic)
        return self._evaluations[key]

    def _decided(self, sides_at: SidesAt, precisions: tuple[int, ...]) -> Comparison:
        reason = ""
        for digits in precisions:
            left, right = sides_at(self._evaluation(digits))
            finite = _finite(left), _finite(right)
            different = Comparison("different", "", left.astype(float), right.astype(float))
            if np.any(finite[0] != finite[1]):
                if self._stays(sides_at, (left, right), digits):
                    return replace(different, is_one_sided=True)
                reason = UNSETTLED
                continue
            if not np.any(finite[0]):
                return Comparison("nothing", "both sides are without a finite value")
            difference, scale = (
                _extent(left - right, finite[0]),
                max(_extent(s, finite[0]) for s in (left, right)),
            )
            if difference <= scale.scaleb(-int(SAME * digits)):
                return _agreement(finite[0])
            coarse, fine = (
                self._change(sides_at, (left, right), digits, digits // 2 + more) for more in (0, FINER)
            )
            if fine > coarse * SMALLEST_SHRINKING:
                reason = "rounding decides which branch is taken"
                continue
            rounding = coarse.scaleb(SLACK - digits // 2)
            if difference > rounding:
                return different
            if scale > rounding:
                return _agreement(finite[0])
            reason = ""
        if reason or rounding > 1:
            return Comparison("nothing", reason or SWAMPED)
        return _agreement(finite[0])

    def _stays(self, sides_at: SidesAt, sides: Sides, digits: int) -> bool:
        """Whether the same entries are finite, and what they are, if rounded results are moved, up or down.

        log(1 - sigmoid(a)) is not at a = 1000, where sigmoid(a) is rounded to 1; 1 / sin(π a) is at a whole
        a, where it has no value, but is another each time.
        """
        for sign in (1, -1):
            moved = self._moved(sides_at, digits, digits // 2, sign)
            if moved is None:
                return False
            for old, new in zip(sides, moved, strict=True):
                where = _finite(old)
                steady = _extent(old, where).scaleb(-digits // 4)
                if np.any(_finite(new) != where) or _extent(new - old, where) > steady:
                    return False
        return True

    def _moved(self, sides_at: SidesAt, digits: int, noise: int, sign: int = 1) -> Sides | None:
        """The sides if what is rounded is moved by 10^-noise; None if there are no such numbers."""
        try:
            return sides_at(self._evaluation(digits, noise, sign))
        except DataError:
            return None

    def _change(self, sides_at: SidesAt, sides: Sides, digits: int, noise: int) -> Decimal:
        """How far the sides move if what is rounded is moved by 10^-noise."""
        changes = [Decimal(0)]
        for sign in (1, -1):
            moved = self._moved(sides_at, digits, noise, sign)
            if moved is None or any(
                np.any(_finite(old) != _finite(new)) for old, new in zip(sides, moved, strict=True)
            ):
                return Decimal(1)
            changes += [_extent(new - old, _finite(old)) for old, new in zip(sides, moved, strict=True)]
        return max(changes)

    def _noisy(self, turn: int) -> Evaluation:
        """The sheet here in double precision, with rounded results moved at random."""
        return self._evaluated(NoisyDoubles(np.random.default_rng([self.seed, turn]), self.allowance))

    def _weighed(self, sides_at: SidesAt) -> Comparison:
        """The same in double precision alone, for what is too large to be computed in decimals."""
        left, right = sides = sides_at(self.doubles)
        both = np.isfinite(left) & np.isfinite(right)
        if not np.all(both):
            if np.array_equal(np.isfinite(left), np.isfinite(right)):
                return Comparison("nothing", "both sides are without a finite value")
            moves = (zip(sides, sides_at(self._noisy(turn)), strict=True) for turn in range(TURNS))
            if any(np.any(np.isfinite(old) != np.isfinite(new)) for move in moves for old, new in move):
                return Comparison("nothing", UNSETTLED)
            return Comparison("different", left=left, right=right, is_one_sided=True)
        distance, scale = np.abs(left - right), max(np.max(np.abs(left)), np.max(np.abs(right)))
        noise = max(
            float(np.max(np.abs(new - old)))
            for turn in range(2)
            for old, new in zip(sides, sides_at(self._noisy(turn)), strict=True)
        )
        if not noise <= USELESS * scale:
            return Comparison("nothing", SWAMPED)
        if np.all(distance <= NOISE * noise + EXACT * scale):
            return _agreement(both)
        return Comparison("different", left=left, right=right)


def _agreement(finite: NDArray[np.bool_]) -> Comparison:
    if np.all(finite):
        return Comparison("equal")
    if not np.any(finite):
        return Comparison("nothing", "both sides are without a finite value")
    return Comparison("nothing", "both sides have entries without a finite value")


def _close(sides: Sides) -> Comparison | None:
    """What is said of two terms that double precision does not tell apart."""
    left, right = sides
    with np.errstate(over="ignore", invalid="ignore"):
        distance = float(np.abs(left - right).max())
    if math.isfinite(distance):  # and so is every entry
        if distance > CLOSE * max(float(np.abs(side).max()) for side in sides):
            return None
        return Comparison("equal")
    finite = np.isfinite(left)
    if not np.array_equal(finite, np.isfinite(right)) or _spread(sides) > CLOSE:
        return None
    return _agreement(finite)


def _spread(sides: Sides) -> float:
    """The largest relative distance of two arrays, over their finite entries."""
    left, right = (np.where(np.isfinite(side), side, 0.0) for side in sides)
    scale = max(np.max(np.abs(left)), np.max(np.abs(right)))
    return float(np.max(np.abs(left - right)) / scale) if scale else 0.0


def _finite(array: Array) -> NDArray[np.bool_]:
    return np.asarray(np.frompyfunc(lambda x: Decimal(x).is_finite(), 1, 1)(array), dtype=bool)


def _extent(array: Any, where: NDArray[np.bool_]) -> Decimal:
    """The largest modulus."""
    # As Python's numbers: labels are NumPy's integers, of which no decimals are made.
    return max((abs(Decimal(x)) for x in np.asarray(array)[where].ravel().tolist()), default=Decimal(0))
