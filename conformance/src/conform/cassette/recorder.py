"""A proxy between a client and a real server that keeps the session as a cassette."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AbstractAsyncContextManager
from urllib.parse import urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from conform.cassette.file import Cassette, Line
from conform.cassette.masks import Masks
from conform.spec import Spec

CLOSE_SECONDS = 5.0
CONNECT_SECONDS = 15.0
NO_STATUS, ABNORMAL, UNAVAILABLE = 1005, 1006, 1013


class Recorder:
    """Relays each link to the server at ``url`` and keeps every frame of both ways."""

    def __init__(self, spec: Spec, url: str) -> None:
        self._url = url
        self._version = spec.version
        self._masks = Masks(spec)
        self._begun: float | None = None
        self.lines: list[Line] = []
        self.links = 0
        self.ended = 0
        self.refused: list[str] = []
        self._more = asyncio.Event()

    @property
    def cassette(self) -> Cassette:
        """What was recorded so far."""
        return Cassette(self._version, tuple(self.lines))

    def listen(self, port: int = 0) -> AbstractAsyncContextManager[Server]:
        """A server on this port of 127.0.0.1, to be used with ``async with``."""
        return serve(
            self._handle, "127.0.0.1", port, compression=None, ping_interval=None, max_size=None
        )

    async def until(self, links: int) -> None:
        """Wait until that many links have ended."""
        while self.ended < links:
            self._more.clear()
            await self._more.wait()

    async def _handle(self, client: ServerConnection) -> None:
        self.links += 1
        link, request = self.links, client.request
        allowed = request.headers.get("Authorization") if request else None
        headers = {"Authorization": allowed} if allowed else {}
        try:
            async with connect(
                self._target(request.path if request else ""),
                additional_headers=headers,
                compression=None,
                proxy=None,
                ping_interval=None,
                max_size=None,
                open_timeout=CONNECT_SECONDS,
                close_timeout=CLOSE_SECONDS,
            ) as server:
                await self._relay(link, client, server)
        except (OSError, TimeoutError, InvalidHandshake) as error:
            self.refused.append(str(error) or type(error).__name__)
            await client.close(UNAVAILABLE, "the server cannot be reached")
        finally:
            self.ended += 1
            self._more.set()

    def _target(self, path: str) -> str:
        """Address of the server; the query (a token) is the client's own unless the URL has one."""
        told = urlsplit(self._url)
        return urlunsplit(told._replace(query=told.query or urlsplit(path).query))

    async def _relay(self, link: int, client: ServerConnection, server: ClientConnection) -> None:
        ways = [
            asyncio.create_task(self._pump(link, "out", client, server)),
            asyncio.create_task(self._pump(link, "in", server, client)),
        ]
        done, late = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        ended, other = (server, client) if ways[1] in done else (client, server)
        code = ended.close_code or ABNORMAL
        self._keep(Line(self._now(), link, "end", code=code))
        if code == ABNORMAL:
            other.transport.abort()
        else:
            await other.close(1000 if code == NO_STATUS else code, ended.close_reason or "")

    async def _pump(
        self,
        link: int,
        way: str,
        source: ServerConnection | ClientConnection,
        target: ServerConnection | ClientConnection,
    ) -> None:
        try:
            async for message in source:
                text = message if isinstance(message, str) else message.decode("utf-8", "replace")
                self._keep(Line(self._now(), link, way, frame=self._read(text)))
                await target.send(message)
        except ConnectionClosed:
            return

    def _read(self, text: str) -> object:
        try:
            return self._masks.masked(json.loads(text))
        except (ValueError, RecursionError):
            return text  # no JSON: kept as the text that it was

    def _now(self) -> int:
        now = time.monotonic()
        self._begun = now if self._begun is None else self._begun
        return round((now - self._begun) * 1000)

    def _keep(self, line: Line) -> None:
        self.lines.append(line)
