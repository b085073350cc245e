"""The shape of every derivative in every layout, asked of the calculus itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from chainrule.equations.language.sheet import read
from chainrule.equations.language.tree import Layout

LAYOUTS: tuple[Layout, ...] = get_args(Layout)
VARIABLES: Mapping[str, str] = {"t": "a number", "x": "a column (n,)", "W": "a matrix (p, q)"}
OUTPUTS: Mapping[str, str] = {"s": "a number", "v": "a column (m,)", "F": "a matrix (k, r)"}

# Every output depends on every variable, so that no derivative is zero.
_SHEET = """
parameters  t: R; x: R[n]; W: R[p, q]
constants   a: R[m]; B: R[k, r]
s = exp(t) * norm2(x)**2 * normF(W)**2
v = s * a
F = s * B
"""


def shape(of: str, wrt: str, layout: Layout) -> str:
    """Shape of d ``of`` / d ``wrt`` as the language writes it; nothing for a number.

    Examples
    --------
    >>> shape("v", "x", "denominator")
    '(n, m)'
    >>> shape("s", "x", "numerator")
    'row (n,)'
    """
    kind = read(f"{_SHEET}layout {layout}\nresult = d({of}, {wrt})").type_of("result")
    return str(kind) if kind.axes else ""


def table(layout: Layout) -> str:
    """The shapes in one layout, as a table in Markdown."""
    heads = [f"by {_words(words)}" for words in VARIABLES.values()]
    rows = [f"| of | {' | '.join(heads)} |", "|" + " --- |" * (len(heads) + 1)]
    for of, words in OUTPUTS.items():
        shapes = [shape(of, wrt, layout) for wrt in VARIABLES]
        cells = [f"`{text}`" if text else "a number" for text in shapes]
        rows.append(f"| **{_words(words)}** | {' | '.join(cells)} |")
    return "\n".join(rows)


def _words(words: str) -> str:
    return words.replace("(", "`(").replace(")", ")`")
