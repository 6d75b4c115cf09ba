"""One open socket: what it reads is decoded, counted, shown to the taps and handed on."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from . import wire
from ._counters import Tally
from ._listeners import FrameInfo, Listeners
from ._options import Options
from ._transport import LinkEnd, Transport
from .wire.tables import ACTION_SECRETS, EVENT_SECRETS

if TYPE_CHECKING:
    from ._outbox import Outbox, Outgoing

MALFORMED_LIMIT = 10  # REQ-WIRE-04
TYPES_WARNED = 1024


class Taker(Protocol):
    """Who takes what a link reads. Must not block."""

    def event_received(self, event: wire.Event) -> None:
        """Take one event, known or unknown."""

    def pieces_received(self, request_id: str, events: list[Any]) -> None:
        """Take events of one type and one id that came one right after the other."""

    def broken_received(self, fault: wire.DecodeError) -> None:
        """Take a known event whose body is broken."""


class Tap:
    """What logs and frame listeners see of the frames of one client (REQ-LOG-01, REQ-LOG-02)."""

    def __init__(self, options: Options, listeners: Listeners, tally: Tally) -> None:
        self.tally = tally
        self._options = options
        self._logger = options.logger
        self._listeners = listeners
        self._warned: set[str] = set()

    @property
    def open(self) -> bool:
        """Whether anybody looks."""
        return self._logger.isEnabledFor(logging.DEBUG) or self._listeners.has("frame")

    def show(
        self, direction: str, word: str | None, request_id: str | None, size: int, text: str | None
    ) -> None:
        """Log one frame and show it to the listeners."""
        logger = self._options.logger
        logger.debug("%s %s %s %d bytes", direction, word, request_id, size)
        if self._options.log_payloads:
            logger.debug("%s %s", direction, masked(direction, word, text))
        if self._listeners.has("frame"):
            at = self._options.clock.now()
            info = FrameInfo(direction, word, request_id, size, at, text)  # type: ignore[arg-type]
            self._listeners.emit("frame", info)

    def written(self, outgoing: Outgoing, size: int) -> None:
        """Count a frame that the socket took, and show it."""
        self.tally.frames_out += 1
        if self.open:
            self.show("out", outgoing.action, outgoing.request_id, size, outgoing.text)

    def warn_once(self, key: str, message: str, *args: object) -> None:
        """Log a warning, the first time that it comes under ``key``."""
        # A peer that invents types must not grow this set without end.
        if key not in self._warned and len(self._warned) < TYPES_WARNED:
            self._warned.add(key)
            self._options.logger.warning(message, *args)


class Link:
    """Reads one socket for as long as it lives; its transport's Receiver."""

    learn: ClassVar[bool] = True
    """Whether frames that look alike are read by comparing bytes."""

    def __init__(
        self,
        transport: Transport,
        outbox: Outbox,
        taker: Taker,
        tap: Tap,
        heard: Callable[[], None],
        ended: Callable[[LinkEnd | None], None],
    ) -> None:
        self.transport = transport
        self._outbox = outbox
        self._taker = taker
        self._tap = tap
        self._heard = heard
        self._ended = ended
        self._frames = wire.learned.FrameReader(learn=self.learn)
        self._pieces: list[Any] = []
        self._kind: type | None = None
        self._id: str | None = None
        self._malformed = 0
        self._watched = True

    def begin(self, first: Callable[[], None]) -> None:
        """Write what ``first`` writes and what waits for a link, then read."""
        self._outbox.link_ready(first)
        self.writable_again()
        self.transport.attach(self)

    def writable_again(self) -> None:
        """Write what waits, as far as the socket takes it (Receiver)."""
        self._outbox.write_to(self.transport)

    def batch_begins(self) -> None:
        """Look once whether anybody looks (Receiver)."""
        self._watched = self._tap.open

    def text_received(self, data: bytes) -> None:
        """Decode one message and hand it on (Receiver)."""
        event = self._frames.last(data)
        if event is None or self._watched:
            self._message(data)
        elif event.correlated is self._id and type(event) is self._kind:
            self._pieces.append(event)
        else:
            self.batch_ends()
            self._kind, self._id = type(event), event.correlated
            self._pieces.append(event)

    def batch_ends(self) -> None:
        """Hand on the pieces that came one after the other (Receiver)."""
        pieces, request_id = self._pieces, self._id
        if pieces and request_id is not None:
            self._heard()
            self._tap.tally.frames_in += len(pieces)
            self._malformed = 0
            self._pieces, self._id = [], None
            self._taker.pieces_received(request_id, pieces)

    def _message(self, data: bytes) -> None:
        """Hand on one message that is not like the one before, or that somebody watches."""
        self.batch_ends()
        self._heard()
        self._tap.tally.frames_in += 1
        try:
            event = self._frames.read(data)
        except wire.MalformedFrame:
            self._tap.show("in", None, None, len(data), data.decode())
            self._count_malformed()
            return
        except wire.DecodeError as fault:
            self._malformed = 0
            self._tap.show("in", fault.type, fault.request_id, len(data), fault.raw_text)
            self._taker.broken_received(fault)
            return
        self._malformed = 0
        word = event.wire_type if event.type == "unknown" else event.type
        if self._watched:
            self._tap.show("in", word, event.correlated, len(data), event.raw_text)
        if event.type == "unknown":
            self._tap.warn_once(word, "unknown event type %.64s", word)
        self._taker.event_received(event)

    def binary_received(self, size: int) -> None:
        """Count a binary message as malformed (Receiver)."""
        self.batch_ends()
        self._heard()
        self._tap.tally.frames_in += 1
        self._tap.show("in", None, None, size, None)
        self._count_malformed()

    def link_ended(self, end: LinkEnd) -> None:
        """Report the end of the socket (Receiver)."""
        self.batch_ends()
        self._ended(end)

    def _count_malformed(self) -> None:
        self._malformed += 1
        self._tap.tally.dropped_frames += 1
        self._tap.warn_once("", "a malformed frame was dropped")
        if self._malformed == MALFORMED_LIMIT:
            self._ended(None)


def masked(direction: str, word: str | None, text: str | None) -> str | None:
    """Return a frame for the log: what the specification calls secret is masked (REQ-LOG-01)."""
    secrets = EVENT_SECRETS if direction == "in" else ACTION_SECRETS
    if text is None or word not in secrets:
        return text
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        return "(not shown)"  # where a secret lies in it, nobody knows
    for *above, last in secrets[word]:
        owner = frame
        for name in above:
            owner = owner.get(name) if isinstance(owner, dict) else None
        if isinstance(owner, dict) and last in owner:
            owner[last] = "…"
    return json.dumps(frame, ensure_ascii=False)
