"""One WebSocket: open, write text, read messages, close. The only room that knows the library.

The sans-I/O layer of ``websockets`` does the handshake, the framing of what is written, and the
reading of every frame but one kind: text in one unmasked frame, which is nearly all that a server
sends, is cut out of the bytes here. The cutter reads the head of each frame, so it knows where the
next one begins whoever read the last. Joining fragments is done here too; that layer does not.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Mapping
from typing import Any, ClassVar

from websockets.client import ClientProtocol
from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from ._transport import HandshakeError, LinkEnd, OpenRequest, Receiver
from ._transport_dial import dial
from ._transport_refusal import Refusal, status_of
from .wire.options import BUFFERED_BYTES

ROOM = 64 * 1024  # bytes read in one turn of the loop, so that nobody else waits long
HEAD = 64 * 1024  # bytes of a handshake answer's head
FRAGMENTS = 16_384  # of one message
REFUSAL_WAIT = 1.0  # seconds that the body of a refusal may take
_TEXT, _PING = 0x81, 0x89

SILENT = logging.Logger("smooth_operator._transport", logging.CRITICAL + 1)
"""The library would write addresses, headers and frames into a program's debug log (REQ-LOG-01)."""


class SocketTransport(asyncio.BufferedProtocol):
    """One socket that speaks WebSocket as a client; made by :func:`open_socket`."""

    cut: ClassVar[bool] = True
    """Whether plain text frames are cut out here; else the library reads all."""

    def __init__(
        self,
        protocol: ClientProtocol,
        headers: Mapping[str, str],
        max_message_bytes: int,
    ) -> None:
        self._protocol = protocol
        self._headers = headers
        self._receiver: Receiver | None = None
        self._buffer = bytearray(ROOM)
        self._view = memoryview(self._buffer)
        self._filled = 0
        self._head = b""
        self._refusal: Refusal | None = None
        self._cut = self.cut
        self._plain = min(max_message_bytes, ROOM - 4)
        """Longest payload that is cut here; the buffer must hold its frame."""
        self._owed = 0
        """Bytes of the frame that the library is reading and that have not come yet."""
        self._parts: list[bytes] = []
        self._opcode: Opcode | None = None
        self._ended = False
        self.paused = False
        self._tcp: Any = None
        loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = loop.create_future()
        self._gone: asyncio.Future[None] = loop.create_future()

    # asyncio.BufferedProtocol ---------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        """Send the handshake request."""
        self._tcp = transport
        try:
            transport.set_write_buffer_limits(high=BUFFERED_BYTES)
            request = self._protocol.connect()
            for name, value in self._headers.items():
                request.headers[name] = value
            self._protocol.send_request(request)
            self._flush()
        except Exception as fault:
            self._broke(fault)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio names it
        """Return where the next bytes go: behind those that are not read yet."""
        return self._view[self._filled :]

    def buffer_updated(self, nbytes: int) -> None:
        """Read what has come."""
        self._filled += nbytes
        try:
            self._consume()
        except Exception as fault:
            self._broke(fault)

    def eof_received(self) -> None:
        """Tell the parser that no more bytes come."""
        try:
            if self._refusal is not None:
                self._refused()
            self._protocol.receive_eof()
            self._step()
        except Exception as fault:
            self._broke(fault)

    def connection_lost(self, exc: Exception | None) -> None:
        """Report the end, if nothing did before."""
        if self._refusal is not None:
            self._refused()
        if not self._opened.done():
            error = HandshakeError("the server closed the connection")
            error.__cause__ = exc
            self._refuse(error)
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
        """Hand everything that is read, from the first message on, to ``receiver``."""
        self._receiver = receiver
        try:
            self._consume()
        except Exception as fault:
            self._broke(fault)
            return
        if not self._tcp.is_closing():
            self._tcp.resume_reading()

    def send_text(self, text: str) -> int:
        """Write one text message; messages leave in call order. Return its size in bytes."""
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

    # the handshake --------------------------------------------------------------------

    def _consume(self) -> None:
        """Read the bytes that are there as far as they go; what is left waits for more."""
        if self._refusal is not None:
            data, self._filled = bytes(self._view[: self._filled]), 0
            if self._refusal.feed(data):
                self._refused()
        elif not self._opened.done():
            self._shake_hands()
        elif self._receiver is not None:
            self._receiver.batch_begins()
            try:
                self._read(self._receiver)
            finally:
                self._receiver.batch_ends()

    def _shake_hands(self) -> None:
        """Hand the head of the answer, and no more, to the library: frames may come behind it."""
        end = self._buffer.find(b"\r\n\r\n", 0, self._filled)
        if end < 0:
            if self._filled == ROOM:
                self._refuse(HandshakeError("the server's answer does not end"))
                self.abort()
            return
        head = bytes(self._view[: end + 4])
        self._keep(end + 4, self._filled)
        status = status_of(head)
        if status is not None and status != 101:
            self._refusal = Refusal(status, head)
            asyncio.get_running_loop().call_later(REFUSAL_WAIT, self._refused)
            self._consume()
            return
        self._tcp.pause_reading()
        self._protocol.receive_data(head)
        self._protocol.events_received()
        self._flush()
        fault = self._protocol.handshake_exc
        if fault is None:
            self._opened.set_result(None)
        else:
            self._refuse(HandshakeError(type(fault).__name__))

    def _refused(self) -> None:
        """Report an answer other than 101, with as much of its body as has come."""
        if self._refusal is not None and not self._opened.done():
            self._refuse(self._refusal.error())
            self.abort()

    def _refuse(self, error: HandshakeError) -> None:
        self._opened.set_exception(error)
        # handshake() raises it; where the attempt was given up, nobody does, and nobody must.
        self._opened.exception()

    def _broke(self, fault: Exception) -> None:
        """Give up: our own code or the library failed, and the loop would only log it."""
        if not self._opened.done():
            error = HandshakeError(f"the handshake broke: {type(fault).__name__}")
            error.__cause__ = fault
            self._refuse(error)
        elif self._receiver is not None and not self._ended:
            logging.getLogger("smooth_operator").error("reading failed", exc_info=fault)
            self._end(LinkEnd("lost", 1006))
        self.abort()

    # reading --------------------------------------------------------------------------

    def _read(self, receiver: Receiver) -> None:
        """Cut plain text frames out of the buffer and let the library read all others."""
        buffer, view, end, at = self._buffer, self._view, self._filled, 0
        while at < end:
            if self._owed or not self._cut or self._ended:
                at += self._hand_over(at, end)
                continue
            if buffer[at] == _TEXT and self._opcode is None and at + 4 <= end:
                start, size = at + 2, buffer[at + 1]
                if size == 126:
                    start, size = at + 4, buffer[at + 2] << 8 | buffer[at + 3]
                elif size > 126:
                    size = ROOM  # longer, or masked
                if size <= self._plain:
                    if start + size > end:
                        break
                    at = start + size
                    self._text(receiver, bytes(view[start:at]))
                    continue
            length = frame_length(buffer, at, end)
            if length is None:
                break
            if self.paused and buffer[at] == _PING:
                if at + length > end:
                    break
                at += length  # who asks and does not listen gets no answer
                continue
            self._owed = length
        self._keep(at, end)

    def _hand_over(self, at: int, end: int) -> int:
        """Give the library the rest of its frame, or all there is; return how much it took."""
        taken = min(self._owed, end - at) if self._owed else end - at
        self._owed = max(0, self._owed - taken)
        self._protocol.receive_data(bytes(self._view[at : at + taken]))
        self._step()
        return taken

    def _keep(self, start: int, end: int) -> None:
        """Move the bytes that are not read yet to the front."""
        if start:
            self._buffer[: end - start] = self._buffer[start:end]
        self._filled = end - start

    def _step(self) -> None:
        """Hand on what the library made of the bytes, and write what it answers."""
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                self._take(event)
        self._flush()
        fault = self._protocol.parser_exc
        if isinstance(fault, PayloadTooBig):
            self._end(LinkEnd("too_large", 1009))
        elif isinstance(fault, UnicodeDecodeError):
            self._end(LinkEnd("invalid_utf8", 1007))
        elif isinstance(fault, ProtocolError):
            self._end(LinkEnd("lost", 1002))
        elif self._receiver is not None and self._protocol.close_rcvd is not None:
            self._end(self._received_end())
        if self._finished():
            self._tcp.close()

    def _finished(self) -> bool:
        """Whether both close frames passed, or the stream cannot go on."""
        return self._protocol.close_expected() and (
            self._protocol.close_rcvd is not None or self._protocol.parser_exc is not None
        )

    def _take(self, frame: Frame) -> None:
        """Join the fragments of a message."""
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            self._opcode, self._parts = frame.opcode, [bytes(frame.data)]
        elif frame.opcode is Opcode.CONT:
            self._parts.append(bytes(frame.data))
        else:
            return
        if len(self._parts) > FRAGMENTS:
            self._fail(LinkEnd("lost", 1002))
        elif frame.fin:
            data, kind = b"".join(self._parts), self._opcode
            self._opcode, self._parts = None, []
            if self._receiver is None or self._ended:
                return
            if kind is Opcode.BINARY:
                self._receiver.binary_received(len(data))
            else:
                self._text(self._receiver, data)

    def _text(self, receiver: Receiver, data: bytes) -> None:
        try:
            receiver.text_received(data)
        except UnicodeDecodeError:
            self._fail(LinkEnd("invalid_utf8", 1007))

    # ending ---------------------------------------------------------------------------

    def _fail(self, end: LinkEnd) -> None:
        """Tell the peer what it did wrong, and end the link."""
        self._opcode, self._parts = None, []
        if not self._ended:
            self._protocol.fail(end.code)
            self._flush()
            self._end(end)

    def _received_end(self) -> LinkEnd:
        close = self._protocol.close_rcvd
        if close is None:
            return LinkEnd("lost", 1006)
        return LinkEnd("closed_by_peer", close.code, close.reason)

    def _end(self, end: LinkEnd) -> None:
        if self._ended or self._receiver is None:
            return
        self._ended = True
        self._receiver.link_ended(end)

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._tcp.write(data)
            elif self._tcp.can_write_eof() and not self._tcp.is_closing():
                self._tcp.write_eof()


def frame_length(buffer: bytearray, at: int, end: int) -> int | None:
    """Return the length of the frame that begins at ``at``, head and all; None if it is unknown."""
    if end - at < 2:
        return None
    size, head = buffer[at + 1] & 0x7F, 2
    if size >= 126:
        head += 2 if size == 126 else 8
        if end - at < head:
            return None
        size = int.from_bytes(buffer[at + 2 : at + head], "big")
    return head + size + (4 if buffer[at + 1] & 0x80 else 0)


async def open_socket(request: OpenRequest) -> SocketTransport:
    """Open a socket and wait for the end of the handshake; the default opener.

    No proxy, no redirect, no permessage-deflate, no pings of our own (REQ-CONN-12, REQ-CONN-14).

    Raises:
        HandshakeError: refused, closed, or answered by anything but 101.
        OSError: the socket could not be opened.
    """
    uri = parse_uri(request.url)
    # The limit is checked by the parser before a payload is read into memory.
    protocol = ClientProtocol(
        uri,
        origin=request.origin,  # type: ignore[arg-type]
        max_size=request.max_message_bytes,
        logger=SILENT,
    )
    sock = await dial(uri.host, uri.port)
    try:
        _, transport = await asyncio.get_running_loop().create_connection(
            lambda: SocketTransport(protocol, request.headers, request.max_message_bytes),
            sock=sock,
            ssl=request.tls,
            server_hostname=uri.host if request.tls is not None else None,
        )
    except BaseException:
        sock.close()
        raise
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
