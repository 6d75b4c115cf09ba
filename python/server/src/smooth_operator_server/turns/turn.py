"""One turn as the wire sees it: what it may send, and that it ends exactly once (REQ-SRV-03)."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from enum import Enum
from typing import Any

from ..clock import Clock
from ..protocol import frames
from ..protocol.frames import Frame
from ..sessions import is_extended
from ..store import SessionRecord
from .channel import Channel

REMEMBERED_IDS = 1024


class State(Enum):
    """Where a turn stands; it only moves downwards."""

    RUNNING = "running"
    FINISHING = "finishing"
    """The answer is being stored: a cancel comes too late, the answer will be sent."""

    SETTLED = "settled"


class Turn:
    """A running turn. Belongs to the event loop of the server."""

    def __init__(
        self,
        turn_id: str,
        request_id: str,
        session: SessionRecord,
        channel: Channel,
        *,
        message: str,
        wants_tokens: bool,
        clock: Clock,
        on_settled: Callable[[Turn], None],
    ) -> None:
        self.turn_id = turn_id
        """The server's own id: requestIds are the clients' and may repeat."""
        self.request_id = request_id
        self.session = session
        self.channel = channel
        self.message = message
        self.wants_tokens = wants_tokens
        self.accepted = asyncio.Event()
        """Set when the 202 is out, or when the turn ended before it."""
        self.task: asyncio.Task[None] | None = None
        self.state = State.RUNNING
        self._clock = clock
        self._on_settled = on_settled
        self._last_frame = clock.monotonic()
        self._tokens: dict[str, frames.Tokens] = {}

    def can_stop(self) -> bool:
        """Whether the turn can still be stopped."""
        return self.state is State.RUNNING

    @property
    def extended(self) -> bool:
        """Whether the session takes the fields of version 1.1."""
        return is_extended(self.session)

    def now(self) -> int:
        """Epoch ms, for a frame that is built now."""
        return self._clock.epoch_ms()

    async def accept(self) -> None:
        """Send the 202."""
        if not self.channel.last_seq:  # else another server has said so
            await self.emit(
                frames.immediate_response(self.request_id, self.now(), 202, "Message accepted", {})
            )
        self.accepted.set()

    async def emit(self, frame: Frame) -> None:
        """Say something; nothing is said any more once the turn settled."""
        if self.state is State.SETTLED:
            return
        self._last_frame = self._clock.monotonic()
        await self.channel.emit(frame)

    async def emit_piece(self, kind: str, piece: str) -> None:
        """Say a piece of text by the event of this type, as ``emit`` does."""
        if self.state is State.SETTLED:
            return
        self._last_frame = self._clock.monotonic()
        tokens = self._tokens.get(kind)
        if tokens is None:
            tokens = self._tokens[kind] = frames.Tokens(kind, self.request_id)
        await self.channel.emit_text(tokens.text(self._clock.epoch_ms(), piece))

    def finishing(self) -> None:
        """Pass the point after which the turn completes whatever comes."""
        if self.state is State.RUNNING:
            self.state = State.FINISHING

    def settle(self, terminal: str | None) -> bool:
        """End the turn with its terminal event, which is written already; False when it has ended.

        The session is free for the next turn before the event is out. ``None`` ends a turn that
        was never accepted.
        """
        if self.state is State.SETTLED:
            return False
        self.state = State.SETTLED
        self.accepted.set()
        self._on_settled(self)
        if terminal is not None:
            self.channel.append_text(terminal)
        return True

    def abandon(self) -> None:
        """Leave the turn to the server that took it over; its link asks there what became of it."""
        if self.settle(None):
            self.channel.abandon()

    def silent_s(self, now: float) -> float:
        """Return for how long the turn has said nothing; ``now`` is on the monotonic clock."""
        return now - self._last_frame

    async def prove_life(self) -> None:
        """Send ``keepalive``."""
        self._last_frame = self._clock.monotonic()
        await self.channel.hint(frames.keepalive(self.request_id, self.now()))


class TurnIds:
    """The requestIds of recent turns, the newest 1,024, to tell an id of a turn from others."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()

    def add(self, request_id: str) -> None:
        self._ids.pop(request_id, None)
        self._ids[request_id] = None
        if len(self._ids) > REMEMBERED_IDS:
            self._ids.popitem(last=False)

    def __contains__(self, request_id: Any) -> bool:
        return request_id in self._ids
