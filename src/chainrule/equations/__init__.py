"""The language of equations, and the calculus on it."""

from chainrule.equations.by_layer import ByLayer
from chainrule.equations.derivation import Derivation, Step
from chainrule.equations.equations import Equations

__all__ = ["ByLayer", "Derivation", "Equations", "Step"]
