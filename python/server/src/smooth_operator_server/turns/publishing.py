"""What turns say, put where every server can read it."""

from __future__ import annotations

import asyncio
from functools import partial

from ..backplane import Backplane, Batch, Post
from ..clock import Clock, happens_within
from ..telemetry import log, where
from .channel import Channel
from .elsewhere import Elsewhere

MOST = 512
"""Events of a turn that are published at once; the next ones follow."""

AGAIN_S = 1.0
"""Seconds until events that could not be published are tried again."""


class Publisher:
    """Publishes the events of the numbered channels of a server, many at a time."""

    def __init__(self, post: Post, clock: Clock) -> None:
        self._post = post
        self._clock = clock
        self._waiting: dict[str, Channel] = {}
        self._woken = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._publishing: asyncio.Task[None] | None = None

    @property
    def _backplane(self) -> Backplane:
        return self._post.backplane

    def add(self, turn_id: str, channel: Channel) -> None:
        """Publish what a channel says from now on; nothing happens without other servers."""
        if self._backplane.is_shared:
            channel.publish = partial(self._touch, turn_id, channel)

    def _touch(self, turn_id: str, channel: Channel) -> None:
        self._waiting[turn_id] = channel
        self._woken.set()
        self._idle.clear()
        if self._publishing is None:
            self._publishing = asyncio.create_task(self._publish(), name="publisher")

    async def _publish(self) -> None:
        while True:
            self._woken.clear()
            waiting, self._waiting = self._waiting, {}
            if not waiting:
                self._idle.set()
                await self._woken.wait()
                continue
            try:
                await self._round(waiting)
            except Exception as fault:  # whatever it is, the others are published, and these again
                log.error("events were not published", turns=len(waiting), **where(fault))
                self._waiting = waiting | self._waiting
                await self._clock.sleep(AGAIN_S)

    async def _round(self, waiting: dict[str, Channel]) -> None:
        batches: list[Batch] = []
        for turn_id, channel in waiting.items():
            first, texts = channel.unpublished(MOST)
            if texts:
                last = first + len(texts) - 1
                ended = channel.is_settled and last == channel.last_seq
                batches.append(Batch(turn_id, first, texts, channel.oldest, ended))
        if batches:
            await self._backplane.append(batches)
        for batch in batches:
            channel = waiting[batch.turn_id]
            channel.was_published(batch.first + len(batch.texts) - 1)
            if isinstance(channel.peer, Elsewhere):
                await self._post.tell(channel.peer.node, "grew", turn=batch.turn_id)
            if channel.published < channel.last_seq:
                self._touch(batch.turn_id, channel)

    async def flush(self, seconds: float) -> None:
        """Wait until everything is published, a while at most."""
        await happens_within(self._clock, self._idle.wait(), seconds)

    async def aclose(self) -> None:
        """Publish no more."""
        if self._publishing is not None:
            self._publishing.cancel()
            await asyncio.gather(self._publishing, return_exceptions=True)
            self._publishing = None
