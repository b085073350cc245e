"""Entries picked by labels: from sums and products, each operand gives its own."""

import ast
from collections.abc import Mapping, Sequence

from chainrule.equations.code.code_facts import Variable, dims_of, expression
from chainrule.equations.nodes.nodes import Factor, Node
from chainrule.equations.nodes.operations import is_pick


def without_units(
    pairs: Sequence[Factor], out: tuple[int, ...]
) -> tuple[list[Factor], dict[int, dict[int, int]]]:
    """The factors without the unit vectors that pick an entry: ``x[0]`` is no sum of n terms.

    Returns
    -------
    list of (Node, labels)
        The factors that are left, without the labels at which entries are picked.
    dict
        For the places of those, their axes that are at a position, and which.
    """
    used = [
        (node, own)
        for node, own in pairs
        if is_pick(node) and not node.args and own[0] not in out and _picks_of_one(node, own[0], pairs)
    ]
    units = {own[0]: node.data for node, own in used}
    left = [pair for pair in pairs if pair not in used]
    picked_at = [{axis: units[label] for axis, label in enumerate(own) if label in units} for _, own in left]
    kept = [(node, tuple(label for label in labels if label not in units)) for node, labels in left]
    return kept, {place: here for place, here in enumerate(picked_at) if here}


def _picks_of_one(unit: Node, label: int, pairs: Sequence[Factor]) -> bool:
    """Whether a unit vector meets one other factor, along an axis that has entries to pick."""
    mates = [(other, own) for other, own in pairs if label in own and other is not unit]
    # The classes of one-hot rows have no row to pick: what is 1 there depends on the label.
    return len(mates) == 1 and not (is_pick(mates[0][0]) and mates[0][1][-1] == label)


def subscript(axes: int, at: Mapping[int, int]) -> str:
    """The index of an array with some axes at a position.

    Examples
    --------
    >>> subscript(3, {1: 0})
    '[:, 0, :]'
    """
    # The array API wants every axis named.
    return f"[{', '.join(str(at[axis]) if axis in at else ':' for axis in range(axes))}]"


def picked(scores: str, index: Sequence[str], known: Mapping[str, Variable]) -> str:
    """Code of one entry of each row of ``scores``, in brackets where it needs them.

    The pick goes into sums and products, so that they are computed for the picked entries alone.

    Parameters
    ----------
    scores : str
        Code of an array of one or two axes.
    index : sequence of str
        The places along each axis: rows and labels, or a label alone.
    known : mapping of str to Variable

    Examples
    --------
    >>> known = {"F": Variable(("n", "K")), "lse": Variable(("n",))}
    >>> picked("F - lse[:, None]", ["rows", "y"], known)
    '(F[rows, y] - lse)'
    >>> picked("np.exp(F)", ["rows", "y"], known)
    'np.exp(F)[rows, y]'
    """
    tree, places = map(expression, (scores, ", ".join(index)))
    found = _picked(tree, places, len(index), known) or ast.Subscript(tree, places, ast.Load())
    text = ast.unparse(found)
    return f"({text})" if isinstance(found, ast.BinOp | ast.UnaryOp) else text


def _picked(code: ast.expr, index: ast.expr, axes: int, known: Mapping[str, Variable]) -> ast.expr | None:
    """The pick of an expression; None where its axes are not known."""
    match code:
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() as op, right=right):
            first, second = _picked(left, index, axes, known), _picked(right, index, axes, known)
            return ast.BinOp(first, op, second) if first and second else None
        case ast.UnaryOp(op=op, operand=inner):
            entry = _picked(inner, index, axes, known)
            return ast.UnaryOp(op, entry) if entry else None
        case ast.Subscript(value=inner) if axes == 2 and ast.unparse(code).endswith("[:, None]"):
            return inner
    dims = dims_of(code, known)
    # An axis of length 1 may be repeated along the classes; only the whole expression has them all.
    if dims is None or dims[-1:] == (1,):
        return None
    if len(dims) < axes:
        # A row that is repeated gives the entries of the labels, a number itself.
        label = index.elts[-1] if isinstance(index, ast.Tuple) else index
        return ast.Subscript(code, label, ast.Load()) if dims else code
    return ast.Subscript(code, index, ast.Load())
