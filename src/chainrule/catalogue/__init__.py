"""Models written once as equations: whole networks, their parts, and functions of one's own."""

from chainrule.catalogue.item_sheet import equations_of
from chainrule.catalogue.network_sheet import network_equations
from chainrule.catalogue.own_activation import activation_from
from chainrule.catalogue.own_loss import loss_from
from chainrule.catalogue.sheets import sheet, sheet_names

__all__ = [
    "activation_from",
    "equations_of",
    "loss_from",
    "network_equations",
    "sheet",
    "sheet_names",
]
