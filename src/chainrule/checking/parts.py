"""The parts of a report on a derivative, from what programs see of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from chainrule.drawing.bars import Bar, bar_chart
from chainrule.drawing.document import Name, Paragraph, Part, Picture, Sentences, Table, Verdict
from chainrule.numerals import distinct_numbers, numeral

SHOWN = 30
"""Blocks in a picture: of more, those that are off most."""
HEADS = ("Block", "Shape", "Verdict", "Relative error", "Wrong entries", "Worst", "Yours", "True")


def check_parts(found: Mapping[str, Any]) -> list[Part]:
    """The parts of `CheckReport.to_dict`: the table of the blocks, what is remarked, the errors as bars."""
    blocks: Sequence[Mapping[str, Any]] = found["blocks"]
    method, count = found["method"], found["evaluations"]
    caption = f"Judged by {method}, {count} evaluations." if method else "Nothing was evaluated."
    remarks = [(block["name"], remark) for block in blocks for remark in block["remarks"]]
    parts: list[Part] = [
        Paragraph(_tally(blocks), f"{found['status']}:"),
        Table(HEADS, [_row(block) for block in blocks], caption),
        Sentences([*remarks, *(("", remark) for remark in found["remarks"])]),
    ]
    return [*parts, *_picture(blocks)]


def stages_parts(found: Mapping[str, Any]) -> list[Part]:
    """The parts of `StagesReport.to_dict`: a row a stage, and what is wrong in the first that fails."""
    skipped = [[Name(name), Verdict("not checkable"), "not run"] for name in found["skipped"]]
    rows = [
        [Name(name), Verdict(one["status"]), _tally(one["blocks"])] for name, one in found["stages"].items()
    ]
    parts: list[Part] = [
        Table(("Stage", "Verdict", "Blocks"), [*rows, *skipped], "The stages in their order.")
    ]
    failed = found["first_failure"]
    return parts if failed is None else [*parts, *check_parts(found["stages"][failed])]


def _tally(blocks: Sequence[Mapping[str, Any]]) -> str:
    counts = [
        (sum(block["status"] == word for block in blocks), word)
        for word in ("right", "wrong", "not checkable")
    ]
    return f"{', '.join(f'{count} {word}' for count, word in counts if count)} of {len(blocks)}"


def _row(block: Mapping[str, Any]) -> list[object]:
    error, worst = block["relative_error"], block["worst"]
    row: list[object] = [
        Name(block["name"]),
        " × ".join(map(str, block["shape"])) or "a number",
        Verdict(block["status"]),
        "–" if error is None else numeral(error, 1),
    ]
    if worst is None:
        return [*row, "–", "–", "–", "–"]
    of = f"{block['wrong']} of {block['examined']}"
    place = f"{block['name']}[{', '.join(map(str, worst['index']))}]" if worst["index"] else block["name"]
    yours, true = (math.nan if value is None else value for value in (worst["yours"], worst["true"]))
    sample = f", {block['size']:,} in all" if block["examined"] < block["size"] else ""
    return [*row, of + sample, Name(place), *distinct_numbers(yours, true)]


def _picture(blocks: Sequence[Mapping[str, Any]]) -> list[Part]:
    """The relative errors, which lie many powers of ten apart."""
    known = [block for block in blocks if block["relative_error"] is not None]
    shown = sorted(known, key=lambda block: -block["relative_error"])[:SHOWN]
    bars = [
        Bar(b["name"], b["relative_error"], "right" if b["status"] == "right" else "wrong")
        for b in known
        if b in shown
    ]
    if len(bars) < 2:
        return []
    said = "; ".join(f"{bar.name} {numeral(bar.value, 1)}" for bar in bars)
    return [
        Picture(
            bar_chart(bars, "relative error (log scale)", f"Relative errors: {said}."),
            "Relative error of each block",
        )
    ]
