"""Judging a gradient or a Jacobian that somebody claims, as a black box."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.checking.among_blocks import remarks_among
from chainrule.checking.glance import at_a_glance
from chainrule.checking.judge import Request, judge_block, judge_misfit
from chainrule.checking.magnitude import length
from chainrule.checking.oracle import Oracle
from chainrule.checking.point import At, Block, Point, point_of
from chainrule.checking.probe import Probe, Tolerance, typical_entries
from chainrule.checking.report import BlockVerdict, CheckReport
from chainrule.checking.shapes import Claim, read_claims
from chainrule.checking.subject import Subject
from chainrule.errors import OptionError, UncheckableError, within_memory

Array = NDArray[Any]
Entries = int | Literal["all"]
SAMPLE = 20


def check_gradient(
    loss: Callable[[Any], Any],
    gradient: Any,
    at: At,
    *,
    entries: Entries = SAMPLE,
    examples: int | None = None,
    rtol: float | None = None,
    seed: int = 0,
    only: str | Sequence[str] | None = None,
) -> CheckReport:
    """Judge a gradient: which blocks are right, and where and how the others are wrong.

    The truth comes from the complex step where ``loss`` takes complex numbers, guarded by a central
    difference, else from extrapolated central differences with their own error estimates. Each block is
    compared along one random direction first; only where that disagrees are entries looked at, and the
    wrong one is found by halving the block. A block that is off as a whole is wrong also where no single
    entry stands out of the noise.

    Parameters
    ----------
    loss : callable
        ``loss(values)`` is one number. ``values`` is what ``at`` is: a ``dict`` of arrays for a mapping,
        `Parameters` for `Parameters`, one array for an array. It should accept float64 and, for the sharpest
        verdict, complex128 arrays.
    gradient : callable, mapping, Parameters or array_like
        The claim: ``gradient(values)``, or its values at ``at``. Named like ``at``, or a list in its order.
    at : mapping of str to array_like, Parameters or array_like
        Where to check. float32 arrays are judged at float32's accuracy.
    entries : int or "all"
        Size of the sample of entries looked at one by one in a block that is off; ``"all"`` looks at every
        entry of every block, at one or two evaluations each.
    examples : int, optional
        Number of examples in the batch, to name a sum taken for a mean.
    rtol : float, optional
        Relative error up to which an entry is right; by default ε^0.4, which is 5e-7 in float64 and 2e-3 in
        float32. Small entries are measured against a share of their block.
    seed : int
        Of the random directions and the sample.
    only : str or sequence of str, optional
        Names of the blocks that are claimed, where that is not all of them. The claim for one name may be its
        array alone.

    Returns
    -------
    CheckReport
        True exactly if every block was checked and is right.

    Raises
    ------
    UncheckableError
        If the loss or the gradient fails, or the loss is not one finite number at ``at`` or changes from call
        to call.

    Notes
    -----
    At a kink of the loss, where only one-sided derivatives exist, any value between the two is right, entry
    by entry. Kinks near the point do no harm: the complex step sees none but those at the point itself, and
    differences are taken at smaller steps than the distance, as far as rounding allows.

    Examples
    --------
    >>> import numpy as np
    >>> X, y = np.array([[1.0, 2.0], [0.5, -1.0], [3.0, 0.0]]), np.array([1.0, 0.0, 2.0])
    >>> def loss(values):
    ...     return np.mean((X @ values["w"] + values["b"] - y) ** 2) / 2
    >>> def gradient(values):
    ...     residual = X @ values["w"] + values["b"] - y
    ...     return {"w": X.T @ residual, "b": np.mean(residual)}
    >>> report = check_gradient(loss, gradient, {"w": np.array([0.3, -0.2]), "b": 0.1}, examples=3)
    >>> print(report)
    w  wrong     all entries; worst w[0]: yours -3.775, true -1.258
                 every entry is 3.00 times the truth, and the batch has 3 examples: you sum over examples
                 where the loss takes the mean
    b  right     relative error ...
    judged by complex step, ... evaluations
    """
    oracle = Oracle(loss, point_of(at))
    request = Request(entries, examples, rtol, seed, _names(only, oracle.point))
    return check_derivative(loss, gradient, at, (), request, oracle)


def check_jacobian(
    function: Callable[[Any], Any],
    jacobian: Any,
    at: At,
    *,
    entries: Entries = SAMPLE,
    rtol: float | None = None,
    seed: int = 0,
) -> CheckReport:
    """Judge a Jacobian, output axes first; as `check_gradient`, for functions that give an array.

    Parameters
    ----------
    function : callable
        ``function(values)`` is an array of any shape.
    jacobian : callable, mapping, Parameters or array_like
        The claim, of shape (output axes..., axes of the block...) for each block.
    at, entries, rtol, seed
        As in `check_gradient`; a sampled entry is a column, with all outputs.

    Returns
    -------
    CheckReport

    Raises
    ------
    UncheckableError
        If the function or its Jacobian fails, or the function is not finite at ``at`` or changes from call
        to call.

    Examples
    --------
    >>> import numpy as np
    >>> A = np.array([[1.0, 2.0, 0.0], [0.0, -1.0, 4.0]])
    >>> bool(check_jacobian(lambda x: A @ x, A, np.array([1.0, 2.0, 3.0])))
    True
    >>> print(check_jacobian(lambda x: A @ x, A.T, np.array([1.0, 2.0, 3.0])))
    x  wrong     yours has shape (3, 2), expected (2, 3)
                 the variable's axes come first; outputs belong first; with that put right it is right
    judged by complex step, ... evaluations
    """
    oracle = Oracle(function, point_of(at))
    request = Request(entries, None, rtol, seed)
    return check_derivative(function, jacobian, at, oracle.base.shape, request, oracle)


def _names(only: str | Sequence[str] | None, point: Point) -> tuple[str, ...] | None:
    if only is None:
        return None
    names, known = (only,) if isinstance(only, str) else tuple(only), [block.name for block in point.blocks]
    if not names or not set(names) <= set(known):
        raise OptionError(f"only is {only!r}; expected some of {', '.join(known)}.")
    return names


def check_derivative(
    function: Callable[[Any], Any],
    derivative: Any,
    at: At,
    out_shape: tuple[int, ...],
    request: Request,
    oracle: Oracle | None = None,
) -> CheckReport:
    """Judge the derivative of a function whose results have a shape."""
    if request.entries != "all" and (not isinstance(request.entries, int) or request.entries < 1):
        raise OptionError(f"entries is {request.entries!r}; expected a positive number or 'all'.")
    oracle = oracle or Oracle(function, point_of(at))
    point = oracle.point
    claimed = claimed_at(derivative, point)
    claims, stray = read_claims(claimed, point, out_shape, at, request.only)
    with within_memory("The check"):
        rng = np.random.default_rng(request.seed)
        drawn = _drawn(point.vector.size, rng)
        verdicts = _together(oracle, claims, drawn, out_shape, request)
        together, among = verdicts is not None, [stray]
        if verdicts is None:
            verdicts, told = _one_by_one(oracle, claims, drawn, out_shape, request, rng)
            among += told
            repeated, _ = read_claims(claimed_at(derivative, point), point, out_shape, at, request.only)
            _refuse_moods(claims, repeated)
    remarks = tuple(remark for remark in (*among, oracle.spoils) if remark)
    again = derivative if callable(derivative) else None
    subject = Subject(function, again, claims, point, request.examples, out_shape)
    return CheckReport(
        verdicts,
        oracle.method,
        oracle.evaluations,
        remarks,
        subject if request.only is None else None,
        seed=request.seed,
        together=together,
    )


def claimed_at(derivative: Any, point: Point) -> Any:
    """What is claimed at a point, by values or by a callable."""
    if not callable(derivative):
        return derivative
    try:
        return derivative(point.rebuild(point.vector, point.dtype))
    except Exception as error:
        raise UncheckableError(
            f"The derivative to be checked fails at the point: {type(error).__name__}: {error}"
        ) from error


def _refuse_moods(claims: Mapping[str, Claim], repeated: Mapping[str, Claim]) -> None:
    """Raise where a derivative is another one each time it is asked for."""
    for name, claim in claims.items():
        first, second = claim.array, repeated[name].array
        if first is None or second is None:
            continue
        size = np.max(np.abs(first), initial=0.0)
        if not np.allclose(first, second, rtol=1e-6, atol=1e-6 * size):
            raise UncheckableError(
                f"Two evaluations of the derivative at the same point differ in {name}: it draws random "
                "numbers or keeps a memory. Fix its seed, or make it anew each call."
            )


def _together(
    oracle: Oracle, claims: Mapping[str, Claim], drawn: Array, out_shape: tuple[int, ...], request: Request
) -> dict[str, BlockVerdict] | None:
    """The verdicts if all blocks are right at a glance; else None."""
    q = math.prod(out_shape)
    if request.entries == "all" or not q or any(claim.array is None for claim in claims.values()):
        return None
    claimed = {b.name: _matrix(claims[b.name].array, q, b.size) for b in _judged(oracle, claims)}
    tolerance = Tolerance.of(_rounding_unit(oracle, claims), request.rtol)
    return at_a_glance(oracle, claimed, drawn, tolerance, out_shape)


def _one_by_one(
    oracle: Oracle,
    claims: Mapping[str, Claim],
    drawn: Array,
    out_shape: tuple[int, ...],
    request: Request,
    rng: np.random.Generator,
) -> tuple[dict[str, BlockVerdict], list[str]]:
    """The verdicts, block by block, and what they tell together."""
    if oracle.base.size != math.prod(out_shape):
        raise UncheckableError(
            f"The loss has shape {oracle.base.shape}; a gradient belongs to one number. "
            "Reduce it by a sum or a mean, or use check_jacobian."
        )
    verdicts = {}
    probes = _probes(oracle, claims, out_shape, drawn, request.rtol)
    for probe in probes:
        claim = claims[probe.block.name]
        fits = claim.array is not None
        verdicts[probe.block.name] = (
            judge_block(oracle, probe, request, rng) if fits else judge_misfit(probe, claim)
        )
    return verdicts, remarks_among(probes, verdicts)


def _probes(
    oracle: Oracle,
    claims: Mapping[str, Claim],
    out_shape: tuple[int, ...],
    drawn: Array,
    rtol: float | None,
) -> list[Probe]:
    """Let the oracle settle on the directions of the blocks, and put each beside its claim."""
    point, q, judged = oracle.point, oracle.base.size, _judged(oracle, claims)
    arrays = {b.name: _matrix(claims[b.name].array, q, b.size) for b in judged}
    directions, whole, targets = {}, [], []
    for block in judged:
        directions[block.name] = block.scale * drawn[block.start : block.stop]
        whole.append(np.zeros(point.vector.size))
        whole[-1][block.start : block.stop] = directions[block.name]
        targets.append(1e-10 * block.scale * length(arrays[block.name], axis=1))
    slopes = oracle.settle(whole, targets)
    tolerance = Tolerance.of(_rounding_unit(oracle, claims), rtol)
    typical = typical_entries([np.nan_to_num(np.abs(slope.value)) for slope in slopes], judged)
    rounding = 4 * tolerance.unit * (np.abs(oracle.flat_base) + np.abs(oracle.curvature))
    return [
        Probe(
            block=block,
            values=point.vector[block.start : block.stop],
            claimed=arrays[block.name],
            direction=directions[block.name],
            slope=slope,
            typical=typical[block.name],
            rounding=rounding,
            out_shape=out_shape,
            total=point.vector.size,
            tolerance=tolerance,
        )
        for block, slope in zip(judged, slopes, strict=True)
    ]


def _judged(oracle: Oracle, claims: Mapping[str, Claim]) -> list[Block]:
    return [block for block in oracle.point.blocks if block.name in claims]


def _drawn(size: int, rng: np.random.Generator) -> Array:
    """A random direction: no entry near 0, where a mistake would hide, and no two alike, lest two cancel."""
    drawn = rng.random(size)
    drawn *= 2
    drawn -= 1
    drawn += np.copysign(0.5, drawn)
    return drawn


def _matrix(array: Array | None, q: int, n: int) -> Array:
    return np.zeros((q, n)) if array is None else array.reshape(q, n)


def _rounding_unit(oracle: Oracle, claims: Mapping[str, Claim]) -> float:
    """ε of the coarsest type in play; a function that proves noisier than its type counts by its noise."""
    units = [float(np.finfo(claim.dtype).eps) for claim in claims.values()]
    units += [float(np.finfo(oracle.point.dtype).eps), oracle.unit]
    return max(units)
