"""Which operation a node is, its row says, and the tables of printers and targets; elsewhere it is counted.

Names are those of the registry. A module asks for one where it compares with it, matches it, keys a table by
it or keeps it in a set; making a node of a kind is no question.
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
    "formulas/matrixform.py",
    "formulas/form_axes.py",
    "formulas/kinks.py",
    "code/node_code.py",
}
NAMES = OPERATIONS.keys() | ELEMENTWISE.keys()
# The limit: lower it when a change allows it.
ASKED = 408


def asked(tree):
    """The names of kinds that a module asks for, a place each."""
    found = set()
    for node in ast.walk(tree):
        match node:
            case ast.Compare(left=left, comparators=others):
                places = [left, *others]
            case ast.MatchValue(value=value):
                places = [value]
            case ast.Dict(keys=keys):
                places = [key for key in keys if key is not None]
            case ast.Set() | ast.Call(func=ast.Name(id="set" | "frozenset")):
                places = [node]
            case _:
                continue
        found |= {
            (part.lineno, part.col_offset)
            for place in places
            for part in ast.walk(place)
            if isinstance(part, ast.Constant) and part.value in NAMES
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
        ('pool.make("exp", (arg,))', 0),
        ('kind == "no such operation"', 0),
    ],
)
def test_questions_are_counted(text, count):
    assert asked(ast.parse(text)) == count


def test_few_places_outside_the_tables_ask_which_operation_a_node_is():
    found = {
        str(path.relative_to(ROOT / "equations")): asked(tree)
        for room in ROOMS
        for path, tree in trees(ROOT / "equations" / room).items()
    }
    assert found.keys() >= TABLES
    outside = {name: count for name, count in found.items() if count and name not in TABLES}
    assert sum(outside.values()) <= ASKED, outside
