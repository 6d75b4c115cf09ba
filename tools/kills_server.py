"""The server of tools/server_kills.py: the reference server with tools that note each run.

    python tools/kills_server.py NOTES PORT

Each turn calls one to three tools, then says a few words; which ones follows from its message, so
that a server that takes a turn up goes on with what the one before it had begun, by the same names.
The database and all else is set by the environment. Prints the line that says where it listens.
"""

from __future__ import annotations

import asyncio
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from smooth_operator_server.app import Server
from smooth_operator_server.engine import (
    EngineStream,
    EngineTurn,
    Text,
    ToolCall,
    ToolResult,
    TurnInput,
)
from smooth_operator_server.listener import Listener, bind
from smooth_operator_server.settings import Settings
from smooth_operator_server.telemetry import configure_logs
from smooth_operator_server.tools import Tool, ToolContext

CALL = {"type": "object", "properties": {"call": {"type": "string"}}, "required": ["call"]}
TOOLS = ("look", "pay", "delete")
WORK_S = 0.02
PAUSE_S = 0.005
PIECES = 6


class PlannedEngine:
    """Does what the message of a turn makes it do, from wherever the turn was left."""

    def unavailable(self) -> str | None:
        return None

    def begin(self, turn: TurnInput, saved: bytes | None = None) -> EngineTurn:
        return _PlannedTurn(turn.message, int(saved or 0))

    async def aclose(self) -> None:
        """Nothing is held open."""


class _PlannedTurn:
    def __init__(self, message: str, called: int) -> None:
        self._message = message
        self._called = called
        self._chance = zlib.crc32(message.encode())

    async def step(self, results: Sequence[ToolResult] = ()) -> EngineStream:  # noqa: ARG002
        if self._called <= self._chance % 3:
            name = TOOLS[(self._chance // 3 + self._called) % 3]
            call = f"{self._message}-{self._called}"
            self._called += 1
            yield ToolCall(call, name, {"call": call})
            return
        for piece in range(PIECES):
            await asyncio.sleep(PAUSE_S)
            yield Text(f"{self._message}.{piece} ")

    def save(self) -> bytes:
        return str(self._called).encode()

    async def aclose(self) -> None:
        """Nothing is kept."""


def noting(notes: Path, name: str, *, asks: bool, idempotent: bool) -> Tool:
    """Return a tool that notes the name of its call, and takes a moment after it."""

    async def run(arguments: dict[str, Any], _: ToolContext) -> str:
        with notes.open("a", encoding="utf-8") as file:
            file.write(f"{name} {arguments['call']}\n")
        await asyncio.sleep(WORK_S)
        return f"{name} {arguments['call']} done"

    return Tool(name, f"To {name}.", CALL, run, confirm=asks, idempotent=idempotent)


async def serve(notes: Path, port: int) -> None:
    """Serve until the process is killed."""
    configure_logs("error")
    tools = [
        noting(notes, "look", asks=False, idempotent=True),
        noting(notes, "pay", asks=False, idempotent=False),
        noting(notes, "delete", asks=True, idempotent=False),
    ]
    server = await Server.build(Settings(port=port), tools=tools, engine=PlannedEngine())
    listener = Listener(server, bind("127.0.0.1", port))
    await listener.start()
    print(f"listening on {listener.url}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
