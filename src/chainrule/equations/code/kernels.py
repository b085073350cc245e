"""The small functions that compiled code carries along, so that its source needs NumPy alone.

All of them accept complex arrays and branch on the real part, and none overflows at large scores.
"""

import re
from collections.abc import Mapping

from chainrule.equations.code.gamma_kernels import GAMMA, GAMMA_NEEDS
from chainrule.equations.code.tail_kernels import TAIL_NEEDS, TAILS

DEFINITIONS = {
    "_floats": """
def _floats(*values):
    # All in one type: of the arrays that have a floating one; plain numbers and integers follow.
    arrays = [np.asarray(value) for value in values]
    first = arrays[0].dtype
    if first.kind in "fc" and all(array.dtype == first for array in arrays):
        return arrays
    types = [array.dtype for value, array in zip(values, arrays) if not isinstance(value, (float, complex))]
    dtype = np.result_type(*[kind for kind in types if kind.kind in "fc"] or [float])
    if any(array.dtype.kind == "c" for array in arrays):
        dtype = np.result_type(dtype, 1j)
    return [array.astype(dtype, copy=False) for array in arrays]
""",
    "_abs": """
def _abs(x):
    return np.where(x.real < 0, -x, x)
""",
    "_arcsin_slope": """
def _arcsin_slope(x):
    # 1 - x² would lose half of its digits beside 1.
    return 1 / np.sqrt((1 - x) * (1 + x))
""",
    "_sign": """
def _sign(x):
    return np.sign(x.real)
""",
    "_step": """
def _step(x):
    x = np.asarray(x).real
    found, unknown = np.asarray(x > 0, x.dtype), np.isnan(x)
    if unknown.any():
        found[unknown] = np.nan
    return found[()]
""",
    "_relu": """
def _relu(x, out=None):
    return np.maximum(x, 0, out=out) if np.isrealobj(x) else np.where(x.real <= 0, 0, x)
""",
    "_leaky_relu": """
def _leaky_relu(x):
    return np.where(x.real > 0, x, 0.01 * x)
""",
    "_elu": """
def _elu(x):
    return np.where(x.real > 0, x, np.expm1(np.where(x.real > 0, 0, x)))
""",
    "_sigmoid": """
def _sigmoid(x):
    e = np.exp(np.where(x.real < 0, x, -x))
    return np.where(x.real < 0, e, 1) / (1 + e)
""",
    "_log1p": """
def _log1p(z):
    if np.isrealobj(z):
        return np.log1p(z)
    # NumPy's loses the real part of a small complex z.
    real = 0.5 * np.log1p(z.real * (2 + z.real) + z.imag**2)
    return real + 1j * np.arctan2(z.imag, 1 + z.real)
""",
    "_softplus": """
def _softplus(x):
    return np.where(x.real > 0, x, 0) + _log1p(np.exp(np.where(x.real > 0, -x, x)))
""",
    "_log_sigmoid": """
def _log_sigmoid(x):
    return -_softplus(-x)
""",
    "_log_softplus": """
def _log_softplus(x):
    # Far out on the left softplus(x) is exp(x) - exp(x)² / 2.
    far = x.real < -30
    return np.where(far, x - np.exp(np.where(far, x, 0)) / 2, np.log(_softplus(np.where(far, 0, x))))
""",
    "_log_cosh": """
def _log_cosh(x):
    size = np.where(x.real < 0, -x, x)
    far = size.real > 1
    near = _log1p(2 * np.square(np.sinh(np.where(far, 0, size) / 2)))
    return np.where(far, size + _log1p(np.exp(-2 * size)) - np.log(2), near)
""",
    "_tanh_slope": """
def _tanh_slope(x):
    e = np.exp(np.where(x.real < 0, 2 * x, -2 * x))
    return 4 * e / np.square(1 + e)
""",
    "_gram": """
def _gram(a):
    rows = a.reshape(len(a), -1)
    return (rows.T @ rows).reshape(a.shape[1:] * 2)
""",
    "_weighted_gram": """
def _weighted_gram(a, q):
    # A symmetric product takes half the work of a general one; it needs real roots of the weights.
    roots = np.sqrt(q) if np.isrealobj(q) and np.all(q >= 0) else None
    total = None
    for part in _chunks(len(a), a.size // max(len(a), 1)):
        rows = a[part].reshape(len(a[part]), -1)
        scaled = rows * (q if roots is None else roots)[part, None]
        total = _plus(total, scaled.T @ (rows if roots is None else scaled))
    return total.reshape(a.shape[1:] * 2)
""",
    "_chunks": """
def _chunks(count, width):
    # Slices of the examples: what is built of so many numbers for each takes about 16 MiB at a time.
    step = max(1, 2**21 // max(width, 1))
    return [slice(start, start + step) for start in range(0, max(count, 1), step)]
""",
    "_plus": """
def _plus(total, part):
    return part if total is None else total + part if np.ndim(total) == 0 else np.add(total, part, out=total)
""",
    "_norm": """
def _norm(x, axes=None):
    # Along the last axes; divided by the largest entry where squares overflow or vanish.
    x = np.asarray(x)
    along = tuple(range(x.ndim - (axes or x.ndim), x.ndim))
    with np.errstate(over="ignore", under="ignore"):
        total = np.square(x).sum(axis=along)
    limits = np.finfo(total.dtype)
    if np.all((total.real > limits.tiny / limits.eps) & (total.real < np.inf)):
        return np.sqrt(total)
    largest = np.abs(x.real).max(axis=along, keepdims=True)
    scale = np.where((largest > 0) & (largest < np.inf), largest, 1).astype(largest.dtype)
    return np.sqrt(np.square(x / scale).sum(axis=along)) * scale.reshape(total.shape)
""",
    "_divisor": """
def _divisor(norm):
    # What the slope of a norm divides by: x/‖x‖ is 0 where x is.
    return np.where(np.abs(norm.real) < np.finfo(norm.dtype).tiny, np.inf, norm).astype(norm.dtype)
""",
    "_power": """
def _power(u, v):
    # A negative base has its whole powers alone, and their signs, also with a complex step on it.
    if np.isrealobj(u) and np.isrealobj(v):
        return np.power(u * 1.0, v)
    below, turns = np.real(u) < 0, np.real(v) % 2
    sign = np.where((np.imag(v) == 0) & (turns % 1 == 0), 1 - 2 * turns, np.nan)
    return np.power(np.where(below, -u, u), v) * np.where(below, sign, 1)
""",
    "_power_slope": """
def _power_slope(u, v, n, m):
    # n times by u, m times by v. A factor 0 wins over an infinite power, a positive power over log 0.
    taylor = [1.0] + [0.0] * m
    for i in range(n):
        taylor = [c * (v - i) + (taylor[j - 1] if j else 0) for j, c in enumerate(taylor)]
    with np.errstate(all="ignore"):
        logarithm = np.log(np.where(np.real(u) < 0, np.nan, u)) if m else 1.0
        total, ways = 0.0, 1
        for j, c in enumerate(taylor):
            total = total + np.where(c == 0, 0 * u, ways * c * logarithm ** (m - j))
            ways *= m - j
        gone = (total == 0) | ((u == 0) & (np.real(v) > n))
        slope = np.where(gone, 0 * u, total * _power(u, v - n))
    return np.where(np.real(u) < 0, np.nan, slope) if m else slope
""",
    "_erf": """
def _erf(x):
    from scipy.special import erf

    return erf(x)
""",
    "_normal_cdf": """
def _normal_cdf(x):
    from scipy.special import erfc

    return 0.5 * erfc(x * -0.7071067811865476)
""",
    "_normal_pdf": """
def _normal_pdf(x):
    return np.exp(-0.5 * x * x) * 0.3989422804014327
""",
    "_softmax": """
def _softmax(x, out=None):
    e = np.subtract(x, np.maximum.reduce(x.real, axis=-1, keepdims=True), out=out)
    np.exp(e, out=e)
    e /= np.add.reduce(e, axis=-1, keepdims=True)
    return e
""",
    "_logsumexp": """
def _logsumexp(x):
    shift = x.real.max(axis=-1, keepdims=True)
    return np.log(np.exp(x - shift).sum(axis=-1)) + shift[..., 0]
""",
    "_softmax_and_logsumexp": """
def _softmax_and_logsumexp(x, out=None):
    shift = np.maximum.reduce(x.real, axis=-1, keepdims=True)
    e = np.subtract(x, shift, out=out)
    np.exp(e, out=e)
    total = np.add.reduce(e, axis=-1, keepdims=True)
    e /= total
    return e, (np.log(total) + shift)[..., 0]
""",
    "_weighted_exp": """
def _weighted_exp(w, x):
    # 0 where w is, however large x.
    return w * np.exp(np.where(w == 0, 0, x))
""",
    "_exponentials": """
@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def _exponentials(axes, *terms):
    # Sums of w exp(s), the last axes of each pair summed: a shift, the sum over exp(shift), log of the sum.
    dtype = np.result_type(*terms)
    pairs = []
    for count, s, w in zip(axes, terms[::2], terms[1::2]):
        pair = np.broadcast_arrays(np.asarray(s, dtype), np.asarray(w, dtype))
        lead, own = np.split(pair[0].shape, [pair[0].ndim - count])
        pairs.append([x.reshape(*lead.astype(int), int(own.prod())) for x in pair])
    lead = np.broadcast_shapes(*(s.shape[:-1] for s, _ in pairs))
    s, w = (
        np.concatenate([np.broadcast_to(x, (*lead, x.shape[-1])) for x in column], axis=-1)
        for column in zip(*pairs)
    )
    place = (s.real + np.log(np.abs(w.real))).argmax(axis=-1)[..., None]
    shift, top = (np.take_along_axis(x, place, axis=-1) for x in (s, w))
    below = np.where(s == shift, 0, s - shift)
    e = _weighted_exp(w, below)
    np.put_along_axis(e, place, 0, axis=-1)
    rest, top, shift = e.sum(axis=-1), top[..., 0], shift[..., 0]
    total = top + rest
    log = np.where(top.real > 0, np.log(top) + _log1p(rest / top), np.log(total))
    if (w.real < 0).any():
        # Weights of both signs may cancel: exp(d) - 1 has what is left then, to all digits.
        base, near = w.sum(axis=-1), np.where(w == 0, 0, w * np.expm1(below))
        better = abs(base) + abs(near).sum(axis=-1) < abs(top) + abs(e).sum(axis=-1)
        total = np.where(better, base + near.sum(axis=-1), total)
        log = np.where(better, np.log(total), log)
    return shift, total, shift + log
""",
    "_onehot": """
def _onehot(labels, classes, dtype=float):
    return (labels[..., None] == np.arange(classes)).astype(dtype)
""",
    "_less": """
def _less(a, b, dtype=float):
    return np.less(np.real(a), np.real(b)).astype(dtype)
""",
    "_less_equal": """
def _less_equal(a, b, dtype=float):
    return np.less_equal(np.real(a), np.real(b)).astype(dtype)
""",
    "_equal": """
def _equal(a, b, dtype=float):
    return np.equal(np.real(a), np.real(b)).astype(dtype)
""",
    "_not_equal": """
def _not_equal(a, b, dtype=float):
    return np.not_equal(np.real(a), np.real(b)).astype(dtype)
""",
    "_extreme": """
def _extreme(x, sign):
    place = (sign * x.real).argmax(axis=-1)
    return np.take_along_axis(x, place[..., None], axis=-1)[..., 0]
""",
    "_attains": """
def _attains(x, sign):
    at = (x.real == sign * (sign * x.real).max(axis=-1, keepdims=True)).astype(x.real.dtype)
    return at / at.sum(axis=-1, keepdims=True)
""",
    "_logdet": """
def _logdet(x):
    sign, logarithm = np.linalg.slogdet(x)
    return logarithm if np.isrealobj(x) else logarithm + np.log(sign * np.sign(sign.real))
""",
    "_log_of_det": """
def _log_of_det(x):
    # Not a number where the determinant is negative.
    sign, logarithm = np.linalg.slogdet(x)
    return logarithm + np.log(sign)
""",
    "_adjugate": """
def _adjugate(x):
    try:
        return np.asarray(np.linalg.det(x))[..., None, None] * np.linalg.inv(x)
    except np.linalg.LinAlgError:
        # x = u diag(s) v: the products of all singular values but one need no division.
        u, s, v = np.linalg.svd(x)
        others = np.where(np.eye(x.shape[-1]) > 0, 1, s[..., None, :]).prod(axis=-1)
        turn = np.asarray(np.linalg.det(u) * np.linalg.det(v))[..., None, None]
        return turn * (np.conj(v).swapaxes(-1, -2) * others[..., None, :]) @ np.conj(u).swapaxes(-1, -2)
""",
    "_cofactor_parts": """
def _cofactor_parts(x):
    # x = u diag(s) v: conj(u), conj(v).T, and for two different places the product of all other s.
    u, s, v = np.linalg.svd(x)
    same = np.eye(x.shape[-1]) > 0
    others = np.where(same[:, None] | same, 1, s[..., None, None, :]).prod(axis=-1)
    turn = np.asarray(np.linalg.det(u) * np.linalg.det(v))[..., None, None]
    return np.stack([np.conj(u), np.conj(v).swapaxes(-1, -2), np.where(same, 0, turn * others)], axis=-3)
""",
    **TAILS,
    **GAMMA,
}
# Helpers that other helpers call.
NEEDS = {
    "_power_slope": ("_power",),
    "_exponentials": ("_weighted_exp", "_log1p"),
    **dict.fromkeys(("_softplus", "_log_cosh"), ("_log1p",)),
    **dict.fromkeys(("_log_sigmoid", "_log_softplus"), ("_softplus", "_log1p")),
    "_weighted_gram": ("_chunks", "_plus"),
    **dict.fromkeys(("_less", "_less_equal", "_equal", "_not_equal"), ("_alike",)),
    **TAIL_NEEDS,
    **GAMMA_NEEDS,
}


def definitions_for(code: str, definitions: Mapping[str, str] = DEFINITIONS) -> str:
    """The definitions of every helper that some code calls."""
    found = definitions.keys() & set(re.findall(r"(?<![\w.])(\w+)\(", code))
    for name in tuple(found):
        found.update(helper for helper in NEEDS.get(name, ()) if helper in definitions)
    return "\n".join(definitions[name] for name in definitions if name in found)
