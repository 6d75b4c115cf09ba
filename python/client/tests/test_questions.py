"""Questions to a human and the verbs that answer them."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from smooth_operator import (
    AlreadyAnsweredError,
    ClientClosedError,
    ConnectionLostError,
    NoPendingQuestionError,
    NotConnectedError,
    RequestTimeoutError,
    ServerFaultError,
    SessionNotFoundError,
    SmoothAgentClient,
    UnsupportedError,
    ValidationError,
)
from smooth_operator.testing import VirtualClock

from .peer import SESSION, Peer, S
from .test_turns import begin, chunk, words

ASK = {"toolId": "delete", "actionDescription": "Delete 42"}
FORM = {"interactionId": "i-1", "kind": "identity_intake", "spec": {"fields": []}, "reason": "why"}
FIELD = {"field": "email", "message": "must be a valid email address"}


async def asked(
    server: Peer, client: SmoothAgentClient, event: str, /, **inner: Any
) -> tuple[Any, str]:
    turn, rid = await begin(server, client)
    await server.ask(event, rid, **inner)
    await server.quiet(client)
    return turn, rid


async def test_req_verb_01_the_open_question_is_there_to_read(
    server: Peer, client: SmoothAgentClient
) -> None:
    turn, rid = await asked(server, client, "write_confirmation_required", **ASK)
    question = turn.question("confirmation")
    assert question is not None
    assert question.event.action_description == "Delete 42"
    assert turn.question("otp") is None
    await server.finish(rid, "x")
    await turn
    assert turn.question("confirmation") is None


async def test_req_verb_02_verbs_carry_the_ids_of_turn_and_question(
    server: Peer, client: SmoothAgentClient
) -> None:
    turn, rid = await asked(
        server, client, "write_confirmation_required", confirmationId="c-7", **ASK
    )
    answer = turn.confirm(False)
    assert await server.recv() == {
        "action": "confirm_tool_action",
        "requestId": rid,
        "sessionId": S,
        "approved": False,
        "confirmationId": "c-7",
    }
    await server.respond(rid, {})
    await answer
    await server.ask("interaction_required", rid, **FORM)
    await server.quiet(client)
    turn.submit({"name": "Ada"})
    assert await server.recv() == {
        "action": "submit_interaction",
        "requestId": rid,
        "sessionId": S,
        "interactionId": "i-1",
        "kind": "identity_intake",
        "values": {"name": "Ada"},
    }
    turn.detach()


async def test_req_verb_03_the_oldest_verb_is_answered_first(
    server: Peer, client: SmoothAgentClient
) -> None:
    turn, rid = await asked(server, client, "write_confirmation_required", **ASK)
    await server.ask("interaction_required", rid, **FORM)
    await server.quiet(client)
    first, second = turn.submit({}), turn.confirm(True)
    await server.expect("submit_interaction")
    await server.expect("confirm_tool_action")
    await server.respond(rid, {})
    await server.quiet(client)
    assert (first.done(), second.done()) == (True, False)
    await server.respond(rid, {})
    await second
    assert (await first).accepted
    turn.detach()


async def test_req_verb_04_a_verb_ends_by_its_limit_and_the_question_stays_answered(
    server: Peer, client: SmoothAgentClient, clock: VirtualClock
) -> None:
    turn, _ = await asked(server, client, "write_confirmation_required", **ASK)
    answer = turn.confirm(True)
    await server.expect("confirm_tool_action")
    await clock.advance(30_000)
    with pytest.raises(RequestTimeoutError):
        await answer
    assert not turn.settled
    with pytest.raises(AlreadyAnsweredError):
        await turn.confirm(True)
    turn.detach()


async def test_req_verb_05_answers_to_nothing_are_refused_locally(
    server: Peer, client: SmoothAgentClient
) -> None:
    turn, rid = await begin(server, client)
    for answer in (turn.confirm(True), turn.verify_otp("1"), turn.submit({}), turn.decline()):
        with pytest.raises(NoPendingQuestionError) as caught:
            await answer
        assert (caught.value.kind, caught.value.code) == ("conflict", None)
    await server.ask("write_confirmation_required", rid, **ASK)
    await server.quiet(client)
    turn.confirm(True)
    await server.expect("confirm_tool_action")
    with pytest.raises(AlreadyAnsweredError):
        await turn.confirm(False)
    await server.quiet(client)
    turn.detach()


@pytest.mark.parametrize("failed", [True, False])
async def test_req_verb_06_settlement_ends_outstanding_verbs(
    server: Peer, client: SmoothAgentClient, failed: bool
) -> None:
    turn, rid = await asked(server, client, "write_confirmation_required", **ASK)
    answer, stopping = turn.confirm(True), turn.cancel()
    if failed:
        await server.fail(rid, "AGENT_ERROR")
    else:
        await server.finish(rid, "x")
    with pytest.raises(ServerFaultError if failed else NoPendingQuestionError):
        await answer
    await stopping
    if failed:
        with pytest.raises(ServerFaultError):
            await turn


async def test_req_verb_07_cancelling_the_wait_only_ends_the_wait(
    server: Peer, client: SmoothAgentClient
) -> None:
    turn, rid = await asked(server, client, "write_confirmation_required", **ASK)
    answer = turn.confirm(True)
    await server.expect("confirm_tool_action")
    answer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await answer
    await server.respond(rid, {})
    await server.quiet(client)
    with pytest.raises(AlreadyAnsweredError):
        await turn.confirm(True)
    turn.detach()


async def test_req_verb_08_the_clients_verbs_act_on_the_live_turn(
    server: Peer, client: SmoothAgentClient
) -> None:
    turn, rid = await asked(
        server, client, "write_confirmation_required", confirmationId="c", **ASK
    )
    answer = client.confirm_tool_action(session_id=S, request_id=rid, approved=True)
    assert (await server.recv())["confirmationId"] == "c"
    await server.respond(rid, {})
    await answer
    stopping = client.cancel(request_id=rid)
    await server.expect("cancel")
    await server.finish(rid, "x")
    await stopping
    await turn


async def test_req_verb_08_without_a_live_turn_they_are_plain_calls(
    server: Peer, client: SmoothAgentClient
) -> None:
    answer = client.confirm_tool_action(session_id=S, request_id="old", approved=True)
    await server.expect("confirm_tool_action")
    await server.fail("old", "NO_PENDING_CONFIRMATION")
    with pytest.raises(NoPendingQuestionError) as caught:
        await answer
    assert caught.value.code == "NO_PENDING_CONFIRMATION"
    check = client.verify_otp(session_id=S, request_id="old", code="1")
    await server.expect("verify_otp")
    await server.ask("otp_invalid", "old", attemptsRemaining=1, message="no")
    assert (await check).attempts_remaining == 1
    form = client.submit_interaction(
        session_id=S, request_id="old", interaction_id="i", values={"a": 1}
    )
    await server.expect("submit_interaction")
    await server.ask(
        "interaction_invalid", "old", interactionId="i", kind="k", errors=[FIELD], message="m"
    )
    assert not (await form).accepted
    await client.cancel(request_id="old", session_id=S)
    await server.expect("cancel")
    idle = SmoothAgentClient(server.url)
    with pytest.raises(NotConnectedError):
        await idle.cancel(request_id="old")


@pytest.mark.parametrize(
    ("expires", "at_ms", "frame", "closed"),
    [
        (None, 0, "stream_token", True),
        (None, 0, "stream_reasoning", False),
        (61_000, 59_000, "stream_token", False),
        (61_000, 60_000, "stream_token", True),
        (61_000, 60_000, "stream_reasoning", True),
        (61_000, 60_000, "toolResult", True),
        (61_000, 60_000, "toolCall", False),
    ],
)
async def test_req_verb_10_a_question_lapses_by_what_the_stream_shows(
    server: Peer,
    client: SmoothAgentClient,
    clock: VirtualClock,
    expires: int | None,
    at_ms: int,
    frame: str,
    closed: bool,
) -> None:
    inner = ASK | ({} if expires is None else {"expiresAt": expires})
    turn, rid = await asked(server, client, "write_confirmation_required", **inner)
    await clock.advance(at_ms)
    if frame.startswith("tool"):
        await chunk(server, rid, {frame: {"name": "t"}})
    else:
        data = {"requestId": rid, "token": "x"}
        await server.send({"type": frame, "requestId": rid, "data": data})
    await server.quiet(client)
    assert (turn.question("confirmation") is None) is closed
    turn.detach()


async def test_req_otp_01_a_wrong_code_is_a_value_and_the_code_stays_a_string(
    server: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = SmoothAgentClient(server.url, log_payloads=True)
    await client.connect()
    await server.link()
    turn, rid = await asked(server, client, "otp_sent", channel="email", maskedDestination="a***")
    check = turn.verify_otp(" 012345 ")
    assert (await server.recv())["code"] == " 012345 "
    await server.ask("otp_invalid", rid, attemptsRemaining=2, error="NEW_REASON", message="no")
    outcome = await check
    assert (outcome.verified, outcome.attempts_remaining, outcome.error) == (False, 2, "NEW_REASON")
    check = turn.verify_otp("012346")
    await server.expect("verify_otp")
    await server.ask("otp_verified", rid, message="yes")
    assert (await check).verified
    turn.detach()
    await client.close()
    # REQ-OTP-06
    assert "01234" not in "\n".join(
        r.getMessage() for r in caplog.records if r.name == "smooth_operator"
    )


async def test_req_otp_02_no_attempts_left_closes_send_failed_does_not(
    server: Peer, client: SmoothAgentClient
) -> None:
    channels = {
        "toolId": "t",
        "actionDescription": "d",
        "availableChannels": ["email"],
        "authLevel": "end_user",
    }
    turn, rid = await asked(server, client, "otp_verification_required", **channels)
    await server.fail(rid, "OTP_SEND_FAILED")
    await server.quiet(client)
    assert turn.question("otp") is not None
    check = turn.verify_otp("1")
    await server.expect("verify_otp")
    await server.ask("otp_invalid", rid, attemptsRemaining=0, error="MAX_ATTEMPTS", message="no")
    assert (await check).attempts_remaining == 0
    with pytest.raises(NoPendingQuestionError):
        await turn.verify_otp("2")
    turn.detach()


async def test_req_otp_03_the_question_outlives_its_turn_until_the_next_send(
    server: Peer, client: SmoothAgentClient, clock: VirtualClock
) -> None:
    turn, rid = await asked(server, client, "otp_sent", channel="sms", maskedDestination="+***")
    await server.finish(rid, "Check your phone.")
    assert (await turn).text == "Check your phone."
    await clock.advance(400_000)
    check = turn.verify_otp("1")
    await server.expect("verify_otp")
    await server.ask("otp_invalid", rid, attemptsRemaining=2, message="no")
    assert not (await check).verified
    again, again_id = await begin(server, client)
    assert again_id != rid
    with pytest.raises(NoPendingQuestionError):
        await turn.verify_otp("2")
    again.detach()


async def test_req_verb_06_a_waiting_code_ends_with_the_link(
    server: Peer, client: SmoothAgentClient
) -> None:
    turn, rid = await asked(server, client, "otp_sent", channel="sms", maskedDestination="+***")
    check = turn.verify_otp("1")
    await server.expect("verify_otp")
    await server.finish(rid, "x")
    await turn
    assert not check.done()
    await server.drop()
    with pytest.raises(ConnectionLostError):
        await check
    await client.connect()
    turn, rid = await asked(server, client, "otp_sent", channel="sms", maskedDestination="+***")
    check = turn.verify_otp("1")
    turn.detach()
    await client.close()
    with pytest.raises(ClientClosedError):
        await check
    with pytest.raises(ClientClosedError):
        await turn


async def test_req_otp_04_after_a_park_the_same_turn_goes_on(
    server: Peer, client: SmoothAgentClient
) -> None:
    turn, rid = await asked(server, client, "otp_sent", channel="sms", maskedDestination="+***")
    check = turn.verify_otp("1")
    await server.expect("verify_otp")
    await server.ask("otp_verified", rid, message="yes")
    await check
    await server.tokens(rid, "done")
    await server.finish(rid, "done")
    assert await words(turn) == ["otp_sent", "otp_verified", "stream_token", "eventual_response"]


@pytest.mark.parametrize("parks", [True, False])
async def test_req_otp_05_declining_a_code_needs_a_server_that_parks(
    server: Peer, client: SmoothAgentClient, parks: bool
) -> None:
    call = asyncio.ensure_future(client.create_conversation_session(agent_id=S))
    frame = await server.expect("create_conversation_session")
    await server.respond(
        frame["requestId"], SESSION | {"capabilities": ["otp_park"] if parks else []}
    )
    await call
    turn, rid = await asked(server, client, "otp_sent", channel="sms", maskedDestination="+***")
    answer = turn.decline("otp")
    if parks:
        frame = await server.expect("verify_otp")
        assert (frame["declined"], "code" in frame) == (True, False)
        await server.respond(rid, {"declined": True})
        await answer
        assert turn.question("otp") is None
    else:
        with pytest.raises(UnsupportedError):
            await answer
        await server.quiet(client)
    turn.detach()


async def test_req_form_01_field_errors_come_back_and_the_form_is_open_again(
    server: Peer, client: SmoothAgentClient
) -> None:
    turn, rid = await asked(server, client, "interaction_required", **FORM)
    answer = turn.submit({"email": "x"})
    await server.expect("submit_interaction")
    await server.ask(
        "interaction_invalid", rid, interactionId="i-1", kind="k", errors=[FIELD], message="m"
    )
    outcome = await answer
    assert (outcome.accepted, outcome.errors[0].field) == (False, "email")
    answer = turn.decline()
    assert (await server.recv())["declined"] is True
    await server.respond(rid, {})
    assert (await answer).accepted
    turn.detach()


async def test_req_form_02_a_mismatch_opens_again_nothing_pending_closes(
    server: Peer, client: SmoothAgentClient
) -> None:
    turn, rid = await asked(server, client, "interaction_required", **FORM)
    for code, leaves_open in (("INTERACTION_MISMATCH", True), ("NO_PENDING_INTERACTION", False)):
        answer = turn.submit({})
        await server.expect("submit_interaction")
        await server.fail(rid, code)
        with pytest.raises(NoPendingQuestionError):
            await answer
        assert (turn.question("interaction") is not None) is leaves_open
        assert not turn.settled
    turn.detach()


async def test_req_turn_07_an_error_that_a_verb_explains_leaves_the_turn_alive(
    server: Peer, client: SmoothAgentClient
) -> None:
    turn, rid = await asked(server, client, "write_confirmation_required", **ASK)
    answer = turn.confirm(True)
    await server.expect("confirm_tool_action")
    await server.fail(rid, "VALIDATION_ERROR")
    with pytest.raises(ValidationError):
        await answer
    assert turn.question("confirmation") is not None
    await server.fail(rid, "SESSION_NOT_FOUND")
    with pytest.raises(SessionNotFoundError):
        await turn
