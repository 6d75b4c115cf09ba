"""What the programs share that play the clients against surroundings of the field."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

from conform.commands.launching import add_testee_flags, testees
from conform.documents import CaseError
from conform.pair import PairError
from conform.spec import Tree
from conform.testee import EventLog, Launch, LineChecker, ProcessTestee, TesteeError

STEP = 40.0
"""Seconds for one answer of a client or a server."""

SERVER = str(Path(sys.executable).with_name("smooth-operator-server"))
LISTENING = re.compile(rb"listening on (ws://\S+)")
Run = Callable[[list[Launch]], Coroutine[Any, Any, int]]

AGENT = "00000000-0000-4000-8000-000000000001"


class Player:
    """One client, led by commands; what it reports is waited for."""

    def __init__(self, launch: Launch) -> None:
        self.testee = ProcessTestee(launch, LineChecker())

    async def start(self) -> None:
        """Start the client's program."""
        self.testee.log = EventLog()
        await self.testee.start()

    @property
    def events(self) -> list[Tree]:
        """All that was reported so far."""
        return self.testee.log.events

    async def returned(self, body: Tree) -> Tree:
        """Give a command and return what it comes to."""
        await self.testee.command(body, STEP)
        return await self.until("returned", "as", body["as"])

    async def until(self, event: str, member: str, name: str) -> Tree:
        """Wait for the first event of a kind about something."""

        def fitting(events: list[Tree]) -> list[Tree]:
            return [e for e in events if e["ev"] == event and e.get(member) == name]

        if not await self.testee.log.until(lambda events: bool(fitting(events)), STEP):
            raise TesteeError(f"no {event} of {name} came")
        return fitting(self.events)[0]

    def states(self, name: str) -> list[str]:
        """States that the link of a client went to."""
        return [e["to"] for e in self.events if e["ev"] == "state" and e["on"] == name]


@contextlib.asynccontextmanager
async def server(
    folder: Path, script: Tree, settings: dict[str, str], port: int = 0
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """Run the reference server on a port and the folder's database; ended by force.

    ``settings`` are variables of its environment.
    """
    file = folder / "script.json"
    file.write_text(json.dumps(script), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *(SERVER, "--script", str(file), "--db", str(folder / "turns.db"), "--port", str(port)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, **settings},
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(STEP):
            while not (found := LISTENING.search(await process.stdout.readline())):
                if process.returncode is not None:
                    raise CaseError("the server ended at once")
        yield process, found[1].decode()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def parser_of(about: str, program: str) -> argparse.ArgumentParser:
    """Return the command line that the programs have in common."""
    epilog = f"Example: tools/{program}.py --testee go. Exit: 0 all well, 1 not, 2 not tried."
    parser = argparse.ArgumentParser(description=about.splitlines()[0], epilog=epilog)
    add_testee_flags(parser)
    return parser


def main(about: str, program: str, run: Run) -> int:
    """Run a program over the chosen clients: exit 0 all well, 1 not, 2 it could not be tried."""
    return tried(program, parser_of(about, program).parse_args(), run)


def tried(program: str, options: argparse.Namespace, run: Run) -> int:
    """Run a program whose command line has been read."""
    try:
        launches, missing = testees(options)
        if missing:
            raise CaseError(f"{missing[0].name} cannot run: {missing[0].missing}")
        return asyncio.run(run(launches))
    except (CaseError, PairError) as error:
        print(f"{program}: {error}", file=sys.stderr)
        return 2
