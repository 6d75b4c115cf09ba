"""What a turn says, between the turn and the link that has it. Knows neither socket nor agent.

On a session that listed ``replay`` the events are numbered and kept, so that another link can have
them after this one is lost (REQ-SRV-24 to 26). On any other they go straight to their link.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

from ..protocol.frames import Frame
from ..protocol.json_text import write_json
from ..protocol.peer import Nobody, Peer

MAX_EVENTS = 20_000
"""Events of a turn that are kept, the newest ones."""

MAX_BYTES = 8 * 1024 * 1024
"""Characters of the events that are kept."""

AHEAD = 512
"""Events that a turn may be ahead of its link before it waits for it."""

BATCH = 64


class Channel:
    """The events of one turn. Belongs to the event loop of the server."""

    def __init__(self, peer: Peer, *, numbered: bool) -> None:
        self.numbered = numbered
        self.peer = peer
        """The link that has the turn; ``Nobody`` when it was lost."""
        self.taken = asyncio.Event()
        """Set while a link has the turn."""
        if not isinstance(peer, Nobody):
            self.taken.set()
        self.is_settled = False
        self.continues = False
        """Whether it goes on after the events of another server."""
        self.is_lost = False
        """Whether events went out that are not kept: nobody can take the turn up any more."""
        self._held: int | None = None
        """``seq`` of the newest event that may go out, while others are held back."""
        self.spoil: Callable[[int], Awaitable[None]] | None = None
        """Told before an event goes out that follows the stored ones, with its number."""
        self.publish: Callable[[], None] | None = None
        """Told when there are events that other servers have to be able to read."""
        self.published = 0
        """``seq`` of the newest event that they can read."""
        self._is_elsewhere = False
        """Whether the link is at another server, which reads what is published."""
        self._stored = 0
        self._spoilt = 1
        self._spoiling = asyncio.Lock()
        self._kept: deque[str] = deque()
        self._size = 0
        self._last = 0
        self._sent = 0
        """``seq`` of the newest event that the link was given."""
        self._writing: asyncio.Task[None] | None = None
        self._moved = asyncio.Event()

    @property
    def last_seq(self) -> int:
        """``seq`` of the newest event that may go out; 0 before the first."""
        return self._last if self._held is None else self._held

    def holds_after(self, seq: int) -> bool:
        """Tell whether all events after ``seq`` are kept (REQ-SRV-27)."""
        return not self.is_lost and self.oldest - 1 <= seq <= self.last_seq

    async def emit(self, frame: Frame) -> None:
        """Say something; waits while the link is far behind."""
        await self.emit_text(write_json(frame))

    async def emit_text(self, text: str) -> None:
        """Say something that is written already, like ``emit``."""
        if not self.numbered:
            await self.peer.send_written(text)
            return
        if self._spoils():
            await self._spoil_first()
        self.append_text(text)
        while self._is_ahead():
            self._moved.clear()
            await self._moved.wait()

    def _spoils(self) -> bool:
        """Tell whether the next event is the first one after those that are stored."""
        return self._spoilt <= self._stored and self._held is None and self.spoil is not None

    async def _spoil_first(self) -> None:
        """Have it stored that events follow; no other one goes out before that."""
        async with self._spoiling:
            if self._spoils() and self.spoil is not None:
                seq = self._last + 1
                await self.spoil(seq)
                self._spoilt = seq

    def _is_ahead(self) -> bool:
        reached = self.published if self._is_elsewhere else self._sent
        return self._last - reached > AHEAD and self.taken.is_set() and self._held is None

    def append(self, frame: Frame) -> int:
        """Say something without a wait; return its ``seq``, 0 when events are not numbered."""
        return self.append_text(write_json(frame))

    def append_text(self, unnumbered: str) -> int:
        """Say something that is written already, like ``append``."""
        if not self.numbered:
            self.peer.send_text_now(unnumbered)
            return 0
        self._last += 1
        text = f'{unnumbered[:-1]},"seq":{self._last}}}'
        self._kept.append(text)
        self._size += len(text)
        while len(self._kept) > MAX_EVENTS or self._size > MAX_BYTES:
            self._size -= len(self._kept.popleft())
        if self._held is None:
            self._publish()
            if self.taken.is_set():
                self._pass_on(text)
        return self._last

    def _publish(self) -> None:
        if self.publish is not None and self.published < self.last_seq and not self.is_lost:
            self.publish()

    def unpublished(self, most: int) -> tuple[int, tuple[str, ...]]:
        """Return events that are not published yet, with the number of the first."""
        oldest = self.oldest
        first = max(self.published + 1, oldest)
        end = min(self.last_seq + 1, first + most)
        return first, tuple(islice(self._kept, first - oldest, max(first, end) - oldest))

    def was_published(self, seq: int) -> None:
        """Note that other servers can read the events up to one."""
        self.published = seq
        self._moved.set()

    def publish_rest(self, seq: int) -> None:
        """Publish the events after the one up to which another server has published them."""
        self.was_published(seq)
        self._publish()

    @property
    def oldest(self) -> int:
        """``seq`` of the oldest event that is kept."""
        return self._last - len(self._kept) + 1

    def storing(self) -> tuple[int, tuple[str, ...]] | None:
        """Return the events that are not stored yet, with the number of the last one.

        They count as stored from now on. None when events are not numbered, or cannot be told.
        """
        count = self._last - self._stored
        if not self.numbered or self.is_lost or count > len(self._kept):
            return None
        self._stored = self._last
        return self._last, tuple(islice(self._kept, len(self._kept) - count, None))

    def restore(self, seq: int, texts: Sequence[str]) -> None:
        """Go on after stored events; the last one's number is ``seq``."""
        self._kept.extend(texts)
        self._size = sum(map(len, texts))
        self._last = self._stored = seq
        self.continues = True

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let nothing go out in here: what is stored first may be taken up after a crash."""
        self._held = self._last
        try:
            yield
        finally:
            self._held = None
            self._publish()
            if self.taken.is_set():
                self._write_later()

    def has_said(self, words: str) -> bool:
        """Tell whether an event that is kept holds these words."""
        return any(words in text for text in self._kept)

    def has_said_after(self, words: str, *later: str) -> bool:
        """Tell whether, after the newest kept event with ``words``, one has all of ``later``."""
        for text in reversed(self._kept):
            if words in text:
                return False
            if all(part in text for part in later):
                return True
        return False

    async def hint(self, frame: Frame) -> None:
        """Say something that is no event of the turn, when the link has all of those."""
        if self._writing is None:
            await self.peer.send(frame)

    def attach(self, peer: Peer, hello: Frame, after: int) -> None:
        """Give the turn to a link: ``hello``, then the events after ``after``, then new ones."""
        peer.send_now(hello)
        self.go_on(peer, after)

    def go_on(self, peer: Peer, after: int) -> None:
        """Give the turn to a link that knows of it: the events after one, then new ones."""
        self._stop_writing()
        self.peer = peer
        self._is_elsewhere = False
        self.taken.set()
        self._sent = after
        self._write_later()

    def attach_elsewhere(self, peer: Peer) -> None:
        """Give the turn to a link of another server, which reads the events by itself."""
        self._stop_writing()
        self.peer = peer
        self._is_elsewhere = True
        self.taken.set()

    def detach(self, peer: Peer) -> None:
        """Take the turn from a link that is lost; nothing happens when it has another."""
        if self.peer is peer:
            self._stop_writing()
            self.peer = Nobody()
            self._is_elsewhere = False
            self.taken.clear()
            self._moved.set()

    def _pass_on(self, text: str) -> None:
        """Give the newest event to the link, at once when it has all others and has room."""
        if self._writing is None and self.peer.has_room and not self._is_elsewhere:
            self.peer.send_text_now(text)
            self._sent = self._last
        else:
            self._write_later()

    def _write_later(self) -> None:
        if self._is_elsewhere:
            return
        if self._writing is None and self._sent < self.last_seq:
            self._writing = asyncio.create_task(self._write(self.peer), name="channel")

    def abandon(self) -> None:
        """Close the link: the turn is another server's, where the link finds what became of it."""
        self.is_lost = True
        self.peer.fell_behind()

    def _stop_writing(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None

    async def _write(self, peer: Peer) -> None:
        """Give the link what it lacks, as it takes it; one that is too slow loses the turn."""
        while self._sent < self.last_seq:
            first = self.oldest
            if self._sent + 1 < first:
                peer.fell_behind()
                self._writing = None
                self.detach(peer)
                return
            offset = self._sent + 1 - first
            most = min(BATCH, self.last_seq - self._sent)
            for text in list(islice(self._kept, offset, offset + most)):
                await peer.send_text(text)
                self._sent += 1
            self._moved.set()
        self._writing = None
