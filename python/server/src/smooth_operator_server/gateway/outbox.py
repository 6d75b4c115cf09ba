"""The outbound queue of one socket: bounded, in order, and closed when nobody reads.

What is queued within one pass of the event loop goes out in one write at its end, by a callback,
and what is alone at once;
a task of the socket writes only while the transport is full, and under servers without that way.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import islice

from ..clock import Clock, happens_within

MAX_FRAMES = 1024
MAX_BYTES = 1024 * 1024
BATCH = 64
"""Frames that are handed to the socket in one write, at most."""

WriteNow = Callable[[Sequence[str]], bool]
"""Writes frames without a wait; False when it took none of them, and a wait has to be made."""


class Outbox:
    """Frames that wait to be written. Belongs to the event loop of its socket."""

    def __init__(self, clock: Clock, patience_s: float, write_now: WriteNow | None = None) -> None:
        self._clock = clock
        self._patience_s = patience_s
        self._frames: deque[str] = deque()
        self._bytes = 0
        self._room = asyncio.Event()
        self._room.set()
        self._ready = asyncio.Event()
        self._write_now = write_now
        self._loop = asyncio.get_running_loop()
        self._is_scheduled = False
        """Whether what waits is going to be written, by the callback or by the task."""
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

    def write(self, text: str) -> bool:
        """Write a frame at once; False when it has to be queued, behind others or for room."""
        if self._is_scheduled or self._ends or self._write_now is None:
            return False
        return self._write_now((text,))

    async def put_text(self, text: str) -> None:
        """Queue a frame; wait for room. On a closed queue the frame is dropped."""
        while not self._closed and not self._room.is_set():
            if not await happens_within(self._clock, self._room.wait(), self._patience_s):
                self.drop()
                self.gave_up.set()
                return
        self.put_text_now(text)

    def put_text_now(self, text: str) -> None:
        """Queue a frame without a wait, beyond the bound if need be."""
        if self._ends:
            return
        self._frames.append(text)
        self._bytes += len(text)
        if len(self._frames) >= MAX_FRAMES or self._bytes >= MAX_BYTES:
            self._room.clear()
        if not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._flush)

    @property
    def _ends(self) -> bool:
        """Whether frames are dropped from now on."""
        return self._closed or self._ending or self.gave_up.is_set()

    def _flush(self) -> None:
        """Write what waits; leave it to the task when the socket takes nothing now."""
        while self._frames and self._write_now is not None:
            batch = list(islice(self._frames, BATCH))
            if not self._write_now(batch):
                break
            self._took(batch)
        if self._frames:
            self._ready.set()
        else:
            self._is_scheduled = False

    def _took(self, batch: Sequence[str]) -> None:
        """Forget the first frames: they are written, or about to be."""
        for _ in batch:
            self._frames.popleft()
        self._bytes -= sum(map(len, batch))
        if len(self._frames) < MAX_FRAMES and self._bytes < MAX_BYTES:
            self._room.set()

    async def batches(self) -> AsyncIterator[list[str]]:
        """Yield what the callback could not write, until the queue is closed, or finished."""
        while not self._closed:
            if not self._ready.is_set():
                await self._ready.wait()
            elif self._frames:
                batch = list(islice(self._frames, BATCH))
                self._took(batch)
                yield batch
            elif self._ending:
                return
            else:
                self._ready.clear()
                self._is_scheduled = False

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
