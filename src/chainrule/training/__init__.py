"""Fit and minimise: from a model and data to parameters, with a record, early stopping and checkpoints."""

from chainrule.training.checkpoint import Checkpoint, SavedRun, load_checkpoint, save_checkpoint
from chainrule.training.early_stopping import EarlyStopping
from chainrule.training.fitting import fit
from chainrule.training.initial import draw_parameters
from chainrule.training.linear import (
    fit_linear,
    is_beyond_chance,
    linear_network,
    linear_strength,
    start_at_linear,
    without_penalty,
)
from chainrule.training.minimising import minimize
from chainrule.training.restarts import best_start

__all__ = [
    "Checkpoint",
    "EarlyStopping",
    "SavedRun",
    "best_start",
    "draw_parameters",
    "fit",
    "fit_linear",
    "is_beyond_chance",
    "linear_network",
    "linear_strength",
    "load_checkpoint",
    "minimize",
    "save_checkpoint",
    "start_at_linear",
    "without_penalty",
]
