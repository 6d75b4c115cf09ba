"""One WebSocket: open, write text, read frames, close. The only room that knows the library.

The sans-I/O layer of ``websockets`` does the handshake and the framing. Joining fragments and
checking UTF-8 is done here, because that layer does neither.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus, PayloadTooBig
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.uri import parse_uri

HIGH_WATER = 4 * 1024 * 1024  # REQ-CONN-18

SILENT = logging.Logger("smooth_operator.transport", logging.CRITICAL + 1)
"""The library would write addresses, headers and frames into a program's debug log (REQ-LOG-01)."""

EndReason = Literal["closed_by_peer", "lost", "too_large", "invalid_utf8"]


@dataclass(frozen=True, slots=True)
class LinkEnd:
    """How a link ended, in the words of the connection machine."""

    reason: EndReason
    code: int
    """Close code: as received, 1005 without one, 1006 without a close frame (REQ-CONN-15)."""


class Receiver(Protocol):
    """Who takes what a transport reads. Called on the loop; must not block."""

    def text_received(self, text: str, size: int) -> None:
        """Take one text message of ``size`` bytes."""

    def binary_received(self, size: int) -> None:
        """Take note of a binary message, which the protocol does not know."""

    def writable_again(self) -> None:
        """Go on writing: the socket took what was buffered (REQ-CONN-18)."""

    def link_ended(self, end: LinkEnd) -> None:
        """Take note of the end; called once, and not after :meth:`Transport.close`."""


class HandshakeError(Exception):
    """The link could not be opened; ``status`` is the HTTP status, where there was one."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Transport(asyncio.Protocol):
    """One socket that speaks WebSocket as a client; made by :func:`open_transport`."""

    def __init__(self, protocol: ClientProtocol, headers: Mapping[str, str]) -> None:
        self._protocol = protocol
        self._headers = headers
        self._receiver: Receiver | None = None
        self._held: list[Frame] = []
        self._parts: list[bytes] = []
        self._opcode = Opcode.TEXT
        self._ended = False
        self.paused = False
        """Whether more than 4 MiB wait for the socket; writers must wait then (REQ-CONN-18)."""
        self._tcp: asyncio.Transport | None = None
        loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = loop.create_future()
        self._gone: asyncio.Future[None] = loop.create_future()

    # asyncio.Protocol -----------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the handshake request."""
        assert isinstance(transport, asyncio.Transport)
        self._tcp = transport
        transport.set_write_buffer_limits(high=HIGH_WATER)
        request = self._protocol.connect()
        for name, value in self._headers.items():
            request.headers[name] = value
        self._protocol.send_request(request)
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Feed the parser and hand on what it made of the bytes."""
        self._protocol.receive_data(data)
        self._step()

    def eof_received(self) -> None:
        """Tell the parser that no more bytes come."""
        self._protocol.receive_eof()
        self._step()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio names it
        """Report the end, if nothing did before."""
        if not self._opened.done():
            self._refuse(HandshakeError("the server closed the connection"))
        self._end(self._received_end())
        if not self._gone.done():
            self._gone.set_result(None)

    def pause_writing(self) -> None:
        """Take note that the socket is slow."""
        self.paused = True

    def resume_writing(self) -> None:
        """Tell the receiver that the socket caught up."""
        self.paused = False
        if self._receiver is not None and not self._ended:
            self._receiver.writable_again()

    # for the connection room ----------------------------------------------------------

    async def handshake(self) -> None:
        """Wait until the server accepted; raise :class:`HandshakeError` when it did not."""
        await asyncio.shield(self._opened)

    def attach(self, receiver: Receiver) -> None:
        """Hand everything that is read, from the first frame on, to ``receiver``."""
        self._receiver = receiver
        held, self._held = self._held, []
        for frame in held:
            self._take(frame)
        self._step()

    def send_text(self, text: str) -> int:
        """Write one text message; frames leave in call order. Return its size in bytes."""
        data = text.encode()
        self._protocol.send_text(data)
        self._flush()
        return len(data)

    def close(self, code: int) -> None:
        """Send a close frame; nothing that comes after it reaches the receiver."""
        self._ended = True
        if self._opened.done() and self._protocol.state.name == "OPEN":
            self._protocol.send_close(code)
            self._flush()

    async def wait_closed(self) -> None:
        """Wait until the socket is gone."""
        await asyncio.shield(self._gone)

    def abort(self) -> None:
        """Drop the socket now."""
        self._ended = True
        if self._tcp is not None:
            self._tcp.abort()

    # reading --------------------------------------------------------------------------

    def _step(self) -> None:
        for event in self._protocol.events_received():
            if isinstance(event, Response):
                self._handshake_done()
            elif isinstance(event, Frame):
                self._read(event)
        if not self._opened.done() and self._protocol.handshake_exc is not None:
            self._handshake_done()
        self._flush()
        if isinstance(self._protocol.parser_exc, PayloadTooBig):
            self._end(LinkEnd("too_large", 1009))
        elif self._receiver is not None and self._protocol.close_rcvd is not None:
            self._end(self._received_end())
        if self._tcp is not None and self._finished():
            self._tcp.close()

    def _read(self, frame: Frame) -> None:
        if self._receiver is None:
            self._held.append(frame)
        else:
            self._take(frame)

    def _finished(self) -> bool:
        """Whether both close frames passed, or the stream cannot go on."""
        return self._protocol.close_expected() and (
            self._protocol.close_rcvd is not None or self._protocol.parser_exc is not None
        )

    def _handshake_done(self) -> None:
        if self._opened.done():
            return
        fault = self._protocol.handshake_exc
        if fault is None:
            self._opened.set_result(None)
        elif isinstance(fault, InvalidStatus):
            status = fault.response.status_code
            self._refuse(HandshakeError(f"the server answered {status}", status))
        else:
            self._refuse(HandshakeError(type(fault).__name__))

    def _refuse(self, error: HandshakeError) -> None:
        self._opened.set_exception(error)
        # handshake() raises it; where the attempt was given up, nobody does, and nobody must.
        self._opened.exception()

    def _take(self, frame: Frame) -> None:
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            self._opcode, self._parts = frame.opcode, [bytes(frame.data)]
        elif frame.opcode is Opcode.CONT:
            self._parts.append(bytes(frame.data))
        else:
            return
        if frame.fin and not self._ended and self._receiver is not None:
            self._message(self._receiver, b"".join(self._parts))

    def _message(self, receiver: Receiver, data: bytes) -> None:
        self._parts = []
        if self._opcode is Opcode.BINARY:
            receiver.binary_received(len(data))
            return
        try:
            text = data.decode()
        except UnicodeDecodeError:
            self._protocol.fail(1007)
            self._flush()
            self._end(LinkEnd("invalid_utf8", 1007))
            return
        receiver.text_received(text, len(data))

    # ending ---------------------------------------------------------------------------

    def _received_end(self) -> LinkEnd:
        close = self._protocol.close_rcvd
        return LinkEnd("lost", 1006) if close is None else LinkEnd("closed_by_peer", close.code)

    def _end(self, end: LinkEnd) -> None:
        if self._ended or self._receiver is None:
            return
        self._ended = True
        self._receiver.link_ended(end)

    def _flush(self) -> None:
        if self._tcp is None:
            return
        for data in self._protocol.data_to_send():
            if data:
                self._tcp.write(data)
            elif self._tcp.can_write_eof() and not self._tcp.is_closing():
                self._tcp.write_eof()


async def open_transport(
    url: str,
    *,
    headers: Mapping[str, str],
    origin: str | None,
    tls: ssl.SSLContext | None,
    max_message_bytes: int,
) -> Transport:
    """Open a socket to ``url`` and wait for the end of the handshake.

    No proxy, no redirect, no permessage-deflate, no pings of our own (REQ-CONN-12, REQ-CONN-14).

    Raises:
        HandshakeError: refused, closed, or answered by anything but 101.
        OSError: the socket could not be opened.
    """
    uri = parse_uri(url)
    # The limit is checked by the parser before a payload is read into memory.
    protocol = ClientProtocol(uri, origin=origin, max_size=max_message_bytes, logger=SILENT)  # type: ignore[arg-type]
    _, transport = await asyncio.get_running_loop().create_connection(
        lambda: Transport(protocol, headers), uri.host, uri.port, ssl=tls if uri.secure else None
    )
    try:
        await transport.handshake()
    except BaseException:
        transport.abort()
        raise
    return transport


def tls_context(given: ssl.SSLContext | None, ca_file: str | None) -> ssl.SSLContext:
    """Return the TLS settings: the platform's roots, and ``ca_file`` beside them."""
    context = given or ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context
