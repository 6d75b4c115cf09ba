"""The agent system "workflow": a graph of questions to the model, tools, choices, and an answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from smooth_operator_server.agents import AgentFileError, AgentSpec, read_agents
from smooth_operator_server.agents.workflow import Edge, Node, Workflow, filled
from smooth_operator_server.clock import SystemClock
from smooth_operator_server.engine import Failure, Reached, Text, ToolCall, ToolResult, TurnInput
from smooth_operator_server.engine.model import ModelEngine, ModelSettings

from .support import Client, details, kinds, step, text_of
from .support_endpoint import Endpoint, Reply, calls, endpoint, words
from .test_interactions import submit
from .test_model import answering
from .test_planned import NoAccounts, told
from .test_recovery import LEASE_S, Killable, database, killable, said

__all__ = ["database"]

GRAPH = """
id: agent
system: workflow
workflow:
  start: sort
  nodes:
    sort: {ask: "What does the person want? {message}", choices: [refund, question]}
    order:
      ask: Which order?
      schema: {type: object, required: [id], properties: {id: {type: integer}}}
    look: {tool: knowledge_search, arguments: {query: "order {order.id}", limit: "{order.id}"}}
    sure: {person: "Refund order {order.id}?", choices: ["yes", "no"]}
    refunded: {say: "The person chose {sure}; tell them so."}
    answer: {say: "Answer the question."}
  edges:
    - {from: sort, when: {sort: refund}, to: order}
    - {from: sort, to: answer}
    - {from: order, to: look}
    - {from: look, to: sure}
    - {from: sure, when: {sure: "yes"}, to: refunded}
    - {from: sure, to: answer}
"""


@asynccontextmanager
async def following(
    folder: Path, *replies: Reply, graph: str = GRAPH
) -> AsyncIterator[tuple[Endpoint, Client]]:
    file = folder / "agent.yaml"
    file.write_text(graph)
    async with answering(folder, *replies, agents=file) as (scripted, _, client):
        yield scripted, client


async def test_it_takes_the_edge_that_holds_and_answers(tmp_path: Path) -> None:
    replies = [Reply(words("Question."), usage=(1, 1)), Reply(words("Yes, we do."), usage=(1, 1))]
    async with following(tmp_path, *replies) as (scripted, client):
        frames = await client.turn(await client.session(), "Do you ship?")
        assert text_of(frames) == "Yes, we do."
        assert details(frames[-1])["usage"]["promptTokens"] == 2
        first, last = scripted.requests
        assert "tools" not in first
        assert "What does the person want? Do you ship?" in told(first)
        assert '["refund", "question"]' in told(first)
        assert told(last) == "Answer the question."


async def test_a_tool_and_a_person_are_asked_on_the_way(tmp_path: Path) -> None:
    replies = [Reply(words("refund")), Reply(words('```json\n{"id": 7}\n```')), Reply(words("Ok."))]
    async with following(tmp_path, *replies) as (scripted, client):
        session = await client.session(supports=["choice_chips"])
        await client.tx("send_message", sessionId=session, message="Refund me", requestId="t")
        frames = await client.until("interaction_required")
        assert step(frames[1])["arguments"] == {"query": "order 7", "limit": 7}
        asked = details(frames[-1])
        assert asked["spec"]["questions"][0]["question"] == "Refund order 7?"
        chosen = {"answers": [{"header": "Choice", "options": ["yes"]}]}
        await submit(client, session, frames[-1], values=chosen)
        frames = await client.until("eventual_response")
        assert text_of(frames) == "Ok."
        assert told(scripted.requests[-1]) == "The person chose yes; tell them so."


async def test_an_answer_that_does_not_fit_is_asked_for_once_more(tmp_path: Path) -> None:
    replies = [Reply(words("dunno")), Reply(words("question")), Reply(words("Fine."))]
    async with following(tmp_path, *replies) as (scripted, client):
        assert text_of(await client.turn(await client.session(), "Hi")) == "Fine."
        assert "it is none of the choices" in told(scripted.requests[1])
    async with following(tmp_path, Reply(words("dunno")), Reply(words("dunno"))) as (_, client):
        frames = await client.turn(await client.session(), "Hi")
        assert "the node sort" in frames[-1]["error"]["message"]


async def test_a_circle_comes_to_an_end(tmp_path: Path) -> None:
    graph = """
id: agent
system: workflow
workflow:
  start: a
  nodes: {a: {ask: "?"}, b: {say: "!"}}
  edges: [{from: a, when: {a: done}, to: b}, {from: a, to: a}]
"""
    async with following(tmp_path, *[Reply(words("on"))] * 51, graph=graph) as (scripted, client):
        frames = await client.turn(await client.session(), "Hi")
        assert "more than 50 nodes" in frames[-1]["error"]["message"]
        assert len(scripted.replies) == 1


async def test_a_model_that_fails_ends_the_turn(tmp_path: Path) -> None:
    async with following(tmp_path, Reply(status=400)) as (_, client):
        frames = await client.turn(await client.session(), "Hi")
        assert frames[-1]["error"]["code"] == "AGENT_ERROR"


async def test_the_answer_may_call_tools_as_ever(tmp_path: Path) -> None:
    replies = [
        Reply(words("question")),
        Reply(calls(("knowledge_search", {"query": "shipping"}))),
        Reply(words("We do.")),
    ]
    async with following(tmp_path, *replies) as (_, client):
        frames = await client.turn(await client.session(), "Do you ship?")
        assert kinds(frames).count("stream_chunk") == 2
        assert text_of(frames) == "We do."


async def test_it_goes_on_where_it_was_saved() -> None:
    nodes = {
        "look": Node("look", "tool", "look", arguments={"what": "{message}"}),
        "end": Node("end", "say", "Say {look}"),
    }
    workflow = Workflow("look", nodes, (Edge("look", "end"),))
    async with endpoint(Reply(words("done"))) as (scripted, url):
        accounts: Any = NoAccounts()
        engine = ModelEngine(ModelSettings(url, "key", "m"), SystemClock(), lambda: "id", accounts)
        turn = TurnInput("t", "Hi", agent=AgentSpec("a", system="workflow", workflow=workflow))
        first = engine.begin(turn)
        (call,) = [event async for event in first.step() if isinstance(event, ToolCall)]
        assert call.arguments == {"what": "Hi"}
        second = engine.begin(turn, first.save())
        given = ToolResult(call.call_id, "look", {"seen": 1})
        said = [event async for event in second.step([given]) if isinstance(event, Text)]
        assert [text.piece for text in said] == ["done"]
        assert told(scripted.requests[-1]) == 'Say {"seen": 1}'
        third = engine.begin(turn, first.save())
        broken = ToolResult(call.call_id, "look", "it broke", is_error=True)
        events = [event async for event in third.step([broken])]
        assert isinstance(events[-1], Failure), "the endpoint has no reply left"
        assert told(scripted.requests[-1]) == "Say null"
        await engine.aclose()


TWICE = """
id: agent
system: workflow
workflow:
  start: sort
  nodes:
    sort: {ask: "What does the person want?"}
    size: {ask: "How large? {sort}"}
    answer: {say: "Say {sort} and {size}"}
  edges: [{from: sort, to: size}, {from: size, to: answer}]
"""


@asynccontextmanager
async def process(folder: Path, database: str, model: str) -> AsyncIterator[Killable]:
    """Run a server in a process of its own that follows the graph."""
    file = folder / "agent.yaml"
    file.write_text(TWICE)
    settings = {"SMOOTH_AGENT_LEASE_SECS": LEASE_S, "SMOOAI_GATEWAY_URL": model}
    settings["DATABASE_URL" if "://" in database else "SMOOTH_AGENT_DB"] = database
    command = ("-m", "smooth_operator_server", "--port", "0", "--agents", str(file))
    async with killable(*command, **settings) as running:
        yield running


async def test_a_node_that_was_asked_is_not_asked_again_after_a_kill(
    tmp_path: Path, database: str
) -> None:
    replies = [Reply(words("a lamp")), Reply(words("never"), stall=True)]
    async with endpoint(*replies) as (scripted, url):
        async with process(tmp_path, database, url) as server, server.client() as client:
            session = await client.session()
            await client.tx("send_message", sessionId=session, message="Hi")
            async with asyncio.timeout(60):
                while len(scripted.requests) < 2:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            await server.kill()
        scripted.replies[:] = [Reply(words("small")), Reply(words("A small lamp."))]
        async with process(tmp_path, database, url) as server, server.client() as client:
            assert await said(client, session, 2) == ["Hi", "A small lamp."]
        asked = [told(request) for request in scripted.requests]
        assert asked[2:] == ["How large? a lamp", "Say a lamp and small"]


async def test_two_turns_may_go_on_from_what_one_saved() -> None:
    nodes = {
        "sort": Node("sort", "ask", "What?"),
        "size": Node("size", "ask", "How large?"),
        "end": Node("end", "say", "Say {sort} and {size}"),
    }
    workflow = Workflow("sort", nodes, (Edge("sort", "size"), Edge("size", "end")))
    replies = [[words("lamp")], [words("small"), words("one")], [words("large"), words("two")]]
    async with endpoint(*(Reply(one) for some in replies for one in some)) as (scripted, url):
        accounts: Any = NoAccounts()
        engine = ModelEngine(ModelSettings(url, "key", "m"), SystemClock(), lambda: "id", accounts)
        turn = TurnInput("t", "Hi", agent=AgentSpec("a", system="workflow", workflow=workflow))
        first = engine.begin(turn)
        async with aclosing(first.step()) as events:
            async for event in events:
                if isinstance(event, Reached):
                    break
        kept = first.save()
        for size in ("small", "large"):
            other = engine.begin(turn, kept)
            assert [event async for event in other.step() if isinstance(event, Text)]
            assert told(scripted.requests[-1]) == f"Say lamp and {size}"
        assert len(scripted.requests) == 5
        await engine.aclose()


def test_texts_show_values() -> None:
    values = {"a": "x", "b": {"c": [1, "ä"]}, "message": "{a}"}
    assert (
        filled("{a} and {b.c} and {b.d} and {b.c.e}", values) == 'x and [1, "ä"] and null and null'
    )
    assert filled("{b}", values) == {"c": [1, "ä"]}
    assert filled("{message}!", values) == "{a}!", "what a value says is no template"
    assert filled({"k": ["{a}", 1, None]}, values) == {"k": ["x", 1, None]}
    assert filled('{"json": true} {A} {}', values) == '{"json": true} {A} {}'


def graph(nodes: str, edges: str = "[]", start: str = "a") -> str:
    body = json.dumps(start)
    return f"id: a\nsystem: workflow\nworkflow: {{start: {body}, nodes: {nodes}, edges: {edges}}}\n"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("id: a\nsystem: workflow\n", "/workflow is missing"),
        ("id: a\nworkflow: {start: a, nodes: {a: {say: b}}, edges: []}\n", "/workflow is there"),
        (graph("{a: {say: x}}", start="b"), "/workflow/start: there is no node b"),
        (graph("{a: {say: x, ask: y}}"), "/workflow/nodes/a"),
        (graph("{a: {ask: x}}"), "/workflow/nodes/a: an edge without when"),
        (graph("{a: {ask: x}}", "[{from: a, to: b}]"), "/workflow/edges/0/to"),
        (graph("{a: {say: x}, b: {say: y}}"), "/workflow/nodes/b: no edge leads there"),
        (graph("{a: {say: x}}", "[{from: a, to: a}]"), "/workflow/nodes/a: the answer is the end"),
        (graph("{a: {say: '{c.d}'}}"), "/workflow/nodes/a: there is no node c"),
        (
            graph(
                "{a: {ask: x}, b: {say: y}}", "[{from: a, to: b, when: {c: 1}}, {from: a, to: b}]"
            ),
            "/workflow/edges/0/when",
        ),
        (
            graph("{a: {ask: x, schema: {type: nope}}, b: {say: y}}", "[{from: a, to: b}]"),
            "/workflow/nodes/a/schema",
        ),
        (
            graph(
                "{a: {ask: x, schema: {$ref: 'http://x.example/y'}}, b: {say: y}}",
                "[{from: a, to: b}]",
            ),
            "/workflow/nodes/a/schema",
        ),
        (graph("{message: {say: x}}", start="message"), "/workflow/nodes"),
    ],
)
def test_a_file_whose_graph_is_none_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    file = tmp_path / "agent.yaml"
    file.write_text(text)
    with pytest.raises(AgentFileError) as refused:
        read_agents(file)
    assert fault in str(refused.value)
    assert "\n" not in str(refused.value)
