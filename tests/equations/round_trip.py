"""What a derivation writes as a sheet, read again: every line has the value of its own formula."""

from dataclasses import replace

import numpy as np

from chainrule.equations import Equations
from chainrule.equations.calculus.second import direction_symbols
from chainrule.errors import OptionError
from equations.complex_steps import close
from equations.node_values import node_value
from equations.sheet_values import drawn

LAYOUTS = ("gradient", "numerator", "denominator")


def derivations(model, of, wrt):
    """Every derivation of a quantity that there is, with a word for each."""
    yield "explained", model.derive(of, wrt, explain=True)
    for layout in LAYOUTS:
        yield layout, model.derive(of, wrt, layout=layout)
    scalar = not model.shape_of(of)
    for form in (None, "example", "batch") if scalar else (None, "example"):
        for order in (1, 2) if scalar else (1,):
            found = _if_there_is(lambda form=form, order=order: model.derive(of, wrt, form=form, order=order))
            if found is not None:
                yield f"form {form}, order {order}", found
        found = scalar and _if_there_is(lambda form=form: model.hessian_product(of, wrt, form=form))
        if found:
            yield f"form {form}, product", found


def _if_there_is(derive):
    try:
        return derive()
    except OptionError as error:
        assert any(word in str(error) for word in ("examples", "data", "in gradient layout")), error
        return None


def check_round_trip(derivation, sizes, values=None, tolerance=1e-9):
    """Assert that every line of a derivation reads back with its own value; returns how many there are."""
    program, shown = derivation.program, replace(derivation.shown, view=None)
    printed = Equations(derivation.sheet())
    sizes = {**dict.fromkeys(printed.sizes, 4), **sizes}
    # Names of data have one axis more over the examples, and then values of their own.
    ranks = {name: len(declared.axes) for name, declared in printed.sheet.declarations.items()}
    known = {name: value for name, value in (values or {}).items() if ranks.get(name) == np.ndim(value)}
    values = {**drawn(printed.sheet, sizes), **known}
    given = {name: values[name] for name in printed.sheet.declarations}
    held = {program.symbols[name]: values[name] for name in program.declarations}
    directions = direction_symbols(derivation.lines)
    held |= zip(directions, list(given.values())[len(program.declarations) :], strict=True)
    for name, body in program.bodies.items():
        held[program.symbols[name]] = node_value(body, held, sizes)
    lines = [line for line in derivation.lines if line.symbol.data not in program.symbols]
    names = list(printed.sheet.definitions)[-len(lines) :] if lines else []
    for name, line in zip(names, lines, strict=True):
        own = held[line.symbol] = node_value(line.expression, held, sizes)
        found = printed.evaluate(name, given, sizes={size: sizes[size] for size in printed.sizes})
        want = np.transpose(own, shown.axes(line.symbol))
        assert found.shape == want.shape
        # Where a line has no value, such as log of a negative number, nothing is said.
        close(found[~np.isnan(want)], want[~np.isnan(want)], tolerance)
    return len(lines)
