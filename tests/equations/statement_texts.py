"""Statements of compiled code from text."""

from chainrule.equations.code.code_facts import Statement


def read(texts):
    """``a, b = code`` as statements."""
    parts = (text.partition(" = ") for text in texts)
    return [Statement(tuple(names.split(", ")), code) for names, _, code in parts]


def written(statements):
    """Their text."""
    return [str(statement) for statement in statements]
