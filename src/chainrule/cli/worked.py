"""Commands whose help begins with worked examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click


class WorkedCommand(click.Command):
    """A command with examples, which its help shows before the options.

    Parameters
    ----------
    examples : sequence of str
        Command lines.
    """

    def __init__(self, *args: Any, examples: Sequence[str] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        self.examples = tuple(examples)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The first paragraph, the examples, the other paragraphs."""
        first, _, rest = (self.help or "").partition("\n\n")
        write_examples(formatter, first, self.examples, rest)


def write_examples(formatter: click.HelpFormatter, first: str, examples: Sequence[str], rest: str) -> None:
    """Write a paragraph, examples each on a line of its own, and further paragraphs."""
    formatter.write_paragraph()
    with formatter.indentation():
        formatter.write_text(" ".join(first.split()))
    with formatter.section("Examples"):
        for example in examples:
            formatter.write(f"{'':{formatter.current_indent}}{example}\n")
    for paragraph in filter(None, rest.split("\n\n")):
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(" ".join(paragraph.split()))
