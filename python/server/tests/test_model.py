"""The engine of a real model, against an endpoint that streams, stalls, fails and is cut."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from smooth_operator_server.engine.model.breaker import REST_S, THRESHOLD, Breaker
from smooth_operator_server.tools import Tool, ToolContext

from .support import Client, Running, details, kinds, serving, step, text_of
from .support_endpoint import Endpoint, Reply, calls, endpoint, words

AGENT = """
id: helper
name: Helper
instructions: Be brief.
model: small
budget: {tokens: 400}
"""


@asynccontextmanager
async def answering(
    folder: Path, *replies: Reply, **settings: Any
) -> AsyncIterator[tuple[Endpoint, Running, Client]]:
    """Run a server whose model is a scripted endpoint, and connect to it."""
    async with endpoint(*replies) as (scripted, url):
        wired = {"gateway_url": url, "gateway_key": "sesame", "db": folder / "x.db"} | settings
        async with serving(folder, **wired) as server, server.client(extended=True) as client:
            yield scripted, server, client


async def advancing(server: Running, client: Client, *kinds: str) -> list[dict[str, Any]]:
    """Return the frames up to one of these types, by default a terminal one, as time goes on."""
    coming = asyncio.create_task(client.until(*(kinds or ("eventual_response", "error"))))
    while not coming.done():
        await server.clock.advance(0.5)
        await asyncio.sleep(0.01)
    return coming.result()


async def test_words_and_thoughts_are_streamed_as_they_come(tmp_path: Path) -> None:
    reply = Reply(words("Hel", "lo ", "there", thinking="A greeting."), usage=(12, 3))
    async with answering(tmp_path, reply) as (scripted, _, client):
        frames = await client.turn(await client.session(), "Hi")
        assert kinds(frames) == [
            "immediate_response",
            "stream_reasoning",
            "stream_token",
            "eventual_response",
        ]
        assert text_of(frames) == "Hello there"
        answer = details(frames[-1])
        assert answer["response"]["responseParts"] == ["Hello there"]
        assert answer["usage"] == {
            "promptTokens": 12,
            "completionTokens": 3,
            "costUsd": 0.000027,  # the list price of the default model
        }
        assert scripted.keys == ["Bearer sesame"]
        (asked,) = scripted.requests
        assert (asked["model"], asked["stream"]) == ("claude-haiku-4-5", True)
        assert [told["role"] for told in asked["messages"]] == ["system", "user"]


async def test_the_model_is_told_what_was_said_and_what_was_found(tmp_path: Path) -> None:
    replies = Reply(words("17 days.")), Reply(words("Yes."))
    async with answering(tmp_path, *replies, seed_kb=True) as (scripted, _, client):
        session_id = await client.session()
        first = await client.turn(session_id, "How long is the return window?")
        assert details(first[-1])["citations"][0]["id"] == "returns.md"
        await client.turn(session_id, "Really?")
        system, *said = scripted.requests[1]["messages"]
        assert [(one["role"], one["content"]) for one in said] == [
            ("user", "How long is the return window?"),
            ("assistant", "17 days."),
            ("user", "Really?"),
        ]
        assert "17-day return window" in scripted.requests[0]["messages"][0]["content"]
        assert system["content"].startswith("You are a helpful assistant.")


async def test_tools_that_are_wanted_together_are_answered_together(tmp_path: Path) -> None:
    wanted = [("knowledge_search", {"query": "return"}), ("knowledge_search", {"query": "ship"})]
    replies = Reply(calls(*wanted)), Reply(words("Both found."))
    async with answering(tmp_path, *replies, seed_kb=True) as (scripted, _, client):
        frames = await client.turn(await client.session(), "Look it up")
        chunks = [frame for frame in frames if frame["type"] == "stream_chunk"]
        assert [step(chunk).get("arguments") for chunk in chunks[::2]] == [
            arguments for _, arguments in wanted
        ]
        assert len({step(chunk)["callId"] for chunk in chunks}) == 2
        results = [one for one in scripted.requests[1]["messages"] if one["role"] == "tool"]
        assert [one["tool_call_id"] for one in results] == ["call_0", "call_1"]
        offered = {one["function"]["name"] for one in scripted.requests[0]["tools"]}
        assert "knowledge_search" in offered


async def test_tools_that_ask_nobody_run_together_and_are_told_of_in_order(tmp_path: Path) -> None:
    meeting = asyncio.Barrier(2)

    async def meet(arguments: dict[str, Any], _: ToolContext) -> Any:
        async with asyncio.timeout(20):
            await meeting.wait()  # the second call has to run for the first one to end
        return arguments["who"]

    tool = Tool("meet", "Meets another.", {"type": "object"}, meet)
    replies = Reply(calls(("meet", {"who": "a"}), ("meet", {"who": "b"}))), Reply(words("Met."))
    async with answering(tmp_path, *replies, tools=[tool]) as (_, __, client):
        frames = await client.turn(await client.session(), "Meet")
        chunks = [step(frame) for frame in frames if frame["type"] == "stream_chunk"]
        assert [chunk.get("result", chunk.get("arguments")) for chunk in chunks] == [
            {"who": "a"},
            "a",
            {"who": "b"},
            "b",
        ]


async def test_a_tool_waits_for_the_person(tmp_path: Path) -> None:
    replies = Reply(calls(("knowledge_search", {"query": "x"}))), Reply(words("Not allowed."))
    async with answering(tmp_path, *replies, confirm_tools=("search",)) as (scripted, _, client):
        session_id = await client.session()
        request_id = await client.tx("send_message", sessionId=session_id, message="Search")
        await client.until("write_confirmation_required")
        await client.tx(
            "confirm_tool_action", sessionId=session_id, requestId=request_id, approved=False
        )
        frames = await client.until("eventual_response")
        assert text_of(frames) == "Not allowed."
        (result,) = [one for one in scripted.requests[1]["messages"] if one["role"] == "tool"]
        assert "did not approve" in result["content"]


async def test_arguments_that_are_no_json_are_told_to_the_model(tmp_path: Path) -> None:
    broken = [
        {
            "tool_calls": [
                {
                    "index": 0,
                    "id": "c",
                    "type": "function",
                    "function": {"name": "knowledge_search", "arguments": '{"query": '},
                }
            ]
        }
    ]
    async with answering(tmp_path, Reply(broken), Reply(words("Sorry."))) as (scripted, _, client):
        frames = await client.turn(await client.session(), "Search")
        assert text_of(frames) == "Sorry."
        chunks = [frame for frame in frames if frame["type"] == "stream_chunk"]
        assert step(chunks[-1])["isError"] is True
        assert len(scripted.requests) == 2


async def test_a_cancel_stops_the_call(tmp_path: Path) -> None:
    async with answering(tmp_path, Reply(words("Well, "), stall=True)) as running:
        scripted, server, client = running
        session_id = await client.session()
        request_id = await client.tx("send_message", sessionId=session_id, message="Hi")
        await advancing(server, client, "stream_token")
        await client.tx("cancel", sessionId=session_id, requestId=request_id)
        await client.rx("cancelled")
        async with asyncio.timeout(20):
            await scripted.left.wait()


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_call_that_may_succeed_is_tried_again(tmp_path: Path, status: int) -> None:
    replies = Reply(status=status, headers={"retry-after": "2"}), Reply(words("Here."))
    async with answering(tmp_path, *replies) as (scripted, server, client):
        session_id = await client.session()
        await client.tx("send_message", sessionId=session_id, message="Hi")
        frames = await advancing(server, client)
        assert text_of(frames) == "Here."
        assert len(scripted.requests) == 2


@pytest.mark.parametrize(
    ("replies", "text"),
    [
        ([Reply(status=401)], "the model endpoint refuses the key"),
        ([Reply(status=404)], "the model endpoint knows no such model"),
        ([Reply(status=400)], "the model endpoint answered with status 400"),
        ([Reply(status=500)] * 3, "the model endpoint answered with status 500"),
        (
            [Reply(status=429, headers={"retry-after": "900"})],
            "the model endpoint takes no more calls at present",
        ),
        ([Reply(cut=True)] * 3, "the model endpoint cannot be reached"),
        ([Reply()], "the model endpoint answered with something that is no answer"),
    ],
    ids=["key", "model", "refused", "broken", "patience", "cut", "empty"],
)
async def test_a_call_that_fails_ends_the_turn_in_words_of_our_own(
    tmp_path: Path, replies: list[Reply], text: str
) -> None:
    async with answering(tmp_path, *replies) as (scripted, server, client):
        session_id = await client.session()
        await client.tx("send_message", sessionId=session_id, message="Hi")
        frames = await advancing(server, client)
        assert (frames[-1]["error"]["code"], frames[-1]["error"]["message"]) == (
            "AGENT_ERROR",
            text,
        )
        assert scripted.replies == []
        assert "secret words" not in json.dumps(frames)


async def test_an_answer_that_is_cut_is_not_begun_again(tmp_path: Path) -> None:
    async with answering(tmp_path, Reply(words("Half "), cut=True), Reply()) as running:
        scripted, server, client = running
        await client.tx("send_message", sessionId=await client.session(), message="Hi")
        assert text_of(await advancing(server, client, "stream_token")) == "Half "
        scripted.shown.set()
        frame = await client.rx("error")
        assert frame["error"]["message"] == "the model endpoint cannot be reached"
        assert len(scripted.requests) == 1


async def test_an_endpoint_that_fails_again_and_again_is_left_alone_for_a_while(
    tmp_path: Path,
) -> None:
    replies = [Reply(status=500)] * 5 + [Reply(words("Back."))]
    async with answering(tmp_path, *replies) as (scripted, server, client):
        session_id = await client.session()
        for _ in range(2):
            await client.tx("send_message", sessionId=session_id, message="Hi")
            frames = await advancing(server, client)
            if scripted.replies == replies[5:]:
                break
        code = await client.refusal("send_message", sessionId=session_id, message="Hi")
        assert code == "LLM_UNAVAILABLE"
        await server.clock.advance(31)
        assert text_of(await client.turn(session_id, "Hi")) == "Back."
        assert frames[-1]["type"] == "error"


async def test_an_agent_has_its_own_model_words_and_budget(tmp_path: Path) -> None:
    (tmp_path / "helper.yaml").write_text(AGENT, encoding="utf-8")
    replies = Reply(calls(("knowledge_search", {"query": "x"})), usage=(300, 90)), Reply()
    agents = tmp_path / "helper.yaml"
    async with answering(tmp_path, *replies, agents=agents) as (scripted, _, client):
        frames = await client.turn(await client.session(agentId="helper"), "Hi")
        assert "budget" in frames[-1]["error"]["message"]
        (asked,) = scripted.requests
        assert asked["model"] == "small"
        assert asked["messages"][0]["content"].startswith("Be brief.")
        assert asked["max_completion_tokens"] < 400


async def test_pictures_reach_the_model_and_files_by_name(tmp_path: Path) -> None:
    picture = "data:image/png;base64,iVBORw0KGgo="
    async with answering(tmp_path, Reply(words("A cat."))) as (scripted, _, client):
        await client.turn(
            await client.session(),
            "What is it?",
            images=[{"url": picture}],
            files=[{"name": "a.txt", "url": "https://files.example/a.txt"}],
            model="seeing",
        )
        (asked,) = scripted.requests
        assert asked["model"] == "seeing"
        text, shown = asked["messages"][-1]["content"]
        assert (text["text"], shown["image_url"]["url"]) == ("What is it?", picture)
        assert "a.txt" in asked["messages"][0]["content"]


async def test_an_endpoint_that_falls_silent_ends_the_turn(tmp_path: Path) -> None:
    replies = Reply(stall=True), Reply(words("Well, "), stall=True)
    settings = {"model_silence_secs": 0.3, "model_attempts": 1}
    async with answering(tmp_path, *replies, **settings) as (scripted, server, client):
        session_id = await client.session()
        for said in ("", "Well, "):
            await client.tx("send_message", sessionId=session_id, message="Hi")
            frames = await advancing(server, client)
            assert text_of(frames) == said
            assert frames[-1]["error"]["message"] == "the model endpoint does not answer"
        async with asyncio.timeout(20):
            await scripted.left.wait()


def test_one_call_tries_an_endpoint_that_has_rested() -> None:
    now = 0.0
    breaker = Breaker(lambda: now)
    for _ in range(THRESHOLD):
        assert breaker.enter()
        breaker.failed()
    assert not breaker.enter()
    now = REST_S + 1
    assert [breaker.enter(), breaker.enter()] == [True, False]
    breaker.failed()
    assert not breaker.enter()
    now += REST_S + 1
    assert breaker.enter()
    breaker.succeeded()
    assert breaker.enter()
    assert breaker.enter()


@pytest.mark.parametrize("url", ["x", "", "file:///etc/passwd", "http://127.0.0.1:1/a", "data:,"])
async def test_a_picture_is_never_fetched_from_here(tmp_path: Path, url: str) -> None:
    async with answering(tmp_path, Reply(words("I see."))) as (scripted, _, client):
        frames = await client.turn(await client.session(), "What?", images=[{"url": url}])
        if frames[-1]["type"] == "eventual_response":
            shown = scripted.requests[0]["messages"][-1]["content"][1]
            assert shown["image_url"]["url"] == url
        else:
            assert frames[-1]["error"]["code"] == "AGENT_ERROR"
