"""The array a node stands for, as the reference computes it."""

import numpy as np

from chainrule.equations.language.arithmetic import DOUBLES
from chainrule.equations.nodes.nodes import topological
from chainrule.equations.nodes.numeric import compute


def node_value(root, values, sizes, arithmetic=DOUBLES, memory=None):
    """The array of a node at the values of its symbols; what is computed is added to ``memory``."""
    done = {} if memory is None else memory
    done |= {symbol: np.asarray(value) for symbol, value in values.items()}
    with arithmetic.context():
        compute(topological([root]), sizes, arithmetic, done)
    return done[root]
