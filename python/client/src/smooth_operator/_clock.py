"""Time and ids come in through here, so that a test of a long wait takes no time (REQ-TIME-01)."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

_STALL = 0.1  # seconds late from which on the loop must have stood still
_ROUNDS = 8  # of the loop, each of which reads up to 64 KiB of a socket

IdGenerator = Callable[[], str]
"""Gives a fresh requestId at each call."""


class Timer(Protocol):
    """A callback that waits for its time."""

    def cancel(self) -> None:
        """Drop the callback; does nothing when it ran already."""


class Clock(Protocol):
    """Source of time for every limit of a client. All numbers are seconds."""

    def now(self) -> float:
        """Return the monotonic time."""

    def wall(self) -> float:
        """Return the time of the wall clock, which goes on while the machine sleeps.

        It is compared with :meth:`now` and used for nothing else (REQ-CONN-39).
        """

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call ``callback`` on the running loop once ``delay`` has passed."""


class SystemClock:
    """Real time, by the running event loop."""

    now = staticmethod(time.monotonic)
    """Return the monotonic time of the process."""

    wall = staticmethod(time.time)
    """Return the time of day, as seconds since 1970."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call ``callback`` on the running loop after ``delay`` seconds.

        Where loop or process stood still meanwhile, what lies in the sockets is read first
        (REQ-TIME-02).
        """
        return _Timer(delay, callback)


class _Timer:
    """A timer that notices that it fires late."""

    def __init__(self, delay: float, callback: Callable[[], None]) -> None:
        self._callback = callback
        self._due = time.monotonic() + delay
        self._rounds = _ROUNDS
        self._loop = asyncio.get_running_loop()
        self._handle = self._loop.call_later(delay, self._fire)

    def cancel(self) -> None:
        """Drop the callback."""
        self._handle.cancel()

    def _fire(self) -> None:
        late = time.monotonic() - self._due > _STALL
        if self._rounds and (late or self._rounds < _ROUNDS):
            # Each round of the loop reads once from each socket that has something.
            self._rounds -= 1
            self._handle = self._loop.call_later(0, self._fire)
        else:
            self._callback()


def new_request_id() -> str:
    """Return ``req-`` and a UUIDv4 from the system's cryptographic source (REQ-CALL-01)."""
    return f"req-{uuid.uuid4()}"


async def within(clock: Clock, limit: float, work: Awaitable[T]) -> T:
    """Await ``work`` for at most ``limit`` seconds of ``clock``; 0 = no limit.

    Raises:
        TimeoutError: the limit passed; ``work`` was cancelled.
    """
    task = asyncio.ensure_future(work)
    expired = False

    def expire() -> None:
        nonlocal expired
        expired = not task.done()
        task.cancel()

    timer = clock.call_later(limit, expire) if limit else None
    try:
        return await task
    except asyncio.CancelledError:
        if expired:
            raise TimeoutError from None
        task.cancel()
        raise
    finally:
        if timer is not None:
            timer.cancel()


async def patiently(clock: Clock, limit: float, tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Wait until all ``tasks`` are done, or ``limit`` seconds have passed; ends none of them."""
    running = {task for task in tasks if not task.done()}
    if not running:
        return
    all_done = asyncio.ensure_future(asyncio.wait(running))

    def over() -> None:
        all_done.cancel()

    timer = clock.call_later(limit, over)
    try:
        await asyncio.wait({all_done})
    finally:
        timer.cancel()
        all_done.cancel()
