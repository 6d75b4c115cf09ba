"""Server mode against the reference server, and against the same one behind a proxy that lies."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from conform.cli import main
from conform.pair import ServerProcess
from conform.server import judge_server
from conform.spec import Spec

SERVER = [str(Path(sys.executable).with_name("smooth-operator-server"))]
SCRIPT = {"model": [{"text": "Hello there."}]}
Lie = Callable[[dict[str, Any]], list[dict[str, Any]]]


@pytest_asyncio.fixture
async def upstream() -> AsyncIterator[str]:
    async with ServerProcess(SERVER, SCRIPT) as url:
        yield url


async def judged_through(spec: Spec, upstream: str, lie: Lie) -> dict[str, str]:
    """Faults by rule, with every frame of the server passed through ``lie``."""

    async def handle(client: ServerConnection) -> None:
        async with connect(upstream, proxy=None) as server:

            async def down() -> None:
                async for text in server:
                    for frame in lie(json.loads(text)):
                        await client.send(json.dumps(frame))

            task = asyncio.create_task(down())
            async for text in client:
                await server.send(text)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async with serve(handle, "127.0.0.1", 0) as proxy:
        port = proxy.sockets[0].getsockname()[1]
        findings = await judge_server(spec, f"ws://127.0.0.1:{port}/ws")
    return {finding.title: finding.fault for finding in findings if finding.fault}


async def test_the_reference_server_reaches_level_0(spec: Spec, upstream: str) -> None:
    assert await judged_through(spec, upstream, lambda frame: [frame]) == {}


def _other_id(frame: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**frame, "requestId": "req-other"}] if frame["type"] == "pong" else [frame]


def _no_time(frame: dict[str, Any]) -> list[dict[str, Any]]:
    pong = {"type": "pong", "requestId": frame.get("requestId")}
    return [pong] if frame["type"] == "pong" else [frame]


def _two_terminals(frame: dict[str, Any]) -> list[dict[str, Any]]:
    return [frame, frame] if frame["type"] == "eventual_response" else [frame]


def _no_202(frame: dict[str, Any]) -> list[dict[str, Any]]:
    return [] if frame.get("status") == 202 else [frame]


def _single_copy(frame: dict[str, Any]) -> list[dict[str, Any]]:
    return [{k: v for k, v in frame.items() if k != "error"}]


def _broken(frame: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**frame, "colour": "red"}] if frame["type"] == "stream_token" else [frame]


def _unasked(frame: dict[str, Any]) -> list[dict[str, Any]]:
    if frame["type"] != "error":
        return [frame]
    info = {**frame["error"], "terminal": True}
    return [{**frame, "error": info, "data": {**frame["data"], "error": info}}]


def _other_code(frame: dict[str, Any]) -> list[dict[str, Any]]:
    return json.loads(f"[{json.dumps(frame).replace('SESSION_NOT_FOUND', 'INTERNAL_ERROR')}]")


@pytest.mark.parametrize(
    ("lie", "why"),
    [
        (_other_id, "came back as 'req-other'"),
        (_no_time, "no pong with a time"),
        (_two_terminals, "came back as"),
        (_no_202, "not the 202"),
        (_single_copy, "not repeated at top level"),
        (_broken, "breaks the schema"),
        (_unasked, "carries terminal"),
        (_other_code, "expected SESSION_NOT_FOUND"),
    ],
)
async def test_a_server_that_lies_is_seen(spec: Spec, upstream: str, lie: Lie, why: str) -> None:
    faults = await judged_through(spec, upstream, lie)
    assert any(why in fault for fault in faults.values()), faults


def test_nobody_there_is_3(capsys) -> None:
    assert main(["server", "ws://127.0.0.1:9/ws"]) == 3
    assert "nothing was proven" in capsys.readouterr().err
