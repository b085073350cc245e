"""Tests for otter-grader: a file that judges a function of a notebook against a sheet, block by block.

The file is in the OK format that otter documents, and needs nothing but chainrule beside it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from chainrule.checking import CheckReport, check_gradient
from chainrule.diagnosis import diagnose
from chainrule.equations import Equations
from chainrule.errors import ChainruleError
from chainrule.grading.calls import by_parameter, caller
from chainrule.grading.faults import FaultError
from chainrule.grading.sheet_loss import SheetLoss, sheet_loss

RIGHT = "right"


def otter_test(
    name: str, function: str, blocks: Mapping[str, Any], points: float, asked: Mapping[str, Any]
) -> str:
    """The text of a test file.

    Parameters
    ----------
    name : str
        Of the question, as ``"q1"``.
    function : str
        What the notebook calls its gradient.
    blocks : mapping
        Whose keys are the parameters; the points are shared equally among them.
    points : float
    asked : mapping
        Arguments of `block_feedback`: the sheet and what is made of it.
    """
    lines = (line for line in str(asked["sheet"]).splitlines() if line.strip() and line.lstrip()[0] != "#")
    words = ", ".join(f"{key}={value!r}" for key, value in {**asked, "sheet": "\n".join(lines)}.items())
    cases = [
        {
            "name": f"{name} {block}",
            "code": (
                ">>> from chainrule.grading.otter import block_feedback\n"
                f">>> print(block_feedback({function}, {block!r}, {words}))\n{RIGHT}\n"
            ),
            "hidden": False,
            "locked": False,
        }
        for block in blocks
    ]
    suite = {"cases": cases, "scored": True, "setup": "", "teardown": "", "type": "doctest"}
    test = {"name": name, "points": points, "suites": [suite]}
    text = (
        json.dumps(test, indent=4, ensure_ascii=False)
        .replace(": true", ": True")
        .replace(": false", ": False")
    )
    return f"OK_FORMAT = True\n\ntest = {text}\n"


def block_feedback(gradient: Callable[..., Any], block: str, sheet: str, of: str, **asked: Any) -> str:
    """``"right"``, or what is wrong with a block of a gradient in words, with the mistake by name.

    Parameters
    ----------
    gradient : callable
        Called as ``chainrule check`` calls it: with a mapping, or with each value by its name.
    block : str
        The parameter that is asked about.
    sheet : str
        The text of the sheet whose scalar ``of`` is the loss.
    **asked
        ``batch``, ``reduction``, ``penalty``, ``sizes`` and ``seed``, as of the command.

    Examples
    --------
    >>> import numpy as np
    >>> sheet = "data X: R[N, p]; y: R[N]; parameters w: R[p]; L = norm2(X @ w - y)**2 / 2"
    >>> print(block_feedback(lambda w, X, y: X.T @ (X @ w - y), "w", sheet, "L"))
    right
    >>> print(block_feedback(lambda w, X, y: X.T @ (y - X @ w), "w", sheet, "L"))
    w wrong: ...
    sign, ...
    """
    loss = sheet_loss(Equations(sheet), of, given={}, **{**DEFAULTS, **asked})
    try:
        report = _report(gradient, loss)
    except FaultError as fault:
        return str(fault)
    except ChainruleError as error:
        return f"could not be checked: {error}"
    verdict = report.blocks[block]
    if verdict.ok:
        return RIGHT
    head, *rest = (line.strip() for line in verdict.lines(len(block)))
    said = [" ".join(head.replace(verdict.status, f"{verdict.status}:", 1).split()), *rest]
    return "\n".join([*said, str(diagnose(report, loss.traced))] if report.status == "wrong" else said)


DEFAULTS: dict[str, Any] = {"batch": False, "reduction": "mean", "penalty": None, "sizes": {}, "seed": 0}


def _report(gradient: Callable[..., Any], loss: SheetLoss) -> CheckReport:
    name = getattr(gradient, "__name__", "gradient")
    function = caller(gradient, name, loss.parameters, loss.data, {})
    return check_gradient(
        loss.value, lambda at: by_parameter(function(at), at), loss.parameters, examples=loss.examples
    )
