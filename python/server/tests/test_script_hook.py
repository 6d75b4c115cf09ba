"""Another script in place of the one that a server was started with: what it takes along."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from smooth_operator_server.scripting import LARGEST_SCRIPT

from .support import Running, details, serving, step, text_of

OLD = {
    "model": [{"text": "old"}],
    "tools": [{"name": "old_tool", "description": "d", "parameters": {"type": "object"}}],
    "otp": {"code": "111111"},
}
NEW: dict[str, Any] = {
    "model": [{"toolCall": {"name": "new_tool", "arguments": {}}}, {"text": "new words"}],
    "tools": [
        {"name": "new_tool", "description": "d", "parameters": {"type": "object"}, "result": "did"}
    ],
    "confirmTools": ["new_"],
    "knowledge": [{"source": "s.md", "content": "The window is 17 days."}],
}


async def put(server: Running, body: bytes | str, **headers: str) -> httpx2.Response:
    url = server.url.replace("ws://", "http://").removesuffix("/ws")
    async with httpx2.AsyncClient(trust_env=False) as client:
        return await client.put(f"{url}/script", content=body, headers=headers)


async def test_another_script_brings_its_tools_gates_and_words(tmp_path: Path) -> None:
    async with serving(tmp_path, OLD) as server, server.client() as client:
        session = await client.session()
        assert (await put(server, json.dumps(NEW))).status_code == 204
        request = await client.tx("send_message", sessionId=session, message="Go")
        asked = (await client.until("write_confirmation_required"))[-1]
        assert details(asked)["toolId"] == "new_tool"
        await client.tx("confirm_tool_action", requestId=request, sessionId=session, approved=True)
        frames = await client.until("eventual_response")
        assert step([f for f in frames if f["type"] == "stream_chunk"][-1])["result"] == "did"
        assert text_of(frames) == "new words"
        assert (await put(server, json.dumps({"model": [{"text": "third"}]}))).status_code == 204
        assert text_of(await client.turn(session)) == "third"


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ("{", 400, "the script is not JSON: 1:2"),
        (b"\xff", 400, "not UTF-8"),
        ('{"model": 1}', 400, "/model"),
        ('{"model": [], "colour": 1}', 400, "colour"),
        ('{"model": [], "tools": [{"name": "fetch_url"}]}', 400, "/tools/0/name"),
        ("[" * 100_000, 400, "the script"),
        (" " * (LARGEST_SCRIPT + 1), 413, "more than"),
    ],
)
async def test_a_script_that_cannot_be_used_changes_nothing(
    tmp_path: Path, body: bytes | str, status: int, says: str
) -> None:
    async with serving(tmp_path, OLD) as server, server.client() as client:
        answer = await put(server, body)
        assert answer.status_code == status
        assert says in answer.json()["error"]["message"]
        assert text_of(await client.turn(await client.session())) == "old"


async def test_nobody_else_has_the_hook(tmp_path: Path) -> None:
    async with serving(tmp_path, demo=True) as server:
        assert (await put(server, json.dumps(NEW))).status_code == 404
    async with serving(tmp_path, OLD) as server:
        page = await put(server, json.dumps(NEW), origin="https://evil.example")
        assert page.status_code == 401
