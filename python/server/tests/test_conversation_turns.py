"""One turn a conversation, over all its sessions and sockets (REQ-SRV-11, 15 to 20)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from .support import NEW, Client, kinds, serving, step, text_of

SLOW: dict[str, Any] = {
    "model": [{"delayMs": 60_000, "text": "late"}, {"text": "next"}, {"text": "last"}]
}


async def resumed(client: Client, conversation_id: str) -> str:
    """Open another session on a conversation; return its id."""
    data = await client.result(
        "create_conversation_session", agentId="agent", conversationId=conversation_id
    )
    assert data["conversationId"] == conversation_id
    return data["sessionId"]


async def opened(client: Client) -> tuple[str, str]:
    """Open a session; return its id and its conversation's."""
    data = await client.result("create_conversation_session", agentId="agent")
    return data["sessionId"], data["conversationId"]


async def started(client: Client, session_id: str, request_id: str = "t") -> None:
    await client.tx("send_message", sessionId=session_id, message="m", requestId=request_id)
    assert (await client.rx("immediate_response"))["status"] == 202


async def test_req_srv_11_a_conversation_runs_one_turn_over_all_its_sessions(
    tmp_path: Path,
) -> None:
    async with (
        serving(tmp_path, SLOW) as server,
        server.client() as client,
        server.client() as other,
    ):
        session_id, conversation_id = await opened(client)
        second = await resumed(other, conversation_id)
        await started(client, session_id)
        for member in (second, session_id):
            code = await other.refusal("send_message", sessionId=member, message="m")
            assert code == "TURN_IN_PROGRESS"
        await server.clock.advance(60)
        assert text_of(await client.until("eventual_response")) == "late"
        assert text_of(await other.turn(second)) == "next"


async def test_req_srv_15_a_cancel_reaches_the_turn_from_any_link_of_its_conversation(
    tmp_path: Path,
) -> None:
    async with (
        serving(tmp_path, SLOW) as server,
        server.client() as client,
        server.client() as other,
    ):
        session_id, conversation_id = await opened(client)
        second = await resumed(other, conversation_id)
        await started(client, session_id)
        await other.tx("cancel", sessionId=second, requestId="t")
        for asked in (client, other):
            assert (await asked.rx("cancelled"))["requestId"] == "t"
            await asked.silence()
        assert text_of(await client.turn(session_id)) == "next"


async def test_req_srv_15_a_detached_turn_can_be_cancelled_from_a_new_link(tmp_path: Path) -> None:
    async with serving(tmp_path, SLOW) as server:
        async with server.client() as client:
            session_id, conversation_id = await opened(client)
            await started(client, session_id)
        async with server.client() as client:
            second = await resumed(client, conversation_id)
            assert await client.refusal("send_message", sessionId=second, message="m") == (
                "TURN_IN_PROGRESS"
            )
            await client.tx("cancel", sessionId=second, requestId=None)
            assert (await client.rx("cancelled"))["requestId"] == "t"
            assert text_of(await client.turn(second)) == "next"


async def test_req_srv_16_a_link_carries_several_sessions_and_their_turns(tmp_path: Path) -> None:
    script = {"model": [{"delayMs": 1000, "text": "a"}, {"delayMs": 1000, "text": "a"}]}
    async with serving(tmp_path, script) as server, server.client() as client:
        sessions = [(await opened(client))[0] for _ in range(2)]
        for number, session_id in enumerate(sessions):
            await started(client, session_id, f"t{number}")
        await server.clock.advance(1)
        ends = {(await client.until("eventual_response"))[-1]["requestId"] for _ in range(2)}
        assert ends == {"t0", "t1"}


async def test_req_srv_16_an_answer_goes_to_the_link_that_asked(tmp_path: Path) -> None:
    script: dict[str, Any] = {
        "model": [{"toolCall": {"name": "rm"}}, {"text": "Removed"}],
        "tools": [{"name": "rm", "confirm": True}],
    }
    async with (
        serving(tmp_path, script) as server,
        server.client() as client,
        server.client() as other,
    ):
        session_id, _ = await opened(client)
        await started(client, session_id)
        await client.until("stream_chunk")
        answer = {"sessionId": session_id, "requestId": "t", "approved": True}
        await other.result("confirm_tool_action", **answer)
        assert text_of(await client.until("eventual_response")) == "Removed"
        await other.silence()


async def test_req_srv_17_an_id_may_be_used_again_and_is_its_links_own(tmp_path: Path) -> None:
    script = {"model": [{"text": "a"}] * 3}
    async with (
        serving(tmp_path, script) as server,
        server.client() as client,
        server.client() as other,
    ):
        for who in (client, client, other):
            session_id, _ = await opened(who)
            assert text_of(await who.turn(session_id, requestId="same")) == "a"


async def test_req_srv_18_a_silent_turn_proves_that_it_lives_and_stops_with_its_end(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, SLOW) as server, server.client() as client:
        session_id, _ = await opened(client)
        await started(client, session_id)
        await server.clock.advance(30)
        assert (await client.rx("keepalive"))["requestId"] == "t"
        await server.clock.advance(30)
        assert "keepalive" in kinds(await client.until("eventual_response"))
        await server.clock.advance(120)
        await client.silence()


async def test_req_srv_19_a_turn_holds_up_no_other_action_and_keeps_its_own_order(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, SLOW) as server, server.client() as client:
        session_id, _ = await opened(client)
        await started(client, session_id)
        await client.silence()
        await client.result("get_session", sessionId=session_id)
        await server.clock.advance(60)
        frames = await client.until("eventual_response")
        assert kinds(frames)[-2:] == ["stream_token", "eventual_response"]


async def test_req_srv_20_unknown_and_repeated_words_are_no_fault(tmp_path: Path) -> None:
    async with serving(tmp_path, SLOW) as server, server.client(extended=True) as client:
        words = [*NEW, *NEW, "a_word_of_the_future"]
        data = await client.result("create_conversation_session", agentId="a", supports=words)
        assert sorted(data["capabilities"]) == sorted(set(data["capabilities"]))
        assert "a_word_of_the_future" not in data["capabilities"]


async def test_req_srv_13_a_declined_code_is_a_refusal_whatever_the_code(tmp_path: Path) -> None:
    script: dict[str, Any] = {
        "model": [{"toolCall": {"name": "b"}}, {"text": "Answer"}],
        "tools": [{"name": "b", "auth": "end_user", "result": 5}],
        "otp": {"code": "012345"},
    }
    async with serving(tmp_path, script) as server, server.client(extended=True) as client:
        session_id = await client.session(userEmail="ada@example.org")
        await client.tx("send_message", sessionId=session_id, message="m", requestId="t")
        await client.until("stream_chunk")
        answer = {"sessionId": session_id, "code": "012345", "declined": True, "requestId": "t"}
        assert (await client.call("verify_otp", **answer))["data"]["declined"] is True
        frames = await client.until("eventual_response")
        assert step(frames[0])["isError"] is True


async def test_req_srv_14_an_empty_submit_is_refused_and_the_form_stays(tmp_path: Path) -> None:
    ask = {"fields": [{"key": "name", "required": True}], "reason": "r"}
    script: dict[str, Any] = {
        "model": [
            {"toolCall": {"name": "request_identity_intake", "arguments": ask}},
            {"text": "Thanks"},
        ]
    }
    async with serving(tmp_path, script) as server, server.client(extended=True) as client:
        session_id = await client.session(supports=["identity_form"])
        await client.tx("send_message", sessionId=session_id, message="m", requestId="t")
        asked = (await client.until("stream_chunk"))[-2]
        about = {"sessionId": session_id, "requestId": "t"}
        about["interactionId"] = asked["data"]["data"]["interactionId"]
        for empty in ({}, {"declined": False}):
            frame = await client.call("submit_interaction", **about, **empty)
            assert frame["error"]["code"] == "VALIDATION_ERROR"
        await client.result("submit_interaction", **about, values={"name": "Ada"})
        assert text_of(await client.until("eventual_response")) == "Thanks"


async def test_a_cancel_and_its_turn_that_ends_at_once_leave_one_terminal(tmp_path: Path) -> None:
    script = {"model": [{"text": "a"}] * 20}
    async with serving(tmp_path, script) as server, server.client() as client:
        session_id, _ = await opened(client)
        for number in range(20):
            members = {"sessionId": session_id, "requestId": f"t{number}"}
            await client.tx("send_message", message="m", **members)
            await client.tx("cancel", **members)
            frames = await client.until("eventual_response", "cancelled")
            assert frames[-1]["requestId"] == f"t{number}"
            await client.silence()
            await asyncio.sleep(0)
