"""The states of the link, stepped through the generated table. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from .wire import steps

ConnectionState = steps.LinkState


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
        self._state = steps.CONNECTION.initial
        self.current: ConnectionState = "idle"

    def on(self, event: str, *, code: int | None = None, error: Exception | None = None) -> bool:
        """Step on ``event``; return whether the state changed."""
        self._state, effects = steps.CONNECTION.step(self._state, event, steps.Facts())
        changed = False
        for effect in effects:
            match effect:
                case steps.Close():
                    code = code or effect.close_code
                case steps.State():
                    changed = self._move(effect, event, code, error)
                case (
                    steps.Fail()
                    | steps.Schedule()
                    | steps.Attempt()
                    | steps.RenewToken()
                    | steps.Probe()
                ):
                    pass  # asked for by rows of the reconnecting client alone
                case _:
                    assert_never(effect)
        return changed

    def _move(
        self, effect: steps.State, event: str, code: int | None, error: Exception | None
    ) -> bool:
        if effect.link_state is None:
            return False
        previous, self.current = self.current, effect.link_state
        self._report(StateChange(previous, self.current, event, code, error))
        return True
