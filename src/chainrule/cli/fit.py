"""``chainrule fit``: train a sheet of equations on a table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import click
import numpy as np

from chainrule.checking import CheckReport
from chainrule.cli.bindings import Bindings, bind
from chainrule.cli.console import Console
from chainrule.cli.methods import method_options
from chainrule.cli.options import (
    NewFile,
    json_option,
    pairs,
    penalty_option,
    quiet_option,
    reduction_option,
    report_option,
    seed_option,
    size_option,
)
from chainrule.cli.running import RunSettings, run, verdict_sections
from chainrule.cli.sheet_file import check_penalty, known_names, objective_of, read_sheet
from chainrule.cli.sheet_scores import require_prediction, score_sheet
from chainrule.cli.table_options import given_reading, table_options
from chainrule.cli.worked import WorkedCommand
from chainrule.data import Table, read_table, split_rows
from chainrule.equations import Derivation, Equations
from chainrule.errors import OptionError
from chainrule.objective import Objective
from chainrule.optimize import Method, Result
from chainrule.parameters import Parameters
from chainrule.persistence import Model, SheetModel
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
)
from chainrule.training import best_start, draw_parameters
from chainrule.training import fit as train


@dataclass(frozen=True)
class Settings(RunSettings):
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
@click.option(
    "--data", required=True, metavar="TABLE", help="CSV, Parquet, npz, - or a bundled set such as digits."
)
@click.option(
    "--bind", "given", multiple=True, callback=pairs, metavar="x=COLUMNS",
    help="Columns or globs, separated by commas, or a number; a column of the same name needs no binding.",
)  # fmt: skip
@click.option("--minimize", metavar="NAME", help="What to minimise; by default the sheet's objective.")
@reduction_option
@penalty_option
@size_option
@click.option(
    "--standardize", multiple=True, metavar="x,z",
    help="Names whose columns are shifted to mean 0 and scaled to variance 1.",
)  # fmt: skip
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
@table_options
@json_option
@quiet_option
def command(**options: Any) -> None:
    """Train a sheet of equations on a table: its names are bound to columns, its parameters are moved.

    Matrices start normal with variance 1 / last size, vectors and scalars at zero.
    """
    settings = Settings(**options)
    run(settings.console, _job(settings), settings)


@dataclass(frozen=True, eq=False)
class Outcome:
    """The result, and what it is worth on the held-out rows."""

    result: Result
    held_out_loss: float | None
    scores: Scores | None


@dataclass(frozen=True, eq=False)
class SheetJob:
    """A sheet, what is minimised in it, and its rows."""

    equations: Equations
    sheet: str
    of: str
    reduction: Literal["mean", "sum"]
    penalty: str | None
    bindings: Bindings
    sizes: dict[str, int]
    training: Table
    held_out: Table | None
    prediction: tuple[str, str] | None

    @property
    def minimized(self) -> list[str]:
        """The lines of the sheet that are minimised together."""
        return [self.of] if self.penalty is None else [self.of, self.penalty]

    @property
    def rows(self) -> int:
        return len(self.training)

    @property
    def held_rows(self) -> int:
        return len(self.held_out) if self.held_out is not None else 0

    @property
    def scored(self) -> str:
        return f"{self.held_rows:,} held-out rows"

    def show(self, console: Console) -> None:
        console.heading("The sheet")
        console.block(self.equations.text)
        console.heading(f"Bound to {self.training.source}")
        console.block(str(self.bindings))

    def start(self, seed: int) -> Parameters:
        drawn = draw_parameters(self.objective(1).parameters, np.random.default_rng(seed))
        if self.prediction is not None and self.held_out is not None:
            require_prediction(self.equations, *self.prediction, drawn, self.bindings, self.held_out)
        return drawn

    def objective(self, rows: int | None = None) -> Objective:
        table = self.training
        if rows is not None and rows < self.rows and not self.bindings.is_whole:
            table = table.take(np.arange(rows))
        given = self._over(table)
        _refuse_open_sizes(self)
        return self.equations.objective(self.of, **given)

    def train(self, method: Method, settings: RunSettings) -> Result:
        objective = self.objective()

        def loss(result: Result) -> float:
            with np.errstate(all="ignore"):
                return float(objective.value(result.best.theta))

        def run_from(seed: int) -> Result:
            return self._fit(method, replace(settings, seed=seed))

        # Held-out rows have no say: they are to tell how good the best one is.
        return best_start(run_from, settings.seed, settings.restarts, loss, "loss")[1]

    def _fit(self, method: Method, settings: RunSettings) -> Result:
        return train(
            self.equations,
            of=self.of,
            **self._over(self.training),
            validation=None if self.held_out is None else self.bindings.data(self.held_out),
            method=method,
            epochs=settings.epochs,
            seed=settings.seed,
            progress=settings.console.progress,
        )

    def _over(self, table: Table) -> dict[str, Any]:
        """What `Equations.objective` takes beside the name."""
        how = {"reduction": self.reduction, "penalty": self.penalty}
        return {"data": self.bindings.data(table), "sizes": self.sizes, **how}

    def outcome(self, result: Result, settings: RunSettings) -> Outcome:
        if self.held_out is None:
            return Outcome(result, None, None)
        objective = self.equations.objective(self.of, **self._over(self.held_out))
        loss = float(objective.value(result.parameters.vector))
        if self.prediction is None:
            return Outcome(result, loss, None)
        rows = (self.training, self.held_out)
        scores = score_sheet(self.equations, *self.prediction, result.parameters, self.bindings, *rows)
        return Outcome(result, loss, scores)

    def lines(self, outcome: Outcome) -> list[str]:
        result = outcome.result
        lines = [f"loss on {self.rows} rows: {result.history.loss[-1]:.6g}"]
        if self.held_out is not None:
            lines.append(f"loss on {self.held_rows} held-out rows: {outcome.held_out_loss:.6g}")
        return [*lines, *(f"{name}: {_shape(shape)}" for name, shape in result.spec.shapes), *result.remarks]

    def remarks(self, outcome: Outcome) -> list[str]:
        return outcome.scores.remarks if outcome.scores else []

    def facts(self, outcome: Outcome) -> dict[str, Any]:
        loss = outcome.held_out_loss
        return {
            "data": self.training.source,
            "rows": self.rows,
            "minimized": self.of,
            **({"reduction": "sum"} if self.reduction == "sum" else {}),
            **({"penalty": self.penalty} if self.penalty else {}),
            "parameters": {name: list(shape) for name, shape in outcome.result.spec.shapes},
            "held_out_rows": self.held_rows,
            "held_out_loss": loss if loss is not None and np.isfinite(loss) else None,
            "scores": outcome.scores.to_dict() if outcome.scores else None,
        }

    def model(self, outcome: Outcome, record: dict[str, Any], certificate: dict[str, Any] | None) -> Model:
        bound = self.bindings.columns
        columns = {one.name: one.columns for one in bound}
        text, how = self.equations.text, (self.reduction, self.penalty)
        definition = SheetModel(text, self.of, self.sizes, columns, *how)
        encodings = {
            one.name: {
                "classes": list(one.encoder.classes) if one.encoder else None,
                "center": one.center.tolist(),
                "scale": one.scale.tolist(),
            }
            for one in bound
        }
        facts = {**record, "encodings": encodings, "numbers": dict(self.bindings.numbers)}
        return Model(definition, outcome.result.parameters, None, facts, certificate)

    def page(self, outcome: Outcome, certificate: CheckReport | None) -> Report:
        result, scores = outcome.result, outcome.scores
        figures = [Figure("Training loss", f"{result.history.loss[-1]:.4g}", f"{self.rows} rows")]
        if self.held_out is not None:
            figures.append(Figure("Held-out loss", f"{outcome.held_out_loss:.4g}", f"{self.held_rows} rows"))
        sections: list[Section] = [
            model_section(self.equations.text, str(self.bindings)),
            gradient_section(self._derivation()),
            *verdict_sections(certificate),
            training_section(result.history, result.stopped),
        ]
        if scores:
            figures += score_figures(scores)
            sections.append(scores_section(scores))
        name = "A sheet" if self.sheet == "-" else Path(self.sheet).name
        title = f"{name} on {Path(self.training.source).name}"
        minimized = " + ".join(self.minimized)
        return Report(title, f"{minimized} is minimised.", tuple(figures), tuple(sections))

    def _derivation(self) -> Derivation:
        """Of one example; with a penalty, or as a sum, over all of them."""
        plain = self.penalty is None and self.reduction == "mean"
        form: Literal["batch"] | None = None if plain or self.bindings.is_whole else "batch"
        return self.equations.derive(self.of, form=form, reduction=self.reduction, penalty=self.penalty)


def _job(settings: Settings) -> SheetJob:
    equations = read_sheet(settings.sheet)
    of = objective_of(equations, settings.minimize, "--minimize", penalty=settings.penalty)
    if equations.shape_of(of):
        raise OptionError(f"--minimize {of}: it has shape {equations.shape_of(of)}; expected a scalar.")
    check_penalty(equations, of, settings.penalty)
    table = read_table(settings.data, **given_reading())
    for name in settings.sizes:
        if name not in equations.sizes:
            raise OptionError(f"--size {name}: the sheet has sizes {', '.join(equations.sizes) or 'none'}.")
    minimized = [of] if settings.penalty is None else [of, settings.penalty]
    first = bind(equations, minimized, settings.given, table, table)
    training, held_out = table, None
    if settings.held_out and first.is_whole:
        settings.console.say("the sheet's formula covers all rows at once, so none is held out")
    elif settings.held_out:
        strata = None if first.labels is None else first.labels.values(table)
        rows, held = split_rows(len(table), test=settings.held_out, seed=settings.seed, stratify=strata)
        training, held_out = table.take(rows), table.take(held)
    standardize = [name.strip() for given in settings.standardize for name in given.split(",")]
    bindings = bind(equations, minimized, settings.given, table, training, standardize)
    sizes, how = {**bindings.sizes, **settings.sizes}, (settings.reduction, settings.penalty)
    prediction = _prediction(equations, bindings, held_out, settings.predictions)
    return SheetJob(equations, settings.sheet, of, *how, bindings, sizes, training, held_out, prediction)


def _refuse_open_sizes(job: SheetJob) -> None:
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


def _prediction(
    equations: Equations,
    bindings: Bindings,
    held_out: Table | None,
    predictions: tuple[tuple[str, str], ...],
) -> tuple[str, str] | None:
    if not predictions:
        return None
    if len(predictions) > 1:
        raise OptionError("--predict is given twice; one prediction is scored.")
    name, target = predictions[0]
    known_names(equations, [name, target], "--predict")
    if target not in [one.name for one in bindings.columns]:
        raise OptionError(f"--predict {name}={target}: {target} is not bound to a column.")
    if held_out is None:
        raise OptionError("--predict scores held-out rows, and none is held out.")
    return name, target


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a number"
