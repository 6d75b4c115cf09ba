"""A server ends while a tool runs; the next one runs it again only where that is allowed."""

from __future__ import annotations

import asyncio
import json
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from .support import details
from .test_recovery import WAIT_S, Killable, killable, said

SCRIPT = {"model": [{"toolCall": {"name": "pay", "arguments": {}}}, {"text": "Done."}]}
SERVER = Path(__file__).with_name("tool_server.py")


def server(told: dict[str, Any]) -> AbstractAsyncContextManager[Killable]:
    """Run one server of the two."""
    return killable(str(SERVER), json.dumps(told))


def runs_of(notes: Path) -> int:
    """Return how often the tool ran."""
    return len(notes.read_text(encoding="utf-8").split()) if notes.exists() else 0


async def noted(notes: Path, count: int) -> None:
    """Wait until the tool ran so often."""
    async with asyncio.timeout(WAIT_S):
        while runs_of(notes) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(("idempotent", "runs"), [(True, 2), (False, 1)])
async def test_req_srv_38_a_tool_that_had_begun_runs_again_only_when_it_may(
    tmp_path: Path, idempotent: bool, runs: int
) -> None:
    notes, script = tmp_path / "notes", tmp_path / "script.json"
    script.write_text(json.dumps(SCRIPT), encoding="utf-8")
    told = {"notes": str(notes), "script": str(script), "db": str(tmp_path / "turns.db")}
    told = {**told, "idempotent": idempotent}
    async with server({**told, "hangs": True}) as first, first.client(replay=True) as client:
        session_id = await client.session()
        request_id = await client.tx("send_message", sessionId=session_id, message="Pay")
        await noted(notes, 1)
        await first.kill()
    async with server({**told, "hangs": False}) as second, second.client(replay=True) as client:
        assert await said(client, session_id, 2) == ["Pay", "Done."]
        assert runs_of(notes) == runs
        about = {"sessionId": session_id, "requestId": request_id, "afterSeq": 0}
        assert details(await client.call("resume_turn", **about))["state"] in ("settled", "gone")
