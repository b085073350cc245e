"""A loss from an equation: derived twice, compiled, usable in a network."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.catalogue.function_text import FunctionText, read_functions
from chainrule.catalogue.targets import kind_of
from chainrule.equations import Equations
from chainrule.equations.code.assemble import unchecked_source
from chainrule.equations.code.compile import compile_program
from chainrule.equations.code.compiled import Compiled
from chainrule.errors import OptionError, SheetShapeError
from chainrule.network import OUTPUTS, Fused, Loss

Array = NDArray[Any]
Quantity = Literal["loss", "slope", "curvature", "hessian"]
QUANTITIES: tuple[Quantity, ...] = ("loss", "slope", "curvature")
EXAMPLE = "cauchy(y, yhat) = sum(log(1 + (y - yhat)**2))"
PREDICTIONS = ("yhat", "y_hat", "ŷ", "p", "prediction")
SCORES = ("f", "scores", "logits")


def loss_from(text: str, *, target: str = "real") -> Loss:
    """The loss that an equation means, with its first two derivatives derived from it.

    The name of the second parameter says what it is a function of: ``yhat``, the prediction (also ``p``,
    ``prediction``), or ``f``, the scores (also ``scores``, ``logits``). A loss of the prediction goes with
    every output, through the output's Jacobian. A loss of the scores goes with every output too, which then
    decides what a prediction is and changes nothing else; its ``value`` and derivatives are in terms of the
    scores. The functions that it compiles keep float32 and accept complex predictions.

    Parameters
    ----------
    text : str
        A function of the target and the prediction or scores of one example, both vectors of k entries, such
        as ``cauchy(y, yhat) = sum(log(1 + (y - yhat)**2))``. One number for each output is summed. Lines
        before it may define functions that it calls.
    target : str
        What y is: ``real``, ``class`` (a class number, not a vector), ``distribution`` (weights of classes
        that sum to 1), ``weights`` (of classes), ``probability``, ``bit``, ``sign`` or ``count``.

    Returns
    -------
    Loss
        Its ``source`` is the text.

    Raises
    ------
    SheetError
        If the text is not of the language, or shapes do not fit.
    OptionError
        If it does not define such a function, or there is no such kind of target.
    NoRuleError
        If something in it has no derivative rule.

    Examples
    --------
    >>> cauchy = loss_from("cauchy(y, yhat) = log(1 + (y - yhat)**2)")
    >>> cauchy.gradient(np.array([[2.0, 0.0]]), np.array([[1.0, 3.0]]))
    array([[-1. ,  0.6]])
    >>> from chainrule.catalogue import equations_of
    >>> print(equations_of(cauchy).derive("loss", "yhat"))
    dloss/dŷ = 2 ((ŷ - y) / (1 + (y - ŷ)⊙(y - ŷ)))
    >>> hinge = loss_from("hinge(y, f) = sum(relu(1 - y * f))", target="sign")
    >>> from chainrule import Network
    >>> print(Network([4, 3, 1], "relu", "identity", hinge).loss)
    hinge
    """
    kind = kind_of(target)
    functions = _two_parameters(read_functions(text, EXAMPLE))
    for quantity in QUANTITIES:
        _compiled(text, target, quantity)
    value, slope, curvature = (partial(_evaluate, text, target, quantity) for quantity in QUANTITIES)
    of_scores = functions.parameters[1] in SCORES
    product = partial(_product, text, target)
    fused = dict.fromkeys(OUTPUTS, Fused(value, slope, product)) if of_scores else {}
    return Loss(
        functions.name,
        value,
        slope,
        curvature,
        product,
        fused=fused,
        through=() if of_scores else None,
        refusal=f"{functions.name} is a function of the scores; it goes with {', '.join(OUTPUTS)}",
        encode=kind.encode,
        domain=f"y {kind.meaning}; {'f' if of_scores else 'ŷ'} real",
        source=text,
    )


def called_loss(functions: FunctionText, target: str, y: str, p: str) -> str:
    """The expression that applies the loss, summed if it gives one number for each output."""
    call = f"{functions.name}({y}, {p})"
    return f"sum({call})" if _entries(functions, target) else call


def _two_parameters(functions: FunctionText) -> FunctionText:
    parameters = functions.parameters
    if len(parameters) == 2 and parameters[1] in PREDICTIONS + SCORES:
        return functions
    raise OptionError(
        f"{functions.called}: a loss takes the target and then yhat, the prediction (or "
        f"{', '.join(PREDICTIONS[1:])}), or f, the scores (or {', '.join(SCORES[1:])}), as in {EXAMPLE!r}."
    )


def _entries(functions: FunctionText, target: str) -> bool:
    """Whether the function gives one number for each output, rather than one in all."""
    k, y, p, loss = (functions.free(name) for name in ("k", "y", "p", "loss"))
    given = f"data {y}: {kind_of(target).type}[{k}]; {p}: R[{k}]"
    model = functions.applied(f"{given}\n{loss} = {functions.name}({y}, {p})")
    shape = model.shape_of(loss)
    if shape not in ((), (k,)):
        raise SheetShapeError(
            f"{functions.called} gives {model.sheet.type_of(loss)} for vectors of {k} entries; a loss gives "
            "one number, or one for each output."
        )
    return bool(shape)


@lru_cache(maxsize=256)
def _compiled(text: str, target: str, quantity: Quantity) -> Compiled:
    """Code for all rows at once; its inputs are Y and P and its sizes n and k, by those names or others."""
    functions = read_functions(text, EXAMPLE)
    sheet = _rows(functions, target)
    places: dict[Quantity, int] = {"loss": 2, "slope": 4, "curvature": 5, "hessian": 6}
    name = sheet.names[places[quantity]]
    sheet.program.require([name])
    if sheet.names[2] not in sheet.program.dependents([sheet.names[1]]):
        raise OptionError(f"{functions.called} does not depend on {functions.parameters[1]}.")
    return compile_program(sheet.program, [(name, None)], write=unchecked_source)


def _rows(functions: FunctionText, target: str) -> Equations:
    """The losses of n rows, their slopes ∂ℓ_i/∂P[i, c], curvatures ∂²ℓ_i/∂P[i, c]² and Hessians."""
    n, k, Y, P = (functions.free(name) for name in ("n", "k", "Y", "P"))
    loss, total, slope, curvature = (functions.free(name) for name in ("loss", "total", "slope", "curvature"))
    hessian, i, c, j = (functions.free(name) for name in ("hessian", "i", "c", "j"))
    row = called_loss(functions, target, f"{Y}[{i}]", f"{P}[{i}]")
    return functions.applied(
        f"data {Y}: {kind_of(target).type}[{n}, {k}]; {P}: R[{n}, {k}]\n"
        f"{loss}[{i}] = {row}\n"
        f"{total} = sum({loss}[{i}] for {i} in {n})\n"
        f"{slope} = d({total}, {P})\n"
        f"{curvature}[{i}, {c}] = d({slope}, {P})[{i}, {c}, {i}, {c}]\n"
        f"{hessian}[{i}, {c}, {j}] = d({slope}, {P})[{i}, {c}, {i}, {j}]"
    )


def _evaluate(text: str, target: str, quantity: Quantity, Y: Array, P: Array) -> Array:
    """The quantity for each row, in the type of P."""
    P = np.asarray(P)
    P = P if P.dtype.kind in "fc" else P.astype(np.float64)
    compiled = _compiled(text, target, quantity)
    # Arrays and sizes by their first letters: names that a function has were numbered.
    values = {"Y": Y, "P": P, "n": P.shape[0], "k": P.shape[1]}
    given = [values[name[0]] for name in (*compiled.inputs, *compiled.sizes)]
    (result,) = compiled.function(*given)
    shape = {"loss": P.shape[:1], "hessian": (*P.shape, P.shape[1])}.get(quantity, P.shape)
    if type(result) is np.ndarray and result.dtype == P.dtype and result.shape == shape:
        return result if result is not P else P.copy()
    filled = np.empty(shape, P.dtype)
    filled[...] = result
    return filled


def _product(text: str, target: str, Y: Array, P: Array, V: Array) -> Array:
    """(∂²ℓ_i/∂P[i]²) V[i] of each row."""
    result: Array = np.einsum("iab,ib->ia", _evaluate(text, target, "hessian", Y, P), V)
    return result
