"""``chainrule demo``: from equations to a trained model, on handwritten digits."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from chainrule.catalogue.sheets import sheet as read_catalogue
from chainrule.checking import CheckReport
from chainrule.cli.console import Console
from chainrule.cli.digits import CLASSES, Contender, Digits, agreement, check_contender, layered, written
from chainrule.cli.main import REFUSED
from chainrule.cli.options import NewFile, json_option, quiet_option, seed_option
from chainrule.cli.worked import WorkedCommand
from chainrule.diagnosis import VerifyReport, verify
from chainrule.equations import Derivation
from chainrule.optimize import Result
from chainrule.reports import (
    ClassificationScores,
    Figure,
    Report,
    class_examples,
    examples_section,
    gradient_section,
    model_section,
    scores_section,
    training_section,
    verdict_section,
    write_report,
)


@dataclass(frozen=True)
class Proof:
    """What speaks for the gradient: the derivation verified, and the code that will run checked."""

    derivation: VerifyReport
    gradient: CheckReport
    agreement: float

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return self.derivation.ok and self.gradient.ok and self.agreement < 1e-12


@dataclass(frozen=True)
class Run:
    """Training on one split."""

    digits: Digits
    result: Result
    scores: ClassificationScores
    seconds: float


@click.command(
    "demo",
    cls=WorkedCommand,
    examples=(
        "chainrule demo",
        "chainrule demo --splits 5 --json",
        "chainrule demo --sheet --report sheet.html",
    ),
)
@click.option("--splits", type=click.IntRange(1, 100), default=1, show_default=True, help="Held-out splits.")
@click.option("--sheet", is_flag=True, help="Train the compiled sheet instead of the layered network.")
@click.option(
    "--epochs", type=click.IntRange(min=1), default=30, show_default=True, help="Passes over the rows."
)
@click.option(
    "--report", type=NewFile(), default="report.html", show_default=True, help="Where the page goes."
)
@seed_option
@json_option
@quiet_option
@click.pass_context
def command(
    ctx: click.Context,
    splits: int,
    sheet: bool,
    epochs: int,
    report: Path,
    seed: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Derive a gradient, prove it, train the network on 1,797 handwritten digits, write a report."""
    console, began = Console(as_json, quiet), time.perf_counter()
    equations = read_catalogue("one_hidden_layer")
    derivation = equations.derive("L")
    contender = written() if sheet else layered()
    _show_model(console, equations.text, derivation)
    digits = Digits.split(seed)
    proof = Proof(verify(equations, "L"), check_contender(contender, digits, seed), agreement(digits, seed))
    _show_proof(console, proof)
    console.heading(f"Training on {len(digits.y):,} digits, {len(digits.y_held)} held out")
    console.block(contender.description)
    runs = [_run(console, contender, epochs, seed + split) for split in range(splits)]
    _show_runs(console, runs)
    write_report(report, _page(equations.text, derivation, contender, proof, runs))
    console.say(f"wrote {report}")
    seconds = time.perf_counter() - began
    console.finish(_figures(proof, runs, epochs, "sheet" if sheet else "network", str(report), seconds))
    ctx.exit(0 if proof.ok else REFUSED)


def _run(console: Console, contender: Contender, epochs: int, seed: int) -> Run:
    digits = Digits.split(seed)
    began = time.perf_counter()
    result = contender.train(digits, epochs, seed, console.progress)
    seconds = time.perf_counter() - began
    held = contender.probabilities(result.parameters, digits.X_held)
    scores = ClassificationScores.of(range(CLASSES), digits.y_held, held, digits.y)
    console.say(f"split {seed}: held-out accuracy {scores.accuracy:.4f} after {seconds:.2f} s of training")
    return Run(digits, result, scores, seconds)


def _show_model(console: Console, text: str, derivation: Derivation) -> None:
    console.heading("The model")
    console.block(text)
    console.heading("Its gradient, derived")
    console.block(str(derivation))


def _show_proof(console: Console, proof: Proof) -> None:
    console.heading("Is the derivation right?")
    console.block(str(proof.derivation))
    console.heading("Is the code right that will train?")
    two = f"network and derived equations differ by {proof.agreement:.0e} of the largest entry"
    console.block(f"{proof.gradient}\n{two}")


def _show_runs(console: Console, runs: list[Run]) -> None:
    console.heading("Held-out scores" if len(runs) == 1 else f"Held-out scores, first of {len(runs)} splits")
    console.block(str(runs[0].scores))
    if len(runs) > 1:
        accuracies = [run.scores.accuracy for run in runs]
        console.show(f"mean accuracy of {len(runs)} splits: {np.mean(accuracies):.4f}")


def _page(text: str, derivation: Derivation, contender: Contender, proof: Proof, runs: list[Run]) -> Report:
    first = runs[0]
    accuracies = [run.scores.accuracy for run in runs]
    accuracy, balanced, _, log_loss, _ = first.scores.table
    several = f"mean of {len(runs)} splits" if len(runs) > 1 else f"baseline {accuracy.baseline:.1%}"
    figures = (
        Figure("Held-out accuracy", f"{np.mean(accuracies):.1%}", several),
        Figure("Balanced accuracy", f"{balanced.model:.1%}", f"baseline {balanced.baseline:.1%}"),
        Figure("Log loss", f"{log_loss.model:.3f}", f"nats; baseline {log_loss.baseline:.2f}"),
        Figure("Gradient", "✓ right" if proof.ok else "✗ wrong", "derived, printed, compiled, closed form"),
        Figure(
            "Training",
            f"{np.mean([run.seconds for run in runs]):.2g} s",
            f"{first.result.state.epoch} epochs",
        ),
    )
    sections = (
        model_section(text, contender.description),
        gradient_section(derivation),
        verdict_section(
            (("The derivation", proof.derivation), ("The code that trained", proof.gradient)),
            f"The layered network and the derived equations, two programs that share no code, differ by "
            f"{proof.agreement:.0e} of the largest entry.",
        ),
        training_section(first.result.history, first.result.stopped),
        scores_section(first.scores),
        examples_section(
            class_examples(first.scores, first.digits.pictures),
            "The mistakes the model is most sure of, then digits it reads correctly.",
        ),
    )
    lead = (
        f"One hidden layer, written as equations, derived, proved and trained on {len(first.digits.y):,} "
        f"of 1,797 handwritten digits."
    )
    return Report("Handwritten digits", lead, figures, sections)


def _figures(
    proof: Proof, runs: list[Run], epochs: int, model: str, report: str, seconds: float
) -> dict[str, Any]:
    return {
        "model": model,
        "epochs": epochs,
        "mean_accuracy": float(np.mean([run.scores.accuracy for run in runs])),
        "splits": [{"training_seconds": run.seconds, **run.scores.to_dict()} for run in runs],
        "gradient": {
            "ok": proof.ok,
            "derivation": proof.derivation.to_dict(),
            "code": proof.gradient.to_dict(),
            "agreement": proof.agreement,
        },
        "report": report,
        "seconds": seconds,
    }
