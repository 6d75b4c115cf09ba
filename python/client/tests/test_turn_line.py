"""Turns of a session behind each other, as far as frames cannot show it."""

from __future__ import annotations

import asyncio

import pytest

from smooth_operator import TurnInProgressError
from smooth_operator.testing import VirtualClock

from .conftest import Maker
from .peer import Peer, S, until


async def test_a_hundred_messages_are_answered_in_their_order(server: Peer, make: Maker) -> None:
    """REQ-TURN-31"""
    client = make(auto_reconnect=False, ping_interval=0, turn_policy="queue")
    await client.connect()
    turns = [client.send_message(session_id=S, message=f"m{n}") for n in range(100)]
    for n, turn in enumerate(turns):
        frame = await server.expect("send_message")
        assert frame["message"] == f"m{n}"
        await server.finish(frame["requestId"], f"a{n}")
        assert (await turn).text == f"a{n}"
    assert not client._line._open  # nothing is kept of them


async def test_what_waits_is_ended_by_close_with_its_own_error(server: Peer, make: Maker) -> None:
    """REQ-TURN-31, REQ-CONN-06"""
    client = make(auto_reconnect=False, ping_interval=0, turn_policy="queue")
    await client.connect()
    turns = [client.send_message(session_id=S, message="m") for _ in range(3)]
    await server.expect("send_message")
    await client.close()
    ended = await asyncio.gather(*turns, return_exceptions=True)
    assert [getattr(it, "kind", "") for it in ended] == ["client_closed"] * 3
    assert not client._line._open


async def test_native_cancellation_of_what_waits_sends_nothing(server: Peer, make: Maker) -> None:
    """REQ-TURN-31, REQ-STOP-04"""
    client = make(auto_reconnect=False, ping_interval=0, turn_policy="queue")
    await client.connect()
    first = client.send_message(session_id=S, message="first")
    request_id = (await server.expect("send_message"))["requestId"]
    waiting = asyncio.ensure_future(client.send_message(session_id=S, message="second").result())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await server.finish(request_id, "one")
    await first
    await server.quiet(client)


async def test_an_error_after_the_second_try_is_the_turns(
    server: Peer, make: Maker, clock: VirtualClock
) -> None:
    """REQ-TURN-32"""
    client = make(auto_reconnect=False, ping_interval=0)
    await client.connect()
    first = client.send_message(session_id=S, message="first")
    await server.finish((await server.expect("send_message"))["requestId"], "one")
    await first
    second = client.send_message(session_id=S, message="second")
    refused = (await server.expect("send_message"))["requestId"]
    await server.fail(refused, "TURN_IN_PROGRESS")
    await until(lambda: second._driver._slot is not None)
    assert (second.state, second.request_id, list(second.items)) == ("sent", refused, [])
    await clock.advance(250)
    again = (await server.expect("send_message"))["requestId"]
    assert again == second.request_id != refused
    await server.fail(again, "TURN_IN_PROGRESS")
    with pytest.raises(TurnInProgressError) as raised:
        await second
    assert raised.value.request_id == again
