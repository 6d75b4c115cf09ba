"""An answer whose turn lives elsewhere, and which a server may make a turn of (REQ-VERB-15)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from smooth_operator import SmoothAgentClient

from .peer import LIMIT, Peer, S


async def lone(server: Peer, client: SmoothAgentClient, verb: str) -> Any:
    """Answer a question of a turn that this client does not know."""
    if verb == "confirm":
        answer: Any = client.confirm_tool_action(session_id=S, request_id="far", approved=True)
    else:
        answer = client.submit_interaction(
            session_id=S, request_id="far", interaction_id="i-1", values={"name": "Ada"}
        )
    await server.recv()
    return answer


@pytest.mark.parametrize("verb", ["confirm", "submit"])
async def test_req_verb_15_a_lone_answer_may_become_a_turn(
    server: Peer, client: SmoothAgentClient, verb: str
) -> None:
    answer = await lone(server, client, verb)
    await server.respond("far", {}, 202)
    value = await asyncio.wait_for(answer, LIMIT)
    turn = answer.turn
    assert turn is not None
    assert turn is client.turn("far")
    assert (turn.request_id, turn.session_id, turn.state) == ("far", S, "running")
    assert value is None or value.turn is turn
    await server.tokens("far", "a", "b")
    await server.finish("far", None)
    assert (await asyncio.wait_for(turn, LIMIT)).text == "ab"
    assert [event.type async for event in turn][:2] == ["stream_token"] * 2
    assert client.turn("far") is None


async def test_req_verb_15_only_the_first_frame_begins_a_turn(
    server: Peer, client: SmoothAgentClient
) -> None:
    answer = await lone(server, client, "confirm")
    await server.send({"type": "keepalive", "requestId": "far", "data": {"requestId": "far"}})
    await server.respond("far", {}, 202)
    await server.quiet(client)
    assert not answer.done()
    await server.respond("far", {}, 200)
    await asyncio.wait_for(answer, LIMIT)
    assert answer.turn is None


async def test_req_verb_15_a_lone_answer_without_a_turn_is_a_call(
    server: Peer, client: SmoothAgentClient
) -> None:
    """REQ-VERB-11."""
    answer = await lone(server, client, "submit")
    await server.respond("far", {}, 200)
    value = await asyncio.wait_for(answer, LIMIT)
    assert (value.accepted, value.turn, answer.turn) == (True, None, None)
