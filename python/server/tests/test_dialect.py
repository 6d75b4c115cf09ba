"""What version 1.1 added goes only to sessions that listed ``spec_1_1`` (REQ-SRV-05).

Every other test reads its frames with closed models of version 1.0 or with the schemas as
written, depending on what its client listed (``support_models``); here are the differences.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .support import NEW, Client, Frame, details, serving, step

SCRIPT: dict[str, Any] = {
    "model": [{"toolCall": {"name": "rm"}}, {"text": "Done"}, {"error": "no"}, {"delayMs": 9000}],
    "tools": [{"name": "rm"}],
    "confirmTools": ["rm"],
}


async def run(client: Client) -> tuple[list[Frame], dict[str, bool | None]]:
    """Play the script; return the frames of the first turn and ``terminal`` of each error."""
    session_id = await client.session()
    at = {"sessionId": session_id, "requestId": "t"}
    await client.tx("send_message", message="m", **at)
    frames = await client.until("stream_chunk")
    flags: dict[str, bool | None] = {}

    async def refused(action: str, **members: Any) -> None:
        frame = await client.call(action, **members)
        info = frame["error"]
        assert frame["data"]["error"] == info
        flags[f"{info['code']} {members.get('requestId')}"] = info.get("terminal")

    await refused("send_message", message="m", sessionId=session_id, requestId="other")
    await refused("send_message", message="m", **at)
    await refused("send_message", **at)
    await refused("get_conversation_messages", sessionId=session_id, limit=0, requestId="call")
    await refused("submit_interaction", interactionId="i", values={}, **at)
    await refused("confirm_tool_action", approved=True, confirmationId="stale", **at)
    await client.tx("confirm_tool_action", approved=True, **at)
    frames += await client.until("eventual_response")
    await client.tx("send_message", message="m", sessionId=session_id, requestId="fails")
    info = (await client.until("error"))[-1]["error"]
    flags[f"{info['code']} fails"] = info.get("terminal")
    await refused("send_message", message="m", sessionId="unknown", requestId="unbound")
    return frames, flags


async def test_req_srv_05_new_sessions_get_the_added_fields(tmp_path: Path) -> None:
    async with serving(tmp_path, SCRIPT) as server, server.client(extended=True) as client:
        frames, flags = await run(client)
        question = details(frames[1])
        assert question["confirmationId"]
        assert question["expiresAt"] == frames[1]["timestamp"] + 300_000
        chunks = [step(frame) for frame in frames if frame["type"] == "stream_chunk"]
        assert chunks[0]["callId"] == chunks[1]["callId"]
        assert flags == {
            "TURN_IN_PROGRESS other": True,
            "TURN_IN_PROGRESS t": False,
            "VALIDATION_ERROR t": False,
            "VALIDATION_ERROR call": True,
            "NO_PENDING_INTERACTION t": False,
            "NO_PENDING_CONFIRMATION t": False,
            "AGENT_ERROR fails": True,
            "SESSION_NOT_FOUND unbound": None,
        }


async def test_req_srv_05_old_sessions_get_none_of_them(tmp_path: Path) -> None:
    async with serving(tmp_path, SCRIPT) as server, server.client() as client:
        frames, flags = await run(client)
        assert set(details(frames[1])) == {"toolId", "actionDescription"}
        assert set(flags.values()) == {None}
        chunks = [step(frame) for frame in frames if frame["type"] == "stream_chunk"]
        assert not any("callId" in chunk for chunk in chunks)


@pytest.mark.parametrize("frame", ['{"action":"dance","requestId":"r"}', "nope"])
async def test_req_srv_05_errors_of_no_session_carry_nothing_new(
    tmp_path: Path, frame: str
) -> None:
    async with serving(tmp_path, SCRIPT) as server, server.client(extended=True) as client:
        await client.session()
        await client.raw(frame)
        assert set((await client.rx("error"))["error"]) == {"code", "message"}


async def test_req_srv_05_two_sessions_of_one_socket_are_kept_apart(tmp_path: Path) -> None:
    async with serving(tmp_path, SCRIPT) as server, server.client(extended=True) as client:
        new = await client.session()
        client.words = ()
        old = await client.session()
        assert await client.refusal("send_message", sessionId=old) == "VALIDATION_ERROR"
        assert "terminal" not in client.seen[-1]["error"]
        client.words = NEW
        assert await client.refusal("send_message", sessionId=new) == "VALIDATION_ERROR"
        assert client.seen[-1]["error"]["terminal"] is True
