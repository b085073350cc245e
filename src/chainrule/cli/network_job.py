"""What ``train`` trains: a network on the rows of a table, with a linear model beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.checking import CheckReport
from chainrule.cli.console import Console
from chainrule.cli.heads import Head
from chainrule.cli.options import in_words_of_the_terminal
from chainrule.cli.running import RunSettings, verdict_sections
from chainrule.cli.train_rows import Rows
from chainrule.cli.words import network_in_words
from chainrule.data import Preprocessor, Table
from chainrule.network import Network
from chainrule.numerals import numeral
from chainrule.objective import Objective
from chainrule.optimize import Method, Result
from chainrule.parameters import Parameters
from chainrule.persistence import Model
from chainrule.reports import (
    ClassificationScores,
    Figure,
    FoldScores,
    Importance,
    Report,
    Scores,
    Section,
    class_examples,
    examples_section,
    gradient_section,
    importance_section,
    model_section,
    number_examples,
    permutation_importance,
    score_figures,
    scores_section,
    table_section,
    training_section,
)
from chainrule.training import (
    EarlyStopping,
    best_start,
    fit,
    fit_linear,
    is_beyond_chance,
    linear_network,
    linear_strength,
    start_at_linear,
    without_penalty,
)

Array = NDArray[Any]
SHOWN = 3
"""Inputs of an example, those that matter most."""
FAR = 2
"""A row that is so many times as far out as any training row can cost more than all others together."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """The result, and its scores on the held-out rows."""

    result: Result
    scores: Scores | FoldScores
    training_loss: float


def examples_of(scores: Scores, end: str, **options: Any) -> Section:
    """Rows that are missed, and others beside them."""
    if isinstance(scores, ClassificationScores):
        lead = f"The mistakes the model is most sure of, then rows it gets right, {end}"
        return examples_section(class_examples(scores, **options), lead)
    lead = f"The rows it misses most, then rows it misses as far as half of all, {end}"
    return examples_section(number_examples(scores, **options), lead)


@dataclass(frozen=True, eq=False)
class NetworkJob:
    """A network and the numbers of its table.

    Parameters
    ----------
    table : Table
    reason : str
        Why this is learned, in a sentence.
    preprocessor : Preprocessor
    head : Head
    network : Network
    training : Rows
        What is learned from.
    held_out : Rows or None
        What is scored, if rows are held out.
    aside : ndarray of int, or None
        Training rows that say when to stop; None runs all epochs on all of them.
    patience : int
        Epochs without improvement on those after which a run stops.
    notes : tuple of str
        What was done about rows and inputs, in sentences.
    row_id : str, optional
        The column that names the rows.
    beside : mapping of str to str
        What columns that are no inputs do, in words.
    """

    table: Table
    reason: str
    preprocessor: Preprocessor
    head: Head
    network: Network
    training: Rows
    held_out: Rows | None
    aside: Array | None
    patience: int
    notes: tuple[str, ...] = ()
    row_id: str | None = None
    beside: Mapping[str, str] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return len(self.training)

    @property
    def held_rows(self) -> int:
        return 0 if self.held_out is None else len(self.held_out)

    @property
    def scored(self) -> str:
        return f"{self.held_rows:,} held-out rows"

    def show(self, console: Console) -> None:
        console.heading("The table")
        # What is no input in any row stands in the table.
        left_out = [
            f"left out {name}: {why} among the rows for training"
            for name, why in self.preprocessor.left_out.items()
            if not self.table[name].left_out
        ]
        console.block(
            in_words_of_the_terminal("\n".join([str(self.table), *left_out, self.reason, *self.notes]))
        )
        console.heading("The network")
        console.block(network_in_words(self.network))

    def start(self, seed: int) -> Parameters:
        return self._start(self.training, seed)

    def _start(self, rows: Rows, seed: int) -> Parameters:
        """Drawn from the seed; where rows are set aside, the linear model if the units can carry it."""
        start = self.network.initialize(np.random.default_rng(seed))
        if self.aside is not None:
            linear = self.linear if rows is self.training else self._fit_linear(rows)
            start = start_at_linear(self.network, start, linear) or start
        # An input that is 0 in training, as that of other categories, has no gradient: its weight would stay
        # as drawn, and count for the first row that has it.
        start["W1"][:, ~rows.X.any(axis=0)] = 0.0
        return start

    @property
    def linear_network(self) -> Network:
        """The linear model of all training rows, which `linear` has the parameters of."""
        return linear_network(self.network, self.rows)

    @cached_property
    def linear(self) -> Parameters:
        return self._fit_linear(self.training)

    def _fit_linear(self, rows: Rows) -> Parameters:
        return fit_linear(self.network, rows.X, rows.y, rows.weight, self.strength)

    @cached_property
    def strength(self) -> float:
        """That of the linear model's penalty."""
        rows = self.training
        return linear_strength(self.network, rows.X, rows.y, rows.weight)

    def objective(self, rows: int | None = None) -> Objective:
        part = self.training if rows is None else self.training.take(np.arange(min(rows, self.rows)))
        return self.network.objective(part.X, part.y, part.weight)

    def train(self, method: Method, settings: RunSettings) -> Result:
        """Train; with rows set aside twice, the second time on all rows for as long as was best.

        The linear model is kept unless the best epoch is better by more than the standard error of the
        difference: of few rows set aside some epoch is always the best.
        """
        if self.aside is None:
            watched = None if self.held_out is None else (self.held_out.X, self.held_out.y)
            return self._best(self.training, self.objective(), method, settings, validation=watched)[1]
        judges = self.training.take(self.aside)
        fitting = self.training.take(np.setdiff1d(np.arange(self.rows), self.aside))
        judge = without_penalty(self.network).objective(judges.X, judges.y, judges.weight)
        stopping = EarlyStopping(self.patience)
        settings, found = self._best(
            fitting, judge, method, settings, validation=judge, early_stopping=stopping
        )
        if found.diverged:
            return found
        epochs = found.best.epoch if self._is_better(found.parameters, fitting, judges, settings.seed) else 0
        again = self._fit(self.training, method, replace(settings, epochs=epochs))
        return found if again.diverged else replace(found, best=again.best)

    def _best(
        self, rows: Rows, judge: Objective, method: Method, settings: RunSettings, **options: Any
    ) -> tuple[RunSettings, Result]:
        """Train from all starts; the best by a judge, with the settings that give it."""
        seed, result = best_start(
            lambda seed: self._fit(rows, method, replace(settings, seed=seed), **options),
            settings.seed,
            settings.restarts,
            lambda result: float(judge.value(result.best.theta)),
            "loss" if self.aside is None else "loss on rows set aside",
        )
        return replace(settings, seed=seed), result

    def _is_better(self, parameters: Parameters, fitting: Rows, judges: Rows, seed: int) -> bool:
        """Whether parameters beat the linear model that the run began at by more than chance."""
        drawn = self.network.initialize(np.random.default_rng(seed))
        if start_at_linear(self.network, drawn, self.linear) is None or len(judges) < 2:
            return True
        before, after = (
            self.network.losses(theta, judges.X, judges.y)
            for theta in (self._start(fitting, seed), parameters)
        )
        return is_beyond_chance(before - after, judges.weight)

    def _fit(self, rows: Rows, method: Method, settings: RunSettings, **options: Any) -> Result:
        return fit(
            self.network,
            data=(rows.X, rows.y),
            sample_weight=rows.weight,
            initial=self._initial(rows, settings.seed),
            method=method,
            epochs=settings.epochs,
            seed=settings.seed,
            progress=settings.console.progress,
            **options,
        )

    def _initial(self, rows: Rows, seed: int) -> Parameters | None:
        """Where a run begins; None draws from the seed all that it draws."""
        plain = self.aside is None and rows.X.any(axis=0).all()
        return None if plain else self._start(rows, seed)

    def outcome(self, result: Result, settings: RunSettings) -> Outcome:
        return self._outcome(result, self.scores(result))

    def _outcome(self, result: Result, scores: Scores | FoldScores) -> Outcome:
        return Outcome(result, scores, float(self.objective().value(result.parameters.vector)))

    def scores(self, result: Result) -> Scores:
        """The scores of a result, and of the linear model, on the held-out rows."""
        rows = self.held_out
        assert rows is not None
        predictions = self.network.predict(result.parameters, rows.X)
        beside = self.linear_network.predict(self.linear, rows.X)
        return self.head.scores(self.preprocessor, rows.y, predictions, self.training.y, beside)

    def lines(self, outcome: Outcome) -> list[str]:
        loss = f"The loss on {self.rows:,} training rows is {numeral(outcome.training_loss, 6)}."
        kept = [] if self.aside is None else [self._kept(outcome.result)]
        return [*outcome.result.remarks, *kept, *self._said_of_strength(), loss]

    def _said_of_strength(self) -> list[str]:
        """That rows are few, where that says how far the linear model is shrunk."""
        if self.strength == 1:
            return []
        penalty = f"the penalty of {self.strength:g} rows, which was best for five folds of them"
        return [f"Fewer than 10 training rows for each input: the linear model has {penalty}."]

    def _kept(self, result: Result) -> str:
        """Which epoch was kept, of how many, and why."""
        assert self.aside is not None
        epoch, last = result.best.epoch, result.state.epoch
        judges, rows = (
            f"{len(self.aside):,} training rows set aside to tell",
            f"all {self.rows:,} training rows",
        )
        if epoch:
            best = "The only epoch" if last == 1 else f"Of {last} epochs, epoch {epoch}"
            return f"{best} was best on {judges}; trained again on {rows} for as long."
        none = "The only epoch was not" if last == 1 else f"None of {last} epochs was"
        return (
            f"{none} better than the start on {judges} by more than the standard error: "
            f"kept is the start on {rows}."
        )

    def facts(self, outcome: Outcome) -> dict[str, Any]:
        target = self.preprocessor.target
        aside = None if self.aside is None else len(self.aside)
        return {
            "data": self.table.source,
            "target": target.name if target else None,
            "task": self.head.task,
            "rows": self.rows,
            "rows_set_aside": aside,
            "held_out_rows": self.held_rows,
            "best_epoch": outcome.result.best.epoch,
            "scores": outcome.scores.to_dict(),
            "remarks": self.remarks(outcome),
            "notes": list(self.notes),
            **({"id": self.row_id} if self.row_id is not None else {}),
        }

    def remarks(self, outcome: Outcome) -> list[str]:
        """What the scores say, in words, and what is left to try."""
        result, said = outcome.result, [*outcome.scores.remarks, *self._said_of_far_rows()]
        if self.aside is not None and result.best.epoch == result.state.epoch:
            said.append(
                f"The last epoch was the best: more may help, as in --epochs {2 * result.state.epoch}."
            )
        return said

    def _said_of_far_rows(self) -> list[str]:
        """How many held-out rows lie far beyond all training rows, and in which input most of them."""
        if self.held_out is None:
            return []
        reach = np.abs(self.training.X).max(axis=0)
        far = (np.abs(self.held_out.X) > FAR * reach) & (reach > 0)  # other categories are 0 in training
        count = int(far.any(axis=1).sum())
        if not count:
            return []
        name = self.preprocessor.outputs[int(far.sum(axis=0).argmax())]
        what = f"{count:,} of {self.held_rows:,} held-out rows {'lies' if count == 1 else 'lie'}"
        return [
            f"{what} more than twice as far out as any training row, in {name}: a model only guesses there."
        ]

    def model(self, outcome: Outcome, record: dict[str, Any], certificate: dict[str, Any] | None) -> Model:
        return Model(self.network, outcome.result.parameters, self.preprocessor, record, certificate)

    def importance(self, result: Result) -> tuple[Importance, ...]:
        """How far the loss of the held-out rows rises if a column is shuffled among them."""
        held_out = self.held_out
        assert held_out is not None

        def loss(X: Array, rows: Array) -> float:
            predictions = self.network.predict(result.parameters, X)
            return self.head.scores(self.preprocessor, held_out.y[rows], predictions, self.training.y).loss

        generator = np.random.default_rng(0)
        size = self.network.parameters.size
        return permutation_importance(loss, held_out.X, self.preprocessor.places, generator, size)

    def _uses(self) -> dict[str, str]:
        """What each column of the table is to the model."""
        target, places = self.preprocessor.target, self.preprocessor.places
        targets = () if target is None else getattr(target, "names", (target.name,))
        found = {}
        for column in self.table:
            if column.name in targets:
                use = "the target"
            elif column.name in places:
                count = len(places[column.name])
                use = "input" if count == 1 else f"{count} inputs"
            else:
                why = column.left_out or self.preprocessor.left_out.get(column.name, "as asked")
                use = self.beside.get(column.name, f"no input: {why}")
            found[column.name] = use
        return found

    def _sections_on_rows(self, outcome: Outcome) -> list[Section]:
        """What matters, and examples with it."""
        found, scores = self.importance(outcome.result), outcome.scores
        assert not isinstance(scores, FoldScores)
        sections = [importance_section(found, scores.loss_name)] if found else []
        inputs = self._inputs([one.column for one in found[:SHOWN]])
        return [*sections, examples_of(scores, "with what matters most.", inputs=inputs)]

    def _inputs(self, names: Sequence[str]) -> Callable[[int], tuple[tuple[str, str], ...]]:
        """What some columns say of a held-out row."""
        assert self.held_out is not None
        columns = [self.held_out.table[name] for name in names]
        return lambda row: tuple((column.name, column.text(row)) for column in columns)

    def page(self, outcome: Outcome, certificate: CheckReport | None) -> Report:
        from chainrule.catalogue import network_equations  # the equations, which training does without

        equations, scores = network_equations(self.network), outcome.scores
        notes = in_words_of_the_terminal("\n".join([self.reason, *self.notes])).splitlines()
        sections: list[Section] = [
            table_section(self.table, self._uses(), notes),
            model_section(equations.text, network_in_words(self.network)),
            gradient_section(equations.derive("C")),
            *verdict_sections(certificate),
            training_section(
                outcome.result.history,
                " ".join([outcome.result.stopped, *self.lines(outcome)]),
                "held-out rows" if self.aside is None else "rows set aside",
            ),
            scores_section(scores),
            *self._sections_on_rows(outcome),
        ]
        size = self.network.parameters.size
        figures = [
            *score_figures(scores),
            Figure("Rows", f"{self.rows:,}", "used for training"),
            Figure("Parameters", f"{size:,}", f"{self.network.depth} layers"),
        ]
        facts = self.facts(outcome)
        source = Path(self.table.source).name
        lead = f"A {facts['task']} network trained on {self.rows:,} rows of {source}."
        return Report(f"Predicting {facts['target']}", lead, tuple(figures), tuple(sections))
