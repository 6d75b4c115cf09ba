"""The stage on real sockets, with a library as its client."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus

from conform import wire
from conform.stage import Stage, StageError

FRAME = {"type": "stream_token", "data": {"requestId": "r", "token": "naïve 🗑️"}}
TEXT = wire.encode(FRAME).decode()


async def client_of(stage: Stage, name: str = "c1", path: str = "") -> ClientConnection:
    options: Any = {"compression": None, "proxy": None, "ping_interval": None}
    return await connect(stage.url(name) + path, **options)


@pytest.mark.parametrize(
    ("verb", "value", "messages"),
    [
        ("json", FRAME, [TEXT]),
        ("raw", '{"type":', ['{"type":']),
        ("binary", "abc", [b"abc"]),
        ("bom", FRAME, ["\ufeff" + TEXT]),
        ("fragment", {"frame": FRAME, "sizes": [3, 40]}, [TEXT]),
        ("bytewise", FRAME, [TEXT]),
        ("mid-utf8", FRAME, [TEXT]),
        ("coalesce", [FRAME, 1, FRAME], [TEXT, "1", TEXT]),
    ],
)
async def test_wire_verbs_reach_a_library_as_meant(
    verb: str, value: Any, messages: list[str | bytes]
) -> None:
    async with Stage() as stage:
        client = await client_of(stage)
        await wire.act(stage, "c1", verb, value, 2.0)
        assert [await asyncio.wait_for(client.recv(), 2) for _ in messages] == messages
        await client.close()


@pytest.mark.parametrize(
    ("verb", "value", "code"),
    [
        ("close", {"code": 4401, "reason": "x"}, 4401),
        ("close-no-status", True, 1005),
        ("drop", True, 1006),
        ("reset", True, 1006),
    ],
)
async def test_links_end_as_the_script_says(verb: str, value: Any, code: int) -> None:
    async with Stage() as stage:
        client = await client_of(stage)
        await wire.act(stage, "c1", verb, value, 2.0)
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(client.recv(), 2)
        assert client.close_code == code


async def test_bytes_that_are_not_utf8_make_a_library_close_with_1007() -> None:
    async with Stage() as stage:
        client = await client_of(stage)
        await wire.act(stage, "c1", "bad-utf8", True, 2.0)
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(client.recv(), 2)
        assert (await stage.receive("c1", 2.0)).code == 1007


async def test_handshakes_are_refused_held_or_never_answered() -> None:
    async with Stage() as stage:
        await wire.act(stage, "c1", "handshake", {"status": 503}, 2.0)
        with pytest.raises(InvalidStatus):
            await client_of(stage)
        await wire.act(stage, "c2", "handshake", "hold", 2.0)
        attempt = asyncio.create_task(client_of(stage, "c2"))
        await stage.link("c2", 2.0)
        assert not attempt.done()
        await wire.act(stage, "c2", "handshake", "release", 2.0)
        await (await asyncio.wait_for(attempt, 2)).close()
        await wire.act(stage, "c3", "handshake", "silence", 2.0)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client_of(stage, "c3"), 0.1)


async def test_what_a_client_sends_is_kept_in_order_with_its_close_code() -> None:
    async with Stage() as stage:
        client = await client_of(stage)
        await client.send("one")
        await client.send(["t", "wo"])
        await client.send(b"\x03")
        await client.close(4000)
        got = [await stage.receive("c1", 2.0) for _ in range(4)]
        assert [(g.kind, g.text, g.code) for g in got] == [
            ("text", "one", 0),
            ("text", "two", 0),
            ("binary", "", 0),
            ("close", "", 4000),
        ]
        assert stage.current["c1"].close_code == 4000
        assert any("one" in line for line in stage.log.lines)


async def test_a_ping_must_come_back_with_its_payload() -> None:
    async with Stage() as stage:
        client = await client_of(stage)
        await wire.act(stage, "c1", "ping", "hello", 2.0)
        await client.send("instead of a pong")
        link = await stage.link("c1", 2.0)
        link.inbox.put_nowait(await stage.receive("c1", 2.0))
        with pytest.raises(StageError, match="answered a ping with text"):
            await wire.act(stage, "c1", "ping", "again", 2.0)
        await client.close()


async def test_a_stranger_is_turned_away_and_noted() -> None:
    async with Stage() as stage:
        url = stage.url("c1").replace(stage.nonce, "deadbeef")
        with pytest.raises((InvalidStatus, InvalidMessage)):
            await connect(url, proxy=None)
        assert stage.strangers


async def test_waiting_for_a_silent_client_ends_with_a_sentence() -> None:
    async with Stage() as stage:
        with pytest.raises(StageError, match="c1 opened no link"):
            await stage.receive("c1", 0.05)
        client = await client_of(stage)
        with pytest.raises(StageError, match="sent nothing within"):
            await stage.receive("c1", 0.05)
        with suppress(ConnectionClosed):
            await client.close()
