"""Two reference servers on a fresh PostgreSQL database and a Redis, behind one address.

    python3 tools/two_servers.py postgresql://… redis://… [ARGUMENT of the servers ...]

`conform pair` starts one pair for each script. Links go to the two in turn, so that a script with
two links has one at each; which of them has the first link differs from pair to pair.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from itertools import cycle
from pathlib import Path
from urllib.parse import urlsplit

from fresh_server import fresh

SERVER = str(Path(sys.executable).with_name("smooth-operator-server"))
COUNT = 2


async def started(
    arguments: list[str], settings: dict[str, str]
) -> tuple[asyncio.subprocess.Process, int]:
    """Start one server; return it and its port."""
    process = await asyncio.create_subprocess_exec(
        *(SERVER, *arguments),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **settings},
    )
    assert process.stdout is not None
    found = re.search(r"ws://\S+", (await process.stdout.readline()).decode())
    if found is None:
        raise SystemExit("a server did not start")
    return process, urlsplit(found[0]).port or 0


async def relay(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Pass on what comes, to the end of it."""
    with contextlib.suppress(ConnectionError):
        while data := await source.read(64 * 1024):
            target.write(data)
            await target.drain()
    target.close()


async def serve(postgres: str, redis: str, arguments: list[str]) -> None:
    """Serve until SIGTERM."""
    where = await fresh(postgres)
    settings = {"SMOOTH_AGENT_DATABASE_URL": where, "SMOOTH_AGENT_REDIS_URL": redis}
    servers = await asyncio.gather(*(started(arguments, settings) for _ in range(COUNT)))
    ports = [port for _, port in servers]
    turn = cycle(ports if os.getpid() % 2 else ports[::-1])

    async def link(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, downstream = await asyncio.open_connection("127.0.0.1", next(turn))
        await asyncio.gather(relay(reader, downstream), relay(upstream, writer))

    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    front = await asyncio.start_server(link, "127.0.0.1", 0)
    print(f"listening on ws://127.0.0.1:{front.sockets[0].getsockname()[1]}/ws", flush=True)
    await stop.wait()
    for process, _ in servers:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
    await asyncio.gather(*(process.wait() for process, _ in servers))


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], sys.argv[2], sys.argv[3:]))
