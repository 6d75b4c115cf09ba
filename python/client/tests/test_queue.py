"""What is started while there is no link: it waits, in order, and not without end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from smooth_operator import (
    NotConnectedError,
    QueueFullError,
    RequestTimeoutError,
    SmoothAgentClient,
    TurnTimeoutError,
)
from smooth_operator.testing import VirtualClock

from .conftest import Maker
from .peer import Peer, S, until


async def lost(server: Peer, client: SmoothAgentClient) -> None:
    await server.drop()
    await until(lambda: client.state == "reconnecting")


def calls(client: SmoothAgentClient, *titles: str) -> list[asyncio.Future[Any]]:
    return [
        asyncio.ensure_future(client.rename_conversation(conversation_id=S, title=title))
        for title in titles
    ]


async def test_req_conn_40_what_is_started_without_a_link_leaves_in_the_order_of_its_calls(
    server: Peer, clock: VirtualClock, make: Maker
) -> None:
    """REQ-CONN-15, REQ-CONN-16: and what ended meanwhile does not leave."""
    client = make()
    await client.connect()
    await lost(server, client)
    turn = client.send_message(session_id=S, message="first")
    first, second = calls(client, "second", "third")
    await asyncio.sleep(0)
    cancelled = client.send_message(session_id=S, message="cancelled")
    await cancelled.cancel()
    first.cancel()
    await clock.advance(250)
    assert (await server.expect("send_message"))["message"] == "first"
    assert (await server.expect("rename_conversation"))["title"] == "third"
    await server.quiet(client)
    assert (await cancelled).confirmed is False
    second.cancel()
    turn.detach()


@pytest.mark.parametrize("state", ["connecting", "reconnecting"])
async def test_req_conn_40_more_than_the_limit_do_not_wait(
    server: Peer, clock: VirtualClock, make: Maker, state: str
) -> None:
    client = make(queue_limit=2)
    if state == "reconnecting":
        await client.connect()
        await lost(server, client)
    else:
        connecting = asyncio.ensure_future(client.connect())
        await asyncio.sleep(0)
    waiting = [client.send_message(session_id=S, message=text) for text in ("one", "two")]
    turn = client.send_message(session_id=S, message="three")
    cancel = client.cancel(request_id="r-none")
    (call,) = calls(client, "four")
    for refused in (turn, cancel, call):
        with pytest.raises(QueueFullError):
            await refused  # type: ignore[misc]
    await waiting[0].cancel()
    again = client.send_message(session_id=S, message="five")  # there is room again
    if state == "reconnecting":
        await clock.advance(250)
    else:
        await connecting
    assert [(await server.expect("send_message"))["message"] for _ in "ab"] == ["two", "five"]
    await server.quiet(client)
    for each in (waiting[1], again):
        each.detach()


async def test_req_conn_40_a_limit_of_nothing_lets_nothing_wait(make: Maker) -> None:
    client = make(lazy=True, queue_limit=0)
    with pytest.raises(QueueFullError):
        await client.ping()
    assert client.state == "idle"


async def test_req_conn_40_fail_fast_lets_nothing_wait_for_a_link_that_was_lost(
    server: Peer, clock: VirtualClock, make: Maker
) -> None:
    client = make(queue_policy="fail_fast", ping_interval=0)
    connecting = asyncio.ensure_future(client.connect())
    await asyncio.sleep(0)
    read = asyncio.ensure_future(client.get_session(session_id=S))
    await connecting
    await server.expect("get_session")
    await lost(server, client)
    turn = client.send_message(session_id=S, message="x")
    for refused in (turn, *calls(client, "t")):
        with pytest.raises(NotConnectedError):
            await refused  # type: ignore[misc]
    await clock.advance(250)
    await server.expect("get_session")  # repeats are not refused
    await server.quiet(client)
    read.cancel()


async def test_req_conn_15_what_waits_goes_on_waiting_inside_its_own_limits(
    server: Peer, clock: VirtualClock, make: Maker
) -> None:
    """REQ-CALL-02, REQ-TURN-12: and sends nothing when they are over."""
    client = make(request_timeout=3, turn_timeout=4, random=lambda: 0.99)
    await client.connect()
    server.refuse = 503
    await lost(server, client)
    turn = client.send_message(session_id=S, message="x")
    (call,) = calls(client, "t")
    await asyncio.sleep(0)
    await clock.advance(2_999)
    await until(lambda: len(server.requests) >= 2)
    assert not call.done()
    await clock.advance(1)
    with pytest.raises(RequestTimeoutError):
        await call
    assert not turn.settled
    await clock.advance(1_000)
    with pytest.raises(TurnTimeoutError):
        await turn
    server.refuse = 0
    await client.connect()
    await server.quiet(client)


async def test_req_conn_40_calls_that_end_while_they_wait_make_room(
    server: Peer, make: Maker
) -> None:
    """A client that is used for hours without a link keeps no frame of what ended."""
    client = make(queue_limit=3)
    await client.connect()
    await lost(server, client)
    for _ in range(100):
        await client.send_message(session_id=S, message="x").cancel()
    assert len(client._connection._outbox._queue) <= 3
