"""Agent files: read, refused, and obeyed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from smooth_operator_server.agents import AgentFileError, AgentSpec, Budget, read_agents

from .support import Client, kinds, serving, step

TOOLS: dict[str, Any] = {
    "model": [{"toolCall": {"name": "rm"}}, {"text": "Done"}] * 3,
    "tools": [{"name": "rm", "result": "removed"}, {"name": "look", "result": 1}],
    "otp": {"code": "012345"},
}


def agents(folder: Path, **files: str) -> Path:
    place = folder / "agents"
    place.mkdir()
    for name, text in files.items():
        (place / f"{name}.yaml").write_text(text, encoding="utf-8")
    return place


async def test_a_session_names_an_agent_that_there_is(tmp_path: Path) -> None:
    place = agents(tmp_path, a="id: sam\nname: Sam\n")
    async with serving(tmp_path, TOOLS, agents=place) as server, server.client() as client:
        code = await client.refusal("create_conversation_session", agentId="max")
        assert code == "AGENT_NOT_AUTHORIZED"
        data = await client.result("create_conversation_session", agentId="sam")
        assert (data["agentId"], data["agentName"]) == ("sam", "Sam")


async def test_other_ids_are_taken_when_the_server_is_open(tmp_path: Path) -> None:
    place = agents(tmp_path, a="id: sam\nname: Sam\n")
    open_too = {"agents": place, "open_agents": True}
    async with serving(tmp_path, TOOLS, **open_too) as server, server.client() as client:
        data = await client.result("create_conversation_session", agentId="max")
        assert data["agentName"] == "smooth-agent"


async def test_a_tool_that_is_not_the_agents_does_not_exist_for_it(tmp_path: Path) -> None:
    place = agents(tmp_path, a="id: sam\ntools: [look]\n")
    async with serving(tmp_path, TOOLS, agents=place) as server, server.client() as client:
        data = await client.result("create_conversation_session", agentId="sam")
        frames = await client.turn(data["sessionId"])
        assert step(frames[2]) == {"name": "rm", "isError": True, "result": "there is no tool rm"}


@pytest.mark.parametrize(
    ("asks", "question"),
    [
        ("confirmTools: [r]", "write_confirmation_required"),
        ("authTools: {rm: end_user}", "otp_verification_required"),
    ],
)
async def test_an_agent_asks_for_more_than_the_tool(
    tmp_path: Path, asks: str, question: str
) -> None:
    place = agents(tmp_path, a=f"id: sam\n{asks}\n")
    async with (
        serving(tmp_path, TOOLS, agents=place) as server,
        server.client(extended=True) as client,
    ):
        session_id = await client.session(agentId="sam")
        await client.tx("send_message", sessionId=session_id, message="m", requestId="t")
        assert question in kinds(await client.until("stream_chunk"))


async def test_a_budget_of_steps_ends_the_turn(tmp_path: Path) -> None:
    place = agents(tmp_path, a="id: sam\nbudget: {steps: 1}\n")
    async with serving(tmp_path, TOOLS, agents=place) as server, server.client() as client:
        data = await client.result("create_conversation_session", agentId="sam")
        assert (await client.turn(data["sessionId"]))[-1]["error"]["code"] == "AGENT_ERROR"


async def test_pages_of_other_origins_are_refused(tmp_path: Path) -> None:
    place = agents(tmp_path, a='id: sam\norigins: ["https://*.lamps.example"]\n')
    async with serving(tmp_path, TOOLS, agents=place) as server:
        for origin, allowed in (
            ("https://shop.lamps.example", True),
            ("https://lamps.example", True),
            ("http://shop.lamps.example", False),
            ("https://evil-lamps.example", False),
            ("https://lamps.example.evil.example", False),
            (None, False),
        ):
            headers = {"Origin": origin} if origin else {}
            async with connect(server.url, additional_headers=headers, proxy=None) as socket:
                client = Client(socket, ())
                frame = await client.call("create_conversation_session", agentId="sam")
                assert (frame["type"] == "immediate_response") is allowed, origin
                if not allowed:
                    assert frame["error"]["code"] == "ORIGIN_NOT_ALLOWED"


def test_every_member_of_a_file_is_read(tmp_path: Path) -> None:
    text = (
        "id: sam\nname: Sam\ninstructions: Help.\nmodel: m\ntools: [a]\nconfirmTools: [b]\n"
        "authTools: {c: admin}\nknowledge: [k]\n"
        "budget: {steps: 1, tokens: 2, costUsd: 0.5, sessionTokens: 3, sessionCostUsd: 1}\n"
        'origins: ["*"]\nskills: [s]\nsystem: team\nsuggestions: 2\npersona: {role: a guide}\n'
        "memory: {most: 3}\n"
        "team: {pattern: leader, members: [{name: b, instructions: c}]}\n"
    )
    (agent,) = read_agents(agents(tmp_path, a=text))
    defaults = AgentSpec("sam")
    others = [name for name in AgentSpec.__slots__ if name not in {"id", "workflow"}]
    assert all(getattr(agent, name) != getattr(defaults, name) for name in others)
    assert agent.budget == Budget(1, 2, 0.5, 3, 1)
    assert agent.admits(None)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"a": "id: sam\nnmae: Sam\n"}, "/nmae is not known"),
        ({"a": "name: Sam\n"}, "/id is required"),
        ({"a": "id: 7\n"}, "/id must be of type string"),
        ({"a": "id: sam\nbudget: {steps: 0}\n"}, "/budget/steps breaks the bound minimum 1"),
        ({"a": "id: sam\nauthTools: {x: root}\n"}, "/authTools/x must be one of end_user, admin"),
        ({"a": "id: sam\nsystem: swarm\n"}, "/system must be one of react, plan"),
        ({"a": "id: sam\n7: x\n"}, "a name that is no string"),
        ({"a": "id: &a sam\nname: *a\n"}, "a.yaml:2:7: aliases are not taken"),
        ({"a": "id: [\n"}, "a.yaml:2:1"),
        ({"a": "- id\n"}, "the whole must be of type object"),
        ({"a": "id: sam\n", "b": "id: sam\n"}, "b.yaml: /id is that of a.yaml already"),
        ({}, "no .yaml, .yml or .json file there"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    tmp_path: Path, files: dict[str, str], words: str
) -> None:
    with pytest.raises(AgentFileError) as told:
        read_agents(agents(tmp_path, **files))
    assert words in str(told.value)
    assert "\n" not in str(told.value)
