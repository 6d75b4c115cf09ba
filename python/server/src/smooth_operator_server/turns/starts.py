"""In which order turns begin when many of them come at once."""

from __future__ import annotations

import asyncio
from collections import deque

AT_ONCE = 4
"""Turns that begin in one pass of the event loop."""


class Starts:
    """Lets turns begin in the order in which they came, a few in each pass of the event loop.

    Without it a hundred messages that come together are all stored before the first of their turns
    is heard of. Turns that have begun let those begin that came meanwhile: the first word of one is
    worth more than the second of another. Both waits end after as many passes as turns wait.
    """

    def __init__(self) -> None:
        self._came = 0
        self._began = 0
        self._left = AT_ONCE
        self._is_counting = False
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._heard: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def mine(self) -> None:
        """Wait until a turn may begin."""
        self._came += 1
        if self._left and not self._waiting:
            self._left -= 1
            self._began += 1
            self._count()
            return
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        await waiting

    async def others(self) -> None:
        """Wait until all have begun that came before now."""
        if self._began < self._came:
            waiting = asyncio.get_running_loop().create_future()
            self._heard.append((self._came, waiting))
            await waiting

    def _count(self) -> None:
        if not self._is_counting:
            self._is_counting = True
            asyncio.get_running_loop().call_soon(self._next_pass)

    def _next_pass(self) -> None:
        self._is_counting, self._left = False, AT_ONCE
        while self._left and self._waiting:
            waiting = self._waiting.popleft()
            self._began += 1
            if not waiting.done():  # else its socket is gone
                waiting.set_result(None)
                self._left -= 1
        while self._heard and self._heard[0][0] <= self._began:
            _, waiting = self._heard.popleft()
            if not waiting.done():
                waiting.set_result(None)
        if self._left < AT_ONCE:
            self._count()
