"""Proves that silent turns are alive."""

from __future__ import annotations

import asyncio

from ..clock import Clock
from .turn import Turn


class Lives:
    """Has turns say ``keepalive`` whenever they were silent for the interval: one task for all."""

    def __init__(self, clock: Clock, interval_s: float) -> None:
        self._clock = clock
        self._interval_s = interval_s
        self._turns: dict[Turn, asyncio.Task[None] | None] = {}
        self._task: asyncio.Task[None] | None = None

    def add(self, turn: Turn) -> None:
        """Begin with a turn that was accepted just now."""
        self._turns[turn] = None
        if self._task is None:
            self._task = asyncio.create_task(self._look(), name="keepalives")

    def drop(self, turn: Turn) -> None:
        """End with a turn: it has settled."""
        saying = self._turns.pop(turn, None)
        if saying is not None:
            saying.cancel()
        if not self._turns and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _look(self) -> None:
        while True:
            now, wait_s = self._clock.monotonic(), self._interval_s
            for turn, saying in self._turns.items():
                left_s = self._interval_s - turn.silent_s(now)
                if left_s > 0:
                    wait_s = min(wait_s, left_s)
                elif saying is None or saying.done():  # else its link does not read
                    # A task of its own: what one link does not take keeps no other waiting.
                    self._turns[turn] = asyncio.create_task(turn.prove_life(), name="keepalive")
            await self._clock.sleep(wait_s)
