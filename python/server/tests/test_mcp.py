"""Tool servers of the Model Context Protocol: real programs, called, lost and found again."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from smooth_operator_server.files import FileFaultError
from smooth_operator_server.tools import Tool, ToolError, ToolRegistry
from smooth_operator_server.tools.mcp_file import read_mcp

from .mcp_program import server as things
from .support import Running, kinds, serving, step
from .support_endpoint import hosted

PROGRAM = Path(__file__).with_name("mcp_program.py")
THINGS: dict[str, Any] = {"command": sys.executable, "args": [str(PROGRAM)]}


def servers(folder: Path, **servers: Any) -> Path:
    file = folder / "mcp.json"
    file.write_text(json.dumps({"mcpServers": servers}), encoding="utf-8")
    return file


def script(*names: str, **arguments: Any) -> dict[str, Any]:
    calls = [{"toolCall": {"name": name, "arguments": arguments}} for name in names]
    return {"model": [*calls, {"text": "Done."}] * 2}


def results(frames: list[dict[str, Any]]) -> list[Any]:
    chunks = [step(frame) for frame in frames if frame["type"] == "stream_chunk"]
    return [chunk["result"] for chunk in chunks if "result" in chunk]


async def there(server: Running) -> None:
    """Wait until the tool servers are there, as time goes on."""
    tools = server.listener.server.tool_servers
    while not all(one.is_there for one in tools):
        await server.clock.advance(1)
        await asyncio.sleep(0.05)


async def test_the_tools_of_a_program_are_called_and_it_sees_no_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OUR_SECRET", "x")
    monkeypatch.setenv("ITS_SECRET", "y")
    mcp = servers(tmp_path, things=THINGS | {"env": {"GIVEN_SECRET": "${ITS_SECRET}"}})
    told = script("things_look", "things_break_down", "things_look", what="a lamp")
    async with serving(tmp_path, told, mcp=mcp) as server, server.client() as client:
        frames = await client.turn(await client.session())
        first, failed, _ = results(frames)
        assert first == {"found": "a lamp", "seen": ["GIVEN_SECRET"]}
        assert "break_down" in failed
        assert "a secret word" not in capfd.readouterr().err


async def test_a_tool_that_changes_something_waits_for_a_person(tmp_path: Path) -> None:
    mcp = servers(tmp_path, things=THINGS)
    told = script("things_change", what="it")
    async with serving(tmp_path, told, mcp=mcp) as server, server.client(extended=True) as client:
        session_id = await client.session()
        request_id = await client.tx("send_message", sessionId=session_id, message="Hi")
        frames = await client.until("write_confirmation_required")
        await client.tx(
            "confirm_tool_action",
            sessionId=session_id,
            requestId=request_id,
            confirmationId=frames[-1]["data"]["data"]["confirmationId"],
            approved=True,
        )
        frames = await client.until("eventual_response")
        assert results(frames) == [{"result": "changed it"}]


async def test_a_server_that_is_lost_comes_back(tmp_path: Path) -> None:
    mcp = servers(tmp_path, things=THINGS)
    dies, looks = script("things_die", "things_look", what="x")["model"][:2]
    told = {"model": [dies, {"text": "Gone."}, looks, {"text": "Back."}]}
    async with serving(tmp_path, told, mcp=mcp) as server, server.client() as client:
        session_id = await client.session()
        (gone,) = results(await client.turn(session_id))
        assert gone == "the tool server things is away"
        await there(server)
        (found,) = results(await client.turn(session_id))
        assert found["found"] == "x"


async def test_a_server_that_does_not_answer_in_time_is_said_so(tmp_path: Path) -> None:
    mcp = servers(tmp_path, things=THINGS | {"timeoutSecs": 3})
    async with (
        serving(tmp_path, script("things_wait"), mcp=mcp) as server,
        server.client() as client,
    ):
        (late,) = results(await client.turn(await client.session()))
        assert late == "the tool server things does not answer"


async def test_a_server_that_is_away_keeps_nobody_from_starting(tmp_path: Path) -> None:
    away = {
        "gone": {"command": "/no/such/program"},
        "broken": THINGS | {"args": [str(PROGRAM), "--broken"]},
        "closed": {"url": "http://127.0.0.1:9/mcp"},
    }
    mcp = servers(tmp_path, **away)
    async with serving(tmp_path, script("gone_x"), mcp=mcp) as server, server.client() as client:
        assert [one.is_there for one in server.listener.server.tool_servers] == [False] * 3
        frames = await client.turn(await client.session())
        assert kinds(frames)[-1] == "eventual_response"
        assert results(frames) == ["there is no tool gone_x"]


async def test_a_server_is_reached_over_http_with_its_headers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ITS_KEY", "sesame")
    seen: set[str | None] = set()
    app = things.streamable_http_app()

    async def guarded(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            seen.add(dict(scope["headers"]).get(b"authorization", b"").decode())
        await app(scope, receive, send)

    async with hosted(guarded, lifespan="on") as url:
        web = {"url": f"{url}/mcp", "headers": {"Authorization": "Bearer ${ITS_KEY}"}}
        mcp = servers(tmp_path, web=web)
        told = script("web_look", what="it")
        async with serving(tmp_path, told, mcp=mcp) as server, server.client() as client:
            (found,) = results(await client.turn(await client.session()))
            assert found["found"] == "it"
    assert seen == {"Bearer sesame"}


async def test_tools_can_be_chosen_and_called_without_asking(tmp_path: Path) -> None:
    mcp = servers(tmp_path, things=THINGS | {"tools": ["change", "nothing"], "confirm": "never"})
    told = script("things_change", "things_look", what="it")
    async with serving(tmp_path, told, mcp=mcp) as server, server.client() as client:
        changed, unknown = results(await client.turn(await client.session()))
        assert changed == {"result": "changed it"}
        assert unknown == "there is no tool things_look"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({}, "/mcpServers is required"),
        ({"mcpServers": {"a": {}}}, "/mcpServers/a fits none"),
        ({"mcpServers": {"a": {"command": "x", "url": "http://x"}}}, "/mcpServers/a fits none"),
        ({"mcpServers": {"a": {"url": "ftp://x"}}}, "/mcpServers/a/url breaks"),
        ({"mcpServers": {"a b": {"url": "http://x"}}}, "pattern|propertyNames"),
        ({"mcpServers": {"a": {"command": "x", "confirm": "no"}}}, "/mcpServers/a/confirm must be"),
        (
            {"mcpServers": {"a": {"command": "x", "env": {"K": "${NOT_SET}"}}}},
            "/mcpServers/a/env/K: NOT_SET is not set",
        ),
    ],
)
def test_a_file_of_tool_servers_that_cannot_be_used_is_named(
    tmp_path: Path, value: Any, why: str
) -> None:
    file = tmp_path / "mcp.json"
    file.write_text(json.dumps(value))
    with pytest.raises(FileFaultError, match=why) as told:
        read_mcp(file, {})
    assert "mcp.json" in str(told.value)


def test_a_group_of_tools_replaces_itself_and_nothing_else() -> None:
    async def run(arguments: Any, context: Any) -> Any:  # noqa: ARG001
        raise ToolError("x")

    def tool(name: str, description: str = "") -> Tool:
        return Tool(name, description, {}, run)

    registry = ToolRegistry([tool("own", "ours")])
    registry.put_group("g", [tool("own", "theirs"), tool("g_a")])
    registry.put_group("h", [tool("h_a")])
    assert registry.get("own").description == "ours"  # type: ignore[union-attr]
    registry.put_group("g", [tool("g_b")])
    assert [registry.get(name) is not None for name in ("g_a", "g_b", "h_a", "own")] == [
        False,
        True,
        True,
        True,
    ]
    registry.put_group("g", ())
    assert registry.get("g_b") is None
