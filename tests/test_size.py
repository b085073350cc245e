"""Counts that can only fall: statements of the equations, branches of a function, questions of kind.

A statement is an `ast.stmt` that is no docstring, so that comments and layout are free, too. A branch is what
`BRANCHES` lists, and each operand of a boolean operator but its first.
"""

import ast
from pathlib import Path

import chainrule

ROOT = Path(chainrule.__file__).parent
BRANCHES = (
    ast.If,
    ast.For,
    ast.While,
    ast.IfExp,
    ast.ExceptHandler,
    ast.comprehension,
    ast.Assert,
    ast.match_case,
)
MANY = 15
# The limits: lower them when a change allows it.
BRANCHED, STATEMENTS, KINDS_ASKED = 2, 13_089, 99
# Where nodes are made, asked after and rewritten: the language has tokens and steps of other kinds.
ROOMS = ("nodes", "calculus", "formulas", "code")


def trees(folder):
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.py"))}


def branches(function):
    found, stack = 1, list(ast.iter_child_nodes(function))
    while stack:
        node = stack.pop()
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            continue
        found += isinstance(node, BRANCHES)
        found += len(node.values) - 1 if isinstance(node, ast.BoolOp) else 0
        stack += ast.iter_child_nodes(node)
    return found


def is_text(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def test_branches_are_counted():
    def count(text):
        return branches(ast.parse(text).body[0])

    assert count("def f(): return 1") == 1
    assert count("def f(x):\n if x and x or 2:\n  return [y for y in x if y]") == 5
    assert count("def f(x):\n match x:\n  case 1: return 1\n  case _: return 2 if x else 3") == 4
    assert count("def f():\n def g(x):\n  if x: pass") == 1


def test_few_functions_have_many_branches():
    found = [
        f"{path.relative_to(ROOT)}: {node.name} {count}"
        for path, tree in trees(ROOT).items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and (count := branches(node)) > MANY
    ]
    assert len(found) <= BRANCHED, "\n".join(found)


def test_the_equations_grow_by_ideas_alone():
    found = sum(
        isinstance(node, ast.stmt) and not is_text(node)
        for tree in trees(ROOT / "equations").values()
        for node in ast.walk(tree)
    )
    assert found <= STATEMENTS, found


def test_few_places_ask_for_the_kind_of_a_node():
    found = sum(
        isinstance(node, ast.Attribute) and node.attr == "kind"
        for room in ROOMS
        for tree in trees(ROOT / "equations" / room).values()
        for node in ast.walk(tree)
    )
    assert found <= KINDS_ASKED, found
