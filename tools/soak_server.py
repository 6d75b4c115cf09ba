"""The server of tools/server_soak.py: every turn's text names the message that it answers.

    python tools/soak_server.py

Prints its URL, then what it holds for each line of its standard input, and ends with it.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
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

PIECES = 12
PAUSE_S = 0.02
KEPT_S = 10


class NamingEngine:
    """Says a few words that begin with the first word of the message, after a question if asked."""

    def unavailable(self) -> str | None:
        return None

    def begin(self, turn: TurnInput, saved: bytes | None = None) -> EngineTurn:  # noqa: ARG002
        return _NamingTurn(turn)

    async def aclose(self) -> None:
        """Nothing is held open."""


class _NamingTurn:
    def __init__(self, turn: TurnInput) -> None:
        self._turn = turn

    async def step(self, results: Sequence[ToolResult] = ()) -> EngineStream:
        name, _, kind = self._turn.message.partition(" ")
        if kind == "ask" and not results:
            yield ToolCall(f"{self._turn.turn_id}-1", "delete", {})
            return
        for piece in range(PIECES):
            await asyncio.sleep(PAUSE_S)
            yield Text(f"{name}.{piece} ")

    def save(self) -> bytes:
        return b"{}"

    async def aclose(self) -> None:
        """Nothing is kept."""


async def _delete(_: dict[str, Any], __: ToolContext) -> str:
    await asyncio.sleep(PAUSE_S)
    return "deleted"


def _held(server: Server) -> dict[str, int]:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return {
        "rss": pages * os.sysconf("SC_PAGE_SIZE"),
        "tasks": len(asyncio.all_tasks()),
        "sockets": len(server.sockets),
        "turns": server.running_turns,
        "files": len(list(Path("/proc/self/fd").iterdir())),
    }


async def serve() -> None:
    """Serve until standard input ends."""
    configure_logs("error")
    tool = Tool("delete", "Delete.", {"type": "object"}, _delete, confirm=True)
    settings = Settings(demo=True, replay_secs=KEPT_S)
    server = await Server.build(settings, tools=[tool], engine=NamingEngine())
    listener = Listener(server, bind("127.0.0.1", 0))
    await listener.start()
    print(listener.url, flush=True)
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while await lines.readline():
        print(json.dumps(_held(server)), flush=True)
    await listener.stop()
    await server.aclose()


if __name__ == "__main__":
    asyncio.run(serve())
