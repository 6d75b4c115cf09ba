"""Clocks of the reference client: one that runs, one that is moved."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable


class Timer:
    """An armed timer."""

    def __init__(self, fire: Callable[[], None]) -> None:
        self.fire = fire
        self.dead = False

    def cancel(self) -> None:
        """Disarm it."""
        self.dead = True


class VirtualClock:
    """Time that only ``advance`` moves. Times are milliseconds."""

    def __init__(self) -> None:
        self.now = 0.0
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()

    def later(self, ms: float, fire: Callable[[], None]) -> Timer:
        """Call ``fire`` when that much time has passed."""
        timer = Timer(fire)
        heapq.heappush(self._heap, (self.now + ms, next(self._order), timer))
        return timer

    def armed(self) -> int:
        """Timers that still wait."""
        return sum(not timer.dead for _, _, timer in self._heap)

    async def advance(self, ms: float) -> None:
        """Run everything that comes due."""
        target = self.now + ms
        while self._heap and self._heap[0][0] <= target:
            self.now, _, timer = heapq.heappop(self._heap)
            if not timer.dead:
                timer.dead = True
                timer.fire()
                await asyncio.sleep(0)
        self.now = target


class RealClock:
    """The event loop's time, in milliseconds."""

    @property
    def now(self) -> float:
        """Milliseconds since some start."""
        return asyncio.get_running_loop().time() * 1000

    def later(self, ms: float, fire: Callable[[], None]) -> Timer:
        """Call ``fire`` when that much time has passed."""
        timer = Timer(fire)
        asyncio.get_running_loop().call_later(
            ms / 1000, lambda: None if timer.dead else timer.fire()
        )
        return timer

    def armed(self) -> int:
        """Not counted on the real clock."""
        return 0


Clock = VirtualClock | RealClock
