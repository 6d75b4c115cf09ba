"""In which order turns begin and go on when many of them are at work at once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

AT_ONCE = 4
"""Turns that begin in one pass of the event loop, and turns that go on in one."""


class Starts:
    """Lets turns begin in the order in which they came, a few in each pass of the event loop.

    Without it a hundred messages that come together are all stored before the first of their turns
    is heard of. Turns that have begun let those begin that came meanwhile: the first word of one is
    worth more than the second of another. They go on a few in each pass, too: a message that comes
    while two hundred turns have much to say does not wait for all of them. All waits end after as
    many passes as turns wait.
    """

    def __init__(self) -> None:
        self._begin = _Gate(self._let_go_on)
        self._breathe = _Gate()
        self._heard: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def mine(self) -> None:
        """Wait until a turn may begin."""
        waiting = self._begin.enter()
        if waiting is not None:
            await waiting

    async def others(self) -> None:
        """Wait until all have begun that came before now."""
        if self._begin.passed < self._begin.came:
            waiting = asyncio.get_running_loop().create_future()
            self._heard.append((self._begin.came, waiting))
            await waiting

    async def breath(self) -> None:
        """Let the event loop, and other turns, go on."""
        waiting = self._breathe.enter()
        await (asyncio.sleep(0) if waiting is None else waiting)

    def _let_go_on(self) -> None:
        while self._heard and self._heard[0][0] <= self._begin.passed:
            _, waiting = self._heard.popleft()
            if not waiting.done():
                waiting.set_result(None)


class _Gate:
    """Lets a few through in each pass of the event loop, in order; then calls ``after_pass``."""

    def __init__(self, after_pass: Callable[[], None] = lambda: None) -> None:
        self.came = 0
        self.passed = 0
        self._after_pass = after_pass
        self._left = AT_ONCE
        self._is_counting = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    def enter(self) -> asyncio.Future[None] | None:
        """Come to the gate; return what to wait for, None when the way is free."""
        self.came += 1
        loop = asyncio.get_running_loop()
        if not self._is_counting:
            self._is_counting = True
            loop.call_soon(self._next_pass)
        if self._left and not self._waiting:
            self._left -= 1
            self.passed += 1
            return None
        waiting = loop.create_future()
        self._waiting.append(waiting)
        return waiting

    def _next_pass(self) -> None:
        self._is_counting, self._left = False, AT_ONCE
        while self._left and self._waiting:
            waiting = self._waiting.popleft()
            self.passed += 1
            if not waiting.done():  # else whoever waited is gone
                waiting.set_result(None)
                self._left -= 1
        self._after_pass()
        if self._left < AT_ONCE:
            self._is_counting = True
            asyncio.get_running_loop().call_soon(self._next_pass)
