"""Every benchmark, one table after the other: ``make bench``."""

from __future__ import annotations

from benchmarks import (
    derivation_depth,
    digits_accuracy,
    network_hessian,
    network_step,
    second_order,
    sheet_step,
)


def main() -> None:
    """Run them in turn."""
    for benchmark in (sheet_step, second_order, network_hessian, derivation_depth, digits_accuracy):
        benchmark.main()
        print()
    network_step.main([])


if __name__ == "__main__":
    main()
