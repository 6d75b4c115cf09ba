"""What the peer is told when the server itself fails, and that it goes on (REQ-SRV-02)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw
import pytest

from .support import Client, Running, kinds, serving, step

SCRIPT: dict[str, Any] = {
    "model": [{"toolCall": {"name": "x"}}, {"text": "Done"}] * 3,
    "tools": [{"name": "x"}],
}


def break_table(folder: Path, table: str) -> None:
    """Take a table away from under the running server."""
    connection = apsw.Connection(str(folder / "x.db"))
    connection.execute(f"ALTER TABLE {table} RENAME TO gone_{table}")
    connection.close()


def mend_table(folder: Path, table: str) -> None:
    """Give it back."""
    connection = apsw.Connection(str(folder / "x.db"))
    connection.execute(f"ALTER TABLE gone_{table} RENAME TO {table}")
    connection.close()


async def test_calls_about_history_say_storage_error(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, SCRIPT, db=tmp_path / "x.db") as server,
        server.client(extended=True) as client,
    ):
        session_id = await client.session()
        break_table(tmp_path, "messages")
        break_table(tmp_path, "conversations")
        for action, members in (
            ("get_conversation_messages", {"sessionId": session_id}),
            ("list_conversations", {}),
            ("rename_conversation", {"conversationId": "c", "title": "T"}),
        ):
            frame = await client.call(action, **members)
            assert frame["error"]["code"] == "STORAGE_ERROR"
            assert frame["error"]["message"] == "the store failed"
        await client.result("get_session", sessionId=session_id)


async def test_other_actions_say_internal_error(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, SCRIPT, db=tmp_path / "x.db") as server,
        server.client() as client,
    ):
        break_table(tmp_path, "sessions")
        code = await client.refusal("create_conversation_session", agentId="a")
        assert code == "INTERNAL_ERROR"
        for action, members in (
            ("get_session", {}),
            ("send_message", {"message": "m"}),
            ("confirm_tool_action", {"approved": True}),
        ):
            code = await client.refusal(action, sessionId="not in memory", **members)
            assert code == "INTERNAL_ERROR"
        await client.silence()


async def test_req_srv_03_a_turn_that_cannot_start_is_one_error_without_202(
    tmp_path: Path,
) -> None:
    async with (
        serving(tmp_path, SCRIPT, db=tmp_path / "x.db") as server,
        server.client() as client,
    ):
        session_id = await client.session()
        break_table(tmp_path, "messages")
        for _ in range(2):
            code = await client.refusal("send_message", sessionId=session_id, message="m")
            assert code == "INTERNAL_ERROR"


async def test_req_srv_03_a_search_that_fails_ends_the_turn_that_was_accepted(
    tmp_path: Path,
) -> None:
    async with (
        serving(tmp_path, SCRIPT, db=tmp_path / "x.db") as server,
        server.client() as client,
    ):
        session_id = await client.session()
        break_table(tmp_path, "documents")
        frames = await client.turn(session_id)
        assert frames[0]["status"] == 202
        assert frames[-1]["error"]["code"] == "INTERNAL_ERROR"


async def test_a_turn_that_cannot_store_its_answer_ends_with_internal_error(
    tmp_path: Path,
) -> None:
    script = {"model": [{"delayMs": 1000, "text": "Done"}]}
    async with (
        serving(tmp_path, script, db=tmp_path / "x.db") as server,
        server.client(extended=True) as client,
    ):
        session_id = await client.session()
        await client.tx("send_message", sessionId=session_id, message="m", requestId="t")
        await client.rx("immediate_response")
        break_table(tmp_path, "messages")
        await server.clock.advance(1)
        frame = (await client.until("error"))[-1]
        assert frame["requestId"] == "t"
        assert frame["error"] == {
            "code": "INTERNAL_ERROR",
            "message": "the turn failed inside the server",
            "terminal": True,
        }


async def test_a_conversation_is_free_again_when_the_store_is(tmp_path: Path) -> None:
    """The end that a client was told is stored as soon as it can be."""
    script = {"model": [{"delayMs": 1000, "text": "Done"}, {"text": "Again"}]}
    async with (
        serving(tmp_path, script, db=tmp_path / "x.db") as server,
        server.client(extended=True) as client,
    ):
        session_id = await client.session()
        await client.tx("send_message", sessionId=session_id, message="m", requestId="t")
        await client.rx("immediate_response")
        break_table(tmp_path, "turns")
        await server.clock.advance(1)
        assert (await client.until("error"))[-1]["error"]["code"] == "INTERNAL_ERROR"
        assert await client.refusal("send_message", sessionId=session_id, message="m") == (
            "INTERNAL_ERROR"
        )
        mend_table(tmp_path, "turns")
        await server.clock.advance(5)
        frames = await client.turn(session_id)
        assert frames[-1]["type"] == "eventual_response"


async def broken(*_: object) -> None:
    raise RuntimeError("the secret text of a fault")


async def test_a_tool_that_breaks_is_told_to_the_model_without_its_fault(tmp_path: Path) -> None:
    async with serving(tmp_path, SCRIPT) as server, server.client() as client:
        object.__setattr__(server.listener.server.tools.find("x", {}), "run", broken)
        frames = await client.turn(await client.session())
        assert step(frames[2]) == {"name": "x", "isError": True, "result": "the tool failed"}
        assert kinds(frames)[-1] == "eventual_response"


async def test_a_fault_in_the_server_is_internal_error_and_its_text_stays_inside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serving(tmp_path, SCRIPT) as server, server.client() as client:
        session_id = await client.session()
        await _break_engine(server, client, session_id)
        await client.silence()
    assert "secret text" not in capsys.readouterr().out


async def _break_engine(server: Running, client: Client, session_id: str) -> None:
    engine = server.listener.server.agent.engine

    def begin(*_: object) -> Any:
        raise RuntimeError("the secret text of a fault")

    engine.begin = begin  # type: ignore[method-assign]
    await client.tx("send_message", sessionId=session_id, message="m")
    frame = (await client.until("error"))[-1]
    assert frame["error"]["code"] == "INTERNAL_ERROR"
    assert "secret" not in str(frame)
