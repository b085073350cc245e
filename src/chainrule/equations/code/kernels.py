"""The small functions that compiled code carries along, so that its source needs NumPy alone.

All of them accept complex arrays and branch on the real part, and none overflows at large scores.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["DEFINITIONS", "FUNCTION_CODE", "definitions_for"]

# How an elementwise function is called in generated code.
FUNCTION_CODE = {
    "exp": "np.exp",
    "log": "np.log",
    "sqrt": "np.sqrt",
    "tanh": "np.tanh",
    "tanh_slope": "_tanh_slope",
    "sin": "np.sin",
    "cos": "np.cos",
    "abs": "_abs",
    "sign": "_sign",
    "step": "_step",
    "relu": "_relu",
    "leaky_relu": "_leaky_relu",
    "elu": "_elu",
    "normal_cdf": "_normal_cdf",
    "normal_pdf": "_normal_pdf",
    "softplus": "_softplus",
    "sigmoid": "_sigmoid",
    "log_sigmoid": "_log_sigmoid",
    "erf": "_erf",
}

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
    "_sign": """
def _sign(x):
    return np.sign(x.real)
""",
    "_step": """
def _step(x):
    x = np.asarray(x)
    return (x.real > 0).astype(x.real.dtype)
""",
    "_relu": """
def _relu(x, out=None):
    return np.maximum(x, 0, out=out) if np.isrealobj(x) else np.where(x.real > 0, x, 0)
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
    "_softplus": """
def _softplus(x):
    return np.where(x.real > 0, x, 0) + np.log1p(np.exp(np.where(x.real > 0, -x, x)))
""",
    "_log_sigmoid": """
def _log_sigmoid(x):
    return -_softplus(-x)
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
}
# Helpers that other helpers call.
NEEDS = {"_log_sigmoid": ("_softplus",), "_weighted_gram": ("_chunks", "_plus")}


def definitions_for(code: str, definitions: Mapping[str, str] = DEFINITIONS) -> str:
    """The definitions of every helper that some code calls."""
    found = {name for name in definitions if re.search(rf"(?<![\w.]){name}\(", code)}
    for name in tuple(found):
        found.update(helper for helper in NEEDS.get(name, ()) if helper in definitions)
    return "\n".join(definitions[name] for name in definitions if name in found)
