"""Whether an open link still lives: pings of the client's own, probes, and a machine that slept."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from smooth_operator import ConnectionLostError, StateChange
from smooth_operator.testing import VirtualClock

from .conftest import Maker
from .peer import Peer, S, until


async def test_req_conn_38_a_silent_link_is_asked_whether_it_lives(
    server: Peer, clock: VirtualClock, make: Maker
) -> None:
    client, seen, pushed = make(), [], []
    await client.connect()
    client.on_frame(seen.append)
    client.on_event(pushed.append)
    await clock.advance(24_999)
    assert seen == []
    await clock.advance(1)
    assert (await server.expect("ping"))["requestId"] == "r-1"
    await clock.advance(9_999)
    await server.send({"type": "pong", "requestId": "r-1", "timestamp": 1})
    await until(lambda: len(seen) == 2)
    await clock.advance(24_999)
    assert [(it.direction, it.type, it.request_id) for it in seen] == [
        ("out", "ping", "r-1"),
        ("in", "pong", "r-1"),
    ]
    await clock.advance(1)
    assert (await server.expect("ping"))["requestId"] == "r-2"
    assert pushed == []


@pytest.mark.parametrize("sign", ["event", "token", "malformed", "binary"])
async def test_req_conn_38_every_message_is_a_sign_of_life(
    server: Peer, clock: VirtualClock, make: Maker, sign: str
) -> None:
    frames: dict[str, Any] = {"event": {"type": "keepalive"}, "malformed": "{", "binary": b"0"}
    client, seen = make(turn_idle_timeout=0), []
    await client.connect()
    turn = client.send_message(session_id=S, message="x")
    await server.expect("send_message")
    if sign != "token":  # with a tap each frame takes the full way
        client.on_frame(seen.append)

    async def live(count: int) -> None:
        if sign == "token":
            await server.tokens("r-1", "a", "b")
            await until(lambda: len(turn.partial_text) == 2 * count)
        else:
            await server.send(frames[sign])
            await until(lambda: len([it for it in seen if it.direction == "in"]) == count)

    await clock.advance(20_000)
    await live(1)
    await clock.advance(24_999)
    assert clock.armed == 1  # the next ping
    await clock.advance(1)
    await server.expect("ping")
    await clock.advance(9_999)
    assert clock.armed == 2
    await live(2)
    assert clock.armed == 1
    await clock.advance(1)
    assert client.state == "open"
    turn.detach()


async def test_req_conn_38_a_link_without_a_sign_of_life_is_lost(
    server: Peer, clock: VirtualClock, make: Maker
) -> None:
    client, changes = make(request_timeout=0), []
    await client.connect()
    client.on_state(changes.append)
    call = asyncio.ensure_future(client.rename_conversation(conversation_id=S, title="t"))
    await server.expect("rename_conversation")
    await clock.advance(25_000)
    await server.expect("ping")
    link = await server.link()
    await clock.advance(10_000)
    with pytest.raises(ConnectionLostError) as lost:
        await call
    assert lost.value.close_code == 4408
    await until(lambda: link.close_code is not None)
    assert link.close_code == 4408
    told: StateChange = changes[0]
    assert (told.current, told.reason, told.code, told.attempt, told.retry_in) == (
        "reconnecting", "pong_timeout", 4408, 1, 0.25,
    )  # fmt: skip
    await clock.advance(250)
    await until(lambda: client.state == "open")


async def test_req_conn_38_a_further_ping_does_not_put_off_the_end(
    server: Peer, clock: VirtualClock, make: Maker
) -> None:
    client = make(ping_interval=2, pong_timeout=5, auto_reconnect=False)
    await client.connect()
    await clock.advance(6_999)
    assert client.state == "open"
    for _ in range(3):
        await server.expect("ping")
    await clock.advance(1)
    assert client.state == "closed"


@pytest.mark.parametrize("options", [{"ping_interval": 0}, {"pong_timeout": 0}])
async def test_req_conn_38_each_limit_can_be_off(
    clock: VirtualClock, make: Maker, options: dict[str, Any]
) -> None:
    client, written = make(**options), []
    await client.connect()
    client.on_frame(written.append)
    await clock.advance(60_000)
    assert client.state == "open"
    assert len(written) == (0 if "ping_interval" in options else 2)


async def test_req_conn_38_a_generator_that_gives_no_id_ends_no_link(
    server: Peer, clock: VirtualClock, make: Maker
) -> None:
    unhandled: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unhandled.append(context))
    client = make(id_generator=iter(()).__next__)
    await client.connect()
    await clock.advance(25_000)
    assert (await server.expect("ping"))["requestId"].startswith("req-")
    assert unhandled == []


async def test_req_conn_39_wake_asks_with_a_limit_of_its_own(
    server: Peer, clock: VirtualClock, make: Maker
) -> None:
    client, changes = make(auto_reconnect=False), []
    await client.connect()
    client.on_state(changes.append)
    client.wake()
    frame = await server.expect("ping")
    await clock.advance(4_999)
    await server.send({"type": "pong", "requestId": frame["requestId"], "timestamp": 1})
    await until(lambda: clock.armed == 2)  # stable and ping
    client.wake()
    client.wake()
    await clock.advance(5_000)
    assert [(it.current, it.reason, it.code) for it in changes] == [
        ("closed", "probe_failed", 4408)
    ]
    assert clock.armed <= 1  # that of the socket's end


@pytest.mark.parametrize(("slept", "notices"), [(50_000, False), (50_001, True)])
async def test_req_conn_39_a_machine_that_slept_is_noticed(
    server: Peer, clock: VirtualClock, make: Maker, slept: int, notices: bool
) -> None:
    client = make(auto_reconnect=False, pong_timeout=20)
    await client.connect()
    await clock.advance(10_000)
    clock.sleep(slept)
    await clock.advance(15_000)
    await server.expect("ping")
    await clock.advance(5_000)
    assert client.state == ("closed" if notices else "open")


async def test_req_conn_38_timers_of_a_link_end_with_it(clock: VirtualClock, make: Maker) -> None:
    client = make(close_timeout=0)
    await client.connect()
    client.wake()
    assert clock.armed == 3
    await client.close()
    assert clock.armed == 0
