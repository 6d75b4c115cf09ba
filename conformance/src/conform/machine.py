"""Steps through the tables of ``machine.yaml``: one function, no knowledge of its own."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

EFFECT = re.compile(r"(\w+)(?:\((.*)\))?")


@dataclass(frozen=True)
class Effect:
    """One effect with its arguments: ``settle(failed, by_code)``."""

    name: str
    args: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """One transition of a machine."""

    sources: frozenset[str] | None  # None = any state
    events: frozenset[str]
    guards: tuple[str, ...]
    to: str | None
    effects: tuple[Effect, ...]


def parse_effect(text: str) -> Effect:
    """Read ``name`` or ``name(a, b)``."""
    found = EFFECT.fullmatch(text)
    if found is None:
        raise ValueError(text)
    args = tuple(a.strip() for a in (found[2] or "").split(",") if a.strip())
    return Effect(found[1], args)


class Machine:
    """The table of one machine."""

    def __init__(self, table: dict[str, Any]) -> None:
        self.initial: str = table["initial"]
        self.rows = [
            Row(
                sources=None if t["from"] == "any" else frozenset(t["from"]),
                events=frozenset(t["on"]),
                guards=tuple(t.get("guard", [])),
                to=t.get("to"),
                effects=tuple(parse_effect(e) for e in t.get("emit", [])),
            )
            for t in table["transitions"]
            if "pending" not in t  # decided and not wired yet
        ]

    def step(
        self, state: str, event: str, holds: Callable[[str], bool]
    ) -> tuple[str, tuple[Effect, ...]]:
        """Return the next state and the effects; nothing happens when no row fits."""
        for row in self.rows:
            if row.sources is not None and state not in row.sources:
                continue
            if event in row.events and all(holds(guard) for guard in row.guards):
                return row.to or state, row.effects
        return state, ()
