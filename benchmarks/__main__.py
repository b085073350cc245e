"""Measure: ``make bench``, or ``python -m benchmarks [GROUP ...]`` for some groups of cases.

    python -m benchmarks sheet_step                  one group
    python -m benchmarks --against main~5            every case beside the package of another commit
    python -m benchmarks --json figures.json         the figures for a program, too

Peers (``benchmarks/peers.txt``) stand beside where they are installed.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from threadpoolctl import threadpool_limits

from benchmarks.against import compared
from benchmarks.cases import NAMES, groups
from benchmarks.harness import Row, environment, measure, table
from benchmarks.peers import missing


def main(arguments: list[str] | None = None) -> None:
    """Print a table, row by row, and write the figures where that is asked."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(NAMES)}; default: all")
    parser.add_argument("--seconds", type=float, default=3.0, help="time for a case, and for each peer in it")
    parser.add_argument("--threads", type=int, default=1, help="BLAS threads")
    parser.add_argument(
        "--against", metavar="COMMIT", help="beside the package of another commit, peers apart"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    options = parser.parse_args(arguments)
    unknown = [group for group in options.groups if group not in NAMES]
    if unknown:
        parser.error(f"no group {', '.join(unknown)}; there are {', '.join(NAMES)}")
    found_groups = groups()
    cases = [case for group in options.groups or NAMES for case in found_groups[group]]
    stated = environment(options.threads)
    versions = ", ".join(f"{name} {found}" for name, found in stated["versions"].items())
    print(f"{stated['machine']}; Python {stated['python']}, {versions}; BLAS threads: {options.threads}")
    print("Medians of interleaved rounds; ratio = chainrule / the other, with its 95 % interval")
    if not options.against:
        print("\n".join(f"Without {name}: {reason}" for name, reason in missing().items()))
    rows = []
    with threadpool_limits(options.threads):
        found = (
            compared(cases, options.against, options.threads, options.seconds)
            if options.against
            else (measure(case, options.seconds) for case in cases)
        )
        for row in found:
            print(table([row]) if isinstance(row, Row) else row, flush=True)
            rows += [row] if isinstance(row, Row) else []
    if options.json:
        figures = {"environment": stated, "rows": [row.as_json() for row in rows]}
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
