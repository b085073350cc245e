"""The exceptions of chainrule, one tree.

Every error says what was attempted, what arrived and what would be right. Each class is also the built-in
exception a caller would expect, so ``except ValueError`` keeps working::

    ChainruleError
    ├── SheetError (ValueError)             a sheet of equations cannot be read
    │   ├── SheetSyntaxError                the text is not an equation of the language
    │   ├── SheetNameError                  a name is unknown, defined twice or reserved
    │   ├── SheetShapeError                 shapes or orientations do not fit
    │   └── SheetLimitError                 too long, too deep or too large to be read safely
    ├── NoRuleError (NotImplementedError)   no rule is known; zero is never a default
    ├── ShapeError (ValueError)             an array has the wrong shape
    ├── OptionError (ValueError)            an argument is not one of the allowed values
    ├── DataError (ValueError)              a table, a column or a value cannot be used
    ├── ModelFileError (ValueError)         a model or checkpoint file is damaged or foreign
    ├── TooLargeError (MemoryError)         a result would not fit; the message says the bytes
    ├── DivergenceError (FloatingPointError)  a run left the finite numbers
    ├── WrongDerivativeError (AssertionError)  a test holds a derivative for right, and it is wrong
    └── UncheckableError (RuntimeError)     a check could not run, which is never a pass

A run that ends without what it was asked for hands back its result and warns with `ConvergenceWarning`;
``warnings.simplefilter("error", chainrule.ConvergenceWarning)`` makes that an exception.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

__all__ = [
    "ChainruleError",
    "ConvergenceWarning",
    "DataError",
    "DivergenceError",
    "ModelFileError",
    "NoRuleError",
    "OptionError",
    "ShapeError",
    "SheetError",
    "SheetLimitError",
    "SheetNameError",
    "SheetShapeError",
    "SheetSyntaxError",
    "TooLargeError",
    "UncheckableError",
    "WrongDerivativeError",
]


# A name in a file may have 5,000,000 characters; paths are shorter.
_LONG_WORD = re.compile(r"\S{301,}")
LONGEST = 10_000
"""Characters of a message: names with spaces in them are no words."""
WINDOW = 160
"""Characters of a line of a sheet around a mistake; a line may have 20,000."""


def shortened(text: str) -> str:
    """A text for a message: its long words by their beginning, end and length, and so the text itself.

    Examples
    --------
    >>> shortened("no column " + "x" * 5000)
    'no column xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...(5,000 characters)...xxxxxxxxxx'
    """
    text = _LONG_WORD.sub(lambda word: _ends(word[0], 40), text)
    return text if len(text) <= LONGEST else _ends(text, LONGEST // 2)


def cut(text: object, most: int = 48) -> str:
    """A name or a value on one line; a long one by its beginning and its end.

    Examples
    --------
    >>> cut("a name"), cut("x" * 1000, 20)
    ('a name', 'xxxxxxxxxxx...xxxxxx')
    """
    line = " ".join(str(text).split())
    end = most // 3
    return line if len(line) <= most else f"{line[: most - end - 3]}...{line[-end:]}"


def _ends(text: str, first: int) -> str:
    return f"{text[:first]}...({len(text):,} characters)...{text[-10:]}"


class ChainruleError(Exception):
    """Base of every exception chainrule raises on purpose."""

    def __init__(self, *args: object) -> None:
        super().__init__(*(shortened(arg) if isinstance(arg, str) else arg for arg in args))


class ConvergenceWarning(UserWarning):
    """A run diverged, or was to go on to a minimum or a tolerance and ended before."""


class SheetError(ChainruleError, ValueError):
    """A sheet of equations cannot be read; the message shows the line with a caret.

    A sheet with several mistakes raises one error, of the class and with the attributes of the first of them;
    `errors` has them all, and so has the text.

    Parameters
    ----------
    message : str
        What was attempted, what arrived and what would be right.
    line, column : int, optional
        Place in the sheet, both counted from 1.
    source : str, optional
        The line of the sheet, shown above the caret.
    width : int
        How many characters the caret underlines.
    errors : tuple of SheetError, optional
        All mistakes of the sheet, in the order of its lines, if there are several.
    heading : str, optional
        What stands above them; by default their number.

    Examples
    --------
    >>> first = SheetError("x is not known here.", line=2, column=5, source="h = x", width=1)
    >>> second = SheetError("y is not known here.", line=4, column=9, source="L = h + y", width=1)
    >>> print(SheetError.several((first, second)))
    2 mistakes in the sheet
    <BLANKLINE>
    1. x is not known here.
      2 | h = x
              ^
    <BLANKLINE>
    2. y is not known here.
      4 | L = h + y
                  ^
    """

    def __init__(
        self,
        message: str,
        *,
        line: int | None = None,
        column: int | None = None,
        source: str | None = None,
        width: int = 1,
        errors: tuple[SheetError, ...] = (),
        heading: str | None = None,
    ) -> None:
        self.message = shortened(message)
        self.line = line
        self.column = column
        self.source = source
        self.width = width
        self._several = errors
        self._heading = heading
        Exception.__init__(self, self._render())

    @classmethod
    def several(cls, errors: Sequence[SheetError], heading: str | None = None) -> SheetError:
        """All of them as one error, of the class of the first; a single one is returned as it is."""
        first = errors[0]
        if len(errors) == 1:
            return first
        return type(first)(
            first.message,
            line=first.line,
            column=first.column,
            source=first.source,
            width=first.width,
            errors=tuple(errors),
            heading=heading,
        )

    @property
    def errors(self) -> tuple[SheetError, ...]:
        """Every mistake that was found, in the order of the lines; the error itself if it is the only one."""
        return self._several or (self,)

    def _render(self) -> str:
        if self._several:
            heading = self._heading or f"{len(self._several)} mistakes in the sheet"
            numbered = [f"{number}. {error}" for number, error in enumerate(self._several, start=1)]
            return "\n\n".join([heading, *numbered])
        if self.line is None:
            return self.message
        if self.source is None or self.column is None:
            return f"line {self.line}: {self.message}"
        gutter, (shown, column) = f"{self.line} | ", _around(self.source, self.column)
        width = min(self.width, len(shown) - column + 1)
        caret = " " * (len(gutter) + column - 1) + "^" * max(1, width)
        return f"{self.message}\n  {gutter}{shown}\n  {caret}"


def _around(source: str, column: int) -> tuple[str, int]:
    """The part of a line around a column, and the column in it."""
    if len(source) <= WINDOW:
        return source, column
    start = max(0, min(column - 1 - WINDOW // 2, len(source) - WINDOW))
    before, after = "... " * (start > 0), " ..." * (start + WINDOW < len(source))
    return f"{before}{source[start : start + WINDOW]}{after}", column - start + len(before)


class SheetSyntaxError(SheetError):
    """The text is not an equation of the language."""


class SheetNameError(SheetError):
    """A name is unknown, defined twice or reserved."""


class SheetShapeError(SheetError):
    """Shapes or orientations do not fit."""


class SheetLimitError(SheetError):
    """The text is too long, too deep or too large to be read safely."""


class NoRuleError(ChainruleError, NotImplementedError):
    """No rule is known for what was asked; zero is never a default."""


class ShapeError(ChainruleError, ValueError):
    """An array has a shape that does not fit."""


class OptionError(ChainruleError, ValueError):
    """An argument is not one of the allowed values."""


class DataError(ChainruleError, ValueError):
    """A table, a column or a value cannot be used."""


class ModelFileError(ChainruleError, ValueError):
    """A model or checkpoint file is damaged or not one of ours."""


class TooLargeError(ChainruleError, MemoryError):
    """A result would not fit in memory; the message says the bytes and an alternative."""


@contextmanager
def within_memory(what: str) -> Iterator[None]:
    """Around what takes as much memory as was asked for: that there is no more is said of it.

    Raises
    ------
    TooLargeError
        In place of a MemoryError without words.
    """
    try:
        yield
    except MemoryError as error:
        raise no_memory(what, error) from None


def no_memory(what: str, error: MemoryError) -> MemoryError:
    """The error itself if it says what was asked for, or one that does."""
    if isinstance(error, TooLargeError):
        return error
    return TooLargeError(f"{what} needs more memory than this machine gives it. {error}".strip())


class DivergenceError(ChainruleError, FloatingPointError):
    """A run left the finite numbers.

    Parameters
    ----------
    message : str
        Epoch, step and the first quantity that is not finite.
    state : optional
        The last good state of the run.
    """

    def __init__(self, message: str, state: object = None) -> None:
        self.state = state
        super().__init__(message)


class UncheckableError(ChainruleError, RuntimeError):
    """A check could not run, which is never a pass."""


class WrongDerivativeError(ChainruleError, AssertionError):
    """A derivative that a test holds for right is wrong.

    Parameters
    ----------
    message : str
        The verdict, with the mistake by name where there is one.
    report : CheckReport, optional
    diagnosis : Diagnosis, optional
    """

    def __init__(self, message: str, report: object = None, diagnosis: object = None) -> None:
        self.report, self.diagnosis = report, diagnosis
        super().__init__(message)
