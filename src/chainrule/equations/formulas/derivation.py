"""A derivation: numbered lines a reader can follow, in every notation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from html import escape
from typing import Any, ClassVar, TypeVar

from chainrule.arrays import ArrayLike
from chainrule.equations.calculus.asked import Asked
from chainrule.equations.calculus.naming import Line, needed_lines
from chainrule.equations.calculus.pin import involves
from chainrule.equations.calculus.second import Moved, Second
from chainrule.equations.calculus.stacking import shared_axis
from chainrule.equations.formulas.by_layer import LAYER_LETTERS, ByLayer, Row, fold, vanishes
from chainrule.equations.formulas.derived_sheet import derived_sheet
from chainrule.equations.formulas.explanation import (
    Step,
    fused_rule,
    grouped,
    markdown,
    numbered,
    remarks_on,
    rule,
    was_fused,
)
from chainrule.equations.formulas.forms import Form
from chainrule.equations.formulas.kinks import Kink, kinks_of
from chainrule.equations.formulas.letters import is_indexed, sizes_not_letters
from chainrule.equations.formulas.line_names import Spelling, independence, spelling_of
from chainrule.equations.formulas.matrixform import matrix_form
from chainrule.equations.formulas.print_latex import LatexPrinter, where_list
from chainrule.equations.formulas.print_mathml import MathPrinter
from chainrule.equations.formulas.print_unicode import UnicodePrinter
from chainrule.equations.formulas.printing import Printer
from chainrule.equations.formulas.shown import OneExample, Shown
from chainrule.equations.formulas.structured import Structured, block_place, structured
from chainrule.equations.language.origin import Remade
from chainrule.equations.language.tree import Layout, Size
from chainrule.equations.nodes.nodes import Node
from chainrule.equations.nodes.program import Program
from chainrule.errors import OptionError

Writer = TypeVar("Writer", bound=Printer)


@dataclass(frozen=True)
class Derivation(Remade):
    """The derivative of one quantity as a short list of equations.

    Attributes
    ----------
    program : Program
        The sheet that the lines are over; stacked over the examples in batch form.
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
    examples : str, int or None
        The number of examples, if the lines are over all of them.
    per_example : bool
        Whether the lines are written for one example s, sums over the examples as Σ_s. Without it they are
        so only where a product with the examples is beyond matrix form: d²L/dW² = Σ_s M_s ⊗ x_s x_sᵀ.
    remarks : tuple of str
        What else a reader should know, such as terms that a sum over the examples repeats.

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
    examples: Size | None = None
    per_example: bool = False
    remarks: tuple[str, ...] = ()

    kept: ClassVar = ("explained",)

    @property
    def order(self) -> int:
        """2 for a Hessian or its product with a direction, else 1."""
        return 2 if any(isinstance(line.symbol.data, Second | Moved) for line in self.lines) else 1

    @property
    def quantity(self) -> str:
        """What it is, in words: a gradient, a Jacobian, a Hessian, or a Hessian times a direction."""
        if any(isinstance(line.symbol.data, Moved) for line in self.lines):
            return "Hessian times a direction"
        if self.order == 2:
            return "Hessian"
        return "Jacobian" if self.program.symbols[self.of].dims else "gradient"

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
        return kinks_of(self.program, self.of, self.wrt, self.order)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The lines with their rules and shapes."""
        rows = zip(self._shown, self._written(self._writer(UnicodePrinter)), strict=True)
        return tuple(self._step(line, sides) for line, sides in rows)

    def _step(self, line: Line, sides: list[tuple[str, str]]) -> Step:
        left, right = sides[-1]
        step = Step(
            left, right, rule(line, self.of, self._spelled), self.shown.shape(line.symbol), line.requested
        )
        if len(sides) == 1:
            return step
        fused = fused_rule(self.program, line, self.of, self._shown, self._spelled)
        return replace(
            step, rule=fused, naive=sides[0][1], naive_rule=grouped(line.naive_rules, self._spelled)
        )

    @property
    def _shown(self) -> tuple[Line, ...]:
        return self.every if self.explained else self.lines

    def __str__(self) -> str:
        plain = "\n".join(map(str, self.steps))
        steps = numbered(self.steps, self._spelled) if self.explained else plain
        return "\n".join((steps, *self.remarks))

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
        return str(self.explanation)

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
        writer = self._writer(LatexPrinter)
        rows = [
            f"{left if place == 0 else ''} &= {right}".lstrip()
            for sides in self._written(writer)
            for place, (left, right) in enumerate(sides)
        ]
        if not where:
            return _aligned(rows)
        names = _aligned(where_list(self.program, self.lines, writer))
        return f"{_aligned(rows)}\n\\quad\\text{{where}}\\quad\n{names}"

    def mathml(self) -> str:
        """The lines as one MathML table, for pages without any script."""
        writer = self._writer(MathPrinter)
        rows = [
            f"<mtr><mtd>{'' if place else left}</mtd><mtd><mo>=</mo></mtd><mtd>{right}</mtd></mtr>"
            for sides in self._written(writer)
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
        return derived_sheet(self.program, self.lines, replace(self.shown, view=None))

    def structured(
        self,
        values: Mapping[str, ArrayLike],
        sizes: Mapping[str, int] | None = None,
        block: str | tuple[str, str] | None = None,
    ) -> Structured:
        """A line at given values, held as its factors: a Jacobian tensor or a Hessian block.

        Parameters
        ----------
        values : mapping of str to array_like
            Values of the declared names it needs.
        sizes : mapping of str to int, optional
            Sizes the values do not show.
        block : str or tuple of str, optional
            Which line: ``("W", "V")`` for the block d²L/(dW dV), ``"W"`` for the derivative by W (of order 2:
            by W twice), or a line's left side. By default the last line.

        Returns
        -------
        Structured
            With ``matvec``, ``diag``, ``solve``, and ``dense`` where its size allows it.

        Raises
        ------
        OptionError
            If the derivation is not in gradient layout, if there is no such line, or if it is a product with
            a direction.
        """
        if self.layout != "gradient":
            raise OptionError("structured works on Jacobians and Hessian blocks in gradient layout.")
        place = block_place(self.lines, self.of, block)
        return structured(self.program, self.lines[: place + 1], values, sizes or {}, self._formulas[place])

    @cached_property
    def _formulas(self) -> list[tuple[str, str]]:
        """What each line is equal to, in Unicode and in LaTeX: written once, whatever the values."""
        plain = replace(self, explained=False)
        latex = plain._written(plain._writer(LatexPrinter))
        return [(step.formula, sides[-1][1]) for step, sides in zip(plain.steps, latex, strict=True)]

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"

    def _repr_html_(self) -> str:
        remarks = "".join(f"<p>{escape(remark)}</p>" for remark in self.remarks)
        return f"<div>{self.mathml()}{remarks}</div>"

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
            "remarks": list(self.remarks),
        }

    def markdown(self) -> str:
        """The lines as a Markdown list with their rules."""
        return "\n\n".join((markdown(self.steps), *self.remarks))

    def by_layer(self) -> ByLayer:
        """The lines of a network, those of all its layers written once, with letters for their numbers.

        Lines that differ in the numbers of names alone are one, if each number on the right is one on the
        left plus a constant; nothing else is assumed. A Hessian by all weights is printed as one generic
        block with its recursions.

        Examples
        --------
        >>> from chainrule.equations import Equations
        >>> weights = "; ".join(f"W{k}: R[m{k}, m{k - 1}]" for k in (1, 2, 3))
        >>> layers = "; ".join(f"z{k} = W{k} @ h{k - 1}; h{k} = tanh(z{k})" for k in (1, 2, 3))
        >>> model = Equations(f"data h0: R[m0]; parameters {weights}; {layers}; L = sum(h3**3)")
        >>> print(model.derive("L").by_layer())
        dL/dh₃ = 3 (h₃⊙h₃)
        dL/dzₗ = (1 - hₗ⊙hₗ) ⊙ dL/dhₗ   l = 3, …, 1
        dL/dWₗ = dL/dzₗ hₗ₋₁ᵀ           l = 3, …, 1
        dL/dhₗ = Wₗ₊₁ᵀ dL/dzₗ₊₁         l = 2, 1
        """
        rows = [
            Row(symbol.data, form)
            for symbol, (form,) in self.shown.forms([replace(line, naive=None) for line in self.lines])
        ]
        sizes = {str(size) for symbol in self.program.symbols.values() for size in symbol.dims}
        free = [letter for letter in LAYER_LETTERS if letter not in {*self._taken, *sizes}]
        letters = (free[0], free[1])
        axes_of = self.shown.letters_of
        return ByLayer(
            tuple(fold(rows, letters)), self._taken, letters, axes_of, self._spelled, again=self.by_layer
        )

    @cached_property
    def shown(self) -> Shown:
        """The layout of the lines, for one example or over all of them."""
        of, view = self.program.symbols[self.of], self._view()
        return Shown(len((view.symbol(of) if view else of).dims), self.layout, view)

    def _view(self) -> OneExample | None:
        """How the lines look for one example; None if they are written over all of them."""
        if self.examples is None:
            return None
        view = OneExample(self.program, self.examples)
        stuck = self.per_example or any(
            involves(line.expression, self.examples) and is_indexed(matrix_form(line.expression))
            for line in self.lines
        )
        return view if stuck and view.can_write(self.lines) else None

    @property
    def _taken(self) -> tuple[str, ...]:
        """Names that are no letters of index notation."""
        view = self.shown.view
        sizes = sizes_not_letters(self.program.symbols.values(), [line.expression for line in self.lines])
        return (*self.program.symbols, *sizes, *([view.letter] if view else []))

    def _writer(self, printer: type[Writer]) -> Writer:
        return printer(self._spelled, self._taken, self.shown.letters_of)

    @cached_property
    def _spelled(self) -> Spelling:
        """The names as they are printed beside all others."""
        return spelling_of(self.program)

    def _written(self, writer: Printer) -> list[list[tuple[str, str]]]:
        """Left and right side of every line; before it, in an explanation, what the rules alone give."""
        told = [
            line if self.explained and was_fused(line) else replace(line, naive=None) for line in self._shown
        ]
        return [
            list(dict.fromkeys(self._sides(writer, symbol, form) for form in reversed(forms)))
            for symbol, forms in self.shown.forms(told)
        ]

    def _sides(self, writer: Printer, symbol: Node, form: Form) -> tuple[str, str]:
        left, right = writer.equation(writer.names(symbol), form, self.shown.axes(symbol))
        if vanishes(form):
            words = independence(self._spelled(symbol.data)) if isinstance(writer, UnicodePrinter) else ""
            right = f"{writer.number(Fraction(0))} {words}".rstrip()
        return left, right


def derivation_of(asked: Asked, every: Sequence[Line], explained: bool, form: str | None) -> Derivation:
    """The derivation that was asked for, whose lines, with those that an explanation needs, are given.

    Raises
    ------
    OptionError
        If it is asked for in example form, and the examples mix.
    """
    program, of, wrt, layout = asked[:4]
    examples, lines = shared_axis(program), tuple(needed_lines(list(every)))
    alone = form == "example" and examples is not None
    if examples is not None and alone and not OneExample(program, examples).can_write(lines):
        raise OptionError(
            f"The examples of {of} mix before they are summed, so there is no line for one of them; "
            "leave form out."
        )
    own = (explained, examples, alone, remarks_on(asked))
    program.pool.refill()  # for what it is asked later: its notations, its factors
    return Derivation(program, of, tuple(wrt), layout, lines, tuple(every), *own)


def _aligned(rows: Sequence[str]) -> str:
    return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"
