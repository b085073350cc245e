"""How names look: W1 as W₁, alpha as α, yhat as ŷ; in Unicode, LaTeX and MathML."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

__all__ = ["Glyph", "glyph", "latex_name", "unicode_name"]

GREEK = {
    "alpha": "α",
    "beta": "β",
    "gamma": "γ",
    "delta": "δ",
    "epsilon": "ε",
    "eps": "ε",
    "zeta": "ζ",
    "eta": "η",
    "theta": "θ",
    "kappa": "κ",
    "lambda": "λ",
    "lam": "λ",
    "mu": "μ",
    "nu": "ν",
    "xi": "ξ",
    "pi": "π",
    "rho": "ρ",
    "sigma": "σ",
    "tau": "τ",
    "phi": "φ",
    "chi": "χ",
    "psi": "ψ",
    "omega": "ω",
    "Gamma": "Γ",
    "Delta": "Δ",
    "Theta": "Θ",
    "Lambda": "Λ",
    "Sigma": "Σ",
    "Phi": "Φ",
    "Psi": "Ψ",
    "Omega": "Ω",
}
COMMAND = {letter: "\\" + name for name, letter in GREEK.items() if name not in ("eps", "lam")}
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_NAME = re.compile(r"(?P<stem>.+?)_?(?P<digits>\d*)$", re.DOTALL)


class Glyph(NamedTuple):
    """A name taken apart: the letter or word, whether it wears a hat, and its subscript."""

    stem: str
    hat: bool
    subscript: str


def glyph(name: str) -> Glyph:
    """Take a name apart.

    Examples
    --------
    >>> glyph("beta12")
    Glyph(stem='β', hat=False, subscript='12')
    >>> glyph("yhat")
    Glyph(stem='y', hat=True, subscript='')
    """
    match = _NAME.fullmatch(name)
    assert match is not None
    stem, digits = match["stem"], match["digits"]
    hat = False
    bare = stem.removesuffix("hat").removesuffix("_")
    if stem.endswith("hat") and (len(bare) == 1 or bare in GREEK):
        stem, hat = bare, True
    return Glyph(GREEK.get(stem, stem), hat, digits)


def unicode_name(name: str) -> str:
    """The name in Unicode.

    Examples
    --------
    >>> [unicode_name(name) for name in ("W1", "yhat", "Yhat", "lambda", "x")]
    ['W₁', 'ŷ', 'Ŷ', 'λ', 'x']
    """
    stem, hat, digits = glyph(name)
    if hat:
        stem = unicodedata.normalize("NFC", stem + "\u0302")
    return stem + digits.translate(SUBSCRIPTS)


def latex_name(name: str) -> str:
    r"""The name in LaTeX.

    Examples
    --------
    >>> latex_name("W1"), latex_name("yhat"), latex_name("beta"), latex_name("loss")
    ('W_{1}', '\\hat{y}', '\\beta', '\\mathrm{loss}')
    """
    stem, hat, digits = glyph(name)
    if stem in COMMAND:
        stem = COMMAND[stem]
    elif len(stem) > 1:
        stem = r"\mathrm{" + stem.replace("_", r"\_") + "}"
    if hat:
        stem = rf"\hat{{{stem}}}"
    return stem + (f"_{{{digits}}}" if digits else "")
