"""What the lines of a derivation are called: dL/dW, δh, d²L/dW², D[h]; in every notation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chainrule.equations.calculus.second import Core, Direction, Moved, Second
from chainrule.equations.formulas.glyphs import SUBSCRIPTS, latex_name, unicode_name
from chainrule.equations.formulas.print_mathml import MathPrinter
from chainrule.equations.nodes.cotangents import Cotangent, Temporary
from chainrule.equations.nodes.nodes import Node


@dataclass(frozen=True, slots=True)
class CodeName:
    """A variable of compiled code, written as it stands there: t_2, not t₂."""

    text: str


def unicode_line(name: Any) -> str:
    """The name in Unicode.

    Examples
    --------
    >>> unicode_line(Cotangent("L", "W1")), unicode_line(Second("L", "W", "W")), unicode_line(Moved("h"))
    ('dL/dW₁', 'd²L/dW²', 'D[h]')
    """
    match name:
        case CodeName(text=text):
            return text
        case Cotangent(of=of, wrt=wrt):
            return f"d{unicode_line(of)}/d{unicode_name(wrt)}"
        case Second(of=of, wrt=wrt, then=then):
            below = (
                f"d{unicode_name(wrt)}²" if wrt == then else f"(d{unicode_name(wrt)} d{unicode_name(then)})"
            )
            return f"d²{unicode_name(of)}/{below}"
        case Direction(wrt=wrt):
            return f"v_{unicode_name(wrt)}"
        case Moved(base=base):
            return f"D[{unicode_line(base)}]"
        case Core(base=base):
            return f"core[{unicode_line(base)}]"
        case Temporary(body=body, number=number):
            count = str(number).translate(SUBSCRIPTS) if number > 1 else ""
            return f"{_delta(name)}{count}{unicode_name(body)}"
    return unicode_name(name)


def _delta(name: Temporary) -> str:
    return "Δ" if name.capital else "δ"


def latex_line(name: Any) -> str:
    r"""The name in LaTeX.

    Examples
    --------
    >>> latex_line(Second("L", "b", "W"))
    '\\frac{d^{2}L}{db\\, dW}'
    """
    match name:
        case Cotangent(of=of, wrt=wrt):
            return rf"\frac{{d{latex_line(of)}}}{{d{latex_name(wrt)}}}"
        case Second(of=of, wrt=wrt, then=then):
            below = (
                rf"d{{{latex_name(wrt)}}}^{{2}}"
                if wrt == then
                else rf"d{latex_name(wrt)}\, d{latex_name(then)}"
            )
            return rf"\frac{{d^{{2}}{latex_name(of)}}}{{{below}}}"
        case Direction(wrt=wrt):
            return rf"v_{{{latex_name(wrt)}}}"
        case Moved(base=base):
            return rf"D\!\left[{latex_line(base)}\right]"
        case Core(base=base):
            return rf"\mathrm{{core}}\!\left[{latex_line(base)}\right]"
        case Temporary(body=body, number=number):
            count = f"^{{({number})}}" if number > 1 else ""
            letter = r"\Delta" if _delta(name) == "Δ" else r"\delta"
            return rf"{letter}{count}_{{{latex_name(body)}}}"
    return latex_name(name)


def mathml_line(name: Any) -> str:
    """The name in MathML."""
    identifier = MathPrinter.identifier
    match name:
        case Cotangent(of=of, wrt=wrt):
            return _fraction(f"<mi>d</mi>{mathml_line(of)}", f"<mi>d</mi>{identifier(wrt)}")
        case Second(of=of, wrt=wrt, then=then):
            below = f"<mi>d</mi>{identifier(wrt)}<mi>d</mi>{identifier(then)}"
            if wrt == then:
                below = f"<mi>d</mi><msup>{identifier(wrt)}<mn>2</mn></msup>"
            return _fraction(f"<msup><mi>d</mi><mn>2</mn></msup>{identifier(of)}", below)
        case Direction(wrt=wrt):
            return f"<msub><mi>v</mi>{identifier(wrt)}</msub>"
        case Moved(base=base):
            return f"<mrow><mi>D</mi><mo>[</mo>{mathml_line(base)}<mo>]</mo></mrow>"
        case Core(base=base):
            return f"<mrow><mi>core</mi><mo>[</mo>{mathml_line(base)}<mo>]</mo></mrow>"
        case Temporary(body=body, number=number):
            if number == 1:
                return f"<msub><mi>{_delta(name)}</mi>{identifier(body)}</msub>"
            return f"<msubsup><mi>{_delta(name)}</mi>{identifier(body)}<mn>({number})</mn></msubsup>"
    return identifier(name)


def _fraction(above: str, below: str) -> str:
    return f"<mfrac><mrow>{above}</mrow><mrow>{below}</mrow></mfrac>"


def sheet_line(name: Any) -> str:
    """The name in sheet syntax.

    Examples
    --------
    >>> sheet_line(Cotangent("L", "W")), sheet_line(Second("L", "W", "b")), sheet_line(Moved("h"))
    ('dL_dW', 'd2L_dW_db', 'D_h')
    """
    match name:
        case Cotangent(of=of, wrt=wrt):
            return f"d{sheet_line(of)}_d{wrt}"
        case Second(of=of, wrt=wrt, then=then):
            return f"d2{of}_d{wrt}_d{then}"
        case Direction(wrt=wrt):
            return f"v_{wrt}"
        case Moved(base=base):
            return f"D_{sheet_line(base)}"
        case Core(base=base):
            return f"core_{sheet_line(base)}"
        case Temporary(body=body, number=number):
            return f"delta{number if number > 1 else ''}_{body}"
    return str(name)


def named(name: Callable[[Any], str], spelled: Callable[[Any], Any]) -> Callable[[Node], str]:
    """What a symbol is called, in the notation of ``name``."""
    return lambda symbol: name(spelled(symbol.data))


def independence(name: Any) -> str:
    """What a vanishing line does not depend on, in words."""
    match name:
        case Cotangent(of=of, wrt=wrt):
            return f"({unicode_line(of)} does not depend on {unicode_name(wrt)})"
        case Second(of=of, wrt=wrt, then=then):
            return f"(d{unicode_name(of)}/d{unicode_name(wrt)} does not depend on {unicode_name(then)})"
        case Moved(base=base):
            return f"({unicode_line(base)} does not move)"
    return ""
