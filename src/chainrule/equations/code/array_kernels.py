"""The small functions that code for any array library carries along: real arrays, standard functions alone.

Each takes the library's namespace ``xp`` first, and none overflows at large scores. NumPy's are in `kernels`.
"""

from chainrule.equations.code.gamma_kernels import ARRAY_GAMMA
from chainrule.equations.code.tail_kernels import ARRAY_TAILS

ARRAY_DEFINITIONS = {
    "_namespace": """
def _namespace(*values):
    arrays = [value for value in values if not isinstance(value, (bool, int, float))]
    for array in arrays:
        if hasattr(array, "__array_namespace__"):
            return array.__array_namespace__()
    try:
        from array_api_compat import array_namespace, is_array_api_obj

        if arrays and all(map(is_array_api_obj, arrays)):
            return array_namespace(*arrays)
    except ImportError:
        pass
    kinds = ", ".join(sorted({type(value).__name__ for value in values}))
    raise TypeError(
        f"Expected arrays of a library that follows the array API standard; got {kinds}. "
        "With array-api-compat installed, torch's tensors are such arrays."
    )
""",
    "_floats": """
def _floats(xp, *values):
    # All in one type: the widest floating one of the arrays; plain numbers and integers follow.
    arrays = [value for value in values if not isinstance(value, (bool, int, float))]
    if not all(hasattr(array, "dtype") for array in arrays):
        kinds = ", ".join(sorted({type(array).__name__ for array in arrays}))
        raise TypeError(f"Expected arrays of one library and plain numbers; got {kinds}.")
    if any(xp.isdtype(array.dtype, "complex floating") for array in arrays):
        raise TypeError("Expected real arrays; got complex ones, which the NumPy target takes.")
    types = [array.dtype for array in arrays if xp.isdtype(array.dtype, "real floating")]
    dtype = xp.result_type(*types) if types else xp.zeros(1).dtype
    device = getattr(arrays[0], "device", None) if arrays else None
    return [
        xp.asarray(value, dtype=dtype, device=device)
        if isinstance(value, (bool, int, float))
        else xp.astype(value, dtype, copy=False)
        for value in values
    ]
""",
    "_labels": """
def _labels(xp, labels, device):
    return xp.asarray(labels, device=device) if isinstance(labels, int) else labels
""",
    "_number": """
def _number(xp, value, dtype, device):
    return xp.asarray(value, dtype=dtype, device=device)
""",
    "_pick": """
def _pick(xp, x, labels):
    if labels.ndim == x.ndim:
        return xp.take(x, labels)
    return xp.take_along_axis(x, labels[..., None], axis=-1)[..., 0]
""",
    "_onehot": """
def _onehot(xp, labels, classes, dtype):
    device = getattr(labels, "device", None)
    return xp.astype(labels[..., None] == xp.arange(classes, dtype=labels.dtype, device=device), dtype)
""",
    "_where": """
def _where(xp, condition, a, b):
    a, b = (
        xp.full_like(condition, value) if isinstance(value, (int, float)) else value for value in (a, b)
    )
    return xp.where(condition != 0, a, b)
""",
    "_alike": """
def _alike(xp, a, b, dtype):
    # Labels and counts do not go with floating numbers by themselves.
    whole = [isinstance(x, int) or (hasattr(x, "dtype") and xp.isdtype(x.dtype, "integral")) for x in (a, b)]
    if all(whole):
        return a, b
    return tuple(xp.astype(x, dtype) if hasattr(x, "dtype") else x for x in (a, b))
""",
    "_less": """
def _less(xp, a, b, dtype):
    a, b = _alike(xp, a, b, dtype)
    return xp.astype(a < b, dtype)
""",
    "_less_equal": """
def _less_equal(xp, a, b, dtype):
    a, b = _alike(xp, a, b, dtype)
    return xp.astype(a <= b, dtype)
""",
    "_equal": """
def _equal(xp, a, b, dtype):
    a, b = _alike(xp, a, b, dtype)
    return xp.astype(a == b, dtype)
""",
    "_not_equal": """
def _not_equal(xp, a, b, dtype):
    a, b = _alike(xp, a, b, dtype)
    return xp.astype(a != b, dtype)
""",
    "_abs": """
def _abs(xp, x):
    return xp.abs(x)
""",
    "_arcsin_slope": """
def _arcsin_slope(xp, x):
    # 1 - x² would lose half of its digits beside 1.
    return 1 / xp.sqrt((1 - x) * (1 + x))
""",
    "_sign": """
def _sign(xp, x):
    return xp.sign(x)
""",
    "_step": """
def _step(xp, x):
    return xp.where(xp.isnan(x), x, xp.astype(x > 0, x.dtype))
""",
    "_relu": """
def _relu(xp, x):
    return xp.maximum(x, xp.zeros_like(x))
""",
    "_leaky_relu": """
def _leaky_relu(xp, x):
    return xp.where(x > 0, x, 0.01 * x)
""",
    "_elu": """
def _elu(xp, x):
    return xp.where(x > 0, x, xp.expm1(xp.minimum(x, xp.zeros_like(x))))
""",
    "_sigmoid": """
def _sigmoid(xp, x):
    e = xp.exp(-xp.abs(x))
    return xp.where(x < 0, e, xp.ones_like(e)) / (1 + e)
""",
    "_softplus": """
def _softplus(xp, x):
    return xp.maximum(x, xp.zeros_like(x)) + xp.log1p(xp.exp(-xp.abs(x)))
""",
    "_log_sigmoid": """
def _log_sigmoid(xp, x):
    return -_softplus(xp, -x)
""",
    "_log_softplus": """
def _log_softplus(xp, x):
    # Far out on the left softplus(x) is exp(x) - exp(x)² / 2.
    left = xp.minimum(x, xp.zeros_like(x))
    return xp.where(x < -30, x - xp.exp(left) / 2, xp.log(_softplus(xp, xp.where(x < -30, 0 * x, x))))
""",
    "_log_cosh": """
def _log_cosh(xp, x):
    size = xp.abs(x)
    near = xp.log1p(2 * xp.square(xp.sinh(xp.where(size > 1, 0 * x, x) / 2)))
    return xp.where(size > 1, size + xp.log1p(xp.exp(-2 * size)) - 0.6931471805599453, near)
""",
    "_tanh_slope": """
def _tanh_slope(xp, x):
    e = xp.exp(-2 * xp.abs(x))
    return 4 * e / xp.square(1 + e)
""",
    "_norm": """
def _norm(xp, x, axes=None):
    # Along the last axes; divided by the largest entry, so that no square overflows or vanishes.
    along = tuple(range(x.ndim - (axes or x.ndim), x.ndim))
    largest = xp.max(xp.abs(x), axis=along, keepdims=True)
    scale = xp.where((largest > 0) & xp.isfinite(largest), largest, xp.ones_like(largest))
    total = xp.sum(xp.square(x / scale), axis=along)
    return xp.sqrt(total) * xp.reshape(scale, total.shape)
""",
    "_divisor": """
def _divisor(xp, norm):
    # What the slope of a norm divides by: x/‖x‖ is 0 where x is.
    tiny = xp.finfo(norm.dtype).smallest_normal
    return xp.where(xp.abs(norm) < tiny, xp.full_like(norm, float("inf")), norm)
""",
    "_power": """
def _power(xp, u, v):
    arrays = [value for value in (u, v) if hasattr(value, "dtype")]
    if not arrays:
        # Two numbers, 1.5**n of a size n; Python raises where the standard has an infinity or NaN.
        try:
            return float("nan") if u < 0 and v % 1 else float(u) ** v
        except (OverflowError, ZeroDivisionError):
            return float("-inf") if u < 0 and v % 2 else float("inf")
    u, v = (value if hasattr(value, "dtype") else xp.full_like(arrays[0], value) for value in (u, v))
    return xp.pow(u, v)
""",
    "_power_slope": """
def _power_slope(xp, u, v, n, m):
    # n times by u, m times by v. A factor 0 wins over an infinite power, a positive power over log 0.
    arrays = [value for value in (u, v) if hasattr(value, "dtype")]
    u, v = (value if hasattr(value, "dtype") else xp.full_like(arrays[0], value) for value in (u, v))
    u, v = xp.broadcast_arrays(u, v)
    none = xp.zeros_like(u)
    taylor = [none + 1] + [none] * m
    for i in range(n):
        taylor = [c * (v - i) + (taylor[j - 1] if j else 0) for j, c in enumerate(taylor)]
    logarithm = xp.log(xp.where(u < 0, xp.full_like(u, float("nan")), u)) if m else none
    total, ways = none, 1
    for j, c in enumerate(taylor):
        term = ways * c
        for _ in range(m - j):
            term = term * logarithm
        total = total + xp.where(c == 0, none, term)
        ways *= m - j
    gone = (total == 0) | ((u == 0) & (v > n))
    slope = xp.where(gone, none, total * xp.pow(u, v - n))
    return xp.where(u < 0, xp.full_like(u, float("nan")), slope) if m else slope
""",
    "_log1p": """
def _log1p(xp, x):
    return xp.log1p(x)
""",
    "_normal_pdf": """
def _normal_pdf(xp, x):
    return xp.exp(-0.5 * x * x) * 0.3989422804014327
""",
    "_softmax": """
def _softmax(xp, x):
    e = xp.exp(x - xp.max(x, axis=-1, keepdims=True))
    return e / xp.sum(e, axis=-1, keepdims=True)
""",
    "_logsumexp": """
def _logsumexp(xp, x):
    shift = xp.max(x, axis=-1, keepdims=True)
    return xp.log(xp.sum(xp.exp(x - shift), axis=-1)) + shift[..., 0]
""",
    "_softmax_and_logsumexp": """
def _softmax_and_logsumexp(xp, x):
    shift = xp.max(x, axis=-1, keepdims=True)
    e = xp.exp(x - shift)
    total = xp.sum(e, axis=-1, keepdims=True)
    return e / total, (xp.log(total) + shift)[..., 0]
""",
    "_weighted_exp": """
def _weighted_exp(xp, w, x):
    # 0 where w is, however large x.
    return w * xp.exp(xp.where(w == 0, xp.zeros_like(x), x))
""",
    "_exponentials": """
def _exponentials(xp, axes, *terms):
    # Sums of w exp(s), the last axes of each pair summed: a shift, the sum over exp(shift), log of the sum.
    pairs = []
    for count, s, w in zip(axes, terms[::2], terms[1::2]):
        pair = xp.broadcast_arrays(s, w)
        lead, size = pair[0].shape[: pair[0].ndim - count], 1
        for length in pair[0].shape[len(lead) :]:
            size *= length
        pairs.append([xp.reshape(x, (*lead, size)) for x in pair])
    lead = xp.broadcast_arrays(*(xp.sum(s, axis=-1) for s, _ in pairs))[0].shape
    s, w = (
        xp.concat([xp.broadcast_to(x, (*lead, x.shape[-1])) for x in column], axis=-1)
        for column in zip(*pairs)
    )
    none, one = xp.zeros_like(s), xp.ones_like(s)
    size = s + xp.log(xp.where(w == 0, one, xp.abs(w)))
    place = xp.argmax(xp.where(w == 0, one * -float("inf"), size), axis=-1, keepdims=True)
    shift, top = (xp.take_along_axis(x, place, axis=-1) for x in (s, w))
    below = xp.where((s == shift) | (w == 0), none, s - shift)
    e = w * xp.exp(below)
    is_top = xp.arange(s.shape[-1], dtype=place.dtype, device=getattr(place, "device", None)) == place
    rest, top, shift = xp.sum(xp.where(is_top, none, e), axis=-1), top[..., 0], shift[..., 0]
    # Weights of both signs may cancel: exp(d) - 1 has what is left then, to all digits.
    base, near = xp.sum(w, axis=-1), w * xp.expm1(below)
    better = xp.abs(base) + xp.sum(xp.abs(near), axis=-1) < xp.sum(xp.abs(e), axis=-1)
    better = better & xp.any(w < 0, axis=-1)
    total = xp.where(better, base + xp.sum(near, axis=-1), top + rest)
    split = (top > 0) & ~better
    above = xp.where(split, rest, xp.zeros_like(top)) / xp.where(split, top, xp.ones_like(top))
    front = xp.where(split, top, total)
    log = xp.log(xp.where(front < 0, float("nan") * xp.ones_like(front), front)) + xp.log1p(above)
    return shift, total, shift + log
""",
    "_extreme": """
def _extreme(xp, x, sign):
    return xp.max(x, axis=-1) if sign > 0 else xp.min(x, axis=-1)
""",
    "_attains": """
def _attains(xp, x, sign):
    at = xp.astype(x == sign * xp.max(sign * x, axis=-1, keepdims=True), x.dtype)
    return at / xp.sum(at, axis=-1, keepdims=True)
""",
    "_logdet": """
def _logdet(xp, x):
    return xp.linalg.slogdet(x)[1]
""",
    "_log_of_det": """
def _log_of_det(xp, x):
    # Not a number where the determinant is negative.
    sign, logarithm = xp.linalg.slogdet(x)
    return logarithm + xp.log(sign)
""",
    "_adjugate": """
def _adjugate(xp, x):
    # x = u diag(s) v: the products of all singular values but one need no division.
    u, s, v = xp.linalg.svd(x)
    same = xp.eye(x.shape[-1], dtype=x.dtype, device=getattr(x, "device", None))
    others = xp.prod(same + (1 - same) * s[..., None, :], axis=-1)
    turn = (xp.linalg.det(u) * xp.linalg.det(v))[..., None, None]
    return turn * (xp.matrix_transpose(v) * others[..., None, :]) @ xp.matrix_transpose(u)
""",
    "_cofactor_parts": """
def _cofactor_parts(xp, x):
    # x = u diag(s) v: u, v.T, and for two different places the product of all other s.
    u, s, v = xp.linalg.svd(x)
    same = xp.eye(x.shape[-1], dtype=x.dtype, device=getattr(x, "device", None))
    left = (1 - same)[:, None, :] * (1 - same)
    others = xp.prod(1 - left + left * s[..., None, None, :], axis=-1)
    turn = (xp.linalg.det(u) * xp.linalg.det(v))[..., None, None]
    return xp.stack([u, xp.matrix_transpose(v), (1 - same) * turn * others], axis=-3)
""",
    "_gram": """
def _gram(xp, a):
    rows = xp.reshape(a, (a.shape[0], -1))
    return xp.reshape(rows.T @ rows, a.shape[1:] * 2)
""",
    "_weighted_gram": """
def _weighted_gram(xp, a, q):
    rows = xp.reshape(a, (a.shape[0], -1))
    return xp.reshape((rows * q[:, None]).T @ rows, a.shape[1:] * 2)
""",
    "_kron": """
def _kron(xp, a, b):
    rows = tuple(size for length in a.shape for size in (length, 1))
    columns = tuple(size for length in b.shape for size in (1, length))
    shape = tuple(m * n for m, n in zip(a.shape, b.shape))
    return xp.reshape(xp.reshape(a, rows) * xp.reshape(b, columns), shape)
""",
    "_diagonal": """
def _diagonal(xp, rule, x):
    # Each letter that stands twice once: "aab->ab".
    letters, out = rule.split("->")
    while len(set(letters)) < len(letters):
        twice = next(letter for letter in letters if letters.count(letter) > 1)
        pair = letters.index(twice), letters.rindex(twice)
        rest = [axis for axis in range(x.ndim) if axis not in pair]
        x = xp.linalg.diagonal(xp.permute_dims(x, (*rest, *pair)))
        letters = "".join(letters[axis] for axis in rest) + twice
    return xp.permute_dims(x, tuple(letters.index(letter) for letter in out))
""",
    "_einsum": """
def _einsum(xp, rule, a, b):
    # A stack of products of matrices: the letters of both and the result count the matrices.
    inputs, out = rule.split("->")
    first, second = inputs.split(",")
    stack = [letter for letter in first if letter in second and letter in out]
    gone = [letter for letter in first if letter in second and letter not in out]
    left = [letter for letter in first if letter not in second]
    right = [letter for letter in second if letter not in first]
    size = dict(zip(first + second, (*a.shape, *b.shape)))

    def matrices(x, letters, rows, columns):
        x = xp.permute_dims(x, tuple(letters.index(letter) for letter in stack + rows + columns))
        groups = [[letter] for letter in stack] + [rows, columns]
        lengths = []
        for group in groups:
            lengths.append(1)
            for letter in group:
                lengths[-1] *= size[letter]
        return xp.reshape(x, tuple(lengths))

    product = matrices(a, first, left, gone) @ matrices(b, second, gone, right)
    letters = stack + left + right
    product = xp.reshape(product, tuple(size[letter] for letter in letters))
    return xp.permute_dims(product, tuple(letters.index(letter) for letter in out))
""",
    **ARRAY_TAILS,
    **ARRAY_GAMMA,
}
