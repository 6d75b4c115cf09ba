"""The bar of a command that takes its time: on a terminal alone, and on stderr."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn


def bar(*columns: ProgressColumn) -> Progress:
    """Return a bar that says what is done, draws how far it is, and then shows ``columns``."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        *columns,
        console=console,
        disable=not console.is_terminal,
    )
