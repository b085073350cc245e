"""Names that may have been meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

LONG = 200
"""Characters: two names of 100,000 are compared for hours."""


def near_misses(name: str, names: Iterable[str]) -> str:
    """The end of a sentence that says which names there are, or which one may have been meant."""
    known = list(names)
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.6) if len(name) <= LONG else []
    close = close or [other for other in known if other.lower() == name.lower()]
    if close:
        return f"; did you mean {' or '.join(repr(other) for other in close)}?"
    if not known:
        return "; there are none."
    shown = ", ".join(known[:12]) + (f", and {len(known) - 12} more" if len(known) > 12 else "")
    return f"; there are {shown}."
