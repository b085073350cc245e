"""A change of a piece of a claim, and the word for the mistake that it takes back."""

from __future__ import annotations

from typing import NamedTuple

from chainrule.diagnosis.mending.surroundings import Surroundings
from chainrule.diagnosis.mending.trees import bare, names_of
from chainrule.equations.language.syntax import Invocation, Literal, Name, Node, Subscript

SLOPED = ("tanh", "sigmoid", "relu", "step")
FUNCTIONS = ("exp", "log", "sqrt", "sign", *SLOPED, "softmax", "sum", "mean", "diag")
"""That are left out or put in."""


class Slip(NamedTuple):
    """What stands there after the change, and the mistake that is taken back by it."""

    node: Node
    word: str
    what: str
    rank: int
    also: tuple[str, ...] = ()
    brings: bool = False
    """Whether something is brought in that may be the other side itself."""

    @property
    def is_renaming(self) -> bool:
        """Whether another name stands there, be it in ``d(of, name)``."""
        return self.brings and isinstance(self.node, Name | Subscript | Invocation)


class Spot(NamedTuple):
    """A piece of a claim.

    Attributes
    ----------
    node : Node
    where : str
        "side", "summand", "argument" or "factor": what it is a part of.
    letters : tuple of str
        The indices that have a meaning there.
    """

    node: Node
    where: str
    letters: tuple[str, ...]


def of_size(size: str, around: Surroundings) -> tuple[str, tuple[str, ...]]:
    """The word for a size as a factor."""
    return ("batch", ("sum", "constant")) if size == around.examples else ("sum", ("batch", "constant"))


def of_term(gone: Node, around: Surroundings) -> tuple[str, str, int, tuple[str, ...]]:
    if isinstance(bare(gone), Literal):
        return "constant", "there is a number too much", 3, ("factor",)
    if around.has_parameters(gone) and not around.has_data(gone):
        return "penalty", "the gradient of the penalty is there once too often", 2, ("path",)
    return "path", "there is a term too much", 3, ()


def of_factor(gone: Node, around: Surroundings) -> tuple[str, str, int, tuple[str, ...]]:
    if isinstance(gone, Literal):
        return "constant", "there is a number too much", 1, ("factor",)
    if isinstance(gone, Name) and gone.name in around.sheet.sizes:
        word, also = of_size(gone.name, around)
        return word, "there is a size too much", 1, also
    for text, (function, argument) in around.activations.items():
        if not isinstance(gone, Name) and names_of(gone) <= {text, *names_of(argument)}:
            what = f"the slope of {function} is there once too often"
            if function == "softmax":
                return "output", what, 2, ("factor",)
            return "activation", what, 2, ("output", "factor") if function == "sigmoid" else ("factor",)
    return "factor", "there is a factor too much", 2, ()


def of_function(function: str) -> tuple[str, tuple[str, ...]]:
    if function in SLOPED:
        return "activation", ("factor",)
    if function == "softmax":
        return "output", ("factor",)
    if function in ("sum", "mean"):
        return "sum", ("elementwise",)
    return "factor", ("constant",)
