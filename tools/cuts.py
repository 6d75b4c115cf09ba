"""Links that are cut at random points of many sessions: every message has one whole answer.

    python tools/cuts.py [--sessions N] [--cuts N] [--seed S] [--at-once N] [--testee NAME]

Each client talks to the reference server through a proxy that is a process of its own and cuts the
links at random bytes, by FIN, by RST, after a silence, or with what was written delivered late: in
handshakes, in frames, in running turns and open questions. Then a reader that goes past the proxy
compares what the client showed with what the server has kept and with its script: no message ran
twice, none is lost, every answer is whole. Exit 1: something was, or too few cuts happened.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import json
import math
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

from cuts_judge import Kept, faults_of, faults_of_script, reader
from cuts_plan import cuts, script
from cuts_session import MOST, Lanes, Session
from field import STEP, parser_of, server, tried

from conform.spec import Tree
from conform.testee import Launch, LineChecker, ProcessTestee, TesteeError

PROXY = str(Path(__file__).with_name("cuts_proxy.py"))
SETTINGS = {"SMOOTH_AGENT_REPLAY_SECS": "3600"}  # the reader comes when all is over
SHOWN = 20


class Proxy:
    """The proxy's process, and the cuts that it told of."""

    def __init__(self, process: asyncio.subprocess.Process, path: str) -> None:
        self._process = process
        self._path = path
        self._ports: dict[str, asyncio.Future[int]] = {}
        self.cuts: list[Tree] = []
        self.counts: Counter[str] = Counter()
        """Cuts of each session."""

    async def listen(self, name: str, planned: list[Tree]) -> str:
        """Open a port whose links are cut so; returns its URL."""
        assert self._process.stdin is not None
        self._ports[name] = asyncio.get_running_loop().create_future()
        line = json.dumps({"listen": name, "cuts": planned})
        self._process.stdin.write(line.encode() + b"\n")
        port = await asyncio.wait_for(self._ports[name], STEP)
        return f"ws://127.0.0.1:{port}{self._path}"

    async def read(self) -> None:
        """Take in what the proxy says."""
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            told = json.loads(line)
            if "listening" in told:
                self._ports[told["listening"]].set_result(told["port"])
            else:
                self.cuts.append(told)
                self.counts[told["cut"]] += 1


@contextlib.asynccontextmanager
async def proxy(upstream: str) -> AsyncIterator[Proxy]:
    """Run the proxy before a server."""
    at = urlsplit(upstream)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, PROXY, at.netloc, stdin=pipe, stdout=pipe
    )
    told = Proxy(process, at.path)
    reading = asyncio.create_task(told.read())
    try:
        yield told
    finally:
        process.kill()
        await process.wait()
        await reading


class Run:
    """All sessions of one client."""

    def __init__(self, launch: Launch, options: argparse.Namespace) -> None:
        self._testee = ProcessTestee(launch, LineChecker())
        self._lanes = Lanes()
        self._options = options
        self._chance = random.Random(options.seed)
        self._script = script(self._chance, (options.sessions + 1) * MOST)
        self._sessions: list[Session] = []
        self._cuts: list[Tree] = []
        self._played = 0
        self.faults: list[str] = []

    async def play(self) -> str:
        """Play them and judge them; returns the line that is shown."""
        began = time.monotonic()
        self._testee.log = self._lanes
        await self._testee.start()
        try:
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                async with server(Path(folder), self._script, SETTINGS) as (_, url):
                    await self._play_all(url)
                    await self._judge(url)
        finally:
            await self._testee.stop()
        self.faults += [*self._lanes.faults, *(f"escaped: {e}" for e in self._lanes.escaped)]
        if len(self._cuts) < self._options.cuts:
            self.faults.append(f"only {len(self._cuts)} cuts of {self._options.cuts} happened")
        return self._line(time.monotonic() - began)

    async def _play_all(self, url: str) -> None:
        places = asyncio.Semaphore(self._options.at_once)
        each = math.ceil(self._options.cuts / self._options.sessions)
        async with proxy(url) as between:
            plans = [cuts(self._chance, each) for _ in range(self._options.sessions)]
            least = [self._chance.randint(1, 3) for _ in plans]
            await asyncio.gather(
                *(
                    self._play(between, places, number, plan, least[number])
                    for number, plan in enumerate(plans)
                )
            )
            self._cuts = between.cuts
        # what the script says next shows that nothing more was read of it than was seen
        await self._attempt(Session(self._testee, len(plans), lambda: True), url, 1)

    async def _play(
        self, between: Proxy, places: asyncio.Semaphore, number: int, plan: list[Tree], least: int
    ) -> None:
        name = f"s{number}"

        def is_cut() -> bool:
            return between.counts[name] >= len(plan)

        async with places:
            url = await between.listen(name, plan)
            await self._attempt(Session(self._testee, number, is_cut), url, least)
        self._played += 1
        if self._played % 50 == 0:
            told = f"{self._played} sessions, {len(between.cuts)} cuts"
            print(f"{self._testee.name}: {told}", file=sys.stderr, flush=True)

    async def _attempt(self, session: Session, url: str, least: int) -> None:
        self._sessions.append(session)
        try:
            await session.play(url, least)
        except TesteeError as error:
            self.faults.append(f"session {session.number}: {error}")

    async def _judge(self, url: str) -> None:
        found: list[Kept] = []
        async with reader(url) as reading:
            for session in self._sessions:
                if session.session_id:
                    found.append(await reading.kept(session.session_id))
                    self.faults += faults_of(session.messages, found[-1])
        self.faults += faults_of_script(self._script, found)

    def _line(self, seconds: float) -> str:
        hows = Counter(cut["how"] for cut in self._cuts)
        opening = sum(not cut["opened"] for cut in self._cuts)
        resumed = sum(session.counters.get("resumedTurns", 0) for session in self._sessions)
        told = [
            f"{self._options.sessions} sessions",
            f"{sum(len(session.messages) for session in self._sessions)} messages",
            f"{len(self._cuts)} cuts ({', '.join(f'{how} {n}' for how, n in hows.items())})",
            f"{opening} in handshakes",
            f"{resumed} turns resumed",
            f"{len(self.faults)} wrong",
            f"{seconds:.0f} s",
        ]
        return f"{self._testee.name:12} {' · '.join(told)}"


async def run(launches: list[Launch], options: argparse.Namespace) -> int:
    """Play all clients, one after another; print a line each."""
    sound = 0
    for launch in launches:
        played = Run(launch, options)
        print(await played.play(), flush=True)
        for fault in played.faults[:SHOWN]:
            print(f"  {fault}", flush=True)
        sound += not played.faults
    told = "no message ran twice, none is lost, every answer is whole"
    print(f"{sound} of {len(launches)} clients (seed {options.seed}): {told}")
    return 0 if sound == len(launches) else 1


def main() -> int:
    """Command line entry; returns the exit status."""
    parser = parser_of(__doc__ or "", "cuts")
    parser.add_argument("--sessions", type=int, default=200, help="of each client (200)")
    parser.add_argument("--cuts", type=int, default=1000, help="of each client, at least (1000)")
    parser.add_argument("--at-once", type=int, default=10, help="sessions that run together (10)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    return tried("cuts", options, functools.partial(run, options=options))


if __name__ == "__main__":
    sys.exit(main())
