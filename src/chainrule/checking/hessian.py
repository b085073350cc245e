"""Judging a Hessian, or its product with a direction, pair of blocks by pair of blocks."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.checking.gradient import SAMPLE, Entries, check_derivative, claimed_at
from chainrule.checking.judge import Request
from chainrule.checking.pairs import Pairs, asymmetry, pairs_of
from chainrule.checking.point import At, Block, Point, point_of
from chainrule.checking.report import BlockVerdict, CheckReport
from chainrule.checking.shapes import read_claim
from chainrule.checking.slopes import First, Of, first_of, part_of, random_direction, slope_along

Array = NDArray[Any]
Function = Callable[[Any], Any]


def check_hessian(
    function: Function,
    hessian: Any,
    at: At,
    *,
    entries: Entries = SAMPLE,
    rtol: float | None = None,
    seed: int = 0,
    of: Of = None,
) -> CheckReport:
    """Judge a Hessian: which pairs of blocks are right, and where and how the others are wrong.

    Parameters
    ----------
    function : callable
        The loss, or its gradient, of what ``at`` is. A gradient that takes complex numbers gives the sharpest
        verdict in the fewest evaluations; of a loss the slopes along random directions are differentiated.
    hessian : callable, mapping or array_like
        The claim, as values or ``hessian(values)``: the matrix over all entries of ``at`` (block after block,
        each row by row; in the order of `Parameters` for `Parameters`); ``{("W1", "b1"): ...}`` or
        ``{"W1": {"b1": ...}}`` for some pairs or all, of shape (axes of the one..., axes of the other...);
        ``{"W1": ...}`` is the pair of a block with itself.
    at, entries, rtol, seed
        As in `check_gradient`; an entry that is looked at is a column.
    of : {"loss", "gradient"}, optional
        What ``function`` gives, where ``at`` is one number and that cannot be told.

    Returns
    -------
    CheckReport
        With a verdict for each pair that is claimed, named "W1, b1".

    Raises
    ------
    UncheckableError
        As in `check_gradient`.

    Examples
    --------
    >>> import numpy as np
    >>> A = np.array([[2.0, 1.0], [1.0, 5.0]])
    >>> bool(check_hessian(lambda x: x @ A @ x / 2, A, np.array([1.0, -2.0])))
    True
    >>> print(check_hessian(lambda x: A @ x, A + np.array([[0, 0], [1, 0]]), np.array([1.0, -2.0])))
    x  wrong     1 of 4 entries; worst x[1, 0]: yours 2, true 1
      not symmetric: in x by up to 1
    judged by complex step, ... evaluations
    """
    point = point_of(at)
    first = first_of(function, point, at, of)
    pairs, remarks = pairs_of(claimed_at(hessian, point), point, at)
    request = Request(entries, None, rtol, seed)
    judge = _by_gradient if first.is_gradient else _by_loss
    found, reports = judge(first, pairs, at, request)
    blocks = {_name(pair, point): replace(found[pair], name=_name(pair, point)) for pair in pairs}
    return _joined(blocks, reports, [*remarks, *asymmetry(pairs, point)], seed)


def check_hessian_product(
    function: Function,
    product: Callable[[Any, Any], Any],
    at: At,
    *,
    rtol: float | None = None,
    seed: int = 0,
    of: Of = None,
) -> CheckReport:
    """Judge a Hessian times a direction, H v, along random directions.

    Parameters
    ----------
    function : callable
        The loss, or its gradient, as in `check_hessian`.
    product : callable
        ``product(values, direction)`` is the claim; ``direction`` and the result are what ``at`` is.
    at, rtol, seed, of
        As in `check_hessian`.

    Returns
    -------
    CheckReport
        With a verdict for each block of H v. One that is wrong says in which blocks of v.

    Raises
    ------
    UncheckableError
        As in `check_gradient`.

    Examples
    --------
    >>> import numpy as np
    >>> A = np.array([[2.0, 1.0], [1.0, 5.0]])
    >>> bool(check_hessian_product(lambda x: A @ x, lambda x, v: A @ v, np.array([1.0, -2.0])))
    True
    >>> print(check_hessian_product(lambda x: A @ x, lambda x, v: 2 * A @ v, np.array([1.0, -2.0])))
    x  wrong     all entries; worst x[1]: yours ..., true ...
                 every entry is 2.00 times the truth: a square's 2 against its 1/2, or a term added twice
    judged by complex step, ... evaluations
    """
    point = point_of(at)
    first = first_of(function, point, at, of)
    request = Request(SAMPLE, None, rtol, seed)
    direction = random_direction(point, seed)
    report = _product_along(first, product, direction, at, request)
    reports, wrong = [report], [block.name for block in report if block.status == "wrong"]
    through: dict[str, list[str]] = {name: [] for name in wrong}
    for block in point.blocks if wrong and len(point.blocks) > 1 else ():
        reports.append(_product_along(first, product, part_of(direction, block), at, request))
        for name in wrong:
            if reports[-1].blocks[name].status == "wrong":
                through[name].append(block.name)
    blocks = {verdict.name: _guilty(verdict, through.get(verdict.name, [])) for verdict in report}
    return _joined(blocks, reports, [], seed)


def _guilty(verdict: BlockVerdict, through: Sequence[str]) -> BlockVerdict:
    if not through:
        return verdict
    return replace(verdict, remarks=(f"wrong for directions in {', '.join(through)}", *verdict.remarks))


def _product_along(
    first: First, product: Callable[[Any, Any], Any], direction: Array, at: At, request: Request
) -> CheckReport:
    point = first.point
    claimed = claimed_at(lambda values: product(values, point.rebuild(direction, point.dtype)), point)
    if not first.is_gradient:
        return check_derivative(slope_along(first, direction), claimed, at, (), request)
    given = first.pieces(claimed)
    blocks, reports = {}, []
    for block in point.blocks:

        def along(t: Array, name: str = block.name) -> Array:
            moved = point.vector + t * direction
            return first.piece(point.rebuild(moved, moved.dtype), name)

        report = check_derivative(along, given.get(block.name), 0.0, block.shape, request)
        reports.append(report)
        blocks[block.name] = replace(report.blocks["x"], name=block.name)
    return _joined(blocks, reports, [], request.seed)


def _by_gradient(
    first: First, pairs: Pairs, at: At, request: Request
) -> tuple[dict[tuple[str, str], BlockVerdict], list[CheckReport]]:
    """The verdicts on the pairs: each block of the gradient is a function with a Jacobian."""
    found: dict[tuple[str, str], BlockVerdict] = {}
    reports: list[CheckReport] = []
    for block in first.point.blocks:
        claims = {b: value for (a, b), value in pairs.items() if a == block.name}
        if not claims:
            continue

        def row(values: Any, name: str = block.name) -> Array:
            return first.piece(values, name)

        report = check_derivative(row, claims, at, block.shape, replace(request, only=tuple(claims)))
        reports.append(report)
        found |= {(block.name, b): report.blocks[b] for b in claims}
    return found, reports


def _by_loss(
    first: First, pairs: Pairs, at: At, request: Request
) -> tuple[dict[tuple[str, str], BlockVerdict], list[CheckReport]]:
    """The verdicts on the pairs: the slope of the loss along a direction has the gradient H v."""
    found: dict[tuple[str, str], BlockVerdict] = {}
    reports: list[CheckReport] = []
    for block in first.point.blocks:
        given = {a: value for (a, b), value in pairs.items() if b == block.name}
        verdicts, more = _column(first, block, given, at, request) if given else ({}, [])
        found |= {(a, block.name): verdict for a, verdict in verdicts.items()}
        reports += more
    return found, reports


def _column(
    first: First, block: Block, given: Mapping[str, Any], at: At, request: Request
) -> tuple[dict[str, BlockVerdict], list[CheckReport]]:
    """The verdicts on the pairs of one block with others."""
    direction = part_of(random_direction(first.point, request.seed), block)
    verdicts, arrays, products = {}, {}, {}
    for other in first.point.blocks:
        if other.name not in given:
            continue
        claim, shape = read_claim(given[other.name], other.shape, block.shape), other.shape + block.shape
        start = BlockVerdict(other.name, shape, "wrong", size=math.prod(shape), remarks=(claim.misfit,))
        verdicts[other.name] = start
        if claim.array is not None:
            arrays[other.name] = claim.array
            product = claim.array.reshape(other.size, block.size) @ direction[block.start : block.stop]
            products[other.name] = product.reshape(other.shape)
    if not products:
        return verdicts, []
    asked = replace(request, only=tuple(products))
    reports = [check_derivative(slope_along(first, direction), products, at, (), asked)]
    for verdict in reports[0]:
        name, start = verdict.name, verdicts[verdict.name]
        if verdict.worst is not None:
            row = verdict.worst.index
            reports.append(_row(first, name, row, {block.name: arrays[name][row]}, at, request))
            verdict = _at_entry(verdict, reports[-1].blocks[block.name], row)
        verdicts[name] = replace(verdict, shape=start.shape, size=start.size)
    return verdicts, reports


def _row(
    first: First, name: str, row: tuple[int, ...], claim: dict[str, Array], at: At, request: Request
) -> CheckReport:
    """A row of a pair: the slope of the loss along one entry has it as its gradient."""
    block = next(block for block in first.point.blocks if block.name == name)
    unit = np.zeros(first.point.vector.size)
    unit[block.start + int(np.ravel_multi_index(row, block.shape) if row else 0)] = 1.0
    return check_derivative(slope_along(first, unit), claim, at, (), replace(request, only=tuple(claim)))


def _at_entry(verdict: BlockVerdict, inside: BlockVerdict, row: tuple[int, ...]) -> BlockVerdict:
    """The verdict on a pair, with the worst entry of a row that is off along a direction."""
    remarks = tuple(dict.fromkeys((*verdict.remarks, *inside.remarks)))
    if inside.worst is None:
        return replace(verdict, worst=None, remarks=remarks)
    worst = replace(inside.worst, index=row + inside.worst.index)
    return replace(inside, status="wrong", worst=worst, alone=False, remarks=remarks)


def _name(pair: tuple[str, str], point: Point) -> str:
    return pair[0] if point.is_single else ", ".join(pair)


def _joined(
    blocks: dict[str, BlockVerdict], reports: Sequence[CheckReport], remarks: Sequence[str], seed: int
) -> CheckReport:
    """One report of several."""
    methods = {report.method: None for report in reports if report.method}
    return CheckReport(
        blocks,
        " and ".join(methods),
        sum(report.evaluations for report in reports),
        tuple(dict.fromkeys((*remarks, *(remark for report in reports for remark in report.remarks)))),
        seed=seed,
        together=all(report.together for report in reports),
    )
