"""Another session of a conversation takes a turn up and answers what it asks (REQ-SRV-31)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from .support import Frame, Running, details, serving, text_of
from .support_backplanes import empty, redis
from .support_clock import VirtualClock
from .support_stores import fresh_database
from .test_replay import numbers, resumed

__all__ = ["redis"]

WORDS = ("identity_form",)
SCRIPT: dict[str, Any] = {
    "tools": [
        {"name": "rm", "parameters": {"type": "object"}, "result": "ok", "confirm": True},
        {"name": "pay", "parameters": {"type": "object"}, "result": "ok", "auth": "end_user"},
    ],
    "otp": {"code": "123456", "attempts": 3, "channel": "email"},
}
CALLS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "rm": ("write_confirmation_required", "confirm_tool_action", {"approved": True}),
    "pay": ("otp_sent", "verify_otp", {"code": "123456"}),
    "request_identity_intake": (
        "interaction_required",
        "submit_interaction",
        {"values": {"name": "Ann"}},
    ),
}
"""By tool: the event that asks, the action that answers, and what it says."""


@pytest.fixture(params=["alone", "two servers"])
async def places(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[list[tuple[str, Running, Running]]]:
    """Where the turn is and where the other session is, with the tool that is called there."""
    found: list[tuple[str, Running, Running]] = []
    settings: dict[str, Any] = {"clock": VirtualClock()}
    if request.param == "two servers":
        settings["database_url"] = await fresh_database(request.getfixturevalue("postgres"))
        settings["redis_url"] = empty(request.getfixturevalue("redis"))
    calls = [
        {"toolCall": {"name": name, "arguments": {"fields": ["name"]} if "_" in name else {}}}
        for name in CALLS
    ]
    model = [entry for call in calls for entry in (call, {"text": "Done."})]
    async with serving(tmp_path, SCRIPT | {"model": model}, **settings) as first:
        if request.param == "alone":
            found = [(name, first, first) for name in CALLS]
            yield found
            return
        async with serving(tmp_path, SCRIPT | {"model": model}, **settings) as second:
            yield [(name, first, second) for name in CALLS]


async def test_req_srv_31_whoever_takes_a_turn_up_answers_what_it_asks(
    places: list[tuple[str, Running, Running]],
) -> None:
    """By a session of their own, over another link, at another server."""
    for name, where, elsewhere in places:
        asks, verb, answer = CALLS[name]
        async with where.client(replay=True) as one, elsewhere.client(replay=True) as other:
            data = await one.result(
                "create_conversation_session",
                agentId="agent",
                userEmail="ann@example.org",
                supports=[*one.words, *WORDS],
            )
            about: Frame = {"requestId": f"turn-{name}", "sessionId": data["sessionId"]}
            await one.tx("send_message", message="Do it", **about)
            frames = await one.until(asks)
            session = await other.session(
                conversationId=data["conversationId"], supports=list(WORDS)
            )
            taken: Frame = about | {"sessionId": session}
            found = await other.call("resume_turn", afterSeq=0, **taken)
            assert resumed(found)[0] == "running"
            frames = await other.until(asks)
            asked = details(frames[-1])
            named = {key: asked[key] for key in ("confirmationId", "interactionId") if key in asked}
            await other.tx(verb, **taken, **named, **answer)
            frames += await other.until("eventual_response", "error")
            assert text_of(frames) == "Done."
            assert numbers(frames) == list(range(1, len(frames) + 1))


async def test_a_session_of_another_conversation_answers_nothing(tmp_path: Path) -> None:
    """Not even of the same person, under the turn's requestId."""
    script = SCRIPT | {"model": [{"toolCall": {"name": "rm", "arguments": {}}}, {"text": "Done."}]}
    async with serving(tmp_path, script) as server, server.client(replay=True) as client:
        about = {"requestId": "turn", "sessionId": await client.session()}
        await client.tx("send_message", message="Do it", **about)
        await client.until("stream_chunk")
        other = about | {"sessionId": await client.session()}
        refused = await client.refusal("confirm_tool_action", approved=True, **other)
        assert refused == "NO_PENDING_CONFIRMATION"
        plain = await client.result("create_conversation_session", agentId="a", supports=[])
        older = about | {"sessionId": plain["sessionId"]}
        refused = await client.refusal("confirm_tool_action", approved=True, **older)
        assert refused == "NO_PENDING_CONFIRMATION"
        await client.silence()
