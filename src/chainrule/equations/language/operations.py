"""Types of the operations: elementwise, matrix product, transpose, derivative in its three layouts.

A type is its axes and, for one axis, whether it stands (a column) or lies (a row). Vectors are columns, as on
paper: nothing is transposed in silence, and each refusal offers what would be right.
"""

from collections.abc import Callable
from dataclasses import dataclass

from chainrule.equations.language.tree import Layout, Size, Type
from chainrule.errors import SheetShapeError


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument as an error message speaks of it: its type and its text, quoted only if it is needed."""

    type: Type
    quoted: str | Callable[[], str]

    @property
    def text(self) -> str:
        """What was written."""
        return self.quoted if isinstance(self.quoted, str) else self.quoted()

    def __str__(self) -> str:
        return f"{self.text} is {self.type}" if self.type.axes else f"{self.text} is a scalar"


def elementwise_type(left: Argument, right: Argument, op: str) -> Type:
    """Type of an elementwise operation: a scalar with anything, equal shapes, a matrix with a vector.

    The vector goes along the last axis of the matrix, and only if that is not the size of the first one too.

    Parameters
    ----------
    left, right : Argument
    op : str
        An operator such as ``*``, or the name of a function of two arguments; for the message only.

    Raises
    ------
    SheetShapeError
        If the shapes do not go together; the message offers what would.
    """
    a, b = left.type, right.type
    if not a.axes or not b.axes:
        return a if a.axes else b
    if a == b:
        return a
    attempt = _attempt(left, right, op)
    if a.axes == b.axes or (len(a.axes) == len(b.axes) == 1 and a.row != b.row):
        raise SheetShapeError(f"{attempt}: {left}, {right}. {_column_with_row(left, right, op)}")
    if {len(a.axes), len(b.axes)} == {1, 2}:
        return _along_last_axis(left, right, attempt, op)
    raise SheetShapeError(
        f"{attempt}: {left}, {right}; an elementwise operation needs equal shapes.{_hint(a, b)}"
    )


def _attempt(left: Argument, right: Argument, op: str) -> str:
    """The operation as it was written, brackets put back."""
    if op.isalpha():
        return f"{op}({left.text}, {right.text})"
    first = left.text if op in "+-" or not _holds(left.text, "+-") else f"({left.text})"
    second = f"({right.text})" if _holds(right.text, "+-" if op in "+-" else "+-*/@") else right.text
    return f"{first} {op} {second}"


def _column_with_row(left: Argument, right: Argument, op: str) -> str:
    column, row = (right, left) if left.type.row else (left, right)
    outer = f"{_factor(column.text)} @ {_factor(row.text)}"
    if left.type.axes != right.type.axes:
        advice = f" For the outer product write {outer}." if op == "*" else ""
        return f"A column and a row do not go together elementwise.{advice}"
    lying = [Argument(left.type, left.text), Argument(left.type, _transposed(right.text))]
    standing = [Argument(right.type, _transposed(left.text)), right]
    other = f"the outer product {outer}" if op == "*" else _attempt(standing[0], standing[1], op)
    same = _attempt(lying[0], lying[1], op)
    return f"A column and a row do not go together elementwise. Write {same}, or {other}."


def _transposed(text: str) -> str:
    if text.endswith((".T", "ᵀ")) and _is_atom(text):
        return text.removesuffix("ᵀ").removesuffix(".T")
    return f"{_factor(text)}.T"


def _holds(text: str, operators: str) -> bool:
    """Whether one of the operators stands outside brackets, a sign in front left aside."""
    depth = 0
    for place, char in enumerate(text):
        depth += (char in "([") - (char in ")]")
        if depth == 0 and place and char in operators:
            return True
    return False


def _is_atom(text: str) -> bool:
    return not _holds(text, "+-*/@") and not text.startswith(("-", "+"))


def _factor(text: str) -> str:
    """The text as it can stand beside an operator."""
    return text if _is_atom(text) else f"({text})"


def _along_last_axis(left: Argument, right: Argument, attempt: str, op: str) -> Type:
    matrix, vector = (left, right) if len(left.type.axes) == 2 else (right, left)
    first, last = matrix.type.axes
    size = vector.type.axes[0]
    if size == last != first:
        return matrix.type
    spread = Argument(matrix.type, f"outer({vector.text}, ones({last}))")
    if op == "*":
        by_row = f"diag({vector.text}) @ {_factor(matrix.text)}"
    else:
        by_row = _attempt(left, spread, op) if vector is right else _attempt(spread, right, op)
    if size == first == last:
        raise SheetShapeError(
            f"{attempt}: {matrix}, {vector}; in a square matrix a vector could go along either axis. "
            f"For one number to each row write {by_row}; for one to each column write "
            f"outer(ones({first}), {vector.text}) in place of {vector.text}."
        )
    why = f"a vector goes along the last axis of a matrix, which is {last}"
    remedy = f" For one number to each row write {by_row}." if size == first else ""
    raise SheetShapeError(f"{attempt}: {matrix}, {vector}; {why}.{remedy}")


def _hint(a: Type, b: Type) -> str:
    if len(a.axes) == len(b.axes) == 2 and a.axes == b.axes[::-1]:
        return " One is shaped like the other's transpose: did you forget a .T?"
    if 1 in (*a.axes, *b.axes) and 1 in (len(a.axes), len(b.axes)):
        return " An axis of size 1 stays an axis; x[0] takes the number out of it."
    return ""


def transpose_type(arg: Argument) -> Type:
    """Type of arg.T."""
    axes = arg.type.axes
    if len(axes) == 1:
        return Type(axes, not arg.type.row)
    if len(axes) == 2:
        return Type(axes[::-1])
    raise SheetShapeError(
        f"{arg}; only vectors and matrices have a transpose. Use indices, as in T[i, j, k]."
    )


def product_type(left: Argument, right: Argument) -> Type:
    """Type of ``left @ right``.

    Parameters
    ----------
    left, right : Argument

    Raises
    ------
    SheetShapeError
        If the inner sizes differ or the orientations do not fit; the message offers what would.

    Examples
    --------
    >>> print(product_type(Argument(Type(("M", "p")), "W"), Argument(Type(("p",)), "x")))
    (M,)
    """
    result = _product(left.type, right.type)
    if result is not None:
        return result
    attempt = _attempt(left, right, "@")
    if not left.type.axes or not right.type.axes:
        raise SheetShapeError(f"{attempt}: {left if not left.type.axes else right}; write * with a scalar.")
    if max(len(left.type.axes), len(right.type.axes)) > 2:
        raise SheetShapeError(
            f"{attempt}: {left}, {right}; @ is for vectors and matrices. "
            "Write the sum out: r[i, j] = sum(A[i, k] * T[k, j] for k in n)."
        )
    raise SheetShapeError(f"{attempt}: {left}, {right}; {_why(left, right)}.{_remedy(left, right)}")


def _product(a: Type, b: Type) -> Type | None:
    """Type of a @ b, or None if it is not one; a column is (n, 1), a row (1, n)."""
    if not (1 <= len(a.axes) <= 2 and 1 <= len(b.axes) <= 2):
        return None
    match (len(a.axes), a.row, len(b.axes), b.row):
        case (1, True, 1, False):
            return Type() if a.axes == b.axes else None
        case (1, False, 1, True):
            return Type((a.axes[0], b.axes[0]))
        case (1, True, 2, _):
            return Type((b.axes[1],), row=True) if a.axes[0] == b.axes[0] else None
        case (2, _, 1, False):
            return Type((a.axes[0],)) if a.axes[1] == b.axes[0] else None
        case (2, _, 2, _):
            return Type((a.axes[0], b.axes[1])) if a.axes[1] == b.axes[0] else None
    return None


def _why(left: Argument, right: Argument) -> str:
    a, b = left.type, right.type
    if len(a.axes) == len(b.axes) == 1 and a.row == b.row:
        return f"two {'rows' if a.row else 'columns'} have no product, use .T on one of them"
    if len(a.axes) == 1 and not a.row:
        return f"{left.text} stands as a column, and a column times a matrix is not a product"
    if len(b.axes) == 1 and b.row:
        return f"{right.text} lies as a row, and a matrix times a row is not a product"
    which = "second axis" if len(a.axes) == 2 else "size"
    other = "first axis" if len(b.axes) == 2 else "size"
    return f"the {which} of {left.text} is {a.axes[-1]}, the {other} of {right.text} is {b.axes[0]}"


def _remedy(left: Argument, right: Argument) -> str:
    flipped_left, flipped_right = _flipped(left), _flipped(right)
    tries = ((flipped_left, right), (left, flipped_right), (flipped_left, flipped_right), (right, left))
    found = [
        f"{_factor(a.text)} @ {_factor(b.text)}" for a, b in tries if _product(a.type, b.type) is not None
    ]
    return f" Did you mean {' or '.join(found[:2])}?" if found else ""


def _flipped(arg: Argument) -> Argument:
    return Argument(transpose_type(arg), _transposed(arg.text))


def derivative_type(of: Type, wrt: Type, layout: Layout) -> Type:
    """Type of d(of, wrt).

    ``gradient``: axes of ``of``, then of ``wrt``. ``numerator``: axes of ``of``, then those of ``wrt``
    reversed; a scalar by a column is a row. ``denominator``: axes of ``wrt``, then those of ``of`` reversed;
    a column by a column is the transposed Jacobian, and a column by a scalar is a row.

    Examples
    --------
    >>> scalar, column = Type(), Type(("n",))
    >>> for layout in ("gradient", "numerator", "denominator"):
    ...     print(derivative_type(scalar, column, layout), derivative_type(column, scalar, layout))
    (n,) (n,)
    row (n,) (n,)
    (n,) row (n,)
    """
    if layout == "gradient":
        return _joined(of.axes + wrt.axes, of.row or wrt.row)
    if layout == "numerator":
        return _joined(of.axes + wrt.axes[::-1], of.row if of.axes else not wrt.row)
    return _joined(wrt.axes + of.axes[::-1], wrt.row if wrt.axes else not of.row)


def _joined(axes: tuple[Size, ...], row: bool) -> Type:
    return Type(axes, row and len(axes) == 1)
