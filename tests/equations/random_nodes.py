"""Random products in index notation, and what they are worth by one einsum over their arrays."""

from fractions import Fraction

import numpy as np

from chainrule.equations.nodes.nodes import Pool
from chainrule.equations.nodes.products import power

# Two labels of each size, so that identity matrices have where to go; the sizes all differ.
SIZES = {"a": "m", "b": "m", "c": "n", "d": "n", "e": "q"}
KINDS = ["matrix", "vector", "scalar", "power", "delta", "ones", "onehot", "unit", "simplex"]
LENGTHS = {"m": 2, "n": 3, "q": 4}


class Draw:
    """One random product: its factors as nodes with labels, its arrays, its open labels."""

    def __init__(self, seed, most=5, open_at_most=3):
        self.random = np.random.default_rng(seed)
        self.pool = Pool()
        self.values = {}
        self.factors, self.arrays = [], []
        for _ in range(self.random.integers(1, most + 1)):
            self._add()
        used = list(dict.fromkeys(label for _, labels in self.factors for label in labels))
        count = int(self.random.integers(0, min(open_at_most, len(used)) + 1))
        self.out = tuple(self.random.permutation(used)[:count])

    def expected(self):
        number = {label: place for place, label in enumerate(SIZES)}
        operands = []
        for array, (_, labels) in zip(self.arrays, self.factors, strict=True):
            operands += [array, [number[label] for label in labels]]
        return np.einsum(*operands, [number[label] for label in self.out])

    def symbol(self, name, dims, array):
        node = self.pool.symbol(name, dims)
        return node, self.values.setdefault(node, array)

    def _add(self):
        random = self.random
        kind = random.choice(
            ["matrix", "vector", "scalar", "power", "delta", "ones", "onehot", "unit", "simplex"]
        )
        labels = tuple(random.choice(list(SIZES), size=2))
        dims = tuple(SIZES[label] for label in labels)
        lengths = [LENGTHS[size] for size in dims]
        which = random.integers(1, 3)
        if kind == "matrix":
            node, array = self.symbol(f"M{which}{dims}", dims, random.uniform(0.5, 2, lengths))
        elif kind == "delta":
            twin = {"a": "b", "b": "a", "c": "d", "d": "c", "e": "e"}
            labels = (labels[0], str(random.choice([labels[0], twin[labels[0]]])))
            node, array = self.pool.delta(dims[0]), np.eye(lengths[0])
        elif kind == "ones":
            node, array = self.pool.ones(dims), np.ones(lengths)
        else:
            labels, dims, lengths = labels[:1], dims[:1], lengths[:1]
            node, array = self._vector(kind, dims, lengths, which)
            labels = labels if node.dims else ()
        self.factors.append((node, labels))
        self.arrays.append(array)

    def _vector(self, kind, dims, lengths, which):
        random = self.random
        if kind == "scalar":
            return self.symbol(f"s{which}", (), random.uniform(0.5, 2))
        if kind == "onehot":
            label, position = self.symbol(f"y{which}{dims}", (), random.integers(0, lengths[0]))
            return self.pool.onehot(label, dims[0]), np.eye(lengths[0])[position]
        if kind == "unit":
            return self.pool.unit(1, dims[0]), np.eye(lengths[0])[1]
        if kind == "simplex":
            share = random.dirichlet(np.ones(lengths[0]))
            node, array = self.symbol(f"p{which}{dims}", dims, share)
            self.pool.simplex.add(node)
            return node, array
        node, array = self.symbol(f"v{which}{dims}", dims, random.uniform(0.5, 2, lengths))
        if kind == "vector":
            return node, array
        exponent = random.choice([-2, -1, 2, 3])
        return power(node, Fraction(int(exponent))), array ** float(exponent)
