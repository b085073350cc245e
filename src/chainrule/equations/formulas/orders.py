"""Orders of indices as they are written: i ≤ j + 1 for i - j - 2 < 0."""

from collections.abc import Sequence
from fractions import Fraction

from chainrule.equations.formulas.forms import Add, Compare, Form, Letter, Num, Power, Scale, SizeForm

Terms = list[tuple[int, Form]]


def compared(
    op: str, terms: Sequence[tuple[int, Form]], sizes: Sequence[tuple[str, int]], constant: int
) -> Compare:
    """What is compared on two sides: Σ weight · term + Σ weight · size + constant ``op`` 0.

    Every term stands where its weight is positive.
    """
    left: Terms = [(weight, term) for weight, term in terms if weight > 0]
    right: Terms = [(-weight, term) for weight, term in terms if weight < 0]
    own: tuple[Terms, Terms] = (
        [(weight, SizeForm(0, size)) for size, weight in sizes if weight > 0],
        [(-weight, SizeForm(0, size)) for size, weight in sizes if weight < 0],
    )
    turned = not left or (op != "<" and constant > 0 and len(right) == 1 and not own[1])
    sides = (left + own[0], right + own[1])
    if turned:
        # j = i + 1 rather than i + 1 = j, and i > 2 rather than 2 < i.
        return Compare(0, {"<": ">"}.get(op, op), _side(sides[1], 0), _side(sides[0], constant))
    if not right or own[1]:
        return Compare(0, op, _side(sides[0], 0), _side(sides[1], -constant))
    if op == "<" and constant < 0:
        return Compare(0, "<=", _side(sides[0], 0), _side(sides[1], -constant - 1))
    return Compare(0, op, _side(sides[0], max(constant, 0)), _side(sides[1], max(-constant, 0)))


def _side(terms: Terms, constant: int) -> Form:
    """A sum of weighted terms and a number, the number last."""
    forms: list[tuple[int, Form]] = [
        (1, term if weight == 1 else Scale(0, Fraction(weight), (term,), (), None)) for weight, term in terms
    ]
    if constant or not forms:
        forms.append(
            (1 if constant > 0 or not forms else -1, Num(0, Fraction(abs(constant) if forms else constant)))
        )
    return forms[0][1] if len(forms) == 1 else Add(0, tuple(forms))


def is_index(form: Form) -> bool:
    """Whether a factor is a number made of letters alone, which stands in front: i² x[i], [i < j] x[j]."""
    match form:
        case Letter():
            return True
        case Power(arg=arg):
            return is_index(arg)
        case Compare(left=left, right=right):
            return _mentions_letter(left) or _mentions_letter(right)
    return False


def _mentions_letter(form: Form) -> bool:
    match form:
        case Letter():
            return True
        case Add(terms=terms):
            return any(_mentions_letter(term) for _, term in terms)
        case Scale(above=above):
            return any(map(_mentions_letter, above))
    return False
