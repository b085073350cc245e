"""A whole layered network as a sheet of equations: the second witness of its derivatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from chainrule.catalogue.function_text import FunctionText, free_name, renamed
from chainrule.catalogue.items import (
    Formula,
    activation_formula,
    loss_formula,
    output_formula,
    penalty_formula,
)
from chainrule.catalogue.targets import KINDS
from chainrule.equations import Equations
from chainrule.errors import OptionError
from chainrule.network import Network

Form = Literal["example", "batch", "weighted"]


@dataclass(frozen=True)
class _Letters:
    """What the quantities are called: small letters for one example, capitals for one row per example."""

    x: str
    y: str
    z: str
    h: str
    f: str
    yhat: str
    row: str
    axis: str


_EXAMPLE = _Letters("x", "y", "z", "h", "f", "yhat", "", "")
_BATCH = _Letters("X", "Y", "Z", "H", "F", "Yhat", "[i]", ", axis=1")


def network_equations(net: Network, form: Form = "example", target: str | None = None) -> Equations:
    """A network as equations, from its input to its objective C.

    It is an account of its own, not a translation of the network's code: derived and compiled, its gradient
    judges the one that the network computes.

    Parameters
    ----------
    net : Network
    form : {"example", "batch", "weighted"}
        ``example``: x, y, z1, h1, ..., f, yhat and loss of one example, the penalty R if there is one, and
        C = loss + R. Its ``objective("loss", {"x": X, "y": Y}, net.reduction, sample_weight, penalty="R")``
        is the network's; without a penalty that argument goes.
        ``batch``: X, Y, Z1, H1, ..., F, Yhat with a row for each of n examples, and C reduced as the network
        says. ``weighted``: the same with a weight w_i for each example.
    target : str, optional
        What y is, for a loss that takes several kinds: ``class`` (usual), ``distribution`` or ``weights`` for
        the cross-entropy, ``probability`` (usual) or ``bit`` for the binary one.

    Returns
    -------
    Equations
        Its parameters are named, shaped and ordered as the network's. Targets are given as
        ``net.examples(X, y).Y`` has them: class numbers (n,), everything else (n, k).

    Raises
    ------
    NoRuleError
        If no equation is known for a part of the network: it is the user's own, and not made of one.
    OptionError
        If there is no such form, or the loss takes no such targets.

    Examples
    --------
    >>> net = Network([4, 3, 2], "tanh", "softmax", "cross_entropy")
    >>> model = network_equations(net)
    >>> print(model.text)
    # Network 4-3-2: tanh, softmax, cross_entropy
    data        x: R[4]; y: Class[2]
    parameters  W1: R[3, 4]; b1: R[3]
    parameters  W2: R[2, 3]; b2: R[2]
    z1 = W1 @ x + b1
    h1 = tanh(z1)
    f = W2 @ h1 + b2
    yhat = softmax(f)
    loss = -log(yhat)[y]
    C = loss
    >>> print(network_equations(net, "batch").derive("C", ["F", "W2", "Z1", "W1", "b1"]))
    dC/dF = (1/n) (Ŷ - E_Y)
    dC/dW₂ = dC/dFᵀ H₁
    dC/dH₁ = dC/dF W₂
    dC/dZ₁ = (1 - H₁⊙H₁) ⊙ dC/dH₁
    dC/dW₁ = dC/dZ₁ᵀ X
    dC/db₁ = dC/dZ₁ᵀ 𝟏
    """
    if form not in ("example", "batch", "weighted"):
        raise OptionError(f"form is {form!r}; expected 'example', 'batch' or 'weighted'.")
    letters = _EXAMPLE if form == "example" else _BATCH
    functions = _Functions(set(_names(net)))
    last = loss_formula(net.loss, target)
    body = [
        *_layers(net, letters, functions),
        _loss(last, letters, functions),
        *_objective(net, form, functions),
    ]
    lines = [_title(net), *functions.lines, *_declarations(net, form, letters, last.target), *body]
    return Equations("\n".join(lines))


class _Functions:
    """Collects the lines of functions, each under a name that nothing else in the sheet has."""

    def __init__(self, taken: set[str]) -> None:
        self.taken = taken
        self.lines: list[str] = []
        self._known: dict[str, dict[str, str]] = {}

    def expression(self, formula: Formula) -> str:
        """The expression, calling its functions by their names in this sheet."""
        return formula.expression if formula.functions is None else self._named(formula.functions, formula)

    def _named(self, functions: FunctionText, formula: Formula) -> str:
        if functions.text not in self._known:
            names = {}
            for name in functions.functions:
                names[name] = free_name(name, self.taken)
                self.taken.add(names[name])
            self._known[functions.text] = names
            self.lines.append(renamed(functions.text.strip(), names))
        return renamed(formula.expression, self._known[functions.text])


def _names(net: Network) -> list[str]:
    """Every name that some form of the sheet uses."""
    fixed = ["x", "X", "y", "Y", "f", "F", "yhat", "Yhat", "loss", "R", "C", "w", "n", "i", "penalty"]
    return fixed + [f"{letter}{number}" for letter in "WbzhZH" for number in range(1, net.depth + 1)]


def _title(net: Network) -> str:
    functions = [str(layer.function) for layer in net.layers]
    return f"# Network {'-'.join(map(str, net.sizes))}: {', '.join([*functions, str(net.loss)])}"


def _declarations(net: Network, form: Form, letters: _Letters, target: str) -> list[str]:
    n = "" if form == "example" else "n, "
    data = [f"{letters.x}: R[{n}{net.sizes[0]}]", f"{letters.y}: {KINDS[target].type}[{n}{net.sizes[-1]}]"]
    if form == "weighted":
        data.append("w: R[n]")
    lines = [f"data        {'; '.join(data)}"]
    for layer in net.layers:
        blocks = [f"{layer.weights}: R[{layer.outputs}, {layer.inputs}]"]
        if layer.bias:
            blocks.append(f"{layer.biases}: R[{layer.outputs}]")
        lines.append(f"parameters  {'; '.join(blocks)}")
    return lines


def _layers(net: Network, letters: _Letters, functions: _Functions) -> list[str]:
    lines, h = [], letters.x
    for layer in net.layers:
        is_last = layer.number == net.depth
        z = letters.f if is_last else f"{letters.z}{layer.number}"
        product = f"{h} @ {layer.weights}.T" if letters.row else f"{layer.weights} @ {h}"
        lines.append(f"{z} = {product} + {layer.biases}" if layer.bias else f"{z} = {product}")
        h = letters.yhat if is_last else f"{letters.h}{layer.number}"
        formula = (
            output_formula(net.output) if is_last else activation_formula(net.activation[layer.number - 1])
        )
        lines.append(f"{h} = {functions.expression(formula).format(t=z, f=z, rows=letters.axis)}")
    return lines


def _loss(formula: Formula, letters: _Letters, functions: _Functions) -> str:
    row = letters.row
    places = {"y": letters.y + row, "yhat": letters.yhat + row, "f": letters.f + row}
    return f"loss{row} = {functions.expression(formula).format(**places)}"


def _objective(net: Network, form: Form, functions: _Functions) -> list[str]:
    data = _data_term(net, form)
    if net.penalty is None:
        return [f"C = {data}"]
    functions.lines.append(f"penalty(w) = {penalty_formula(net.penalty).expression.format(w='w')}")
    blocks = net.parameters.names
    penalized = [name for name in blocks if net.penalty.biases or name.startswith("W")]
    penalty = " + ".join(f"penalty({name})" for name in penalized)
    # Over all examples it is counted once as it stands; beside one of them it is, where it is named.
    return [f"R = {penalty}", f"C = {data} + R"] if form == "example" else [f"C = {data} + {penalty}"]


def _data_term(net: Network, form: Form) -> str:
    match form, net.reduction:
        case "example", _:
            return "loss"
        case "batch", reduction:
            return f"{reduction}(loss[i] for i in n)"
        case _, "mean":
            return "sum(w[i] * loss[i] for i in n) / sum(w)"
    return "sum(w[i] * loss[i] for i in n)"
