"""What recover() asks of the server: what no frame shows of it (REQ-RESUME-12)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from smooth_operator import ClientClosedError, Recovery, SmoothAgentClient, Turn
from smooth_operator.testing import VirtualClock

from .conftest import Maker
from .peer import Peer, until
from .test_resuming import lose, resumed, script, talking


async def interrupted(server: Peer, make: Maker, **options: Any) -> tuple[SmoothAgentClient, Turn]:
    """Return a client with a turn that another link has."""
    client, turn = await talking(server, make, **options)
    await resumed(server, turn.request_id, 0, "moved")
    await until(lambda: turn.settled)
    return client, turn


async def asking(server: Peer, turn: Turn) -> asyncio.Future[Recovery]:
    """Begin to recover a turn; the server has read what is asked."""
    work = asyncio.ensure_future(turn.recover())
    assert (await server.expect("resume_turn"))["requestId"] == turn.request_id
    return work


def in_flight(client: SmoothAgentClient) -> int:
    return len(client._router._in_flight)


async def test_req_resume_12_a_recovery_that_is_cancelled_leaves_nothing(
    server: Peer, make: Maker, clock: VirtualClock
) -> None:
    client, turn = await interrupted(server, make)
    timers = clock.armed
    work = await asking(server, turn)
    assert in_flight(client) == 1
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    await until(lambda: in_flight(client) == 0)
    assert clock.armed == timers


async def test_req_resume_12_when_the_first_recovery_is_cancelled_the_second_asks(
    server: Peer, make: Maker
) -> None:
    _, turn = await interrupted(server, make)
    first = await asking(server, turn)
    second = asyncio.ensure_future(turn.recover())
    await asyncio.sleep(0)
    first.cancel()
    await server.expect("resume_turn")
    await resumed(server, turn.request_id, 0, "never")
    assert await second == Recovery("not_delivered")


async def test_req_resume_12_two_recoveries_get_one_answer(server: Peer, make: Maker) -> None:
    _, turn = await interrupted(server, make)
    first = await asking(server, turn)
    second = asyncio.ensure_future(turn.recover())
    await asyncio.sleep(0)
    await resumed(server, turn.request_id, 0, "never")
    assert await first == await second == Recovery("not_delivered")


async def test_req_resume_12_a_close_fails_what_is_asked(server: Peer, make: Maker) -> None:
    client, turn = await interrupted(server, make)
    works = [await asking(server, turn), asyncio.ensure_future(turn.recover())]
    await asyncio.sleep(0)
    await client.close()
    for work in works:
        with pytest.raises(ClientClosedError) as raised:
            await work
        assert raised.value.request_id == turn.request_id


async def test_req_resume_12_whoever_recovers_a_running_turn_is_no_reader_of_it(
    server: Peer, make: Maker
) -> None:
    """The wait neither stops the turn nor keeps it from being stopped."""
    _, turn = await talking(server, make)
    work = asyncio.ensure_future(turn.recover())
    await asyncio.sleep(0)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert turn.state == "sent"
    work = asyncio.ensure_future(turn.recover())
    await asyncio.sleep(0)
    await turn.aclose()
    await server.expect("cancel")
    work.cancel()


async def test_req_resume_12_recoveries_that_are_over_leave_nothing(
    server: Peer, make: Maker, clock: VirtualClock
) -> None:
    client, turn = await interrupted(server, make, resume_timeout=1)
    await clock.advance(10_000)  # the link is stable
    timers = clock.armed
    for _ in range(100):
        work = await asking(server, turn)
        await clock.advance(1_000)
        assert await work == Recovery("unknown")
    await until(lambda: in_flight(client) == 0)
    assert clock.armed == timers


async def test_req_resume_12_a_turn_is_suspended_again_and_again_while_it_is_recovered(
    server: Peer, make: Maker, clock: VirtualClock
) -> None:
    """One frame for each link, and the events of the turn are nobody's."""
    client, turn = await interrupted(server, make)
    pushed: list[object] = []
    client.on_event(pushed.append)
    work = await asking(server, turn)
    events = script(turn.request_id, "a", "b")
    for _ in range(2):
        await resumed(server, turn.request_id, 3)
        for event in events[:-1]:
            await server.send(event)
        await lose(server, client, clock)
    await resumed(server, turn.request_id, 0, "never")
    assert await work == Recovery("not_delivered")
    assert (pushed, turn.items, client.counters.resumed_turns) == ([], (), 0)
