"""The tails of the normal distribution and of log(1 - exp(-exp(x))), for compiled code.

Written as formulas they round to 0 or 1 far out; these functions keep their digits there. Those for NumPy
take complex arrays, too, and use SciPy's error functions; those for other libraries have their own, by W. J.
Cody, Rational Chebyshev approximations for the error function, Mathematics of Computation 23, 1969.
"""

TAILS = {
    "_log_normal_cdf": """
def _log_normal_cdf(x):
    from scipy.special import log_ndtr

    return log_ndtr(x)
""",
    "_normal_hazard": """
def _normal_hazard(x):
    # φ(x) / Φ(x), in the left tail about -x.
    from scipy.special import erfcx

    return 0.7978845608028654 / erfcx(x * -0.7071067811865476)
""",
    "_normal_hazard_slope": """
def _normal_hazard_slope(x):
    return -_normal_hazard(x) * _normal_gap(x)
""",
    "_normal_interval": """
@np.errstate(all="ignore")
def _normal_interval(b, a):
    # Of Φ(b) - Φ(a): its logarithm, φ(b) and φ(a) over it, b plus the one and a less the other.
    from scipy.special import erfcx

    # Reflected, so that u ≥ t lies to the left of 0 or near it; d is (Φ(u) - Φ(t)) / φ(u).
    turn = (a + b).real > 0
    u, t = np.where(turn, -a, b), np.where(turn, -b, a)
    gap, root = (u - t) * (u + t) / 2, 2.5066282746310002
    q, p = (0.5 * erfcx(np.where(x.real < 0, -x, x) * 0.7071067811865476) for x in (u, t))
    density, ratio = np.exp(-u * u / 2), np.exp(gap)
    outside = density * (q + p * ratio)
    d = np.where(u.real > 0, (1 - outside) * root / density, root * (q - p * ratio))
    # Of a narrow interval the integral of exp((u² - s²) / 2), by Gauss and Legendre.
    near = abs((u - t) * np.maximum(1, np.maximum(abs(u), abs(t)))) < 1
    width, narrow = np.where(near, u - t, 0), 0
    for x, weight in (
        (0.019855071751231884, 0.05061426814518813),
        (0.10166676129318663, 0.11119051722668724),
        (0.23723379504183551, 0.15685332293894364),
        (0.4082826787521751, 0.18134189168918099),
    ):
        for s in (width * x, width * (1 - x)):
            narrow = narrow + weight * width * np.exp(s * (u - s / 2))
    d = np.where(near, narrow, d)
    log = np.where((u.real > 0) & ~near, _log1p(-outside), np.log(d) - u * u / 2 - np.log(root))
    upper, lower = 1 / d, ratio / d
    # u + 1/d, for a wide interval on the left without the cancellation.
    small = (_normal_gap(u) * q - u * p * ratio) * root / d
    above = np.where((u.real < 0) & ~near, small, u + upper)
    below = np.where(lower == 0, 0, t - lower)
    upper, lower = np.where(turn, lower, upper), np.where(turn, upper, lower)
    above, below = np.where(turn, -below, above), np.where(turn, -above, below)
    return tuple(np.asarray(part, np.result_type(b, a))[()] for part in (log, upper, lower, above, below))
""",
    "_normal_gap": """
def _normal_gap(x):
    # x + φ(x)/Φ(x); far out the continued fraction 1/(t + 2/(t + 3/(t + ...))), t = -x.
    t = np.where(x.real < -5, -x, 5)
    fraction = 0 * t
    for count in range(24, 0, -1):
        fraction = count / (t + fraction)
    return np.where(x.real < -5, fraction, x + _normal_hazard(x))
""",
    "_cloglog": """
def _cloglog(x):
    # log(1 - exp(-t)) with t = exp(x): x below t = exp(-80), 0 above t = exp(80).
    t = np.exp(np.where(abs(x.real) > 80, 80 * np.sign(x.real), x))
    return np.where(x.real < 0, x + np.log(-np.expm1(-t) / t), _log1p(-np.exp(-np.where(x.real < 0, 1, t))))
""",
    "_cloglog_slope": """
def _cloglog_slope(x):
    # t / (exp(t) - 1) with t = exp(x); for small t its series.
    t = np.exp(np.where(x.real > 80, 80, x))
    q, far = np.where(t.real < 0.25, t, 0), np.where(t.real < 0.25, 1, t)
    series = 1 - q / 2 + q**2 / 12 - q**4 / 720 + q**6 / 30240 - q**8 / 1209600 + q**10 / 47900160
    return np.where(t.real < 0.25, series, far * np.exp(-far) / -np.expm1(-far))
""",
    "_cloglog_curvature": """
def _cloglog_curvature(x):
    # s (1 - t - s) with the slope s; for small t by the series of s.
    t, s = np.exp(np.where(x.real > 80, 80, x)), _cloglog_slope(x)
    q = np.where(t.real < 0.25, t, 0)
    series = -q / 2 - q**2 / 12 + q**4 / 720 - q**6 / 30240 + q**8 / 1209600 - q**10 / 47900160
    return s * np.where(t.real < 0.25, series, 1 - t - s)
""",
}

ARRAY_TAILS = {
    "_quotient": """
def _quotient(x, above, below):
    # Two polynomials by Horner's rule, their first coefficients first.
    p, q = 0 * x, 0 * x
    for a in above:
        p = p * x + a
    for b in below:
        q = q * x + b
    return p / q
""",
    "_erf_near": """
def _erf_near(x):
    # erf(x) for small x; this and _erfcx by W. J. Cody, 1969.
    above = (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2)
    below = (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3)
    return x * _quotient(x * x, (*above, 3.20937758913846947e3), (*below, 2.84423683343917062e3))
""",
    "_erfcx": """
def _erfcx(xp, x):
    # exp(x²) erfc(x) for x >= 0.
    near = xp.where(x < 0.46875, x, 0 * x)
    middle = xp.where(x < 0.46875, 0 * x + 1, xp.where(x > 4, 0 * x + 4, x))
    far = xp.where(x > 4, x, 0 * x + 4)
    above = (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1)
    above += (2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3)
    below = (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3)
    below += (3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3)
    at_middle = _quotient(middle, (*above, 1.23033935479799725e3), below)
    z = 1 / (far * far)
    above = (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1)
    below = (1.0, 2.56852019228982242, 1.87295284992346725, 5.27905102951428412e-1, 6.05183413124413191e-2)
    above += (1.60837851487422766e-2, 6.58749161529837803e-4)
    rest = z * _quotient(z, above, (*below, 2.33520497626869185e-3))
    at_far = (0.5641895835477563 - rest) / far
    at_near = xp.exp(near * near) * (1 - _erf_near(near))
    return xp.where(x < 0.46875, at_near, xp.where(x > 4, at_far, at_middle))
""",
    "_erf": """
def _erf(xp, x):
    size = xp.abs(x)
    far = xp.sign(x) * (1 - xp.exp(-size * size) * _erfcx(xp, size))
    return xp.where(size < 0.46875, _erf_near(xp.where(size < 0.46875, x, 0 * x)), far)
""",
    "_normal_cdf": """
def _normal_cdf(xp, x):
    tail = 0.5 * xp.exp(-0.5 * x * x) * _erfcx(xp, xp.abs(x) * 0.7071067811865476)
    return xp.where(x < 0, tail, 1 - tail)
""",
    "_log_normal_cdf": """
def _log_normal_cdf(xp, x):
    q = 0.5 * _erfcx(xp, xp.abs(x) * 0.7071067811865476)
    right = xp.log1p(-q * xp.exp(-0.5 * x * x))
    return xp.where(x < 0, -0.5 * x * x + xp.log(q), right)
""",
    "_normal_hazard": """
def _normal_hazard(xp, x):
    # φ(x) / Φ(x), in the left tail about -x.
    q = 0.5 * _erfcx(xp, xp.abs(x) * 0.7071067811865476)
    density = xp.exp(-0.5 * x * x)
    return 0.3989422804014327 * xp.where(x < 0, 1 / q, density / (1 - q * density))
""",
    "_normal_hazard_slope": """
def _normal_hazard_slope(xp, x):
    return -_normal_hazard(xp, x) * _normal_gap(xp, x)
""",
    "_normal_gap": """
def _normal_gap(xp, x):
    # x + φ(x)/Φ(x); far out the continued fraction 1/(t + 2/(t + 3/(t + ...))), t = -x.
    t = xp.where(x < -5, -x, 0 * x + 5)
    fraction = 0 * t
    for count in range(24, 0, -1):
        fraction = count / (t + fraction)
    return xp.where(x < -5, fraction, x + _normal_hazard(xp, x))
""",
    "_normal_interval": """
def _normal_interval(xp, b, a):
    # Of Φ(b) - Φ(a): its logarithm, φ(b) and φ(a) over it, b plus the one and a less the other.
    # Reflected, so that u ≥ t lies to the left of 0 or near it; d is (Φ(u) - Φ(t)) / φ(u).
    turn = a + b > 0
    u, t = xp.where(turn, -a, b), xp.where(turn, -b, a)
    gap, root = (u - t) * (u + t) / 2, 2.5066282746310002
    q, p = (0.5 * _erfcx(xp, xp.abs(x) * 0.7071067811865476) for x in (u, t))
    density, ratio = xp.exp(-u * u / 2), xp.exp(gap)
    outside = density * (q + p * ratio)
    d = xp.where(u > 0, (1 - outside) * root / density, root * (q - p * ratio))
    # Of a narrow interval the integral of exp((u² - s²) / 2), by Gauss and Legendre.
    reach = xp.maximum(xp.maximum(xp.abs(u), xp.abs(t)), 0 * u + 1)
    near = xp.abs((u - t) * reach) < 1
    width, narrow = xp.where(near, u - t, 0 * u), 0 * u
    for x, weight in (
        (0.019855071751231884, 0.05061426814518813),
        (0.10166676129318663, 0.11119051722668724),
        (0.23723379504183551, 0.15685332293894364),
        (0.4082826787521751, 0.18134189168918099),
    ):
        for s in (width * x, width * (1 - x)):
            narrow = narrow + weight * width * xp.exp(s * (u - s / 2))
    d = xp.where(near, narrow, d)
    left = xp.log(d) - u * u / 2 - 0.9189385332046727
    log = xp.where((u > 0) & ~near, xp.log1p(-outside), left)
    upper, lower = 1 / d, ratio / d
    # u + 1/d, for a wide interval on the left without the cancellation.
    small = (_normal_gap(xp, u) * q - u * p * ratio) * root / d
    above = xp.where((u < 0) & ~near, small, u + upper)
    below = xp.where(lower == 0, 0 * t, t - lower)
    upper, lower = xp.where(turn, lower, upper), xp.where(turn, upper, lower)
    return log, upper, lower, xp.where(turn, -below, above), xp.where(turn, -above, below)
""",
    "_cloglog": """
def _cloglog(xp, x):
    # log(1 - exp(-t)) with t = exp(x): x below t = exp(-80), 0 above t = exp(80).
    t = xp.exp(xp.where(xp.abs(x) > 80, 80 * xp.sign(x), x))
    right = xp.log1p(-xp.exp(-xp.where(x < 0, 0 * x + 1, t)))
    return xp.where(x < 0, x + xp.log(-xp.expm1(-t) / t), right)
""",
    "_cloglog_slope": """
def _cloglog_slope(xp, x):
    # t / (exp(t) - 1) with t = exp(x).
    t = xp.exp(xp.where(xp.abs(x) > 80, 80 * xp.sign(x), x))
    return t * xp.exp(-t) / -xp.expm1(-t)
""",
    "_cloglog_curvature": """
def _cloglog_curvature(xp, x):
    # s (1 - t - s) with the slope s; for small t by the series of s.
    t, s = xp.exp(xp.where(x > 80, 0 * x + 80, x)), _cloglog_slope(xp, x)
    q = xp.where(t < 0.25, t, 0 * t)
    series = -q / 2 - q**2 / 12 + q**4 / 720 - q**6 / 30240 + q**8 / 1209600 - q**10 / 47900160
    return s * xp.where(t < 0.25, series, 1 - t - s)
""",
}

# Helpers that these call, for NumPy or for other libraries.
_ERF = ("_quotient", "_erf_near", "_erfcx")
TAIL_NEEDS = {
    "_erf": _ERF,
    "_normal_cdf": _ERF,
    "_log_normal_cdf": _ERF,
    "_normal_hazard": _ERF,
    "_normal_hazard_slope": ("_normal_hazard", "_normal_gap", *_ERF),
    "_normal_interval": ("_normal_hazard", "_normal_gap", "_log1p", *_ERF),
    "_cloglog": ("_log1p",),
    "_cloglog_curvature": ("_cloglog_slope",),
}
