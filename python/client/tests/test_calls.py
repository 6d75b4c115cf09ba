"""Calls: one action, one answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from smooth_operator import (
    InvalidFrameError,
    MessageTooLargeError,
    ProtocolError,
    RateLimitedError,
    RequestTimeoutError,
    SessionNotFoundError,
    SmoothAgentClient,
    UnexpectedEventError,
)
from smooth_operator.testing import VirtualClock

from .peer import SESSION, Peer, S

AGENT = "00000000-0000-4000-8000-000000000001"


async def test_req_call_01_a_repeated_id_is_refused_and_nothing_sent(server: Peer) -> None:
    client = SmoothAgentClient(server.url, id_generator=lambda: "same")
    await client.connect()
    first = asyncio.ensure_future(client.get_session(session_id=S))
    await server.expect("get_session")
    with pytest.raises(ValueError, match="in flight"):
        await client.get_session(session_id=S)
    with pytest.raises(ValueError, match="in flight"):
        client.send_message(session_id=S, message="x", request_id="same")
    await server.respond("same", {"sessionId": S, "conversationId": S})
    await first
    await server.quiet(client)
    await client.close()


async def test_req_call_02_a_call_ends_by_its_limit_and_a_late_answer_is_dropped(
    server: Peer, client: SmoothAgentClient, clock: VirtualClock
) -> None:
    pushed: list[Any] = []
    client.on_event(pushed.append)
    call = asyncio.ensure_future(client.get_session(session_id=S))
    await server.expect("get_session")
    await clock.advance(29_999)
    assert not call.done()
    await clock.advance(1)
    with pytest.raises(RequestTimeoutError) as caught:
        await call
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.request_id == "r-1"
    await server.respond("r-1", {"sessionId": S})
    await server.quiet(client)
    assert pushed == []


async def test_req_call_03_the_first_known_event_decides(
    server: Peer, client: SmoothAgentClient
) -> None:
    call = asyncio.ensure_future(client.get_session(session_id=S))
    rid = (await server.expect("get_session"))["requestId"]
    await server.send({"type": "keepalive", "requestId": rid, "data": {"requestId": rid}})
    await server.send({"type": "brand_new", "requestId": rid})
    await server.respond(rid, {"sessionId": S, "conversationId": S, "later": [1]})
    session = await call
    assert session.session_id == S
    assert session.agent_name is None


async def test_req_call_03_wrong_types_errors_and_statuses_fail_the_call(
    server: Peer, client: SmoothAgentClient
) -> None:
    async def start() -> tuple[asyncio.Future[Any], str]:
        call = asyncio.ensure_future(client.get_session(session_id=S))
        return call, (await server.expect("get_session"))["requestId"]

    call, rid = await start()
    await server.send({"type": "pong", "requestId": rid, "timestamp": 1})
    with pytest.raises(UnexpectedEventError) as unexpected:
        await call
    assert unexpected.value.event.type == "pong"
    call, rid = await start()
    await server.fail(rid, "SESSION_NOT_FOUND")
    with pytest.raises(SessionNotFoundError) as missing:
        await call
    assert (missing.value.kind, missing.value.code) == ("not_found", "SESSION_NOT_FOUND")
    call, rid = await start()
    await server.respond(rid, {}, status=503)
    with pytest.raises(ProtocolError) as refused:
        await call
    assert (refused.value.kind, refused.value.details["status"]) == ("protocol", 503)
    call, rid = await start()
    await server.respond(rid, {"conversationId": S})
    with pytest.raises(InvalidFrameError) as broken:
        await call
    assert broken.value.details["pointer"] == "/data/sessionId"


async def test_req_err_02_codes_map_by_the_table(server: Peer, client: SmoothAgentClient) -> None:
    call = asyncio.ensure_future(client.list_conversations())
    rid = (await server.expect("list_conversations"))["requestId"]
    await server.fail(rid, "RATE_LIMITED", retryAfterMs=1500)
    with pytest.raises(RateLimitedError) as limited:
        await call
    assert limited.value.retryable
    assert limited.value.details["retryAfterMs"] == 1500


async def test_req_err_03_an_unknown_code_is_the_base_with_the_code_kept(
    server: Peer, client: SmoothAgentClient
) -> None:
    call = asyncio.ensure_future(client.list_conversations())
    rid = (await server.expect("list_conversations"))["requestId"]
    await server.fail(rid, "BRAND_NEW")
    with pytest.raises(ProtocolError) as caught:
        await call
    assert type(caught.value) is ProtocolError
    assert (caught.value.kind, caught.value.code, caught.value.retryable) == (
        "protocol",
        "BRAND_NEW",
        False,
    )


async def test_req_call_04_unset_parameters_are_absent(
    server: Peer, client: SmoothAgentClient
) -> None:
    client.send_message(session_id=S, message="né 🗑️").detach()
    assert await server.recv() == {
        "action": "send_message",
        "requestId": "r-1",
        "sessionId": S,
        "message": "né 🗑️",
    }


async def test_req_call_12_formats_are_not_checked_here(
    server: Peer, client: SmoothAgentClient
) -> None:
    client.send_message(session_id="not-a-uuid", message=" ").detach()
    assert (await server.recv())["sessionId"] == "not-a-uuid"


async def test_req_call_05_non_ascii_is_not_escaped(
    server: Peer, client: SmoothAgentClient
) -> None:
    client.send_message(session_id=S, message="日本").detach()
    link = await server.link()
    text = await asyncio.wait_for(link.recv(), 5)
    assert isinstance(text, str)
    assert "日本" in text


async def test_req_call_06_a_server_time_is_never_invented(
    server: Peer, client: SmoothAgentClient
) -> None:
    for frame, expected in (
        ({"timestamp": 5}, 5),
        ({"timestamp": 5, "data": {"timestamp": 6}}, 6),
        ({}, None),
    ):
        ping = asyncio.ensure_future(client.ping())
        rid = (await server.expect("ping"))["requestId"]
        await server.send({"type": "pong", "requestId": rid, **frame})
        pong = await ping
        assert pong.server_time == expected
        assert pong.round_trip_ms >= 0


async def test_req_call_07_supports_is_the_sorted_union(server: Peer) -> None:
    client = SmoothAgentClient(server.url, supports=["zz", "otp_park"])
    await client.connect()
    call = asyncio.ensure_future(
        client.create_conversation_session(agent_id=AGENT, supports=["choice_chips"])
    )
    frame = await server.expect("create_conversation_session")
    assert frame["supports"] == ["choice_chips", "otp_park", "replay", "spec_1_1", "spec_1_2", "zz"]
    await server.respond(frame["requestId"], SESSION)
    assert (await call).agent_name == "Aria"
    await client.close()


async def test_req_call_08_resume_by_conversation_creates_by_session_asks(
    server: Peer, client: SmoothAgentClient
) -> None:
    resume = asyncio.ensure_future(
        client.resume_conversation(conversation_id="c-9", agent_id=AGENT)
    )
    frame = await server.expect("create_conversation_session")
    assert frame["conversationId"] == "c-9"
    await server.respond(frame["requestId"], SESSION)
    assert (await resume).conversation_id == SESSION["conversationId"]
    resume = asyncio.ensure_future(client.resume_conversation(session_id=S))
    frame = await server.expect("get_session")
    await server.respond(frame["requestId"], {"sessionId": S, "conversationId": "c"})
    assert (await resume).session_id == S
    with pytest.raises(ValueError, match="session_id alone"):
        await client.resume_conversation(session_id=S, agent_id=AGENT)


async def test_req_call_09_cancelling_a_call_only_ends_the_wait(
    server: Peer, client: SmoothAgentClient
) -> None:
    call = asyncio.ensure_future(client.get_session(session_id=S))
    await server.expect("get_session")
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await server.quiet(client)


async def test_req_call_09_a_call_that_was_not_written_is_never_sent(server: Peer) -> None:
    client = SmoothAgentClient(server.url, lazy=True)
    call = asyncio.ensure_future(client.get_session(session_id=S))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await server.quiet(client)
    await client.close()


async def test_req_call_10_an_outbound_message_over_1_mib_is_refused(
    server: Peer, client: SmoothAgentClient
) -> None:
    picture = {"url": "x" * (1024 * 1024)}
    turn = client.send_message(session_id=S, message="x", images=[picture])
    with pytest.raises(MessageTooLargeError) as caught:
        await turn
    assert caught.value.details["limit"] == 1024 * 1024
    await server.quiet(client)


async def test_req_err_05_a_wrong_argument_is_the_languages_own_error(
    server: Peer, client: SmoothAgentClient
) -> None:
    with pytest.raises(ValueError, match="message") as caught:
        client.send_message(session_id=S, message=7)  # type: ignore[arg-type]
    assert "7" not in str(caught.value)
    with pytest.raises(TypeError):
        client.send_message(session_id=S)  # type: ignore[call-arg]
    await server.quiet(client)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"message": ""}, "message"),
        ({"message": "x" * 10_001}, "message"),
        ({"message": None}, "message"),
        ({"session_id": None}, "session_id"),
        ({"skill": "a b"}, "skill"),
        ({"skill": "ok\n"}, "skill"),
        ({"files": [{"name": "", "url": "u"}]}, "files.0.name"),
        ({"files": ({"url": "u"},)}, "files.0.name"),
        ({"images": [{"url": 3}]}, "images.0.url"),
    ],
)
async def test_req_call_12_what_the_schema_asks_of_a_message_is_checked_where_it_is_written(
    server: Peer, client: SmoothAgentClient, arguments: dict[str, Any], named: str
) -> None:
    with pytest.raises(ValueError, match=f"^{named}: "):
        client.send_message(**{"session_id": S, "message": "m", **arguments})
    await server.quiet(client)


async def test_req_call_12_what_the_schema_asks_of_a_call_is_checked_where_it_is_written(
    server: Peer, client: SmoothAgentClient
) -> None:
    for limit in (0, 201, True, 1.5):
        with pytest.raises(ValueError, match=r"^limit: "):
            await client.list_conversations(limit=limit)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match=r"^limit: "):
            await client.get_conversation_messages(session_id=S, limit=limit)  # type: ignore[arg-type]
    for title in ("", "x" * 201):
        with pytest.raises(ValueError, match=r"^title: "):
            await client.rename_conversation(conversation_id="c", title=title)
    with pytest.raises(ValueError, match=r"^agent_id: "):
        await client.start_conversation(agent_id=None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^auth_context\.timestamp: "):
        await client.start_conversation(
            agent_id="a", auth_context={"user_id": "u", "signature": "secret"}
        )
    await server.quiet(client)


async def test_req_call_12_bounds_are_counted_in_code_points_and_are_inclusive(
    server: Peer, client: SmoothAgentClient
) -> None:
    turn = client.send_message(session_id=S, message="😀" * 10_000, skill="s" * 128)
    assert len((await server.expect("send_message"))["message"]) == 10_000
    turn.detach()


async def test_req_call_11_what_json_has_no_word_for_is_not_sent(
    server: Peer, client: SmoothAgentClient
) -> None:
    loop: list[Any] = []
    loop.append(loop)
    for value in (float("nan"), float("inf"), object(), loop, b"x"):
        with pytest.raises(ValueError, match=r"^metadata: "):
            await client.create_conversation_session(agent_id="a", metadata={"k": value})
    await server.quiet(client)


def page(messages: range, cursor: str | None, more: bool) -> dict[str, Any]:
    items = [
        {
            "id": f"m-{n}",
            "direction": "inbound",
            "content": {"text": str(n)},
            "createdAt": "2026-01-01T00:00:00Z",
        }
        for n in messages
    ]
    return {"messages": items, "nextCursor": cursor, "hasMore": more}


async def test_req_hist_01_pages_are_fetched_when_they_are_needed(
    server: Peer, client: SmoothAgentClient
) -> None:
    resume = asyncio.ensure_future(client.resume_conversation(session_id=S))
    await server.respond(
        (await server.expect("get_session"))["requestId"], {"sessionId": S, "conversationId": S}
    )
    history = (await resume).messages(limit=2)
    await server.quiet(client)
    first = asyncio.ensure_future(anext(history))
    frame = await server.expect("get_conversation_messages")
    assert (frame["limit"], "cursor" in frame) == (2, False)
    await server.respond(frame["requestId"], page(range(2), "c1", True))
    assert (await first).content.text == "0"
    assert (await anext(history)).content.text == "1"
    await server.quiet(client)
    rest = asyncio.ensure_future(anext(history))
    frame = await server.expect("get_conversation_messages")
    assert frame["cursor"] == "c1"
    await server.respond(frame["requestId"], page(range(2, 3), None, False))
    assert (await rest).content.text == "2"
    with pytest.raises(StopAsyncIteration):
        await anext(history)


async def test_req_hist_02_a_cursor_that_repeats_ends_the_iteration(
    server: Peer, client: SmoothAgentClient
) -> None:
    resume = asyncio.ensure_future(client.resume_conversation(session_id=S))
    await server.respond(
        (await server.expect("get_session"))["requestId"], {"sessionId": S, "conversationId": S}
    )
    chat = await resume

    async def read() -> None:
        async for _ in chat.messages():
            pass

    reading = asyncio.ensure_future(read())
    for _ in range(2):
        frame = await server.expect("get_conversation_messages")
        await server.respond(frame["requestId"], page(range(1), "same", True))
    with pytest.raises(UnexpectedEventError):
        await reading
