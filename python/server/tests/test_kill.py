"""A server is killed at random points of conversations: nothing acknowledged is lost or doubled
(REQ-SRV-35).

`SMOOTH_KILLS=50 pytest tests/test_kill.py` kills fifty times on each database.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from .support import Client
from .test_recovery import Killable, database, messages, process

__all__ = ["database"]

KILLS = int(os.environ.get("SMOOTH_KILLS", "3"))
LATEST_S = 0.6
"""Seconds within which the server is killed."""

SCRIPT: dict[str, Any] = {
    "model": [
        {"toolCall": {"name": "look", "arguments": {}}},
        {"delayMs": 20, "text": "one two three"},
        {"toolCall": {"name": "delete_record", "arguments": {"id": 42}}},
        {"text": "done"},
        {"delayMs": 30, "text": "four"},
    ]
    * 40,
    "tools": [
        {"name": "look", "result": "seen"},
        {"name": "delete_record", "result": "deleted", "confirm": True},
    ],
}


class Talk:
    """One conversation, and what its client was told of it."""

    def __init__(self, client: Client, session_id: str) -> None:
        self._client = client
        self.session_id = session_id
        self.request_id = ""
        self.acknowledged: list[str] = []
        self.answered: list[str] = []

    async def say(self, message: str) -> str:
        """Send a message, approve what is asked, return the type or code of the end."""
        client = self._client
        self.request_id = f"req {message}"
        await client.tx(
            "send_message",
            sessionId=self.session_id,
            message=message,
            requestId=self.request_id,
        )
        while True:
            frame = json.loads(await asyncio.wait_for(client.socket.recv(), 30))
            if frame.get("status") == 202:
                self.acknowledged.append(message)
            if frame["type"] == "write_confirmation_required":
                await client.tx(
                    "confirm_tool_action",
                    sessionId=self.session_id,
                    requestId=self.request_id,
                    approved=True,
                )
            if frame["type"] == "error":
                return str(frame["error"]["code"])
            if frame["type"] == "eventual_response":
                self.answered.append(message)
                return "eventual_response"

    async def until_killed(self) -> None:
        """Talk until the server is gone."""
        for number in range(1_000):
            try:
                await self.say(f"message {number}")
            except (ConnectionClosed, OSError):
                return


async def killed(server: Killable, after_s: float) -> Talk:
    """Talk to a server that is killed after a while; return the conversation."""
    async with server.client() as client:
        talk = Talk(client, await client.session())
        talking = asyncio.create_task(talk.until_killed())
        await asyncio.sleep(after_s)
        await server.kill()
        await talking
        return talk


@pytest.mark.parametrize("seed", range(KILLS))
async def test_a_killed_server_loses_and_doubles_nothing(
    tmp_path: Path, database: str, seed: int
) -> None:
    after_s = random.Random(seed).uniform(0, LATEST_S)
    async with process(tmp_path, SCRIPT, database) as server:
        talk = await killed(server, after_s)
    async with process(tmp_path, SCRIPT, database) as server, server.client() as client:
        later = Talk(client, talk.session_id)
        async with asyncio.timeout(60):
            # The turn that was cut off is ended first, by the server that took it over; it may
            # wait for an approval, which anybody of the session may give.
            while (end := await later.say("later")) == "TURN_IN_PROGRESS":
                await approve(client, talk)
        assert end == "eventual_response"
        said = await messages(client, talk.session_id)
        counts = Counter(said)
        assert [one for one in talk.acknowledged if counts[one] != 1] == []
        assert counts["later"] == 1
        for message in talk.answered:
            place = said.index(message)
            assert not said[place + 1].startswith(("message", "later"))
        answers = [one for one in said if not one.startswith(("message", "later"))]
        assert len(answers) <= len(said) - len(answers)


async def approve(client: Client, talk: Talk) -> None:
    """Give the approval that the turn may wait for that was cut off."""
    members = {"sessionId": talk.session_id, "requestId": talk.request_id, "approved": True}
    await client.tx("confirm_tool_action", **members)
    await asyncio.wait_for(client.socket.recv(), 30)
    await asyncio.sleep(0.05)
