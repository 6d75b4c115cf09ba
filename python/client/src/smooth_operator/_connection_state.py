"""The states of the link, stepped through the generated table. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from .wire import steps

ConnectionState = steps.LinkState


@dataclass(frozen=True, slots=True)
class StateChange:
    """One move of the link, or one wait for another attempt to move it (REQ-CONN-02)."""

    previous: ConnectionState
    current: ConnectionState
    """The state from now on; equal to ``previous`` where the link goes on being sought."""
    reason: str
    """The word of the machine's event: connect, opened, connect_failed, close, lost, …"""
    code: int | None = None
    """Close code, when the link was closed."""
    error: Exception | None = None
    """What made the attempt fail, or why the link is given up."""
    attempt: int | None = None
    """Number of the attempt to come, from 1; None when there is none (REQ-CONN-31)."""
    retry_in: float | None = None
    """Seconds until that attempt; 0 = at once, with another token (REQ-CONN-34)."""
    missed: bool = False
    """Whether events outside a turn may have been missed: the link was found again after a session
    had been opened (REQ-CONN-42)."""


class LinkState:
    """Current state of one link."""

    def __init__(self) -> None:
        self.current = cast(ConnectionState, steps.CONNECTION.initial)

    @property
    def sought(self) -> bool:
        """Whether an attempt runs or follows: what waits for a link goes on waiting."""
        return self.current in ("connecting", "reconnecting")

    def on(self, event: str, facts: steps.Facts) -> tuple[steps.ConnectionEffect, ...]:
        """Step on ``event``; return what is to be done about it, in order."""
        following, effects = steps.CONNECTION.step(self.current, event, facts)
        self.current = cast(ConnectionState, following)
        return effects
