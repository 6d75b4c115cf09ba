"""A clock that stands still until a test moves it (REQ-TIME-01)."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable

# Rounds of the event loop that one due timer may need to finish what it causes: a task that
# wakes up another one takes one round each, and no path of the client is this long.
_ROUNDS = 20


class VirtualTimer:
    """A callback on a :class:`VirtualClock`."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback: Callable[[], None] | None = callback

    @property
    def armed(self) -> bool:
        """Whether the callback still waits."""
        return self._callback is not None

    def cancel(self) -> None:
        """Drop the callback."""
        self._callback = None

    def fire(self) -> None:
        """Run the callback, once."""
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class VirtualClock:
    """Time that passes only in :meth:`advance`. Seconds, as in :class:`.Clock`."""

    def __init__(self) -> None:
        self._now = 0.0
        self._slept = 0.0
        self._order = itertools.count()
        self._timers: list[tuple[float, int, VirtualTimer]] = []

    def now(self) -> float:
        """Return the virtual time, 0 at first."""
        return self._now

    def wall(self) -> float:
        """Return the virtual time and all that :meth:`sleep` added to it."""
        return self._now + self._slept

    def sleep(self, milliseconds: float) -> None:
        """Let the machine sleep: the wall clock alone moves on, and no timer is due (REQ-CONN-39).

        The client notices at the next timer of its liveness checks.
        """
        self._slept += milliseconds / 1000

    def call_later(self, delay: float, callback: Callable[[], None]) -> VirtualTimer:
        """Call ``callback`` when the clock was moved ``delay`` seconds on."""
        timer = VirtualTimer(callback)
        heapq.heappush(self._timers, (self._now + max(delay, 0.0), next(self._order), timer))
        return timer

    @property
    def armed(self) -> int:
        """Number of timers that wait."""
        return sum(timer.armed for _, _, timer in self._timers)

    async def advance(self, milliseconds: float) -> None:
        """Move on, firing each timer at its own time; return when what they caused has run."""
        end = self._now + milliseconds / 1000
        await self._settle()
        # A hair of tolerance: sums of binary fractions must not leave a due timer behind.
        while self._timers and self._timers[0][0] <= end + 1e-9:
            due, _, timer = heapq.heappop(self._timers)
            self._now = max(self._now, due)
            timer.fire()
            await self._settle()
        self._now = end

    @staticmethod
    async def _settle() -> None:
        for _ in range(_ROUNDS):
            await asyncio.sleep(0)
