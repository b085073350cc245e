"""Layered networks and their derivatives in closed form."""

from chainrule.network.activation import Activation, InPlace
from chainrule.network.activations import ACTIVATIONS
from chainrule.network.examples import Examples
from chainrule.network.fused import Fused
from chainrule.network.initializers import SCHEMES
from chainrule.network.layer import Layer
from chainrule.network.loss import Loss, pairing
from chainrule.network.losses import LOSSES
from chainrule.network.network import Network
from chainrule.network.objective import NetworkObjective
from chainrule.network.outputs import OUTPUTS, Output
from chainrule.network.passes import Forward
from chainrule.network.penalties import PENALTIES, Penalty

__all__ = [
    "ACTIVATIONS",
    "LOSSES",
    "OUTPUTS",
    "PENALTIES",
    "SCHEMES",
    "Activation",
    "Examples",
    "Forward",
    "Fused",
    "InPlace",
    "Layer",
    "Loss",
    "Network",
    "NetworkObjective",
    "Output",
    "Penalty",
    "pairing",
]
