"""The link: connect, close, states, listeners, handshake."""

from __future__ import annotations

import asyncio
import datetime
import logging
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from websockets.datastructures import Headers
from websockets.http11 import Response

from smooth_operator import (
    AuthenticationError,
    ClientClosedError,
    ConnectFailedError,
    ConnectionLostError,
    FrameInfo,
    NotConnectedError,
    SmoothAgentClient,
    SmoothAgentError,
    StateChange,
    TokenRequest,
    TurnInterruptedError,
)
from smooth_operator.testing import VirtualClock

from .peer import LIMIT, Peer, S, peer


def moves(changes: list[StateChange]) -> list[tuple[str, str, str, int | None]]:
    return [(it.previous, it.current, it.reason, it.code) for it in changes]


async def test_req_conn_02_every_move_is_one_event_with_its_reason(server: Peer) -> None:
    client, changes = SmoothAgentClient(server.url), []
    client.on_state(changes.append)
    await client.connect()
    await client.close()
    assert moves(changes) == [
        ("idle", "connecting", "connect", None),
        ("connecting", "open", "opened", None),
        ("open", "closed", "close", 1000),
    ]


async def test_req_conn_03_concurrent_connects_share_one_attempt(server: Peer) -> None:
    client = SmoothAgentClient(server.url)
    await asyncio.gather(client.connect(), client.connect(), client.connect())
    await client.connect()
    assert len(server.requests) == 1
    await client.close()
    await client.connect()
    ping = asyncio.ensure_future(client.ping())
    await server.link()
    await server.link()
    frame = await server.expect("ping")
    await server.send({"type": "pong", "requestId": frame["requestId"], "timestamp": 7})
    assert (await ping).server_time == 7
    await client.close()


async def test_req_conn_04_a_failed_attempt_leaves_the_client_idle() -> None:
    client = SmoothAgentClient("ws://127.0.0.1:1/ws")
    changes: list[StateChange] = []
    client.on_state(changes.append)
    with pytest.raises(ConnectFailedError) as caught:
        await client.connect()
    assert caught.value.retryable
    assert client.state == "idle"
    await asyncio.sleep(0)
    assert moves(changes)[-1] == ("connecting", "idle", "connect_failed", None)
    assert changes[-1].error is caught.value


async def test_req_conn_04_the_attempt_ends_by_its_limit(clock: VirtualClock) -> None:
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1024):
            pass
        writer.close()

    async with await asyncio.start_server(mute, "127.0.0.1", 0) as silent:
        port = silent.sockets[0].getsockname()[1]
        client = SmoothAgentClient(f"ws://127.0.0.1:{port}/ws", clock=clock)
        attempt = asyncio.ensure_future(client.connect())
        while not clock.armed:  # noqa: ASYNC110 - nothing signals an armed timer
            await asyncio.sleep(0)
        await clock.advance(10_000)
        with pytest.raises(ConnectFailedError):
            await attempt
        assert client.state == "idle"


async def test_req_conn_04_a_call_waits_for_the_attempt_and_shares_its_error(server: Peer) -> None:
    client = SmoothAgentClient(server.url)
    attempt = asyncio.ensure_future(client.connect())
    await asyncio.sleep(0)
    turn = client.send_message(session_id=S, message="early")
    assert (await server.expect("send_message"))["message"] == "early"
    await attempt
    turn.detach()
    await client.close()
    failing = SmoothAgentClient("ws://127.0.0.1:1/ws")
    attempt = asyncio.ensure_future(failing.connect())
    await asyncio.sleep(0)
    turn = failing.send_message(session_id=S, message="early")
    with pytest.raises(ConnectFailedError):
        await turn
    with pytest.raises(ConnectFailedError):
        await attempt


async def test_req_conn_05_close_is_idempotent_and_waits_only_so_long(clock: VirtualClock) -> None:
    accepted = asyncio.Event()

    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        from websockets.utils import accept_key

        key = request.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0].decode()
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept_key(key).encode() + b"\r\n\r\n"
        )
        accepted.set()
        while await reader.read(1024):
            pass
        writer.close()

    async with await asyncio.start_server(deaf, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        client = SmoothAgentClient(f"ws://127.0.0.1:{port}/ws", clock=clock)
        await client.connect()
        await accepted.wait()
        closing = asyncio.gather(client.close(), client.close())
        await clock.advance(4_999)
        assert not closing.done()
        await clock.advance(1)
        await asyncio.wait_for(closing, LIMIT)
        await client.close()


async def test_req_conn_06_close_settles_everything_before_it_returns(
    server: Peer, client: SmoothAgentClient
) -> None:
    turn = client.send_message(session_id=S, message="x")
    call = asyncio.ensure_future(client.get_session(session_id=S))
    await server.expect("send_message")
    await server.expect("get_session")
    await client.close()
    assert turn.settled
    with pytest.raises(ClientClosedError):
        await turn
    with pytest.raises(ClientClosedError):
        await call


async def test_req_conn_07_state_events_never_run_inside_the_caller(server: Peer) -> None:
    client, seen = SmoothAgentClient(server.url), []
    client.on_state(lambda change: seen.append(change.current))
    attempt = asyncio.ensure_future(client.connect())
    await asyncio.sleep(0)
    inside = list(seen)
    await attempt
    assert inside == []
    await client.close()
    assert seen == ["connecting", "open", "closed"]


async def test_req_conn_08_a_raising_listener_disturbs_nobody(
    server: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    client, seen, taps = SmoothAgentClient(server.url), [], []

    def broken(_: Any) -> None:
        taps.append(1)
        raise RuntimeError("listener")

    client.on_state(broken)
    client.on_state(seen.append)
    client.on_frame(broken)
    await client.connect()
    for _ in range(2):
        ping = asyncio.ensure_future(client.ping())
        frame = await server.expect("ping")
        await server.send({"type": "pong", "requestId": frame["requestId"], "timestamp": 1})
        await ping
    await client.close()
    assert len(seen) == 3
    assert len([r for r in caplog.records if "frame listener" in r.message]) == 1
    assert len([r for r in caplog.records if "state listener" in r.message]) == 3


async def test_req_conn_09_without_a_link_an_action_fails_at_once() -> None:
    client = SmoothAgentClient("ws://127.0.0.1:1/ws")
    with pytest.raises(NotConnectedError):
        await client.get_session(session_id=S)
    turn = client.send_message(session_id=S, message="x")
    with pytest.raises(NotConnectedError):
        await turn


async def test_req_conn_09_a_lazy_client_connects_at_the_first_action(server: Peer) -> None:
    client = SmoothAgentClient(server.url, lazy=True)
    ping = asyncio.ensure_future(client.ping())
    frame = await server.expect("ping")
    await server.send({"type": "pong", "requestId": frame["requestId"], "timestamp": 1})
    await ping
    await client.close()


async def test_req_conn_11_the_provider_is_asked_before_every_attempt(server: Peer) -> None:
    tokens = iter(["one", "two"])

    async def provide(_: TokenRequest) -> str:
        return next(tokens)

    client = SmoothAgentClient(server.url, token=provide)
    for expected in ("one", "two"):
        await client.connect()
        assert server.requests[-1].path == f"/ws?token={expected}"
        await client.close()

    async def broken(_: TokenRequest) -> str:
        raise RuntimeError("no token")

    with pytest.raises(ConnectFailedError):
        await SmoothAgentClient(server.url, token=broken).connect()


async def test_req_conn_10_the_token_travels_in_the_header_when_asked(server: Peer) -> None:
    client = SmoothAgentClient(
        server.url,
        token="t",
        token_in="header",
        headers={"X-A": "1"},
        origin="https://shop.example",
    )
    await client.connect()
    request = server.requests[-1]
    assert request.headers["Authorization"] == "Bearer t"
    assert request.headers["X-A"] == "1"
    assert request.headers["Origin"] == "https://shop.example"
    assert request.path == "/ws"
    await client.close()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, AuthenticationError),
        (403, ConnectFailedError),
        (500, ConnectFailedError),
        (302, ConnectFailedError),
    ],
)
async def test_req_conn_12_a_refused_handshake_says_its_status(
    status: int, error: type[Exception]
) -> None:
    async def refuse(*_: Any) -> Response:
        headers = Headers({"Content-Length": "0", "Location": "/elsewhere"})
        return Response(status, "no", headers)

    async with peer(process_request=refuse) as it:
        with pytest.raises(error) as caught:
            await SmoothAgentClient(it.url).connect()
        assert caught.value.details["status"] == status
        assert len(it.requests) == 1


async def test_req_conn_13_wss_needs_a_trusted_root(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", not_after=datetime.datetime(2100, 1, 1)).configure_cert(
        context
    )
    root = tmp_path / "root.pem"
    authority.cert_pem.write_to_path(str(root))
    async with peer(tls=context) as it:
        async with SmoothAgentClient(it.url, ca_file=str(root)) as client:
            assert client.state == "open"
        with pytest.raises(ConnectFailedError):
            await SmoothAgentClient(it.url).connect()


async def test_req_conn_14_no_compression_is_offered(server: Peer) -> None:
    async with SmoothAgentClient(server.url):
        assert "Sec-WebSocket-Extensions" not in server.requests[0].headers
        link = await server.link()
        await asyncio.wait_for(await link.ping(), LIMIT)


@pytest.mark.parametrize("code", [1000, 1001, 3000, None])
async def test_req_conn_15_the_end_of_the_link_fails_calls_and_turns(
    server: Peer, client: SmoothAgentClient, code: int | None
) -> None:
    changes: list[StateChange] = []
    client.on_state(changes.append)
    turn = client.send_message(session_id=S, message="x")
    call = asyncio.ensure_future(client.get_session(session_id=S))
    frame = await server.expect("send_message")
    await server.expect("get_session")
    await server.tokens(frame["requestId"], "par")
    if code is None:
        await server.drop()
    else:
        await server.close(code)
    with pytest.raises(TurnInterruptedError) as interrupted:
        await turn
    with pytest.raises(ConnectionLostError) as lost:
        await call
    assert interrupted.value.close_code == lost.value.close_code == (code or 1006)
    assert interrupted.value.sent
    assert client.state == "closed"
    assert changes[-1].reason == ("lost" if code is None else "closed_by_peer")


async def test_req_conn_15_close_code_4401_is_authentication(
    server: Peer, client: SmoothAgentClient
) -> None:
    turn = client.send_message(session_id=S, message="x")
    await server.expect("send_message")
    await server.close(4401)
    with pytest.raises(AuthenticationError) as caught:
        await turn
    assert caught.value.close_code == 4401


async def test_req_conn_17_another_loop_is_refused(client: SmoothAgentClient) -> None:
    def elsewhere() -> None:
        asyncio.run(client.connect())

    with pytest.raises(RuntimeError, match="another event loop"):
        await asyncio.to_thread(elsewhere)


async def test_req_conn_18_writers_wait_while_the_socket_is_slow(server: Peer) -> None:
    client, written = SmoothAgentClient(server.url, close_timeout=0), []
    await client.connect()
    client.on_frame(lambda frame: written.append(frame.type))
    link = await server.link()
    link.transport.pause_reading()  # type: ignore[attr-defined]
    picture = {"url": "x" * 900_000}
    turns = [client.send_message(session_id=S, message="x", images=[picture]) for _ in range(30)]
    for _ in range(3):
        await asyncio.sleep(0)
    assert 0 < len(written) < len(turns)
    stopped = turns[
        -1
    ].cancel()  # behind its own message: only a frame without a link is taken back
    link.transport.resume_reading()  # type: ignore[attr-defined]
    for _ in turns:
        await server.expect("send_message")
    await server.expect("cancel")
    await server.quiet(client)
    assert not stopped.done()
    for turn in turns:
        turn.detach()
    await client.close()


async def test_req_err_04_no_error_text_holds_a_secret(
    server: Peer, client: SmoothAgentClient
) -> None:
    texts = []
    unreachable = SmoothAgentClient("ws://127.0.0.1:1/ws?key=hush-1", token="hush-2")
    with pytest.raises(ConnectFailedError) as refused:
        await unreachable.connect()
    texts.append(refused.value)
    turn = client.send_message(session_id=S, message="hush-3")
    rid = (await server.expect("send_message"))["requestId"]
    await server.ask("otp_sent", rid, channel="email", maskedDestination="hush-4@example.com")
    await server.quiet(client)
    check = turn.verify_otp("hush-5")
    await server.expect("verify_otp")
    info = {"code": "AGENT_ERROR", "message": "hush-6"}
    await server.send({"type": "error", "requestId": rid, "data": {"error": info}})
    with pytest.raises(SmoothAgentError) as failed:
        await turn
    texts.append(failed.value)
    await client.close()
    with pytest.raises(ClientClosedError) as closed:
        await check
    texts.append(closed.value)
    assert "hush" not in " ".join(f"{error} {error!r}" for error in texts)


async def test_req_log_02_the_tap_sees_every_frame_and_text_only_when_asked(
    server: Peer, client: SmoothAgentClient
) -> None:
    plain: list[FrameInfo] = []
    full: list[FrameInfo] = []
    client.on_frame(plain.append)
    client.on_frame(full.append, text=True)
    await server.quiet(client)
    await asyncio.sleep(0)
    assert [(it.direction, it.type, it.request_id) for it in plain] == [
        ("out", "ping", "r-1"),
        ("in", "pong", "r-1"),
    ]
    assert all(it.text is None and it.bytes > 0 for it in plain)
    assert all(it.text is not None for it in full)


async def test_req_log_01_a_client_logs_no_payload_unless_asked(
    server: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "the-secret-text"
    for payloads in (False, True):
        caplog.clear()
        client = SmoothAgentClient(
            f"{server.url}?key=hidden", token="tkn-hidden", log_payloads=payloads
        )
        await client.connect()
        turn = client.send_message(session_id=S, message=secret)
        await client.close()
        with pytest.raises(ClientClosedError):
            await turn
        # The server of these tests runs in this process too.
        names = ("websockets.server", "asyncio")
        ours = "\n".join(r.getMessage() for r in caplog.records if r.name not in names)
        assert (secret in ours) is payloads
        assert "hidden" not in ours
