"""What the lines of a derivation are called: dL/dW, δh, d²L/dW², D[h]; in every notation."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from chainrule.equations.calculus.second import Core, Direction, Moved, Second
from chainrule.equations.formulas.glyphs import AS_TYPED, SUBSCRIPTS, latex_name, mathml_name, unicode_name
from chainrule.equations.language.free_names import underscored
from chainrule.equations.language.tree import size_factors
from chainrule.equations.nodes.program import Cotangent, Program, Temporary


@dataclass(frozen=True, slots=True)
class CodeName:
    """A variable of compiled code, written as it stands there: t_2, not t₂."""

    text: str


@dataclass(frozen=True)
class LineNames:
    r"""What lines are called in one notation: how names of the sheet look, and a template for each
    kind, of what its names are called.

    Examples
    --------
    >>> unicode_line(Cotangent("L", "W1")), unicode_line(Second("L", "W", "W")), unicode_line(Moved("h"))
    ('dL/dW₁', 'd²L/dW²', 'D[h]')
    >>> latex_line(Second("L", "b", "W"))
    '\\frac{d^{2}L}{db\\, dW}'
    >>> sheet_line(Cotangent("L", "W")), sheet_line(Second("L", "W", "b")), sheet_line(Moved("h"))
    ('dL_dW', 'd2L_dW_db', 'D_h')
    """

    name: Callable[[str], str]
    templates: Mapping[type, str]
    twice: str
    temporary: str
    numbered: str
    letters: tuple[str, str] = ("δ", "Δ")

    def __call__(self, name: Any) -> str:
        """The name of a line, or of the sheet, in this notation."""
        match name:
            case CodeName(text=text):
                return text
            case Temporary(body=body, number=number):
                template = self.numbered if number > 1 else self.temporary
                letter, small = self.letters[name.capital], str(number).translate(SUBSCRIPTS)
                return template.format(letter=letter, body=self.name(body), number=number, small=small)
            case tuple():
                again = isinstance(name, Second) and name.wrt == name.then
                template = self.twice if again else self.templates[type(name)]
                return template.format(*map(self, name))
        return self.name(name)


unicode_line = LineNames(
    unicode_name,
    {
        Cotangent: "d{}/d{}",
        Second: "d²{}/(d{} d{})",
        Direction: "v_{}",
        Moved: "D[{}]",
        Core: "core[{}]",
    },
    twice="d²{}/d{}²",
    temporary="{letter}{body}",
    numbered="{letter}{small}{body}",
)
latex_line = LineNames(
    latex_name,
    {
        Cotangent: r"\frac{{d{}}}{{d{}}}",
        Second: r"\frac{{d^{{2}}{}}}{{d{}\, d{}}}",
        Direction: "v_{{{}}}",
        Moved: r"D\!\left[{}\right]",
        Core: r"\mathrm{{core}}\!\left[{}\right]",
    },
    twice=r"\frac{{d^{{2}}{}}}{{d{{{}}}^{{2}}}}",
    temporary="{letter}_{{{body}}}",
    numbered="{letter}^{{({number})}}_{{{body}}}",
    letters=(r"\delta", r"\Delta"),
)
mathml_line = LineNames(
    mathml_name,
    {
        Cotangent: "<mfrac><mrow><mi>d</mi>{}</mrow><mrow><mi>d</mi>{}</mrow></mfrac>",
        Second: "<mfrac><mrow><msup><mi>d</mi><mn>2</mn></msup>{}</mrow>"
        "<mrow><mi>d</mi>{}<mi>d</mi>{}</mrow></mfrac>",
        Direction: "<msub><mi>v</mi>{}</msub>",
        Moved: "<mrow><mi>D</mi><mo>[</mo>{}<mo>]</mo></mrow>",
        Core: "<mrow><mi>core</mi><mo>[</mo>{}<mo>]</mo></mrow>",
    },
    twice="<mfrac><mrow><msup><mi>d</mi><mn>2</mn></msup>{}</mrow>"
    "<mrow><mi>d</mi><msup>{}<mn>2</mn></msup></mrow></mfrac>",
    temporary="<msub><mi>{letter}</mi>{body}</msub>",
    numbered="<msubsup><mi>{letter}</mi>{body}<mn>({number})</mn></msubsup>",
)
sheet_line = LineNames(
    str,
    {
        Cotangent: "d{}_d{}",
        Second: "d2{}_d{}_d{}",
        Direction: "v_{}",
        Moved: "D_{}",
        Core: "core_{}",
    },
    twice="d2{0}_d{1}_d{1}",
    temporary="delta_{body}",
    numbered="delta{number}_{body}",
)


_INDEPENDENT = {
    Cotangent: "({} does not depend on {})",
    Second: "(d{}/d{} does not depend on {})",
    Moved: "({} does not move)",
}


def independence(name: Any) -> str:
    """What a vanishing line does not depend on, in words."""
    template = _INDEPENDENT.get(type(name))
    return template.format(*map(unicode_line, name)) if template else ""


Spelling = Callable[[Any], Any]


def spelling_of(program: Program) -> Spelling:
    """What gives a name, or a name made of names, as it is to be printed beside all others of a sheet."""
    sizes = {
        part for symbol in program.symbols.values() for size in symbol.dims for part in size_factors(size)
    }
    names = dict.fromkeys([*program.symbols, *sorted(size for size in sizes if isinstance(size, str))])
    typed = {name: AS_TYPED + name for name in _alike(names)}

    def spelled(name: Any) -> Any:
        if isinstance(name, str):
            return typed.get(name, name)
        if isinstance(name, Direction) and f"v_{name.wrt}" in names:
            # A sheet may have a v_W; the direction of W is v_W_ then, as for compiled functions.
            return Direction(AS_TYPED + underscored(f"v_{name.wrt}", names).removeprefix("v_"))
        if isinstance(name, tuple) and hasattr(name, "_fields"):
            return type(name)(*map(spelled, name))
        return name

    return spelled


def _alike(names: Iterable[str]) -> list[str]:
    """The names to be written as they are typed: of all that would look alike one keeps its looks."""
    looks: dict[str, list[str]] = {}
    for name in names:
        looks.setdefault(unicode_name(name), []).append(name)
    plain = {look: look if look in own else own[0] for look, own in looks.items()}
    return [name for look, own in looks.items() for name in own if name != plain[look]]
