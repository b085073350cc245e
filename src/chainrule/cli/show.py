"""``chainrule show``: what a trained model is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from chainrule.catalogue import network_equations
from chainrule.cli.columns import abridged, described
from chainrule.cli.console import Console
from chainrule.cli.options import json_option
from chainrule.cli.words import network_in_words, spoken
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
        _in_short(
            network_in_words(definition) if isinstance(definition, Network) else repr(trained.parameters)
        )
    )
    if inputs := _inputs(trained):
        console.heading("Inputs")
        console.block(_in_short(inputs))
    if target := _target(trained):
        console.heading("Target")
        console.block(_in_short(target))
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
        return "\n".join(f"{name} = {abridged(columns)}" for name, columns in bindings)
    return "" if model.preprocessor is None else described(model.preprocessor)


def _target(model: Model) -> str:
    """What is predicted."""
    target = None if model.preprocessor is None else model.preprocessor.target
    if target is None:
        return ""
    classes = model.preprocessor.classes if model.preprocessor is not None else ()
    return "\n".join([target.name, *([f"classes {abridged(classes)}"] if classes else [])])


def _in_short(text: str) -> str:
    """What a file says, its long names and its hundreds of lines in short."""
    lines = text.splitlines()
    more = [f"... and {len(lines) - LINES:,} lines more, which --json has"] if len(lines) > LINES else []
    return "\n".join([*map(shortened, lines[:LINES]), *more])


def _record(record: Mapping[str, Any]) -> str:
    lines = [(name.replace("_", " "), text) for name, text in _facts(record)]
    width = max((len(name) for name, _ in lines), default=0)
    return "\n".join(f"{name:<{width}}  {text}" for name, text in lines) or "nothing was recorded"


def _facts(record: Mapping[str, Any], of: str = "") -> Iterator[tuple[str, str]]:
    """What a record says, in words; what is left out is in the output of --json."""
    for key, value in record.items():
        if key in ("history", "encodings", "parameters", "confusion") or value is None:
            continue
        name = f"{key}{of}"
        if isinstance(value, Mapping):
            yield from [(name, _score(value))] if _is_score(value) else _within(key, value)
        elif isinstance(value, list):
            yield from ((name, str(one)) for one in value)
        elif key == "method":
            yield name, spoken(str(value))
        else:
            yield ("time", f"{_number(value, 2)} s") if key == "seconds" else (name, _said(value))


def _within(key: str, value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The scores, or those of each target; the rows that were scored are the record's held_out_rows."""
    for name, one in value.items() if key == "targets" else [("", value)]:
        if isinstance(one, Mapping):
            inner = {part: text for part, text in one.items() if part != "rows"}
            yield from _facts(inner, f" of {name}" if name else "")


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
    return numeral(error, 1) if isinstance(error, float) else ""


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
