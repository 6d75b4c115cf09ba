"""A circuit breaker: an endpoint that fails again and again is left alone for a while."""

from __future__ import annotations

from collections.abc import Callable

THRESHOLD = 5
"""Failures in a row after which nobody is sent to the endpoint."""

REST_S = 30.0
"""Seconds after which one call may try it again."""


class Breaker:
    """Counts failures in a row. ``now`` is a monotonic clock in seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._failures = 0
        self._rests_until = 0.0

    def resting_s(self) -> float:
        """Return the seconds until the endpoint is tried again; 0 when it may be asked."""
        return max(0.0, self._rests_until - self._now())

    def enter(self) -> bool:
        """Tell whether a call may be made. After a rest one may, and the others wait for it."""
        if self.resting_s():
            return False
        if self._failures >= THRESHOLD:
            self._rests_until = self._now() + REST_S
        return True

    def succeeded(self) -> None:
        """Note an answer."""
        self._failures = 0
        self._rests_until = 0.0

    def failed(self) -> None:
        """Note a call that got no answer."""
        self._failures += 1
        if self._failures >= THRESHOLD:
            self._rests_until = self._now() + REST_S
