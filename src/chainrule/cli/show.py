"""``chainrule show``: what a trained model is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from chainrule.catalogue import network_equations
from chainrule.cli.console import Console
from chainrule.cli.options import json_option
from chainrule.cli.worked import WorkedCommand
from chainrule.equations import Derivation, Equations
from chainrule.errors import NoRuleError, OptionError, shortened
from chainrule.network import Network
from chainrule.numerals import numeral
from chainrule.persistence import Model, SheetModel, load, network_to_dict

LINES = 400
"""Of the layers, columns and records of a model; a file may hold a million."""


@click.command(
    "show",
    cls=WorkedCommand,
    examples=("chainrule show houses.model", "chainrule show houses.model --json | jq .record.scores"),
)
@click.argument("model")
@json_option
def command(model: str, as_json: bool) -> None:
    """Print a trained model: equations, gradient, layers, columns, training record, certificate."""
    console, trained = Console(as_json), load(model)
    definition = trained.definition
    equations = _equations(definition)
    if equations is not None:
        console.heading("Equations")
        console.block(equations.text)
        console.heading("Gradient, derived")
        console.block(str(_derivation(definition, equations)))
    console.heading("Parameters")
    console.block(
        _in_short(repr(definition) if isinstance(definition, Network) else repr(trained.parameters))
    )
    if inputs := _inputs(trained):
        console.heading("Inputs")
        console.block(_in_short(inputs))
    console.heading("Training")
    console.block(_in_short(_record(trained.record)))
    console.heading("Certificate of the gradient")
    console.block(_in_short(_certificate(trained.certificate)))
    console.finish(_plain(trained, equations))


def _equations(definition: Network | SheetModel) -> Equations | None:
    """The equations, if the network has no functions of the user's own."""
    if isinstance(definition, SheetModel):
        return definition.equations()
    try:
        return network_equations(definition)
    except (NoRuleError, OptionError):
        return None


def _derivation(definition: Network | SheetModel, equations: Equations) -> Derivation:
    """The gradient of what was minimised; of one example where no penalty stands beside all of them."""
    if isinstance(definition, Network):
        return equations.derive("C")
    if definition.penalty is None:
        return equations.derive(definition.of)
    reduction: Any = definition.reduction
    form: Any = "batch" if equations.program.named("data") else None
    return equations.derive(definition.of, form=form, reduction=reduction, penalty=definition.penalty)


def _inputs(model: Model) -> str:
    if isinstance(model.definition, SheetModel):
        bindings = model.definition.bindings.items()
        return "\n".join(f"{name} = {_abridged(columns)}" for name, columns in bindings)
    if model.preprocessor is None:
        return ""
    target = model.preprocessor.target
    lines = [_abridged(model.preprocessor.outputs)]
    lines += [f"target {target.name}"] if target else []
    lines += [f"classes {_abridged(model.preprocessor.classes)}"] if model.preprocessor.classes else []
    return "\n".join(lines)


def _abridged(names: Any) -> str:
    texts = [str(name) for name in names]
    if len(texts) <= 12:
        return ", ".join(texts)
    return f"{', '.join(texts[:5])}, ..., {texts[-1]} ({len(texts)} in all)"


def _in_short(text: str) -> str:
    """What a file says, its long names and its hundreds of lines in short."""
    lines = text.splitlines()
    more = [f"... and {len(lines) - LINES:,} lines more, which --json has"] if len(lines) > LINES else []
    return "\n".join([*map(shortened, lines[:LINES]), *more])


def _record(record: Mapping[str, Any]) -> str:
    lines = [(name.replace("_", " "), text) for name, text in _facts(record)]
    width = max((len(name) for name, _ in lines), default=0)
    return "\n".join(f"{name:<{width}}  {text}" for name, text in lines) or "nothing was recorded"


def _facts(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a record says, in words; what is left out is in the output of --json."""
    for name, value in record.items():
        if name in ("history", "encodings", "parameters", "confusion") or value is None:
            continue
        if isinstance(value, Mapping):
            # The rows that were scored are the record's held_out_rows.
            inner = {key: one for key, one in value.items() if key != "rows"}
            yield from [(name, _score(value))] if _is_score(value) else _facts(inner)
        elif isinstance(value, list):
            yield from ((name, str(one)) for one in value)
        else:
            yield ("time", f"{_number(value, 2)} s") if name == "seconds" else (name, _said(value))


def _is_score(value: Mapping[str, Any]) -> bool:
    return {"held_out", "baseline"} <= set(value)


def _score(value: Mapping[str, Any]) -> str:
    beside = [f"{name} {_number(one)}" for name, one in value.items() if name != "held_out"]
    return f"{_number(value['held_out'])} ({', '.join(beside)})"


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _number(value) if isinstance(value, int | float) else str(value)


def _number(value: Any, digits: int = 4) -> str:
    """A number of a file, whatever stands there."""
    try:
        return numeral(float(value), digits) if isinstance(value, int | float) else "undefined"
    except OverflowError:
        return "undefined"


def _certificate(certificate: Any) -> str:
    """What a file says about its gradient, which may be anything that was saved there."""
    if certificate is None:
        return "none: the gradient was not checked"
    try:
        blocks = [(one["name"], one["status"], one["relative_error"]) for one in certificate["blocks"]]
        method = certificate["method"] or "nothing"
    except (KeyError, TypeError):
        return "not that of a check of chainrule, so it says nothing"
    errors = [_power(error) for _, _, error in blocks]
    lines = [
        f"{name}: {status}" + (f", relative error {error}" if error else "")
        for (name, status, _), error in zip(blocks, errors, strict=True)
    ]
    return "\n".join([*lines, f"judged by {method}"])


def _power(error: Any) -> str:
    return f"{error:.0e}" if isinstance(error, float) else ""


def _plain(model: Model, equations: Equations | None) -> dict[str, Any]:
    definition = model.definition
    return {
        "kind": model.kind,
        "equations": equations.text if equations else None,
        "network": network_to_dict(definition) if isinstance(definition, Network) else None,
        "parameters": {name: list(shape) for name, shape in model.parameters.spec.shapes},
        "inputs": list(model.preprocessor.outputs) if model.preprocessor else None,
        "record": dict(model.record),
        "certificate": model.certificate or None,
    }
