"""What a run hands back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from chainrule.optimize.history import History
from chainrule.optimize.state import State
from chainrule.parameters import Parameters, ParameterSpec


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """Parameters, record and reason of a run that has stopped.

    Parameters
    ----------
    spec : ParameterSpec
        Names and shapes of the parameters.
    state : State
        The last good state, from which a run can go on.
    best : State
        The state whose parameters are handed back: the last one, or the best one under early stopping.
    history : History
        One row per epoch: epoch, loss, gradient_norm, learning_rate, seconds, validation, end_loss.
    stopped : str
        Why the run stopped, in a sentence.
    converged : bool
        Whether the run ended at a minimum, or with a gradient as small as was asked for and no curvature that
        speaks against one.
    diverged : bool
        Whether the run left the finite numbers, or its loss rose to more than ten times that of the start.
    interrupted : bool
        Whether Ctrl-C ended the run.
    remarks : tuple of str
        What else a reader should know about what was minimised.
    classes : mapping of str to tuple
        Where labels were text: the label of each class number, by the name of the labels; ``y`` of a network.
    """

    spec: ParameterSpec
    state: State
    best: State
    history: History
    stopped: str
    converged: bool
    diverged: bool = False
    interrupted: bool = False
    remarks: tuple[str, ...] = ()
    classes: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    @cached_property
    def parameters(self) -> Parameters:
        """The parameters of :attr:`best`, by name; a copy of their own."""
        return Parameters(self.spec, self.best.theta.copy())

    def __repr__(self) -> str:
        loss = f", loss {self.history.loss[-1]:.6g}" if len(self.history) else ""
        best = f"; parameters of epoch {self.best.epoch}" if self.best.epoch != self.state.epoch else ""
        ending = "converged" if self.converged else "diverged" if self.diverged else "not converged"
        return "\n".join(
            (
                f"Result({ending} after epoch {self.state.epoch}{loss}{best})",
                f"stopped: {self.stopped}",
                *self.remarks,
                repr(self.parameters),
                repr(self.history),
            )
        )
