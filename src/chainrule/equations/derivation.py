"""A derivation: numbered lines a reader can follow, in every notation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from numpy.typing import ArrayLike

from chainrule.equations.arrange import transpose
from chainrule.equations.explanation import Step, fused_rule, markdown, naive_rule, numbered, rule, was_fused
from chainrule.equations.forms import Form, Named, Transposed
from chainrule.equations.glyphs import unicode_name
from chainrule.equations.index_notation import is_indexed
from chainrule.equations.kinks import Kink, kinks_of
from chainrule.equations.lets import Cotangent, Line, needed_lines
from chainrule.equations.line_names import latex_line, mathml_line, sheet_line, unicode_line
from chainrule.equations.matrixform import matrix_form
from chainrule.equations.nodes import Node, is_zero
from chainrule.equations.print_latex import LatexPrinter
from chainrule.equations.print_mathml import MathPrinter
from chainrule.equations.print_sheet import SheetPrinter
from chainrule.equations.print_unicode import UnicodePrinter
from chainrule.equations.printing import Printer
from chainrule.equations.program import Program
from chainrule.equations.second import Moved, Second, direction_symbols
from chainrule.equations.structured import Structured, structured
from chainrule.equations.tree import Declaration, Layout, Size
from chainrule.errors import OptionError

__all__ = ["Derivation", "Step", "derivation_of", "unicode_lines"]


@dataclass(frozen=True)
class Derivation:
    """The derivative of one quantity as a short list of equations.

    Attributes
    ----------
    of : str
        The differentiated name.
    wrt : tuple of str
        The requested names.
    layout : str
        ``"gradient"``, ``"numerator"`` or ``"denominator"``.
    lines : tuple of Line
        What is printed.
    every : tuple of Line
        The lines with those that only an explanation needs.
    explained : bool
        Whether ``steps`` and every notation but `sheet` show how the lines come about.

    Notes
    -----
    ``str`` gives Unicode, `latex` aligned LaTeX, `mathml` MathML, `sheet` a sheet that reads back; a notebook
    shows the formulas typeset.
    """

    program: Program
    of: str
    wrt: tuple[str, ...]
    layout: Layout
    lines: tuple[Line, ...]
    every: tuple[Line, ...] = ()
    explained: bool = False

    @cached_property
    def kinks(self) -> tuple[Kink, ...]:
        """Where the formulas do not hold, and what they give there, in the order of the sheet.

        Examples
        --------
        >>> from chainrule.equations import Equations
        >>> model = Equations("data x: R[p]; parameters W: R[m, p]; z = W @ x; L = sum(relu(z))")
        >>> print(*model.derive("L").kinks)
        z = 0: relu' = step, 0 at 0
        """
        return kinks_of(self.program, self.of, self.wrt)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The lines with their rules and shapes."""
        writer = UnicodePrinter(_named(unicode_line), tuple(self.program.symbols), self._letters_of)
        rows = zip(self._shown, self._written(writer, self._zero_text), strict=True)
        return tuple(self._step(line, sides) for line, sides in rows)

    def _step(self, line: Line, sides: list[tuple[str, str]]) -> Step:
        left, right = sides[-1]
        step = Step(left, right, rule(line, self.of), self._shape(line.symbol), line.requested)
        if len(sides) == 1:
            return step
        fused = fused_rule(self.program, line, self.of, self._shown)
        return replace(step, rule=fused, naive=sides[0][1], naive_rule=naive_rule(line))

    @property
    def _shown(self) -> tuple[Line, ...]:
        return self.every if self.explained else self.lines

    def __str__(self) -> str:
        return numbered(self.steps) if self.explained else "\n".join(str(step) for step in self.steps)

    def __repr__(self) -> str:
        return f"<Derivation of {self.of} by {', '.join(self.wrt)}: {len(self.lines)} lines>\n{self}"

    def explain(self) -> str:
        """The lines, numbered, each with its shape and the rule that gives it.

        Where other lines were put into one, or a name took the place of its body, what the rules alone give
        stands above it, over the names of the lines before.

        Examples
        --------
        >>> from chainrule.equations import Equations
        >>> model = Equations("z: R[K]; y: Simplex[K]; p = softmax(z); L = -(y.T @ log(p))")
        >>> print(model.derive("L", "z").explain())
         1. dL/dp = -(y / p)                (K,)  sum rule, product rule, log' = 1/u in L
         2. dL/dz = (diag(p) - p pᵀ) dL/dp  (K,)  Jacobian of softmax p: diag(p) - ppᵀ in p
                  = p - y                         through p; factors cancel
        """
        return numbered(self.explanation.steps)

    @property
    def explanation(self) -> Derivation:
        """The derivation that shows how its lines come about."""
        return replace(self, explained=True)

    def latex(self, *, where: bool = False) -> str:
        r"""The lines as an ``aligned`` block of LaTeX; needs amsmath and amssymb.

        Parameters
        ----------
        where : bool
            Whether a second block says what the names of the sheet stand for.
        """
        writer = LatexPrinter(_named(latex_line), tuple(self.program.symbols), self._letters_of)
        rows = [
            f"{left if place == 0 else ''} &= {right}".lstrip()
            for sides in self._written(writer, lambda name: "0")
            for place, (left, right) in enumerate(sides)
        ]
        if not where:
            return _aligned(rows)
        return f"{_aligned(rows)}\n\\quad\\text{{where}}\\quad\n{_aligned(self._where(writer))}"

    def _where(self, writer: LatexPrinter) -> list[str]:
        """What each name of the sheet stands for, in the order of the sheet."""
        program = self.program
        used = program.ancestors(name for line in self.lines for name in program.names_in(line.expression))
        rows = []
        for name in program.symbols:
            if name in program.bodies and name in used:
                left, right = writer.equation(latex_line(name), matrix_form(program.bodies[name]))
                rows.append(f"{left} &= {right}")
            elif name in used:
                rows.append(f"{latex_line(name)} &\\in {_space(program.declarations[name])}")
        return rows

    def mathml(self) -> str:
        """The lines as one MathML table, for pages without any script."""
        writer = MathPrinter(_named(mathml_line), tuple(self.program.symbols), self._letters_of)
        rows = [
            f"<mtr><mtd>{'' if place else left}</mtd><mtd><mo>=</mo></mtd><mtd>{right}</mtd></mtr>"
            for sides in self._written(writer, lambda name: "<mn>0</mn>")
            for place, (left, right) in enumerate(sides)
        ]
        return (
            '<math display="block"><mtable columnalign="right center left">'
            + "".join(rows)
            + "</mtable></math>"
        )

    def sheet(self) -> str:
        """The model and its derivative as one sheet; names such as ``dL_dW`` hold the lines.

        A name that the model has already gets an underscore at its end.
        """
        sizes = {size for symbol in self.program.symbols.values() for size in symbol.dims}
        taken = [*self.program.symbols, *(size for size in sizes if isinstance(size, str))]
        names = _sheet_names([*direction_symbols(self.lines), *(line.symbol for line in self.lines)], taken)
        writer = SheetPrinter(names, taken, self._letters_of)
        rows = [_declaration(declaration) for declaration in self.program.declarations.values()]
        directions = direction_symbols(self.lines)
        rows += [
            f"{names(symbol)}: R[{', '.join(map(str, symbol.dims))}]".replace("[]", "")
            for symbol in directions
        ]
        # What can only be evaluated has no body here, and what rests on it would not read back.
        lost = self.program.dependents(self.program.without_rule)
        equations = [
            writer.equation(name, matrix_form(body))
            for name, body in self.program.bodies.items()
            if name not in lost
        ]
        equations += [sides[-1] for sides in replace(self, explained=False)._written(writer)]
        return "\n".join([*rows, *(f"{left} = {right}" for left, right in equations)]) + "\n"

    def structured(
        self, values: Mapping[str, ArrayLike], sizes: Mapping[str, int] | None = None
    ) -> Structured:
        """The last line at given values, held as its factors: a Jacobian tensor or a Hessian block.

        Parameters
        ----------
        values : mapping of str to array_like
            Values of the declared names it needs.
        sizes : mapping of str to int, optional
            Sizes the values do not show.

        Returns
        -------
        Structured
            With ``matvec``, ``diag``, ``solve``, and ``dense`` where its size allows it.

        Raises
        ------
        OptionError
            If the derivation is not in gradient layout, or its last line is a product with a direction.
        """
        last = self.lines[-1]
        if self.layout != "gradient" or not isinstance(last.symbol.data, Cotangent | Second):
            raise OptionError("structured works on Jacobians and Hessian blocks in gradient layout.")
        latex = LatexPrinter(_named(latex_line), tuple(self.program.symbols), self._letters_of)
        written = (self.steps[-1].formula, self._written(latex, lambda name: "0")[-1][-1][1])
        return structured(self.program, self.lines, values, sizes or {}, written)

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"

    def _repr_html_(self) -> str:
        return f"<div>{self.mathml()}</div>"

    def to_dict(self) -> dict[str, Any]:
        """The derivation as plain data, for programs."""
        return {
            "of": self.of,
            "wrt": list(self.wrt),
            "layout": self.layout,
            "steps": [
                {
                    "name": step.name,
                    "formula": step.formula,
                    "rule": step.rule,
                    "shape": list(step.shape),
                    "requested": step.requested,
                    "naive": step.naive,
                    "naive_rule": step.naive_rule,
                }
                for step in self.steps
            ],
        }

    def markdown(self) -> str:
        """The lines as a Markdown list with their rules."""
        return markdown(self.steps)

    def _rank(self) -> int:
        return len(self.program.symbols[self.of].dims)

    def _shape(self, symbol: Node) -> tuple[Size, ...]:
        return tuple(symbol.dims[axis] for axis in self._axes(symbol))

    def _axes(self, symbol: Node) -> list[int]:
        """Order of a line's axes in the layout: the outputs' axes come first in the calculus itself."""
        lead = self._rank()
        own, axes = list(range(lead)), list(range(lead, len(symbol.dims)))
        if self.layout == "numerator":
            return own + axes[::-1]
        if self.layout == "denominator":
            return axes + own[::-1]
        return own + axes

    def _letters_of(self, symbol: Node) -> Sequence[int]:
        """Order in which a symbol of three or more axes wears its letters."""
        return self._axes(symbol) if isinstance(symbol.data, tuple) else range(len(symbol.dims))

    def _flips(self, symbol: Node) -> bool:
        """Whether the layout shows the transpose of what the calculus holds."""
        rank = len(symbol.dims)
        if not isinstance(symbol.data, tuple) or rank > 2:
            return False
        if self.layout == "numerator":
            return self._rank() == 0
        return self.layout == "denominator" and self._rank() > 0

    def _written(
        self, writer: Printer, zero: Callable[[Any], str] | None = None
    ) -> list[list[tuple[str, str]]]:
        """Left and right side of every line; before it, in an explanation, what the rules alone give."""
        held: dict[Node, Form] = {}
        rows = []
        for line in self._shown:
            symbol, form = line.symbol, matrix_form(line.expression, held)
            sides = self._sides(writer, symbol, form)
            if zero is not None and is_zero(line.expression):
                sides = (sides[0], zero(symbol.data))
            rows.append([sides])
            if self.explained and line.naive is not None and was_fused(line):
                naive = self._sides(writer, symbol, matrix_form(line.naive, held))
                rows[-1] = [naive, sides] if naive != sides else [sides]
            # A vector in index notation is a column: letters have no orientation.
            if self._flips(symbol) and symbol.dims and not (len(symbol.dims) == 1 and is_indexed(form)):
                held[symbol] = Transposed(len(symbol.dims), Named(len(symbol.dims), symbol))
        return rows

    def _sides(self, writer: Printer, symbol: Node, form: Form) -> tuple[str, str]:
        flipped = transpose(form) if self._flips(symbol) else form
        return writer.equation(writer.names(symbol), form, self._axes(symbol), flipped)

    @staticmethod
    def _zero_text(name: Any) -> str:
        return " ".join(["0", *(f"({words})" for words in _independent(name))])


def derivation_of(
    program: Program, of: str, wrt: Sequence[str], layout: Layout, every: list[Line], explained: bool
) -> Derivation:
    """The derivation whose lines, with those that an explanation needs, are given."""
    return Derivation(program, of, tuple(wrt), layout, tuple(needed_lines(every)), tuple(every), explained)


def unicode_lines(program: Program, lines: Mapping[Node, Node]) -> list[str]:
    """Named lines over a program, in Unicode."""
    writer = UnicodePrinter(_named(unicode_line), tuple(program.symbols))
    equations = (writer.equation(writer.names(symbol), matrix_form(body)) for symbol, body in lines.items())
    return [f"{left} = {right}" for left, right in equations]


def _aligned(rows: Sequence[str]) -> str:
    return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"


def _space(declaration: Declaration) -> str:
    """The set a declared name lies in, in LaTeX."""
    sizes = r" \times ".join(
        str(size) if isinstance(size, int) else latex_line(size) for size in declaration.axes
    )
    match declaration.domain:
        case "class":
            base = rf"\{{0, \dots, {latex_line(str(declaration.classes))} - 1\}}"
        case "sign":
            base = r"\{-1, +1\}"
        case "bit":
            base = r"\{0, 1\}"
        case "simplex":
            return rf"\Delta^{{{sizes}}}"
        case _:
            base = r"\mathbb{R}"
    return base + (f"^{{{sizes}}}" if sizes else "")


def _named(name: Callable[[Any], str]) -> Callable[[Node], str]:
    return lambda symbol: name(symbol.data)


def _independent(name: Any) -> list[str]:
    """The names a vanishing line does not depend on, in words."""
    match name:
        case Cotangent(of=of, wrt=wrt):
            return [f"{unicode_name(of)} does not depend on {unicode_name(wrt)}"]
        case Second(of=of, wrt=wrt, then=then):
            return [f"d{unicode_name(of)}/d{unicode_name(wrt)} does not depend on {unicode_name(then)}"]
        case Moved(base=base):
            return [f"{unicode_line(base)} does not move"]
    return []


def _sheet_names(symbols: Iterable[Node], taken: Iterable[str]) -> Callable[[Node], str]:
    """Names of all symbols in sheet syntax; a line's gets underscores until it is no other's."""
    used = set(taken)
    names: dict[Node, str] = {}
    for symbol in symbols:
        name = sheet_line(symbol.data)
        while name in used:
            name += "_"
        used.add(name)
        names[symbol] = name
    return lambda node: names[node] if node in names else str(node.data)


def _declaration(declaration: Declaration) -> str:
    sizes = ", ".join(str(size) for size in declaration.axes)
    domain = {"real": "R", "sign": "Sign", "bit": "Bit", "simplex": "Simplex"}.get(
        declaration.domain, "Class"
    )
    if declaration.domain == "class":
        sizes = ", ".join(filter(None, (sizes, str(declaration.classes))))
    role = "" if declaration.role == "given" else f"{declaration.role} "
    return f"{role}{declaration.name}: {domain}" + (f"[{sizes}]" if sizes else "")
