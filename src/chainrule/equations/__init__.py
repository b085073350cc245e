"""The language of equations, and the calculus on it."""

from chainrule.equations.derivation import Derivation, Step
from chainrule.equations.equations import Equations

__all__ = ["Derivation", "Equations", "Step"]
