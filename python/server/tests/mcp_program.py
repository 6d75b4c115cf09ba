"""A tool server for tests: over its standard streams, or over HTTP on the port that is given."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations

server = MCPServer("things")
READS = ToolAnnotations(read_only_hint=True)


@server.tool(annotations=READS)
def look(what: str) -> dict[str, Any]:
    """Looks something up."""
    return {"found": what, "seen": sorted(name for name in os.environ if "SECRET" in name)}


@server.tool()
def change(what: str) -> str:
    """Changes something."""
    return f"changed {what}"


@server.tool(annotations=READS)
def break_down() -> str:
    """Fails."""
    raise ValueError("no such lamp")


@server.tool(annotations=READS)
def die() -> str:
    """Ends the program."""
    os._exit(3)


@server.tool(annotations=READS)
async def wait() -> str:
    """Takes too long."""
    await asyncio.sleep(3600)
    return "late"


if __name__ == "__main__":
    if sys.argv[1:] == ["--broken"]:
        sys.exit("a secret word on stderr")
    print("a secret word on stderr", file=sys.stderr)
    server.run()
