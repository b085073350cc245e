"""Values that double precision loses on the way, though they are there: exp(800) / (exp(800) + exp(799)).

A literal formula overflows, vanishes or cancels where its value is moderate. Decimals have room for it: their
exponents go to 10^12, and of 1 - exp(-x) at x = 1e-200 they keep what there is.
"""

from collections.abc import Callable

from chainrule.arrays import Array, np
from chainrule.equations.language.arithmetic import Allowance, Decimals
from chainrule.errors import DataError, NoRuleError, TooLargeError

# Of 1 + erf(z / √2) at z = -40, 1e-350 is left; of 1 - σ(1000), 1e-435.
DIGITS = (60, 500)
# Digits times operations that are spent on it at most: a second or so.
MOST_WORK = 60_000_000
# How far two precisions may be apart for what they agree on to be a value.
NEAR = 1e-12


def with_more_digits(found: Array, compute: Callable[[Decimals], Array]) -> Array:
    """A value computed in doubles; where an entry is no number or infinite, what decimals find.

    Parameters
    ----------
    found : ndarray
        In double precision.
    compute : callable
        The same in decimals.
    """
    for digits in DIGITS:
        if np.iscomplexobj(found) or np.all(np.isfinite(found)):
            break
        try:
            rough, fine = (
                np.asarray(compute(Decimals(places, allowance=Allowance(MOST_WORK // places))), dtype=float)
                for places in (digits, 2 * digits)
            )
        except (DataError, NoRuleError, TooLargeError, np.linalg.LinAlgError):
            # Beyond all bounds, or a function that decimals do not know: it stays as it is.
            break
        # Equal at two precisions, it is no rounding; an infinite value is one.
        with np.errstate(invalid="ignore"):
            agree = np.isfinite(fine) & (np.abs(rough - fine) <= NEAR * np.abs(fine))
        found = np.where(agree, fine, found)
    return found
