"""Confirmations: asked before the call, answered once, denied when nobody answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .support import Client, Frame, details, kinds, serving, step, text_of

SCRIPT: dict[str, Any] = {
    "model": [
        {"toolCall": {"name": "delete_record", "arguments": {"id": 42}}},
        {"text": "Done"},
    ]
    * 4,
    "tools": [{"name": "delete_record", "description": "Delete it", "result": "deleted"}],
    "confirmTools": ["delete_"],
}


async def ask(client: Client, session_id: str, request_id: str = "t") -> Frame:
    """Start a turn up to its parked tool; return the question."""
    await client.tx("send_message", sessionId=session_id, message="m", requestId=request_id)
    frames = await client.until("stream_chunk")
    assert kinds(frames) == ["immediate_response", "write_confirmation_required", "stream_chunk"]
    assert step(frames[-1])["arguments"] == {"id": 42}
    return frames[1]


async def confirm(client: Client, session_id: str, **members: Any) -> list[Frame]:
    """Answer; return what follows up to the end of the turn."""
    members = {"requestId": "t", "approved": True} | members
    await client.tx("confirm_tool_action", sessionId=session_id, **members)
    return await client.until("eventual_response", "error")


async def test_req_srv_04_an_approved_call_runs(tmp_path: Path) -> None:
    async with serving(tmp_path, SCRIPT) as server, server.client() as client:
        session_id = await client.session()
        question = details(await ask(client, session_id))
        assert question == {
            "toolId": "delete_record",
            "actionDescription": 'Delete it {"id": 42}',
        }
        frames = await confirm(client, session_id)
        assert kinds(frames) == [
            "immediate_response",
            "stream_chunk",
            "stream_token",
            "eventual_response",
        ]
        assert frames[0]["status"] == 200
        assert frames[0]["data"] == {"sessionId": session_id, "approved": True}
        assert step(frames[1]) == {
            "name": "delete_record",
            "isError": False,
            "result": "deleted",
        }


async def test_a_denied_call_does_not_run_and_the_turn_completes(tmp_path: Path) -> None:
    async with serving(tmp_path, SCRIPT) as server, server.client() as client:
        session_id = await client.session()
        await ask(client, session_id)
        frames = await confirm(client, session_id, approved=False)
        assert frames[0]["data"]["approved"] is False
        assert step(frames[1])["isError"] is True
        assert text_of(frames) == "Done"


@pytest.mark.parametrize("extended", [False, True])
async def test_req_srv_09_what_expires_is_denied(tmp_path: Path, extended: bool) -> None:
    async with serving(tmp_path, SCRIPT) as server, server.client(extended=extended) as client:
        session_id = await client.session()
        question = await ask(client, session_id)
        if extended:
            assert details(question)["expiresAt"] - question["timestamp"] == 300_000
        await server.clock.advance(299.9)
        assert kinds([await client.rx() for _ in range(29)]) == ["keepalive"] * 29
        await client.silence()
        await server.clock.advance(0.1)
        frames = await client.until("eventual_response")
        chunk = next(frame for frame in frames if frame["type"] == "stream_chunk")
        assert step(chunk)["isError"] is True
        late = await client.refusal(
            "confirm_tool_action", sessionId=session_id, requestId="t", approved=True
        )
        assert late == "NO_PENDING_CONFIRMATION"


async def test_req_srv_07_only_the_open_question_can_be_answered(tmp_path: Path) -> None:
    async with serving(tmp_path, SCRIPT) as server, server.client(extended=True) as client:
        session_id, other = await client.session(), await client.session()
        first = details(await ask(client, session_id))["confirmationId"]
        for members in (
            {"sessionId": "unknown"},
            {"sessionId": other},
            {"sessionId": session_id, "requestId": "foreign"},
            {"sessionId": session_id, "confirmationId": "stale"},
        ):
            members = {"requestId": "t", "approved": True, "confirmationId": first} | members
            code = await client.refusal("confirm_tool_action", **members)
            assert code == "NO_PENDING_CONFIRMATION"
            named = {"confirmationId": members["confirmationId"]}
            assert client.seen[-1]["data"]["details"] == named
        await confirm(client, session_id, confirmationId=first)
        # The double of the first answer must not approve the next call.
        second = details(await ask(client, session_id))["confirmationId"]
        assert second != first
        members = {"sessionId": session_id, "requestId": "t", "approved": True}
        code = await client.refusal("confirm_tool_action", confirmationId=first, **members)
        assert code == "NO_PENDING_CONFIRMATION"
        frames = await confirm(client, session_id, confirmationId=second)
        assert step(frames[1])["isError"] is False


async def test_an_old_client_may_answer_under_an_id_of_its_own_but_not_of_another_turn(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, SCRIPT) as server, server.client() as client:
        session_id = await client.session()
        await ask(client, session_id, "first")
        frames = await confirm(client, session_id, requestId="own")
        assert frames[0]["requestId"] == "own"
        assert {frame["requestId"] for frame in frames[1:]} == {"first"}
        await ask(client, session_id, "second")
        members = {"sessionId": session_id, "requestId": "first", "approved": True}
        code = await client.refusal("confirm_tool_action", **members)
        assert code == "NO_PENDING_CONFIRMATION"
        frames = await confirm(client, session_id, requestId="second")
        assert frames[-1]["type"] == "eventual_response"


async def test_the_first_answer_wins(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, SCRIPT) as server,
        server.client() as client,
        server.client() as other,
    ):
        session_id = await client.session()
        await ask(client, session_id)
        members = {"sessionId": session_id, "requestId": "t"}
        await other.result("confirm_tool_action", approved=False, **members)
        await client.until("eventual_response")
        code = await client.refusal("confirm_tool_action", approved=True, **members)
        assert code == "NO_PENDING_CONFIRMATION"


async def test_names_can_be_gated_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMOOTH_AGENT_CONFIRM_TOOLS", "nothing, _record ,")
    script = {name: value for name, value in SCRIPT.items() if name != "confirmTools"}
    async with serving(tmp_path, script) as server, server.client() as client:
        session_id = await client.session()
        await ask(client, session_id)
        assert (await confirm(client, session_id))[0]["status"] == 200


async def test_a_tool_can_ask_for_itself(tmp_path: Path) -> None:
    script = {
        "model": [{"toolCall": {"name": "x"}}, {"text": "Done"}],
        "tools": [{"name": "x", "confirm": True}],
    }
    async with serving(tmp_path, script) as server, server.client() as client:
        await client.tx("send_message", sessionId=await client.session(), message="m")
        frames = await client.until("write_confirmation_required")
        assert details(frames[-1])["actionDescription"] == "Run x"


async def test_a_turn_may_ask_more_than_once(tmp_path: Path) -> None:
    call = {"toolCall": {"name": "delete_record", "arguments": {"id": 42}}}
    script = SCRIPT | {"model": [call, call, {"text": "Done"}]}
    async with serving(tmp_path, script) as server, server.client() as client:
        session_id = await client.session()
        await ask(client, session_id)
        members = {"sessionId": session_id, "requestId": "t", "approved": True}
        await client.tx("confirm_tool_action", **members)
        frames = await client.until("write_confirmation_required")
        assert kinds(frames) == [
            "immediate_response",
            "stream_chunk",
            "write_confirmation_required",
        ]
        await client.rx("stream_chunk")
        assert len(await confirm(client, session_id)) == 4
