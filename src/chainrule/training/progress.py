"""A progress bar on standard error."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from chainrule.optimize.history import Epoch
from chainrule.optimize.run import Watcher
from chainrule.optimize.state import State


def wants_progress(progress: bool | None) -> bool:
    """As asked; if nothing was asked, whether standard error is a terminal."""
    return sys.stderr.isatty() if progress is None else progress


@contextmanager
def progress_bar(epochs: int) -> Iterator[Watcher]:
    """A watcher that shows epoch, loss, validation score and time left while the context is open."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("epoch"),
        MofNCompleteColumn(),
        BarColumn(),
        TextColumn("{task.fields[scores]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("training", total=epochs, scores="")

        def watch(state: State, row: Epoch) -> None:
            validation = "" if math.isnan(row.validation) else f"  validation {row.validation:.4g}"
            bar.update(task, advance=1, scores=f"loss {row.loss:.4g}{validation}")

        yield watch
