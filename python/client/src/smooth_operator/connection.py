"""The link: one attempt, one socket, its state, and the frames that wait for it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Protocol

from .clock import within
from .connection_state import ConnectionState, LinkState
from .errors import (
    AuthenticationError,
    ClientClosedError,
    ConnectFailedError,
    MessageTooLargeError,
    SmoothAgentError,
)
from .listeners import FrameInfo, Listeners
from .options import Options, address
from .transport import HandshakeError, LinkEnd, Transport, open_transport, tls_context
from .wire import DecodeError, Event, MalformedFrame, decode_event, request_id_of
from .wire.tables import ACTION_SECRETS, EVENT_SECRETS

MALFORMED_LIMIT = 10  # REQ-WIRE-04
MAX_OUTBOUND_BYTES = 1024 * 1024  # REQ-CALL-10


@dataclass(eq=False, slots=True)
class Outgoing:
    """One frame on its way out."""

    action: str
    request_id: str | None
    text: str = field(repr=False)
    written: bool = False
    waits_for_link: bool = True
    """No link has taken it yet: only then can it be taken back (REQ-CONN-16)."""
    dropped: bool = False

    def drop(self) -> None:
        """Take the frame back, if it still waits for the link."""
        self.dropped = self.dropped or self.waits_for_link


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


class Sink(Protocol):
    """Who takes what the link reads, and hears of its end. Must not block."""

    def event_received(self, event: Event) -> None:
        """Take one event, known or unknown."""

    def broken_received(self, fault: DecodeError) -> None:
        """Take a known event whose body is broken."""

    def link_ended(self, reason: str, code: int) -> None:
        """Settle what is in flight: the link is gone."""

    def attempt_failed(self, error: SmoothAgentError) -> None:
        """Settle what waited for an attempt that failed."""

    def closing(self) -> None:
        """Settle what is in flight: the caller closes the client."""


class Connection:
    """Owns socket, attempt and outbox of one client. Lives on one event loop."""

    def __init__(self, options: Options, listeners: Listeners, sink: Sink) -> None:
        self._options = options
        self._listeners = listeners
        self._sink = sink
        self._link = LinkState(lambda change: listeners.emit("state", change))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._attempt: asyncio.Task[SmoothAgentError | None] | None = None
        self._transport: Transport | None = None
        self._finishing: asyncio.Task[None] | None = None
        self._waiting: list[Outgoing] = []
        self._malformed = 0
        self._warned: set[str] = set()

    @property
    def state(self) -> ConnectionState:
        """Current state of the link."""
        return self._link.current

    async def connect(self) -> None:
        """Open the link, or join the attempt that runs (REQ-CONN-03, REQ-CONN-04)."""
        self._check_loop()
        self._begin()
        if self._attempt is not None:
            error = await asyncio.shield(self._attempt)
            if error is not None:
                raise error

    async def close(self) -> None:
        """Close the link and settle everything; never raises (REQ-CONN-05, REQ-CONN-06)."""
        self._check_loop()
        self._sink.closing()
        attempt, transport = self._attempt, self._transport
        self._link.on("close")
        self._waiting.clear()
        if attempt is not None:
            attempt.cancel()
            await asyncio.wait([attempt])
        if transport is not None:
            self._transport = None
            transport.close(1000)
            self._finish(transport)
        if self._finishing is not None:
            await asyncio.wait([self._finishing])
        await self._listeners.drain()

    def submit(self, outgoing: Outgoing) -> bool:
        """Write the frame, or keep it until the attempt ends; False without a link (REQ-CONN-09).

        Raises:
            MessageTooLargeError: over 1 MiB; nothing was sent.
        """
        self._check_loop()
        size = len(outgoing.text.encode())
        if size > MAX_OUTBOUND_BYTES:
            raise MessageTooLargeError(
                f"{outgoing.action}: {size} bytes, the limit is {MAX_OUTBOUND_BYTES}",
                request_id=outgoing.request_id,
                details={"size": size, "limit": MAX_OUTBOUND_BYTES},
            )
        if self._options.lazy:
            self._begin()
        if self._transport is None and self._link.current != "connecting":
            return False
        outgoing.waits_for_link = self._transport is None
        self._waiting.append(outgoing)
        self.writable_again()
        return True

    # the attempt ----------------------------------------------------------------------

    def _begin(self) -> None:
        if self._link.on("connect"):
            self._malformed = 0
            self._attempt = asyncio.create_task(self._run_attempt(), name="smooth-operator attempt")

    async def _run_attempt(self) -> SmoothAgentError | None:
        """Make one attempt; return its error instead of raising it, as many may wait for it."""
        limit = self._options.connect_timeout
        try:
            transport = await within(self._options.clock, limit, self._open())
        except asyncio.CancelledError:
            self._attempt = None
            return ClientClosedError("the client was closed while it connected")
        except Exception as cause:
            self._attempt = None
            error = self._attempt_error(cause)
            self._link.on("connect_failed", error=error)
            self._waiting.clear()
            self._sink.attempt_failed(error)
            return error
        self._attempt = None
        self._transport = transport
        self._link.on("opened")
        for outgoing in self._waiting:
            outgoing.waits_for_link = False
        self.writable_again()
        transport.attach(self)
        return None

    async def _open(self) -> Transport:
        options = self._options
        token = options.token
        if callable(token):
            token = await token()
        headers = dict(options.headers)
        if token is not None and options.token_in == "header":
            headers["Authorization"], token = f"Bearer {token}", None
        url = address(options.url, token)
        tls = tls_context(options.ssl, options.ca_file) if url.startswith("wss:") else None
        return await open_transport(
            url,
            headers=headers,
            origin=options.origin,
            tls=tls,
            max_message_bytes=options.max_message_bytes,
        )

    def _attempt_error(self, cause: Exception) -> SmoothAgentError:
        error: SmoothAgentError
        if isinstance(cause, SmoothAgentError):
            error = cause
        elif isinstance(cause, HandshakeError):
            leaf = AuthenticationError if cause.status == 401 else ConnectFailedError
            details = {} if cause.status is None else {"status": cause.status}
            error = leaf(f"the handshake failed: {cause}", details=details)
        elif isinstance(cause, TimeoutError):
            error = ConnectFailedError(f"no link within {self._options.connect_timeout} s")
        else:
            # The text of an OSError may hold the address with its query; its type does not.
            error = ConnectFailedError(f"the link could not be opened: {type(cause).__name__}")
        if error is not cause:
            error.__cause__ = cause
        return error

    # the socket -----------------------------------------------------------------------

    def writable_again(self) -> None:
        """Write what waits, in call order, as long as the socket takes it (Receiver)."""
        while self._waiting and self._transport is not None and not self._transport.paused:
            self._write(self._transport, self._waiting.pop(0))

    def _write(self, transport: Transport, outgoing: Outgoing) -> None:
        if outgoing.dropped:
            return
        outgoing.written = True
        size = transport.send_text(outgoing.text)
        self._tap("out", outgoing.action, outgoing.request_id, size, outgoing.text)

    def text_received(self, text: str, size: int) -> None:
        """Decode one message and hand it on (Receiver)."""
        try:
            event = decode_event(text)
        except MalformedFrame:
            self._tap("in", None, None, size, text)
            self._count_malformed()
            return
        except DecodeError as fault:
            self._malformed = 0
            self._tap("in", fault.type, fault.request_id, size, text)
            self._sink.broken_received(fault)
            return
        self._malformed = 0
        word = event.wire_type if event.type == "unknown" else event.type
        self._tap("in", word, request_id_of(event), size, text)
        if event.type == "unknown":
            self._warn_once(word, "unknown event type %.64s", word)
        self._sink.event_received(event)

    def binary_received(self, size: int) -> None:
        """Count a binary message as malformed (Receiver)."""
        self._tap("in", None, None, size, None)
        self._count_malformed()

    def link_ended(self, end: LinkEnd) -> None:
        """Take note of the end of the socket (Receiver)."""
        self._end(end.reason, end.code)

    def _count_malformed(self) -> None:
        self._malformed += 1
        self._warn_once("", "a malformed frame was dropped")
        if self._malformed == MALFORMED_LIMIT and self._transport is not None:
            self._transport.close(4400)
            self._end("malformed_limit", 4400)

    def _end(self, reason: str, code: int) -> None:
        transport, self._transport = self._transport, None
        if transport is None:
            return
        self._link.on(reason, code=code)
        self._waiting.clear()
        self._finish(transport)
        self._sink.link_ended(reason, code)

    def _finish(self, transport: Transport) -> None:
        """Let the socket go in the background: wait for the peer, then drop it."""

        async def finish() -> None:
            if self._options.close_timeout:
                try:
                    limit = self._options.close_timeout
                    await within(self._options.clock, limit, transport.wait_closed())
                except TimeoutError:
                    pass  # the peer does not answer: the abort below is the answer
            transport.abort()

        self._finishing = asyncio.create_task(finish(), name="smooth-operator close")

    # ---------------------------------------------------------------------------------

    def _tap(
        self, direction: str, word: str | None, request_id: str | None, size: int, text: str | None
    ) -> None:
        logger = self._options.logger
        logger.debug("%s %s %s %d bytes", direction, word, request_id, size)
        if self._options.log_payloads:
            logger.debug("%s %s", direction, masked(direction, word, text))
        if self._listeners.has("frame"):
            at = self._options.clock.now()
            info = FrameInfo(direction, word, request_id, size, at, text)  # type: ignore[arg-type]
            self._listeners.emit("frame", info)

    def _warn_once(self, key: str, message: str, *args: object) -> None:
        # A peer that invents types must not grow this set without end.
        if key not in self._warned and len(self._warned) < 1024:
            self._warned.add(key)
            self._options.logger.warning(message, *args)

    def _check_loop(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is None or self._link.current in ("idle", "closed"):
            self._loop = loop
        elif self._loop is not loop:
            raise RuntimeError("this client belongs to another event loop (REQ-CONN-17)")
