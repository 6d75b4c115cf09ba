"""uvicorn's sans-I/O WebSocket with five things more: many frames in one write, letting go, telling
who is gone from who is slow, reading a little ahead, and an answer to too many headers.

A write for each frame is the largest part of what a streamed token costs. A peer that does not
read blocks every write, the close frame included; ASGI has no word for letting go of such a socket.
A socket that is taken out of the selector after each action, and put back, costs more than to
check the action.
"""

from __future__ import annotations

import struct
from asyncio import BaseTransport, Transport
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, cast

from starlette.types import Message
from starlette.websockets import WebSocket, WebSocketDisconnect
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import apply_mask  # type: ignore[attr-defined]
from websockets.protocol import State

from .inbox import Inbox
from .outbox import WriteNow

WRITE_BUFFER_BYTES = 256 * 1024
"""Bytes the transport buffers before a write waits."""

AHEAD = 8
"""Actions that are read before the first of them is taken up, when they are short."""

SHORT_BYTES = 4096
"""Bytes that come at once and are still short; after more, reading stops until they are taken."""

_TOO_MUCH = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"Connection: close\r\nContent-Length: 0\r\n\r\n"
)

_TEXT = 0x81
_CONTROL = (0x88, 0x89, 0x8A)
_ABORT = "smooth_operator.abort"
_RECEIVE = "smooth_operator.receive"
_SEND = "smooth_operator.send_texts"
_WRITE = "smooth_operator.write_texts"


class _Short(NamedTuple):
    """Where a frame lies in what was read."""

    head: int
    """Its first byte: whole or not, and of which kind."""

    start: int
    payload: int
    end: int


class SocketProtocol(WebSocketsSansIOProtocol):
    """Puts ``abort`` and its ways to receive and send into the state of the socket's scope."""

    _is_heard = False
    """Whether the peer said anything since the newest ping."""

    _unwritten = 0
    """Bytes that waited for the peer when the newest ping was written."""

    _is_whole = True
    """Whether all that was read so far ended with a frame."""

    def connection_made(self, transport: BaseTransport) -> None:
        tcp = cast(Transport, transport)
        tcp.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        self.queue = Inbox()  # type: ignore[assignment]
        ways = {
            _ABORT: tcp.abort,
            _RECEIVE: self.receive,
            _SEND: self.send_texts,
            _WRITE: self.write_texts,
        }
        self.app_state = {**self.app_state, **ways}
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        self._is_heard = True
        # uvicorn stops reading after each message, unless it has done so already.
        paused, self.read_paused = self.read_paused, True
        if self.handshake_complete:
            data_left = self._cut(data)
        else:  # what comes before the answer to the handshake is the library's
            is_request = not self.handshake_initiated and data.endswith(b"\r\n\r\n")
            self._is_whole, data_left = self._is_whole and is_request, data
        if data_left:
            super().data_received(data_left)
        if not self.handshake_initiated and self.conn.handshake_exc is not None:
            # A request that HTTP allows and the library does not read: uvicorn would say nothing.
            self.transport.write(_TOO_MUCH)
            self.transport.close()
        waiting = self.queue.qsize()
        if not paused and waiting and (waiting >= AHEAD or len(data) > SHORT_BYTES):
            paused = True
            self.transport.pause_reading()
        self.read_paused = paused

    def _cut(self, data: bytes) -> bytes:
        """Take the plain text frames that ``data`` begins with; return the rest.

        An action is one masked text frame of one segment nearly always. Everything else is read by
        the library, and whatever follows a frame that is not all there.
        """
        start = 0
        while self._is_whole and start < len(data):
            found = _short_frame(data, start) if self.conn.state is State.OPEN else None
            if found is None or self.close_sent or not self._take(data, found):
                self._is_whole = False
                break
            start = found.end
        return data[start:] if start else data

    def _take(self, data: bytes, found: _Short) -> bool:
        """Take a frame; False when the library has to judge it."""
        if found.head in _CONTROL:
            super().data_received(data[found.start : found.end])
            return True
        size = found.end - found.payload
        if found.head != _TEXT or size > self.config.ws_max_size:
            return False
        mask = data[found.payload - 4 : found.payload]
        try:
            text = apply_mask(data[found.payload : found.end], mask).decode()
        except UnicodeDecodeError:
            return False
        self.queue.put_nowait({"type": "websocket.receive", "text": text})
        return True

    def send_keepalive_ping(self) -> None:
        self._is_heard = False
        super().send_keepalive_ping()
        self._unwritten = self.transport.get_write_buffer_size()

    def keepalive_timeout(self) -> None:
        """End a socket that did not answer a ping; one that still takes or says something may.

        What is on its way to a slow reader lies before the ping, and while its actions wait here
        nothing of it is read.
        """
        unwritten = self.transport.get_write_buffer_size()
        if self._is_heard or self.read_paused or unwritten < self._unwritten:
            self._is_heard, self._unwritten = False, unwritten
            assert self.ping_timeout is not None
            self.pong_timer = self.loop.call_later(self.ping_timeout, self.keepalive_timeout)
            return
        super().keepalive_timeout()
        if unwritten:  # it would wait for the peer to take what it never takes
            self.transport.abort()

    async def send_texts(self, texts: Sequence[str]) -> None:
        """Write text frames at once; waits while the transport's buffer is full.

        Raises:
            WebSocketDisconnect: the socket is gone, or its close frame is out.
        """
        await self.writable.wait()
        if self.disconnected or self.close_sent or self.conn.state is not State.OPEN:
            raise WebSocketDisconnect(1006)
        self._write(texts)

    def write_texts(self, texts: Sequence[str]) -> bool:
        """Write text frames without a wait; False when it took none of them.

        Then ``send_texts`` waits, or says that the socket is gone.
        """
        if not self.writable.is_set() or self.disconnected or self.close_sent:
            return False
        if self.conn.state is not State.OPEN:
            return False
        self._write(texts)
        return True

    def _write(self, texts: Sequence[str]) -> None:
        self.transport.write(b"".join(map(_frame, texts)))


def _short_frame(data: bytes, start: int) -> _Short | None:
    """Return the masked frame that begins at a place, if it is short and all there."""
    if len(data) < start + 6:
        return None
    size, mask = data[start + 1] - 0x80, start + 2
    if size == 126:
        size, mask = int.from_bytes(data[mask : mask + 2], "big"), mask + 2
        if not 126 <= size <= SHORT_BYTES:
            return None
    elif not 0 <= size < 126:
        return None
    end = mask + 4 + size
    return _Short(data[start], start, mask + 4, end) if end <= len(data) else None


def _frame(text: str) -> bytes:
    """Return a text frame as servers write it: whole, not masked, not compressed."""
    payload = text.encode("utf-8", "replace")
    size = len(payload)
    if size < 126:
        return bytes((_TEXT, size)) + payload
    if size < 65_536:
        return struct.pack("!BBH", _TEXT, 126, size) + payload
    return struct.pack("!BBQ", _TEXT, 127, size) + payload


async def send_texts(socket: WebSocket, texts: Sequence[str]) -> None:
    """Write text frames at once; one by one under a server that offers no better way.

    Raises:
        WebSocketDisconnect: the socket is gone.
    """
    send = socket.scope.get("state", {}).get(_SEND)
    if send is not None:
        await send(texts)
        return
    for text in texts:
        await socket.send_text(text)


def writer_of(socket: WebSocket) -> WriteNow | None:
    """Return what writes text frames without a wait; None where the server has no such way."""
    write: WriteNow | None = socket.scope.get("state", {}).get(_WRITE)
    return write


def receiver_of(socket: WebSocket) -> Callable[[], Awaitable[Message]]:
    """Return what gives the next ASGI message of an accepted socket."""
    receive: Callable[[], Awaitable[Message]] | None = socket.scope.get("state", {}).get(_RECEIVE)
    return receive or socket.receive


def abort(socket: WebSocket) -> None:
    """Drop the socket; nothing happens under a server that offers no way."""
    drop = socket.scope.get("state", {}).get(_ABORT)
    if drop is not None:
        drop()
