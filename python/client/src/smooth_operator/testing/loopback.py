"""A fake server on a socket of this machine, for clients that are not in the test's process."""

from __future__ import annotations

import asyncio
import contextlib
import http
from typing import TYPE_CHECKING, Any, Protocol

from .memory import Host, owner_of

if TYPE_CHECKING:
    from websockets.asyncio.server import Server, ServerConnection
    from websockets.http11 import Request, Response

_LARGEST = 2**20  # bytes of a frame, as clients keep to it (REQ-CALL-10)
_PING_EVERY = 20.0  # seconds (REQ-SRV-40)
_CLOSE_WITHIN = 5.0  # seconds of real time until a peer that does not answer is dropped

Headers = tuple[tuple[str, str], ...]


class SocketHost(Host, Protocol):
    """The server, as its sockets see it."""

    def next_number(self) -> int:
        """Count a link that opens."""

    def next_refusal(self) -> tuple[int, Headers] | None:
        """Return how the next handshake is refused, if it is."""

    def binary(self, link: SocketLink) -> None:
        """Answer a binary frame."""


class SocketLink:
    """One link on a socket; frames wait in order for it."""

    def __init__(self, socket: ServerConnection, number: int) -> None:
        request = socket.request
        assert request is not None
        self.number = number
        self.owner = owner_of(request.path, dict(request.headers.raw_items()))
        self.is_open = True
        self._socket = socket
        self._waiting: asyncio.Queue[str | int] = asyncio.Queue()

    def write(self, text: str) -> None:
        """Send a frame to the client."""
        if self.is_open:
            self._waiting.put_nowait(text)

    def end(self, code: int) -> None:
        """End the link behind its frames; 1006 without a close frame."""
        if self.is_open:
            self._waiting.put_nowait(code)

    async def send_all(self) -> None:
        """Send what waits, until the link ends."""
        from websockets.exceptions import ConnectionClosed

        with contextlib.suppress(ConnectionClosed):
            while isinstance(one := await self._waiting.get(), str):
                await self._socket.send(one)
            if one == 1006:
                # Closed and not aborted: what was written before it still arrives.
                self._socket.transport.close()
            else:
                await self._socket.close(one)


class Loopback:
    """Listens on 127.0.0.1."""

    def __init__(self, host: SocketHost) -> None:
        self._host = host
        self._server: Server | None = None
        self.port = 0

    async def listen(self, port: int) -> None:
        """Open the port; 0 is a free one."""
        try:
            from websockets.asyncio.server import serve
        except ImportError:
            raise RuntimeError("listen() needs websockets 13 or newer") from None
        self._server = await serve(
            self._link,
            "127.0.0.1",
            port,
            process_request=self._admit,
            compression=None,
            max_size=_LARGEST,
            ping_interval=_PING_EVERY,
            close_timeout=_CLOSE_WITHIN,
        )
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def close(self) -> None:
        """Free the port, when the links are gone."""
        server, self._server = self._server, None
        if server is not None:
            server.close(close_connections=False)
            await server.wait_closed()

    def _admit(self, socket: ServerConnection, request: Request) -> Response | None:  # noqa: ARG002
        refusal = self._host.next_refusal()
        if refusal is None:
            return None
        status, headers = refusal
        response = socket.respond(http.HTTPStatus(status), "")
        for name, value in headers:
            response.headers[name] = value
        return response

    async def _link(self, socket: ServerConnection) -> None:
        from websockets.exceptions import ConnectionClosed

        link = SocketLink(socket, self._host.next_number())
        self._host.link_opened(link)
        sender = asyncio.create_task(link.send_all())
        try:
            async for frame in socket:
                self._read(link, frame)
        except ConnectionClosed:
            pass
        finally:
            link.is_open = False
            self._host.link_closed(link)
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)

    def _read(self, link: SocketLink, frame: Any) -> None:
        if isinstance(frame, str):
            self._host.received(link, frame)
        else:
            self._host.binary(link)
