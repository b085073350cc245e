"""Every activation, output, loss and penalty of :mod:`chainrule.network`, written once as an equation.

An entry takes the numbers that the item was made with and gives text of the language with places for its
arguments: ``{t}`` for an activation, ``{f}`` for the scores, ``{y}`` and ``{yhat}`` for target and
prediction, ``{w}`` for an array of weights. At a kink the derivative that the language gives is the one that
``network`` takes: relu'(0) = 0, and from the left elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


def decimal(number: float) -> str:
    """A number as the language reads it: exact, without ``.0``, negative ones in brackets.

    Examples
    --------
    >>> decimal(5.0), decimal(0.1), decimal(-1e-05)
    ('5', '0.1', '(-1e-05)')
    """
    text = repr(float(number)).removesuffix(".0")
    return f"({text})" if text.startswith("-") else text


def _leaking(slope: float) -> str:
    return f"{decimal(slope)} * {{t}} + (1 - {decimal(slope)}) * relu({{t}})"


def _elu(alpha: float) -> str:
    # Where t > 0, elu and relu are both t, and the rest is alpha (exp(t) - 1).
    return (
        "elu({t})" if alpha == 1 else f"{decimal(alpha)} * elu({{t}}) + (1 - {decimal(alpha)}) * relu({{t}})"
    )


def _selu() -> str:
    return f"1.0507009873554805 * ({_elu(1.6732632423543772)})"


ACTIVATIONS: dict[str, Callable[..., str]] = {
    "identity": lambda: "{t}",
    "sigmoid": lambda: "sigmoid({t})",
    "tanh": lambda: "tanh({t})",
    "relu": lambda: "relu({t})",
    "scaled_relu": lambda scale: f"{decimal(scale)} * relu({{t}})",
    "leaky_relu": lambda slope: "leaky_relu({t})" if slope == 0.01 else _leaking(slope),
    "elu": _elu,
    "selu": _selu,
    "softplus": lambda: "softplus({t})",
    "gelu": lambda: "gelu({t})",
    "silu": lambda: "silu({t})",
    "sin": lambda: "sin({t})",
    "erf": lambda: "erf({t})",
}
"""φ(t) of each activation, elementwise."""

OUTPUTS: dict[str, Callable[..., str]] = {
    "identity": lambda: "{f}",
    "sigmoid": lambda: "sigmoid({f})",
    "softmax": lambda: "softmax({f}{rows})",
    "exp": lambda: "exp({f})",
}
"""ŷ(f) of each output function; ``{rows}`` is ``, axis=1`` where f is a matrix with one row per example."""


@dataclass(frozen=True)
class LossFormula:
    """ℓ of one example.

    Parameters
    ----------
    expressions : mapping of str to str
        The expression for each kind of target (see :mod:`chainrule.catalogue.targets`), the usual one first.
    functions : str
        Lines that define the functions it calls, if any.
    """

    expressions: Mapping[str, str]
    functions: str = ""


def _binary(reduce: str) -> LossFormula:
    expression = f"-{reduce}({{y}} * log({{yhat}}) + (1 - {{y}}) * log(1 - {{yhat}}))"
    return LossFormula({"probability": expression, "bit": expression})


def _cross_entropy() -> LossFormula:
    weighted = "-({y}.T @ log({yhat}))"
    return LossFormula({"class": "-log({yhat})[{y}]", "distribution": weighted, "weights": weighted})


def _huber(delta: float) -> LossFormula:
    cut = decimal(delta)
    outer, inner = f"{cut} * (abs(r) - {cut} / 2)", "r**2 / 2"
    function = f"huber(r) = step(abs(r) - {cut}) * {outer} + (1 - step(abs(r) - {cut})) * {inner}"
    return LossFormula({"real": "sum(huber({yhat} - {y}))"}, function)


def _quantile(level: float) -> LossFormula:
    function = f"quantile(r) = {decimal(level)} * relu(r) + (1 - {decimal(level)}) * relu(-r)"
    return LossFormula({"real": "sum(quantile({y} - {yhat}))"}, function)


LOSSES: dict[str, Callable[..., LossFormula]] = {
    "squared": lambda scale=0.5: LossFormula({"real": f"{decimal(scale)} * norm2({{yhat}} - {{y}})**2"}),
    "cross_entropy": _cross_entropy,
    "binary_cross_entropy": lambda: _binary("sum"),
    "binary_cross_entropy_mean": lambda: _binary("mean"),
    "logistic": lambda: LossFormula({"sign": "sum(log(1 + exp(-{y} * {f})))"}),
    "huber": _huber,
    "quantile": _quantile,
    "poisson": lambda: LossFormula({"count": "sum({yhat} - {y} * log({yhat}))"}),
}
"""ℓ(y, ŷ), or ℓ(y, f), of each loss."""


def _elastic_net(strength: float, ratio: float) -> str:
    part = decimal(ratio)
    return f"{decimal(strength)} * ({part} * norm1({{w}}) + (1 - {part}) / 2 * normF({{w}})**2)"


PENALTIES: dict[str, Callable[..., str]] = {
    "Frobenius": lambda strength: f"{decimal(strength)} / 2 * normF({{w}})**2",
    "L2": lambda strength: f"{decimal(strength)} * normF({{w}})**2",
    "L1": lambda strength: f"{decimal(strength)} * norm1({{w}})",
    "ElasticNet": _elastic_net,
}
"""R(w) of each penalty, for the entries of one array."""
