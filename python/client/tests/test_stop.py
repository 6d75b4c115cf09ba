"""Stopping a turn: cancel, native cancellation, leaving early."""

from __future__ import annotations

import asyncio

import pytest

from smooth_operator import SmoothAgentClient
from smooth_operator.testing import VirtualClock

from .peer import Peer, S
from .test_turns import begin


async def test_req_stop_01_cancel_is_sent_once_and_resolves_when_the_turn_settled(
    server: Peer, client: SmoothAgentClient
) -> None:
    turn, rid = await begin(server, client)
    first, second = turn.cancel(), turn.cancel()
    assert await server.recv() == {"action": "cancel", "requestId": rid, "sessionId": S}
    await server.quiet(client)
    assert not first.done()
    await server.send({"type": "cancelled", "requestId": rid, "status": 499})
    await first
    await second
    assert (await turn).outcome == "cancelled"
    await turn.cancel()
    await server.quiet(client)


async def test_req_stop_02_without_an_answer_the_turn_settles_unconfirmed(
    server: Peer, client: SmoothAgentClient, clock: VirtualClock
) -> None:
    turn, rid = await begin(server, client)
    await server.tokens(rid, "par")
    await server.quiet(client)
    stopping = turn.cancel()
    await server.expect("cancel")
    await clock.advance(4_999)
    assert not stopping.done()
    await clock.advance(1)
    await stopping
    result = await turn
    assert (result.outcome, result.confirmed, result.text) == ("cancelled", False, "par")


async def test_req_stop_03_a_terminal_that_came_first_keeps_its_outcome(
    server: Peer, client: SmoothAgentClient
) -> None:
    turn, rid = await begin(server, client)
    stopping = turn.cancel()
    await server.expect("cancel")
    await server.finish(rid, "real")
    await server.send({"type": "cancelled", "requestId": rid, "status": 499})
    await stopping
    assert ((await turn).outcome, (await turn).text) == ("completed", "real")


async def test_req_stop_04_cancelling_the_wait_stops_the_turn_once(
    server: Peer, client: SmoothAgentClient
) -> None:
    turn, rid = await begin(server, client)
    waiting = asyncio.ensure_future(turn.result())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (await server.expect("cancel"))["requestId"] == rid
    await server.quiet(client)
    await server.send({"type": "cancelled", "requestId": rid, "status": 499})
    assert (await turn).confirmed


async def test_req_stop_04_not_while_somebody_else_waits(
    server: Peer, client: SmoothAgentClient
) -> None:
    turn, rid = await begin(server, client)
    other = asyncio.ensure_future(turn.result())
    waiting = asyncio.ensure_future(anext(turn.__aiter__()))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await server.quiet(client)
    await server.finish(rid, "x")
    assert (await other).text == "x"


async def test_req_stop_04_an_unwritten_message_is_never_sent(server: Peer) -> None:
    client = SmoothAgentClient(server.url, lazy=True)
    waiting = asyncio.ensure_future(client.send_message(session_id=S, message="x").result())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await server.quiet(client)
    await client.close()


async def test_req_stop_05_leaving_the_scope_stops_a_plain_break_does_not(
    server: Peer, client: SmoothAgentClient
) -> None:
    turn, rid = await begin(server, client)
    await server.tokens(rid, "a", "b")
    async for _ in turn:
        break
    await server.quiet(client)
    async with turn:
        async for _ in turn:
            break
    await server.expect("cancel")
    await server.send({"type": "cancelled", "requestId": rid, "status": 499})
    await turn


async def test_req_stop_05_closing_an_iterator_stops_unless_another_is_open(
    server: Peer, client: SmoothAgentClient
) -> None:
    turn, rid = await begin(server, client)
    first, second = turn.__aiter__(), turn.__aiter__()
    await first.aclose()
    await server.quiet(client)
    await second.aclose()
    await server.expect("cancel")
    await server.send({"type": "cancelled", "requestId": rid, "status": 499})
    await turn


async def test_req_stop_05_a_detached_turn_runs_on(server: Peer, client: SmoothAgentClient) -> None:
    turn, rid = await begin(server, client)
    async with turn:
        turn.detach()
    await server.quiet(client)
    await server.finish(rid, "x")
    assert (await turn).text == "x"


async def test_req_stop_06_an_error_to_a_cancel_leaves_the_turn_alive(
    server: Peer, client: SmoothAgentClient, clock: VirtualClock
) -> None:
    turn, rid = await begin(server, client)
    await server.tokens(rid, "a")
    await server.quiet(client)
    stopping = turn.cancel()
    await server.expect("cancel")
    await server.fail(rid, "UNSUPPORTED_ACTION")
    await server.quiet(client)
    assert not turn.settled
    await clock.advance(5_000)
    await stopping
    assert not (await turn).confirmed
