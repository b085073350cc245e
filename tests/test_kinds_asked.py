"""Its row, its own file and the tables of printers and targets ask which operation a node is; others count.

Names are those of the registry. A module asks for one where it compares with it, matches it, keys a table by
it or keeps it in a set, or in a tuple with a name; making a node of a kind is no question.
"""

import ast

import pytest

from chainrule.equations.nodes.operations import ELEMENTWISE, OPERATIONS
from test_size import ROOMS, ROOT, trees

# Rows, and one table a room: `equations/test_operations.py` crosses them with the registry.
TABLES = {
    "nodes/operation_rows.py",
    "nodes/elementwise_rows.py",
    "nodes/numeric.py",
    "calculus/local.py",
    "calculus/lower_calls.py",
    "formulas/matrixform.py",
    "formulas/form_axes.py",
    "formulas/kinks.py",
    "code/node_code.py",
}
NAMES = OPERATIONS.keys() | ELEMENTWISE.keys()
# The file that makes an operation, or takes it apart for the others, knows it.
OWN = {
    "nodes/nodes.py": {"sym", "ones", "size", "pi", "delta", "unit", "onehot", "iota", "lin"}
    | {"prod", "pow", "fn"},
    "nodes/raised.py": {"raised"},
    "nodes/norms.py": {"norm", "direction", "divisor"},
    "nodes/softmaxes.py": {"softmax", "lse"},
    "nodes/log_space.py": {"logsum", "logabs", "sumsign", "share"},
    "nodes/intervals.py": {"interval"},
    "nodes/blocks.py": {"kron", "merge", "split"},
    "nodes/kronecker.py": {"inv", "logdet"},
    "nodes/adjugates.py": {"det", "adjugate", "svd"},
    "nodes/conditions.py": {"compare", "relation", "where"},
    "formulas/each.py": {"part"},
}
# What a declaration says of numbers and what a call in a text is called are words of the language, no nodes.
WORDS = ("domain", "function")
# What takes a node apart if it is that of a name: asking by another door.
DOORS = {"argument_of", "argument_beside", "difference_of"}
# The limit: lower it when a change allows it.
ASKED = 21


def asked(tree, names=NAMES):
    """The names of kinds that a module asks for, a place each."""
    found = set()
    for node in ast.walk(tree):
        match node:
            case ast.Compare(left=ast.Attribute(attr=attr)) if attr in WORDS:
                continue
            case ast.Compare(left=left, comparators=others):
                places = [left, *others]
            case ast.MatchValue(value=value):
                places = [value]
            case ast.Dict(keys=keys):
                places = [key for key in keys if key is not None]
            case ast.Set() | ast.Call(func=ast.Name(id="set" | "frozenset")):
                places = [node]
            case ast.Assign(value=ast.Tuple(elts=elements)):
                places = [element for element in elements if isinstance(element, ast.Constant)]
            case ast.Call(func=ast.Name(id=name), args=places) if name in DOORS:
                pass
            case ast.Call(func=ast.Name(id="partial"), args=[ast.Name(id=name), *places]) if name in DOORS:
                pass
            case _:
                continue
        found |= {
            (part.lineno, part.col_offset)
            for place in places
            for part in ast.walk(place)
            if isinstance(part, ast.Constant) and part.value in names
        }
    return len(found)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ('node.kind == "prod"', 1),
        ('node.kind in ("prod", "lin") and node.kind != "exp"', 3),
        ('match kind:\n case "prod" | "lin": pass', 2),
        ('RULES = {"prod": 1, "beside": 2}', 1),
        ('KINDS = frozenset(("exp", "log"))', 2),
        ('KINDS = ("exp", "log")', 2),
        ('pool.make("exp", (arg,))', 0),
        ('kind == "no such operation"', 0),
        ('declaration.domain == "sign" and node.kind == "sign"', 1),
        ('argument_of(node, "exp") or partial(argument_beside, 1, -1, "log")', 2),
    ],
)
def test_questions_are_counted(text, count):
    assert asked(ast.parse(text)) == count


def test_what_a_file_owns_is_its_own():
    owned = [name for names in OWN.values() for name in names]
    assert set(owned) <= NAMES
    assert len(owned) == len(set(owned))
    # What is left are two that their constructors do not ask for; functions have rows alone.
    assert OPERATIONS.keys() - set(owned) == {"extreme", "attains"}


def test_few_places_outside_the_tables_ask_which_operation_a_node_is():
    found = {
        name: asked(tree, NAMES - OWN.get(name, set()))
        for room in ROOMS
        for path, tree in trees(ROOT / "equations" / room).items()
        for name in [str(path.relative_to(ROOT / "equations"))]
    }
    assert found.keys() >= TABLES | OWN.keys()
    outside = {name: count for name, count in found.items() if count and name not in TABLES}
    assert sum(outside.values()) <= ASKED, outside
