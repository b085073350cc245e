"""``chainrule fit``: train a sheet of equations on a table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click
import numpy as np

from chainrule.checking import CheckReport
from chainrule.cli.bindings import Bindings, bind
from chainrule.cli.console import Console
from chainrule.cli.methods import make_method, method_options
from chainrule.cli.options import (
    NewFile,
    decimal_option,
    json_option,
    pairs,
    penalty_option,
    quiet_option,
    reduction_option,
    report_option,
    seed_option,
    size_option,
)
from chainrule.cli.record import training_record
from chainrule.cli.sheet_file import check_penalty, known_names, objective_of, read_sheet
from chainrule.cli.sheet_scores import score_sheet
from chainrule.cli.verdicts import ROWS, check_or_refuse, refuse_diverged
from chainrule.cli.worked import WorkedCommand
from chainrule.data import Table, read_table, split_rows
from chainrule.equations import Derivation, Equations
from chainrule.errors import OptionError
from chainrule.optimize import Method, Result
from chainrule.persistence import Model, SheetModel, save
from chainrule.reports import (
    Figure,
    Report,
    Scores,
    Section,
    gradient_section,
    model_section,
    score_figures,
    scores_section,
    training_section,
    verdict_section,
    write_report,
)
from chainrule.training import draw_parameters, fit

__all__ = ["command"]


@dataclass(frozen=True, eq=False)
class Job:
    """A sheet, what is minimised in it, and its rows."""

    equations: Equations
    of: str
    reduction: Literal["mean", "sum"]
    penalty: str | None
    bindings: Bindings
    sizes: dict[str, int]
    training: Table
    held_out: Table | None

    @property
    def minimized(self) -> list[str]:
        """The lines of the sheet that are minimised together."""
        return [self.of] if self.penalty is None else [self.of, self.penalty]

    def arguments(self, table: Table) -> dict[str, Any]:
        """What `Equations.objective` takes beside the name."""
        how = {"reduction": self.reduction, "penalty": self.penalty}
        return {"data": self.bindings.data(table), "sizes": self.sizes, **how}


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of a job."""

    result: Result
    held_out_loss: float | None
    scores: Scores | None


@dataclass(frozen=True)
class Settings:
    """The options of the command."""

    sheet: str
    data: str
    given: tuple[tuple[str, str], ...]
    minimize: str | None
    reduction: Literal["mean", "sum"]
    penalty: str | None
    sizes: dict[str, int]
    standardize: tuple[str, ...]
    held_out: float
    predictions: tuple[tuple[str, str], ...]
    method: str
    learning_rate: float | None
    batch_size: int | None
    epochs: int
    seed: int
    out: Path | None
    report: Path | None
    decimal: str
    as_json: bool
    quiet: bool


@click.command(
    "fit",
    cls=WorkedCommand,
    examples=(
        'chainrule fit model.eqs --data digits --bind "x=pixel*" --bind y=label --size M=32 --standardize x',
        "chainrule fit line.eqs --data houses.csv --bind x=area,rooms --bind y=price --optimizer lbfgs",
        "chainrule fit ridge.eqs --data houses.csv --bind x=area --bind y=price --minimize L --penalty R",
        "chainrule fit model.eqs --data iris.csv --bind y=species --size M=8 --predict f=y --report fit.html",
    ),
)
@click.argument("sheet")
@click.option("--data", required=True, metavar="TABLE", help="CSV, npz, - or a bundled set such as digits.")
@click.option(
    "--bind", "given", multiple=True, callback=pairs, metavar="x=COLUMNS",
    help="Columns or globs, separated by commas, or a number; a column of the same name needs no binding.",
)  # fmt: skip
@click.option("--minimize", metavar="NAME", help="What to minimise; by default the sheet's objective.")
@reduction_option
@penalty_option
@size_option
@click.option("--standardize", multiple=True, metavar="x", help="Shift to mean 0, scale to variance 1.")
@click.option(
    "--held-out", type=click.FloatRange(0, 1, max_open=True), default=0.25, show_default=True,
    help="Share of the rows that training never sees.",
)  # fmt: skip
@click.option(
    "--predict", "predictions", multiple=True, callback=pairs, metavar="f=y",
    help="Score f as a prediction of y on the held-out rows.",
)  # fmt: skip
@method_options("optimizer")
@seed_option
@click.option("--out", type=NewFile(), metavar="FILE", help="Save sheet and parameters.")
@report_option
@decimal_option
@json_option
@quiet_option
def command(**options: Any) -> None:
    """Train a sheet of equations on a table: its names are bound to columns, its parameters are moved.

    Matrices start normal with variance 1 / last size, vectors and scalars at zero.
    """
    run(Settings(**options))


def run(settings: Settings) -> None:
    """Bind, check, train, score, save."""
    console = Console(settings.as_json, settings.quiet)
    equations = read_sheet(settings.sheet)
    of = objective_of(equations, settings.minimize, "--minimize", penalty=settings.penalty)
    if equations.shape_of(of):
        raise OptionError(f"--minimize {of}: it has shape {equations.shape_of(of)}; expected a scalar.")
    check_penalty(equations, of, settings.penalty)
    job = _job(console, equations, of, read_table(settings.data, decimal=settings.decimal), settings)
    pair = _prediction(job, settings.predictions)
    method = make_method(settings.method, settings.learning_rate, settings.batch_size, len(job.training))
    _show(console, job)
    certificate = _check(console, job, settings.seed)
    outcome = _train(console, job, method, settings, pair)
    _show_outcome(console, job, outcome)
    record = training_record(outcome.result, method, settings.seed, **_figures(job, outcome))
    if settings.out:
        save(settings.out, _model(job, outcome.result, record, certificate))
        console.say(f"saved {settings.out}")
    if settings.report:
        write_report(settings.report, _page(job, outcome, certificate, settings.sheet))
        console.say(f"wrote {settings.report}")
    console.finish({**record, "gradient": certificate.to_dict() if certificate is not None else None})


def _job(console: Console, equations: Equations, of: str, table: Table, settings: Settings) -> Job:
    for name in settings.sizes:
        if name not in equations.sizes:
            raise OptionError(f"--size {name}: the sheet has sizes {', '.join(equations.sizes) or 'none'}.")
    minimized = [of] if settings.penalty is None else [of, settings.penalty]
    first = bind(equations, minimized, settings.given, table, table)
    share = settings.held_out
    if first.is_whole and share:
        console.say("the sheet's formula covers all rows at once, so none is held out")
    training, held_out = table, None
    if share and not first.is_whole:
        strata = None if first.labels is None else first.labels.values(table)
        rows, held = split_rows(len(table), test=share, seed=settings.seed, stratify=strata)
        training, held_out = table.take(rows), table.take(held)
    bindings = bind(equations, minimized, settings.given, table, training, settings.standardize)
    sizes, how = {**bindings.sizes, **settings.sizes}, (settings.reduction, settings.penalty)
    return Job(equations, of, *how, bindings, sizes, training, held_out)


def _refuse_open_sizes(job: Job) -> None:
    equations = job.equations
    known = {size for one in job.bindings.columns for size in equations.shape_of(one.name)} | set(job.sizes)
    needed = equations.program.ancestors(job.minimized)
    for name in (name for name in equations.parameters if name in needed):
        axes = equations.shape_of(name)
        if missing := [size for size in axes if size in equations.sizes and size not in known]:
            declared = f"{name} is R[{', '.join(map(str, axes))}]"
            raise OptionError(
                f"--size {missing[0]}=...: {declared}, and the table does not show {missing[0]}."
            )


def _prediction(job: Job, predictions: tuple[tuple[str, str], ...]) -> tuple[str, str] | None:
    if not predictions:
        return None
    if len(predictions) > 1:
        raise OptionError("--predict is given twice; one prediction is scored.")
    name, target = predictions[0]
    known_names(job.equations, [name, target], "--predict")
    if target not in [one.name for one in job.bindings.columns]:
        raise OptionError(f"--predict {name}={target}: {target} is not bound to a column.")
    if job.held_out is None:
        raise OptionError("--predict scores held-out rows, and none is held out.")
    return name, target


def _show(console: Console, job: Job) -> None:
    console.heading("The sheet")
    console.block(job.equations.text)
    console.heading(f"Bound to {job.training.source}")
    console.block(str(job.bindings))


def _check(console: Console, job: Job, seed: int) -> CheckReport | None:
    rows = len(job.training) if job.bindings.is_whole else min(ROWS, len(job.training))
    few = job.arguments(job.training.take(np.arange(rows)))
    _refuse_open_sizes(job)
    objective = job.equations.objective(job.of, **few)
    start = draw_parameters(objective.parameters, np.random.default_rng(seed))
    return check_or_refuse(console, objective, start, seed)


def _train(
    console: Console, job: Job, method: Method, settings: Settings, pair: tuple[str, str] | None
) -> Outcome:
    held_out = None if job.held_out is None else job.bindings.data(job.held_out)
    result = fit(
        job.equations,
        of=job.of,
        **job.arguments(job.training),
        method=method,
        epochs=settings.epochs,
        seed=settings.seed,
        validation=held_out,
        progress=console.progress,
    )
    start = draw_parameters(result.spec, np.random.default_rng(settings.seed))
    objective = job.equations.objective(job.of, **job.arguments(job.training))
    refuse_diverged(console, result, settings.epochs, objective, start)
    if job.held_out is None:
        return Outcome(result, None, None)
    objective = job.equations.objective(job.of, **job.arguments(job.held_out))
    loss = float(objective.value(result.parameters.vector))
    if pair is None:
        return Outcome(result, loss, None)
    rows = (job.training, job.held_out)
    return Outcome(result, loss, score_sheet(job.equations, *pair, result.parameters, job.bindings, *rows))


def _figures(job: Job, outcome: Outcome) -> dict[str, Any]:
    loss, scores = outcome.held_out_loss, outcome.scores
    return {
        "data": job.training.source,
        "rows": len(job.training),
        "minimized": job.of,
        **({"reduction": "sum"} if job.reduction == "sum" else {}),
        **({"penalty": job.penalty} if job.penalty else {}),
        "parameters": {name: list(shape) for name, shape in outcome.result.spec.shapes},
        "held_out_rows": len(job.held_out) if job.held_out is not None else 0,
        "held_out_loss": loss if loss is not None and np.isfinite(loss) else None,
        "scores": scores.to_dict() if scores else None,
    }


def _show_outcome(console: Console, job: Job, outcome: Outcome) -> None:
    result = outcome.result
    lines = [result.stopped, f"loss on {len(job.training)} rows: {result.history.loss[-1]:.6g}"]
    if job.held_out is not None:
        lines.append(f"loss on {len(job.held_out)} held-out rows: {outcome.held_out_loss:.6g}")
    lines += [f"{name}: {_shape(shape)}" for name, shape in result.spec.shapes]
    lines += result.remarks
    console.heading("Training")
    console.block("\n".join(lines))
    if outcome.scores:
        console.heading("Held-out scores")
        console.block(str(outcome.scores))


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a number"


def _model(job: Job, result: Result, record: dict[str, Any], certificate: CheckReport | None) -> Model:
    columns = {one.name: one.columns for one in job.bindings.columns}
    definition = SheetModel(job.equations.text, job.of, job.sizes, columns, job.reduction, job.penalty)
    encodings = {
        one.name: {
            "classes": list(one.encoder.classes) if one.encoder else None,
            "center": one.center.tolist(),
            "scale": one.scale.tolist(),
        }
        for one in job.bindings.columns
    }
    facts = {**record, "encodings": encodings, "numbers": dict(job.bindings.numbers)}
    return Model(
        definition, result.parameters, None, facts, certificate.to_dict() if certificate is not None else None
    )


def _page(job: Job, outcome: Outcome, certificate: CheckReport | None, sheet: str) -> Report:
    result, scores = outcome.result, outcome.scores
    figures = [Figure("Training loss", f"{result.history.loss[-1]:.4g}", f"{len(job.training)} rows")]
    if job.held_out is not None:
        figures.append(Figure("Held-out loss", f"{outcome.held_out_loss:.4g}", f"{len(job.held_out)} rows"))
    if scores:
        figures += score_figures(scores)
    sections: list[Section] = [
        model_section(job.equations.text, str(job.bindings)),
        gradient_section(_derivation(job)),
    ]
    if certificate is not None:
        verdicts = (("Block by block", certificate),)
        sections.append(verdict_section(verdicts, "The code that trained was checked on a few rows."))
    sections.append(training_section(result.history, result.stopped))
    sections += [scores_section(scores)] if scores else []
    name = "A sheet" if sheet == "-" else Path(sheet).name
    title = f"{name} on {Path(job.training.source).name}"
    minimized = " + ".join(job.minimized)
    return Report(title, f"{minimized} is minimised.", tuple(figures), tuple(sections))


def _derivation(job: Job) -> Derivation:
    """Of one example; with a penalty, or as a sum, over all of them."""
    plain = job.penalty is None and job.reduction == "mean"
    form: Literal["batch"] | None = None if plain or job.bindings.is_whole else "batch"
    return job.equations.derive(job.of, form=form, reduction=job.reduction, penalty=job.penalty)
