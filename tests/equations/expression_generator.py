"""Random well-shaped expressions in the language of sheets, and values for their names."""

import random

import numpy as np

SIZES = {"m": 3, "n": 4, "p": 2}
SHAPES = {
    "A": ("m", "n"),
    "B": ("n", "p"),
    "C": ("m", "p"),
    "S": ("n", "n"),
    "u": ("m",),
    "v": ("n",),
    "w": ("p",),
    "a": (),
    "b": (),
}
DECLARATIONS = (
    "parameters A: R[m, n]; B: R[n, p]; C: R[m, p]; S: R[n, n]; u: R[m]; v: R[n]; w: R[p]; a: R; b: R\n"
    "data k: Class[n]; g: Class[m, p]\n"
)
ELEMENTWISE = (
    *("exp", "tanh", "sigmoid", "softplus", "sin", "cos", "relu", "log_sigmoid"),
    *("silu", "gelu", "erf", "elu", "leaky_relu", "abs", "log_softplus"),
)


class Generator:
    """Draws expressions of a given shape and depth."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def expression(self, shape, depth):
        names = [name for name, own in SHAPES.items() if own == shape]
        if depth == 0 or self.random.random() < 0.12:
            return self._leaf(shape, names)
        deeper = depth - 1

        def inner(own=shape):
            return self.expression(own, deeper)

        kind = self.random.choice(
            ["add", "subtract", "multiply", "divide", "apply", "scale", "power"] + 3 * ["structure"]
        )
        if kind == "apply":
            name = self.random.choice(ELEMENTWISE)
            return f"log(1 + exp({inner()}))" if name == "log_softplus" else f"{name}({inner()})"
        texts = {
            "add": lambda: f"({inner()} + {inner()})",
            "subtract": lambda: f"({inner()} - {inner()})",
            "multiply": lambda: f"({inner()} * {inner()})",
            "divide": lambda: f"({inner()} / (1.5 + ({inner()})**2))",
            "scale": lambda: f"({inner(())} * {inner()})",
            "power": lambda: f"({inner()})**{self.random.choice([2, 3])}",
            "structure": lambda: self._structure(shape, inner),
        }
        return texts[kind]()

    def _leaf(self, shape, names):
        if names:
            return self.random.choice(names)
        turned = [name for name, own in SHAPES.items() if own == shape[::-1]]
        if len(shape) == 2:
            column, row = self._leaf(shape[:1], _named(shape[:1])), self._leaf(shape[1:], _named(shape[1:]))
            return turned[0] + ".T" if turned else f"outer({column}, {row})"
        return self.random.choice(["0.5", "2", "1.5"])

    def _structure(self, shape, inner):
        x = self.random.choice("mnp")
        choices = (self._scalars, self._vectors, self._matrices)[len(shape)]
        return self.random.choice(choices(shape, x, inner))()

    def _scalars(self, shape, x, inner):
        return [
            lambda: f"sum({inner((x,))})",
            lambda: f"({inner((x,))}).T @ {inner((x,))}",
            lambda: f"norm2({inner((x,))})**2",
            lambda: f"logsumexp({inner((x,))})",
            lambda: f"sum({inner(('m', 'n'))})",
            lambda: f"trace({inner((x, x))})",
            lambda: f"mean({inner((x,))})",
            lambda: f"normF({inner(('n', 'p'))})**2",
            lambda: f"sqrt(1 + ({inner(())})**2)",
            lambda: f"dot({inner((x,))}, {inner((x,))})",
            lambda: f"({inner((x,))}).T @ {inner((x, 'm'))} @ {inner(('m',))}",
            lambda: f"({inner(('n',))})[k]",
            lambda: f"log(softmax({inner(('n',))})[k])",
            lambda: f"({inner(('n',))})[2]",
            lambda: f"sum(({inner(('m', 'p'))})[i, g[i]] for i in m)",
            lambda: f"mean(({inner(('m', 'n'))})[i, j] * ({inner(('n',))})[j] for i in m for j in n)",
        ]

    def _vectors(self, shape, x, inner):
        (size,) = shape
        return [
            lambda: f"({inner((size, x))} @ {inner((x,))})",
            lambda: f"(({inner((x, size))}).T @ {inner((x,))})",
            lambda: f"softmax({inner()})",
            lambda: f"log_softmax({inner()})",
            lambda: f"diag({inner((size, size))})",
            lambda: f"sum({inner((size, x))}, axis=1)",
            lambda: f"mean({inner((x, size))}, axis=0)",
            lambda: f"logsumexp({inner((size, x))}, axis=1)",
            lambda: f"max({inner()}, {inner()})",
            lambda: f"min({inner()}, 0)",
            lambda: f"({inner((x, size))})[0]",
        ]

    def _matrices(self, shape, x, inner):
        rows, columns = shape
        return [
            lambda: f"({inner((rows, x))} @ {inner((x, columns))})",
            lambda: f"({inner((columns, rows))}).T",
            lambda: f"({inner((rows,))} @ ({inner((columns,))}).T)",
            lambda: f"softmax({inner()}, axis=1)",
            lambda: f"log_softmax({inner()}, axis=0)",
            lambda: f"(diag({inner((rows,))}) @ {inner()})",
            lambda: f"({inner()} + {inner((columns,))})" if rows != columns else inner(),
        ]


def _named(shape):
    return [name for name, own in SHAPES.items() if own == shape]


def values_of(seed):
    """Values of every name, of the sizes above."""
    draws = np.random.default_rng(seed)
    values = {
        name: draws.normal(size=[SIZES[size] for size in shape]) * 0.7 for name, shape in SHAPES.items()
    }
    return {**values, "k": int(draws.integers(0, 4)), "g": draws.integers(0, 2, size=3)}
