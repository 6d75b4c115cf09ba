"""A lost link is sought again: waits, attempts, tokens, the end of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Response

from smooth_operator import (
    AuthenticationError,
    ClientClosedError,
    ConnectFailedError,
    ConnectionLostError,
    OpenRequest,
    ReconnectExhaustedError,
    SmoothAgentClient,
    SmoothAgentError,
    StateChange,
    TokenRequest,
    Transport,
    TurnInterruptedError,
)
from smooth_operator._transport_socket import open_socket
from smooth_operator.testing import VirtualClock

from .conftest import Maker
from .peer import LIMIT, SESSION, Peer, S, peer, until

DEAD = "ws://127.0.0.1:1/ws"
Told = tuple[str, str, str, "int | None", "int | None", "float | None"]


def told(changes: list[StateChange]) -> list[Told]:
    return [
        (it.previous, it.current, it.reason, it.code, it.attempt, it.retry_in) for it in changes
    ]


def watched(client: SmoothAgentClient) -> list[StateChange]:
    changes: list[StateChange] = []
    client.on_state(changes.append)
    return changes


def answering(*statuses: int, **headers: str) -> Callable[..., Awaitable[Response | None]]:
    """Refuse one handshake after the other with these; 101 = accept. Then accept all."""
    left = list(statuses)

    async def answer(*_: Any) -> Response | None:
        status = left.pop(0) if left else 101
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        refused = Response(status, "no", Headers({"Content-Length": "0", **given}))
        return None if status == 101 else refused

    return answer


class Tokens:
    """A provider that keeps what it was asked for."""

    def __init__(self, *given: str | Exception) -> None:
        self.given = list(given)
        self.reasons: list[str] = []

    async def __call__(self, request: TokenRequest) -> str:
        self.reasons.append(request.reason)
        given = self.given.pop(0) if len(self.given) > 1 else self.given[0]
        if isinstance(given, Exception):
            raise given
        return given


@pytest.mark.parametrize("code", [1001, 1005, 1006, 1011, 1014, 3000, 4000])
async def test_req_conn_30_a_lost_link_is_sought_again(
    server: Peer, clock: VirtualClock, make: Maker, code: int
) -> None:
    client = make()
    await client.connect()
    changes = watched(client)
    if code == 1006:
        await server.drop()
    else:
        await (await server.link()).close(code) if code != 1005 else await bare_close(server)
    await until(lambda: client.state == "reconnecting")
    await clock.advance(250)
    await until(lambda: client.state == "open")
    word = "lost" if code == 1006 else "closed_by_peer"
    assert told(changes) == [
        ("open", "reconnecting", word, code, 1, 0.25),
        ("reconnecting", "open", "opened", None, None, None),
    ]
    assert server.most == 1


async def bare_close(server: Peer) -> None:
    link = await server.link()
    link.transport.write(b"\x88\x00")


@pytest.mark.parametrize("code", [1000, 1002, 1008, 4403, 4401])
async def test_req_conn_30_a_link_that_is_refused_is_not_sought_again(
    server: Peer, make: Maker, code: int
) -> None:
    """REQ-CONN-34: 4401 too, for a token that no provider gave."""
    client = make(token="fixed")
    await client.connect()
    changes = watched(client)
    await server.close(code)
    await until(lambda: client.state == "closed")
    assert told(changes) == [("open", "closed", "closed_by_peer", code, None, None)]


@pytest.mark.parametrize("options", [{"auto_reconnect": False}, {"max_reconnect_attempts": 0}])
async def test_req_conn_30_nothing_is_sought_that_the_caller_does_not_want(
    server: Peer, clock: VirtualClock, make: Maker, options: dict[str, Any]
) -> None:
    client = make(ping_interval=0, retry_initial_connect=True, **options)
    await client.connect()
    changes = watched(client)
    await server.drop()
    await until(lambda: client.state == "closed")
    assert clock.armed == 0
    assert [it.error for it in changes] == [None]


async def test_req_conn_31_each_wait_is_told_and_each_failure_with_its_error(
    clock: VirtualClock, make: Maker
) -> None:
    async with peer(process_request=answering(101, 503, 500, 101)) as server:
        client = make(server.url)
        await client.connect()
        changes = watched(client)
        await server.drop()
        await until(lambda: client.state == "reconnecting")
        for number, wait in enumerate((250, 1500, 2500), 1):
            await clock.advance(wait)
            await until(lambda number=number: len(changes) > number)
        assert [it[2:] for it in told(changes)] == [
            ("lost", 1006, 1, 0.25),
            ("connect_failed", None, 2, 1.5),  # 503 counts from 2 on
            ("connect_failed", None, 3, 2.5),
            ("opened", None, None, None),
        ]
        assert [getattr(it.error, "details", {}).get("status") for it in changes[1:3]] == [503, 500]
        await client.close()


async def test_req_conn_32_the_count_begins_anew_when_the_link_is_stable(
    server: Peer, clock: VirtualClock, make: Maker
) -> None:
    client = make(max_reconnect_attempts=2, ping_interval=0)
    await client.connect()
    changes = watched(client)

    async def lost(wait: int) -> None:
        await server.drop()
        await until(lambda: client.state == "reconnecting")
        await clock.advance(wait)
        await until(lambda: client.state == "open")

    await lost(250)
    await clock.advance(9_999)
    await lost(1_000)
    await clock.advance(10_000)
    await lost(250)
    waits = [(it.attempt, it.retry_in) for it in changes if it.attempt is not None]
    assert waits == [(1, 0.25), (2, 1.0), (1, 0.25)]


async def test_req_conn_33_the_server_says_how_long_to_wait(
    clock: VirtualClock, make: Maker
) -> None:
    async with peer(process_request=answering(429, Retry_After="7")) as server:
        client = make(server.url, retry_initial_connect=True)
        changes = watched(client)
        waiting = asyncio.ensure_future(client.connect())
        await until(lambda: len(changes) == 2)
        assert told(changes)[1][3:] == (None, 1, 7 + 0.875)
        await clock.advance(7_875)
        await asyncio.wait_for(waiting, LIMIT)
        await client.close()


async def test_req_conn_34_refused_credentials_are_renewed_at_once(
    server: Peer, make: Maker
) -> None:
    tokens = Tokens("one", "two")
    client = make(token=tokens)
    await client.connect()
    changes = watched(client)
    turn = client.send_message(session_id=S, message="x")
    await server.expect("send_message")
    await server.close(4401)
    await until(lambda: client.state == "open" and len(changes) == 2)
    assert tokens.reasons == ["connect", "rejected"]
    assert server.requests[-1].path == "/ws?token=two"
    assert told(changes)[0] == ("open", "reconnecting", "closed_by_peer", 4401, 1, 0.0)
    with pytest.raises(AuthenticationError):
        await turn


async def test_req_conn_34_a_second_refusal_is_final_until_the_link_was_stable(
    clock: VirtualClock, make: Maker
) -> None:
    tokens = Tokens("one")
    async with peer(process_request=answering(101, 401, 401, 101, 101)) as server:
        client = make(server.url, token=tokens)
        await client.connect()
        changes = watched(client)
        await server.drop()
        await until(lambda: client.state == "reconnecting")
        await clock.advance(250)
        await until(lambda: client.state == "closed")
        assert tokens.reasons == ["connect", "reconnect", "rejected"]
        assert isinstance(changes[-1].error, AuthenticationError)
        await client.connect()
        await server.close(4401)
        await until(lambda: client.state == "open" and len(server.requests) == 5)
        assert tokens.reasons[3:] == ["connect", "rejected"]
        await server.close(4401)
        await until(lambda: client.state == "closed")
        await client.close()


@pytest.mark.parametrize(
    ("fault", "final"),
    [
        (RuntimeError("s3cret"), False),
        (AuthenticationError("no"), True),
        (asyncio.CancelledError(), False),
    ],
)
async def test_req_conn_30_what_a_provider_raises_says_whether_it_is_final(
    server: Peer, clock: VirtualClock, make: Maker, fault: Any, final: bool
) -> None:
    async def provide(request: TokenRequest) -> str:
        if request.reason == "connect":
            return "one"
        raise fault

    client = make(token=provide, max_reconnect_attempts=2)
    await client.connect()
    changes = watched(client)
    await server.drop()
    await until(lambda: client.state == "reconnecting")
    await clock.advance(250)
    await until(lambda: len(changes) == 2)
    assert client.state == ("closed" if final else "reconnecting")
    assert isinstance(changes[1].error, AuthenticationError if final else ConnectFailedError)
    assert "s3cret" not in str(changes[1].error)


async def test_req_conn_30_a_provider_that_gives_no_token_ends_the_seeking(
    server: Peer, clock: VirtualClock, make: Maker
) -> None:
    given: list[Any] = ["one", 7]

    async def provide(_: TokenRequest) -> Any:
        return given.pop(0)

    client = make(token=provide)
    await client.connect()
    changes = watched(client)
    await server.drop()
    await until(lambda: client.state == "reconnecting")
    await clock.advance(250)
    await until(lambda: client.state == "closed")
    assert isinstance(changes[-1].error, TypeError)


@pytest.mark.parametrize("how", ["connect", "wake"])
async def test_req_conn_35_the_wait_can_be_ended(
    server: Peer, clock: VirtualClock, make: Maker, how: str
) -> None:
    client = make(random=lambda: 0.99)
    await client.connect()
    await server.drop()
    await until(lambda: client.state == "reconnecting")
    if how == "connect":
        await asyncio.wait_for(asyncio.gather(client.connect(), client.connect()), LIMIT)
    else:
        client.wake()
    await until(lambda: client.state == "open")
    assert len(server.requests) == 2
    assert clock.armed == 2  # stable and ping: the wait that ended has no timer


async def test_req_conn_35_connect_raises_for_its_attempt_and_the_seeking_goes_on(
    clock: VirtualClock, make: Maker
) -> None:
    async with peer(process_request=answering(101, 500, 101)) as server:
        client = make(server.url)
        await client.connect()
        await server.drop()
        await until(lambda: client.state == "reconnecting")
        with pytest.raises(ConnectFailedError):
            await client.connect()
        assert client.state == "reconnecting"
        await clock.advance(1_000)
        await until(lambda: client.state == "open")
        await client.close()


async def test_req_conn_35_wake_without_a_link_does_nothing(make: Maker) -> None:
    client = make()
    client.wake()
    assert client.state == "idle"


async def test_req_conn_36_the_seeking_ends_after_the_last_attempt(
    server: Peer, clock: VirtualClock, make: Maker
) -> None:
    client = make(max_reconnect_attempts=2)
    await client.connect()
    changes = watched(client)
    server.refuse = 500
    await server.drop()
    await until(lambda: client.state == "reconnecting")
    turn = client.send_message(session_id=S, message="x")
    call = asyncio.ensure_future(client.rename_conversation(conversation_id=S, title="t"))
    await clock.advance(250)
    await until(lambda: len(changes) == 2)
    assert not turn.settled
    await clock.advance(1_000)
    await until(lambda: client.state == "closed")
    assert [it[4:] for it in told(changes)] == [(1, 0.25), (2, 1.0), (None, None)]
    for waits in (turn, call):
        with pytest.raises(ReconnectExhaustedError) as caught:
            await waits  # type: ignore[misc]
        cause = caught.value.__cause__
        assert isinstance(cause, ReconnectExhaustedError)
        assert isinstance(cause.__cause__, ConnectFailedError)
    assert isinstance(changes[-1].error, ReconnectExhaustedError)


async def test_req_conn_36_a_link_that_never_was_leaves_the_client_idle(
    clock: VirtualClock, make: Maker
) -> None:
    """REQ-CONN-04: connect() waits for the end of the attempts."""
    client = make(DEAD, retry_initial_connect=True, max_reconnect_attempts=1)
    changes = watched(client)
    waiting = asyncio.ensure_future(client.connect())
    await until(lambda: len(changes) == 2)
    assert not waiting.done()
    await clock.advance(250)
    with pytest.raises(ReconnectExhaustedError):
        await asyncio.wait_for(waiting, LIMIT)
    assert [(it.previous, it.current, it.attempt) for it in changes] == [
        ("idle", "connecting", None),
        ("connecting", "connecting", 1),
        ("connecting", "idle", None),
    ]


async def test_req_conn_04_without_seeking_connect_makes_one_attempt(make: Maker) -> None:
    tokens = Tokens("one")
    async with peer(process_request=answering(401)) as server:
        client = make(server.url, token=tokens)
        with pytest.raises(AuthenticationError):
            await client.connect()
        assert (client.state, tokens.reasons) == ("idle", ["connect"])


async def test_req_conn_04_the_first_link_is_sought_with_the_reasons_of_a_later_one(
    clock: VirtualClock, make: Maker
) -> None:
    tokens = Tokens("one")
    async with peer(process_request=answering(500, 401)) as server:
        client = make(server.url, token=tokens, retry_initial_connect=True)
        changes = watched(client)
        waiting = asyncio.ensure_future(client.connect())
        await until(lambda: len(changes) == 2)
        await clock.advance(250)
        await asyncio.wait_for(waiting, LIMIT)
        assert tokens.reasons == ["connect", "reconnect", "rejected"]
        await client.close()


@pytest.mark.parametrize("when", ["wait", "attempt", "provider"])
async def test_req_conn_37_close_ends_a_wait_and_an_attempt_at_once(
    server: Peer, clock: VirtualClock, make: Maker, when: str
) -> None:
    held = asyncio.Event()

    async def provide(request: TokenRequest) -> str:
        if request.reason == "reconnect" and when == "provider":
            held.set()
            await asyncio.Event().wait()
        return "one"

    async def hold(request: OpenRequest) -> Transport:
        if held.is_set():
            await asyncio.Event().wait()
        return await open_socket(request)

    client = make(token=provide, opener=hold)
    await client.connect()
    changes = watched(client)
    if when == "attempt":
        held.set()
    await server.drop()
    await until(lambda: client.state == "reconnecting")
    if when != "wait":
        await clock.advance(250)
        await asyncio.wait_for(held.wait(), LIMIT)
    joined = asyncio.ensure_future(client.connect()) if when != "wait" else None
    turn = client.send_message(session_id=S, message="x")
    await asyncio.sleep(0)
    await asyncio.wait_for(client.close(), LIMIT)
    assert client.state == "closed"
    assert told(changes)[-1][:4] == ("reconnecting", "closed", "close", None)
    assert clock.armed == 0
    with pytest.raises(ClientClosedError):
        await turn
    if joined is not None:
        with pytest.raises(ClientClosedError):
            await joined


async def test_req_conn_37_the_socket_before_is_dropped_before_another_is_opened(
    clock: VirtualClock, make: Maker
) -> None:
    """The peer answers no close frame, and holds its end of the socket open."""
    alive: set[Any] = set()
    most = 0

    async def count(request: OpenRequest) -> Transport:
        nonlocal most
        transport = await open_socket(request)
        alive.add(transport)
        most = max(most, len(alive))
        transport._gone.add_done_callback(lambda _: alive.discard(transport))
        return transport

    async with peer() as server:
        client = make(server.url, opener=count, ping_interval=1, pong_timeout=1)
        await client.connect()
        link = await server.link()
        link.transport.pause_reading()  # type: ignore[attr-defined]
        await clock.advance(2_000)
        await until(lambda: client.state == "reconnecting")
        assert len(alive) == 1
        await clock.advance(250)
        await until(lambda: client.state == "open")
        assert (len(alive), most) == (1, 1)
        link.transport.resume_reading()  # type: ignore[attr-defined]
        await client.close()


async def test_req_conn_31_a_server_that_accepts_and_drops_makes_no_storm(
    clock: VirtualClock, make: Maker
) -> None:
    async with peer() as server:

        async def drop(link: Any) -> None:
            link.transport.abort()

        server.handle = drop  # type: ignore[method-assign]
        client = make(server.url)
        await client.connect()
        for _ in range(120):
            await until(lambda: client.state == "reconnecting")
            await clock.advance(500)
            await asyncio.sleep(0.002)
        assert len(server.requests) < 12  # in a minute
        await client.close()


async def test_req_conn_41_a_failure_in_the_background_is_an_event_and_a_line_of_the_log(
    server: Peer, clock: VirtualClock, make: Maker, caplog: pytest.LogCaptureFixture
) -> None:
    unhandled: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unhandled.append(context))
    caplog.set_level(logging.INFO, "smooth_operator")

    def broken() -> float:
        raise RuntimeError("as the test says")

    client = make(
        f"{server.url}?key=s3cret", token="s3cret", max_reconnect_attempts=1, random=broken
    )
    await client.connect()
    changes = watched(client)
    server.refuse = 500
    await server.drop()
    await until(lambda: client.state == "reconnecting")
    await clock.advance(250)
    await until(lambda: client.state == "closed")
    lines = [
        it.getMessage() for it in caplog.records if it.name == "smooth_operator" and not it.exc_info
    ]
    host = server.url.removeprefix("ws://").removesuffix("/ws")
    assert lines == [
        f"the link to {host} ended (close code 1006): attempt 1 in 0.25 s",
        f"no link to {host} (connect_failed): no further attempt",
    ]
    assert len(changes) == 2
    assert unhandled == []


@pytest.mark.parametrize("known", [True, False])
async def test_req_conn_42_events_may_have_been_missed_when_there_was_a_session(
    server: Peer, clock: VirtualClock, make: Maker, known: bool
) -> None:
    client = make()
    await client.connect()
    changes = watched(client)
    if known:
        call = asyncio.ensure_future(client.get_session(session_id=S))
        frame = await server.expect("get_session")
        await server.respond(frame["requestId"], {**SESSION, "status": "active"})
        await call
    await server.drop()
    await until(lambda: client.state == "reconnecting")
    await clock.advance(250)
    await until(lambda: client.state == "open" and len(changes) == 2)
    assert [it.missed for it in changes] == [False, known]


async def test_req_call_13_a_read_is_written_again_once_in_its_old_place(
    server: Peer, clock: VirtualClock, make: Maker
) -> None:
    client = make()
    await client.connect()
    asked = [asyncio.ensure_future(client.get_session(session_id=S)) for _ in range(2)]
    rename = asyncio.ensure_future(client.rename_conversation(conversation_id=S, title="t"))
    for action in ("get_session", "get_session", "rename_conversation"):
        await server.expect(action)
    await server.drop()
    await until(lambda: client.state == "reconnecting")
    with pytest.raises(ConnectionLostError):
        await rename
    later = client.send_message(session_id=S, message="later")
    asked[1].cancel()
    await clock.advance(250)
    frame = await server.expect("get_session")
    assert frame["requestId"] == "r-1"
    assert (await server.expect("send_message"))["requestId"] == "r-4"
    await server.drop()
    await until(lambda: client.state == "reconnecting")
    with pytest.raises(ConnectionLostError):
        await asked[0]
    with pytest.raises(TurnInterruptedError):
        await later


async def test_req_call_13_a_repeated_read_keeps_its_limit(
    server: Peer, clock: VirtualClock, make: Maker
) -> None:
    client = make(request_timeout=2, ping_interval=0, random=lambda: 0.0)
    await client.connect()
    call = asyncio.ensure_future(client.list_conversations())
    await server.expect("list_conversations")
    await clock.advance(1_500)
    await server.drop()
    await until(lambda: client.state == "reconnecting")
    await clock.advance(0)
    await server.expect("list_conversations")
    await clock.advance(499)
    assert not call.done()
    await clock.advance(1)
    with pytest.raises(SmoothAgentError) as caught:
        await call
    assert caught.value.kind == "request_timeout"


async def test_req_conn_24_a_loop_that_died_seeks_nothing(server: Peer) -> None:
    """A client that is used on a new loop begins there, without timers of the old one."""
    client = SmoothAgentClient(server.url, backoff_base=0.001)
    changes = watched(client)

    async def lose() -> None:
        await client.connect()
        client._connection._link.transport.abort()  # type: ignore[union-attr]

    async def again() -> str:
        await client.connect()
        state = client.state
        await client.close()
        return state

    await asyncio.to_thread(asyncio.run, lose())
    assert await asyncio.to_thread(asyncio.run, again()) == "open"
    assert "reconnecting" not in [it.current for it in changes]


async def test_req_conn_37_a_thousand_links_leave_nothing_behind(
    server: Peer, clock: VirtualClock, make: Maker
) -> None:
    """No task, no timer, no socket; and there never were two."""
    client = make(random=lambda: 0.0, stable_after=0, ping_interval=0)
    await client.connect()

    def alive() -> tuple[int, int, int]:
        ours = [it for it in asyncio.all_tasks() if it.get_name().startswith("smooth-operator")]
        return len(ours), clock.armed, len(list(Path("/dev/fd").iterdir()))

    await clock.advance(0)
    before = alive()
    for _ in range(1000):
        await server.drop()
        await until(lambda: client.state == "reconnecting")
        await clock.advance(0)
        await until(lambda: client.state == "open")
        await clock.advance(0)
    await until(lambda: server.alive == 1 and alive()[0] == before[0])
    assert alive() == before
    assert (len(server.requests), server.most) == (1001, 1)
