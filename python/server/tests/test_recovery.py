"""A server is killed in the middle of a turn; the next one ends it (REQ-SRV-09, REQ-SRV-11)."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from smooth_operator_server.store.opening import open_stores

from .support import NEW, REPLAY, Client, Frame, details
from .support_stores import fresh_database

WAIT_S = 30
LEASE_S = "0.4"

CONFIRM: dict[str, Any] = {
    "model": [
        {"toolCall": {"name": "delete_record", "arguments": {"id": 42}}},
        {"text": "It is gone."},
        {"text": "What else?"},
    ],
    "tools": [{"name": "delete_record", "result": "deleted", "confirm": True}],
}


class Killable:
    """A server in a process of its own, which can be killed."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self._process = process
        self.url = url

    @asynccontextmanager
    async def client(self, *, replay: bool = False) -> AsyncIterator[Client]:
        async with connect(self.url, compression=None, proxy=None, ping_interval=None) as socket:
            yield Client(socket, (*NEW, *REPLAY) if replay else NEW)

    async def kill(self) -> None:
        """End the process as a power switch would."""
        self._process.kill()
        await self._process.wait()


@asynccontextmanager
async def process(folder: Path, script: dict[str, Any], database: str) -> AsyncIterator[Killable]:
    """Run a server on a database, a path or a URL."""
    file = folder / "script.json"
    file.write_text(json.dumps(script), encoding="utf-8")
    where = ["--db", database] if "://" not in database else []
    command = ("-m", "smooth_operator_server", "--port", "0", "--script", str(file), *where)
    settings = {"DATABASE_URL": database if not where else ""}
    async with killable(*command, **settings, SMOOTH_AGENT_LEASE_SECS=LEASE_S) as running:
        yield running


@asynccontextmanager
async def killable(*command: str, **settings: str) -> AsyncIterator[Killable]:
    """Run a Python program that serves and tells where in its first line; killed at the end."""
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, *command), stdout=asyncio.subprocess.PIPE, env=os.environ | settings
    )
    assert running.stdout is not None
    try:
        line = await asyncio.wait_for(running.stdout.readline(), WAIT_S)
        yield Killable(running, line.decode().split()[-1])
    finally:
        if running.returncode is None:
            running.kill()
        await running.wait()


@pytest.fixture(params=["file", "postgres"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that outlives its server, of each kind."""
    if request.param == "file":
        return str(tmp_path / "turns.db")
    return await fresh_database(request.getfixturevalue("postgres"))


async def messages(client: Client, session_id: str) -> list[str]:
    """Return what was said, oldest first."""
    found: list[str] = []
    more: dict[str, Any] | None = {}
    while more is not None:
        data = await client.result("get_conversation_messages", sessionId=session_id, **more)
        found += [item["content"]["text"] for item in data["messages"]]
        more = {"cursor": data["nextCursor"]} if data["nextCursor"] else None
    return found[::-1]


async def said(client: Client, session_id: str, count: int) -> list[str]:
    """Wait for so many messages."""
    async with asyncio.timeout(WAIT_S):
        while len(found := await messages(client, session_id)) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return found


async def test_an_open_question_is_answered_after_a_restart(tmp_path: Path, database: str) -> None:
    async with process(tmp_path, CONFIRM, database) as server, server.client() as client:
        session_id = await client.session()
        request_id = await client.tx("send_message", sessionId=session_id, message="Delete 42")
        question = (await client.until("write_confirmation_required"))[-1]
        await server.kill()
    async with process(tmp_path, CONFIRM, database) as server, server.client() as client:
        frame = await client.call(
            "confirm_tool_action",
            sessionId=session_id,
            requestId=request_id,
            confirmationId=question["data"]["data"]["confirmationId"],
            approved=True,
        )
        assert frame["status"] == 200
        assert await said(client, session_id, 2) == ["Delete 42", "It is gone."]
        # The conversation is free again.
        assert (await client.turn(session_id))[-1]["type"] == "eventual_response"


async def test_a_turn_that_had_not_asked_its_engine_is_run_by_the_next_server(
    tmp_path: Path, database: str
) -> None:
    slow = {"model": [{"delayMs": 60_000, "text": "Late"}]}
    quick = {"model": [{"text": "Here"}]}
    async with process(tmp_path, slow, database) as server, server.client() as client:
        session_id = await client.session()
        await client.tx("send_message", sessionId=session_id, message="Hello")
        assert (await client.rx("immediate_response"))["status"] == 202
        await server.kill()
    async with process(tmp_path, quick, database) as server, server.client() as client:
        assert await said(client, session_id, 2) == ["Hello", "Here"]


async def resumed(client: Client, session_id: str, request_id: str, after: int) -> Frame:
    """Ask for a turn until a server has it, or can say what became of it."""
    about = {"sessionId": session_id, "requestId": request_id, "afterSeq": after}
    async with asyncio.timeout(WAIT_S):
        while (frame := await client.call("resume_turn", **about))["type"] == "error":
            assert frame["error"]["retryAfterMs"] == 1000
            assert "seq" not in frame
            await asyncio.sleep(0.1)
    return details(frame)


@pytest.mark.parametrize("after", [0, 2, 3])
async def test_req_srv_37_a_turn_with_an_open_question_goes_on_with_the_next_number(
    tmp_path: Path, database: str, after: int
) -> None:
    async with process(tmp_path, CONFIRM, database) as server, server.client(replay=True) as client:
        session_id = await client.session()
        request_id = await client.tx("send_message", sessionId=session_id, message="Delete 42")
        seen = await client.until("stream_chunk")
        assert [frame["seq"] for frame in seen] == [1, 2, 3]
        await server.kill()
    async with process(tmp_path, CONFIRM, database) as server, server.client(replay=True) as client:
        state = await resumed(client, session_id, request_id, after)
        assert state == {"state": "running", "lastSeq": 3}
        assert [await client.rx() for _ in seen[after:]] == seen[after:]
        await client.tx(
            "confirm_tool_action",
            sessionId=session_id,
            requestId=request_id,
            confirmationId=details(seen[1])["confirmationId"],
            approved=True,
        )
        rest = await client.until("eventual_response")
        assert [frame["seq"] for frame in rest] == list(range(4, 4 + len(rest)))
        assert [frame["type"] for frame in rest[:2]] == ["immediate_response", "stream_chunk"]
        assert await messages(client, session_id) == ["Delete 42", "It is gone."]


async def test_req_srv_37_a_turn_whose_words_are_lost_is_gone_and_its_answer_is_stored(
    tmp_path: Path, database: str
) -> None:
    slow = {"model": [{"preamble": "Look"}, {"delayMs": 60_000, "text": "Late"}]}
    quick = {"model": [{"text": "Here"}]}
    async with process(tmp_path, slow, database) as server, server.client(replay=True) as client:
        session_id = await client.session()
        request_id = await client.tx("send_message", sessionId=session_id, message="Hello")
        await client.until("stream_preamble")
        await server.kill()
    async with process(tmp_path, quick, database) as server, server.client(replay=True) as client:
        state = await resumed(client, session_id, request_id, 2)
        assert state["state"] == "gone"
        assert await said(client, session_id, 2) == ["Hello", "Here"]
        about = {"sessionId": session_id, "requestId": request_id}
        await client.tx("send_message", message="Hello", **about)
        assert details(await client.rx("turn_resumed"))["state"] == "gone"
        page = await client.result("get_conversation_messages", sessionId=session_id)
        assert [item.get("turn") for item in page["messages"]] == [None, "completed"]


@pytest.mark.parametrize("after", [2, 3])
async def test_req_srv_04_an_answer_that_a_killed_server_took_is_told_of_by_the_next_one(
    tmp_path: Path, database: str, after: int
) -> None:
    """Once, as an event of the turn; the client's repeat of the answer is not refused."""
    async with process(tmp_path, CONFIRM, database) as server, server.client(replay=True) as client:
        session_id = await client.session()
        request_id = await client.tx("send_message", sessionId=session_id, message="Delete 42")
        seen = await client.until("stream_chunk")
        await server.kill()
    question_id = details(seen[1])["confirmationId"]
    stores = await open_stores(database)
    assert await stores.questions.claim(question_id, True, 1)
    await stores.close()
    async with process(tmp_path, CONFIRM, database) as server, server.client(replay=True) as client:
        assert (await resumed(client, session_id, request_id, after))["state"] in (
            "running",
            "settled",
        )
        await client.tx(
            "confirm_tool_action",
            sessionId=session_id,
            requestId=request_id,
            confirmationId=question_id,
            approved=True,
        )
        rest = await client.until("eventual_response")
        numbers = list(range(after + 1, after + 1 + len(rest)))
        assert [frame["seq"] for frame in rest] == numbers
        told = [frame["type"] for frame in rest if frame["seq"] > 3]
        assert told[:2] == ["immediate_response", "stream_chunk"]
        assert told.count("immediate_response") == 1
        await client.silence()
        assert await messages(client, session_id) == ["Delete 42", "It is gone."]


async def test_a_question_that_nobody_can_be_shown_keeps_no_conversation_waiting(
    tmp_path: Path, database: str
) -> None:
    """The events of the turn are lost: what it asks from then on is denied at once."""
    slow = {**CONFIRM, "model": [{"preamble": "Look"}, {"delayMs": 60_000, "text": "Late"}]}
    async with process(tmp_path, slow, database) as server, server.client(replay=True) as client:
        session_id = await client.session()
        request_id = await client.tx("send_message", sessionId=session_id, message="Delete 42")
        await client.until("stream_preamble")
        await server.kill()
    async with process(tmp_path, CONFIRM, database) as server, server.client(replay=True) as client:
        assert (await resumed(client, session_id, request_id, 2))["state"] == "gone"
        assert await said(client, session_id, 2) == ["Delete 42", "It is gone."]
        frames = await client.turn(session_id, requestId="next")
        assert frames[-1]["type"] == "eventual_response"
