"""Functions that a user types, such as ``swish(t) = t * sigmoid(t)``."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Container, Mapping
from dataclasses import dataclass

from chainrule.equations import Equations
from chainrule.errors import OptionError, SheetError

# A name as the language reads it, where x₁ is x1; not the e5 of 2e5, and not a place such as {f}.
_NAME = re.compile(r"(?<![\w{])[^\W\d][\w₀₁₂₃₄₅₆₇₈₉]*")


@dataclass(frozen=True)
class FunctionText:
    """Lines that define functions; the last one is meant, the others help it.

    Parameters
    ----------
    text : str
    functions : mapping of str to tuple of str
        Parameters of each function, by its name, in order.
    """

    text: str
    functions: Mapping[str, tuple[str, ...]]

    @property
    def name(self) -> str:
        """Name of the last function."""
        return list(self.functions)[-1]

    @property
    def parameters(self) -> tuple[str, ...]:
        """Parameters of the last function."""
        return self.functions[self.name]

    @property
    def called(self) -> str:
        """The last function with its parameters, as in ``swish(t)``."""
        return f"{self.name}({', '.join(self.parameters)})"

    def applied(self, lines: str) -> Equations:
        """A sheet of these functions and then some lines that call the last one.

        Raises
        ------
        SheetError
            If they do not fit together; the message shows the function's line, not one of ours.
        """
        own = self.text.splitlines()
        try:
            return Equations("\n".join([*own, lines]))
        except SheetError as error:
            if error.line is None or error.line <= len(own):
                raise
            number, row = max((number, row) for number, row in enumerate(own, start=1) if row.strip())
            raise type(error)(error.message, line=number, column=1, source=row, width=len(row)) from None

    def free(self, wish: str) -> str:
        """A name for a value: this one, or with a number if a function has it."""
        return free_name(wish, self.functions)


def read_functions(text: str, example: str) -> FunctionText:
    """Read lines that define functions and nothing else.

    Parameters
    ----------
    text : str
    example : str
        What would be right, for errors.

    Raises
    ------
    SheetError
        If the text is not of the language.
    OptionError
        If it defines no function, or something else besides.
    """
    sheet = Equations(text).sheet
    others = [*sheet.declarations, *sheet.definitions, *(claim.text for claim in sheet.claims)]
    if others or not sheet.functions:
        found = f"{others[0]} is none" if others else "there is none"
        raise OptionError(f"Expected functions and nothing else, such as {example!r}; {found}.")
    return FunctionText(text, sheet.functions)


def renamed(text: str, names: Mapping[str, str]) -> str:
    """The text with other names for some of its functions; places such as ``{f}`` stay.

    Examples
    --------
    >>> renamed("f(t) * {f} + fun(t)", {"f": "f2"})
    'f2(t) * {f} + fun(t)'
    """

    def new(match: re.Match[str]) -> str:
        return names.get(unicodedata.normalize("NFKC", match[0]), match[0])

    return _NAME.sub(new, text)


def free_name(wish: str, taken: Container[str]) -> str:
    """The name if it is not taken, else with the first number from 2 that makes it new.

    Examples
    --------
    >>> free_name("f", {"f", "f2"})
    'f3'
    """
    numbered = (f"{wish}{number}" for number in itertools.count(2))
    return next(name for name in itertools.chain([wish], numbered) if name not in taken)
