"""Minimise any objective: a method is a description, its memory a state, a run an iterator of states."""

from chainrule.optimize.adam import Adam, AdamW
from chainrule.optimize.batches import Shuffles
from chainrule.optimize.first_order import FirstOrder
from chainrule.optimize.gradient_descent import SGD, GradientDescent
from chainrule.optimize.history import Epoch, History
from chainrule.optimize.iteration import Ending, Method, initial_state, iterate
from chainrule.optimize.lbfgs import LBFGS
from chainrule.optimize.momentum import HeavyBall, Momentum, Nesterov
from chainrule.optimize.newton import Newton
from chainrule.optimize.newton_cg import NewtonCG
from chainrule.optimize.result import Result
from chainrule.optimize.run import minimize
from chainrule.optimize.schedules import Constant, Cosine, InverseTime, Schedule, Step, WarmRestarts
from chainrule.optimize.state import State
from chainrule.optimize.wrapped import Averaged, Clipped, ClippedExamples

__all__ = [
    "LBFGS",
    "SGD",
    "Adam",
    "AdamW",
    "Averaged",
    "Clipped",
    "ClippedExamples",
    "Constant",
    "Cosine",
    "Ending",
    "Epoch",
    "FirstOrder",
    "GradientDescent",
    "HeavyBall",
    "History",
    "InverseTime",
    "Method",
    "Momentum",
    "Nesterov",
    "Newton",
    "NewtonCG",
    "Result",
    "Schedule",
    "Shuffles",
    "State",
    "Step",
    "WarmRestarts",
    "initial_state",
    "iterate",
    "minimize",
]
