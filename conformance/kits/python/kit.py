"""The fake server of the Python client as a program: for `conform pair` and `conform server`.

    kit.py [--script FILE] [--port N] [--script-port N] [--question-ms N]

Listens on 127.0.0.1, says where in its first line, and ends with its stdin or SIGTERM. With
--script-port a PUT to http://127.0.0.1:PORT/script puts another script in place of the one before.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

from smooth_operator.testing import FakeServer, ScriptError

LARGEST = 4 * 2**20  # bytes of a script


def put(server: FakeServer, body: bytes) -> tuple[str, str]:
    """Take a script; return the status line and what is said."""
    try:
        server.script(json.loads(body))
    except (ScriptError, ValueError) as fault:
        return "400 Bad Request", str(fault)
    return "204 No Content", ""


async def answer(
    server: FakeServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answer one HTTP request and close."""
    head = await reader.readuntil(b"\r\n\r\n")
    size = 0
    for line in head.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            size = int(value)
    body = await reader.readexactly(min(size, LARGEST))
    status, said = put(server, body) if head.startswith(b"PUT ") else ("405 Not Allowed", "")
    told = said.encode()
    writer.write(
        f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {len(told)}\r\n\r\n".encode()
    )
    writer.write(told)
    await writer.drain()
    writer.close()


async def serve(given: argparse.Namespace, script: Any) -> None:
    """Listen until stdin ends or a signal comes."""
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, over.set)
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    reading = asyncio.create_task(reader.read())
    reading.add_done_callback(lambda _: over.set())
    async with FakeServer(question_ms=given.question_ms) as server:
        if script is not None:
            server.script(script)
        url = await server.listen(given.port)
        if given.script_port is not None:
            await asyncio.start_server(
                lambda r, w: answer(server, r, w), "127.0.0.1", given.script_port
            )
        print(f"listening on {url}", flush=True)
        await over.wait()


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--script", help="file of smooth-operator-server --script")
    parser.add_argument("--port", type=int, default=0, help="0, the default, is a free one")
    parser.add_argument("--script-port", type=int, help="take scripts by PUT here")
    parser.add_argument("--question-ms", type=float, default=300_000, help="life of a question")
    given = parser.parse_args()
    try:
        file = Path(given.script) if given.script else None
        script = None if file is None else json.loads(file.read_text(encoding="utf-8"))
        asyncio.run(serve(given, script))
    except (ValueError, OSError) as fault:
        sys.exit(f"kit: {fault}")


if __name__ == "__main__":
    main()
