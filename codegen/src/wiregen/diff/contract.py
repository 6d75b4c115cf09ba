"""Rows of the tables beside the schemas, compared by what names them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from wiregen.contract.model import Contract, StateMachine
from wiregen.ir import ErrorTable

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
"""The tables, and what names a row of each."""
_STATES: tuple[str, ...] = ("local_events", "facts", "guards", "effects", "machines")
"""Tables of the machines, whose rows have a name and say together how a client behaves."""


def compared(old: Contract, new: Contract) -> Iterator[tuple[str, str, str]]:
    """Yield (rule, place, words) for every row that came, went or says something else."""
    yield from _machines(old, new)
    for table, name in _NAMES.items():
        before = {name(row): row for row in getattr(old, table)}
        after = {name(row): row for row in getattr(new, table)}
        if after and not before:
            yield "TABLE_ADDED", table, f"a new table with {len(after)} rows"
            continue
        yield from _rows(table, before, after)


def _rows(
    table: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    for key in sorted(before.keys() | after.keys()):
        where = f"{table}/{key}"
        if key not in before:
            yield "TABLE_ADDED", where, "a new row"
        elif key not in after:
            yield "TABLE_CHANGED", where, "the row is gone"
        elif before[key] != after[key]:
            yield "TABLE_CHANGED", where, _said(before[key], after[key])


def _machines(old: Contract, new: Contract) -> Iterator[tuple[str, str, str]]:
    for table in _STATES:
        before = {row.name: _bare(row) for row in getattr(old, table)}
        after = {row.name: _bare(row) for row in getattr(new, table)}
        for key in sorted(before.keys() | after.keys()):
            was, is_ = before.get(key), after.get(key)
            if was != is_:
                text = "is new" if was is None else "is gone" if is_ is None else "changed"
                yield "MACHINE_CHANGED", f"{table}/{key}", text
    if old.answers != new.answers:
        yield "MACHINE_CHANGED", "answers", "what an error answers changed"


def _bare(row: Any) -> Any:
    """Return a row without the words that describe it."""
    if isinstance(row, StateMachine):
        return replace(row, states=tuple(replace(state, doc="") for state in row.states))
    return replace(row, doc="")


def errors_compared(old: ErrorTable, new: ErrorTable) -> Iterator[tuple[str, str, str]]:
    """Yield (rule, place, words) for what the error table says beside its codes."""
    for table in ("kinds", "leaves", "native"):
        before, after = _error_rows(old, table), _error_rows(new, table)
        yield from _rows(table, before, after)


def _error_rows(errors: ErrorTable, table: str) -> dict[str, Any]:
    if table == "kinds":
        return {row.kind: replace(row, when="") for row in errors.kinds}
    return (
        {row.leaf: row for row in errors.leaves}
        if table == "leaves"
        else {word: word for word in errors.native}
    )


def _said(before: Any, after: Any) -> str:
    """Name the members of a row that differ."""
    members = [
        member
        for member in before.__dataclass_fields__
        if getattr(before, member) != getattr(after, member)
    ]
    shown = [f"{it}: {getattr(before, it)!r} became {getattr(after, it)!r}" for it in members]
    return "; ".join(text if len(text) <= 80 else f"{text[:79]}…" for text in shown)
