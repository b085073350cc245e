"""Reports: what a run has to show, on one self-contained page."""

from chainrule.reports.fold_scores import FoldScores
from chainrule.reports.formulas import gradient_section, model_section, plain_text, verdict_section
from chainrule.reports.importance import Importance, importance_section, permutation_importance
from chainrule.reports.outcome import (
    Example,
    class_examples,
    examples_section,
    number_examples,
    score_figures,
    scores_section,
    training_section,
)
from chainrule.reports.page import Figure, Report, Section, render, write_report
from chainrule.reports.score_table import Score, score_table
from chainrule.reports.scores import ClassificationScores, RegressionScores, Scores
from chainrule.reports.table import table_section

__all__ = [
    "ClassificationScores",
    "Example",
    "Figure",
    "FoldScores",
    "Importance",
    "RegressionScores",
    "Report",
    "Score",
    "Scores",
    "Section",
    "class_examples",
    "examples_section",
    "gradient_section",
    "importance_section",
    "model_section",
    "number_examples",
    "permutation_importance",
    "plain_text",
    "render",
    "score_figures",
    "score_table",
    "scores_section",
    "table_section",
    "training_section",
    "verdict_section",
    "write_report",
]
