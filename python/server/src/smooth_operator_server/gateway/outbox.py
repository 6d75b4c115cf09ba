"""The outbound queue of one socket: bounded, in order, and closed when nobody reads."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from ..clock import Clock, happens_within
from ..protocol.frames import Frame
from ..protocol.json_text import write_json

MAX_FRAMES = 1024
MAX_BYTES = 1024 * 1024
BATCH = 64
"""Frames that are handed to the socket in one write, at most."""


class Outbox:
    """Frames that wait to be written. Belongs to the event loop of its socket."""

    def __init__(self, clock: Clock, patience_s: float) -> None:
        self._clock = clock
        self._patience_s = patience_s
        self._frames: deque[str] = deque()
        self._bytes = 0
        self._room = asyncio.Event()
        self._room.set()
        self._ready = asyncio.Event()
        self._closed = False
        self._ending = False
        self.gave_up = asyncio.Event()
        """Set when the queue stayed full for the whole patience: the peer does not read."""

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def has_room(self) -> bool:
        """Whether a frame can be queued without a wait."""
        return self._room.is_set()

    async def put(self, frame: Frame) -> None:
        """Queue a frame; wait for room. On a closed queue the frame is dropped."""
        await self.put_text(write_json(frame))

    async def put_text(self, text: str) -> None:
        """Queue a frame that is written already, like ``put``."""
        while not self._closed and not self._room.is_set():
            if not await happens_within(self._clock, self._room.wait(), self._patience_s):
                self.drop()
                self.gave_up.set()
                return
        self.put_text_now(text)

    def put_now(self, frame: Frame) -> None:
        """Queue a frame without a wait, beyond the bound if need be."""
        self.put_text_now(write_json(frame))

    def put_text_now(self, text: str) -> None:
        """Queue a frame that is written already, like ``put_now``."""
        if self._closed or self._ending or self.gave_up.is_set():
            return
        self._frames.append(text)
        self._bytes += len(text)
        if len(self._frames) >= MAX_FRAMES or self._bytes >= MAX_BYTES:
            self._room.clear()
        self._ready.set()

    async def batches(self) -> AsyncIterator[list[str]]:
        """Yield what waits, in order, until the queue is closed, or finished and empty."""
        while not self._closed:
            if self._frames:
                batch = [self._frames.popleft() for _ in range(min(BATCH, len(self._frames)))]
                self._bytes -= sum(map(len, batch))
                if len(self._frames) < MAX_FRAMES and self._bytes < MAX_BYTES:
                    self._room.set()
                yield batch
            elif self._ending:
                return
            else:
                self._ready.clear()
                await self._ready.wait()

    def finish(self) -> None:
        """Take no more frames; those that wait are still written."""
        self._ending = True
        self._ready.set()

    def drop(self) -> None:
        """Drop what waits; the next frames are dropped too, once ``gave_up`` is set."""
        self._frames.clear()
        self._bytes = 0
        self._room.set()

    def close(self) -> None:
        """Drop what waits, and whoever waits for room."""
        self._closed = True
        self._frames.clear()
        self._room.set()
        self._ready.set()
