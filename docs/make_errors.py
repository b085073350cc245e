"""Write ``errors.md``: mistakes in sheets, what the reader says about each, and the line that was meant.

Run it as ``python docs/make_errors.py`` after a message has changed; a test holds the page to what it writes.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from chainrule.equations.language.sheet import read
from chainrule.errors import SheetError

PAGE = Path(__file__).with_name("errors.md")


class Mistake(NamedTuple):
    """A mistake, the line that mends it, and the rule behind in one sentence.

    ``given`` is what stands above the line in the sheet; ``wrong`` and ``right`` are its last line or lines.
    """

    title: str
    given: str
    wrong: str
    right: str
    rule: str


NET = "data x: R[p]; y: Class[K]\nparameters W: R[M, p]; b: R[M]\n"
TABLE = "data X: R[N, p]; t: R[N]\nparameters w: R[p]\n"

CHAPTERS: tuple[tuple[str, tuple[Mistake, ...]], ...] = (
    (
        "First lines",
        (
            Mistake(
                "A name that was never declared",
                "data x: R[p]\n",
                "h = tanh(W @ x)",
                "parameters W: R[M, p]\nh = tanh(W @ x)",
                "Every name is declared with its type, or defined, in a line above its first use.",
            ),
            Mistake(
                "A slip of the pen",
                NET,
                "h = tanhh(W @ x)",
                "h = tanh(W @ x)",
                "What is nearly a known name is offered; capitals and small letters differ.",
            ),
            Mistake(
                "A name of another language",
                "data x: R[p]\n",
                "h = ln(x)",
                "h = log(x)",
                "[The language](language.md) lists the functions; `f(t) = ...` makes one of your own.",
            ),
            Mistake(
                "A type of another language",
                "",
                "parameters W: float[M, p]",
                "parameters W: R[M, p]",
                "A declaration is a name, a colon and one of five types; sizes stand in square brackets.",
            ),
            Mistake(
                "A role that does not exist",
                "data x: R[p]\n",
                "weights W: R[M, p]",
                "parameters W: R[M, p]",
                "A role says whether a value comes with the examples (data), is learnt (parameters) or stays "
                "(constants).",
            ),
            Mistake(
                "A claim where a definition was meant",
                NET,
                "h == W @ x",
                "h = W @ x",
                "One = defines a name; two claim that both sides, known already, are equal.",
            ),
            Mistake(
                "The formula on the wrong side",
                NET,
                "W @ x + b = z",
                "z = W @ x + b",
                "Left of = stands the one name that is defined.",
            ),
            Mistake(
                "A name used before its line",
                NET,
                "h = tanh(z); z = W @ x + b",
                "z = W @ x + b; h = tanh(z)",
                "A sheet is read from top to bottom, left to right.",
            ),
            Mistake(
                "One name for two values",
                NET,
                "h = W @ x; h = tanh(h + b)",
                "z = W @ x; h = tanh(z + b)",
                "A name keeps one value, or `d(L, h)` would not say which of the two it means.",
            ),
        ),
    ),
    (
        "Writing formulas",
        (
            Mistake(
                "A product that is not written",
                NET,
                "h = W x + b",
                "h = W @ x + b",
                "Every product has its sign: `@` for matrices and vectors, `*` entry by entry.",
            ),
            Mistake(
                "A number before a name",
                "data x: R[p]\n",
                "h = 2x",
                "h = 2 * x",
                "A number and a name side by side are no product either.",
            ),
            Mistake(
                "A power with a roof",
                "data x: R[p]\n",
                "h = x^2",
                "h = x**2",
                "A power is `**`, as in Python, or a superscript: `x²`.",
            ),
            Mistake(
                "A bracket too few",
                NET,
                "h = tanh(W @ x + b\ng = exp(h)",
                "h = tanh(W @ x + b)\ng = exp(h)",
                "A bracket may go over several lines, but not into the next statement.",
            ),
            Mistake(
                "A case distinction",
                "data x: R[p]\n",
                "h = x if x > 0 else 0",
                "h = where(x > 0, x, 0)",
                "`where(condition, a, b)` decides entry by entry.",
            ),
            Mistake(
                "A vector by its entries",
                "",
                "v = [1, 2, 3]",
                "constants v: R[3]",
                "A sheet holds formulas; numbers are given when it is evaluated or trained.",
            ),
            Mistake(
                "A letter that only looks like another",
                NET,
                "ℓ = sum(W @ x + b)",
                "loss = sum(W @ x + b)",
                "Names that Python would silently read as others are refused, as are those it reserves.",
            ),
        ),
    ),
    (
        "Shapes",
        (
            Mistake(
                "A matrix the wrong way round",
                NET,
                "h = tanh(W.T @ x + b)",
                "h = tanh(W @ x + b)",
                "The last axis of what stands left of `@` meets the first axis of what stands right of it.",
            ),
            Mistake(
                "Two columns multiplied",
                TABLE,
                "s = w @ w",
                "s = w.T @ w",
                "Vectors are columns, as on paper; `.T` makes a row of one, row times column is a number.",
            ),
            Mistake(
                "Vectors of two sizes added",
                NET,
                "h = W @ x + x",
                "h = W @ x + b",
                "Entry by entry, both sides have the same shape, or one of them is a number.",
            ),
            Mistake(
                "A column and a row added",
                TABLE,
                "s = w + w.T",
                "s = w + w",
                "A column never spreads over a row in silence; the table of both is an outer product.",
            ),
            Mistake(
                "A vector along the rows of a matrix",
                TABLE,
                "Z = X * t",
                "Z = diag(t) @ X",
                "A vector goes along the last axis of a matrix: one number to each column.",
            ),
            Mistake(
                "Two readings of one product",
                NET,
                "h = b * b @ b.T",
                "h = (b * b) @ b.T",
                "Python reads `a * B @ c` from the left and a reader from the right: brackets decide.",
            ),
            Mistake(
                "A power that looks like an inverse",
                "constants A: R[n, n]; v: R[n]\n",
                "s = A⁻¹ @ v",
                "s = inv(A) @ v",
                "Powers are taken entry by entry; the inverse of a matrix is `inv`.",
            ),
            Mistake(
                "A softmax of a matrix",
                "data F: R[N, K]\n",
                "P = softmax(F)",
                "P = softmax(F, axis=1)",
                "On a matrix `softmax`, `log_softmax` and `logsumexp` need to know their axis.",
            ),
        ),
    ),
    (
        "Labels, indices, sums",
        (
            Mistake(
                "A label counted with",
                "data f: R[K]; y: Class[K]\n",
                "L = f.T @ y",
                "L = f.T @ onehot(y)",
                "A label names a class; `f[y]` is the entry that it selects.",
            ),
            Mistake(
                "An index from nowhere",
                TABLE,
                "f = w.T @ X[i]",
                "f[i] = w.T @ X[i]",
                "An index is bound on the left of a definition or by `for`.",
            ),
            Mistake(
                "A whole value in a sum",
                TABLE,
                "C = mean(X @ w - t for i in N)",
                "C = mean(X[i].T @ w - t[i] for i in N)",
                "Of a value with the axis of the index, the index takes its part: `t[i]`, `X[i]`.",
            ),
            Mistake(
                "An index over two sizes",
                TABLE,
                "C = sum(w[i] * t[i] for i in N)",
                "C = sum(w[j] * X[i, j] * t[i] for i in N for j in p)",
                "An index runs over one size, everywhere it stands.",
            ),
            Mistake(
                "A range of numbers",
                TABLE,
                "C = sum(t[i]**2 for i in range(N))",
                "C = sum(t[i]**2 for i in N)",
                "An index runs over a size of the sheet, counted from 0.",
            ),
            Mistake(
                "A size that is a value",
                TABLE,
                "U: R[t, p]",
                "U: R[N, p]",
                "Sizes are named by the declarations themselves, and no size is also a value.",
            ),
        ),
    ),
    (
        "Derivatives",
        (
            Mistake(
                "A derivative defined",
                NET + "L = sum(tanh(W @ x + b))\n",
                "d(L, W) = (1 - tanh(W @ x + b)**2) @ x.T",
                "d(L, W) == (1 - tanh(W @ x + b)**2) @ x.T",
                "A derivative follows from the definitions; what you take it to be is a claim.",
            ),
            Mistake(
                "A derivative by one entry",
                NET + "L = sum(tanh(W @ x + b))\n",
                "g = d(L, W[0, 1])",
                "g = d(L, W)[0, 1]",
                "The second argument of `d` is a name.",
            ),
            Mistake(
                "A derivative by a label",
                "data f: R[K]; y: Class[K]\nL = logsumexp(f) - f[y]\n",
                "g = d(L, y)",
                "g = d(L, f)",
                "Nothing changes smoothly with a label.",
            ),
            Mistake(
                "A mistake inside a function",
                NET + "scaled(t) = t * b\n",
                "h = scaled(x)",
                "h = scaled(W @ x)",
                "A function is written out at each call, and read with the shapes of that call.",
            ),
        ),
    ),
)

TOGETHER = """data        x: R[p];  y: Class[K]
parameter   U: R[M, p]
parameters  W: R[M, p];  b: R[M];  V: real[K, M];  c: R[K]
z = W.T @ x + b
h = tanhh(W @ x)
k = tanh(W x)
f = c + V @ h
r = sigmoid(W @ x + b
s = (b + c)**2
b = s^2
q = y + 1
L = logsumexp(f) - g[y]
"""

OPENING = """# Mistakes, and what is said about them

A sheet with a mistake is not read. The message shows the line with the place underlined, what was found
there, and what would be right. All mistakes of a sheet are reported at once: one to a statement, in the order
of the lines, and none that only follows from another. In Python they are the `errors` of the exception, a
`SheetError` with `message`, `line`, `column` and `width`; its subclasses `SheetSyntaxError`,
`SheetNameError`, `SheetShapeError` and `SheetLimitError` tell the kinds apart.

Below, what was typed stands above what is printed; the mended line stands last. Shapes are written as
`(p,)` for a column of p numbers, `row (p,)` for a row and `(M, p)` for a matrix. This page is written by
`docs/make_errors.py`.
"""

CLOSING = """## What is not a mistake

A *claim* whose sides do not fit in shape is read: that it does not hold is its verdict, which
`chainrule check` prints. A claim that cannot be read at all is *not checkable*, and in nobody's way.

A text beyond the limits is refused before it is read: 60,000 characters, 20,000 in a line, brackets 40 deep.
At most 50 mistakes are listed.
"""


def printed(sheet: str) -> str:
    """What is printed for a sheet with mistakes.

    Raises
    ------
    AssertionError
        If there is none.
    """
    try:
        read(sheet)
    except SheetError as error:
        return str(error)
    raise AssertionError(f"The sheet has no mistake:\n{sheet}")


def _block(text: str) -> str:
    return f"```text\n{text.rstrip()}\n```\n"


def _shown(mistake: Mistake) -> str:
    wrong, right = mistake.given + mistake.wrong, mistake.given + mistake.right
    read(right)
    return "\n".join(
        (
            f"### {mistake.title}\n",
            _block(wrong),
            _block(printed(wrong)),
            f"{mistake.rule}\n",
            _block(mistake.right),
        )
    )


def page() -> str:
    """The text of ``errors.md``."""
    parts = [OPENING]
    for title, mistakes in CHAPTERS:
        parts += [f"## {title}\n", *map(_shown, mistakes)]
    parts.append("## Several at once\n\nLines that suffer from the mistakes of others are passed over.\n")
    parts += [_block(TOGETHER), _block(printed(TOGETHER)), CLOSING]
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
