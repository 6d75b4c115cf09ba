"""The states of the link, stepped through the generated table. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from .wire import machine

ConnectionState = machine.ConnectionState


@dataclass(frozen=True, slots=True)
class StateChange:
    """One move of the link (REQ-CONN-02)."""

    previous: ConnectionState
    current: ConnectionState
    reason: str
    """The word of the machine's event: connect, opened, connect_failed, close, lost, …"""
    code: int | None = None
    """Close code, when the link was closed."""
    error: Exception | None = None
    """What made the attempt fail."""


class LinkState:
    """Current state of one link; reports each change exactly once."""

    def __init__(self, report: Callable[[StateChange], None]) -> None:
        self._report = report
        self.current: ConnectionState = "idle"

    def on(self, event: str, *, code: int | None = None, error: Exception | None = None) -> bool:
        """Step on ``event``; return whether the state changed."""
        following, effects = machine.step("connection", self.current, event, frozenset())
        if not effects:
            return False
        previous, self.current = self.current, cast(ConnectionState, following)
        closes = [effect.args[0] for effect in effects if effect.name == "close"]
        self._report(
            StateChange(
                previous, self.current, event, code or (int(closes[0]) if closes else None), error
            )
        )
        return True
