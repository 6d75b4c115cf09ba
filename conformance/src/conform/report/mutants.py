"""The report of ``conform mutate``."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from conform.mutate import Score


def report(broken: list[Score], sound: list[Score], seconds: float) -> int:
    """Print the scores; returns the exit status."""
    console = Console()
    for score in broken:
        if score.survived:
            cases = ", ".join(score.survived)
            text = f"SURVIVED {score.name}: not caught by {cases}"
            console.print(Text(text, style="bold red"), soft_wrap=True)
        else:
            console.print(f"caught   {score.name:<34} {len(score.failed)} cases", highlight=False)
    for score in sound:
        if not score.failed:
            console.print(f"clean    {score.name}", highlight=False)
        for verdict in score.failed:
            text = f"ACCUSED  {score.name} by {verdict.case}: {verdict.reason}"
            console.print(Text(text, style="bold red"), soft_wrap=True)
    caught = sum(not score.survived for score in broken)
    clean = sum(not score.failed for score in sound)
    console.print(
        f"mutants {caught}/{len(broken)} caught · controls {clean}/{len(sound)} clean "
        f"· {seconds:.1f} s",
        style="bold",
        highlight=False,
    )
    return 0 if caught == len(broken) and clean == len(sound) else 1
