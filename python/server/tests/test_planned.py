"""The agent system "plan": a plan, its steps, and a check before anybody sees the answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from smooth_operator_server.agents import AgentSpec
from smooth_operator_server.clock import SystemClock
from smooth_operator_server.engine import Text, ToolCall, ToolResult, TurnInput
from smooth_operator_server.engine.model import ModelEngine, ModelSettings

from .support import Client, details, kinds, text_of
from .support_endpoint import Endpoint, Reply, calls, endpoint, words
from .test_model import answering


@asynccontextmanager
async def planning(
    folder: Path, *replies: Reply, more: str = ""
) -> AsyncIterator[tuple[Endpoint, Client]]:
    file = folder / "agent.yaml"
    file.write_text(f"id: agent\nsystem: plan\n{more}")
    async with answering(folder, *replies, agents=file) as (scripted, _, client):
        yield scripted, client


def told(request: Any) -> str:
    return str(request["messages"][-1]["content"])


async def test_it_plans_does_and_has_its_answer_checked(tmp_path: Path) -> None:
    replies = [
        Reply(words("1. Look the price up."), usage=(1, 1)),
        Reply(calls(("knowledge_search", {"query": "price"})), usage=(1, 1)),
        Reply(words("It costs a lot."), usage=(1, 1)),
        Reply(words("The price is missing."), usage=(1, 1)),
        Reply(words("It costs ", "12 euros."), usage=(1, 1)),
        Reply(words("GOOD"), usage=(1, 1)),
    ]
    async with planning(tmp_path, *replies) as (scripted, client):
        frames = await client.turn(await client.session(), "What does it cost?")
        assert kinds(frames) == [
            "immediate_response",
            "stream_reasoning",
            "stream_chunk",
            "stream_chunk",
            "stream_token",
            "eventual_response",
        ]
        assert text_of(frames) == "It costs 12 euros."
        assert details(frames[-1])["usage"]["promptTokens"] == 6
        plan, first, _, check, again, _ = scripted.requests
        assert "tools" not in plan
        assert first["tools"]
        assert "write a plan" in told(plan)
        assert "1. Look the price up." in told(first)
        assert "Check your last answer" in told(check)
        assert "The price is missing." in told(again)


async def test_a_draft_is_written_again_only_so_often(tmp_path: Path) -> None:
    rounds = [Reply(words("draft")), Reply(words("no"))] * 2
    replies = [Reply(words("plan")), *rounds, Reply(words("last"))]
    async with planning(tmp_path, *replies) as (scripted, client):
        frames = await client.turn(await client.session(), "Hi")
        assert text_of(frames) == "last"
        assert scripted.replies == []


async def test_a_check_that_fails_keeps_no_answer_back(tmp_path: Path) -> None:
    replies = [Reply(words("plan")), Reply(words("answer")), Reply(status=400)]
    async with planning(tmp_path, *replies) as (_, client):
        frames = await client.turn(await client.session(), "Hi")
        assert text_of(frames) == "answer"


async def test_a_plan_that_fails_or_is_too_dear_ends_the_turn(tmp_path: Path) -> None:
    async with planning(tmp_path, Reply(status=400)) as (_, client):
        frames = await client.turn(await client.session(), "Hi")
        assert frames[-1]["error"]["code"] == "AGENT_ERROR"
    async with planning(tmp_path, more="budget: {tokens: 20}\n") as (scripted, client):
        frames = await client.turn(await client.session(), "Hi")
        assert "budget" in frames[-1]["error"]["message"]
        assert scripted.requests == []


class NoAccounts:
    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


async def test_it_goes_on_from_what_it_saved() -> None:
    replies = [Reply(words("plan")), Reply(calls(("look", {}))), Reply(words("done"))]
    async with endpoint(*replies, Reply(words("GOOD"))) as (scripted, url):
        accounts: Any = NoAccounts()
        settings = ModelSettings(url, "key", "m")
        engine = ModelEngine(settings, SystemClock(), lambda: "id", accounts)
        turn = TurnInput("t", "Hi", agent=AgentSpec("a", system="plan"))
        first = engine.begin(turn)
        (call,) = [event async for event in first.step() if isinstance(event, ToolCall)]
        second = engine.begin(turn, first.save())
        given = ToolResult(call.call_id, "look", "seen")
        said = [event async for event in second.step([given]) if isinstance(event, Text)]
        assert [text.piece for text in said] == ["done"]
        assert len(scripted.requests) == 4
        await engine.aclose()
