"""A model written as equations: the public face of the language and the calculus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from chainrule.arrays import Array, ArrayLike, np
from chainrule.equations.calculus.asked import Over, asked_of, require_name, require_objective, require_twice
from chainrule.equations.calculus.blockwise import block_derivation
from chainrule.equations.calculus.derived_value import Derived, derived
from chainrule.equations.calculus.lets import derive_lines
from chainrule.equations.calculus.lower import differentiated
from chainrule.equations.calculus.programs import Programs
from chainrule.equations.calculus.second import product_lines
from chainrule.equations.calculus.stacking import shared_axis
from chainrule.equations.formulas.derivation import Derivation, derivation_of
from chainrule.equations.formulas.explanation import explained_lines
from chainrule.equations.language.claims import Claim
from chainrule.equations.language.evaluate import Environment, evaluate
from chainrule.equations.language.more_digits import with_more_digits
from chainrule.equations.language.origin import Origin, Text, remade
from chainrule.equations.language.sheet import Sheet, read
from chainrule.equations.language.tree import Derivative, Layout, Role, Size
from chainrule.equations.nodes.program import Program
from chainrule.errors import DataError, OptionError, within_memory

if TYPE_CHECKING:  # the compiler is imported by the methods that compile: a derivation does without
    from chainrule.equations.code.compiled import Compiled
    from chainrule.equations.code.objective import SheetObjective


class Equations(Text):
    """A sheet of equations: read, derived, evaluated, compiled, made into an objective.

    Parameters
    ----------
    text : str
        The sheet: declarations with roles, definitions, claims.

    Raises
    ------
    SheetError
        If the text cannot be read; the message shows the line with a caret and what would be right.

    Examples
    --------
    >>> model = Equations('''
    ...     data        x: R[p];  y: Class[K]
    ...     parameters  W: R[M, p];  b: R[M];  V: R[K, M];  c: R[K]
    ...     h = tanh(b + W @ x)
    ...     f = c + V @ h
    ...     L = logsumexp(f) - f[y]
    ... ''')
    >>> print(model.derive("L"))
    dL/df = softmax(f) - e_y
    dL/dc = dL/df
    dL/dV = dL/df hᵀ
    dL/dh = Vᵀ dL/df
    dL/db = (1 - h⊙h) ⊙ dL/dh
    dL/dW = dL/db xᵀ
    """

    def __init__(self, text: str) -> None:
        self._sheet = read(text)
        self._programs = Programs(self._sheet)

    @property
    def text(self) -> str:
        """The sheet as it was given."""
        return self._sheet.text

    @property
    def sheet(self) -> Sheet:
        """The sheet as typed trees."""
        return self._sheet

    @property
    def program(self) -> Program:
        """The sheet in index notation."""
        return self._programs.whole

    @property
    def names(self) -> tuple[str, ...]:
        """Declared and defined names, in order."""
        return (*self._sheet.declarations, *self._sheet.definitions)

    @property
    def roles(self) -> Mapping[str, Role]:
        """Role of each declared name."""
        return MappingProxyType({name: item.role for name, item in self._sheet.declarations.items()})

    @property
    def sizes(self) -> tuple[str, ...]:
        """The symbolic sizes."""
        return self._sheet.sizes

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The claims ``left == right``."""
        return self._sheet.claims

    def shape_of(self, name: str) -> tuple[Size, ...]:
        """Symbolic shape of a name's whole value, index axes first.

        Examples
        --------
        >>> Equations("x: R[p]; W: R[M, p]; h = tanh(W @ x)").shape_of("h")
        ('M',)
        """
        require_name(self.program, name)
        return self._sheet.type_of(name).axes

    def evaluate(
        self, name: str, values: Mapping[str, ArrayLike], sizes: Mapping[str, int] | None = None
    ) -> Array:
        """Value of a name, or of any expression over the sheet's names, computed literally as written.

        Where double precision overflows or divides by what has vanished in it, though there is a value, it is
        computed in decimals: exp(800) / (exp(800) + exp(799)) is 0.731.

        Parameters
        ----------
        name : str
            A name such as ``"L"`` or an expression such as ``"d(L, W)"``.
        values : mapping of str to array_like
            Values of the declared names it needs; complex values pass through.
        sizes : mapping of str to int, optional
            Sizes the values do not show.

        Raises
        ------
        DataError, ShapeError
            If a value is missing, unknown, outside its domain or of the wrong shape.

        Examples
        --------
        >>> print(Equations("x: R[p]; L = norm2(x)**2").evaluate("d(L, x)", {"x": [1.0, -2.0]}))
        [ 2. -4.]
        """
        try:
            with within_memory(f"The value of {name}"):
                return with_more_digits(
                    lambda numbers: evaluate(
                        self._sheet, name, values, self.total_derivative, sizes, arithmetic=numbers
                    )
                )
        except np.linalg.LinAlgError as error:
            raise DataError(
                f"{name} cannot be computed here: a matrix that its formula inverts is singular. "
                "Give one with a determinant other than 0."
            ) from error

    def total_derivative(self, term: Derivative, environment: Environment) -> Array:
        """Value of a ``d(of, wrt)`` met while evaluating: derived first, then evaluated."""
        return self.derived(term).value(environment)

    def derived(self, term: Derivative, steps: int | None = None) -> Derived:
        """A ``d(of, wrt)`` of the sheet, derived once and for all values, in so many steps of the rules."""
        attempt = f"The derivative with respect to {term.wrt} in line {term.span.line}"
        program = self._programs.behind(term).free(differentiated(term), attempt, steps)
        return derived(self._sheet, program, term)

    def behind(self, term: Derivative) -> Program:
        """What a derivative rests on, in index notation; more of the sheet where that is known."""
        return self._programs.behind(term).whole

    @remade
    def derive(
        self,
        of: str,
        wrt: str | Sequence[str] | None = None,
        form: Literal["example", "batch"] | None = None,
        layout: Layout | None = None,
        reduction: Literal["mean", "sum"] = "mean",
        order: Literal[1, 2] = 1,
        explain: bool = False,
        penalty: str | None = None,
    ) -> Derivation:
        """The derivative of a name as equations.

        Parameters
        ----------
        of : str
            The name to differentiate; a scalar gives gradients, anything else Jacobians.
        wrt : str or sequence of str, optional
            Names to differentiate with respect to: declared or defined. By default the parameters.
        form : {"example", "batch"}, optional
            By default the sheet as it is. ``"batch"`` stacks the examples: every name of data gets them as
            its first axis, and the objective C is the mean (or sum) of ``of``. A sheet whose data share a
            first axis that no parameter has, with rows that meet in sums alone, is over all examples already
            and stays as it is; ``"example"`` writes it for one of them, s: dL/dW = Σ_s dL/dz_s x_sᵀ.
        layout : {"gradient", "numerator", "denominator"}, optional
            By default the sheet's own at its end.
        reduction : {"mean", "sum"}
            How the batch form reduces over examples: all of ``of``, terms without data included.
        penalty : str, optional
            A line of the sheet that counts once beside the examples: C = reduction of ``of`` + penalty.
        order : {1, 2}
            2 gives the Hessian of a scalar: one block d²L/(dv dw) for every pair of names, v not after w.
        explain : bool
            Whether it shows numbered steps, with rules, shapes and what the rules alone give.

        Returns
        -------
        Derivation

        Raises
        ------
        SheetNameError
            If a name is unknown.
        SheetShapeError
            If ``order`` is 2 or ``form`` is ``"batch"`` and ``of`` is no scalar.
        NoRuleError
            If something on the way has no rule; zero is never a default.
        OptionError
            If an option is another, there is nothing to differentiate by, data enter the penalty, or the
            examples mix and the line of one of them is asked for.
        """
        free = self._programs.attempting(of, wrt, "second derivative" if order == 2 else "derivative")
        asked = asked_of(self._sheet, free, of, wrt, Over(form, reduction, penalty), layout)
        program, target, names = asked[:3]
        if order == 1:
            every = derive_lines(program, target, names, explained_lines)
        elif order == 2:
            require_twice(asked)
            program, every = block_derivation(program, target, names, shared_axis(program), explained_lines)
        else:
            raise OptionError(f"order is 1 or 2; got {order!r}. d(d(d(L, w), w), w) in a sheet goes further.")
        return derivation_of(asked._replace(program=program), every, explain, form)

    @remade
    def hessian_product(
        self,
        of: str,
        wrt: str | Sequence[str] | None = None,
        form: Literal["example", "batch"] | None = None,
        reduction: Literal["mean", "sum"] = "mean",
        explain: bool = False,
        penalty: str | None = None,
    ) -> Derivation:
        """The Hessian of a scalar times a direction as equations, for all names in ``wrt`` at once.

        D[dL/dv] = Σ_w d²L/(dv dw) v_w, in the shape of v. The direction of W is called v_W; D[h] is the
        derivative of h in the direction. The lines are as linear in depth as those of the gradient
        (Pearlmutter's R-operator, 1994).

        Parameters
        ----------
        of, wrt, form, reduction, explain, penalty
            As for `derive`, with the same errors; ``of`` is a scalar.

        Returns
        -------
        Derivation

        Examples
        --------
        >>> model = Equations("parameters A: R[n, n]; x: R[n]; L = x.T @ A @ x")
        >>> print(model.hessian_product("L", "x"))
        D[dL/dx] = (A + Aᵀ) v_x
        """
        free = self._programs.attempting(of, wrt, "second derivative in a direction")
        asked = asked_of(self._sheet, free, of, wrt, Over(form, reduction, penalty), "gradient")
        require_twice(asked)
        return derivation_of(asked, product_lines(*asked[:3], explained_lines), explain, form)

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return self.program.named("parameters")

    @remade
    def compile(
        self,
        names: str | Sequence[str],
        sizes: Mapping[str, int] | None = None,
        form: Literal["example", "batch"] = "example",
        target: Literal["numpy", "array_api"] = "numpy",
        reduction: Literal["mean", "sum"] | None = None,
        penalty: str | None = None,
    ) -> Compiled:
        """A function for names and derivatives, of NumPy's arrays or those of another library.

        Parameters
        ----------
        names : str or sequence of str
            What it returns: names (``"L"``), gradients or Jacobians (``"dL/dW"`` or ``"d(L, W)"``), and
            blocks of a scalar's Hessian (``"d2L/dW2"``, ``"d2L/(dW db)"`` or ``"d(d(L, W), b)"``: the axes
            of W, then those of b).
        sizes : mapping of str to int, optional
            Sizes to choose the order of products for; the function still takes any size.
        form : {"example", "batch"}
            ``"batch"`` takes the data with the examples as their first axis, and so returns everything
            computed from them: the derivatives of each example, too, dL/dW with shape (N, ...). A sheet that
            is over all examples already stays as it is, as in `derive`.
        target : {"numpy", "array_api"}
            ``"array_api"``: of real arrays of any library of the array API standard, such as JAX, or torch
            with array-api-compat. Ranges of labels are not checked: it can be traced.
        reduction, penalty : str, optional
            In batch form: with either of them a scalar such as L stands for the objective that `derive` and
            `objective` make of it, its mean or sum over the examples plus the penalty.

        Returns
        -------
        Compiled
            Called with the values of the names it needs; ``.source`` is its code, self-contained. A gradient
            has the shape of its variable, a Jacobian the axes of the quantity first, a block of a Hessian
            those of its first name, then those of its second.

        Raises
        ------
        SheetNameError, SheetShapeError
            If a name is unknown, or a second derivative is asked of no scalar.
        NoRuleError
            If something has no rule, or no counterpart in the array API standard, such as erf.
        OptionError
            If nothing is asked for, an order above 2 is, or an option is another.

        Examples
        --------
        >>> model = Equations("data x: R[p]; y: R; parameters w: R[p]; L = (w.T @ x - y)**2 / 2")
        >>> function = model.compile(["L", "dL/dw"])
        >>> loss, gradient = function(x=[1.0, 2.0], y=1.0, w=[0.5, 0.5])
        >>> float(loss), gradient
        (0.125, array([0.5, 1. ]))
        """
        from chainrule.equations.code.compile_requests import compile_requests

        free = self._programs.attempting(names, None, "compiled code")
        return compile_requests(self._sheet, free, names, sizes, Over(form, reduction, penalty), target)

    @remade
    def compile_product(
        self,
        of: str,
        wrt: str | Sequence[str] | None = None,
        sizes: Mapping[str, int] | None = None,
        target: Literal["numpy", "array_api"] = "numpy",
    ) -> Compiled:
        """A function for the Hessian of a scalar times a direction: `hessian_product`, compiled.

        It takes the direction of W as ``v_W`` (``v_W_`` if that is a name) and returns Σ_w d²L/(dv dw) v_w
        for every v in ``wrt``, each in the shape of v, as a tuple.

        Parameters
        ----------
        of, wrt
            As for `derive`, with the same errors; ``of`` is a scalar.
        sizes, target
            As for `compile`.

        Returns
        -------
        Compiled

        Examples
        --------
        >>> function = Equations("A: R[n, n]; x: R[n]; L = x.T @ A @ x").compile_product("L", "x")
        >>> function(A=[[1, 2], [0, 3]], v_x=[1, 0])
        (array([2., 2.]),)
        """
        from chainrule.equations.code.compile_requests import compile_direction

        asked = asked_of(
            self._sheet, self._programs.attempting(of, wrt, "compiled product"), of, wrt, Over(), "gradient"
        )
        require_twice(asked)
        return compile_direction(*asked[:3], (*self.names, *self.sizes), sizes, target)

    def objective(
        self,
        of: str,
        data: Mapping[str, ArrayLike],
        reduction: Literal["mean", "sum"] = "mean",
        sample_weight: ArrayLike | None = None,
        sizes: Mapping[str, int] | None = None,
        penalty: str | None = None,
    ) -> SheetObjective:
        """What `fit` and `minimize` minimise: a scalar of the sheet as a function of its parameters.

        Names of data that arrive with one more axis than declared are lifted over the examples:
        mean: C = (Σ_i w_i ℓ_i) / (Σ_i w_i) + R, sum: C = Σ_i w_i ℓ_i + R. The loss ℓ_i of an example is all
        of ``of``, terms without data included; what counts once is the penalty R.

        Parameters
        ----------
        of : str
            The scalar to minimise.
        data : mapping of str to array_like
            Values of every declared name that is not a parameter. An entry may be NaN where conditions of
            ``where`` without parameters leave it out.
        reduction : {"mean", "sum"}
        sample_weight : array_like, shape (n,), optional
            Weights w_i ≥ 0; a row of weight zero is dropped first.
        sizes : mapping of str to int, optional
            Sizes the data do not show, such as the number of hidden units. The number of classes of labels is
            the largest label plus 1 where neither this nor any data say otherwise.
        penalty : str, optional
            The line R of the sheet: a scalar of parameters and constants.

        Returns
        -------
        SheetObjective
            An `Objective`; its ``size`` is n, or 0 if nothing was lifted.
        """
        from chainrule.equations.code.objective import sheet_objective

        over = Over("batch", reduction, penalty)
        require_objective(self._sheet, self.program, of, penalty)
        asked = {"of": of, "reduction": reduction, "penalty": penalty}
        origin = Origin(type(self), self.text, "objective", asked)
        return sheet_objective(self._sheet, self.program, of, data, over, sample_weight, sizes or {}, origin)
