"""Grades as Gradescope reads them: ``results.json``, with one test for each block of the gradient.

The format is that of https://gradescope-autograders.readthedocs.io/en/latest/specs/.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainrule.checking import BlockVerdict
from chainrule.grading.judgement import Judgement


def gradescope_results(judgement: Judgement, points: float) -> dict[str, Any]:
    """The content of ``results.json``: the points are shared equally among the blocks.

    A right block gets its points. What could not be checked gets none, with the reason.

    Parameters
    ----------
    judgement : Judgement
    points : float
        For a gradient that is right in every block.
    """
    blocks = list(judgement.report) if judgement.report is not None else []
    if judgement.fault or not blocks:
        tests = [_test(name, 0.0, share, judgement.fault) for name, share in _shares(judgement.names, points)]
    else:
        shares = dict(_shares([block.name for block in blocks], points))
        tests = [
            _test(block.name, shares[block.name] * block.ok, shares[block.name], _said(block))
            for block in blocks
        ]
    # A grade is compared with the full one: three thirds are 1.
    score = points if judgement.status == "right" else sum(test["score"] for test in tests)
    return {"score": score, "output": _output(judgement), "output_format": "text", "tests": tests}


def _shares(names: Sequence[str], points: float) -> list[tuple[str, float]]:
    every = names or ["gradient"]
    return [(name, points / len(every)) for name in every]


def _test(name: str, score: float, most: float, output: str) -> dict[str, Any]:
    return {
        "name": name,
        "score": score,
        "max_score": most,
        "status": "passed" if score == most else "failed",
        "output": output,
        "output_format": "text",
        "visibility": "visible",
    }


def _said(block: BlockVerdict) -> str:
    return "\n".join(line.strip() for line in block.lines(len(block.name)))


def _output(judgement: Judgement) -> str:
    said = [judgement.fault] if judgement.fault else []
    said += [judgement.mistake.text] if judgement.mistake else []
    return "\n".join([*said, *judgement.notes]) or "Every block is right."
