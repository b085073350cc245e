"""Random well-shaped expressions and sheets in the language, each with what it is worth.

A `Piece` is a text that knows its value: beside every production stands its meaning in plain NumPy, loops for
indices. It shares nothing with the package. All meanings pass a complex step on: they branch on real parts.
"""

import random
from functools import reduce

import numpy as np
from scipy.special import erf, loggamma, psi

SIZES = {"m": 3, "n": 4, "p": 2, "one": 1}
SHAPES = {
    "A": ("m", "n"),
    "B": ("n", "p"),
    "C": ("m", "p"),
    "S": ("n", "n"),
    "D_x": ("one", "n"),
    "u": ("m",),
    "v": ("n",),
    "w": ("p",),
    "e_1": ("one",),
    "a": (),
    "b": (),
    "Q_s": ("m", "p", "p"),
}
"""The parameters: D_x and e_1 have an axis of length 1 and names with underscores; Q_s is a stack."""
LABELS = {"k": ("n", ()), "g": ("p", ("m",))}
"""Labels: of how many classes, and with which axes."""
WHOLE = {"c_2": (), "t_2": ("n",)}
"""Whole exponents, 0 to 3."""
DECLARATIONS = (
    "parameters A: R[m, n]; B: R[n, p]; C: R[m, p]; S: R[n, n]; D_x: R[one, n]; u: R[m]; v: R[n]; w: R[p]\n"
    "parameters e_1: R[one]; a: R; b: R; Q_s: R[m, p, p]\n"
    "data k: Class[n]; g: Class[m, p]; c_2: R; t_2: R[n]\n"
    "swish_2(t) = t * sigmoid(2 * t)\n"
    "blend(s, t) = s * sigmoid(t) + t\n"
)


class Piece(str):
    """A text of the language with its value at names and indices: a function of one mapping."""

    value = None

    @classmethod
    def of(cls, text, value):
        piece = cls(text)
        piece.value = value
        return piece


def above(x):
    return np.real(x) > 0


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def log_sigmoid(x):
    return -np.log1p(np.exp(-x))


def normal_cdf(x):
    return (1 + erf(x / np.sqrt(2))) / 2


def log_gamma(x):
    return loggamma(x + 0j) if np.iscomplexobj(x) else loggamma(x)


NODES, WEIGHTS = np.polynomial.legendre.leggauss(120)


def trigamma(x):
    """∫ t exp(-x t) / (1 - exp(-t)) dt from 0 on, for x of about 1 to 3, by quadrature."""
    t, weights = 25 * (1 + NODES), 25 * WEIGHTS
    return np.sum(weights * t / -np.expm1(-t) * np.exp(-np.asarray(x)[..., None] * t), axis=-1)


ELEMENTWISE = {
    "exp": lambda x: np.exp(x),
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "σ": sigmoid,
    "softplus": lambda x: np.log1p(np.exp(x)),
    "sin": np.sin,
    "cos": np.cos,
    "relu": lambda x: np.where(above(x), x, 0),
    "log_sigmoid": log_sigmoid,
    "silu": lambda x: x * sigmoid(x),
    "gelu": lambda x: x * normal_cdf(x),
    "erf": erf,
    "elu": lambda x: np.where(above(x), x, np.exp(np.where(above(x), 0, x)) - 1),
    "leaky_relu": lambda x: np.where(above(x), x, x / 100),
    "abs": lambda x: np.where(np.real(x) < 0, -x, x),
    "sign": lambda x: np.sign(np.real(x)),
    "step": lambda x: above(x) * 1.0,
}
# Functions with ends, or that grow fast, are drawn of sin(x) / 2.
OF_SMALL = {
    "tan": np.tan,
    "arcsin": np.arcsin,
    "arccos": np.arccos,
    "arctan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "expm1": lambda x: np.exp(x) - 1,
    "log1p": lambda x: np.log(1 + x),
    "normal_cdf": normal_cdf,
    "log_normal_cdf": lambda x: np.log(normal_cdf(x)),
}
# And these of 2 + sin(x), right of their poles.
OF_POSITIVE = {
    "gammaln({})": log_gamma,
    "lgamma({})": log_gamma,
    "digamma({})": lambda x: psi(x + 0j) if np.iscomplexobj(x) else psi(x),
    "polygamma(1, {})": trigamma,
}
COMPARISONS = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}


def compared(op, x, y, e):
    """Where ``x op y`` holds; what is decided is noted down in ``e["decisions"]``, if that is asked for."""
    a, b = np.broadcast_arrays(np.real(x.value(e)), np.real(y.value(e)))
    holds = COMPARISONS[op](a, b)
    if "decisions" in e:
        # Numbers this near are told apart by rounding, so by how they are spelled: A**2 != A * A.
        near = np.abs(a - b) <= 1e-9 * (np.abs(a) + np.abs(b))
        whole = (a == np.round(a)) & (b == np.round(b))
        e["decisions"].append((holds, x != y and bool(np.any(near & ~whole))))
    return holds


def decisions(meaning, values):
    """What the conditions of a meaning decide at some values, and whether by rounding."""
    found = []
    meaning({**values, "decisions": found})
    return found


def log_det(x):
    determinant = np.linalg.det(x)
    return np.log(determinant * np.sign(np.real(determinant)))


def along(function, x, axis):
    return np.apply_along_axis(function, axis, x)


def soft(x):
    exps = np.exp(x - np.max(np.real(x)))
    return exps / exps.sum()


def log_sum_exp(x):
    shift = np.max(np.real(x))
    return np.log(np.exp(x - shift).sum()) + shift


def largest(x, sign):
    return x[np.argmax(sign * np.real(x))]


def length(x):
    return np.sqrt(np.sum(x * x))


def whole_power(x, exponent):
    """The power by multiplication, entry by entry."""
    x, exponent = np.broadcast_arrays(x, np.real(exponent))
    result = np.ones(x.shape, x.dtype)
    for place in np.ndindex(x.shape):
        result[place] = reduce(lambda a, b: a * b, [x[place]] * int(exponent[place]), 1.0)
    return result


class Generator:
    """Draws expressions of a given shape and depth."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.open = []
        self.defined = {}

    def expression(self, shape, depth):
        if depth <= 0 or self.random.random() < 0.12:
            return self._leaf(shape)
        deeper = depth - 1

        def inner(own=shape):
            return self.expression(own, deeper)

        kinds = ["add", "subtract", "multiply", "divide", "apply", "scale", "power", "choice"]
        kind = self.random.choice(kinds + 4 * ["structure"])
        return getattr(self, f"_{kind}")(shape, inner)

    # elementwise

    def _add(self, shape, inner):
        x, y = inner(), inner()
        return Piece.of(f"({x} + {y})", lambda e: x.value(e) + y.value(e))

    def _subtract(self, shape, inner):
        x, y = inner(), inner()
        return Piece.of(f"({x} - {y})", lambda e: x.value(e) - y.value(e))

    def _multiply(self, shape, inner):
        x, y = inner(), inner()
        return Piece.of(f"({x} * {y})", lambda e: x.value(e) * y.value(e))

    def _divide(self, shape, inner):
        x, y = inner(), inner()
        return Piece.of(f"({x} / (1.5 + ({y})**2))", lambda e: x.value(e) / (1.5 + y.value(e) ** 2))

    def _scale(self, shape, inner):
        x, y = inner(()), inner()
        return Piece.of(f"({x} * {y})", lambda e: x.value(e) * y.value(e))

    def _apply(self, shape, inner):
        x = inner()
        name = self.random.choice([*ELEMENTWISE, *OF_SMALL, *OF_POSITIVE, "log", "sqrt", "own", "two"])
        if name in OF_SMALL:
            return Piece.of(f"{name}(sin({x}) / 2)", lambda e: OF_SMALL[name](np.sin(x.value(e)) / 2))
        if name in OF_POSITIVE:
            written = name.format(f"2 + sin({x})")
            return Piece.of(written, lambda e: OF_POSITIVE[name](2 + np.sin(x.value(e))))
        if name == "log":
            return Piece.of(f"log(1 + exp({x}))", lambda e: np.log1p(np.exp(x.value(e))))
        if name == "sqrt":
            return Piece.of(f"sqrt(1 + ({x})**2)", lambda e: np.sqrt(1 + x.value(e) ** 2))
        if name == "two":
            y = inner()
            return Piece.of(f"blend({x}, {y})", lambda e: x.value(e) * sigmoid(y.value(e)) + y.value(e))
        if name == "own":
            return Piece.of(f"swish_2({x})", lambda e: x.value(e) * sigmoid(2 * x.value(e)))
        return Piece.of(f"{name}({x})", lambda e: ELEMENTWISE[name](x.value(e)))

    def _power(self, shape, inner):
        x, kind = inner(), self.random.choice(["number", "whole", "any", "base", "root", "size", "index"])
        if kind == "number":
            n = self.random.choice([2, 3])
            return Piece.of(f"({x})**{n}", lambda e: x.value(e) ** n)
        if kind == "whole":
            name = self.random.choice(
                ["c_2", "t_2"] if shape[-1:] == ("n",) and len(set(shape)) > 0 else ["c_2"]
            )
            name = "c_2" if shape == ("n", "n") else name
            return Piece.of(f"({x})**{name}", lambda e: whole_power(x.value(e), e[name]))
        if kind == "index" and self.open:
            index = self.random.choice(self.open)[0]
            return Piece.of(f"({x})**{index}", lambda e: whole_power(x.value(e), e[index]))
        if kind in ("size", "index"):
            size = self.random.choice("np")
            return Piece.of(f"({x})**{size}", lambda e: whole_power(x.value(e), SIZES[size]))
        y = inner(self.random.choice([(), shape]))
        if kind == "base":
            return Piece.of(f"1.5**tanh({x})", lambda e: np.exp(np.log(1.5) * np.tanh(x.value(e))))
        if kind == "root":
            return Piece.of(f"(0.5 + ({x})**2)**(3/2)", lambda e: (0.5 + x.value(e) ** 2) ** 1.5)
        return Piece.of(
            f"(0.5 + ({x})**2)**tanh({y})",
            lambda e: np.exp(np.tanh(y.value(e)) * np.log(0.5 + x.value(e) ** 2)),
        )

    def _choice(self, shape, inner):
        x, y, then, other = inner(), inner(), inner(), inner()
        op = self.random.choice(list(COMPARISONS))
        return Piece.of(
            f"where({x} {op} {y}, {then}, {other})",
            lambda e: np.where(compared(op, x, y, e), then.value(e), other.value(e)),
        )

    # leaves

    def _leaf(self, shape):
        found = [self._named(name) for name, own in {**SHAPES, **self.defined}.items() if own == shape]
        # One entry, row or matrix at every open index, three times as likely.
        for index, size in self.open:
            found += 3 * [
                self._entry(name, index)
                for name, own in {**SHAPES, **self.defined}.items()
                if own[:1] == (size,) and own[1:] == shape
            ]
            if not shape:
                number = Piece.of(index, lambda e, i=index: float(e[i]))
                found += [*3 * [self.indexed(index, size)], number, number]
        if len(self.open) == 2 and shape == ():
            (i, size), (j, other) = self.open
            found += [
                Piece.of(f"{name}[{i}, {j}]", lambda e, name=name: e[name][e[i], e[j]])
                for name, own in SHAPES.items()
                if own == (size, other)
            ]
        if found and self.random.random() < 0.9:
            return self.random.choice(found)
        return self._constant(shape) if self.random.random() < 0.3 or not shape else self._made(shape, found)

    def indexed(self, index, size):
        """An entry at an index, so that what it runs over is seen."""
        known = {**SHAPES, **self.defined}
        found = [self._entry(name, index) for name, own in known.items() if own == (size,)]
        if size == "m":
            found.append(Piece.of(f"C[{index}, g[{index}]]", _entry_at_label(index)))
        if size == "n":
            found.append(Piece.of(f"S[{index}, {index}]", lambda e: e["S"][e[index], e[index]]))
        return self.random.choice(found)

    def _named(self, name):
        return Piece.of(name, lambda e: e[name])

    def _entry(self, name, index):
        return Piece.of(f"{name}[{index}]", lambda e: e[name][e[index]])

    def _constant(self, shape):
        lengths = [SIZES[size] for size in shape]
        if not shape:
            text = self.random.choice(["0.5", "2", "1.5", "n", "one"])
            return Piece.of(text, lambda e: float(SIZES.get(text, text)))
        kinds = ["ones", "zeros"] + ["eye"] * (len(shape) == 2 and shape[0] == shape[1])
        kind = self.random.choice(kinds)
        array = {"ones": np.ones, "zeros": np.zeros, "eye": lambda own: np.eye(own[0])}[kind](lengths)
        sizes = shape[0] if kind == "eye" else ", ".join(shape)
        return Piece.of(f"{kind}({sizes})", lambda e: array)

    def _made(self, shape, found):
        if shape == ("n",):
            return Piece.of("onehot(k)", lambda e: np.eye(SIZES["n"])[e["k"]])
        if shape == ("m", "p"):
            return Piece.of("onehot(g)", lambda e: np.eye(SIZES["p"])[e["g"]])
        if len(shape) == 2:
            turned = [name for name, own in SHAPES.items() if own == shape[::-1]]
            if turned:
                return Piece.of(f"{turned[0]}.T", lambda e: e[turned[0]].T)
            x, y = self._leaf(shape[:1]), self._leaf(shape[1:])
            return Piece.of(f"outer({x}, {y})", lambda e: x.value(e)[:, None] * y.value(e)[None, :])
        return self.random.choice(found) if found else self._constant(shape)

    # functions of rows and matrices, sums, products

    def _structure(self, shape, inner):
        x = self.random.choice(list(SIZES))
        choices = (self._scalars, self._vectors, self._matrices)[len(shape)]
        return self.random.choice(choices(shape, x, inner))()

    def _unary(self, text, meaning, x):
        return Piece.of(text.format(x), lambda e: meaning(x.value(e)))

    def _binary(self, text, meaning, x, y):
        return Piece.of(text.format(x, y), lambda e: meaning(x.value(e), y.value(e)))

    def _loop(self, depth_of, kind="sum"):
        """A sum or a mean over an index, of a body in which its names can be entries."""
        size = self.random.choice("mnp")
        index = "ij"[len(self.open)]
        self.open.append((index, size))
        body = depth_of()
        first = self.indexed(index, size)
        self.open.pop()

        def value(e):
            total = sum(
                (body.value({**e, index: i}) * first.value({**e, index: i}) for i in range(SIZES[size])), 0.0
            )
            return total / SIZES[size] if kind == "mean" else total

        return Piece.of(f"{kind}({body} * {first} for {index} in {size})", value)

    def _scalars(self, shape, x, inner):
        unary, binary = self._unary, self._binary
        table = [
            lambda: unary("sum({})", np.sum, inner((x,))),
            lambda: binary("({}).T @ {}", lambda a, b: np.sum(a * b), inner((x,)), inner((x,))),
            lambda: unary("norm2({})**2", lambda a: np.sum(a * a), inner((x,))),
            lambda: unary("norm2({})", length, inner((x,))),
            lambda: unary("norm1({})", lambda a: np.sum(ELEMENTWISE["abs"](a)), inner((x,))),
            lambda: unary("logsumexp({})", log_sum_exp, inner((x,))),
            lambda: unary("sum({})", np.sum, inner(("m", "n"))),
            lambda: unary("trace({})", np.trace, inner((x, x))),
            lambda: unary("tr({})", np.trace, inner((x, x))),
            lambda: unary("mean({})", np.mean, inner((x,))),
            lambda: unary("normF({})", length, inner(("n", "p"))),
            lambda: unary("normF({})", length, inner((x,))),
            lambda: unary("norm1({})", lambda a: np.sum(ELEMENTWISE["abs"](a)), inner(("m", x))),
            lambda: binary(
                "normF(kron({}, {}))",
                lambda a, b: length(np.kron(a, b)),
                inner(("p", x)),
                inner(("one", "m")),
            ),
            lambda: unary("trace({0} @ ({0}).T)", lambda a: np.sum(a * a), inner(("m", x))),
            lambda: unary("sqrt(1 + ({})**2)", lambda a: np.sqrt(1 + a * a), inner(())),
            lambda: binary("dot({}, {})", lambda a, b: np.sum(a * b), inner((x,)), inner((x,))),
            lambda: unary("({})[2]", lambda a: a[2], inner(("n",))),
            lambda: unary("max({})", lambda a: largest(a, 1), inner((x,))),
            lambda: unary("min({})", lambda a: largest(a, -1), inner((x,))),
            lambda: self._picked("({})[k]", lambda a, k: a[k], inner(("n",))),
            lambda: self._picked("log(softmax({})[k])", lambda a, k: np.log(soft(a)[k]), inner(("n",))),
            lambda: binary(
                "sum(kron({}, {}))", lambda a, b: np.sum(a) * np.sum(b), inner(("m",)), inner((x,))
            ),
            lambda: binary(
                "logsumexp(kron({}, {}))", lambda a, b: log_sum_exp(np.kron(a, b)), inner(("p",)), inner((x,))
            ),
            lambda: unary(
                "logdet({} + 3 * eye(p))", lambda a: log_det(a + 3 * np.eye(2)), self._small(inner)
            ),
            lambda: unary(
                "det({} + 3 * eye(p))", lambda a: np.linalg.det(a + 3 * np.eye(2)), self._small(inner)
            ),
            lambda: self._of_stack(),
        ]
        if len(self.open) < 2:
            table += 4 * [lambda: self._loop(lambda: inner(()), self.random.choice(["sum", "mean"]))]
        return table

    def _small(self, inner):
        x = inner(("p", "p"))
        return Piece.of(f"tanh({x})", lambda e: np.tanh(x.value(e)))

    def _of_stack(self):
        """A function of every matrix of a stack."""
        name, meaning = self.random.choice(
            [("logdet", log_det), ("det", np.linalg.det), ("trace(inv", lambda a: np.trace(np.linalg.inv(a)))]
        )
        close = "))" if "(" in name else ")"

        def value(e):
            return sum(meaning(q @ q.T + 2 * np.eye(2)) for q in e["Q_s"])

        return Piece.of(f"sum({name}(Q_s[r] @ Q_s[r].T + 2 * eye(p){close} for r in m)", value)

    def _picked(self, text, meaning, x):
        return Piece.of(text.format(x), lambda e: meaning(x.value(e), e["k"]))

    def _vectors(self, shape, x, inner):
        (size,) = shape
        unary, binary = self._unary, self._binary
        table = [
            lambda: binary("({} @ {})", lambda a, b: a @ b, inner((size, x)), inner((x,))),
            lambda: binary("(({}).T @ {})", lambda a, b: a.T @ b, inner((x, size)), inner((x,))),
            lambda: unary("softmax({})", soft, inner()),
            lambda: unary("log_softmax({})", lambda a: a - log_sum_exp(a), inner()),
            lambda: unary("diag({})", np.diag, inner((size, size))),
            lambda: unary("sum({}, axis=1)", lambda a: a.sum(axis=1), inner((size, x))),
            lambda: unary("mean({}, axis=0)", lambda a: a.mean(axis=0), inner((x, size))),
            lambda: unary("logsumexp({}, axis=1)", lambda a: along(log_sum_exp, a, 1), inner((size, x))),
            lambda: unary("logsumexp({}, axis=0)", lambda a: along(log_sum_exp, a, 0), inner((x, size))),
            lambda: unary("sum({}, axis=0)", lambda a: a.sum(axis=0), inner((x, size))),
            lambda: binary(
                "max({}, {})", lambda a, b: np.where(np.real(a) >= np.real(b), a, b), inner(), inner()
            ),
            lambda: unary("min({}, 0)", lambda a: np.where(np.real(a) < 0, a, 0), inner()),
            lambda: unary("({})[0]", lambda a: a[0], inner((x, size))),
            lambda: unary(
                "sqrt(1 + sum(({})**2, axis=1))", lambda a: np.sqrt(1 + (a * a).sum(1)), inner((size, x))
            ),
        ]
        if size == "p":
            table.append(
                lambda: binary(
                    "(inv({} + 3 * eye(p)) @ {})",
                    lambda a, b: np.linalg.solve(a + 3 * np.eye(2), b),
                    self._small(inner),
                    inner(("p",)),
                )
            )
        return table

    def _matrices(self, shape, x, inner):
        rows, columns = shape
        unary, binary = self._unary, self._binary
        table = [
            lambda: binary("({} @ {})", lambda a, b: a @ b, inner((rows, x)), inner((x, columns))),
            lambda: unary("({}).T", lambda a: a.T, inner((columns, rows))),
            lambda: binary("({} @ ({}).T)", np.multiply.outer, inner((rows,)), inner((columns,))),
            lambda: binary("outer({}, {})", np.multiply.outer, inner((rows,)), inner((columns,))),
            lambda: unary("softmax({}, axis=1)", lambda a: along(soft, a, 1), inner()),
            lambda: unary("softmax({}, axis=0)", lambda a: along(soft, a, 0), inner()),
            lambda: unary(
                "log_softmax({}, axis=0)", lambda a: along(lambda r: r - log_sum_exp(r), a, 0), inner()
            ),
            lambda: binary("(diag({}) @ {})", lambda a, b: a[:, None] * b, inner((rows,)), inner()),
        ]
        if rows != columns:
            table.append(lambda: binary("({} + {})", lambda a, b: a + b, inner(), inner((columns,))))
            table.append(lambda: binary("({} * {})", lambda a, b: a * b, inner(), inner((columns,))))
        return table


def _entry_at_label(index):
    return lambda e: e["C"][e[index], e["g"][e[index]]]


class RandomSheet:
    """A sheet of some definitions and a scalar L.

    Attributes
    ----------
    text : str
    names : tuple of str
        The definitions, in order.
    """

    def __init__(self, seed, depth):
        draw = Generator(seed)
        lines, self.meanings = list[str](), {}
        for number in range(draw.random.randrange(3)):
            name = f"h_{number}"
            if draw.random.random() < 0.5:
                shape = draw.random.choice([(), ("m",), ("n",), ("p",), ("one",), ("m", "n"), ("n", "p")])
                piece = draw.expression(shape, depth - 1)
                lines.append(f"{name} = {piece}")
                self.meanings[name] = piece.value
            else:
                shape = self._by_rows(draw, name, depth, lines)
            draw.defined[name] = shape
        piece = draw.expression((), depth)
        lines.append(f"L = {piece}")
        self.meanings["L"] = piece.value
        self.text = DECLARATIONS + "\n".join(lines) + "\n"
        self.names = tuple(self.meanings)

    def _by_rows(self, draw, name, depth, lines):
        """A definition for every index: h_0[i] = ..., scalar or a row."""
        size, rest = draw.random.choice("mnp"), draw.random.choice([(), ("n",), ("p",)])
        draw.open.append(("i", size))
        body, first = draw.expression(rest, depth - 1), draw.indexed("i", size)
        draw.open.pop()
        lines.append(f"{name}[i] = {first} * {body}")

        def value(e):
            rows = [first.value({**e, "i": i}) * body.value({**e, "i": i}) for i in range(SIZES[size])]
            return np.stack([np.broadcast_to(row, [SIZES[own] for own in rest]) for row in rows])

        self.meanings[name] = value
        return (size, *rest)

    def value(self, values, name="L"):
        """What a name is worth, every definition in turn."""
        known = dict(values)
        for own, meaning in self.meanings.items():
            known[own] = meaning(known)
            if own == name:
                return known[own]
        raise KeyError(name)

    def gradient(self, values, name):
        """D L / d name by the complex step."""
        at = np.asarray(values[name], dtype=float)
        found = np.zeros(at.shape)
        for place in np.ndindex(at.shape):
            moved = at.astype(complex)
            moved[place] += 1e-30j
            found[place] = np.imag(self.value({**values, name: moved})) / 1e-30
        return found


def values_of(seed):
    """Values of every name, of the sizes above."""
    draws = np.random.default_rng(seed)
    values = {
        name: draws.normal(size=[SIZES[size] for size in shape]) * 0.7 for name, shape in SHAPES.items()
    }
    labels = {"k": int(draws.integers(0, 4)), "g": draws.integers(0, 2, size=3)}
    exponents = {"c_2": float(draws.integers(0, 4)), "t_2": draws.integers(0, 4, size=4).astype(float)}
    return {**values, **labels, **exponents}
