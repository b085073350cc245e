"""How names look: W1 as W₁, alpha as α, yhat as ŷ; in Unicode, LaTeX and MathML."""

import re
import unicodedata
from html import escape
from typing import NamedTuple

_SPELLED = """
    alpha beta gamma delta epsilon zeta eta theta kappa lambda mu nu xi pi rho sigma tau phi chi psi omega
    Gamma Delta Theta Lambda Sigma Phi Psi Omega
"""
GREEK = dict(zip(_SPELLED.split(), "αβγδεζηθκλμνξπρστφχψωΓΔΘΛΣΦΨΩ", strict=True)) | {"eps": "ε", "lam": "λ"}
COMMAND = {letter: "\\" + name for name, letter in GREEK.items() if name not in ("eps", "lam")}
SUBSCRIPTS = str.maketrans("0123456789+-aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")
_NAME = re.compile(r"(?P<stem>.+?)(?:_?(?P<digits>\d*)|\{(?P<level>[^}]*)\})$", re.DOTALL)
# A word after an underscore is a second subscript where what stands before it is a letter.
_TAIL = re.compile(
    r"(?P<head>(?:[^\W\d_]|[^\W\d_]*hat|[A-Za-z]{2,7})(?:\d*|\{[^}]*\}))_(?P<tail>[^\W\d_]\w*)"
)


# A name that is printed as it is typed begins with this, which no name does.
AS_TYPED = "'"


class Glyph(NamedTuple):
    """A name taken apart: the letter or word, whether it wears a hat, its subscript and a second one."""

    stem: str
    hat: bool
    subscript: str
    tail: str = ""


def glyph(name: str) -> Glyph:
    """Take a name apart. Braces hold a subscript that is not a number; `AS_TYPED` in front keeps it whole.

    Examples
    --------
    >>> glyph("beta12")
    Glyph(stem='β', hat=False, subscript='12', tail='')
    >>> glyph("yhat")
    Glyph(stem='y', hat=True, subscript='', tail='')
    >>> glyph("h{k-1}_s")
    Glyph(stem='h', hat=False, subscript='k-1', tail='s')
    """
    if name.startswith(AS_TYPED):
        return Glyph(name.removeprefix(AS_TYPED), False, "", "")
    tail = ""
    if (parts := _TAIL.fullmatch(name)) and parts["tail"] != "hat":
        bare = re.sub(r"(\d+|\{.*\})$", "", parts["head"])
        if len(bare.removesuffix("hat")) == 1 or bare in GREEK:
            name, tail = parts["head"], parts["tail"]
    match = _NAME.fullmatch(name)
    assert match is not None
    stem, subscript = match["stem"], match["digits"] or match["level"] or ""
    hat = False
    bare = stem.removesuffix("hat").removesuffix("_")
    if stem.endswith("hat") and (len(bare) == 1 or bare in GREEK):
        stem, hat = bare, True
    return Glyph(GREEK.get(stem, stem), hat, subscript, tail)


def unicode_name(name: str) -> str:
    """The name in Unicode.

    Examples
    --------
    >>> [unicode_name(name) for name in ("W1", "yhat", "Yhat", "lambda", "x", "h{k-1}", "h2_s")]
    ['W₁', 'ŷ', 'Ŷ', 'λ', 'x', 'hₖ₋₁', 'h₂_s']
    """
    stem, hat, subscript, tail = glyph(name)
    if hat:
        stem = unicodedata.normalize("NFC", stem + "\u0302")
    return stem + subscript.translate(SUBSCRIPTS) + (f"_{tail}" if tail else "")


def latex_name(name: str) -> str:
    r"""The name in LaTeX.

    Examples
    --------
    >>> latex_name("W1"), latex_name("yhat"), latex_name("beta"), latex_name("loss"), latex_name("h2_s")
    ('W_{1}', '\\hat{y}', '\\beta', '\\mathrm{loss}', 'h_{2, s}')
    """
    stem, hat, subscript, tail = glyph(name)
    if stem in COMMAND:
        stem = COMMAND[stem]
    elif len(stem) > 1:
        stem = r"\mathrm{" + stem.replace("_", r"\_") + "}"
    if hat:
        stem = rf"\hat{{{stem}}}"
    below = [subscript, latex_name(tail) if tail else ""]
    written = ", ".join(filter(None, below))
    return stem + (f"_{{{written}}}" if written else "")


def mathml_name(name: str) -> str:
    """The name in MathML, with its hat and subscripts.

    Examples
    --------
    >>> mathml_name("W1"), mathml_name("h_s")
    ('<msub><mi>W</mi><mn>1</mn></msub>', '<msub><mi>h</mi><mi>s</mi></msub>')
    """
    stem, hat, subscript, tail = glyph(name)
    text = f"<mi>{escape(stem)}</mi>"
    if hat:
        text = f'<mover accent="true">{text}<mo>^</mo></mover>'
    below = [f"<mn>{subscript}</mn>"] if subscript.isdecimal() else [f"<mi>{escape(subscript)}</mi>"]
    below = [*(below if subscript else []), *([mathml_name(tail)] if tail else [])]
    if not below:
        return text
    written = below[0] if len(below) == 1 else f"<mrow>{'<mo>,</mo>'.join(below)}</mrow>"
    return f"<msub>{text}{written}</msub>"
