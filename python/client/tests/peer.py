"""A scripted server on a real socket, for the tests of this package."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

LIMIT = 20.0  # seconds of real time until a test that waits for the peer fails

SESSION = {
    "sessionId": "00000000-0000-4000-8000-000000000002",
    "conversationId": "00000000-0000-4000-8000-000000000003",
    "agentName": "Aria",
    "userParticipantId": "00000000-0000-4000-8000-000000000004",
    "agentParticipantId": "00000000-0000-4000-8000-000000000005",
}
S = SESSION["sessionId"]


async def until(holds: Callable[[], object]) -> None:
    """Wait until something of the other side, or of a socket, has come about."""

    async def look() -> None:
        while not holds():  # noqa: ASYNC110 - nothing signals it
            await asyncio.sleep(0.001)

    await asyncio.wait_for(look(), LIMIT)


class Peer:
    """What the test sees of the server's side; one link at a time."""

    def __init__(self) -> None:
        self.url = ""
        self.alive = 0
        """Links that are open."""
        self.most = 0
        """Links that were open at once."""
        self.requests: list[Request] = []
        self.refuse = 0
        """Status that every further handshake is refused with; 0 = it is accepted."""
        self._links: asyncio.Queue[ServerConnection] = asyncio.Queue()
        self._link: ServerConnection | None = None

    async def link(self) -> ServerConnection:
        """Return the newest link, waiting for one if there is none."""
        if self._link is None or not self._links.empty():
            self._link = await asyncio.wait_for(self._links.get(), LIMIT)
        return self._link

    async def recv(self) -> dict[str, Any]:
        """Return the next frame of the client."""
        link = await self.link()
        frame: dict[str, Any] = json.loads(await asyncio.wait_for(link.recv(), LIMIT))
        return frame

    async def expect(self, action: str) -> dict[str, Any]:
        """Return the next frame, which must be ``action``."""
        frame = await self.recv()
        assert frame["action"] == action, frame
        return frame

    async def quiet(self, client: Any) -> None:
        """Prove that the client sent nothing: a ping must be its next frame."""
        ping = asyncio.ensure_future(client.ping())
        frame = await self.expect("ping")
        await self.send({"type": "pong", "requestId": frame["requestId"], "timestamp": 1})
        await asyncio.wait_for(ping, LIMIT)

    async def send(self, frame: Any) -> None:
        """Send a frame: a dict as JSON, a str or bytes as it is."""
        link = await self.link()
        await link.send(json.dumps(frame) if isinstance(frame, dict) else frame)

    async def respond(self, request_id: str, data: dict[str, Any], status: int = 200) -> None:
        """Send an immediate_response."""
        await self.send(
            {"type": "immediate_response", "requestId": request_id, "status": status, "data": data}
        )

    async def tokens(self, request_id: str, *tokens: str) -> None:
        """Stream tokens."""
        for token in tokens:
            data = {"requestId": request_id, "token": token}
            await self.send({"type": "stream_token", "requestId": request_id, "data": data})

    async def ask(self, event: str, request_id: str, /, **inner: Any) -> None:
        """Send an event with an inner data object: a question or its outcome."""
        data = {"requestId": request_id, "data": inner}
        await self.send({"type": event, "requestId": request_id, "timestamp": 1000, "data": data})

    async def finish(self, request_id: str, response: Any, status: int = 200, **more: Any) -> None:
        """Send the eventual_response."""
        inner = {"messageId": "m-1", "response": response, **more}
        data = {"requestId": request_id, "status": status, "data": inner}
        await self.send(
            {"type": "eventual_response", "requestId": request_id, "status": status, "data": data}
        )

    async def fail(self, request_id: str | None, code: str, **more: Any) -> None:
        """Send an error."""
        info = {"code": code, "message": "as the test says", **more}
        frame: dict[str, Any] = {"type": "error", "error": info, "data": {"error": info}}
        if request_id is not None:
            frame["requestId"] = request_id
        await self.send(frame)

    async def close(self, code: int = 1000) -> None:
        """Close the link from the server's side."""
        await (await self.link()).close(code)

    async def drop(self) -> None:
        """End the socket without a close frame; the next link is another one."""
        (await self.link()).transport.abort()
        self._link = None

    async def handle(self, link: ServerConnection) -> None:
        """Keep one link until it ends."""
        self._links.put_nowait(link)
        self.alive += 1
        self.most = max(self.most, self.alive)
        await link.wait_closed()
        self.alive -= 1


@asynccontextmanager
async def peer(
    *,
    process_request: Callable[..., Awaitable[Response | None]] | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Peer]:
    """Serve on a free port of the loopback."""
    it = Peer()

    async def seen(connection: ServerConnection, request: Request) -> Response | None:
        it.requests.append(request)
        if it.refuse:
            return connection.respond(it.refuse, "as the test says")
        return await process_request(connection, request) if process_request else None

    async with serve(
        lambda link: it.handle(link),
        "127.0.0.1",
        0,
        process_request=seen,
        ssl=tls,
        compression=None,
        close_timeout=1,
    ) as server:
        port = server.sockets[0].getsockname()[1]
        it.url = f"{'wss' if tls else 'ws'}://127.0.0.1:{port}/ws"
        try:
            yield it
        except ConnectionClosed as closed:
            raise AssertionError("the client closed the link early") from closed
