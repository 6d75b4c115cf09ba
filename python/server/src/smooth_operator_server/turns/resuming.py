"""Taking up a turn after a lost link: ``resume_turn``, a message that comes again, ``openTurn``."""

from __future__ import annotations

from typing import Any

from ..backplane import BackplaneError, Post
from ..clock import Clock
from ..protocol import frames
from ..protocol.actions import Action
from ..protocol.frames import Resume
from ..protocol.peer import Peer
from ..protocol.refusals import Code, RefusalError
from ..sessions import Sessions, is_replayed
from ..store import SessionRecord, TurnRecord
from ..telemetry import log, where
from .channels import Channels
from .following import Following
from .ledger import Ledger
from .precedence import Precedence


class Resuming:
    """Answers ``resume_turn`` (REQ-SRV-26 to 32)."""

    def __init__(
        self,
        sessions: Sessions,
        channels: Channels,
        ledger: Ledger,
        following: Following,
        post: Post,
        clock: Clock,
    ) -> None:
        self._sessions = sessions
        self._channels = channels
        self._ledger = ledger
        self._following = following
        self._post = post
        self._clock = clock
        self._precedence = Precedence()

    async def resume_turn(self, action: Action, peer: Peer) -> None:
        """Say what became of a turn, and give it to the link that asks.

        Raises:
            RefusalError: SESSION_NOT_FOUND, or UNSUPPORTED_ACTION without ``replay``.
        """
        session = await self._sessions.require(action["sessionId"], peer)
        if not is_replayed(session):
            raise RefusalError(Code.UNSUPPORTED_ACTION, "the session did not list replay")
        request_id = action["requestId"]
        if not self._precedence.claim((session.conversation_id, request_id), peer):
            await self._say_moved(session.conversation_id, request_id, peer)
            return
        record = await self._ledger.look_up(session.conversation_id, request_id, peer.socket_id)
        if record is None:
            hello = frames.turn_resumed(request_id, self._clock.epoch_ms(), Resume.NEVER, 0)
            await peer.send(hello)
            return
        await self.give(record, peer, int(action["afterSeq"]))

    async def give(self, record: TurnRecord, peer: Peer, after: int) -> None:
        """Give a turn that was accepted to a link, from after an event on.

        Raises:
            RefusalError: INTERNAL_ERROR; another server runs the turn, and does not answer.
        """
        now, request_id = self._clock.epoch_ms(), record.request_id
        if self._precedence.is_late((record.conversation_id, request_id), peer):
            await self._say_moved(record.conversation_id, request_id, peer)
            return
        channel = self._channels.find(record.conversation_id, request_id)
        if channel is None:
            await self._give_elsewhere(record, peer, after)
            return
        last = channel.last_seq
        if not channel.holds_after(after):
            await peer.send(frames.turn_resumed(request_id, now, Resume.GONE, last))
            return
        if channel.taken.is_set() and channel.peer is not peer:
            moved = frames.turn_resumed(request_id, now, Resume.MOVED, last)
            channel.peer.send_now(moved)
        state = Resume.SETTLED if channel.is_settled else Resume.RUNNING
        channel.attach(peer, frames.turn_resumed(request_id, now, state, last), after)

    async def _say_moved(self, conversation_id: str, request_id: str, peer: Peer) -> None:
        """Tell a link that a newer one of this client has the turn."""
        channel = self._channels.find(conversation_id, request_id)
        last = channel.last_seq if channel else 0
        now = self._clock.epoch_ms()
        await peer.send(frames.turn_resumed(request_id, now, Resume.MOVED, last))

    def detach(self, peer: Peer) -> None:
        """Let a link that is lost stand in no other one's way."""
        self._precedence.forget(peer)

    async def _give_elsewhere(self, record: TurnRecord, peer: Peer, after: int) -> None:
        """Give a turn to a link that another server runs, or ran."""
        found = await self._following.ask(record, peer, after)
        if found is None:
            # Ours in a moment, when it is being stored or its server is gone.
            raise RefusalError(Code.INTERNAL_ERROR, "the turn runs elsewhere", retry_after_ms=1000)
        now = self._clock.epoch_ms()
        await peer.send(frames.turn_resumed(record.request_id, now, found.state, found.last))
        if found.state is not Resume.GONE:
            self._following.follow(record, peer, after)

    async def open_turn(self, session: SessionRecord, peer: Peer) -> dict[str, Any] | None:
        """Return the turn that the conversation of a session runs, as a link is told of it."""
        if not is_replayed(session):
            return None
        record = await self._ledger.running(session.conversation_id)
        if record is None:
            return None
        channel = self._channels.find(record.conversation_id, record.request_id)
        last = await self._last_elsewhere(record) if channel is None else channel.last_seq
        if not last or (channel is not None and channel.is_lost):
            return None
        self._precedence.yield_to((record.conversation_id, record.request_id), peer)
        return {"requestId": record.request_id, "lastSeq": last}

    async def _last_elsewhere(self, record: TurnRecord) -> int:
        """Return the number of the newest event that can be read of another server's turn."""
        try:
            kept = await self._post.backplane.kept(record.turn_id)
        except BackplaneError as fault:
            log.error("events were not found", **where(fault))
            return 0
        return 0 if kept is None else kept.last
