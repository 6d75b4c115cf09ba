"""Telling everybody in a conversation what the others say and do, at this server and the others.

The wire has no event for it: what is told is an ``immediate_response`` that answers nothing, as it
has no requestId. Clients hand it to the listeners of events that no turn and no call owns.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

from ..backplane import Notice, Post
from ..clock import Clock
from ..protocol import frames
from ..protocol.frames import Frame
from ..protocol.peer import Peer
from ..store import PeopleStore, StoreError
from ..telemetry import log, where
from .presence import Presence

KIND = "crowd"
WRITTEN = "Message written"


class Crowd:
    """Knows who has to hear what; the other servers are told, and deliver to their sockets."""

    def __init__(self, store: PeopleStore, presence: Presence, post: Post, clock: Clock) -> None:
        self._store = store
        self._presence = presence
        self._post = post
        self._clock = clock
        self._sending: set[asyncio.Task[None]] = set()
        post.on(KIND, self._told)

    async def hear(
        self, conversation_id: str, message: dict[str, Any], besides: str | None
    ) -> None:
        """Tell everybody of a message, but for the socket ``besides``: it knows already.

        Nobody is told of a conversation that has its owner and the agent alone. When the store
        fails nobody is told either: the message is stored, and is found in the history.
        """
        try:
            attendance = await self._store.attendance(conversation_id)
        except StoreError as fault:
            log.error("nobody was told of a message", **where(fault))
            return
        if attendance is not None:
            org, people = attendance.org, attendance.identities
            self.tell(org, conversation_id, people, WRITTEN, {"message": message}, besides)

    def tell(
        self,
        org: str,
        conversation_id: str,
        people: Collection[str],
        text: str,
        data: dict[str, Any],
        besides: str | None = None,
    ) -> None:
        """Tell the sockets that are in a conversation, and those of ``people``."""
        told = {"conversationId": conversation_id} | data
        event = frames.told(self._clock.epoch_ms(), text, told)
        named = {"org": org, "conversation": conversation_id, "people": list(people)}
        self._post.tell_later(None, KIND, event=event, besides=besides, **named)
        self._deliver(org, conversation_id, people, event, besides)

    async def _told(self, notice: Notice) -> None:
        people, event = notice["people"], notice["event"]
        self._deliver(notice["org"], notice["conversation"], people, event, notice["besides"])

    def _deliver(
        self,
        org: str,
        conversation_id: str,
        people: Collection[str],
        event: Frame,
        besides: str | None,
    ) -> None:
        sockets = set(self._presence.at("conversation", conversation_id))
        for identity in people:
            sockets |= self._presence.of(org, identity)
        for peer in sorted(sockets, key=lambda one: one.number):
            if peer.socket_id == besides:
                continue
            if peer.has_room:
                peer.send_now(event)
            else:
                self._send_later(peer, event)

    def _send_later(self, peer: Peer, event: Frame) -> None:
        """Let an event wait for room: a socket that never reads is given up by itself."""
        task = asyncio.create_task(peer.send(event), name="crowd")
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def aclose(self) -> None:
        """Tell nobody any more."""
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)
