"""The Python program of the streaming bench: raw frames, a bare read loop, and the client.

One session, one turn of N `stream_token` events. `raw` reads the frames and parses nothing, `bare`
reads them with `websockets` and `json`, `client` iterates the turn as an application does. Prints
one JSON line; exit 1 when an event or a letter is missing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

LIMIT = 16 * 1024 * 1024
AGENT = "11111111-1111-4111-8111-111111111111"
FIRST = 0.05  # seconds from the first token to the ping
Row = dict[str, Any]


class LostError(Exception):
    """An event or a piece of text is missing."""


class Meter:
    """Clock, CPU and memory of one run."""

    def __init__(self) -> None:
        self.startup_ms: float | None = None

    def begin(self) -> None:
        """Take note of what is there just before the message goes out."""
        self.rss = memory("VmRSS")
        self.cpu = time.process_time()
        self.at = time.perf_counter()

    def first(self) -> None:
        """Take note of the first token."""
        if self.startup_ms is None:
            began = int(os.environ.get("BENCH_T0", "0"))
            self.startup_ms = (time.time_ns() - began) / 1e6 if began else 0.0

    def row(self, events: int, chars: int, waited: float = 0.0) -> Row:
        """Return the figures."""
        return {
            "events": events,
            "chars": chars,
            "seconds": time.perf_counter() - self.at - waited,
            "cpu_seconds": time.process_time() - self.cpu,
            "rss_before_bytes": self.rss,
            "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "startup_ms": self.startup_ms,
        }


def memory(name: str) -> int:
    """Return a size from /proc, in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name + ":"))


def frame(action: str, request_id: str, **fields: Any) -> str:
    """Return the text of an action."""
    return json.dumps({"action": action, "requestId": request_id, **fields})


async def opened(url: str) -> tuple[Any, str]:
    """Open a socket by the library alone, and a session on it."""
    from websockets.asyncio.client import connect

    link = await connect(url, compression=None, max_size=LIMIT)
    await link.send(frame("create_conversation_session", "r-1", agentId=AGENT))
    answer = json.loads(await link.recv())
    return link, answer["data"]["sessionId"]


async def raw(options: argparse.Namespace) -> Row:
    """Read the frames of a turn; count them."""
    meter = Meter()
    link, session = await opened(options.url)
    meter.begin()
    await link.send(frame("send_message", "r-2", sessionId=session, message=str(options.events)))
    for count in range(options.events + 2):
        await link.recv(decode=False)
        if count == 1:
            meter.first()
    row = meter.row(options.events, 0)
    await link.close()
    return row


async def bare(options: argparse.Namespace) -> Row:
    """Read a turn with the library and the parser, without types."""
    meter = Meter()
    link, session = await opened(options.url)
    events = chars = 0
    took: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    asked_at = 0.0
    asking: asyncio.Task[None] | None = None

    async def ask() -> None:
        nonlocal asked_at
        await asyncio.sleep(FIRST)
        asked_at = time.perf_counter()
        await link.send(frame("ping", "r-3"))

    meter.begin()
    await link.send(frame("send_message", "r-2", sessionId=session, message=str(options.events)))
    done = False
    while not done or (options.ping and not took.done()):
        event = json.loads(await link.recv())
        kind = event["type"]
        if kind == "stream_token":
            if not events:
                meter.first()
                asking = asyncio.create_task(ask()) if options.ping else None
            events += 1
            chars += len(event["token"])
        elif kind == "pong":
            took.set_result(time.perf_counter() - asked_at)
        elif kind == "eventual_response":
            row = meter.row(events, chars)
            done = True
    if asking is not None:
        row["ping_ms"] = took.result() * 1000
    await link.close()
    return row


async def client(options: argparse.Namespace) -> Row:
    """Play the turn through the public client, one or many at once."""
    from smooth_operator import SmoothAgentClient

    meter = Meter()
    clients = [SmoothAgentClient(options.url) for _ in range(options.clients)]
    await asyncio.gather(*(each.connect() for each in clients))
    chats = [await each.start_conversation(agent_id=AGENT) for each in clients]
    pinged: list[asyncio.Task[float]] = []
    waited = drained = 0.0

    async def ask() -> float:
        await asyncio.sleep(FIRST)
        return (await clients[0].ping()).round_trip_ms

    async def play(chat: Any) -> tuple[int, int]:
        nonlocal waited, drained
        turn = chat.send(str(options.events))
        if options.reader == "never":
            length = len((await turn).text)
            meter.first()
            return options.events, length
        if options.reader == "late":
            await asyncio.sleep(options.late_ms / 1000)
            waited = options.late_ms / 1000
        began = time.perf_counter()
        events = chars = 0
        async for event in turn:
            if event.type == "stream_token":
                if not events:
                    meter.first()
                    if options.ping:
                        pinged.append(asyncio.create_task(ask()))
                events += event.merged
                chars += len(event.token)
        drained = time.perf_counter() - began
        length = len((await turn).text)
        if length != chars:
            raise LostError(f"{chars} letters in the events, {length} in the result")
        return events, chars

    meter.begin()
    played = await asyncio.gather(*(play(chat) for chat in chats for _ in range(options.turns)))
    row = meter.row(sum(one[0] for one in played), sum(one[1] for one in played), waited)
    copies = options.turns * options.clients
    if len({one[1] for one in played}) != 1:
        raise LostError("the turns differ in their text")
    if options.reader == "late":
        row["drain_seconds"] = drained
    if pinged:
        row["ping_ms"] = await pinged[0]
    if copies > 1:
        row["copies"] = copies
    for each in clients:
        await each.close()
    return row


MODES: dict[str, Callable[[argparse.Namespace], Awaitable[Row]]] = {
    "raw": raw,
    "bare": bare,
    "client": client,
}


async def run(options: argparse.Namespace) -> Row:
    """Play the mode."""
    row = await MODES[options.mode](options)
    wanted = options.events * row.get("copies", 1)
    if row["events"] != wanted:
        raise LostError(f"{row['events']} of {wanted} events")
    return row


def main() -> int:
    """Read the arguments, play, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mode", choices=MODES, required=True)
    parser.add_argument("--url", required=True)
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--reader", choices=("now", "late", "never"), default="now")
    parser.add_argument("--late-ms", type=int, default=8_000)
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--ping", action="store_true")
    parser.add_argument("--socket", choices=("default",), default="default")
    try:
        print(json.dumps(asyncio.run(run(parser.parse_args()))))
    except LostError as lost:
        print(f"stream.py: {lost}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
