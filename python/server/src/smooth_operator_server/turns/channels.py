"""The channels that a link may ask for: of running turns, and of settled ones for a while."""

from __future__ import annotations

import asyncio
from collections import deque

from ..clock import Clock
from ..protocol.peer import Peer
from .channel import Channel

Key = tuple[str, str]
"""Conversation and requestId of a turn."""


class Channels:
    """The numbered channels of a server; each is kept ``kept_s`` after its terminal event."""

    def __init__(self, clock: Clock, kept_s: float) -> None:
        self._clock = clock
        self._kept_s = kept_s
        self._open: dict[Key, Channel] = {}
        self._settled: deque[tuple[float, Key, Channel]] = deque()
        self._forgetting: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._open)

    def add(self, conversation_id: str, request_id: str, channel: Channel) -> None:
        """Keep the channel of a turn that begins."""
        self._open[conversation_id, request_id] = channel

    def find(self, conversation_id: str, request_id: str) -> Channel | None:
        """Return the channel of a turn, or None when it is not kept."""
        return self._open.get((conversation_id, request_id))

    def settle(self, conversation_id: str, request_id: str, channel: Channel) -> None:
        """Forget a channel when its time is over, which begins now."""
        channel.is_settled = True
        key = (conversation_id, request_id)
        if self._open.get(key) is channel and channel.is_lost:
            del self._open[key]  # nobody can have it again
        elif self._open.get(key) is channel:
            self._settled.append((self._clock.monotonic() + self._kept_s, key, channel))
            if self._forgetting is None:
                self._forgetting = asyncio.create_task(self._forget(), name="channels")

    @property
    def open(self) -> tuple[Channel, ...]:
        """All of them."""
        return tuple(self._open.values())

    def detach(self, peer: Peer) -> None:
        """Take every turn from a link that is lost."""
        for channel in self._open.values():
            channel.detach(peer)

    async def aclose(self) -> None:
        """Forget everything."""
        if self._forgetting is not None:
            self._forgetting.cancel()
            await asyncio.gather(self._forgetting, return_exceptions=True)
            self._forgetting = None

    async def _forget(self) -> None:
        while self._settled:
            due, key, channel = self._settled[0]
            left = due - self._clock.monotonic()
            if left > 0:
                await self._clock.sleep(left)
                continue
            self._settled.popleft()
            if self._open.get(key) is channel:
                del self._open[key]
        self._forgetting = None
