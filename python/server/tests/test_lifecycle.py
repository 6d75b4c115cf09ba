"""Sockets that are lost or do not read, and servers that are told to end."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame as WebSocketFrame
from websockets.frames import Opcode

from smooth_operator_server.gateway.outbox import MAX_FRAMES

from .support import Client, Running, details, eventually, hold_little, serving, step

SLOW = {"model": [{"delayMs": 30_000, "text": "late"}, {"text": "next"}]}


async def start(client: Client, session_id: str) -> None:
    await client.tx("send_message", sessionId=session_id, message="m", requestId="t")
    await client.rx("immediate_response")


async def gone(server: Running) -> None:
    """Wait until the server has noticed that no socket is left."""
    await eventually(lambda: not server.listener.server.sockets)


async def answers(server: Running, session_id: str) -> list[str]:
    async with server.client() as client:
        page = await client.result("get_conversation_messages", sessionId=session_id)
        items = page["messages"]
        return [item["content"]["text"] for item in items if item["direction"] == "outbound"]


async def test_a_turn_whose_socket_is_lost_runs_on_and_is_stored(tmp_path: Path) -> None:
    async with serving(tmp_path, SLOW) as server:
        async with server.client() as client:
            session_id = await client.session()
            await start(client, session_id)
        await gone(server)
        async with server.client() as client:
            members = {"sessionId": session_id, "message": "m"}
            assert await client.refusal("send_message", **members) == "TURN_IN_PROGRESS"
        await server.clock.advance(30)
        await eventually(lambda: server.listener.server.running_turns == 0)
        assert await answers(server, session_id) == ["late"]


async def test_a_turn_whose_socket_is_lost_is_stopped_in_the_end(tmp_path: Path) -> None:
    async with serving(tmp_path, SLOW, detach_secs=20) as server:
        async with server.client() as client:
            session_id = await client.session()
            await start(client, session_id)
        await gone(server)
        await server.clock.advance(20)
        await eventually(lambda: server.listener.server.running_turns == 0)
        async with server.client() as client:
            frames = await client.turn(session_id)
            assert frames[-1]["type"] == "eventual_response"
        assert await answers(server, session_id) == ["next"]


async def test_a_socket_may_be_dropped_while_its_cancel_is_worked_on(tmp_path: Path) -> None:
    async with serving(tmp_path, SLOW) as server:
        async with server.client() as client:
            session_id = await client.session()
            await start(client, session_id)
            await client.tx("cancel", sessionId=session_id, requestId="t")
            client.socket.transport.abort()
        await gone(server)
        await server.clock.advance(60)  # in case the reset overtook the cancel
        await eventually(lambda: server.listener.server.running_turns == 0)
        async with server.client() as client:
            assert (await client.turn(session_id))[-1]["type"] == "eventual_response"


async def test_a_question_of_a_lost_socket_can_be_answered_over_another(tmp_path: Path) -> None:
    script: dict[str, Any] = {
        "model": [{"toolCall": {"name": "rm"}}, {"text": "Removed"}],
        "tools": [{"name": "rm", "confirm": True}],
    }
    async with serving(tmp_path, script) as server:
        async with server.client() as client:
            session_id = await client.session()
            await start(client, session_id)
            await client.until("stream_chunk")
        await gone(server)
        async with server.client() as client:
            members = {"sessionId": session_id, "requestId": "t", "approved": True}
            await client.result("confirm_tool_action", **members)
            await eventually(lambda: server.listener.server.running_turns == 0)
            await client.silence()
        assert await answers(server, session_id) == ["Removed"]


async def test_a_client_that_does_not_read_is_dropped(tmp_path: Path) -> None:
    # Far more than the kernel, both transports and the outbox together can hold.
    script = {"model": [{"text": ("x" * 10_000 + " ") * 2_000}]}
    async with serving(tmp_path, script, slow_reader_secs=5) as server:
        async with server.client() as client:
            session_id = await client.session()
            hold_little(client)
            client.socket.transport.pause_reading()
            frame = {"action": "send_message", "sessionId": session_id, "message": "m"}
            await client.raw(json.dumps(frame))
            (connection,) = server.listener.server.sockets
            await eventually(lambda: not connection.has_room)
            async with asyncio.timeout(40):  # a guard against a hang, not a measure
                while server.listener.server.sockets:
                    assert connection.queued <= MAX_FRAMES + 1
                    await server.clock.advance(1)
                    await asyncio.sleep(0.01)
            client.socket.transport.abort()
        # The turn lives on without its socket.
        await eventually(lambda: server.listener.server.running_turns == 0)
        assert len(await answers(server, session_id)) == 1


async def test_a_slow_reader_that_catches_up_loses_nothing(tmp_path: Path) -> None:
    words = [f"{number:05}" + "x" * 2_000 for number in range(3_000)]
    script = {"model": [{"text": " ".join(words)}]}
    async with serving(tmp_path, script) as server, server.client() as client:
        session_id = await client.session()
        hold_little(client)
        client.socket.transport.pause_reading()
        await client.tx("send_message", sessionId=session_id, message="m")
        (connection,) = server.listener.server.sockets
        await eventually(lambda: not connection.has_room)
        await server.clock.advance(1)
        client.socket.transport.resume_reading()
        frames = await client.until("eventual_response")
        tokens = [frame["token"].strip() for frame in frames if frame["type"] == "stream_token"]
        assert tokens == words


async def test_req_srv_09_draining_denies_questions_finishes_turns_and_closes_with_1001(
    tmp_path: Path,
) -> None:
    script: dict[str, Any] = {
        "model": [{"toolCall": {"name": "rm"}}, {"toolCall": {"name": "rm"}}, {"text": "Kept it"}],
        "tools": [{"name": "rm", "confirm": True}],
    }
    async with (
        serving(tmp_path, script, db=tmp_path / "x.db") as server,
        server.client(extended=True) as client,
        server.client() as idle,
    ):
        session_id = await client.session()
        await start(client, session_id)
        question = details((await client.until("stream_chunk"))[0])
        draining = asyncio.create_task(server.listener.server.drain())
        frames = await client.until("eventual_response")
        results = [step(frame) for frame in frames if "toolResult" in str(frame)]
        assert [result["isError"] for result in results] == [True, True]
        assert question["toolId"] == "rm"
        for peer in (client, idle):
            with pytest.raises(ConnectionClosed) as closed:
                await peer.rx()
            assert closed.value.rcvd is not None
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (
                1001,
                "server draining",
            )
        await draining
        with pytest.raises(InvalidStatus) as refused:
            async with server.client():
                raise AssertionError
        assert refused.value.response.status_code == 503


async def test_draining_stops_turns_that_take_too_long(tmp_path: Path) -> None:
    async with serving(tmp_path, SLOW, drain_secs=5) as server, server.client() as client:
        session_id = await client.session()
        await start(client, session_id)
        draining = asyncio.create_task(server.listener.server.drain())
        await server.clock.advance(5)
        await client.until("cancelled")
        with pytest.raises(ConnectionClosed):
            await client.rx()
        await draining


async def test_nothing_is_left_behind_after_many_turns(tmp_path: Path) -> None:
    script = {"model": [{"text": "x"}] * 300}
    async with serving(tmp_path, script) as server, server.client() as client:
        session_id = await client.session()
        await client.turn(session_id)
        before = len(asyncio.all_tasks())
        for _ in range(299):
            await client.turn(session_id)
        await client.silence()
        assert len(asyncio.all_tasks()) <= before


async def test_req_srv_40_a_silent_link_is_sent_ping_frames(tmp_path: Path) -> None:
    async with serving(tmp_path, demo=True, ping_secs=0.02) as server, server.client() as client:
        protocol = client.socket.protocol
        seen: list[Opcode] = []
        receive = protocol.recv_frame

        def noting(frame: WebSocketFrame) -> None:
            seen.append(frame.opcode)
            receive(frame)

        protocol.recv_frame = noting  # type: ignore[method-assign]
        await eventually(lambda: seen.count(Opcode.PING) > 2)
        await client.silence()
