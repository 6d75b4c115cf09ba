"""uvicorn's sans-I/O WebSocket with one thing more: a way to drop a socket at once.

A peer that does not read blocks every write, the close frame included; ASGI has no word for
letting go of such a socket.
"""

from __future__ import annotations

from asyncio import BaseTransport, Transport
from typing import cast

from starlette.websockets import WebSocket
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

WRITE_BUFFER_BYTES = 256 * 1024
"""Bytes the transport buffers before a write waits."""

_ABORT = "smooth_operator.abort"


class AbortableProtocol(WebSocketsSansIOProtocol):
    """Puts the transport's ``abort`` into the state of the socket's scope."""

    def connection_made(self, transport: BaseTransport) -> None:
        tcp = cast(Transport, transport)
        tcp.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        self.app_state = {**self.app_state, _ABORT: tcp.abort}
        super().connection_made(transport)


def abort(socket: WebSocket) -> None:
    """Drop the socket; nothing happens under a server that offers no way."""
    drop = socket.scope.get("state", {}).get(_ABORT)
    if drop is not None:
        drop()
