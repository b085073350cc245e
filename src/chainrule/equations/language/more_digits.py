"""Values that double precision loses on the way, though they are there: exp(800) / (exp(800) + exp(799)).

A literal formula overflows, vanishes or cancels where its value is moderate. Decimals have room for it: their
exponents go to 10^12, and of 1 - exp(-x) at x = 1e-200 they keep what there is.
"""

from collections.abc import Callable

from chainrule.arrays import Array, np
from chainrule.equations.language.arithmetic import Allowance, Arithmetic, Clipped, Decimals, Doubles
from chainrule.errors import DataError, NoRuleError, TooLargeError

# Of 1 + erf(z / √2) at z = -40, 1e-350 is left; of 1 - σ(1000), 1e-435.
DIGITS = (60, 500)
# Digits times operations that are spent on it at most: a second or so.
MOST_WORK = 60_000_000
# How far two precisions may be apart for what they agree on to be a value, and a difference that is none:
# of 1e13 / (1 + exp(1e13)) the largest number leaves 6e-296.
NEAR, NOTHING = 1e-12, 1e-280


def with_more_digits(compute: Callable[[Arithmetic], Array], allowance: Allowance | None = None) -> Array:
    """A value computed in doubles; where an entry is in doubt, what decimals find.

    An entry is in doubt that is no number or infinite, or depends on how large something is that overflowed
    on the way: of x / (1 + x**2) at 1e200 nothing is left. It is NaN where decimals cannot say.

    Parameters
    ----------
    compute : callable
        The value in numbers of a kind.
    allowance : Allowance, optional
        What may be computed in doubles.
    """
    overflows: dict[str, int] = {}
    found = compute(Doubles(allowance, overflows.setdefault))
    if np.iscomplexobj(found):
        return found
    least = compute(Clipped(allowance)) if overflows else found
    with np.errstate(invalid="ignore"):
        doubtful = ~(np.isfinite(found) & (np.abs(least - found) <= NEAR * np.abs(found) + NOTHING))
        found = np.where(doubtful & np.isfinite(found), np.nan, found)
        for digits in DIGITS:
            if not np.any(doubtful):
                break
            try:
                rough, fine = (
                    np.asarray(
                        compute(Decimals(places, allowance=Allowance(MOST_WORK // places))), dtype=float
                    )
                    for places in (digits, 2 * digits)
                )
            except (DataError, NoRuleError, TooLargeError, np.linalg.LinAlgError):
                # Beyond all bounds, or a function that decimals do not know: it stays as it is.
                break
            # Equal at two precisions, it is no rounding; an infinite value is one.
            agree = doubtful & np.isfinite(fine) & (np.abs(rough - fine) <= NEAR * np.abs(fine))
            found, doubtful = np.where(agree, fine, found), doubtful & ~agree
    return found
