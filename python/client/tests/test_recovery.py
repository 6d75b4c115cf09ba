"""What a client tells of itself and of interrupted turns: counters, times, recover()."""

from __future__ import annotations

import asyncio

import pytest

from smooth_operator import Recovery, SmoothAgentClient, TurnInterruptedError
from smooth_operator.testing import VirtualClock

from .peer import Peer, S, until
from .test_turns import begin


async def test_the_error_of_an_interrupted_turn_recovers_what_ask_lost(server: Peer) -> None:
    """REQ-TURN-30"""
    async with SmoothAgentClient(server.url, backoff_base=0.001) as client:
        turn = client.send_message(session_id=S, message="hello")
        await server.expect("send_message")
        await server.drop()
        with pytest.raises(TurnInterruptedError) as raised:
            await turn
        await until(lambda: client.counters.reconnects == 1)
        recovery = await answered(server, raised.value, turn.request_id)
        assert recovery.status == "not_answered"
        assert recovery.message is None


async def answered(server: Peer, error: TurnInterruptedError, request_id: str) -> Recovery:
    """Let the history say that the turn failed."""
    asked = asyncio.ensure_future(error.recover())
    frame = await server.expect("get_conversation_messages")
    stored = {"id": "m", "direction": "inbound", "content": {"text": "hello"}, "turn": "failed"}
    stored |= {"createdAt": "2026-11-01T10:00:00Z", "requestId": request_id}
    await server.respond(frame["requestId"], {"messages": [stored], "hasMore": False})
    return await asked


async def test_an_error_that_belongs_to_no_turn_says_so() -> None:
    """REQ-TURN-30"""
    with pytest.raises(RuntimeError, match="no turn"):
        await TurnInterruptedError("made by hand").recover()


async def test_a_result_says_how_long_it_took_and_when_text_began(server: Peer) -> None:
    """REQ-LOG-03"""
    clock = VirtualClock()
    async with SmoothAgentClient(server.url, clock=clock) as client:
        turn, request_id = await begin(server, client)
        await clock.advance(2000)
        await server.tokens(request_id, "a")
        await until(lambda: turn.partial_text == "a")
        await clock.advance(3000)
        await server.finish(request_id, "a")
        result = await turn
        assert (result.time_to_first_token, result.duration) == (2, 5)
        silent, request_id = await begin(server, client)
        await server.finish(request_id, "")
        assert (await silent).time_to_first_token is None
