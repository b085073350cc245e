"""Sheets of equations that come with the package."""

from __future__ import annotations

from importlib import resources

from chainrule.equations import Equations
from chainrule.errors import OptionError


def sheet_names() -> tuple[str, ...]:
    """Names of the sheets, in alphabetical order.

    Examples
    --------
    >>> "one_hidden_layer" in sheet_names()
    True
    """
    files = _folder().iterdir()
    return tuple(sorted(file.name.removesuffix(".eqs") for file in files if file.name.endswith(".eqs")))


def sheet(name: str) -> Equations:
    """One of the sheets, read.

    Raises
    ------
    OptionError
        If there is no such sheet.

    Examples
    --------
    >>> print(sheet("one_hidden_layer").derive("L", "b"))
    dL/df = softmax(f) - e_y
    dL/dh = Vᵀ dL/df
    dL/db = (1 - h⊙h) ⊙ dL/dh
    """
    if name not in sheet_names():
        raise OptionError(f"There is no sheet {name!r}; there are {', '.join(sheet_names())}.")
    return Equations(_folder().joinpath(f"{name}.eqs").read_text(encoding="utf-8"))


def _folder() -> resources.abc.Traversable:
    return resources.files("chainrule.catalogue").joinpath("sheets")
