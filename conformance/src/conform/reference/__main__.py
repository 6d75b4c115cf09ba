"""The reference testee as a process: ``python -m conform.reference [--fault NAME]…``."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from typing import Any

from conform.reference.testee import RefTestee

LINE_LIMIT = 64 * 1024 * 1024


def _write(line: dict[str, Any]) -> None:
    text = json.dumps(line, ensure_ascii=False, separators=(",", ":"))
    sys.stdout.buffer.write(text.encode("utf-8", "surrogatepass") + b"\n")
    sys.stdout.buffer.flush()


async def serve(faults: frozenset[str]) -> None:
    """Read commands from stdin until ``bye`` or its end."""
    reader = asyncio.StreamReader(limit=LINE_LIMIT)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    testee = RefTestee(_write, faults)
    while line := await reader.readline():
        command = json.loads(line)
        reply = await testee.handle(command)
        _write({"id": command["id"], **reply})
        if command.get("cmd") == "bye":
            return
    await testee.handle({"cmd": "reset"})


def main() -> None:
    """Entry of the process."""
    parser = argparse.ArgumentParser(prog="python -m conform.reference")
    parser.add_argument("--fault", action="append", default=[], help="switch a defect on")
    asyncio.run(serve(frozenset(parser.parse_args().fault)))


if __name__ == "__main__":
    main()
