"""Write ``language.md``: the reference of the language of sheets, its tables made from the code.

Run it as ``python docs/make_language.py`` after the language has changed; a test holds the page to what it
writes, and the formulas in its tables to the functions that they explain.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import get_args

from chainrule.equations import Equations
from chainrule.equations.language.functions import ALIASES, FUNCTIONS, Function
from chainrule.equations.language.lexer import Source
from chainrule.equations.language.reader import MAX_MISTAKES
from chainrule.equations.language.sheet import read
from chainrule.equations.language.statements import MAX_BRACKETS, MAX_LINE, MAX_TEXT, statements
from chainrule.equations.language.tree import Domain, Layout, Type
from chainrule.errors import NoRuleError, SheetShapeError
from chainrule.gamma import HIGHEST

PAGE = Path(__file__).with_name("language.md")

GIVEN = """t: R; u: R; x: R[n]; z: R[n]; v: R[m]; A: R[n, n]; B: R[n, n]; W: R[m, n]; X: R[m, n]
y: Class[K]; Y: Class[N, K]"""
"""The values of the tables: numbers t and u, vectors x, z, v, matrices A, B, W, X, labels y and Y."""

# How a function is called, and what it is: a formula of the language that a test evaluates beside it.
FORMULAS: dict[str, tuple[str, str]] = {
    "abs": ("abs(t)", "t * sign(t)"),
    "step": ("step(t)", "where(t > 0, 1, 0)"),
    "sign": ("sign(t)", "step(t) - step(-t)"),
    "relu": ("relu(t)", "max(t, 0)"),
    "leaky_relu": ("leaky_relu(t)", "where(t > 0, t, 0.01 * t)"),
    "elu": ("elu(t)", "where(t > 0, t, exp(t) - 1)"),
    "gelu": ("gelu(t)", "t * (1 + erf(t / sqrt(2))) / 2"),
    "silu": ("silu(t)", "t * sigmoid(t)"),
    "softplus": ("softplus(t)", "log(1 + exp(t))"),
    "sigmoid": ("sigmoid(t)", "1 / (1 + exp(-t))"),
    "log_sigmoid": ("log_sigmoid(t)", "-log(1 + exp(-t))"),
    "tanh": ("tanh(t)", "(exp(t) - exp(-t)) / (exp(t) + exp(-t))"),
    "sinh": ("sinh(t)", "(exp(t) - exp(-t)) / 2"),
    "cosh": ("cosh(t)", "(exp(t) + exp(-t)) / 2"),
    "tan": ("tan(t)", "sin(t) / cos(t)"),
    "expm1": ("expm1(t)", "exp(t) - 1"),
    "log1p": ("log1p(t)", "log(1 + t)"),
    "normal_cdf": ("normal_cdf(t)", "(1 + erf(t / sqrt(2))) / 2"),
    "log_normal_cdf": ("log_normal_cdf(t)", "log((1 + erf(t / sqrt(2))) / 2)"),
    "max": ("max(t, u)", "where(t >= u, t, u)"),
    "min": ("min(t, u)", "where(t <= u, t, u)"),
    "softmax": ("softmax(x)", "exp(x) / sum(exp(x))"),
    "log_softmax": ("log_softmax(x)", "x - log(sum(exp(x)))"),
    "logsumexp": ("logsumexp(x)", "log(sum(exp(x)))"),
    "sum": ("sum(x)", "sum(x[i] for i in n)"),
    "mean": ("mean(x)", "sum(x) / n"),
    "trace": ("trace(A)", "sum(A[i, i] for i in n)"),
    "diag": ("diag(x)", "eye(n) * outer(x, ones(n))"),
    "norm1": ("norm1(x)", "sum(abs(x))"),
    "norm2": ("norm2(x)", "sqrt(x.T @ x)"),
    "normF": ("normF(W)", "sqrt(sum(W * W))"),
    "dot": ("dot(x, z)", "x.T @ z"),
    "outer": ("outer(x, v)", "x @ v.T"),
    "logdet": ("logdet(A)", "log(abs(det(A)))"),
    "onehot": ("onehot(y)", "eye(K)[y]"),
    "ones": ("ones(n)", "x**0"),
    "zeros": ("zeros(m, n)", "0 * W"),
}
# The ones that stand for themselves.
WORDS: dict[str, tuple[str, str]] = {
    "exp": ("exp(t)", "the exponential"),
    "log": ("log(t)", "the natural logarithm"),
    "sqrt": ("sqrt(t)", "the square root"),
    "sin": ("sin(t)", "the sine"),
    "cos": ("cos(t)", "the cosine"),
    "erf": ("erf(t)", "the error function"),
    "arcsin": ("arcsin(t)", "the angle whose sine is t"),
    "arccos": ("arccos(t)", "the angle whose cosine is t"),
    "arctan": ("arctan(t)", "the angle whose tangent is t"),
    "gammaln": ("gammaln(t)", "the logarithm of |Γ(t)|"),
    "digamma": ("digamma(t)", "the derivative of gammaln"),
    "polygamma": ("polygamma(1, t)", "the derivative of digamma, so many times"),
    "where": ("where(t > u, t, u)", "the second argument where the condition holds, else the third"),
    "kron": ("kron(A, W)", "the Kronecker product"),
    "inv": ("inv(A)", "the inverse of a square matrix"),
    "det": ("det(A)", "its determinant"),
    "eye": ("eye(n)", "the identity matrix"),
}
# Other calls of the functions above, with what they are.
MORE: tuple[tuple[str, str], ...] = (
    ("max(x)", "the largest entry"),
    ("min(x)", "the smallest entry"),
    ("max(W, axis=1)", "the largest entry of each row"),
    ("min(W, axis=0)", "the smallest entry of each column"),
    ("softmax(W, axis=1)", "of each row"),
    ("log_softmax(W, axis=1)", "of each row"),
    ("logsumexp(W, axis=0)", "of each column"),
    ("sum(W, axis=0)", "over the rows, one number to each column"),
    ("mean(W, axis=1)", "over the columns, one number to each row"),
    ("diag(A)", "the diagonal of a square matrix"),
    ("onehot(Y)", "a row for each label"),
    ("ones(m, n)", "a matrix"),
)

TYPES: dict[Domain, tuple[str, str]] = {
    "real": ("R[M, p]", "real numbers; `R` alone is one number"),
    "class": ("Class[N, K]", "N labels, each one of 0 to K - 1; `Class[K]` is one label"),
    "sign": ("Sign[N]", "-1 or +1"),
    "bit": ("Bit[N, K]", "0 or 1"),
    "simplex": ("Simplex[K]", "shares: not negative, along the last axis they add up to 1"),
}
SPELLINGS = (
    ("Wᵀ", "W.T"),
    ("x ⊙ z", "x * z"),
    ("x ∘ z", "x * z"),
    ("x₁₂", "x12"),
    ("x²", "x**2"),
    ("t⁻¹", "t**-1"),
    ("x − z", "x - z"),
    ("t ≤ u", "t <= u"),
    ("t ≥ u", "t >= u"),
    ("t ≠ u", "t != u"),
)
LAYOUTS: tuple[Layout, ...] = get_args(Layout)


def result(expression: str, layout: str = "gradient") -> str:
    """The type of an expression of the values of the tables; a dash if it has none."""
    try:
        sheet = read(f"{GIVEN}\nlayout {layout}\nresult = {expression}")
    except SheetShapeError:
        return "—"
    return _named(sheet.type_of("result"))


def _named(kind: Type) -> str:
    return f"`{kind}`" if kind.axes else "a number"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def roles() -> str:
    """The table of types with their declarations read."""
    assert list(TYPES) == list(get_args(Domain))
    for domain, (written, _) in TYPES.items():
        assert read(f"value: {written}").domain_of("value") == domain
    return _table(("type", "holds"), ((f"`{written}`", holds) for written, holds in TYPES.values()))


def operations() -> str:
    """Which shapes go together, entry by entry and under @."""
    named = {"t": "a number", "x": "(n,)", "x.T": "row (n,)", "v": "(m,)", "W": "(m, n)", "A": "(n, n)"}
    tables = []
    for operator in ("+", "@"):
        rows = (
            (f"**`{left}`** {of}", *(result(f"{left} {operator} {_second(left, right)}") for right in named))
            for left, of in named.items()
        )
        head = (f"`left {operator} right`", *(f"**`{right}`** {of}" for right, of in named.items()))
        tables.append(_table(head, rows))
    return "\n".join(tables)


def _second(left: str, right: str) -> str:
    """Another value of the same type, so that no table adds a value to itself."""
    other = {"t": "u", "x": "z", "x.T": "z.T", "A": "B", "W": "X"}
    return other.get(right, right) if left == right else right


def functions() -> str:
    """Every function: a call, its type, and what it is."""
    assert sorted([*FORMULAS, *WORDS]) == sorted(FUNCTIONS)
    plain, other = [], []
    for name, function in FUNCTIONS.items():
        (plain if function.elementwise or name == "polygamma" else other).append(_row(function))
    more = [(f"`{call}`", result(call), meaning) for call, meaning in MORE]
    head = ("call", "gives", "is")
    return (
        "Entry by entry, on values of any shape:\n\n"
        + _table(("call", "is"), ((call, meaning) for call, _, meaning in plain))
        + "\nThe others:\n\n"
        + _table(head, other)
        + "\nMore ways to call them:\n\n"
        + _table(head, more)
    )


def _row(function: Function) -> tuple[str, str, str]:
    formula = FORMULAS.get(function.name)
    call, meaning = formula or WORDS[function.name]
    return f"`{call}`", result(call), f"`{meaning}`" if formula else meaning


def without_rule() -> str:
    """The functions that are evaluated, but have no rule of differentiation."""
    found = []
    for name, (call, _) in {**FORMULAS, **WORDS}.items():
        argument = call.rstrip(")")[-1] if name == "polygamma" else call[len(name) + 1]
        if argument in "yn" or "size" in FUNCTIONS[name].takes:
            continue
        try:
            Equations(f"{GIVEN}\nL = sum({call})").derive("L", wrt=[argument])
        except NoRuleError:
            found.append(f"`{name}`")
    if not found:
        return "All of them are differentiated."
    return f"Evaluated, but not differentiated: {', '.join(found)}; asking for it is an error."


def layouts() -> str:
    """The shape of a derivative, by what is differentiated, by what, and by the layout."""
    values = {"a number": "t", "column `(n,)`": "x", "row `(n,)`": "r", "matrix `(m, n)`": "W"}
    by = {"a number": "u", "column `(k,)`": "w", "matrix `(p, q)`": "V"}
    given = f"{GIVEN}; w: R[k]; V: R[p, q]; r = x.T"
    parts = []
    for layout in LAYOUTS:
        rows = []
        for named, of in values.items():
            kinds = [
                read(f"{given}\nlayout {layout}\nresult = d({of}, {wrt})").type_of("result")
                for wrt in by.values()
            ]
            rows.append((named, *map(_named, kinds)))
        parts.append(f"`layout {layout}`\n\n{_table(('d(of, by)', *(f'by {name}' for name in by)), rows)}")
    return "\n".join(parts)


def spellings() -> str:
    """What may be written in place of what; both are read to the same tokens."""
    for written, plain in SPELLINGS:
        first, second = (
            [token.text for token in statements(Source(text))[0].tokens] for text in (written, plain)
        )
        assert "".join(first) == "".join(second), written
    rows = [(f"`{written}`", f"`{plain}`") for written, plain in SPELLINGS]
    rows += [(f"`{alias}(...)`", f"`{name}(...)`") for alias, name in ALIASES.items()]
    return _table(("written", "read as"), rows)


EXAMPLE = """data        X: R[N, p]; y: Class[N, K]        # what comes with the examples
parameters  W: R[K, p]; b: R[K]               # what is learnt
constants   α: R                              # what stays
f[i] = W @ X[i] + b                           # a column of K scores for each i
loss[i] = logsumexp(f[i]) - f[i, y[i]]
C = mean(loss[i] for i in N) + α / 2 * normF(W)**2
d(C, b)[k] == mean(softmax(f[i])[k] - onehot(y[i])[k] for i in N)
"""

TEXT = """# The language

A *sheet* is a text of equations: declarations, definitions and claims, read from top to bottom.

```text
{example}```

One statement stands on a line, or several with semicolons between them; a `#` begins a comment; inside
brackets a line goes on. This page is written by `docs/make_language.py` from the code that reads sheets.

## Declarations

`name: type`, with a role in front of the first declaration of a line, for all on that line:

| role | its values |
| --- | --- |
| `data` | come with the examples, one of each for every example in batch form |
| `parameters` | are learnt: the default of what is differentiated by, and what `fit` moves |
| `constants` | stay as they are given |
| none | are given, and nothing more is said |

{types}
Sizes are whole numbers, names, or products of these (`R[2*n]`, `for k in m*n`); a name is a size from its
first use in a type on, and stands for its number in formulas (`sum(x) / n`). No name is both a size and a
value.

## Definitions

* `h = tanh(W @ x + b)` defines a value. A name keeps one value.
* `h[i] = tanh(W @ X[i] + b)` defines one for each i; what i runs over is seen where it is a subscript on
  the right, or where it is compared with one (`c[i] = sum(where(j <= i, x[j], 0) for j in n)`), or said
  behind: `S[i, j] = exp(-abs(i - j)) for i in n for j in n`. `h` is then the whole, with the axis of i in
  front.
* `swish(t) = t * sigmoid(t)` defines a function, written out at each call with the shapes of that call.
* Subscripts count from 0: an index, a whole number, or a label. `X[i]` is row i *as a column*; `X[:, j]`
  is column j; `f[y]` is the entry that the label y selects.
* `sum(... for i in N)` adds up a number, a vector or a matrix for each i, `mean(... for i in N)` averages
  them: `o = sum(g[i] * W[i] @ x for i in k)`; several indices are `for i in N for j in p`.
* An index is a number, too, counted from 0: `sum(i * x[i] for i in n) / n`, `sum(g**t * r[t] for t in T)`.
  In a condition indices are compared with one another, with numbers, sizes and labels:
  `where(j <= i, S[i, j], 0)`, `sum(where(k != y, f[k], 0) for k in K)`. What is printed then wears letters,
  `dL/dx[i] = i`, and `[i < j]` is 1 where i < j, else 0.
* Data that `objective`, `minimize` and `fit` are given may be NaN where conditions without parameters leave
  them out, `sum(where(t < n, (y[t] - m)**2, 0) for t in T)`. A compiled function is given numbers there.
* `d(L, W)` is the derivative of L with respect to the name W, through everything that depends on W. It
  is usable in any formula.

## Shapes

Vectors are columns, as on paper. `x.T` is a row; nothing is transposed or repeated in silence. Entry by
entry (`+ - * / **`, and functions of several arguments) both sides have one shape, or one is a number,
or a vector goes along the last axis of a matrix that is not square. A dash is an error that says what
would be right.

{operations}
Precedence is Python's: `**`, then signs, then `* / @` from left to right, then `+ -`. `a * B @ c` needs
brackets unless a is a number.

## Functions

Here `t` and `u` are numbers, `x`, `z` `(n,)` and `v` `(m,)` vectors, `A` `(n, n)` and `W` `(m, n)`
matrices, `y` a label and `Y` N labels of K classes. Every function is right in the tails too, where its
formula would overflow. Comparisons (`< <= > >= == !=`) stand inside `where`, or in brackets as its
condition.

{functions}
`pi`, or `π`, is that number where nothing in the sheet has the name; Euler's number is `exp(1)`. The order n
of `polygamma(n, t)` is a whole number from 0 to {highest_order}.

{without_rule} At its kink a function has the derivative 0: `relu` and `abs` at 0.

What is no number (NaN) stays none: functions of it, `step` and the largest entry of a vector too, are NaN,
and so is the slope of `relu` there. A comparison with it fails, and `!=` holds, as in NumPy: `where` and the
`max` of two take the other branch.

A norm has the slope u/‖u‖, and 0 where u is 0; the second derivative is 0 there, too. `sqrt(x.T @ x)`,
`sqrt(sum(x**2))` and every root that is printed as ‖…‖ is that norm, as long as the square is written inside
the root; `sqrt(s)` of a named s, `sqrt(mean(x**2))` and `sqrt(a**2 + b**2)` are roots, whose slope at 0 is
infinite. A division by a norm, `x / norm2(x)`, has no value at 0, and no derivative.

A power `u**v` may have any exponent. As in NumPy, 0**0 is 1 and a negative u has whole powers alone. The
derivative by u is `v * u**(v - 1)`, for a negative u and for u = 0 too; that by v is `u**v * log(u)`, which
is 0 at u = 0 for v > 0 and does not exist for u < 0: it is NaN there.

Spelled out, the usual ones are recognised where they are differentiated or compiled, and are as right in
the tails: `tanh` (also `(exp(2*z) - 1) / (exp(2*z) + 1)` and `2*sigmoid(2*z) - 1`), `sigmoid` (also
`exp(a) / (exp(a) + exp(b))`), `softplus`, `softmax` and `logsumexp` of a vector or of rows,
`log(exp(a) + exp(b))`, `log(mean(exp(x)))`, `log(1 + sum(exp(x)))`, `log(sigmoid(a) - sigmoid(b))`,
`log(1 - tanh(z)**2)`, `log(abs(det(X)))`.

Compiled code holds every sum of exponentials in log space, with weights of any sign and over any axes,
written in one line or in several, behind a condition (`sum(where(t > 0, exp(x), 0))`) or not: the logarithm
of `sum(w * exp(x))`, `1 + sum(exp(x))`,
`a * exp(u) + b * exp(v)`, `exp(x) - 1`, `1 - exp(-x)`, of a mixture such as
`sum(p * exp(-(x - m)**2 / (2 * s**2)) / s)`, of `mean(sigmoid(f))`, and quotients such as
`exp(u) / (exp(u) + a)` and `w * exp(x) / sum(w * exp(x))`. So it is with Φ(z) = `(1 + erf(z / sqrt(2))) / 2`,
with `log(Φ(z))`, `log(1 - Φ(z))` and the interval `log(Φ(b) - Φ(a))`, with `log(1 - exp(-exp(x)))`, with
`log(det(X))`, and with differences near 0: `exp(x) - 1`, `log(1 + x)`, `1 - cos(x)`, `1 - tanh(x)**2` and
`1 - sigmoid(x)`, and 1 - p for an entry `p = softmax(f)[y]` or a quotient `exp(u) / (exp(u) + a)`.

Values, gradients, Hessians and Hessian products are then right to rounding: about 1e-16 of an entry, 1e-13
where it is as small as `exp(-700)`, and 1e-16 of p for the curvature p (1 - p) of an entry p of a softmax.
Three things are not promised: a slope that is itself out of range (infinite), a factor of the chain rule that
is (the slope `exp(500)` squared of `log(1 - exp(-t))` at `t = exp(-500)`, unless t is written as an
exponential), and a large term taken off the sum that holds it, `log(sum(exp(x)) - exp(x[0]))`. The logarithm
of a negative sum, or of an interval from a larger to a smaller number, is not a number. What is printed is
the formula itself, right at moderate values.

## Layouts

How the axes of a derivative are arranged is said by a line of its own, in force from there on;
`gradient` is the default. In it the derivative of a number has the shape of the variable, and a Jacobian
has the outputs first.

{layouts}
## Claims

`left == right` is a claim, checked on its own and never in the way of the rest. Letters that are bound
nowhere are open indices: the claim speaks of all their values (`d(f, x)[i, j] == W[i, j]`). The verdict
is *holds*, *fails* with the largest discrepancy, *fails by shape*, *holds in another layout*, or
*not checkable*, with the reason; a claim that cannot be read is one of these, and the others are judged.

## Spelling

Names may be Greek and carry subscripts; a name that Python would silently read as another (`ℓ`) is
refused, and so are its own words, leading underscores, `np` and `I`.

{spellings}
## Limits and mistakes

A sheet has at most {text:,} characters, {line:,} in a line, and brackets {brackets} deep. All mistakes
of a sheet, up to {mistakes}, are reported at once: [a gallery of them](errors.md).
"""


def page() -> str:
    """The text of ``language.md``."""
    read(EXAMPLE)
    return TEXT.format(
        example=EXAMPLE,
        types=roles(),
        operations=operations(),
        functions=functions(),
        without_rule=without_rule(),
        highest_order=HIGHEST,
        layouts=layouts(),
        spellings=spellings(),
        text=MAX_TEXT,
        line=MAX_LINE,
        brackets=MAX_BRACKETS,
        mistakes=MAX_MISTAKES,
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
