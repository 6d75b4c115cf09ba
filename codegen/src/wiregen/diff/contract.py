"""Rows of the tables beside the schemas, compared by what names them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from wiregen.contract.model import Contract

_NAMES: dict[str, Callable[[Any], str]] = {
    "verbs": lambda row: row.name,
    "questions": lambda row: row.kind,
    "timers": lambda row: row.name,
    "routing": lambda row: row.to,
    "reads": str,
    "options": lambda row: row.name,
    "limits": lambda row: row.name,
    "close_codes": lambda row: row.name,
    "outcomes": lambda row: row.kind,
    "texts": lambda row: row.leaf,
    "capabilities": lambda row: row.word,
}
"""The tables, and what names a row of each. Machines are compared as a whole elsewhere."""


def compared(old: Contract, new: Contract) -> Iterator[tuple[str, str, str]]:
    """Yield (rule, place, words) for every row that came, went or says something else."""
    for table, name in _NAMES.items():
        before = {name(row): row for row in getattr(old, table)}
        after = {name(row): row for row in getattr(new, table)}
        if after and not before:
            yield "TABLE_ADDED", table, f"a new table with {len(after)} rows"
            continue
        for key in sorted(before.keys() | after.keys()):
            where = f"{table}/{key}"
            if key not in before:
                yield "TABLE_ADDED", where, "a new row"
            elif key not in after:
                yield "TABLE_CHANGED", where, "the row is gone"
            elif before[key] != after[key]:
                yield "TABLE_CHANGED", where, _said(before[key], after[key])


def _said(before: Any, after: Any) -> str:
    """Name the members of a row that differ."""
    members = [
        member
        for member in before.__dataclass_fields__
        if getattr(before, member) != getattr(after, member)
    ]
    shown = [f"{it}: {getattr(before, it)!r} became {getattr(after, it)!r}" for it in members]
    return "; ".join(text if len(text) <= 80 else f"{text[:79]}…" for text in shown)
