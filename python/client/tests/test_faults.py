"""Around the client: loops that end, addresses that do not answer, what a refusal says, stalls."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any

import pytest
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from smooth_operator import (
    ConnectFailedError,
    InvalidFrameError,
    SmoothAgentClient,
    SmoothAgentError,
    TokenRequest,
    TurnInterruptedError,
)
from smooth_operator import _transport_dial as dialling
from smooth_operator._clock import SystemClock
from smooth_operator._transport_dial import dial, interleaved
from smooth_operator._transport_refusal import Refusal, retry_after_ms
from smooth_operator._transport_socket import SocketTransport
from smooth_operator.testing import VirtualClock
from smooth_operator.wire import DecodeError

from .peer import LIMIT, Peer, S, peer


async def test_req_conn_21_a_failing_callback_refuses_the_attempt_at_once(
    server: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise AssertionError("as the test says")

    monkeypatch.setattr(SocketTransport, "_shake_hands", broken)
    client = SmoothAgentClient(server.url, clock=VirtualClock())
    with pytest.raises(ConnectFailedError) as caught:
        await asyncio.wait_for(client.connect(), LIMIT)
    cause = caught.value.__cause__
    assert cause is not None
    assert isinstance(cause.__cause__, AssertionError)


def test_req_conn_24_a_client_goes_on_after_its_loop_has_ended() -> None:
    client = SmoothAgentClient("ws://127.0.0.1:1/ws")
    kept: list[Any] = []

    async def first() -> None:
        async with peer() as server:
            object.__setattr__(client._options, "url", server.url)
            await client.connect()
            kept.append(client.send_message(session_id=S, message="hi"))
            await server.expect("send_message")

    async def second() -> None:
        async with peer() as server:
            object.__setattr__(client._options, "url", server.url)
            await client.connect()
            await server.quiet(client)
            with pytest.raises(TurnInterruptedError):
                await asyncio.wait_for(kept[0], LIMIT)
            await client.close()

    async def only_close() -> None:
        await client.close()

    asyncio.run(first())
    asyncio.run(second())
    asyncio.run(first())
    asyncio.run(only_close())
    assert client.state == "closed"


async def test_req_conn_17_use_from_another_loop_is_refused(
    server: Peer, client: SmoothAgentClient
) -> None:
    turn = client.send_message(session_id=S, message="hi")

    async def elsewhere() -> None:
        with pytest.raises(RuntimeError, match="another event loop"):
            await client.ping()
        with pytest.raises(RuntimeError, match="another event loop"):
            await turn

    await asyncio.to_thread(asyncio.run, elsewhere())
    turn.detach()
    await server.expect("send_message")


async def test_req_conn_25_an_address_that_does_not_answer_costs_no_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = asyncio.get_running_loop()
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    dead = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.2", 1))
    alive = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))

    async def resolve(*_: Any, **__: Any) -> list[Any]:
        return [dead, alive]

    connect = loop.sock_connect

    async def connect_some(sock: socket.socket, where: Any) -> None:
        if where[0] == "127.0.0.2":
            await asyncio.Event().wait()
        await connect(sock, where)

    monkeypatch.setattr(dialling, "_resolve", resolve)
    monkeypatch.setattr(dialling, "_sock_connect", connect_some)
    it = await asyncio.wait_for(dial("host.example", port), LIMIT)
    assert it.getpeername()[1] == port
    it.close()
    listener.close()


def test_req_conn_25_the_families_take_turns() -> None:
    found: list[Any] = [(6, "a"), (6, "b"), (4, "c"), (4, "d"), (4, "e")]
    assert interleaved(found) == [(6, "a"), (4, "c"), (6, "b"), (4, "d"), (4, "e")]


async def test_req_conn_22_a_refused_handshake_tells_what_the_answer_said() -> None:
    async def refuse(connection: Any, request: Request) -> Response:
        del request
        answer: Response = connection.respond(503, "l" * 5000)
        answer.headers["Retry-After"] = "2"
        answer.headers["X-Request-Id"] = "x-1"
        return answer

    async with peer(process_request=refuse) as server:
        with pytest.raises(ConnectFailedError) as caught:
            await SmoothAgentClient(server.url).connect()
    assert caught.value.retryable
    assert caught.value.details == {
        "status": 503,
        "retryAfterMs": 2000,
        "body": "l" * 4096,
        "requestId": "x-1",
    }
    assert "lll" not in str(caught.value)


def test_req_conn_22_bodies_come_chunked_or_cut() -> None:
    head = b"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n"
    refusal = Refusal(403, head)
    assert not refusal.feed(b"3\r\nabc\r\n")
    assert refusal.feed(b"2;x=1\r\nde\r\n0\r\n\r\n")
    assert refusal.error().body == "abcde"
    assert retry_after_ms("soon") is None
    assert retry_after_ms("Thu, 01 Jan 1970 00:00:00 GMT") == 0


@pytest.mark.parametrize(
    ("status", "retryable"),
    [(200, False), (302, False), (403, False), (408, True), (429, True), (500, True), (501, False)],
)
async def test_req_conn_23_the_status_says_whether_to_try_again(
    status: int, retryable: bool
) -> None:
    async def refuse(connection: Any, request: Request) -> Response:
        del request
        answer: Response = connection.respond(status, "no")
        return answer

    async with peer(process_request=refuse) as server:
        with pytest.raises(ConnectFailedError) as caught:
            await SmoothAgentClient(server.url).connect()
    assert caught.value.retryable is retryable


async def test_req_err_06_the_servers_words_stand_beside_the_text(
    server: Peer, client: SmoothAgentClient
) -> None:
    """REQ-ERR-07: the text names host and id and says what to do."""
    call = asyncio.ensure_future(client.get_session(session_id=S))
    frame = await server.expect("get_session")
    await server.fail(frame["requestId"], "SESSION_NOT_FOUND", message="who are you")
    with pytest.raises(SmoothAgentError) as caught:
        await asyncio.wait_for(call, LIMIT)
    error = caught.value
    assert error.server_message == "who are you"
    assert "who are you" not in str(error)
    assert "127.0.0.1:" in str(error)
    assert frame["requestId"] in str(error)
    assert error.session_id == S
    call = asyncio.ensure_future(client.get_session(session_id=S))
    await server.expect("get_session")
    await (await server.link()).close(4000, "go away")
    with pytest.raises(SmoothAgentError) as lost:
        await asyncio.wait_for(call, LIMIT)
    assert (lost.value.close_code, lost.value.close_reason) == (4000, "go away")
    assert "go away" not in str(lost.value)


async def test_req_conn_26_giving_up_the_wait_ends_the_wait_alone(server: Peer) -> None:
    client = SmoothAgentClient(server.url)
    opened = asyncio.Event()
    client.on_state(lambda change: opened.set() if change.current == "open" else None)
    waiting = asyncio.ensure_future(client.connect())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait_for(opened.wait(), LIMIT)
    assert client.state == "open"
    await client.close()


async def test_req_conn_27_close_is_bounded_when_the_attempt_does_not_end() -> None:
    clock, asked = VirtualClock(), asyncio.Event()

    async def stubborn(_: TokenRequest) -> str:
        asked.set()
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if released:
                    raise
        return ""

    released: list[bool] = []
    client = SmoothAgentClient("ws://127.0.0.1:1/ws", clock=clock, token=stubborn)
    waiting = asyncio.ensure_future(client.connect())
    await asyncio.wait_for(asked.wait(), LIMIT)
    closing = asyncio.ensure_future(client.close())
    await clock.advance(4_999)
    assert not closing.done()
    await clock.advance(2)
    await asyncio.wait_for(closing, LIMIT)
    assert client.state == "closed"
    released.append(True)
    for task in asyncio.all_tasks():
        if task.get_name().startswith("smooth-operator"):
            task.cancel()
    waiting.cancel()


@pytest.mark.parametrize("given", [7, None, "a\r\nb"])
async def test_req_conn_28_a_provider_that_gives_no_token_is_misuse(given: Any) -> None:
    async def provider(_: TokenRequest) -> Any:
        return given

    client = SmoothAgentClient("ws://127.0.0.1:1/ws", token=provider, token_in="header")
    with pytest.raises((TypeError, ValueError)):
        await client.connect()
    assert client.state == "idle"


async def test_req_conn_28_a_provider_that_raises_fails_the_attempt() -> None:
    async def provider(_: TokenRequest) -> str:
        raise KeyError("s3cret")

    client = SmoothAgentClient("ws://127.0.0.1:1/ws", token=provider)
    with pytest.raises(ConnectFailedError) as caught:
        await client.connect()
    assert isinstance(caught.value.__cause__, KeyError)
    assert "s3cret" not in str(caught.value)


async def test_req_conn_29_the_answer_may_come_in_pieces_of_any_size() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        protocol = ServerProtocol()
        protocol.receive_data(await reader.readuntil(b"\r\n\r\n"))
        (request,) = protocol.events_received()
        protocol.send_response(protocol.accept(request))  # type: ignore[arg-type]
        answer = b"".join(protocol.data_to_send()) + b"\x81\x02hi"
        for at in range(len(answer)):
            writer.write(answer[at : at + 1])
            await writer.drain()
            await asyncio.sleep(0)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = SmoothAgentClient(f"ws://127.0.0.1:{port}/ws", close_timeout=0)
    seen = asyncio.Event()
    client.on_frame(lambda _: seen.set())
    await asyncio.wait_for(client.connect(), LIMIT)
    await asyncio.wait_for(seen.wait(), LIMIT)
    await client.close()
    server.close()


async def test_req_call_11_half_a_pair_is_not_sent(server: Peer, client: SmoothAgentClient) -> None:
    with pytest.raises(ValueError, match="message"):
        client.send_message(session_id=S, message="a\ud83d")
    with pytest.raises(ValueError, match="surrogate"):
        await client.create_conversation_session(agent_id="a", metadata={"x": "\udc00"})
    await server.quiet(client)


async def test_req_time_02_a_late_timer_lets_the_socket_be_read_first() -> None:
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    order: list[str] = []
    loop.add_reader(ours, lambda: (order.append("read"), ours.recv(9)))
    over = asyncio.Event()

    def limit() -> None:
        order.append("limit")
        over.set()

    SystemClock().call_later(0.001, limit)
    theirs.send(b"x")
    _stall(0.3)
    await asyncio.wait_for(over.wait(), LIMIT)
    assert order == ["read", "limit"]
    loop.remove_reader(ours)
    ours.close()
    theirs.close()


def _stall(seconds: float) -> None:
    """Hold the loop, as a stopped process does."""
    time.sleep(seconds)


async def test_req_err_08_what_caused_an_error_is_in_its_chain(
    server: Peer, client: SmoothAgentClient
) -> None:
    asked = asyncio.ensure_future(client.get_session(session_id=S))
    await server.respond((await server.expect("get_session"))["requestId"], {"sessionId": 1})
    with pytest.raises(InvalidFrameError) as broken:
        await asked
    assert isinstance(broken.value.__cause__, DecodeError)
    away = SmoothAgentClient("ws://127.0.0.1:1/ws", lazy=True)
    with pytest.raises(ConnectFailedError) as failed:
        await away.get_session(session_id=S)
    attempt = failed.value.__cause__
    assert isinstance(attempt, ConnectFailedError)
    assert isinstance(attempt.__cause__, OSError)
