"""The ledger of the five sets of notes: every formula, procedure and statement in them has an id.

A test says with ``@covers("S4.11")`` which of them it holds.
"""

from collections.abc import Callable

COUNTS = {"S0": 20, "S1": 50, "S2": 15, "S3": 24, "S4": 16, "X": 9}

IDS = tuple(f"{notes}.{number}" for notes, count in COUNTS.items() for number in range(1, count + 1))

PENDING: dict[str, str] = {}

UNTESTABLE = {
    "S1.2": "an example matrix that belongs to a diagram which is missing",
    "S3.21": "question, text and figure are missing, so nothing can be derived",
}


def covers(*ids):
    """Mark a test with the ids of the ledger that it holds."""
    unknown = [item for item in ids if item not in IDS]
    assert ids and not unknown, f"no such ids: {unknown}"

    def mark(test: Callable) -> Callable:
        return test

    return mark
