"""A derivation: numbered lines a reader can follow, in every notation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any

from numpy.typing import ArrayLike

from chainrule.equations.arrange import transpose
from chainrule.equations.forms import Form, Named, Transposed
from chainrule.equations.glyphs import unicode_name
from chainrule.equations.index_notation import is_indexed, sizes_not_letters
from chainrule.equations.kinks import Kink, kinks_of
from chainrule.equations.lets import Cotangent, Line
from chainrule.equations.line_names import latex_line, mathml_line, sheet_line, unicode_line
from chainrule.equations.matrixform import matrix_form
from chainrule.equations.nodes import Node, is_zero
from chainrule.equations.one_example import OneExample
from chainrule.equations.pin import involves
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

__all__ = ["Derivation", "Step", "unicode_lines"]


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a derivation.

    Attributes
    ----------
    name : str
        The left side, in Unicode.
    formula : str
        The right side, in Unicode.
    rule : str
        Where it comes from, in words.
    shape : tuple of int or str
        Sizes of its axes in the derivation's layout.
    requested : bool
        Whether the line was asked for.
    """

    name: str
    formula: str
    rule: str
    shape: tuple[Size, ...]
    requested: bool

    def __str__(self) -> str:
        return f"{self.name} = {self.formula}"


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
    examples : str, int or None
        The number of examples, if the lines are over all of them.
    per_example : bool
        Whether the lines are written for one example s, sums over the examples as Σ_s. Without it they are
        so only where a product with the examples is beyond matrix form: d²L/dW² = Σ_s M_s ⊗ x_s x_sᵀ.

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
    examples: Size | None = None
    per_example: bool = False

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
        writer = UnicodePrinter(_named(unicode_line), self._taken, self._letters_of)
        return tuple(
            Step(left, right, _rule(line), self._shape(self._seen(line.symbol)), line.requested)
            for line, (left, right) in zip(self.lines, self._written(writer, self._zero_text), strict=True)
        )

    def __str__(self) -> str:
        return "\n".join(str(step) for step in self.steps)

    def __repr__(self) -> str:
        return f"<Derivation of {self.of} by {', '.join(self.wrt)}: {len(self.lines)} lines>\n{self}"

    def explain(self) -> str:
        """The lines, numbered, each with its shape and the rule that gives it."""
        left = max((len(str(step)) for step in self.steps), default=0)
        shapes = [str(tuple(step.shape)).replace("'", "") if step.shape else "scalar" for step in self.steps]
        width = max(map(len, shapes), default=0)
        return "\n".join(
            f"{number:>2}. {step!s:<{left}}  {shape:<{width}}  {step.rule}".rstrip()
            for number, (step, shape) in enumerate(zip(self.steps, shapes, strict=True), 1)
        )

    def latex(self, *, where: bool = False) -> str:
        r"""The lines as an ``aligned`` block of LaTeX; needs amsmath and amssymb.

        Parameters
        ----------
        where : bool
            Whether a second block says what the names of the sheet stand for.
        """
        writer = LatexPrinter(_named(latex_line), self._taken, self._letters_of)
        rows = [f"{left} &= {right}" for left, right in self._written(writer, lambda name: "0")]
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
        writer = MathPrinter(_named(mathml_line), self._taken, self._letters_of)
        rows = [
            f"<mtr><mtd>{left}</mtd><mtd><mo>=</mo></mtd><mtd>{right}</mtd></mtr>"
            for left, right in self._written(writer, lambda name: "<mn>0</mn>")
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
        own = [line.symbol for line in self.lines if line.symbol.data not in self.program.symbols]
        names = _sheet_names([*direction_symbols(self.lines), *own], taken)
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
        defined = set(self.program.symbols.values())
        equations += [
            row
            for line, row in zip(self.lines, self._written(writer), strict=True)
            if line.symbol not in defined
        ]
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
        latex = LatexPrinter(_named(latex_line), self._taken, self._letters_of)
        written = (self.steps[-1].formula, self._written(latex, lambda name: "0")[-1][1])
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
                }
                for step in self.steps
            ],
        }

    def markdown(self) -> str:
        """The lines as a Markdown list with their rules."""
        return "\n".join(
            f"{n}. `{step}` — {escape(step.rule, quote=False)}" for n, step in enumerate(self.steps, 1)
        )

    @cached_property
    def view(self) -> OneExample | None:
        """How the lines look for one example; None if they are written over all of them."""
        if self.examples is None:
            return None
        view = OneExample(self.program, self.examples)
        stuck = self.per_example or any(
            involves(line.expression, self.examples) and is_indexed(matrix_form(line.expression))
            for line in self.lines
        )
        return view if stuck and view.can_write(self.lines) else None

    @cached_property
    def _taken(self) -> tuple[str, ...]:
        """Names that are no letters of index notation."""
        sizes = sizes_not_letters(self.program.symbols.values(), [line.expression for line in self.lines])
        return (*self.program.symbols, *sizes, *([self.view.letter] if self.view else []))

    def _seen(self, symbol: Node) -> Node:
        return self.view.symbol(symbol) if self.view else symbol

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

    def _written(self, writer: Printer, zero: Callable[[Any], str] | None = None) -> list[tuple[str, str]]:
        """Left and right side of every line."""
        held: dict[Node, Form] = {}
        view = self.view if isinstance(writer, UnicodePrinter | LatexPrinter | MathPrinter) else None
        rows = []
        for line in self.lines:
            symbol = view.symbol(line.symbol) if view else line.symbol
            form = view.form(line.expression, held) if view else matrix_form(line.expression, held)
            flipped = transpose(form) if self._flips(symbol) else form
            left, right = writer.equation(writer.names(symbol), form, self._axes(symbol), flipped)
            if zero is not None and is_zero(line.expression):
                right = zero(symbol.data)
            rows.append((left, right))
            # A vector in index notation is a column: letters have no orientation.
            if self._flips(symbol) and symbol.dims and not (len(symbol.dims) == 1 and is_indexed(form)):
                held[symbol] = Transposed(len(symbol.dims), Named(len(symbol.dims), symbol))
        return rows

    @staticmethod
    def _zero_text(name: Any) -> str:
        return " ".join(["0", *(f"({words})" for words in _independent(name))])


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


def _rule(line: Line) -> str:
    words = "; ".join(line.rules)
    if line.through:
        through = "through " + ", ".join(unicode_name(name) for name in line.through)
        words = f"{through}{'; factors cancel' if line.cancelled else ''}" + (f"; {words}" if words else "")
    return words


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
