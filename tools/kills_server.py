"""The server of tools/server_kills.py: the reference server with tools that note each run.

    python tools/kills_server.py NOTES SCRIPT PORT

The database and all else is set by the environment. Prints the line that says where it listens.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from smooth_operator_server.app import Server
from smooth_operator_server.listener import Listener, bind
from smooth_operator_server.settings import Settings
from smooth_operator_server.telemetry import configure_logs
from smooth_operator_server.tools import Tool, ToolContext

NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
WORK_S = 0.02


def noting(notes: Path, name: str, *, asks: bool, idempotent: bool) -> Tool:
    """Return a tool that notes the number of its call, and takes a moment after it."""

    async def run(arguments: dict[str, Any], _: ToolContext) -> str:
        with notes.open("a", encoding="utf-8") as file:
            file.write(f"{name} {arguments['n']}\n")
        await asyncio.sleep(WORK_S)
        return f"{name} {arguments['n']} done"

    return Tool(name, f"To {name}.", NUMBER, run, confirm=asks, idempotent=idempotent)


async def serve(notes: Path, script: Path, port: int) -> None:
    """Serve until the process is killed."""
    configure_logs("error")
    tools = [
        noting(notes, "look", asks=False, idempotent=True),
        noting(notes, "pay", asks=False, idempotent=False),
        noting(notes, "delete", asks=True, idempotent=False),
    ]
    server = await Server.build(Settings(script=script, port=port), tools=tools)
    listener = Listener(server, bind("127.0.0.1", port))
    await listener.start()
    print(f"listening on {listener.url}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
