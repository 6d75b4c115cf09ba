"""Clients that mean no good cost only themselves: the others are answered, and nothing is left."""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from .support import Client, Running, eventually, hold_little, serving, text_of

# A turn of the honest client every 20 ms, for the minute that a test may last.
SCRIPT = {"model": [{"text": "One two three."}] * 3_000}
Link = tuple[asyncio.StreamReader, asyncio.StreamWriter]
HELLO = (
    "GET /ws HTTP/1.1\r\nHost: server\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    settings = {"ping_secs": 0.2, "pong_secs": 0.3, "hello_secs": 0.3, "slow_reader_secs": 5}
    async with serving(tmp_path, SCRIPT, max_frame_bytes=64 * 1024, **settings) as running:
        yield running


async def tcp(server: Running) -> Link:
    """Connect without a word."""
    place = urlsplit(server.url)
    return await asyncio.open_connection(place.hostname, place.port)


async def shaken(server: Running) -> Link:
    """Open a WebSocket whose client answers nothing by itself."""
    reader, writer = await tcp(server)
    writer.write(HELLO.encode())
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


def frame(payload: bytes, opcode: int = 1, *, fin: bool = True) -> bytes:
    """Return a masked frame; its mask is zero."""
    first = (0x80 if fin else 0) | opcode
    return struct.pack("!BBQ", first, 0xFF, len(payload)) + bytes(4) + payload


async def ended(link: Link) -> bytes:
    """Read until the server ends the socket; return what it said."""
    reader, writer = link
    try:
        async with asyncio.timeout(20):
            with contextlib.suppress(ConnectionError):
                return await reader.read(-1)
        return b""
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@contextlib.asynccontextmanager
async def undisturbed(server: Running) -> AsyncIterator[None]:
    """Have an honest client talk all the while; each of its turns is answered."""
    async with connect(server.url, compression=None, proxy=None, ping_interval=None) as socket:
        client, stop = Client(socket, ()), asyncio.Event()
        session_id = await client.session()

        async def talk() -> int:
            turns = 0
            while not stop.is_set() or turns < 3:
                assert text_of(await client.turn(session_id)) == "One two three."
                turns += 1
                await asyncio.sleep(0.02)
            return turns

        talking = asyncio.create_task(talk())
        try:
            yield
        finally:
            stop.set()
            assert await asyncio.wait_for(talking, 60) >= 3
    await eventually(lambda: not server.listener.server.sockets)


async def test_a_half_open_socket_is_closed(server: Running) -> None:
    async with undisturbed(server):
        dead = [await shaken(server) for _ in range(20)]
        for link in dead:
            assert b"\x89\x04" in await ended(link)  # it was asked, and did not answer


async def test_a_socket_that_answers_pings_or_speaks_stays(server: Running) -> None:
    """Only the one that does neither ends."""
    async with connect(server.url, compression=None, proxy=None, ping_interval=None) as answers:
        speaks = await shaken(server)
        for _ in range(10):
            speaks[1].write(frame(b'{"action":"ping"}'))
            await asyncio.sleep(0.15)
        assert len(server.listener.server.sockets) == 2
        await ended(speaks)
        await answers.send(json.dumps({"action": "ping"}))
        assert json.loads(await answers.recv())["type"] == "pong"


@pytest.mark.parametrize("more", [b"X: y\r\n" * 200, b"X: " + b"y" * 10_000 + b"\r\n"])
async def test_a_handshake_with_too_many_headers_is_refused_at_once(
    server: Running, more: bytes
) -> None:
    link = await tcp(server)
    link[1].write(HELLO.encode()[:-2] + more + b"\r\n")
    assert (await ended(link)).startswith(b"HTTP/1.1 431 ")


async def test_a_connection_that_asks_for_nothing_is_closed(server: Running) -> None:
    async with undisturbed(server):
        silent = [await tcp(server) for _ in range(20)]
        silent[0][1].write(b"GET /ws HT")  # nor one that never comes to its point
        for link in silent:
            assert await ended(link) == b""


async def giant(server: Running) -> None:
    link = await shaken(server)
    link[1].write(struct.pack("!BBQ", 0x81, 0xFF, 1 << 40) + bytes(4))
    assert b"\x03\xf1" in await ended(link)  # 1009, before a byte of it was read


async def fragments(server: Running) -> None:
    link = await shaken(server)
    link[1].write(frame(b"x" * 32_000, fin=False))
    for _ in range(3):
        link[1].write(frame(b"x" * 32_000, opcode=0, fin=False))
    assert b"\x03\xf1" in await ended(link)


async def garbage(server: Running) -> None:
    link = await shaken(server)
    link[1].write(b"\xff" * 4096)
    assert b"\x03\xea" in await ended(link)  # 1002


async def flood(server: Running) -> None:
    """Thousands of actions, whose answers nobody reads."""
    link = await shaken(server)
    link[1].transport.pause_reading()
    with contextlib.suppress(ConnectionError):
        for _ in range(200):
            link[1].write(frame(b'{"action":"nonsense","requestId":"x"}') * 50)
            await asyncio.wait_for(link[1].drain(), 20)
    link[1].transport.abort()


async def handshakes(server: Running) -> None:
    """A thousand, as fast as they go, and away."""
    gate = asyncio.Semaphore(20)

    async def one() -> None:
        async with gate:
            _, writer = await shaken(server)
            writer.transport.abort()

    await asyncio.gather(*(one() for _ in range(1_000)))


async def deaf(server: Running) -> None:
    """It asks for turns and never reads a frame."""
    async with connect(server.url, compression=None, proxy=None, ping_interval=None) as socket:
        client = Client(socket, ())
        hold_little(client)
        await client.session()
        socket.transport.pause_reading()
        with contextlib.suppress(ConnectionClosed):
            for _ in range(50):
                await socket.send(json.dumps({"action": "nonsense", "requestId": "x" * 40_000}))
        await eventually(lambda: len(server.listener.server.sockets) == 1)


@pytest.mark.parametrize("attack", [giant, fragments, garbage, flood, handshakes, deaf])
async def test_what_a_hostile_client_does_costs_only_itself(
    server: Running, attack: Callable[[Running], Awaitable[None]]
) -> None:
    async with undisturbed(server):
        await attack(server)
