"""The virtual clock of a client in a case."""

from __future__ import annotations

from collections.abc import Callable

from conform.oracle.host import Key


class Clock:
    """A virtual clock; times are milliseconds."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: dict[Key, tuple[float, Callable[[], None]]] = {}

    def arm(self, key: Key, after: float, fire: Callable[[], None]) -> None:
        """Arm a timer, anew when it is armed already."""
        self.timers.pop(key, None)
        self.timers[key] = (self.now + after, fire)

    def disarm(self, *key: str) -> None:
        """Forget a timer."""
        self.timers.pop(key, None)

    def advance(self, ms: float) -> None:
        """Move the clock; due timers run in order."""
        target = self.now + ms
        while self.timers:
            key = min(self.timers, key=lambda k: self.timers[k][0])
            due, fire = self.timers[key]
            if due > target:
                break
            del self.timers[key]
            self.now = due
            fire()
        self.now = target
