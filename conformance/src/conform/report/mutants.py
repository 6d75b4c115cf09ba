"""The report of ``conform mutate``."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from conform.mutate import Score
from conform.tablemutants import TableScore


def report(
    console: Console,
    broken: list[Score],
    sound: list[Score],
    tables: TableScore | None,
    seconds: float,
) -> int:
    """Print the scores; returns the exit status."""
    for score in broken:
        if score.survived:
            _bad(console, f"SURVIVED {score.name}: not caught by {', '.join(score.survived)}")
        else:
            console.print(f"caught   {score.name:<34} {len(score.failed)} cases")
    for score in sound:
        if not score.failed:
            console.print(f"clean    {score.name}")
        for verdict in score.failed:
            _bad(console, f"ACCUSED  {score.name} by {verdict.case}: {verdict.reason}")
    caught = sum(not score.survived for score in broken)
    clean = sum(not score.failed for score in sound)
    told = []
    if broken:
        told.append(f"mutants {caught}/{len(broken)} caught")
    if sound:
        told.append(f"controls {clean}/{len(sound)} clean")
    if tables:
        told.append(_tables(console, tables))
    console.print(" · ".join([*told, f"{seconds:.1f} s"]), style="bold")
    apart = tables is None or not (tables.survived or tables.idle)
    return 0 if caught == len(broken) and clean == len(sound) and apart else 1


def as_tree(broken: list[Score], sound: list[Score], tables: TableScore | None) -> dict[str, Any]:
    """Return the scores, for ``--json``."""
    tree: dict[str, Any] = {
        "mutants": [
            {"name": s.name, "caught": not s.survived, "survived": list(s.survived)} for s in broken
        ],
        "controls": [
            {"name": s.name, "clean": not s.failed, "accused": [v.case for v in s.failed]}
            for s in sound
        ],
    }
    if tables:
        tree["tables"] = {
            "told_apart": len(tables.killed),
            "survived": list(tables.survived),
            "equivalent": len(tables.equivalent),
            "idle": list(tables.idle),
        }
    return tree


def _tables(console: Console, score: TableScore) -> str:
    for name in score.survived:
        _bad(console, f"SURVIVED {name}: no case expects anything else")
    for pattern in score.idle:
        _bad(console, f"IDLE     {pattern!r} stands for no mutant that survives")
    total = len(score.killed) + len(score.survived)
    return (
        f"tables {len(score.killed)}/{total} told apart, "
        f"{len(score.equivalent)} equivalent for a reason"
    )


def _bad(console: Console, text: str) -> None:
    console.print(Text(text, style="bold red"))
