"""Losses by name: ``Network(sizes, loss=losses.huber(2.0))``."""

from chainrule.network.fused import Fused
from chainrule.network.loss import Loss, pairing
from chainrule.network.losses import (
    LOSSES,
    binary_cross_entropy,
    binary_cross_entropy_mean,
    cross_entropy,
    huber,
    logistic,
    loss,
    poisson,
    quantile,
    squared,
)

__all__ = [
    "LOSSES",
    "Fused",
    "Loss",
    "binary_cross_entropy",
    "binary_cross_entropy_mean",
    "cross_entropy",
    "huber",
    "logistic",
    "loss",
    "pairing",
    "poisson",
    "quantile",
    "squared",
]
