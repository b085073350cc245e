"""Where output goes: results to standard output, messages to standard error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click


@dataclass(frozen=True)
class Console:
    """The two streams of a command.

    Parameters
    ----------
    json : bool
        Whether standard output carries one JSON object and nothing else.
    quiet : bool
        Whether messages and progress are left out.
    """

    json: bool = False
    quiet: bool = False

    @property
    def progress(self) -> bool | None:
        """What to ask of a progress bar: none, or one where standard error is a terminal."""
        return False if self.quiet else None

    def say(self, message: str) -> None:
        """Print a message to standard error."""
        if not self.quiet:
            click.echo(message, err=True)

    def show(self, text: str = "") -> None:
        """Print a result to standard output."""
        if not self.json:
            click.echo(text)

    def heading(self, text: str) -> None:
        """Print a heading to standard output."""
        self.show(click.style(text, bold=True))

    def block(self, text: str) -> None:
        """Print indented lines and an empty one."""
        self.show("\n".join(f"  {line}".rstrip() for line in str(text).splitlines()) + "\n")

    def finish(self, figures: Mapping[str, Any]) -> None:
        """Print the JSON object, if that was asked for."""
        if self.json:
            click.echo(json.dumps(figures, indent=2, ensure_ascii=False, allow_nan=False))
