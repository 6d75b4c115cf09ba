"""uvicorn's sans-I/O WebSocket with three things more: many frames in one write, letting go, and
telling who is gone from who is slow.

A write for each frame is the largest part of what a streamed token costs. A peer that does not
read blocks every write, the close frame included; ASGI has no word for letting go of such a socket.
"""

from __future__ import annotations

from asyncio import BaseTransport, Transport
from collections.abc import Sequence
from typing import cast

from starlette.websockets import WebSocket, WebSocketDisconnect
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

WRITE_BUFFER_BYTES = 256 * 1024
"""Bytes the transport buffers before a write waits."""

_ABORT = "smooth_operator.abort"
_SEND = "smooth_operator.send_texts"


class SocketProtocol(WebSocketsSansIOProtocol):
    """Puts the transport's ``abort`` and ``send_texts`` into the state of the socket's scope."""

    _is_heard = False
    """Whether the peer said anything since the newest ping."""

    _unwritten = 0
    """Bytes that waited for the peer when the newest ping was written."""

    def connection_made(self, transport: BaseTransport) -> None:
        tcp = cast(Transport, transport)
        tcp.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        self.app_state = {**self.app_state, _ABORT: tcp.abort, _SEND: self.send_texts}
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        self._is_heard = True
        super().data_received(data)

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
        if self.disconnected or self.close_sent:
            raise WebSocketDisconnect(1006)
        for text in texts:
            self.conn.send_text(text.encode())
        self.transport.write(b"".join(self.conn.data_to_send()))


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


def abort(socket: WebSocket) -> None:
    """Drop the socket; nothing happens under a server that offers no way."""
    drop = socket.scope.get("state", {}).get(_ABORT)
    if drop is not None:
        drop()
