"""Random sheets in which indices are numbers, with an evaluator of their own: literal loops in Python.

Nothing of the package is used here. A term is a nested tuple; it is written as text for a sheet, and it is
computed for one value of every index at a time, in complex numbers.
"""

import cmath
import random

import numpy as np

# What each index runs over.
RUNS_OVER = {"i": "n", "h": "n", "j": "m", "k": "K"}
DECLARATIONS = (
    "data y: Class[K]; t: Class[n, K]; q: R[n]\nparameters x: R[n]; z: R[m]; A: R[n, m]; f: R[K]; s: R\n"
)
SHAPES = {"q": "n", "x": "n", "z": "m", "A": "nm", "f": "K", "s": ""}
PARAMETERS = ("x", "z", "A", "f", "s")
SIZES = (
    {"n": 4, "m": 3, "K": 5},
    {"n": 1, "m": 2, "K": 3},
    {"n": 3, "m": 5, "K": 2},
    {"n": 2, "m": 1, "K": 4},
)
COMPARISONS = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


def log(u):
    return cmath.log(u)


FUNCTIONS = {
    "tanh": cmath.tanh,
    "sin": cmath.sin,
    "cos": cmath.cos,
    "exp": cmath.exp,
    "log": cmath.log,
    "sqrt": cmath.sqrt,
    "relu": lambda u: u if u.real > 0 else 0,
    "abs": lambda u: u if u.real >= 0 else -u,
}


class Generator:
    """Draws terms with the indices that are open."""

    def __init__(self, seed):
        self.draw = random.Random(seed)

    def sheet(self):
        """Definitions: (name, indices, term) in order; the last one is the scalar L."""
        # What an index runs over shows where it is a subscript.
        lines = [
            ("v", ("i",), ("+", self.term(("i",), 2), ("x", "i"))),
            ("B", ("i", "j"), ("*", self.term(("i", "j"), 2), ("A", "i", "j"))),
        ]
        lines = lines[: self.draw.randint(0, 2)]
        known = {name: indices for name, indices, _ in lines}
        total = self.sum((), 3, known)
        for name, indices in known.items():
            total = ("+", total, ("sum", indices, ("*", self.index(indices), (name, *indices))))
        return [*lines, ("L", (), total)]

    def sum(self, opened, depth, known=()):
        fresh = [index for index in RUNS_OVER if index not in opened]
        loops = tuple(self.draw.sample(fresh, self.draw.randint(1, min(2, len(fresh)))))
        return ("sum", loops, self.term((*opened, *loops), depth, known))

    def term(self, opened, depth, known=()):
        if depth == 0:
            return self.leaf(opened, known)
        kind = self.draw.choice(
            ("+", "-", "*", "*", "/", "f", "where", "where", "where", "power", "sum", "leaf")
        )
        if kind in "+-*":
            return (kind, self.term(opened, depth - 1, known), self.term(opened, depth - 1, known))
        if kind == "/":
            below = self.term(opened, depth - 1, known)
            return ("/", self.term(opened, depth - 1, known), ("+", ("number", 2), ("*", below, below)))
        if kind == "f":
            return self.function(self.term(opened, depth - 1, known))
        if kind == "where":
            branches = [self.term(opened, depth - 1, known), ("number", 0)]
            if self.draw.random() < 0.3:
                branches[1] = self.term(opened, depth - 1, known)
            if self.draw.random() < 0.3:
                branches.reverse()
            return ("where", *self.condition(opened), *branches)
        if kind == "power":
            inner = self.term(opened, depth - 1, known)
            base = ("+", ("number", 1), ("*", inner, inner))
            return ("**", ("f", "tanh", base), self.exponent(opened))
        if kind == "sum" and len(opened) < 3:
            return self.sum(opened, depth - 1, known)
        return self.leaf(opened, known)

    def function(self, inner):
        name = self.draw.choice(sorted(FUNCTIONS))
        if name in ("log", "sqrt"):
            inner = ("+", ("number", 1), ("*", inner, inner))
        if name == "exp":
            inner = ("f", "tanh", inner)
        return ("f", name, inner)

    def leaf(self, opened, known):
        choices = [("s",), ("number", self.draw.choice((1, 2, 3))), ("f", "label", "y"), ("size", "n")]
        choices += [("index", index) for index in opened] * 2
        choices += [("x", index) for index in opened if RUNS_OVER[index] == "n"]
        choices += [("q", index) for index in opened if RUNS_OVER[index] == "n"]
        choices += [("label", "f", ("t", index)) for index in opened if RUNS_OVER[index] == "n"]
        choices += [(("z", index)) for index in opened if RUNS_OVER[index] == "m"]
        choices += [(("f", index)) for index in opened if RUNS_OVER[index] == "K"]
        choices += [("A", i, j) for i in opened for j in opened if RUNS_OVER[i] + RUNS_OVER[j] == "nm"]
        choices += [("label", "f", ("y",)), ("label", "f", ("t", 0)), ("x", 0), ("A", 0, 0)]
        choices = [choice for choice in choices if choice != ("f", "label", "y")]
        if "v" in known:
            choices += [("v", index) for index in opened if RUNS_OVER[index] == "n"]
        return self.draw.choice(choices)

    def index(self, opened):
        return ("index", self.draw.choice(opened)) if opened else ("number", 2)

    def exponent(self, opened):
        first = self.index(opened)
        return self.draw.choice((first, ("+", first, ("number", 1)), ("*", ("number", 2), first)))

    def side(self, opened):
        """A combination of indices."""
        kind = self.draw.randint(0, 6)
        one = self.index(opened)
        if kind == 0:
            return ("number", self.draw.randint(0, 3))
        if kind == 1:
            return ("-", ("size", self.draw.choice("nmK")), ("number", self.draw.randint(0, 2)))
        if kind == 2:
            return ("+", one, ("number", self.draw.randint(1, 2)))
        if kind == 3:
            return ("-", ("*", ("number", 2), one), self.index(opened))
        if kind == 4:
            return self.draw.choice((("*", one, self.index(opened)), ("/", one, ("size", "n"))))
        return one

    def condition(self, opened):
        op = self.draw.choice(sorted(COMPARISONS))
        kind = self.draw.randint(0, 5)
        if kind == 0 and opened:
            labels = [("y",), ("t", 0), *(("t", index) for index in opened if RUNS_OVER[index] == "n")]
            sides = [self.index(opened), self.draw.choice(labels)]
        elif kind == 1:
            sides = [self.leaf(opened, ()), ("number", 0)]
        else:
            sides = [self.index(opened), self.side(opened)]
        if self.draw.random() < 0.5:
            sides.reverse()
        return op, *sides


def text(term):
    """The term in the language of sheets."""
    match term:
        case ("number", value):
            return str(value)
        case ("index" | "size", name):
            return name
        case ("s",) | ("y",):
            return term[0]
        case ("f", str(name), tuple(inner)):
            return f"{name}({text(inner)})"
        case ("label", name, inner):
            return f"{name}[{text(inner)}]"
        case ("where", op, left, right, then, other):
            return f"where({text(left)} {op} {text(right)}, {text(then)}, {text(other)})"
        case ("sum", loops, body):
            over = " ".join(f"for {index} in {RUNS_OVER[index]}" for index in loops)
            return f"sum({text(body)} {over})"
        case ("+" | "-" | "*" | "/" | "**" as op, left, right):
            return f"({text(left)} {op} {text(right)})"
        case (name, *indices):
            return f"{name}[{', '.join(map(str, indices))}]"


def sheet_text(lines):
    """The sheet with its declarations."""
    rows = []
    for name, indices, term in lines:
        at = f"[{', '.join(indices)}]" if indices else ""
        rows.append(f"{name}{at} = {text(term)}")
    return DECLARATIONS + "\n".join(rows) + "\n"


def computed(term, values, sizes, at):
    """The number a term is for one value of every open index."""

    def of(inner):
        return computed(inner, values, sizes, at)

    match term:
        case ("number", value):
            return complex(value)
        case ("index", name):
            return complex(at[name])
        case ("size", name):
            return complex(sizes[name])
        case ("f", str(name), tuple(inner)):
            return FUNCTIONS[name](of(inner))
        case ("label", name, inner):
            return values[name][int(of(inner).real)]
        case ("where", op, left, right, then, other):
            return of(then if COMPARISONS[op](of(left).real, of(right).real) else other)
        case ("sum", (index, *rest), body):
            inner = ("sum", tuple(rest), body) if rest else body
            places = range(sizes[RUNS_OVER[index]])
            return sum((computed(inner, values, sizes, {**at, index: place}) for place in places), 0j)
        case ("+", left, right):
            return of(left) + of(right)
        case ("-", left, right):
            return of(left) - of(right)
        case ("*", left, right):
            return of(left) * of(right)
        case ("/", left, right):
            return of(left) / of(right)
        case ("**", left, right):
            return of(left) ** of(right).real
        case (name, *indices):
            return complex(values[name][tuple(at[i] if isinstance(i, str) else i for i in indices)])


def value(lines, values, sizes):
    """L, complex."""
    held = dict(values)
    for name, indices, term in lines:
        array = np.empty([sizes[RUNS_OVER[index]] for index in indices], complex)
        for place in np.ndindex(array.shape):
            array[place] = computed(term, held, sizes, dict(zip(indices, place, strict=True)))
        held[name] = array
    return complex(held["L"][()])


def gradient(lines, values, sizes, name):
    """The gradient of L by the complex step."""
    result = np.empty(values[name].shape)
    for place in np.ndindex(result.shape):
        moved = values[name].astype(complex)
        moved[place] += 1e-30j
        result[place] = value(lines, {**values, name: moved}, sizes).imag / 1e-30
    return result


def values_of(seed, sizes):
    """Values of every name; labels from 0 on."""
    draws = np.random.default_rng(seed)
    values = {
        name: np.asarray(draws.normal(size=[sizes[size] for size in shape])) for name, shape in SHAPES.items()
    }
    labels = {"y": draws.integers(sizes["K"]), "t": draws.integers(sizes["K"], size=sizes["n"])}
    return {**values, **{name: np.asarray(array) for name, array in labels.items()}}
