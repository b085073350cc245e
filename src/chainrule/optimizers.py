"""Methods and learning-rate schedules: the public names of :mod:`chainrule.optimize`."""

from chainrule.optimize import (
    LBFGS,
    SGD,
    Adam,
    AdamW,
    Averaged,
    Clipped,
    Constant,
    Cosine,
    GradientDescent,
    HeavyBall,
    InverseTime,
    Momentum,
    Nesterov,
    NewtonCG,
    Step,
    WarmRestarts,
)

__all__ = [
    "LBFGS",
    "SGD",
    "Adam",
    "AdamW",
    "Averaged",
    "Clipped",
    "Constant",
    "Cosine",
    "GradientDescent",
    "HeavyBall",
    "InverseTime",
    "Momentum",
    "Nesterov",
    "NewtonCG",
    "Step",
    "WarmRestarts",
]
