"""Conversations that outgrow a model's window: the old part is told in short, once."""

from __future__ import annotations

from pathlib import Path

from pydantic_ai.messages import ModelRequest, ModelResponse, ToolCallPart, ToolReturnPart

from smooth_operator_server.accounts import Summary
from smooth_operator_server.engine import Said
from smooth_operator_server.engine.model.history import (
    LONGEST_RESULT,
    fitted,
    newest,
    shortened,
    unsummed,
)
from smooth_operator_server.store import Stores

from .support import details, text_of
from .support_endpoint import Endpoint, Reply, words
from .support_records import message, opened
from .test_model import advancing, answering

LONG = "tell me " * 70  # 560 characters


def told(scripted: Endpoint, call: int) -> str:
    return "\n".join(str(one["content"]) for one in scripted.requests[call]["messages"])


async def test_the_old_part_is_summed_up_once_and_told_from_then_on(tmp_path: Path) -> None:
    replies = [
        Reply(words("Answer one.")),
        Reply(words("Answer two.")),
        Reply(words("The person is called Ada."), usage=(40, 9)),
        Reply(words("Answer three."), usage=(20, 3)),
        Reply(words("Answer four.")),
    ]
    async with answering(tmp_path, *replies, history_chars=1000) as (scripted, _, client):
        session_id = await client.session()
        await client.turn(session_id, f"I am Ada. {LONG}")
        await client.turn(session_id, f"Second. {LONG}")
        frames = await client.turn(session_id, "Third.")
        assert text_of(frames) == "Answer three."  # not a word of the summary
        usage = details(frames[-1])["usage"]
        assert (usage["promptTokens"], usage["completionTokens"]) == (60, 12)
        assert "I am Ada." in told(scripted, 2)
        assert scripted.requests[2].get("tools") is None
        assert "The person is called Ada." in told(scripted, 3)
        assert "I am Ada." not in told(scripted, 3)
        assert "Answer two." in told(scripted, 3)
        await client.turn(session_id, "Fourth.")
        assert "The person is called Ada." in told(scripted, 4)
        assert "Third." in told(scripted, 4)
        assert len(scripted.requests) == 5


async def test_without_a_summary_the_newest_part_is_told(tmp_path: Path) -> None:
    replies = [
        Reply(words("One.")),
        Reply(words("Two.")),
        Reply(status=400),
        Reply(words("Three.")),
    ]
    async with answering(tmp_path, *replies, history_chars=1000) as (scripted, server, client):
        session_id = await client.session()
        await client.turn(session_id, f"First. {LONG}")
        await client.turn(session_id, f"Second. {LONG}")
        await client.tx("send_message", sessionId=session_id, message="Third.")
        assert text_of(await advancing(server, client)) == "Three."
        assert "Second." in told(scripted, 3)
        assert "First." not in told(scripted, 3)


async def test_a_summary_that_the_budget_does_not_allow_is_not_made(tmp_path: Path) -> None:
    replies = [Reply(words("One.")), Reply(words("Two.")), Reply(words("Three."))]
    settings = {"history_chars": 1000, "turn_tokens": 900, "max_tokens": 100}
    async with answering(tmp_path, *replies, **settings) as (scripted, _, client):
        session_id = await client.session()
        for text in (f"First. {LONG}", f"Second. {LONG}"):
            await client.turn(session_id, text)
        assert text_of(await client.turn(session_id, "Third.")) == "Three."
        assert len(scripted.requests) == 3


def said(*texts: str) -> list[Said]:
    return [Said(False, text, f"m{index}") for index, text in enumerate(texts)]


def test_the_newest_messages_fit_the_window_and_one_is_there_in_any_case() -> None:
    history = said("aaaa", "bbbb", "cccc")
    assert newest(history, 8) == history[1:]
    assert newest(history, 1) == history[2:]
    assert newest([], 8) == []


def test_a_summary_stands_for_all_up_to_its_message() -> None:
    history = said("a", "b", "c")
    assert unsummed(history, Summary("m1", "s")) == history[2:]
    assert unsummed(history, Summary("long-gone", "s")) == history
    assert unsummed(history, None) == history


def test_old_results_give_way_and_the_newest_stay() -> None:
    def step(number: int) -> list[ModelRequest | ModelResponse]:
        call = ToolCallPart("look", {}, f"c{number}")
        result = ToolReturnPart("look", str(number) * 100, f"c{number}")
        return [ModelResponse([call]), ModelRequest([result])]

    told = [*step(1), *step(2), *step(3)]
    assert fitted(told, 1000) == told
    contents = [
        part.content
        for one in fitted(told, 150)
        for part in one.parts
        if isinstance(part, ToolReturnPart)
    ]
    assert "left out" in contents[0]
    assert "left out" in contents[1]
    assert contents[2] == "3" * 100


def test_a_result_that_is_too_long_loses_its_end() -> None:
    assert shortened("x" * LONGEST_RESULT) == "x" * LONGEST_RESULT
    text = shortened("x" * (LONGEST_RESULT + 7))
    assert isinstance(text, str)
    assert text.endswith("[shortened: 7 more characters]")
    assert shortened({"a": 1}) == {"a": 1}


async def test_a_summary_is_kept_in_place_of_an_older_one(stores: Stores) -> None:
    session = await opened(stores)
    first, second = message(session, "one"), message(session, "two")
    for one in (first, second):
        await stores.conversations.add_message(one)
    conversation_id = session.conversation_id
    assert await stores.models.summary(conversation_id) is None
    for one in (first, second):
        summary = Summary(one.message_id, f"about {one.text}")
        await stores.models.keep_summary(conversation_id, summary)
        assert await stores.models.summary(conversation_id) == summary
