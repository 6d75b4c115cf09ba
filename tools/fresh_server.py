"""The reference server on a store of its own: `conform pair` starts one for each script.

python3 tools/fresh_server.py FOLDER|postgresql://… [ARGUMENT of the server ...]
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from uuid import uuid4

import asyncpg


async def fresh(url: str) -> str:
    """Make an empty database beside the one of a URL; return its URL."""
    name = f"pair_{uuid4().hex}"
    connection = await asyncpg.connect(url)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    return url.replace("/postgres?", f"/{name}?")


def main() -> None:
    """Become the server."""
    place, *more = sys.argv[1:]
    if place.startswith("postgresql://"):
        os.environ["SMOOTH_AGENT_DATABASE_URL"] = asyncio.run(fresh(place))
    else:
        os.environ["SMOOTH_AGENT_DB"] = str(Path(place) / f"{uuid4().hex}.db")
    server = str(Path(sys.executable).with_name("smooth-operator-server"))
    os.execv(server, [server, *more])


if __name__ == "__main__":
    main()
