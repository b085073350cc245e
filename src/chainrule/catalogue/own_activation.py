"""An activation from an equation: derived twice, compiled, usable in a network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.catalogue.function_text import FunctionText, read_functions
from chainrule.equations import Equations
from chainrule.equations.code.assemble import unchecked_source
from chainrule.equations.code.compile import compile_program
from chainrule.equations.code.compiled import Compiled
from chainrule.equations.language.functions import FUNCTIONS
from chainrule.equations.language.tree import Binary, Call, Negative, Number, Ref, Term
from chainrule.errors import OptionError, SheetShapeError
from chainrule.network import Activation

Array = NDArray[Any]
EXAMPLE = "swish(t) = t * sigmoid(t)"


def activation_from(
    text: str, *, kinks: Sequence[float] = (), range: tuple[float, float] = (-math.inf, math.inf)
) -> Activation:
    """The activation that an equation means, with its first two derivatives derived from it.

    The functions that it compiles keep float32 and accept complex arguments.

    Parameters
    ----------
    text : str
        A function of one number, such as ``swish(t) = t * sigmoid(t)``; lines before it may define
        functions that it calls.
    kinks : sequence of float
        Where the derivative jumps, for your own record.
    range : (float, float)
        Infimum and supremum, for your own record.

    Returns
    -------
    Activation
        Its ``source`` is the text. Two from one text are equal.

    Raises
    ------
    SheetError
        If the text is not of the language.
    OptionError
        If it does not define a function of one number that works on each entry alone and depends on it.
    NoRuleError
        If something in it has no derivative rule.

    Examples
    --------
    >>> swish = activation_from("swish(t) = t * sigmoid(t)")
    >>> swish.derivative(np.array([0.0, 40.0]))
    array([0.5, 1. ])
    >>> from chainrule.catalogue import equations_of
    >>> print(equations_of(swish).derive("h", "t"))
    dh/dt = σ(t) (1 + t (1 - σ(t)))
    >>> from chainrule import Network
    >>> Network([3, 4, 2], swish).layer(1).function.name
    'swish'
    """
    functions = _checked(text)
    for order in (0, 1, 2):
        _compiled(text, order)
    value, slope, curvature = (partial(_evaluate, text, order) for order in (0, 1, 2))
    places = tuple(float(place) for place in kinks)
    return Activation(
        functions.name, value, slope, curvature, kinks=places, range=range, source=functions.text
    )


def _sheet(functions: FunctionText) -> Equations:
    if len(functions.parameters) != 1:
        raise OptionError(
            f"{functions.called} takes {len(functions.parameters)} numbers; an activation takes one."
        )
    t, h, slope, curvature = (functions.free(name) for name in ("t", "h", "slope", "curvature"))
    lines = f"{t}: R; {h} = {functions.name}({t}); {slope} = d({h}, {t}); {curvature} = d({slope}, {t})"
    return functions.applied(lines)


def _checked(text: str) -> FunctionText:
    """The functions of the text, if the last one is an activation."""
    functions = read_functions(text, EXAMPLE)
    model = _sheet(functions)
    t, h = model.names[:2]
    if model.shape_of(h):
        shape = model.sheet.type_of(h)
        raise SheetShapeError(f"{functions.name} gives {shape} for a number; an activation gives a number.")
    if t not in _names_in(model.sheet.definitions[h].body, functions.name):
        raise OptionError(f"{functions.called} does not depend on {functions.parameters[0]}.")
    return functions


def _names_in(body: Term, name: str) -> set[str]:
    """The names that an elementwise term mentions; any other term is refused.

    On a number, ``sum(t)`` is t; on the pre-activations of a layer it would be something else.
    """
    names, terms, seen = set[str](), [body], set[int]()
    while terms:
        term = terms.pop()
        if id(term) in seen:
            continue
        seen.add(id(term))
        match term:
            case Number():
                continue
            case Ref(name=found):
                names.add(found)
            case Negative(arg=arg):
                terms.append(arg)
            case Binary(op=op, left=left, right=right) if op != "@":
                terms += [left, right]
            case Call(function=function, args=args) if _is_elementwise(function, len(args)):
                terms += args
            case _:
                what = term.function if isinstance(term, Call) else type(term).__name__.lower()
                raise OptionError(
                    f"An activation works on each number alone; {name} uses {what}, which is for arrays."
                )
    return names


def _is_elementwise(function: str, arguments: int) -> bool:
    # What is not in the table is a comparison.
    known = FUNCTIONS.get(function)
    return known is None or known.elementwise or function == "where" or arguments == 2


@lru_cache(maxsize=256)
def _compiled(text: str, order: int) -> Compiled:
    model = _sheet(read_functions(text, EXAMPLE))
    name = model.names[1 + order]
    model.program.require([name])
    # Unchecked, code for a number works on arrays of any shape.
    return compile_program(model.program, [(name, None)], write=unchecked_source)


def _evaluate(text: str, order: int, z: Array) -> Array:
    """The derivative of this order at z, in the type and shape of z.

    The code is compiled once per process: an activation that was pickled brings its text along.
    """
    z = np.asarray(z)
    z = z if z.dtype.kind in "fc" else z.astype(np.float64)
    compiled = _compiled(text, order)
    (result,) = compiled.function(z) if compiled.inputs else compiled.function()
    if type(result) is np.ndarray and result.dtype == z.dtype and result.shape == z.shape:
        return result if result is not z else z.copy()
    return np.full_like(z, result)
