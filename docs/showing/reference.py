"""The reference of a module: everything it makes public, in the order of its list."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable, Mapping


def reference(module: str) -> str:
    """Directives that document the public names of a module, classes with their members.

    Examples
    --------
    >>> print(reference("chainrule.persistence").splitlines()[0])
    .. autoclass:: chainrule.persistence.Model
    """
    members = importlib.import_module(module)
    return "\n".join(_directive(f"{module}.{name}", getattr(members, name)) for name in members.__all__)


def _directive(name: str, value: object) -> str:
    if inspect.isclass(value):
        # What a method inherits is documented where it is defined.
        return f".. autoclass:: {name}\n   :members:\n"
    if callable(value):
        return f".. autofunction:: {name}\n"
    return f".. py:data:: {name}\n\n   {_held(value)}\n"


def _held(value: object) -> str:
    """What a table holds: its own docstring would be that of every dictionary."""
    if isinstance(value, Mapping):
        return f"By name: {_listed(value)}."
    return f"One of {_listed(sorted(value))}." if isinstance(value, Iterable) else ""


def _listed(names: Iterable[object]) -> str:
    return ", ".join(f"``{name}``" if name else "nothing" for name in names)
