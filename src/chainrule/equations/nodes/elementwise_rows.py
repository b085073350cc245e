"""The rows of the elementwise functions: a new one is a row here, and a line in the language's own table."""

from fractions import Fraction
from functools import partial

from chainrule import gamma, special
from chainrule.arrays import np, numpy_function
from chainrule.equations.nodes import elementwise_values as values
from chainrule.equations.nodes.logarithms import log
from chainrule.equations.nodes.nodes import Node, combined, linear, negative, one_minus, scaled
from chainrule.equations.nodes.norms import join_divisor, root
from chainrule.equations.nodes.operations import COMPOSED, ELEMENTWISE, Elementwise, Kink, apply, plain
from chainrule.equations.nodes.products import elementwise, power, spread
from chainrule.equations.nodes.quotients import absorbed, join_sign, paired, softmax_of_exponential

HALF, ONE, TWO = Fraction(1, 2), Fraction(1), Fraction(2)
LEAK = Fraction(1, 100)


def _exp(u: Node) -> Node | None:
    return u.args[0] if u.kind == "fn" and u.data == "log" else None


def _step(u: Node, v: Node) -> Node:
    """step(u); through the value when that has a name, as step(relu(a)) = step(a)."""
    return plain("step", v if v.kind == "sym" else u)


def _elu_slope(u: Node, v: Node) -> Node:
    """1 where u > 0, else exp(u) = elu(u) + 1, which cannot overflow."""
    active = plain("step", u)
    below = linear(u.pool, [(Fraction(1), v), (Fraction(1), u.pool.ones(u.dims))], u.dims)
    return linear(
        u.pool, [(Fraction(1), active), (Fraction(1), elementwise(one_minus(active), below))], u.dims
    )


def _erf_slope(u: Node, v: Node) -> Node:
    """2 / sqrt(π) exp(-u²)."""
    root = u.pool.intern("pow", -HALF, (u.pool.intern("pi", None, (), ()),), ())
    return elementwise(root, apply("exp", negative(power(u, Fraction(2)))), coefficient=2)


def _hazard(u: Node) -> Node:
    return elementwise(plain("normal_pdf", u), power(plain("normal_cdf", u), -ONE))


def _cloglog_slope(u: Node) -> Node:
    t = plain("exp", u)
    below = combined((ONE, plain("exp", t)), (-ONE, _one(u)))
    return elementwise(t, u.pool.intern("pow", -ONE, (below,), u.dims))


def _two_sigmoids(c: Fraction, u: Node) -> Node:
    """1 + c tanh(u) = 2 σ(2 c u)."""
    return scaled(2, plain("sigmoid", scaled(2 * c, u)))


def _two_cumulatives(c: Fraction, u: Node) -> Node:
    """1 + c erf(u) = 2 Φ(√2 c u)."""
    root = power(u.pool.number(TWO), HALF)
    return scaled(2, plain("normal_cdf", scaled(c, elementwise(root, u))))


def _polygamma(n: int) -> Elementwise:
    """ψ⁽ⁿ⁾; the slope of the highest is one order too high."""
    name, order = gamma.polygamma_name(n), str(n).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    last = n == gamma.HIGHEST
    return Elementwise(
        name,
        None if last else lambda u, v: plain(gamma.polygamma_name(n + 1), u),
        "" if last else "the slope of ψ⁽ⁿ⁾ is ψ⁽ⁿ⁺¹⁾" if n else "ψ' = ψ⁽¹⁾",
        partial(gamma.polygamma, n),
        f"_{name}",
        overflows=True,
        letter=f"ψ⁽{order}⁾" if n else "ψ",
        latex=rf"\psi^{{({n})}}" if n else r"\psi",
        sheet=f"polygamma({n}, {{}})" if n else "",
    )


def _one(u: Node) -> Node:
    return u.pool.ones(u.dims)


def _log_2(u: Node) -> Node:
    return plain("log", combined((TWO, _one(u))))


def _log_of_rest(u: Node, c: int) -> Node:
    """log(1 - exp(-c u)), with its digits where c u is close to 0, too."""
    return plain("log", negative(plain("expm1", scaled(-c, u))))


def _log_density(u: Node) -> Node:
    """Log φ(u) = -u²/2 - log(2 π)/2."""
    number = apply("log", scaled(2, u.pool.intern("pi", None, (), ())))
    constant = spread(number, (), u.axes, u.dims)
    return combined((-HALF, power(u, TWO)), (-HALF, constant))


_ROWS = (
    Elementwise(
        "exp",
        lambda u, v: v,
        "exp' = exp",
        numpy_function("exp"),
        "np.exp",
        build=_exp,
        sign="positive",
        overflows=True,
        latex=r"\exp",
        tail="both",
        logarithm=lambda u: u,
        shows_logarithm=True,
        differences={ONE: lambda u: scaled(-1, apply("expm1", u))},
        pairs=(("sigmoid", -1, 1, "sigmoid", 1),),
        joins=(softmax_of_exponential, paired),
    ),
    Elementwise(
        "log",
        lambda u, v: power(u, -ONE),
        "log' = 1/u",
        numpy_function("log"),
        "np.log",
        build=log,
        overflows=True,
        latex=r"\log",
    ),
    Elementwise(
        "expm1",
        lambda u, v: apply("exp", u),
        "exp' = exp",
        numpy_function("expm1"),
        "np.expm1",
        spelled=lambda u: combined((ONE, plain("exp", u)), (-ONE, _one(u))),
        overflows=True,
        logarithm=lambda u: combined((ONE, u), (ONE, _log_of_rest(u, 1))),
    ),
    Elementwise(
        "log1p",
        lambda u, v: power(combined((ONE, _one(u)), (ONE, u)), -ONE),
        "log' = 1/u",
        numpy_function("log1p"),
        "_log1p",
        spelled=lambda u: plain("log", combined((ONE, _one(u)), (ONE, u))),
        overflows=True,
    ),
    Elementwise(
        "abs",
        lambda u, v: plain("sign", u),
        "|u|' = sign(u), 0 at 0",
        special.abs_,
        "_abs",
        kink=Kink(),
        sign="not negative",
        is_even=True,
    ),
    Elementwise(
        "sign",
        lambda u, v: u.pool.zero(u.dims),
        "sign' = 0 off the kink",
        special.sign,
        "_sign",
        kink=Kink(),
        steps=True,
        joins=(join_sign,),
    ),
    Elementwise(
        "step",
        lambda u, v: u.pool.zero(u.dims),
        "step' = 0 off the kink",
        special.step,
        "_step",
        kink=Kink(),
        sign="not negative",
        steps=True,
        joins=(absorbed,),
    ),
    Elementwise(
        "relu", _step, "relu' = step, 0 at 0", special.relu, "_relu", kink=Kink(), sign="not negative"
    ),
    Elementwise(
        "leaky_relu",
        lambda u, v: combined((LEAK, _one(u)), (1 - LEAK, plain("step", u))),
        "leaky_relu' = 1 where u > 0, else 0.01",
        special.leaky_relu,
        "_leaky_relu",
        kink=Kink(),
    ),
    Elementwise(
        "elu",
        _elu_slope,
        "elu' = 1 where u > 0, else exp(u)",
        special.elu,
        "_elu",
        kink=Kink(2, "elu'' jumps from 1 to 0, the formulas take 1 at 0"),
    ),
    Elementwise(
        "softplus",
        lambda u, v: plain("sigmoid", u),
        "softplus' = σ",
        special.softplus,
        "_softplus",
        sign="positive",
        logarithm=lambda u: plain("log_softplus", u),
    ),
    Elementwise(
        "log_softplus",
        lambda u, v: plain("exp", combined((ONE, plain("log_sigmoid", u)), (-ONE, v))),
        "(log softplus)' = σ / softplus",
        lambda x: np.log(special.softplus(x)),
        "_log_softplus",
        spelled=lambda u: plain("log", plain("softplus", u)),
    ),
    Elementwise(
        "sigmoid",
        lambda u, v: elementwise(v, one_minus(v)),
        "σ' = σ (1 - σ)",
        special.sigmoid,
        "_sigmoid",
        sign="positive",
        letter="σ",
        latex=r"\sigma",
        tail="low",
        logarithm=lambda u: apply("log_sigmoid", u),
        shows_logarithm=True,
        differences={
            ONE: lambda u: apply("sigmoid", scaled(-1, u)),
            -ONE: lambda u: scaled(-1, plain("exp", scaled(-1, u))),
        },
        complement={-ONE: lambda u: plain("sigmoid", negative(u))},
    ),
    Elementwise(
        "log_sigmoid",
        lambda u, v: one_minus(plain("sigmoid", u)),
        "(log σ)' = 1 - σ",
        special.log_sigmoid,
        "_log_sigmoid",
    ),
    Elementwise(
        "tanh",
        lambda u, v: one_minus(power(v, TWO)),
        "tanh' = 1 - tanh²",
        special.tanh,
        "np.tanh",
        latex=r"\tanh",
        differences={TWO: lambda u: plain("tanh_slope", u)},
        complement={c: partial(_two_sigmoids, c) for c in (ONE, -ONE)},
    ),
    Elementwise(
        "tanh_slope",
        lambda u, v: elementwise(plain("tanh", u), v, coefficient=-2),
        "(1 - tanh²)' = -2 tanh (1 - tanh²)",
        values.tanh_slope,
        "_tanh_slope",
        spelled=lambda u: one_minus(power(plain("tanh", u), TWO)),
        is_even=True,
    ),
    Elementwise(
        "sin", lambda u, v: plain("cos", u), "sin' = cos", numpy_function("sin"), "np.sin", latex=r"\sin"
    ),
    Elementwise(
        "cos",
        lambda u, v: negative(plain("sin", u)),
        "cos' = -sin",
        numpy_function("cos"),
        "np.cos",
        latex=r"\cos",
        is_even=True,
        differences={ONE: lambda u: scaled(2, power(apply("sin", scaled(HALF, u)), TWO))},
    ),
    Elementwise(
        "tan",
        lambda u, v: combined((ONE, _one(u)), (ONE, power(v, TWO))),
        "tan' = 1 + tan²",
        numpy_function("tan"),
        "np.tan",
        latex=r"\tan",
    ),
    Elementwise(
        "arcsin",
        lambda u, v: plain("arcsin_slope", u),
        "arcsin'(u) = 1/√(1 - u²)",
        numpy_function("arcsin"),
        "np.arcsin",
        overflows=True,
        latex=r"\arcsin",
    ),
    Elementwise(
        "arccos",
        lambda u, v: negative(plain("arcsin_slope", u)),
        "arccos'(u) = -1/√(1 - u²)",
        numpy_function("arccos"),
        "np.arccos",
        overflows=True,
        latex=r"\arccos",
    ),
    Elementwise(
        "arcsin_slope",
        lambda u, v: elementwise(u, power(v, Fraction(3))),
        "(1/√(1 - u²))' = u/√(1 - u²)³",
        values.arcsin_slope,
        "_arcsin_slope",
        spelled=lambda u: power(one_minus(power(u, TWO)), -HALF),
        overflows=True,
        is_even=True,
    ),
    Elementwise(
        "arctan",
        lambda u, v: power(combined((ONE, _one(u)), (ONE, power(u, TWO))), -ONE),
        "arctan'(u) = 1/(1 + u²)",
        numpy_function("arctan"),
        "np.arctan",
        latex=r"\arctan",
    ),
    Elementwise(
        "sinh",
        lambda u, v: plain("cosh", u),
        "sinh' = cosh",
        numpy_function("sinh"),
        "np.sinh",
        overflows=True,
        logarithm=lambda u: combined((ONE, u), (ONE, _log_of_rest(u, 2)), (-ONE, _log_2(u))),
        latex=r"\sinh",
        pairs=(("cosh", 1, -1, "tanh", 1),),
        joins=(paired,),
    ),
    Elementwise(
        "cosh",
        lambda u, v: plain("sinh", u),
        "cosh' = sinh",
        numpy_function("cosh"),
        "np.cosh",
        sign="positive",
        overflows=True,
        logarithm=lambda u: plain("log_cosh", u),
        latex=r"\cosh",
        is_even=True,
        pairs=(("sinh", 1, -1, "tanh", -1),),
        joins=(paired,),
    ),
    Elementwise(
        "log_cosh",
        lambda u, v: plain("tanh", u),
        "(log cosh)' = tanh",
        special.log_cosh,
        "_log_cosh",
        spelled=lambda u: plain("log", plain("cosh", u)),
        is_even=True,
    ),
    Elementwise(
        "erf",
        _erf_slope,
        "erf'(u) = 2/√π exp(-u²)",
        special.erf,
        "_erf",
        complement={c: partial(_two_cumulatives, c) for c in (ONE, -ONE)},
    ),
    Elementwise(
        "normal_cdf",
        lambda u, v: plain("normal_pdf", u),
        "Φ' = φ",
        values.normal_cdf,
        "_normal_cdf",
        sign="positive",
        letter="Φ",
        latex=r"\Phi",
        tail="low",
        logarithm=lambda u: apply("log_normal_cdf", u),
        complement={-ONE: lambda u: plain("normal_cdf", negative(u))},
    ),
    Elementwise(
        "normal_pdf",
        lambda u, v: negative(elementwise(u, v)),
        "φ'(u) = -u φ(u)",
        values.normal_pdf,
        "_normal_pdf",
        sign="positive",
        letter="φ",
        latex=r"\varphi",
        sheet="(exp(-(({})**2) / 2) / sqrt(2 * {pi}))",
        is_even=True,
        tail="both",
        logarithm=_log_density,
    ),
    Elementwise(
        "log_normal_cdf",
        lambda u, v: plain("normal_hazard", u),
        "(log Φ)' = φ/Φ",
        lambda x: numpy_function("log")(values.normal_cdf(x)),
        "_log_normal_cdf",
        spelled=lambda u: plain("log", plain("normal_cdf", u)),
    ),
    Elementwise(
        "normal_hazard",
        lambda u, v: plain("normal_hazard_slope", u),
        "(φ/Φ)'(u) = -φ/Φ (u + φ/Φ)",
        values.normal_hazard,
        "_normal_hazard",
        spelled=_hazard,
    ),
    Elementwise(
        "normal_hazard_slope",
        None,
        "",
        values.normal_hazard_slope,
        "_normal_hazard_slope",
        spelled=lambda u: elementwise(_hazard(u), combined((ONE, u), (ONE, _hazard(u))), coefficient=-1),
    ),
    Elementwise(
        "cloglog",
        lambda u, v: plain("cloglog_slope", u),
        "the slope of log(1 - exp(-exp(u))) is t/(exp(t) - 1), t = exp(u)",
        values.cloglog,
        "_cloglog",
        spelled=lambda u: plain("log", one_minus(plain("exp", scaled(-1, plain("exp", u))))),
    ),
    Elementwise(
        "cloglog_slope",
        lambda u, v: plain("cloglog_curvature", u),
        "the slope of v = t/(exp(t) - 1), t = exp(u), is v (1 - t - v)",
        values.cloglog_slope,
        "_cloglog_slope",
        spelled=_cloglog_slope,
    ),
    Elementwise(
        "cloglog_curvature",
        None,
        "",
        values.cloglog_curvature,
        "_cloglog_curvature",
        spelled=lambda u: elementwise(
            _cloglog_slope(u), combined((ONE, _one(u)), (-ONE, plain("exp", u)), (-ONE, _cloglog_slope(u)))
        ),
    ),
    Elementwise(
        "gammaln",
        lambda u, v: plain("digamma", u),
        "(log Γ)' = ψ",
        gamma.gammaln,
        "_gammaln",
        overflows=True,
        letter="logΓ",
        latex=r"\log\Gamma",
    ),
    *map(_polygamma, range(gamma.HIGHEST + 1)),
    Elementwise(
        "divisor",
        lambda u, v: _one(u),
        "‖u‖' = u/‖u‖, 0 at 0",
        values.divisor,
        "_divisor",
        joins=(join_divisor,),
    ),
)
ELEMENTWISE.update((row.name, row) for row in _ROWS)
COMPOSED.update(
    sqrt=root,
    silu=lambda u: elementwise(u, plain("sigmoid", u)),
    gelu=lambda u: elementwise(u, plain("normal_cdf", u)),
)
