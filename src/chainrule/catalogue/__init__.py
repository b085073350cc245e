"""Models written once as equations."""

from chainrule.catalogue.networks import network_equations, network_objective_name
from chainrule.catalogue.sheets import sheet, sheet_names

__all__ = ["network_equations", "network_objective_name", "sheet", "sheet_names"]
