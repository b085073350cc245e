"""Layered networks written as equations: the second witness of their derivatives in closed form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple
from typing import TypeVar

from chainrule.equations import Equations
from chainrule.errors import NoRuleError
from chainrule.network import Activation, Loss, Network, Output, Penalty

__all__ = ["network_equations", "network_objective_name"]

Item = TypeVar("Item")

# max(z, 0) - slope max(-z, 0) and max(z, 0) + alpha (exp(min(z, 0)) - 1): the language has them at their
# usual numbers only.
ACTIVATIONS: dict[str, Callable[..., str]] = {
    "identity": lambda z: z,
    "scaled_relu": lambda z, scale=5.0: f"{scale!r} * relu({z})",
    "leaky_relu": lambda z, slope=0.01: f"relu({z}) - {slope!r} * relu(-{z})",
    "elu": lambda z, alpha=1.0: f"relu({z}) + {alpha!r} * elu(-relu(-{z}))",
    "selu": lambda z: f"1.0507009873554805 * (relu({z}) + 1.6732632423543772 * elu(-relu(-{z})))",
    **{
        name: lambda z, name=name: f"{name}({z})"
        for name in ("sigmoid", "tanh", "relu", "softplus", "gelu", "silu", "sin", "erf")
    },
}
OUTPUTS = {"sigmoid": "sigmoid(f)", "softmax": "softmax(f)", "exp": "exp(f)"}
CANONICAL = {
    ("softmax", "cross_entropy"): ("Class[k]", "logsumexp(f) - f[y]"),
    ("sigmoid", "binary_cross_entropy"): ("Bit[k]", "sum(softplus(f) - y * f)"),
    ("sigmoid", "binary_cross_entropy_mean"): ("Bit[k]", "mean(softplus(f) - y * f)"),
    ("identity", "logistic"): ("Sign[k]", "sum(softplus(-(y * f)))"),
    ("sigmoid", "logistic"): ("Sign[k]", "sum(softplus(-(y * f)))"),
    ("exp", "poisson"): ("R[k]", "sum(exp(f) - y * f)"),
}
THROUGH: dict[str, Callable[..., list[str]]] = {
    "squared": lambda scale=0.5: [f"L = {scale!r} * norm2(yhat - y)**2"],
    "huber": lambda delta=1.0: [
        "r = abs(yhat - y)",
        f"s = relu(r - {delta!r})",
        f"L = sum((r - s) * (r - s) / 2 + {delta!r} * s)",
    ],
    "quantile": lambda level=0.5: [
        "r = y - yhat",
        f"L = sum({level!r} * relu(r) + {1 - level!r} * relu(-r))",
    ],
}
PENALTIES: dict[str, Callable[..., str]] = {
    "Frobenius": lambda squares, sizes, strength: f"{strength / 2!r} * ({squares})",
    "L2": lambda squares, sizes, strength: f"{strength!r} * ({squares})",
    "L1": lambda squares, sizes, strength: f"{strength!r} * ({sizes})",
    "ElasticNet": lambda squares, sizes, strength, ratio: (
        f"{strength * ratio!r} * ({sizes}) + {strength * (1 - ratio) / 2!r} * ({squares})"
    ),
}


def network_equations(network: Network) -> Equations:
    """The sheet of a network: one example x with target y; the names are those of the network's parameters.

    L is the loss of the example, and C = L + penalty where the network has a penalty. As an objective the
    sheet averages (or sums) the loss over the examples and adds the penalty once, as the network does.

    Parameters
    ----------
    network : Network

    Returns
    -------
    Equations
        Targets are class numbers for cross_entropy, vectors of k entries else.

    Raises
    ------
    NoRuleError
        If a function of the network is the user's own, or no equation is known for it.

    Examples
    --------
    >>> net = Network([4, 3, 2], "tanh", "softmax", "cross_entropy")
    >>> print(network_equations(net).text)
    data        x: R[d]; y: Class[k]
    parameters  W1: R[m1, d]; b1: R[m1]; W2: R[k, m1]; b2: R[k]
    z1 = W1 @ x + b1
    h1 = tanh(z1)
    f = W2 @ h1 + b2
    L = logsumexp(f) - f[y]
    >>> print(network_equations(net).derive("L", ["z1", "W1"]))
    dL/df = softmax(f) - e_y
    dL/dh₁ = W₂ᵀ dL/df
    dL/dz₁ = (1 - h₁⊙h₁) ⊙ dL/dh₁
    dL/dW₁ = dL/dz₁ xᵀ
    """
    target, loss = _loss(network.output, network.loss)
    lines = [
        f"data        x: R[d]; y: {target}",
        f"parameters  {'; '.join(_declarations(network))}",
        *_layers(network),
        *loss,
    ]
    if network.penalty is not None:
        lines += [f"penalty = {_penalty(network, network.penalty)}", "C = L + penalty"]
    return Equations("\n".join(lines))


def network_objective_name(network: Network) -> str:
    """What is minimised in the sheet of a network: L, or C where there is a penalty."""
    return "L" if network.penalty is None else "C"


def _declarations(network: Network) -> list[str]:
    names = ["d", *(f"m{number}" for number in range(1, network.depth)), "k"]
    found = []
    for layer, inputs, outputs in zip(network.layers, names, names[1:], strict=False):
        found.append(f"{layer.weights}: R[{outputs}, {inputs}]")
        found += [f"{layer.biases}: R[{outputs}]"] if network.bias else []
    return found


def _layers(network: Network) -> list[str]:
    lines, below = [], "x"
    for layer in network.layers:
        is_last = layer.number == network.depth
        z = "f" if is_last else f"z{layer.number}"
        lines.append(f"{z} = {layer.weights} @ {below}" + (f" + {layer.biases}" if network.bias else ""))
        if not is_last:
            below = f"h{layer.number}"
            lines.append(f"{below} = {_activation(network.activation[layer.number - 1], z)}")
    return lines


def _activation(function: Activation, z: str) -> str:
    return _known("activation", function, ACTIVATIONS)(z, *function.numbers)


def _loss(output: Output, loss: Loss) -> tuple[str, list[str]]:
    """The type of the target, and the lines from the scores f to the loss L."""
    if (output.name, loss.name) in CANONICAL:
        target, formula = CANONICAL[output.name, loss.name]
        return target, [f"L = {formula}"]
    lines = _known("loss", loss, THROUGH)(*loss.numbers)
    if output.name == "identity":
        return "R[k]", [line.replace("yhat", "f") for line in lines]
    return "R[k]", [f"yhat = {_known('output', output, OUTPUTS)}", *lines]


def _penalty(network: Network, penalty: Penalty) -> str:
    names = [name for name in network.parameters.names if name.startswith("W") or penalty.biases]
    squares = " + ".join(f"norm{'F' if name.startswith('W') else '2'}({name})**2" for name in names)
    sizes = " + ".join(f"norm1({name})" for name in names)
    strength, _, *numbers = astuple(penalty)
    name = type(penalty).__name__
    if name not in PENALTIES:
        raise NoRuleError(f"No equation is known for the penalty {penalty}.")
    return PENALTIES[name](squares, sizes, strength, *numbers)


def _known(kind: str, function: Activation | Output | Loss, table: dict[str, Item]) -> Item:
    if function.name not in table:
        raise NoRuleError(f"No equation is known for the {kind} {function}; there are {', '.join(table)}.")
    return table[function.name]
