"""The logarithm of the gamma function and its derivatives, for compiled code; see `chainrule.gamma`.

For NumPy log Γ is SciPy's. Other libraries have the power series about 2, with coefficients (ζ(k) - 1)/k, so
that no digits are lost at the zeros 1 and 2, and Stirling's from 8.5 on.
"""

from chainrule.gamma import HIGHEST, polygamma_name

# One text for every library: {xp} is its namespace, {first} hands it on, {real} is the real part of x.
_POLYGAMMA = """
def _polygamma({first}n, x):
    # ψ⁽ⁿ⁾, shifted by 24 to its asymptotic series; left of 0 by the one at 1 - x.
    left = {real} <= 0
    z = {xp}.where(left, 1 - x, x)
    w, factorial = z + 24, 1.0
    total, lower, turned, power = 0 / w, 0 / w, 0 / w, 1 + 0 / w
    for k in range(1, n + 1):
        factorial *= k
        power = power / w
    for k, bernoulli in enumerate(
        (-529.1242424242424, 54.971177944862156, -7.092156862745098, 1.1666666666666667, -0.2531135531135531,
         0.07575757575757576, -0.03333333333333333, 0.023809523809523808, -0.03333333333333333,
         0.16666666666666666)
    ):
        rising = bernoulli / (20 - 2 * k if n == 0 else 1)
        for j in range(21 - 2 * k, 20 - 2 * k + n):
            rising *= j
        total = (total + rising) / (w * w)
    for k in range(24):
        term = 1 / (z + k)
        for _ in range(n):
            term = term / (z + k)
        lower = lower + term
    if n == 0:
        value = {xp}.log(w) - 1 / (2 * w) - total - lower
    else:
        value = -((-1.0) ** n) * ((factorial / n + factorial / (2 * w) + total) * power + factorial * lower)
    # The slopes of cot are polynomials of it, each the next of -(1 + c²) P'.
    polynomial = [0.0, 1.0]
    for _ in range(n):
        slope = [k * c for k, c in enumerate(polynomial)][1:]
        polynomial = [-a - b for a, b in zip([*slope, 0.0, 0.0], [0.0, 0.0, *slope])]
    angle = {xp}.where(left, 3.141592653589793 * (x - {xp}.round({real})), 1 + 0 / w)
    cotangent = {xp}.cos(angle) / {xp}.sin(angle)
    for c in polynomial[::-1]:
        turned = turned * cotangent + c
    return {xp}.where(left, (-1.0) ** n * value - 3.141592653589793 ** (n + 1) * turned, value)
"""
_ORDERS = {polygamma_name(n): n for n in range(HIGHEST + 1)}

GAMMA = {
    "_gammaln": """
@np.errstate(all="ignore")
def _gammaln(x):
    from scipy.special import gammaln, loggamma

    x = np.asarray(x)  # gammaln(2) of a sheet is that of a number
    if np.isrealobj(x):
        # The real one has 7 digits at 2 - 1e-9, beside its zero; the complex one has all.
        near = (abs(x - 1) < 0.2) | (abs(x - 2) < 0.2)
        return np.where(near, loggamma(np.where(near, x, 1) + 0j).real.astype(x.dtype), gammaln(x))
    # Of a complex step left of 1/2 by the one at 1 - x: SciPy's turns by iπ at each pole.
    value = loggamma(np.where(x.real < 0.5, 1 - x, x))
    sine = np.sin(np.pi * (x - np.round(x.real)))
    reflected = 1.1447298858494002 - np.log(np.where(sine.real < 0, -sine, sine)) - value
    return np.where(x.real < 0.5, reflected, value)
""",
    "_polygamma": '\n@np.errstate(all="ignore")' + _POLYGAMMA.format(first="", xp="np", real="x.real"),
    **{f"_{name}": f"\ndef _{name}(x):\n    return _polygamma({n}, x)\n" for name, n in _ORDERS.items()},
}

ARRAY_GAMMA = {
    "_gammaln": """
def _gammaln(xp, x):
    # Left of 1/2 by the one at 1 - x; z is moved to 2 + t with t of at most 1/2, where the series is short.
    left = x < 0.5
    z = xp.where(left, 1 - x, x)
    near, up, one = z < 8.5, z < 1.5, xp.ones_like(z)
    r, factor = xp.where(near & ~up, z, 2 * one), one
    for _ in range(6):
        above = r >= 2.5
        factor, r = xp.where(above, factor * (r - 1), factor), xp.where(above, r - 1, r)
    t, series, tail = xp.where(up, z - 1, r - 2), 0 * one, 0 * one
    for c in (
        -2.7595228851242334e-10, 5.731367241678862e-10, -1.1921401405860912e-09, 2.4836745438024785e-09,
        -5.183475041970047e-09, 1.0838659214896955e-08, -2.2711094608943164e-08, 4.7698101693639804e-08,
        -1.0043224823968099e-07, 2.1207184805554665e-07, -4.492469198764566e-07, 9.55141213040742e-07,
        -2.039215753801366e-06, 4.374866789907488e-06, -9.439488275268397e-06, 2.050721277567069e-05,
        -4.492623673813314e-05, 9.945751278180853e-05, -0.00022315475845357939, 0.0005096695247430425,
        -0.001192753911703261, 0.0028905103307415234, -0.007385551028673986, 0.020580808427784546,
        -0.0673523010531981, 0.3224670334241132, 0.42278433509846713,
    ):
        series = (series + c) * t
    # 1/w has Stirling's odd powers; log z of a z beside 1 keeps its digits, since 1 is one of its numbers.
    w = xp.where(near, 9 * one, z)
    for c in (
        0.17964437236883057, -0.029550653594771242, 0.00641025641025641, -0.0019175269175269176,
        0.0008417508417508417, -0.0005952380952380953, 0.0007936507936507937, -0.002777777777777778,
        0.08333333333333333,
    ):
        tail = tail / w / w + c
    far = (w - 0.5) * (xp.log(w) - 1) + 0.4189385332046728 + tail / w
    value = xp.where(near, series + xp.log(factor) - xp.log(xp.where(up, z, one)), far)
    sine = xp.abs(xp.sin(3.141592653589793 * (x - xp.round(x))))
    return xp.where(left, 1.1447298858494002 - xp.log(xp.where(left, sine, one)) - value, value)
""",
    "_polygamma": _POLYGAMMA.format(first="xp, ", xp="xp", real="x"),
    **{
        f"_{name}": f"\ndef _{name}(xp, x):\n    return _polygamma(xp, {n}, x)\n"
        for name, n in _ORDERS.items()
    },
}
# Helpers that other helpers call.
GAMMA_NEEDS = {f"_{name}": ("_polygamma",) for name in _ORDERS}
