"""Cancelling: only what is named, and really (REQ-SRV-07)."""

from __future__ import annotations

import asyncio
from pathlib import Path

from smooth_operator_server.app import Server

from .support import Client, serving, text_of

SLOW = {"model": [{"text": "first"}, {"delayMs": 60_000, "text": "late"}, {"text": "next"}]}


async def slow_turn(client: Client, session_id: str, request_id: str = "slow") -> None:
    """Run the quick turn of the script, then start the slow one."""
    await client.turn(session_id, requestId="quick")
    await client.tx("send_message", sessionId=session_id, message="m", requestId=request_id)
    assert (await client.rx("immediate_response"))["status"] == 202


async def test_req_srv_07_cancel_stops_the_turn_that_it_names(tmp_path: Path) -> None:
    async with serving(tmp_path, SLOW) as server, server.client() as client:
        session_id = await client.session()
        await slow_turn(client, session_id)
        await client.tx("cancel", sessionId=session_id, requestId="slow")
        frame = await client.rx("cancelled")
        assert frame["requestId"] == frame["data"]["requestId"] == "slow"
        assert frame["status"] == frame["data"]["status"] == 499
        # Nothing of the turn follows, and the session is free at once.
        await server.clock.advance(100)
        await client.silence()
        assert text_of(await client.turn(session_id)) == "next"


async def test_req_srv_07_a_late_or_foreign_cancel_is_answered_by_silence(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, SLOW) as server,
        server.client() as client,
        server.client() as other,
    ):
        session_id, other_session = await client.session(), await other.session()
        await slow_turn(client, session_id)
        for members in (
            {"sessionId": session_id, "requestId": "quick"},
            {"sessionId": session_id, "requestId": "unknown"},
            {"sessionId": "unknown", "requestId": "slow"},
            {"sessionId": other_session, "requestId": "slow"},
            {"sessionId": other_session, "requestId": None},
        ):
            await client.tx("cancel", **members)
            await client.silence()
        for members in ({"requestId": "slow"}, {"requestId": None}):
            await other.tx("cancel", **members)
            await other.silence()
        await server.clock.advance(60)
        assert text_of(await client.until("eventual_response")) == "late"


async def test_cancel_may_name_the_session_alone_the_request_alone_or_nothing(
    tmp_path: Path,
) -> None:
    for named in ({"session": True}, {"request": True}, {}):
        async with serving(tmp_path, SLOW) as server, server.client() as client:
            session_id = await client.session()
            await slow_turn(client, session_id)
            members = {"sessionId": session_id} if named.get("session") else {}
            await client.tx("cancel", requestId="slow" if "request" in named else None, **members)
            assert (await client.rx("cancelled"))["requestId"] == "slow"


async def test_a_nameless_cancel_among_several_turns_stops_none(tmp_path: Path) -> None:
    script = {"model": [{"delayMs": 1000, "text": "a"}, {"delayMs": 1000, "text": "b"}]}
    async with serving(tmp_path, script) as server, server.client() as client:
        for request_id in ("one", "two"):
            session_id = await client.session()
            await client.tx("send_message", sessionId=session_id, message="m", requestId=request_id)
            await client.rx("immediate_response")
        await client.tx("cancel", requestId=None)
        await client.silence()


async def test_a_cancelled_turn_keeps_the_message_and_stores_no_answer(tmp_path: Path) -> None:
    async with serving(tmp_path, SLOW) as server, server.client() as client:
        session_id = await client.session()
        await slow_turn(client, session_id)
        await client.tx("cancel", sessionId=session_id, requestId="slow")
        await client.rx("cancelled")
        page = await client.result("get_conversation_messages", sessionId=session_id)
        assert [item["direction"] for item in page["messages"]] == [
            "inbound",
            "outbound",
            "inbound",
        ]


async def test_cancel_really_stops_the_tool(tmp_path: Path) -> None:
    script = {"model": [{"toolCall": {"name": "dig"}}, {"text": "x"}], "tools": [{"name": "dig"}]}
    started, stopped = asyncio.Event(), asyncio.Event()

    async def dig(*_: object) -> None:
        started.set()
        try:
            await asyncio.sleep(3600)
        finally:
            stopped.set()

    async with serving(tmp_path, script) as server, server.client() as client:
        _replace_tool(server.listener.server, "dig", dig)
        session_id = await client.session()
        await client.tx("send_message", sessionId=session_id, message="m", requestId="t")
        await client.until("stream_chunk")
        await asyncio.wait_for(started.wait(), 5)
        await client.tx("cancel", sessionId=session_id, requestId="t")
        await client.rx("cancelled")
        assert stopped.is_set()


async def test_a_tool_that_does_not_stop_holds_nobody_up_for_long(tmp_path: Path) -> None:
    script = {"model": [{"toolCall": {"name": "dig"}}, {"text": "x"}], "tools": [{"name": "dig"}]}
    let_go = asyncio.Event()

    async def dig(*_: object) -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            await let_go.wait()

    async with serving(tmp_path, script) as server, server.client() as client:
        _replace_tool(server.listener.server, "dig", dig)
        session_id = await client.session()
        await client.tx("send_message", sessionId=session_id, message="m", requestId="t")
        await client.until("stream_chunk")
        await client.tx("cancel", sessionId=session_id, requestId="t")
        await client.tx("ping", requestId="after")
        cancelled = asyncio.create_task(client.rx("cancelled"))
        while not cancelled.done():
            await server.clock.advance(0.5)
            await asyncio.sleep(0.01)
        await cancelled
        let_go.set()
        await client.rx("pong")
        await client.silence()


def _replace_tool(server: Server, name: str, run: object) -> None:
    """Give a scripted tool a body that a test controls."""
    object.__setattr__(server.tools.find(name, {}), "run", run)


async def test_a_question_of_a_cancelled_turn_is_gone(tmp_path: Path) -> None:
    script = {"model": [{"toolCall": {"name": "rm"}}, {"text": "x"}], "confirmTools": ["rm"],
              "tools": [{"name": "rm"}]}  # fmt: skip
    async with serving(tmp_path, script) as server, server.client() as client:
        session_id = await client.session()
        await client.tx("send_message", sessionId=session_id, message="m", requestId="t")
        await client.until("write_confirmation_required")
        await client.rx("stream_chunk")
        await client.tx("cancel", sessionId=session_id, requestId="t")
        await client.rx("cancelled")
        members = {"sessionId": session_id, "requestId": "t", "approved": True}
        assert await client.refusal("confirm_tool_action", **members) == "NO_PENDING_CONFIRMATION"
        await client.silence()
