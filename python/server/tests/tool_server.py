"""A server in a process of its own with one tool that notes each run: ``tool_server.py JSON``."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from smooth_operator_server.app import Server
from smooth_operator_server.listener import Listener, bind
from smooth_operator_server.settings import Settings
from smooth_operator_server.telemetry import configure_logs
from smooth_operator_server.tools import Tool, ToolContext


def note(path: Path) -> None:
    """Write down that the tool runs."""
    with path.open("a", encoding="utf-8") as file:
        file.write("run\n")


async def serve(told: dict[str, Any]) -> None:
    """Serve until the process is ended; the tool hangs after its note where that is told."""

    async def run(_: dict[str, Any], __: ToolContext) -> str:
        note(Path(told["notes"]))
        if told["hangs"]:
            await asyncio.Event().wait()
        return "paid"

    tool = Tool("pay", "Pays.", {"type": "object"}, run, idempotent=told["idempotent"])
    configure_logs("error")
    settings = Settings(db=Path(told["db"]), script=Path(told["script"]), lease_secs=0.4)
    server = await Server.build(settings, tools=[tool])
    listener = Listener(server, bind("127.0.0.1", 0))
    await listener.start()
    print(f"listening on {listener.url}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(json.loads(sys.argv[1])))
