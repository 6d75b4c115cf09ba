"""The proxy of the cuts: each cut comes at the byte, and in the way, that it was told."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cuts_proxy import Gauge

PROGRAM = Path(__file__).resolve().parents[1] / "cuts_proxy.py"
ASK = b"GET /ws HTTP/1.1\r\nHost: here\r\n\r\n"
ANSWER = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
LIMIT = 20.0
Cut = dict[str, Any]


def cut(**changes: Any) -> Cut:
    usual = {
        "part": "frames",
        "way": "down",
        "after": 0,
        "edge": False,
        "how": "fin",
        "pause": 0.05,
    }
    return {**usual, **changes}


class Upstream:
    """A server that answers the handshake and says a text; keeps what it was told, and the end."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.links: list[tuple[bytes, str]] = []
        self.ended = asyncio.Event()

    async def link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got, end = b"", "fin"
        try:
            got = await reader.readuntil(b"\r\n\r\n")
            writer.write(ANSWER + self.text)
            while more := await reader.read(100):
                got += more
        except asyncio.IncompleteReadError as short:
            got = short.partial
        except ConnectionResetError:
            end = "rst"
        self.links.append((got, end))
        self.ended.set()
        writer.close()


class Proxy:
    """The proxy's process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def told(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), LIMIT)
        told: dict[str, Any] = json.loads(line)
        return told

    async def listen(self, *cuts: Cut) -> int:
        assert self._process.stdin is not None
        line = json.dumps({"listen": "s1", "cuts": cuts})
        self._process.stdin.write(line.encode() + b"\n")
        return int((await self.told())["port"])


@pytest.fixture
def upstream() -> Upstream:
    return Upstream(b"0123456789" * 100)


@pytest.fixture
async def proxy(upstream: Upstream) -> AsyncIterator[Proxy]:
    server = await asyncio.start_server(upstream.link, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(PROGRAM), f"127.0.0.1:{port}", stdin=pipe, stdout=pipe
    )
    yield Proxy(process)
    process.kill()
    await process.communicate()
    server.close()


async def visit(port: int, *, says: bytes = b"", enough: int | None = None) -> tuple[bytes, str]:
    """Shake hands through the proxy, say something; return what came, and how the link ended."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(ASK)
    got, is_said = b"", False
    try:
        async with asyncio.timeout(LIMIT):
            while more := await reader.read(100_000):
                got += more
                if not is_said and len(got) >= len(ANSWER):
                    writer.write(says)
                    is_said = True
                if enough is not None and len(got) >= enough:
                    return got, "left"
        return got, "fin"
    except ConnectionResetError:
        return got, "rst"
    finally:
        writer.close()


@pytest.mark.parametrize("after", [0, 1, 7, 999, 1000])
async def test_answers_are_cut_at_the_byte(proxy: Proxy, upstream: Upstream, after: int) -> None:
    port = await proxy.listen(cut(after=after))
    got, end = await visit(port)
    assert (got, end) == (ANSWER + upstream.text[:after], "fin")
    assert await proxy.told() == {"cut": "s1", "how": "fin", "way": "down", "opened": True}


@pytest.mark.parametrize("after", [0, 1, 30, len(ANSWER) - 1])
async def test_handshakes_are_cut_at_the_byte(proxy: Proxy, after: int) -> None:
    port = await proxy.listen(cut(part="handshake", after=after))
    got, _ = await visit(port)
    assert got == ANSWER[:after]
    assert (await proxy.told())["opened"] is False


@pytest.mark.parametrize("after", [0, 1, 5])
async def test_questions_are_cut_at_the_byte(proxy: Proxy, upstream: Upstream, after: int) -> None:
    port = await proxy.listen(cut(way="up", after=after))
    await visit(port, says=b"hello")
    await asyncio.wait_for(upstream.ended.wait(), LIMIT)
    assert upstream.links == [(ASK + b"hello"[:after], "fin")]


async def test_an_edge_lets_pass_what_was_read_with_it(proxy: Proxy, upstream: Upstream) -> None:
    port = await proxy.listen(cut(way="up", after=1, edge=True))
    await visit(port, says=b"hello")
    await asyncio.wait_for(upstream.ended.wait(), LIMIT)
    assert upstream.links == [(ASK + b"hello", "fin")]


@pytest.mark.parametrize("how", ["rst", "silence"])
async def test_resets_reach_both_sides(proxy: Proxy, upstream: Upstream, how: str) -> None:
    port = await proxy.listen(cut(way="up", after=2, how=how))
    _, end = await visit(port, says=b"hello")
    await asyncio.wait_for(upstream.ended.wait(), LIMIT)
    assert (end, upstream.links) == ("rst", [(ASK + b"he", "rst")])


async def test_late_bytes_reach_the_server_after_the_client_was_reset(
    proxy: Proxy, upstream: Upstream
) -> None:
    port = await proxy.listen(cut(way="up", after=2, how="late", pause=0.2))
    _, end = await visit(port, says=b"hello")
    assert (end, upstream.links) == ("rst", [])
    await asyncio.wait_for(upstream.ended.wait(), LIMIT)
    assert upstream.links == [(ASK + b"hello", "fin")]


async def test_a_link_that_ends_before_its_cut_gives_it_back(
    proxy: Proxy, upstream: Upstream
) -> None:
    port = await proxy.listen(cut(way="up", after=3), cut(after=5))
    assert (await visit(port, enough=len(ANSWER) + 1000))[1] == "left"
    await asyncio.wait_for(upstream.ended.wait(), LIMIT)
    await visit(port, says=b"hello")
    assert (await proxy.told())["way"] == "up"
    assert (await visit(port))[0] == ANSWER + upstream.text[:5]
    assert (await visit(port, enough=len(ANSWER) + 1000))[1] == "left"


def test_the_end_of_a_handshake_is_found_wherever_reads_end() -> None:
    for size in range(1, len(ANSWER) + 3):
        gauge, sent = Gauge(cut(after=2)), b""
        data = ANSWER + b"abcdef"
        for start in range(0, len(data), size):
            chunk = data[start : start + size]
            place = gauge.allowed(chunk)
            sent += chunk[:place]
            if place is not None:
                break
        assert sent == ANSWER + b"ab", size
