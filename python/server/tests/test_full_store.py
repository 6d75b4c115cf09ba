"""A database without room: what was acknowledged stays, nothing is half stored, and it is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw
import httpx2
import pytest

from smooth_operator_server.store import StoreFullError
from smooth_operator_server.store.database import Transaction
from smooth_operator_server.store.sqlite import SqliteDatabase

from .support import Client, Running, serving

SCRIPT = {"model": [{"text": "Hello"}] * 2_000}


def connections(running: Running) -> list[apsw.Connection]:
    """Return the connections of a server's database."""
    database: Any = running.listener.server._stores.conversations
    return [database._database._db]


def allow(running: Running, pages: int) -> None:
    """Let the database be so much larger than it is, in pages."""
    for db in connections(running):
        (held,) = (db.execute("PRAGMA page_count").get,)
        db.execute(f"PRAGMA max_page_count = {held + pages}").fetchall()


async def ready(running: Running) -> tuple[int, str]:
    url = running.url.replace("ws://", "http://").replace("/ws", "/ready")
    async with httpx2.AsyncClient() as client:
        answer = await client.get(url)
    return answer.status_code, answer.json()["parts"]["store"]


async def fill(client: Client, session_id: str) -> tuple[list[str], str]:
    """Send long messages until one is refused; return those that were taken, and the code."""
    taken: list[str] = []
    while True:
        text = f"{len(taken)} " + "x" * 8_000
        request_id = await client.tx("send_message", sessionId=session_id, message=text)
        frame = await client.rx()
        if frame["type"] == "error":
            return taken, frame["error"]["code"]
        taken.append(text)
        frames = await client.until("eventual_response", "error")
        if frames[-1]["type"] == "error":
            assert frames[-1]["requestId"] == request_id
            return taken, frames[-1]["error"]["code"]


async def test_a_full_store_keeps_what_was_acknowledged_and_is_said(tmp_path: Path) -> None:
    async with serving(tmp_path, SCRIPT, db=tmp_path / "a.db") as server, server.client() as client:
        session_id = await client.session()
        assert await ready(server) == (200, "ok")
        allow(server, 40)
        taken, code = await fill(client, session_id)
        assert (code, len(taken) > 1) == ("INTERNAL_ERROR", True)
        assert await ready(server) == (503, "full")
        assert await client.refusal("send_message", sessionId=session_id, message="y" * 9_900) == (
            "INTERNAL_ERROR"
        )
        page = await client.result("get_conversation_messages", sessionId=session_id, limit=100)
        stored = [one for one in page["messages"] if one["direction"] == "inbound"]
        assert [one["content"]["text"] for one in reversed(stored)] == taken
        allow(server, 4_000)  # room was made: it goes on without a new start
        assert await ready(server) == (200, "ok")
        assert (await client.turn(session_id))[-1]["type"] == "eventual_response"


async def test_a_transaction_that_finds_no_room_leaves_none_open(tmp_path: Path) -> None:
    database = await SqliteDatabase.open(str(tmp_path / "a.db"))

    def much() -> Transaction[None]:
        yield "CREATE TABLE IF NOT EXISTS much (text TEXT)", {}
        for _ in range(100):
            yield "INSERT INTO much VALUES (:text)", {"text": "x" * 4_000}

    def count() -> Transaction[int]:
        rows = yield "SELECT count(*) FROM sqlite_master WHERE name = 'much'", {}
        return int(rows[0][0])

    try:
        database._db.execute("PRAGMA max_page_count = 80").fetchall()
        for _ in range(2):
            with pytest.raises(StoreFullError):
                await database.write(much)
        assert await database.look(count) == 0
        database._db.execute("PRAGMA max_page_count = 8000").fetchall()
        await database.write(much)
        assert await database.look(count) == 1
    finally:
        await database.close()
