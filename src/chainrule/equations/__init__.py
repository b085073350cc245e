"""The language of equations, and the calculus on it."""

from chainrule.equations.equations import Equations
from chainrule.equations.formulas.by_layer import ByLayer
from chainrule.equations.formulas.derivation import Derivation
from chainrule.equations.formulas.explanation import Step

__all__ = ["ByLayer", "Derivation", "Equations", "Step"]
