"""Names of the symbols that a derivation makes: of a name's cotangent, and of one inside a body."""

from typing import NamedTuple


class Cotangent(NamedTuple):
    """Name of the symbol d of / d wrt."""

    of: str
    wrt: str


class Temporary(NamedTuple):
    """Name of the cotangent of something inside the body of a definition.

    Attributes
    ----------
    of : str
        The differentiated name.
    body : str
        The definition whose name it wears; inside the loss of every example that of the objective.
    number : int
        1 for the first of this name.
    capital : bool
        Whether it is written with a capital delta: a matrix, such as a stack of rows.
    symmetric : bool
        Whether it is its own transpose. It is part of the name, since the same words name something else in
        another derivation, and what is known of a symbol stays known.
    """

    of: str
    body: str
    number: int
    capital: bool = False
    symmetric: bool = False
