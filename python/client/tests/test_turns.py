"""Turns: items, outcome, text, limits, isolation."""

from __future__ import annotations

import asyncio
import gc
import logging
from typing import Any

import pytest

from smooth_operator import (
    InvalidFrameError,
    ProtocolError,
    ServerFaultError,
    SmoothAgentClient,
    SmoothAgentError,
    Turn,
    TurnInProgressError,
    TurnInterruptedError,
    TurnTimeoutError,
    tool_call,
    tool_result,
)
from smooth_operator.testing import VirtualClock

from .peer import Peer, S


async def begin(server: Peer, client: SmoothAgentClient, **optional: Any) -> tuple[Turn, str]:
    """Send a message and accept it."""
    turn = client.send_message(session_id=S, message="hello", **optional)
    frame = await server.expect("send_message")
    await server.respond(frame["requestId"], {}, status=202)
    return turn, frame["requestId"]


async def words(turn: Turn) -> list[str]:
    """Return the types of all items; an error of the turn ends the list as its kind."""
    seen = []
    try:
        async for event in turn:
            seen.append(event.type)  # noqa: PERF401 - what came before an error counts
    except SmoothAgentError as error:
        seen.append(f"!{error.kind}")
    return seen


async def chunk(server: Peer, rid: str, raw: dict[str, Any]) -> None:
    data = {"requestId": rid, "node": "tool", "state": {"rawResponse": raw}}
    await server.send({"type": "stream_chunk", "requestId": rid, "data": data})


async def test_req_turn_01_frames_leave_in_call_order(
    server: Peer, client: SmoothAgentClient
) -> None:
    turns = [client.send_message(session_id=S, message=str(n)) for n in range(5)]
    assert [(await server.recv())["message"] for _ in turns] == ["0", "1", "2", "3", "4"]
    for turn in turns:
        turn.detach()


async def test_req_turn_02_items_in_wire_order_and_every_iterator_sees_all(
    server: Peer, client: SmoothAgentClient
) -> None:
    turn, rid = await begin(server, client)
    first = asyncio.ensure_future(words(turn))
    await server.tokens(rid, "a", "b")
    await server.send({"type": "keepalive", "requestId": rid, "data": {"requestId": rid}})
    data = {"requestId": rid, "token": "hm"}
    await server.send({"type": "stream_reasoning", "data": data})
    await server.finish(rid, "ab")
    expected = ["stream_token", "stream_token", "stream_reasoning", "eventual_response"]
    assert await first == expected
    assert await words(turn) == expected
    assert [event.type for event in turn.items] == expected


async def test_req_turn_03_exactly_one_terminal_and_late_frames_change_nothing(
    server: Peer, client: SmoothAgentClient
) -> None:
    pushed: list[Any] = []
    client.on_event(pushed.append)
    turn, rid = await begin(server, client)
    await server.finish(rid, "done")
    result = await turn
    await server.send({"type": "cancelled", "requestId": rid, "status": 499})
    await server.tokens(rid, "late")
    await server.fail(rid, "AGENT_ERROR")
    await server.quiet(client)
    assert (await turn) is result
    assert result.text == "done"
    assert await words(turn) == ["eventual_response"]
    assert pushed == []


@pytest.mark.parametrize(
    ("status", "outer", "outcome"), [(200, 500, "completed"), (500, 200, "failed")]
)
async def test_req_turn_04_the_nested_status_counts(
    server: Peer, client: SmoothAgentClient, status: int, outer: int, outcome: str
) -> None:
    turn, rid = await begin(server, client)
    data = {"requestId": rid, "status": status, "data": {"messageId": "m", "response": "x"}}
    await server.send(
        {"type": "eventual_response", "requestId": rid, "status": outer, "data": data}
    )
    if outcome == "completed":
        assert (await turn).outcome == "completed"
    else:
        assert await words(turn) == ["eventual_response", "!protocol"]
        with pytest.raises(ProtocolError) as caught:
            await turn
        assert caught.value.details["status"] == status


async def test_req_turn_05_cancelled_raises_nothing_also_when_nobody_asked(
    server: Peer, client: SmoothAgentClient
) -> None:
    turn, rid = await begin(server, client)
    await server.tokens(rid, "par")
    await server.send({"type": "cancelled", "requestId": rid, "status": 499})
    result = await turn
    assert (result.outcome, result.confirmed, result.text) == ("cancelled", True, "par")
    assert await words(turn) == ["stream_token", "cancelled"]


async def test_req_turn_07_what_ends_a_turn_and_what_does_not(
    server: Peer, client: SmoothAgentClient
) -> None:
    turn, rid = await begin(server, client)
    for code in ("NO_PENDING_CONFIRMATION", "INTERACTION_MISMATCH", "OTP_SEND_FAILED"):
        await server.fail(rid, code)
    await server.fail(rid, "AGENT_ERROR", terminal=False)
    await server.fail(None, "INTERNAL_ERROR")
    await server.fail("foreign", "INTERNAL_ERROR")
    await server.quiet(client)
    assert turn.state == "running"
    await server.fail(rid, "VALIDATION_ERROR")
    assert await words(turn) == [*["error"] * 5, "!invalid_request"]


async def test_req_turn_07_unknown_codes_end_the_turn(
    server: Peer, client: SmoothAgentClient
) -> None:
    turn, rid = await begin(server, client)
    await server.fail(rid, "BRAND_NEW")
    with pytest.raises(ProtocolError) as caught:
        await turn
    assert caught.value.code == "BRAND_NEW"


async def test_req_turn_08_an_acknowledgement_ends_nothing(
    server: Peer, client: SmoothAgentClient
) -> None:
    turn, rid = await begin(server, client)
    await server.respond(rid, {}, status=200)
    await server.respond(rid, {}, status=500)
    await server.quiet(client)
    assert turn.state == "running"
    turn.detach()


@pytest.mark.parametrize(
    ("response", "tokens", "text"),
    [
        ("plain", ["st"], "plain"),
        ("", ["st"], ""),
        ({"responseParts": ["a", 7, "b"]}, ["st"], "a\n\nb"),
        ({"responseParts": []}, ["st", "re"], "stre"),
        ({"responseParts": None}, ["st"], "st"),
        ({}, ["st"], "st"),
        (None, [], ""),
        ([1], ["st"], "st"),
    ],
)
async def test_req_turn_09_the_text_of_the_result(
    server: Peer, client: SmoothAgentClient, response: Any, tokens: list[str], text: str
) -> None:
    turn, rid = await begin(server, client)
    data = {"requestId": rid, "token": "never part of it"}
    await server.send({"type": "stream_preamble", "requestId": rid, "data": data})
    await server.tokens(rid, *tokens)
    await server.finish(rid, response)
    assert (await turn).text == text


@pytest.mark.parametrize(
    ("tokens", "final", "pieces"),
    [
        (["a", "", "🗑️"], "other", ["a", "", "🗑️"]),
        ([], "final", ["final"]),
        ([], "", []),
        ([""], "final", [""]),
    ],
)
async def test_req_turn_10_the_text_stream(
    server: Peer, client: SmoothAgentClient, tokens: list[str], final: str, pieces: list[str]
) -> None:
    turn, rid = await begin(server, client)
    await server.tokens(rid, *tokens)
    await server.finish(rid, final)
    assert [piece async for piece in turn.text_stream] == pieces


async def test_req_turn_11_silence_ends_a_turn_and_any_frame_counts(
    server: Peer, client: SmoothAgentClient, clock: VirtualClock
) -> None:
    turn, rid = await begin(server, client)
    await server.quiet(client)
    await clock.advance(119_000)
    await server.tokens(rid, "par")
    await server.send({"type": "keepalive", "requestId": rid, "data": {"requestId": rid}})
    await server.quiet(client)
    await clock.advance(119_999)
    assert not turn.settled
    await clock.advance(1)
    frame = await server.expect("cancel")
    assert frame == {"action": "cancel", "requestId": rid, "sessionId": S}
    with pytest.raises(TurnTimeoutError) as caught:
        await turn
    assert caught.value.partial_text == "par"
    assert isinstance(caught.value, TimeoutError)


async def test_req_turn_11_the_idle_clock_stands_still_while_a_human_is_asked(
    server: Peer, client: SmoothAgentClient, clock: VirtualClock
) -> None:
    turn, rid = await begin(server, client)
    await server.ask("write_confirmation_required", rid, toolId="t", actionDescription="d")
    await server.quiet(client)
    await clock.advance(300_000)
    assert not turn.settled
    answer = turn.confirm(True)
    await server.expect("confirm_tool_action")
    await server.respond(rid, {})
    await answer
    await clock.advance(119_999)
    assert not turn.settled
    await clock.advance(1)
    await server.expect("cancel")
    with pytest.raises(TurnTimeoutError):
        await turn


async def test_req_turn_12_a_peer_that_keeps_talking_is_bounded(
    server: Peer, clock: VirtualClock
) -> None:
    client = SmoothAgentClient(server.url, clock=clock, turn_timeout=60, close_timeout=0)
    await client.connect()
    turn, rid = await begin(server, client)
    for _ in range(5):
        await server.tokens(rid, "x")
        await server.quiet(client)
        await clock.advance(10_000)
    assert not turn.settled
    await clock.advance(10_000)
    await server.expect("cancel")
    with pytest.raises(TurnTimeoutError) as caught:
        await turn
    assert caught.value.partial_text == "xxxxx"
    await client.close()


@pytest.mark.parametrize(
    ("expires", "limit_ms"),
    [(None, 330_000), (1000 + 60_000, 70_000), (10, 10_000), (1000 + 25 * 3_600_000, 330_000)],
)
async def test_req_turn_13_a_question_has_an_end(
    server: Peer, client: SmoothAgentClient, clock: VirtualClock, expires: int | None, limit_ms: int
) -> None:
    turn, rid = await begin(server, client)
    inner = {"toolId": "t", "actionDescription": "d"} | (
        {} if expires is None else {"expiresAt": expires}
    )
    await server.ask("write_confirmation_required", rid, **inner)
    await server.quiet(client)
    await clock.advance(limit_ms - 1)
    assert not turn.settled
    await clock.advance(1)
    await server.expect("cancel")
    with pytest.raises(TurnTimeoutError) as caught:
        await turn
    assert caught.value.details["question"] == "confirmation"


async def test_req_turn_14_turn_in_progress_fails_only_the_new_turn(
    server: Peer, client: SmoothAgentClient
) -> None:
    turn, rid = await begin(server, client)
    second = client.send_message(session_id=S, message="too soon")
    other = (await server.expect("send_message"))["requestId"]
    await server.fail(other, "TURN_IN_PROGRESS")
    with pytest.raises(TurnInProgressError):
        await second
    await server.finish(rid, "ok")
    assert (await turn).text == "ok"


async def test_req_turn_16_a_failure_that_nobody_awaits_is_one_warning(
    server: Peer, client: SmoothAgentClient, caplog: pytest.LogCaptureFixture
) -> None:
    gc.collect()  # what earlier tests left must not be counted here
    caplog.set_level(logging.WARNING)
    caplog.clear()
    unhandled: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unhandled.append(context))
    turn, rid = await begin(server, client)
    await server.fail(rid, "AGENT_ERROR")
    await server.quiet(client)
    answer = turn.confirm(True)
    del turn, answer
    gc.collect()
    assert unhandled == []
    messages = [r.getMessage() for r in caplog.records if r.name == "smooth_operator"]
    assert messages == [
        "an answer failed unseen: NoPendingQuestionError",
        "a turn failed unseen: server_error",
    ]


async def test_req_turn_17_turns_do_not_disturb_each_other(
    server: Peer, client: SmoothAgentClient
) -> None:
    pairs = [await begin(server, client) for _ in range(3)]
    for step in range(3):
        for n, (_, rid) in enumerate(pairs):
            await server.tokens(rid, f"{n}{step}")
    await server.fail(pairs[1][1], "AGENT_ERROR")
    await server.finish(pairs[0][1], None)
    await server.finish(pairs[2][1], None)
    assert (await pairs[0][0]).text == "000102"
    assert (await pairs[2][0]).text == "202122"
    with pytest.raises(ServerFaultError) as caught:
        await pairs[1][0]
    assert caught.value.partial_text == "101112"


async def test_req_turn_18_the_result_carries_what_the_terminal_says(
    server: Peer, client: SmoothAgentClient
) -> None:
    turn, rid = await begin(server, client)
    citation = {"id": "a", "title": "A", "snippet": "s", "score": 0.5, "extra": 1}
    await server.finish(
        rid,
        "x",
        usage={"promptTokens": 3},
        citations=[citation],
        needsEscalation=True,
        escalationReason="r",
    )
    result = await turn
    assert (result.message_id, result.request_id, result.session_id) == ("m-1", rid, S)
    assert result.usage.prompt_tokens == 3
    assert [it.title for it in result.citations] == ["A"]
    assert (result.needs_escalation, result.escalation_reason) == (True, "r")
    assert result.event.raw["type"] == "eventual_response"


async def test_req_turn_19_tool_calls_are_typed_and_arguments_an_object(
    server: Peer, client: SmoothAgentClient
) -> None:
    turn, rid = await begin(server, client)
    for arguments in ({"id": 1}, '{"id": 1}', "not json", [1]):
        await chunk(server, rid, {"toolCall": {"name": "t", "arguments": arguments, "callId": "c"}})
    await chunk(server, rid, {"toolResult": {"name": "t", "isError": True, "result": [1]}})
    await server.finish(rid, "x")
    await turn
    calls = [call for event in turn.items if (call := tool_call(event))]
    assert [call.arguments for call in calls] == [{"id": 1}, {"id": 1}, {}, {}]
    assert calls[0].call_id == "c"
    (result,) = [it for event in turn.items if (it := tool_result(event))]
    assert (result.is_error, result.result) == (True, [1])


async def test_req_turn_20_an_interrupted_turn_says_what_was_lost(
    server: Peer, client: SmoothAgentClient
) -> None:
    turn, rid = await begin(server, client)
    await server.tokens(rid, "par")
    await server.ask("otp_sent", rid, channel="email", maskedDestination="a***@b")
    await server.quiet(client)
    await server.drop()
    with pytest.raises(TurnInterruptedError) as caught:
        await turn
    error = caught.value
    assert (error.sent, error.partial_text, error.details["question"]) == (True, "par", "otp")
    assert (error.request_id, error.session_id, error.close_code) == (rid, S, 1006)
    assert not error.retryable


async def test_req_wire_03_a_broken_terminal_fails_the_turn_at_once(
    server: Peer, client: SmoothAgentClient
) -> None:
    turn, rid = await begin(server, client)
    await server.tokens(rid, "par")
    await server.send({"type": "eventual_response", "requestId": rid, "status": 200})
    with pytest.raises(InvalidFrameError) as caught:
        await turn
    assert caught.value.details["pointer"] == "/data"
    assert caught.value.partial_text == "par"
