"""Verdicts on the claims of a sheet, and on its derivatives, from its text.

Layered networks of two to eight layers with two claims; logistic regression and least squares with a claim on
their Hessians.

    python -m benchmarks claims --against main~5
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from benchmarks.harness import Case, Contest
from chainrule import Equations, check_claims, verify

SQUARES = """
    data X: R[n, p]; y: R[n]
    parameters w: R[p]
    L = norm2(X @ w - y)**2 / 2
    d(L, w) == X.T @ (X @ w - y)
    d(d(L, w), w) == X.T @ X
"""
HESSIAN = """
    data X: R[n, p]; y: Bit[n]
    parameters w: R[p]
    s = sigmoid(X @ w)
    L = -sum(y * log(s) + (1 - y) * log(1 - s))
    d(L, w) == X.T @ (s - y)
    d(d(L, w), w) == X.T @ diag(s * (1 - s)) @ X
"""


RUNS = count()


def layered(depth: int) -> str:
    """A tanh network with a squared loss, its deltas written down, and two claims about them."""
    lines, value = [f"data x: R[p0]; y: R[p{depth}]"], "x"
    for layer in range(1, depth + 1):
        lines.append(f"parameters W{layer}: R[p{layer}, p{layer - 1}]; b{layer}: R[p{layer}]")
        lines.append(f"h{layer} = tanh(W{layer} @ {value} + b{layer})")
        value = f"h{layer}"
    lines.append(f"L = norm2({value} - y)**2 / 2")
    lines.append(f"delta{depth} = ({value} - y) * (1 - {value}**2)")
    for layer in range(depth - 1, 0, -1):
        lines.append(f"delta{layer} = (W{layer + 1}.T @ delta{layer + 1}) * (1 - h{layer}**2)")
    return "\n".join([*lines, "d(L, W1) == delta1 @ x.T", "d(L, b2) == delta2"])


def judged(text: str, verdicts: Callable[[Equations], object]) -> Contest:
    """All verdicts of a sheet that was never seen before; reading it is part of the time.

    What was read once is kept: each run has a text of its own.
    """
    return Contest(lambda: verdicts(Equations(f"{text}\n# run {next(RUNS)}")), same=None)


def verified(model: Equations) -> object:
    """The verdicts on what is derived."""
    return verify(model, "L")


SHEETS = {f"{depth} layers": layered(depth) for depth in (2, 3, 4, 5, 6, 8)} | {
    "a Hessian": HESSIAN,
    "least squares": SQUARES,
}
CASES = [
    Case(f"{what}, {name}", lambda text=text, verdicts=verdicts: judged(text, verdicts))
    for what, verdicts in {"check_claims": check_claims, "verify": verified}.items()
    for name, text in SHEETS.items()
]
