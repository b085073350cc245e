"""Every kind of node says what it must: how it moves, what it is over all examples and for one of them."""

import numpy as np
import pytest

from chainrule.equations import Equations
from chainrule.equations.calculus.lift import is_over, lift_node
from chainrule.equations.calculus.local import RULES
from chainrule.equations.calculus.modes import tangent
from chainrule.equations.calculus.pin import pinned
from chainrule.equations.code.assemble import array_source
from chainrule.equations.code.compile import compile_program
from chainrule.equations.code.node_code import NODE_CODE
from chainrule.equations.formulas.kinks import KINKED
from chainrule.equations.formulas.matrixform import FORMS, matrix_form
from chainrule.equations.formulas.print_latex import LatexPrinter
from chainrule.equations.formulas.print_mathml import MathPrinter
from chainrule.equations.formulas.print_sheet import SheetPrinter
from chainrule.equations.formulas.print_unicode import UnicodePrinter
from chainrule.equations.language.tree import Declaration, Span
from chainrule.equations.nodes.canonical import is_symmetric
from chainrule.equations.nodes.nodes import Pool
from chainrule.equations.nodes.numeric import VALUES
from chainrule.equations.nodes.operations import ELEMENTWISE, OPERATIONS, fact, operation
from chainrule.equations.nodes.program import Program
from chainrule.equations.nodes.stable_sums import spelled_out
from chainrule.errors import NoRuleError
from equations.complex_steps import close
from equations.kinds import CASES, SIZES, lengths, setting
from equations.node_values import node_value

STEP, EXAMPLES = 1e-30, 4
LABELS = "y"
NOWHERE = Span(0, 0)
# What compiled code puts in the place of det(A) A⁻¹; no formula has it.
IN_CODE_ALONE = ("adjugate",)
# Kinds that one example of a sheet over all of them is not found in; the sheet is then printed over all.
NEVER_PINNED = ("kron", "merge", "split", "logsum", "logabs", "share", "interval")


def positive(name, values, symbols):
    if name in ("fn, log", "fn, log1p") or name.startswith("raised"):
        values[symbols["X"]] = np.abs(values[symbols["X"]])


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("along", [(), ("r",), ("r", "s")])
def test_a_tangent_is_the_derivative_along_it(name, along):
    pool, symbols, values, random = setting(5)
    positive(name, values, symbols)
    root = CASES[name](pool, symbols)
    moving = [node for key, node in symbols.items() if key != LABELS]
    directions = {node: pool.symbol(("way", node.data), node.dims + along) for node in moving}
    ways = {node: random.normal(size=lengths(way.dims)) for node, way in directions.items()}
    found = tangent(root, directions, along)
    assert found.dims == root.dims + along
    given = values | {directions[node]: way for node, way in ways.items()}
    oracle = np.empty(lengths(found.dims))
    for place in np.ndindex(*lengths(along)):
        moved = values | {node: values[node] + 1j * STEP * way[(..., *place)] for node, way in ways.items()}
        oracle[(..., *place)] = np.imag(node_value(root, moved, SIZES)) / STEP
    close(node_value(found, given, SIZES), oracle)


def stacked(name, over):
    """A node over all examples, its value, and the values of the node for each example."""
    settings = [setting(seed) for seed in range(6, 6 + EXAMPLES)]
    for _, symbols, values, _ in settings:
        positive(name, values, symbols)
    _, symbols, first, _ = settings[0]
    every = [values for _, _, values, _ in settings]
    root = CASES[name](settings[0][0], symbols)
    arrays = {key: [values[own[key]] for (_, own, values, _) in settings] for key in symbols}
    pool, lifted, given = Pool(), {}, {}
    for key, node in symbols.items():
        dims = ("N", *node.dims) if key in over else node.dims
        new = pool.symbol(node.data, dims)
        lifted[node] = new
        given[new] = np.array(arrays[key]) if key in over else first[node]
    one = [
        node_value(
            root,
            {node: arrays[key][i] if key in over else first[node] for key, node in symbols.items()},
            SIZES,
        )
        for i in range(len(every))
    ]
    result = lift_node(root, lifted, pool, "N")
    sizes = SIZES | {"N": EXAMPLES}
    return root, result, node_value(result, given, sizes), np.array(one), given, sizes


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("over", ["XYZSuylong", "X", "Y", "S", "u"])
def test_over_all_examples_each_has_its_own_value(name, over):
    names = {key for key in ("X", "Y", "Z", "S", "u", "y", "long") if key in over}
    root, lifted, value, one, _, _ = stacked(name, names)
    if is_over(lifted, "N"):
        assert lifted.dims == ("N", *root.dims)
        close(value, one)
    else:
        assert lifted.dims == root.dims
        close(np.array([value] * EXAMPLES), one)


@pytest.mark.parametrize("name", CASES)
def test_one_example_of_all_is_the_node_itself(name):
    root, lifted, _, one, given, sizes = stacked(name, {"X", "Y", "Z", "S", "u", "y", "long"})
    pool = lifted.pool
    renamed = {}

    def rename(symbol):
        return renamed.setdefault(symbol, pool.symbol(("one", symbol.data), symbol.dims[1:]))

    found = pinned(lifted, "N", rename)
    if name.split(",")[0].split(" ")[0] in NEVER_PINNED:
        assert found is None
        return
    assert found is not None and found.dims == root.dims
    for i in range(EXAMPLES):
        close(node_value(found, {new: given[old][i] for old, new in renamed.items()}, sizes), one[i])


LEAVES = {"sym", "ones", "size", "pi", "delta", "unit", "iota"}
# Sums of exponentials in log space are spelled out before anything is printed.
SPELLED_OUT = {"logsum", "logabs", "sumsign", "share", "interval"}


def test_every_room_has_a_row_for_every_kind():
    kinds = set(OPERATIONS)
    constant = {kind for kind, row in OPERATIONS.items() if row.is_constant}
    # The last three are made after all derivatives are, by stabilisation and by the printers.
    assert set(RULES) == kinds - constant - LEAVES - {"svd", "direction", "part"}
    assert set(FORMS) == kinds - SPELLED_OUT
    # A name is read, and a sum and an interval are statements of several results.
    assert set(NODE_CODE) == kinds - {"sym", "part"}
    assert set(VALUES) == kinds - {"sym", "part"}
    assert set(KINKED) < kinds
    assert {name.split(",")[0] for name in CASES} >= set(RULES)


def test_an_unknown_kind_is_refused_over_examples():
    old, pool = Pool(), Pool()
    x = old.symbol("x", ("n",))
    assert "mystery" not in RULES and "mystery" not in OPERATIONS
    mystery, stacked_x = old.intern("mystery", None, (x,), ("n",)), pool.symbol("x", ("N", "n"))
    with pytest.raises(NoRuleError, match="nodes of kind mystery"):
        lift_node(mystery, {x: stacked_x}, pool, "N")


def as_program(name, seed=7):
    """A node as the one definition of a sheet, and its values."""
    pool, symbols, values, _ = setting(seed)
    positive(name, values, symbols)
    root = CASES[name](pool, symbols)
    declared = {
        key: Declaration(
            key,
            "data",
            "class" if key == LABELS else "real",
            node.dims,
            "n" if key == LABELS else None,
            NOWHERE,
        )
        for key, node in symbols.items()
    }
    pool.labels[symbols[LABELS]] = "n"
    named = {**symbols, "out": pool.symbol("out", root.dims)}
    program = Program(pool, named, {"out": root}, declared, {"out": tuple(symbols)})
    return (
        program,
        root,
        {key: values[node] for key, node in symbols.items()},
        node_value(root, values, SIZES),
    )


WITHOUT_ARGUMENTS = {
    "ones": lambda pool: pool.ones(("n", "n")),
    "size": lambda pool: pool.size("n"),
    "pi": lambda pool: pool.intern("pi", None, (), ()),
    "delta": lambda pool: pool.delta("n"),
    "unit": lambda pool: pool.unit(1, "n"),
    "iota": lambda pool: pool.iota("n"),
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", [*CASES, *WITHOUT_ARGUMENTS])
def test_what_a_row_says_of_the_values_holds(name, seed):
    pool, symbols, values, _ = setting(seed)
    positive(name, values, symbols)
    root = CASES[name](pool, symbols) if name in CASES else WITHOUT_ARGUMENTS[name](pool)
    row, value = operation(root), node_value(root, values, SIZES)
    assert row.is_known == (name in WITHOUT_ARGUMENTS)
    if fact(row.is_indicator, root):
        assert set(np.unique(value)) <= {0, 1}
    if row.is_simplex:
        close(value.sum(axis=-1), np.ones(value.shape[:-1]))
    if fact(row.is_positive, root) is True:
        assert value.min() >= 0
    if fact(row.is_strictly_positive, root):
        assert fact(row.is_positive, root) is True
        assert value.min() > 0
    if not fact(row.overflows, root):
        assert np.all(np.isfinite(value))
    if is_symmetric(root):
        close(value, value.T)


@pytest.mark.parametrize("row", ELEMENTWISE.values(), ids=[*ELEMENTWISE])
def test_what_a_row_says_of_a_function_holds(row):
    x = np.linspace(0.1, 0.9, 9)
    with np.errstate(all="ignore"):
        right, left = row.value(x), row.value(-x)
    assert np.allclose(right, left, rtol=1e-12) == row.is_even
    if row.sign:
        assert min(right.min(), left.min()) >= 0


@pytest.mark.parametrize("name", CASES)
def test_compiled_code_has_the_value(name):
    program, _, given, value = as_program(name)
    function = compile_program(program, [("out",)], single=True)
    close(function(**{key: given[key] for key in function.inputs}, **sizes_of(function)), value)


@pytest.mark.parametrize("name", CASES)
def test_code_for_any_library_has_the_value(name):
    strict = pytest.importorskip("array_api_strict")
    program, _, given, value = as_program(name)
    function = compile_program(program, [("out",)], single=True, write=array_source)
    arrays = {key: strict.asarray(given[key]) for key in function.inputs}
    close(np.asarray(function(**arrays, **sizes_of(function))), value)


@pytest.mark.parametrize("name", [name for name in CASES if name not in IN_CODE_ALONE])
def test_every_notation_says_it_and_the_sheet_reads_back(name):
    program, root, given, value = as_program(name)
    form = matrix_form(spelled_out(root))
    for printer in (UnicodePrinter, LatexPrinter, MathPrinter):
        assert printer(taken=tuple(program.symbols)).equation("out", form)
    names = tuple(program.symbols)
    lines = SheetPrinter(taken=names).lines("out", form)
    used = program.uses["out"]
    model = Equations("\n".join([*(written(program.declarations[key]) for key in used), *lines]))
    sizes = {size: SIZES[size] for size in model.sizes}
    close(model.evaluate("out", {key: given[key] for key in used}, sizes), value)


def written(declaration):
    sizes = [*map(str, declaration.axes), *([declaration.classes] if declaration.classes else [])]
    return f"{declaration.name}: {'Class' if declaration.classes else 'R'}[{', '.join(sizes)}]"


def sizes_of(function):
    return {size: SIZES[size] for size in function.sizes}
