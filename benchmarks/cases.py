"""Every case, in the order of the table."""

from __future__ import annotations

from importlib import import_module

from benchmarks.harness import Case

NAMES = (
    "start_up",
    "sheet_step",
    "second_order",
    "network_hessian",
    "derivation_depth",
    "claims",
    "gradient_check",
    "network_step",
    "digits_accuracy",
    "read_table",
    "tables",
)


def groups(partly: bool = False) -> dict[str, list[Case]]:
    """The cases by group; partly, without groups that need what an older package does not have."""
    found = {}
    for name in NAMES:
        try:
            found[name] = import_module(f"benchmarks.{name}").CASES
        except ImportError:
            if not partly:
                raise
    return found
