"""Every case, in the order of the table."""

from __future__ import annotations

from benchmarks import (
    claims,
    derivation_depth,
    digits_accuracy,
    network_hessian,
    network_step,
    read_table,
    second_order,
    sheet_step,
    start_up,
    tables,
)

GROUPS = {
    module.__name__.removeprefix("benchmarks."): module.CASES
    for module in (
        start_up,
        sheet_step,
        second_order,
        network_hessian,
        derivation_depth,
        claims,
        network_step,
        digits_accuracy,
        read_table,
        tables,
    )
}
CASES = [case for cases in GROUPS.values() for case in cases]
