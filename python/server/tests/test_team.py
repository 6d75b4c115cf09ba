"""The agent system "team": a leader that asks, and members that work at once, in line, or vote."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from smooth_operator_server.agents import AgentFileError, AgentSpec, read_agents
from smooth_operator_server.agents.team import Decision, Member, Team, decided, vote_of
from smooth_operator_server.clock import SystemClock
from smooth_operator_server.engine import Text, ToolCall, ToolResult, TurnInput
from smooth_operator_server.engine.model import ModelEngine, ModelSettings

from .support import Client, details, kinds, text_of
from .support_endpoint import Endpoint, Reply, calls, endpoint, words
from .test_model import answering
from .test_planned import NoAccounts

MEMBERS = """
    - {name: reader, instructions: You read closely.}
    - {name: doubter, instructions: You doubt., model: large}
"""


@asynccontextmanager
async def led(
    folder: Path, pattern: str, *replies: Reply, more: str = ""
) -> AsyncIterator[tuple[Endpoint, Client]]:
    file = folder / "agent.yaml"
    team = f"team:\n  pattern: {pattern}\n  members:{MEMBERS}"
    file.write_text(f"id: agent\nsystem: team\nmodel: small\n{team}{more}")
    async with answering(folder, *replies, agents=file) as (scripted, _, client):
        yield scripted, client


def told(request: Any) -> str:
    return str([message["content"] for message in request["messages"]])


def asked_by_word(requests: list[Any], word: str) -> Any:
    """Return the request with a word in it: those that are made at once come in any order."""
    (found,) = [one for one in requests if word in told(one)]
    return found


async def test_a_leader_asks_members_as_it_calls_tools(tmp_path: Path) -> None:
    replies = [
        Reply(calls(("ask_reader", {"message": "What is the price?"})), usage=(1, 1)),
        Reply(words("12 euros"), usage=(1, 1)),
        Reply(words("It costs 12 euros."), usage=(1, 1)),
    ]
    async with led(tmp_path, "leader", *replies) as (scripted, client):
        frames = await client.turn(await client.session(), "What does it cost?")
        assert text_of(frames) == "It costs 12 euros."
        assert kinds(frames).count("stream_chunk") == 0, "members are no tools of the server"
        assert details(frames[-1])["usage"]["promptTokens"] == 3
        first, member, last = scripted.requests
        names = {tool["function"]["name"] for tool in first["tools"]}
        assert {"ask_reader", "ask_doubter", "knowledge_search"} <= names
        assert "tools" not in member
        assert "You read closely." in told(member)
        assert "What is the price?" in told(member)
        assert "What does it cost?" not in told(member), "the leader says what it has to know"
        assert last["messages"][-1]["content"] == "12 euros"


async def test_members_and_tools_that_are_called_together_are_both_answered(
    tmp_path: Path,
) -> None:
    both = calls(
        ("knowledge_search", {"query": "price"}), ("ask_reader", {"message": "Read the page"})
    )
    replies = [Reply(both), Reply(words("read")), Reply(words("Done."))]
    async with led(tmp_path, "leader", *replies) as (scripted, client):
        frames = await client.turn(await client.session(), "Hi")
        assert text_of(frames) == "Done."
        results = [m for m in scripted.requests[-1]["messages"] if m["role"] == "tool"]
        assert [result["tool_call_id"] for result in results] == ["call_0", "call_1"]
        assert results[1]["content"] == "read"


async def test_a_member_that_fails_is_a_result_for_its_leader(tmp_path: Path) -> None:
    replies = [
        Reply(calls(("ask_reader", {"message": "Read"}))),
        Reply(status=400),
        Reply(words("Without them.")),
    ]
    async with led(tmp_path, "leader", *replies) as (_, client):
        frames = await client.turn(await client.session(), "Hi")
        assert text_of(frames) == "Without them."


async def test_a_leader_that_only_ever_asks_comes_to_an_end(tmp_path: Path) -> None:
    rounds = [Reply(calls(("ask_reader", {"message": "?"}))), Reply(words("!"))] * 8
    async with led(tmp_path, "leader", *rounds) as (scripted, client):
        frames = await client.turn(await client.session(), "Hi")
        assert frames[-1]["error"]["code"] == "AGENT_ERROR"
        assert scripted.replies == []


async def test_all_work_at_once_and_the_leader_answers(tmp_path: Path) -> None:
    replies = [Reply(words("said")), Reply(words("said")), Reply(words("Together."))]
    async with led(tmp_path, "parallel", *replies) as (scripted, client):
        frames = await client.turn(await client.session(), "Is it so?")
        assert text_of(frames) == "Together."
        assert kinds(frames).count("stream_reasoning") == 2
        *members, leader = scripted.requests
        assert asked_by_word(members, "You read closely.")["model"] == "small"
        assert asked_by_word(members, "You doubt.")["model"] == "large"
        assert all("Is it so?" in told(member) for member in members)
        assert "reader:\\nsaid" in told(leader)
        assert leader["tools"]


async def test_a_line_hands_on_what_was_made(tmp_path: Path) -> None:
    replies = [Reply(words("draft")), Reply(words("better")), Reply(words("Final."))]
    async with led(tmp_path, "pipeline", *replies) as (scripted, client):
        frames = await client.turn(await client.session(), "Write")
        assert text_of(frames) == "Final."
        first, second, leader = scripted.requests
        assert "draft" not in told(first)
        assert "draft" in told(second)
        assert "better" in told(leader)
        assert "draft" not in told(leader)


async def test_the_majority_is_counted_and_the_leader_says_it(tmp_path: Path) -> None:
    replies = [Reply(words("Hm.\nVOTE: Yes")), Reply(words("VOTE: yes.")), Reply(words("Yes."))]
    async with led(tmp_path, "majority", *replies) as (scripted, client):
        frames = await client.turn(await client.session(), "Is it so?")
        assert text_of(frames) == "Yes."
        assert "2 of 2 say" in told(scripted.requests[-1])


async def test_one_that_cannot_answer_is_left_out_and_nobody_ends_the_turn(tmp_path: Path) -> None:
    async with led(
        tmp_path, "parallel", Reply(status=400), Reply(words("here")), Reply(words("One."))
    ) as (_, client):
        assert text_of(await client.turn(await client.session(), "Hi")) == "One."
    async with led(tmp_path, "parallel", Reply(status=400), Reply(status=400)) as (_, client):
        frames = await client.turn(await client.session(), "Hi")
        assert frames[-1]["error"]["code"] == "AGENT_ERROR"


async def test_a_budget_that_is_not_enough_for_all_asks_nobody(tmp_path: Path) -> None:
    async with led(tmp_path, "parallel", more="budget: {tokens: 60}\n") as (scripted, client):
        frames = await client.turn(await client.session(), "Hi")
        assert "budget" in frames[-1]["error"]["message"]
        assert scripted.requests == []


async def test_a_small_budget_is_shared(tmp_path: Path) -> None:
    replies = [Reply(words("a")), Reply(words("b")), Reply(words("Done."))]
    async with led(tmp_path, "parallel", *replies, more="budget: {tokens: 1700}\n") as (
        scripted,
        client,
    ):
        assert text_of(await client.turn(await client.session(), "Hi")) == "Done."
        members = scripted.requests[:2]
        assert all(member["max_completion_tokens"] <= 500 for member in members)


def test_votes_are_read_and_counted() -> None:
    assert vote_of("I think\nvote: 12 ") == "12"
    assert vote_of("VOTE: a\nno, VOTE: b\nVOTE: c") == "c"
    assert vote_of("VOTE:") is None
    assert vote_of("no idea") is None
    assert decided(["no idea"]) is None
    answers = ["VOTE: No", "VOTE: yes", "VOTE:  Yes. ", "VOTE: no", "abstain"]
    assert decided(answers) == Decision("No", 2, 5)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("id: a\nsystem: team\n", "/team is missing"),
        ("id: a\nteam: {pattern: leader, members: [{name: b, instructions: c}]}\n", "/system"),
        ("id: a\nsystem: team\nteam: {pattern: queue, members: []}\n", "/team"),
        (
            "id: a\nsystem: team\nteam: {pattern: leader, members: [*b, *b]}".replace(
                "*b", "{name: b, instructions: c}"
            ),
            "/team/members/1/name is that of /team/members/0 already",
        ),
        (
            "id: a\nsystem: team\nteam: {pattern: leader, members: [{name: B c, instructions: d}]}",
            "/team/members/0/name",
        ),
    ],
)
def test_a_file_whose_team_is_none_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    file = tmp_path / "agent.yaml"
    file.write_text(text)
    with pytest.raises(AgentFileError) as refused:
        read_agents(file)
    assert fault in str(refused.value)


async def test_it_goes_on_from_what_it_saved_with_the_words_of_its_members() -> None:
    both = calls(("ask_b", {"message": "?"}), ("look", {}))
    async with endpoint(Reply(both), Reply(words("heard")), Reply(words("done"))) as (seen, url):
        accounts: Any = NoAccounts()
        engine = ModelEngine(ModelSettings(url, "key", "m"), SystemClock(), _ids(), accounts)
        team = Team("leader", (Member("b", "You are b."),))
        turn = TurnInput("t", "Hi", agent=AgentSpec("a", system="team", team=team))
        first = engine.begin(turn)
        (call,) = [event async for event in first.step() if isinstance(event, ToolCall)]
        second = engine.begin(turn, json.loads(json.dumps(first.save().decode())).encode())
        given = ToolResult(call.call_id, "look", "seen")
        said = [event async for event in second.step([given]) if isinstance(event, Text)]
        assert [text.piece for text in said] == ["done"]
        results = [m["content"] for m in seen.requests[-1]["messages"] if m["role"] == "tool"]
        assert results == ["heard", "seen"]
        await engine.aclose()


def _ids() -> Any:
    numbers = iter(range(100))
    return lambda: f"id-{next(numbers)}"
