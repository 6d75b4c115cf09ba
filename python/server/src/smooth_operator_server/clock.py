"""Time, passed in: no other module of the server reads a clock or sleeps by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Any, Protocol


class Clock(Protocol):
    """Where every wait and every timestamp of the server comes from."""

    def epoch_ms(self) -> int:
        """Wall clock in milliseconds since 1970, for what is shown or stored."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never runs backwards, for measuring."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; a negative time counts as 0."""
        ...


class SystemClock:
    """The clock of the machine."""

    def epoch_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


def iso_time(epoch_ms: int) -> str:
    """Return a time as RFC 3339 text in UTC."""
    moment = datetime.fromtimestamp(epoch_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def happens_within(clock: Clock, event: Awaitable[Any], seconds: float) -> bool:
    """Wait for ``event``, at most ``seconds``; tell whether it happened in time.

    The event itself is never cancelled by the limit; a task that was made for it here is.
    """
    waiting = asyncio.ensure_future(event)
    limit = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait({waiting, limit}, return_when=asyncio.FIRST_COMPLETED)
        return waiting.done()
    finally:
        limit.cancel()
        if waiting is not event:
            waiting.cancel()
