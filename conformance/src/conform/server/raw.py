"""A link by hand: bytes as they are, frames that no library sends, reads within bounds."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import ssl
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from websockets.utils import accept_key

from conform.server.peer import OPEN_SECONDS, CheckError, NotReachableError, without_query

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
SECONDS = 10.0
BIGGEST = 64 * 1024 * 1024


@dataclass(frozen=True)
class Got:
    """One frame of the server; of a close frame ``code`` is its code, 1005 without one."""

    opcode: int
    payload: bytes

    @property
    def code(self) -> int:
        """Code of a close frame."""
        return struct.unpack("!H", self.payload[:2])[0] if len(self.payload) > 1 else 1005

    @property
    def tree(self) -> Any:
        """The event of a text frame."""
        return json.loads(self.payload)


def frame(opcode: int, payload: bytes, *, fin: bool = True, flags: int = 0) -> bytes:
    """One masked frame, whatever the rules say of it; ``flags`` are its reserved bits."""
    first = (0x80 if fin else 0) | flags | opcode
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", first, 0x80 | size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", first, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", first, 0x80 | 127, size)
    mask = os.urandom(4)
    key = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
    return head + mask + (int.from_bytes(payload, "big") ^ key).to_bytes(size, "big")


def action(word: str, **members: Any) -> bytes:
    """An action as bytes."""
    return json.dumps({"action": word, **members}, ensure_ascii=False).encode()


class RawLink:
    """A TCP connection to the server, before or after its handshake."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._part = Got(0, b"")

    async def send(self, data: bytes) -> None:
        """Write bytes. That the server has gone meanwhile is seen by reading."""
        self.writer.write(data)
        with contextlib.suppress(ConnectionError):
            await self.writer.drain()

    async def bytewise(self, data: bytes) -> None:
        """Write each byte by itself."""
        for index in range(len(data)):
            await self.send(data[index : index + 1])
            if index % 16 == 0:
                await asyncio.sleep(0.001)

    async def read(self, limit: float = SECONDS) -> Got | None:
        """The next whole frame; None when the link has ended without one.

        Raises: CheckError: nothing came in time, or what came is no frame that a server may send.
        """
        try:
            async with asyncio.timeout(limit):
                return await self._read()
        except TimeoutError:
            raise CheckError(f"nothing came within {limit:.0f} s, and the link stayed") from None
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def _read(self) -> Got:
        """The next control frame, or the next message, in how many frames it may come."""
        while True:
            fin, got = await self._one()
            if got.opcode >= CLOSE:
                return got
            self._part = Got(got.opcode or self._part.opcode, self._part.payload + got.payload)
            if fin:
                whole, self._part = self._part, Got(0, b"")
                return whole

    async def _one(self) -> tuple[bool, Got]:
        first, second = await self.reader.readexactly(2)
        size = second & 0x7F
        if size > 125:
            size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8), "big")
        if second & 0x80 or first & 0x70 or size > BIGGEST:
            raise CheckError("the server sent a masked or reserved frame, or one without end")
        return bool(first & 0x80), Got(first & 0x0F, await self.reader.readexactly(size))

    async def event(self, limit: float = SECONDS) -> Any:
        """The next event but ``keepalive``.

        Raises: CheckError: the link ended.
        """
        while True:
            got = await self.read(limit)
            if got is None or got.opcode == CLOSE:
                raise CheckError(f"the link ended{f' with {got.code}' if got else ''}")
            if got.opcode == PING:
                await self.send(frame(PONG, got.payload))
            elif got.opcode == TEXT and (tree := got.tree)["type"] != "keepalive":
                return tree

    async def ended(self, limit: float = SECONDS) -> int:
        """Read to the end of the link; the code of its close frame, 1006 without one.

        Raises: CheckError: it did not end.
        """
        code = 1006
        while (got := await self.read(limit)) is not None:
            if got.opcode == CLOSE:
                code = got.code
        return code

    def reset(self) -> None:
        """End the connection at once."""
        self.writer.transport.abort()


@contextlib.asynccontextmanager
async def tcp(url: str) -> AsyncIterator[RawLink]:
    """Connect, without a handshake.

    Raises: NotReachableError: nobody answers.
    """
    parts = urlsplit(url)
    secure = parts.scheme == "wss"
    port = parts.port or (443 if secure else 80)
    trust = ssl.create_default_context() if secure else None
    try:
        async with asyncio.timeout(OPEN_SECONDS):
            streams = await asyncio.open_connection(parts.hostname, port, ssl=trust)
    except (OSError, TimeoutError) as error:
        raise NotReachableError(f"{without_query(url)}: {error}") from None
    link = RawLink(*streams)
    try:
        yield link
    finally:
        link.reset()


def handshake(url: str, **headers: str | None) -> bytes:
    """The request that opens a link; a header with None is left out, one with a text replaced."""
    parts = urlsplit(url)
    usual: dict[str, str | None] = {
        "Host": parts.netloc.rpartition("@")[2],
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": KEY,
        "Sec-WebSocket-Version": "13",
    }
    if parts.username is not None:
        told = f"{parts.username}:{parts.password or ''}".encode()
        usual["Authorization"] = f"Basic {base64.b64encode(told).decode()}"
    named = usual | {name.replace("_", "-"): value for name, value in headers.items()}
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{name}: {value}" for name, value in named.items() if value is not None]
    return "\r\n".join([f"GET {path} HTTP/1.1", *lines, "", ""]).encode()


KEY = base64.b64encode(b"a key of 16 byte").decode()
ACCEPT = accept_key(KEY)


async def answer_of(link: RawLink, request: bytes) -> tuple[int, dict[str, str]]:
    """Status and headers of the answer to a request; status 0 when the link just ended."""
    await link.send(request)
    try:
        async with asyncio.timeout(SECONDS):
            head = (await link.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, ConnectionError):
        return 0, {}
    except (TimeoutError, asyncio.LimitOverrunError):
        raise CheckError("a request was not answered") from None
    status, *lines = head.split("\r\n")
    words = status.split(" ")
    pairs = (line.partition(":") for line in lines if ":" in line)
    found = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return (int(words[1]) if len(words) > 1 and words[1].isdigit() else 0), found


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncIterator[RawLink]:
    """A link after its handshake."""
    async with tcp(url) as link:
        status, _ = await answer_of(link, handshake(url))
        if status != 101:
            raise CheckError(f"the handshake was answered by {status}")
        yield link
