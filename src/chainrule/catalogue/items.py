"""From an activation, output, loss or penalty to its equation: by the table, or by its own text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from chainrule.catalogue import formulas, own_activation, own_loss
from chainrule.catalogue.function_text import FunctionText, read_functions
from chainrule.catalogue.targets import KINDS
from chainrule.errors import NoRuleError, OptionError, SheetError
from chainrule.network import PENALTIES, Activation, Loss, Output, Penalty
from chainrule.network.activations import activation
from chainrule.network.losses import loss
from chainrule.network.outputs import elementwise_output, output


@dataclass(frozen=True)
class Formula:
    """An equation's right side.

    Parameters
    ----------
    expression : str
        With places such as ``{t}`` (see :mod:`chainrule.catalogue.formulas`).
    functions : FunctionText, optional
        The functions it calls.
    target : str
        The kind of target, of a loss.
    """

    expression: str
    functions: FunctionText | None = None
    target: str = ""


def activation_formula(item: Activation) -> Formula:
    """φ({t}).

    Raises
    ------
    NoRuleError
        If it is not of the library and not made by ``activation_from``.
    """
    if _reads_back(activation, item):
        return Formula(formulas.ACTIVATIONS[item.name](*item.numbers))
    return _own_function(item, "activation", "{t}")


def output_formula(item: Output) -> Formula:
    """ŷ of {f}; ``{rows}`` stands where a matrix needs its axis.

    Raises
    ------
    NoRuleError
        If it is not of the library and not an activation that has an equation.
    """
    if _reads_back(output, item):
        return Formula(formulas.OUTPUTS[item.name](*item.numbers))
    if _reads_back(lambda name: elementwise_output(activation(name)), item):
        return Formula(formulas.ACTIVATIONS[item.name](*item.numbers).replace("{t}", "{f}"))
    return _own_function(item, "output", "{f}")


def loss_formula(item: Loss, target: str | None = None) -> Formula:
    """ℓ of {y} and {yhat} or {f}, for a kind of target; by default the usual one.

    Raises
    ------
    NoRuleError
        If it is not of the library and not made by ``loss_from``.
    OptionError
        If it does not take such targets.
    """
    if not _reads_back(loss, item):
        return _own_loss(item, target)
    found = formulas.LOSSES[item.name](*item.numbers)
    kind = _checked_target(item, target, tuple(found.expressions))
    functions = read_functions(found.functions, "") if found.functions else None
    return Formula(found.expressions[kind], functions, kind)


def penalty_formula(item: Penalty) -> Formula:
    """R of {w}.

    Raises
    ------
    NoRuleError
        If it is not of the library.
    """
    name = type(item).__name__
    if PENALTIES.get(name) is not type(item):
        raise NoRuleError(f"No equation is known for the penalty {item!r}; there are {', '.join(PENALTIES)}.")
    numbers = asdict(item)
    del numbers["biases"]
    return Formula(formulas.PENALTIES[name](**numbers))


def _reads_back(read: Callable[[str], Any], item: Activation | Output | Loss) -> bool:
    """Whether it is the library's item of this name: one of the user's may have the same."""
    try:
        return bool(read(str(item)) == item)
    except OptionError:
        return False


def _own_function(item: Activation | Output, role: str, place: str) -> Formula:
    functions = _own_text(item, role, own_activation.EXAMPLE)
    return Formula(f"{functions.name}({place})", functions)


def _own_loss(item: Loss, target: str | None) -> Formula:
    functions = _own_text(item, "loss", own_loss.EXAMPLE)
    kinds = [name for name, kind in KINDS.items() if kind.encode is item.encode]
    kind = _checked_target(item, target, tuple(kinds))
    place = "{f}" if functions.parameters[1] in own_loss.SCORES else "{yhat}"
    return Formula(own_loss.called_loss(functions, kind, "{y}", place), functions, kind)


def _own_text(item: Activation | Output | Loss, role: str, example: str) -> FunctionText:
    try:
        functions = read_functions(item.source, example)
    except (SheetError, OptionError):
        functions = None
    if functions is None or functions.name != item.name:
        raise NoRuleError(
            f"No equation is known for the {role} {item}: it is not of the library, and its source is "
            f"{item.source!r}; make it with {role if role == 'loss' else 'activation'}_from({example!r})."
        )
    return functions


def _checked_target(item: Loss, target: str | None, kinds: tuple[str, ...]) -> str:
    if target is None:
        return kinds[0]
    if target not in kinds:
        raise OptionError(f"target is {target!r}; the loss {item} takes {' or '.join(kinds)}.")
    return target
