"""The load of the server bench: many sockets, one turn each, frames counted and not parsed.

    python bench/server/load.py URL turns|idle|open SOCKETS TURNS

`turns`: every socket opens a session, then all send TURNS messages, one after the other's end.
`open`: sessions are opened one after the other on each socket, TURNS of them. `idle`: sockets with
a session each are kept open until standard input ends. Prints one JSON line.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import resource
import sys
import time
from urllib.parse import urlsplit

TOKEN = b'"stream_token"'
END = b'"eventual_response"'
REFUSED = b'"error"'


def frame_of(action: dict[str, object]) -> bytes:
    """Return an action as a masked text frame; the mask is zero, the payload plain."""
    payload = json.dumps(action).encode()
    head = bytes((0x81, 0x80 | len(payload))) if len(payload) < 126 else b""
    head = head or bytes((0x81, 0xFE)) + len(payload).to_bytes(2, "big")
    return head + bytes(4) + payload


class Socket(asyncio.Protocol):
    """One connection; what it reads is searched for words."""

    def __init__(self, path: str, host: str) -> None:
        self.path, self.host = path, host
        self.buffer = b""
        self.changed = asyncio.Event()
        self.tokens = 0
        self.ends = 0
        self.refused = 0
        self.first: float | None = None
        self.session = ""
        self.streaming = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        key = base64.b64encode(os.urandom(16)).decode()
        lines = (f"GET {self.path} HTTP/1.1", f"Host: {self.host}", "Upgrade: websocket")
        more = ("Connection: Upgrade", f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13")
        self.transport.write("\r\n".join((*lines, *more, "", "")).encode())

    def data_received(self, data: bytes) -> None:
        if not self.streaming:
            self.buffer += data
            self.changed.set()
            return
        # A word that lies across two reads is found with the end of the first kept.
        text = self.buffer + data
        found = text.count(TOKEN)
        if found and self.first is None:
            self.first = time.perf_counter()
        ends = text.count(END)
        self.tokens += found
        self.ends += ends
        self.refused += text.count(REFUSED)
        cut = max(text.rfind(word) + len(word) for word in (TOKEN, END, REFUSED))
        self.buffer = text[max(cut, len(text) - 24) :]
        if ends or self.refused:
            self.changed.set()

    async def until(self, word: bytes) -> bytes:
        """Wait until ``word`` has been read; return everything up to now."""
        while word not in self.buffer:
            self.changed.clear()
            await self.changed.wait()
        told, self.buffer = self.buffer, b""
        return told

    async def open_session(self) -> None:
        """Open a session and keep its id."""
        action = {"action": "create_conversation_session", "requestId": "c", "agentId": "bench"}
        self.transport.write(frame_of(action))
        told = await self.until(b'"sessionId"')
        while told.count(b'"', told.index(b'"sessionId"')) < 4:
            self.changed.clear()
            await self.changed.wait()
            told += self.buffer
            self.buffer = b""
        self.session = told.partition(b'"sessionId"')[2].split(b'"')[1].decode()
        while not told.endswith(b"}"):
            self.changed.clear()
            await self.changed.wait()
            told, self.buffer = told + self.buffer, b""

    async def turn(self, number: int, message: str = "go") -> None:
        """Send one message and read its turn."""
        self.streaming, self.changed = True, asyncio.Event()
        wanted = self.ends + 1
        action = {"action": "send_message", "requestId": f"t{number}", "sessionId": self.session}
        self.transport.write(frame_of(action | {"message": message}))
        while self.ends < wanted and not self.refused:
            await self.changed.wait()
            self.changed.clear()


def answered(socket: Socket) -> bool:
    """Tell whether a turn of the socket came to a good end, with words before it."""
    return socket.ends > 0 and socket.tokens > 0 and not socket.refused


async def connect(url: str, count: int) -> list[Socket]:
    """Open sockets, a few at a time."""
    place = urlsplit(url)
    loop = asyncio.get_running_loop()
    gate = asyncio.Semaphore(50)

    async def one() -> Socket:
        async with gate:
            _, socket = await loop.create_connection(
                lambda: Socket(place.path, place.netloc), place.hostname, place.port
            )
            await socket.until(b"\r\n\r\n")
            return socket

    return list(await asyncio.gather(*(one() for _ in range(count))))


async def run(url: str, kind: str, count: int, turns: int) -> dict[str, object]:
    """Play one kind of load; return what was measured."""
    sockets = await connect(url, count)
    began = time.perf_counter()
    if kind == "open":
        for _ in range(turns):
            await asyncio.gather(*(socket.open_session() for socket in sockets))
        return {"sessions": count * turns, "seconds": time.perf_counter() - began}
    for start in range(0, count, 50):
        await asyncio.gather(*(socket.open_session() for socket in sockets[start : start + 50]))
    if kind == "idle":
        print(json.dumps({"open": count}), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        return {"open": count}
    began = time.perf_counter()

    async def all_turns(socket: Socket) -> None:
        for number in range(turns):
            await socket.turn(number)

    await asyncio.gather(*(all_turns(socket) for socket in sockets))
    seconds = time.perf_counter() - began
    firsts = sorted(((socket.first or 0) - began) * 1000 for socket in sockets)
    return {
        "seconds": seconds,
        "tokens": sum(socket.tokens for socket in sockets),
        "ends": sum(socket.ends for socket in sockets),
        "refused": sum(socket.refused for socket in sockets),
        "first_p50_ms": firsts[len(firsts) // 2],
        "first_p99_ms": firsts[min(len(firsts) - 1, int(len(firsts) * 0.99))],
    }


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    url_, kind_, sockets_, turns_ = sys.argv[1:5]
    print(json.dumps(asyncio.run(run(url_, kind_, int(sockets_), int(turns_)))))
