"""Print what the sessions of a page print today, where the page says something else.

Run it as ``python docs/make_transcripts.py docs/tutorial.md``; a test holds the pages to what it prints.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))

from showing.transcripts import Terminal, as_printed, steps  # noqa: E402


def differences(page: Path, folder: Path) -> Iterator[str]:
    """Commands of a page, run in a copy of ``examples``, with what they print if the page shows it wrong."""
    shutil.copytree(DOCS.parent / "examples", folder / "examples")
    terminal = Terminal(folder)
    for step in steps(page.read_text("utf-8")):
        printed = terminal.run(step)
        if step.shown and as_printed(list(step.shown), printed) is None:
            yield "\n".join([f"$ {step.command}", *printed])


if __name__ == "__main__":
    for name in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as scratch:
            print(*differences(Path(name), Path(scratch)), sep="\n")
