"""Whether what holds around a point holds everywhere: terms without kinks, and analytic ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set

from chainrule.diagnosis.bounds import is_positive
from chainrule.diagnosis.switches import KINKED, closed_names, edges, has_any_exponent, is_even
from chainrule.equations.language.functions import COMPARISONS
from chainrule.equations.language.sheet import Sheet
from chainrule.equations.language.tree import Binary, Call, Number, Term, names_in

ANALYTIC = frozenset(
    (
        *("exp", "expm1", "sin", "cos", "sinh", "cosh", "tanh", "arctan", "erf", "normal_cdf"),
        *("sigmoid", "log_sigmoid", "softplus", "silu", "gelu", "softmax", "log_softmax", "logsumexp"),
        *("sum", "mean", "trace", "diag", "dot", "outer", "kron", "inv", "det", "eye", "ones", "zeros"),
    )
)
# With branches as functions of complex numbers: arctan(a) + arctan(1/a) is π/2 on one side of a pole alone.
BRANCHED = ("arctan", "log_sigmoid", "softplus", "log_softmax", "logsumexp")
TURNING = frozenset((*KINKED, *COMPARISONS, "max", "min", "where"))


def is_smooth(sheet: Sheet, terms: Iterable[Term]) -> bool:
    """Whether terms have neither kinks nor steps, nor a domain that ends far from ordinary points.

    Then what holds around an ordinary point holds everywhere.
    """
    numbers, terms = closed_names(sheet), list(terms)
    return not _turns_at_poles(terms) and not any(
        (isinstance(term, Call) and term.function in TURNING)
        or has_any_exponent(term)
        or any(_is_shifted(sheet, edge, numbers) and not is_positive(sheet, edge) for edge in edges(term))
        for term in terms
    )


def is_analytic(terms: Iterable[Term]) -> bool:
    """Whether terms are analytic over the real numbers, where what is 0 near a point is 0 everywhere.

    exp(log(a**2) / 2) is not: it is a on one side of 0 and -a on the other.
    """
    found = list(terms)
    even = {term.left for term in found if isinstance(term, Binary) and is_even(term)}
    return not _turns_at_poles(found) and all(_keeps_analytic(term, term in even) for term in found)


def _keeps_analytic(term: Term, is_squared: bool) -> bool:
    match term:
        case Call(function=name):
            return name in ANALYTIC or (is_squared and name in ("norm2", "normF"))
        case Binary(op="**", right=exponent):
            return isinstance(exponent, Number) and exponent.value % 1 == 0
    return True


def _turns_at_poles(terms: Sequence[Term]) -> bool:
    """Whether terms may be one analytic function on one side of a pole and another beyond it."""
    is_branched = any(isinstance(term, Call) and term.function in BRANCHED for term in terms)
    return is_branched and any(map(_has_poles, terms))


def _has_poles(term: Term) -> bool:
    match term:
        case Call(function="inv" | "tan"):
            return True
        case Binary(op="/", right=divisor):
            return bool(names_in(divisor))
        case Binary(op="**", right=Number(value=value)):
            return value < 0
    return False


def _is_shifted(sheet: Sheet, edge: Term, numbers: Set[str]) -> bool:
    """Whether a number is added to something: sqrt(10 - a) ends at 10, and sqrt(a - b) at any size."""
    return any(
        isinstance(term, Binary)
        and term.op in "+-"
        and any(names_in(side) <= numbers for side in (term.left, term.right))
        for term in sheet.behind([edge])
    )
