"""Random values of what a sheet declares, each in its domain."""

import numpy as np

from chainrule.equations.language.tree import size_value


def drawn(sheet, sizes, seed=0):
    rng = np.random.default_rng(seed)
    values = {}
    for name, declaration in sheet.declarations.items():
        shape = tuple(size_value(size, sizes) for size in declaration.axes)
        match declaration.domain:
            case "class":
                values[name] = rng.integers(sizes[declaration.classes], size=shape)
            case "sign":
                values[name] = rng.choice([-1.0, 1.0], size=shape)
            case "bit":
                values[name] = rng.choice([0.0, 1.0], size=shape)
            case "simplex":
                values[name] = rng.dirichlet(np.ones(shape[-1]), size=shape[:-1] or None)
            case _:
                values[name] = np.asarray(rng.normal(size=shape))
    return values
