"""What each verb of a reply shows to the client (TESTING-KIT.md, section 2)."""

from __future__ import annotations

import re
from typing import Any

import pytest

from smooth_operator import (
    Conversation,
    Handlers,
    ServerFaultError,
    SmoothAgentError,
    Turn,
    TurnInterruptedError,
    tool_call,
    tool_result,
)
from smooth_operator.testing import FakeServer, Reply

FORM = {"fields": [{"key": "email", "required": True}]}
CHOICES = {
    "questions": [
        {"question": "Which?", "header": "Size", "options": [{"label": "S"}, {"label": "M"}]},
        {
            "question": "Extras?",
            "header": "Extras",
            "options": [{"label": "Milk"}, {"label": "Ice"}],
            "multiSelect": True,
        },
    ]
}


async def words(turn: Turn) -> list[str]:
    """Return the types of a turn's items."""
    return [item.type async for item in turn]


async def asked(turn: Turn, word: str) -> Any:
    """Return the item that asks."""
    async for item in turn:
        if item.type == word:
            return item
    raise AssertionError(f"{word} did not come")


async def test_what_is_streamed_arrives_piece_by_piece_and_only_tokens_are_the_text(
    fake: FakeServer,
) -> None:
    fake.on_message().preamble("Well.").reasoning("hm", "so").tokens("It is ", "noon.").finish()
    turn = (await fake.conversation()).send("What time is it?")
    told = [(item.type, getattr(item, "token", None)) async for item in turn]
    assert told == [
        ("stream_preamble", "Well."),
        ("stream_reasoning", "hm"),
        ("stream_reasoning", "so"),
        ("stream_token", "It is "),
        ("stream_token", "noon."),
        ("eventual_response", None),
    ]
    assert (await turn).text == "It is noon."


async def test_without_a_stream_the_tokens_are_the_text_all_the_same(fake: FakeServer) -> None:
    fake.on_message().tokens("It is ", "noon.").finish()
    turn = (await fake.conversation()).send("What time is it?", stream=False)
    assert await words(turn) == ["eventual_response"]
    assert (await turn).text == "It is noon."


async def test_a_chunk_shows_the_tool_typed(fake: FakeServer) -> None:
    fake.on_message().chunk("clock", tool_call={"name": "now", "arguments": {"zone": "utc"}}).chunk(
        "clock", tool_result={"name": "now", "result": "12:00"}, done=True
    ).finish("noon")
    first, second, _ = [item async for item in (await fake.conversation()).send("time?")]
    assert first.node == second.node == "clock"
    call, result = tool_call(first), tool_result(second)
    assert call is not None
    assert result is not None
    assert (call.name, call.arguments) == ("now", {"zone": "utc"})
    assert (result.name, result.result) == ("now", "12:00")
    assert second.done


async def test_a_confirmation_waits_and_goes_on_when_it_is_approved(fake: FakeServer) -> None:
    fake.on_message().confirm("refund order 7", tool_id="refund").finish("Done")
    turn = (await fake.conversation()).send("refund")
    question = await asked(turn, "write_confirmation_required")
    assert (question.action_description, question.tool_id) == ("refund order 7", "refund")
    await turn.confirm(True)
    assert (await turn).text == "Done"
    assert fake.sent("confirm_tool_action")[0]["approved"]


@pytest.mark.parametrize("written", ["by a function", "before"])
async def test_a_rejection_takes_the_other_steps(fake: FakeServer, written: str) -> None:
    other = Reply().finish("It stays.")
    fake.on_message().confirm(
        "delete it",
        rejected=other if written == "before" else lambda reply: reply.finish("It stays."),
    ).finish("It is gone.")
    chat = await fake.conversation(handlers=Handlers(confirm=lambda _: False))
    assert (await chat.ask("delete")).text == "It stays."


async def test_a_rejection_without_other_steps_goes_on(fake: FakeServer) -> None:
    fake.on_message().confirm("delete it").finish("Whatever.")
    chat = await fake.conversation(handlers=Handlers(confirm=lambda _: False))
    assert (await chat.ask("delete")).text == "Whatever."


async def test_a_question_that_nobody_answers_is_denied_when_its_time_is_over(
    fake: FakeServer,
) -> None:
    fake.on_message().confirm("x", rejected=lambda reply: reply.finish("no")).finish("yes")
    turn = (await fake.conversation()).send("x")
    await asked(turn, "write_confirmation_required")
    await fake.clock.advance(299_999)
    assert not turn.settled
    await fake.clock.advance(1)
    assert (await turn).text == "no"


async def test_a_code_is_asked_for_until_it_is_right(fake: FakeServer) -> None:
    fake.on_message().otp(code="4711", channel="sms", masked="+49 *** 12").finish("12 euros")
    turn = (await fake.conversation()).send("balance?")
    sent = await asked(turn, "otp_sent")
    assert (sent.channel, sent.masked_destination) == ("sms", "+49 *** 12")
    wrong = await turn.verify_otp("0000")
    assert (wrong.verified, wrong.attempts_remaining) == (False, 2)
    assert (await turn.verify_otp("4711")).verified
    assert (await turn).text == "12 euros"
    assert await words(turn) == [
        "otp_verification_required",
        "otp_sent",
        "otp_invalid",
        "otp_verified",
        "eventual_response",
    ]


async def test_the_last_wrong_code_ends_the_turn(fake: FakeServer) -> None:
    fake.on_message().otp(attempts=1).finish("never said")
    turn = (await fake.conversation()).send("balance?")
    await asked(turn, "otp_sent")
    check = await turn.verify_otp("0000")
    assert (check.verified, check.attempts_remaining, check.error) == (False, 0, "MAX_ATTEMPTS")
    with pytest.raises(ServerFaultError) as fault:
        await turn
    assert fault.value.code == "AGENT_ERROR"


async def test_a_declined_code_ends_the_turn(fake: FakeServer) -> None:
    fake.on_message().otp().finish("never said")
    turn = (await fake.conversation()).send("balance?")
    await asked(turn, "otp_sent")
    await turn.decline("otp")
    with pytest.raises(ServerFaultError):
        await turn


async def test_a_form_names_what_is_wrong_and_takes_what_is_right(fake: FakeServer) -> None:
    fake.on_message().interaction("identity_intake", **FORM).finish("Thanks")
    turn = (await fake.conversation(supports=["identity_form"])).send("mail it")
    question = await asked(turn, "interaction_required")
    assert (question.kind, question.spec) == ("identity_intake", FORM)
    wrong = await turn.submit({"email": "nobody"})
    assert not wrong.accepted
    assert [error.field for error in wrong.errors] == ["email"]
    assert (await turn.submit({"email": "ada@example.com"})).accepted
    assert (await turn).text == "Thanks"


@pytest.mark.parametrize(
    ("answers", "field"),
    [
        ("none", "answers"),
        ([{"header": "Size", "options": ["S"]}], "Extras"),
        ([{"header": "Size", "options": ["S", "M"]}, {"header": "Extras", "other": "x"}], "Size"),
        ([{"header": "Size", "options": ["XL"]}, {"header": "Extras", "other": "x"}], "Size"),
        ([{"header": "Colour", "options": ["red"]}], "answers"),
    ],
)
async def test_choices_are_taken_from_what_was_offered(
    fake: FakeServer, answers: Any, field: str
) -> None:
    fake.on_message().interaction("choices", **CHOICES).finish("Coming")
    turn = (await fake.conversation(supports=["choice_chips"])).send("coffee")
    await asked(turn, "interaction_required")
    wrong = await turn.submit({"answers": answers})
    assert field in [error.field for error in wrong.errors]
    good = [{"header": "Size", "options": ["M"]}, {"header": "Extras", "options": ["Milk", "Ice"]}]
    assert (await turn.submit({"answers": good})).accepted
    assert (await turn).text == "Coming"


async def test_a_declined_form_goes_on(fake: FakeServer) -> None:
    fake.on_message().interaction("identity_intake", **FORM).finish("Then not")
    turn = (await fake.conversation(supports=["identity_form"])).send("mail it")
    await asked(turn, "interaction_required")
    await turn.decline()
    assert (await turn).text == "Then not"


async def test_a_form_for_a_client_that_shows_none_says_what_is_missing(fake: FakeServer) -> None:
    fake.on_message().interaction("choices", **CHOICES).finish()
    with pytest.raises(ServerFaultError) as fault:
        await (await fake.conversation()).ask("coffee")
    assert "choice_chips" in str(fault.value.server_message)


async def test_a_delay_lasts_until_the_clock_has_moved(fake: FakeServer) -> None:
    fake.on_message().tokens("a").delay(3_000).finish()
    turn = (await fake.conversation()).send("wait")
    await fake.clock.advance(2_999)
    assert not turn.settled
    await fake.clock.advance(1)
    assert (await turn).text == "a"


async def test_an_error_ends_the_turn_with_its_code(fake: FakeServer) -> None:
    fake.on_message().tokens("I ").error("RATE_LIMITED", "Too much.")
    with pytest.raises(SmoothAgentError) as fault:
        await (await fake.conversation()).ask("x")
    assert (fault.value.code, fault.value.server_message) == ("RATE_LIMITED", "Too much.")
    assert fault.value.partial_text == "I "


async def test_a_cut_turn_goes_on_behind_the_link_and_is_resumed(fake: FakeServer) -> None:
    fake.on_message().tokens("a").cut().tokens("b").finish()
    turn = (await fake.conversation()).send("x")
    await fake.clock.advance(1_000)
    assert (await turn).text == "ab"
    assert fake.connections == 2
    assert len(fake.sent("resume_turn")) == 1


async def test_a_cut_behind_a_question_comes_while_it_is_open(fake: FakeServer) -> None:
    fake.on_message().confirm("x").cut().finish("yes")
    turn = (await fake.conversation()).send("x")
    await asked(turn, "write_confirmation_required")
    await fake.clock.advance(1_000)
    assert fake.connections == 2
    assert not turn.settled
    await turn.confirm(True)
    assert (await turn).text == "yes"


async def test_without_replay_a_cut_turn_is_lost_with_its_link() -> None:
    async with FakeServer(replay=False) as fake:
        fake.on_message("refund").confirm("refund order 7").cut(1006).finish("never said")
        chat = await fake.conversation(handlers=Handlers(confirm=lambda _: True))
        with pytest.raises(TurnInterruptedError) as fault:
            await chat.ask("refund")
        await fake.clock.advance(1_000)
        assert fake.connections == 2  # reconnected without a real second passing
        recovered = await fault.value.recover()
        assert recovered.status == "not_answered"


async def test_a_cut_has_the_close_code_that_it_names(fake: FakeServer) -> None:
    fake.on_message().cut(4403)
    codes: list[int | None] = []
    client = fake.client()
    client.on_state(lambda change: codes.append(change.code))
    chat = await client.start_conversation(agent_id="a")
    with pytest.raises(TurnInterruptedError):
        await chat.ask("x")
    assert 4403 in codes


async def test_what_is_malformed_is_dropped_by_the_client(fake: FakeServer) -> None:
    fake.on_message().malformed().malformed('"no object"').tokens("a").finish()
    client = fake.client()
    chat = await client.start_conversation(agent_id="a")
    assert (await chat.ask("x")).text == "a"
    assert client.counters.dropped_frames == 2


async def test_an_answer_carries_what_finish_was_given(fake: FakeServer) -> None:
    fake.on_message().tokens("streamed").finish(
        "said",
        citations=[{"id": "d1", "title": "returns.md", "snippet": "17 days", "score": 0.9}],
        usage={"promptTokens": 3, "completionTokens": 2},
        suggestions=["And then?"],
    )
    result = await (await fake.conversation()).ask("x")
    assert result.text == "said"
    assert [one.title for one in result.citations or ()] == ["returns.md"]
    assert result.usage is not None
    assert result.usage.prompt_tokens == 3
    assert result.event.response["suggestedNextActions"] == ["And then?"]


async def test_an_empty_answer_is_empty_whatever_was_streamed(fake: FakeServer) -> None:
    fake.on_message().tokens("forget this").finish("")
    assert (await (await fake.conversation()).ask("x")).text == ""


@pytest.mark.parametrize(
    "write",
    [
        lambda reply: reply.tokens("a"),
        lambda reply: reply.delay(60_000),
        lambda reply: reply.confirm("x"),
        lambda reply: reply.otp(),
    ],
    ids=["open", "delay", "confirm", "otp"],
)
async def test_cancel_ends_a_turn_in_every_step(fake: FakeServer, write: Any) -> None:
    write(fake.on_message("long"))
    chat = await fake.conversation()
    turn = chat.send("long")
    await fake.clock.advance(0)
    await turn.cancel()
    assert (await turn).outcome == "cancelled"
    fake.on_message("next").finish("free")
    assert (await chat.ask("next")).text == "free"


async def test_the_first_reply_that_fits_and_is_not_used_up_serves(fake: FakeServer) -> None:
    fake.on_message("order").once().finish("first")
    fake.on_message(re.compile(r"order \d")).finish("number")
    fake.on_message(lambda message: message.isupper()).finish("loud")
    fake.on_message().finish("anything")
    chat = await fake.conversation()
    said = [
        (await chat.ask(text)).text for text in ("order 7", "order 7", "order", "HEY", "order 8")
    ]
    assert said == ["first", "number", "anything", "loud", "number"]


async def test_a_message_that_nothing_fits_is_listed_and_in_no_error(fake: FakeServer) -> None:
    fake.on_message("known").finish()
    chat: Conversation = await fake.conversation()
    with pytest.raises(ServerFaultError) as fault:
        await chat.ask("my secret question")
    assert fake.unmatched == ["my secret question"]
    assert "secret" not in f"{fault.value} {fault.value.server_message}"


async def test_a_matcher_that_raises_ends_its_turn_alone(fake: FakeServer) -> None:
    fake.on_message(lambda message: message.no_such_thing)  # type: ignore[attr-defined]
    with pytest.raises(ServerFaultError) as fault:
        await (await fake.conversation()).ask("x")
    assert fault.value.server_message == "The matcher raised AttributeError."
