"""The proxy of tools/cuts.py: a process of its own that relays bytes and cuts links as it is told.

    python tools/cuts_proxy.py HOST:PORT

Lines of JSON on stdin: `{"listen": "s1", "cuts": [CUT, ...]}` opens a port for one client, which is
answered by `{"listening": "s1", "port": 4711}`. Each link through it takes the next cut; a link
that ends before its cut gives it back. A cut that happened is told:
`{"cut": "s1", "how": "rst", "way": "down", "opened": true}`. The end of stdin ends the process.

A CUT has the members `part`, `way`, `after`, `edge`, `how` and `pause`. It comes once `after` bytes
went `up` (to the server) or `down`, counted from the first byte (`part: handshake`) or from the end
of the handshake (`frames`); with `edge` what was read together with the last one goes too, so that
frames are whole. `how` is a word of HOW, `pause` is in seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import sys
from collections import deque
from typing import Any

HOW = {
    "fin": "both sides are closed in an orderly way",
    "rst": "both sides are reset",
    "silence": "nothing is relayed any more; both sides are reset after the pause",
    "late": "the client is reset; what it wrote reaches the server only after the pause",
}
HEAD_END = b"\r\n\r\n"
CHUNK = 65536
LINGER_S = 1.0
HELD_S = 0.01  # what a client writes in one go has arrived within this
RESET = struct.pack("ii", 1, 0)
Cut = dict[str, Any]


class Gauge:
    """Counts the bytes of one way, and says how many may go before the cut."""

    def __init__(self, cut: Cut | None) -> None:
        self._left = 0 if cut is None else int(cut["after"])
        self._cut = cut
        self._tail = b""
        self.in_head = True
        """Whether the handshake of this way is not over yet."""

    def allowed(self, chunk: bytes) -> int | None:
        """How many bytes of what was read go before the cut; None when it is not in them."""
        head = self._head_of(chunk)
        if self._cut is None:
            return None
        is_from_start = self._cut["part"] == "handshake"
        counted = len(chunk) - (0 if is_from_start else head)
        if counted < self._left or (self.in_head and not is_from_start):
            self._left -= counted
            return None
        edge = self._cut.get("edge")
        place = len(chunk) if edge else len(chunk) - counted + self._left
        self.in_head = self.in_head or place < head
        return place

    def _head_of(self, chunk: bytes) -> int:
        """How many bytes of what was read belong to the handshake."""
        if not self.in_head:
            return 0
        before = len(self._tail)
        found = (self._tail + chunk).find(HEAD_END)
        if found < 0:
            self._tail = (self._tail + chunk)[1 - len(HEAD_END) :]
            return len(chunk)
        self.in_head = False
        return found + len(HEAD_END) - before


class Side:
    """One end of a link."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        writer.transport.set_write_buffer_limits(high=0)  # `drain` means: the kernel has it
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def write(self, data: bytes) -> None:
        """Hand bytes to the kernel."""
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """End it by RST."""
        raw = self.writer.get_extra_info("socket")
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.writer.transport.abort()

    async def finish(self) -> None:
        """End it by FIN; what still comes is read, or the kernel would reset it."""
        with contextlib.suppress(OSError, RuntimeError, TimeoutError):
            self.writer.write_eof()
            async with asyncio.timeout(LINGER_S):
                while await self.reader.read(CHUNK):
                    pass
        self.writer.close()


class Link:
    """A client's link to the server, with the cut that it may come to."""

    def __init__(self, client: Side, server: Side, cut: Cut | None) -> None:
        self.client = client
        self.server = server
        self._cut = cut
        way = cut and cut["way"]
        self._gauges = {name: Gauge(cut if way == name else None) for name in ("up", "down")}
        self._held = b""

    @property
    def opened(self) -> bool:
        """Whether the client has the whole answer to its handshake."""
        return not self._gauges["down"].in_head

    async def run(self) -> bool:
        """Relay until both ways have ended, or up to the cut; return whether it came to that."""
        ways = {
            asyncio.create_task(self._relay("up", self.client, self.server)),
            asyncio.create_task(self._relay("down", self.server, self.client)),
        }
        was_cut = False
        while ways and not was_cut:
            ended, ways = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            was_cut = any(task.result() for task in ended)
        for task in ways:
            task.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        return was_cut

    async def _relay(self, way: str, source: Side, sink: Side) -> bool:
        try:
            while chunk := await source.reader.read(CHUNK):
                place = self._gauges[way].allowed(chunk)
                await sink.write(chunk[:place])
                if place is not None:
                    self._held = chunk[place:] if way == "up" else b""
                    return True
            sink.writer.write_eof()
        except OSError:
            self.client.reset()
            self.server.reset()
        return False

    async def end(self) -> None:
        """Cut the link in the way of its cut."""
        assert self._cut is not None
        how, pause = self._cut["how"], self._cut["pause"]
        if how == "fin":
            await asyncio.gather(self.client.finish(), self.server.finish())
            return
        if how == "silence":
            await asyncio.sleep(pause)
        elif how == "late":
            await self._deliver_late(pause)
            return
        self.client.reset()
        self.server.reset()

    async def _deliver_late(self, pause: float) -> None:
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(HELD_S):
                while more := await self.client.reader.read(CHUNK):
                    self._held += more
        self.client.reset()
        await asyncio.sleep(pause)
        with contextlib.suppress(OSError):
            await self.server.write(self._held)
        await self.server.finish()


class Door:
    """The port of one client, and the cuts that its links come to in turn."""

    def __init__(self, name: str, cuts: list[Cut], upstream: tuple[str, int]) -> None:
        self._name = name
        self._cuts = deque(cuts)
        self._upstream = upstream
        self._links: set[asyncio.Task[None]] = set()

    def open(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Relay a new link; it is held here, for asyncio holds readers weakly."""
        task = asyncio.create_task(self._link(reader, writer))
        self._links.add(task)
        task.add_done_callback(self._links.discard)

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = Side(reader, writer)
        cut = self._cuts.popleft() if self._cuts else None
        try:
            server = Side(*await asyncio.open_connection(*self._upstream))
        except OSError:
            client.reset()
            return
        link = Link(client, server, cut)
        if not await link.run():
            if cut is not None:
                self._cuts.appendleft(cut)
            writer.close()
            server.writer.close()
            return
        assert cut is not None
        told = {"cut": self._name, "how": cut["how"], "way": cut["way"], "opened": link.opened}
        print(json.dumps(told), flush=True)
        await link.end()


async def serve(upstream: tuple[str, int]) -> None:
    """Take commands until stdin ends."""
    lines = asyncio.StreamReader(limit=1 << 20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    servers: list[asyncio.Server] = []
    while line := await lines.readline():
        told = json.loads(line)
        door = Door(told["listen"], told["cuts"], upstream)
        servers.append(await asyncio.start_server(door.open, "127.0.0.1", 0))
        port = servers[-1].sockets[0].getsockname()[1]
        print(json.dumps({"listening": told["listen"], "port": port}), flush=True)


if __name__ == "__main__":
    host, _, number = sys.argv[1].rpartition(":")
    asyncio.run(serve((host, int(number))))
