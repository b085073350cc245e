"""Methods and learning-rate schedules: the public names of :mod:`chainrule.optimize`."""

from chainrule.optimize import (
    LBFGS,
    SGD,
    Adam,
    Constant,
    Cosine,
    GradientDescent,
    HeavyBall,
    InverseTime,
    Momentum,
    Nesterov,
    NewtonCG,
    Step,
)

__all__ = [
    "LBFGS",
    "SGD",
    "Adam",
    "Constant",
    "Cosine",
    "GradientDescent",
    "HeavyBall",
    "InverseTime",
    "Momentum",
    "Nesterov",
    "NewtonCG",
    "Step",
]
