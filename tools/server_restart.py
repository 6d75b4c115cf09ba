"""A server that is killed in mid-turn and started again: what each client tells of its message.

Each client sends a message to the reference server, which is ended by SIGKILL and comes back on the
same port and database; replay is withheld. The link has to be found again within the client's
waits, the turn has to end once, as interrupted, and `recover()` has to tell the truth: the next
server answers, fails, still runs the turn, or never got the message.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from field import AGENT, STEP, Player, main

from conform.documents import CaseError
from conform.spec import Tree
from conform.testee import Launch, TesteeError

SERVER = str(Path(sys.executable).with_name("smooth-operator-server"))
LISTENING = re.compile(rb"listening on (ws://\S+)")
BEGUN = {"model": [{"reasoning": "hm"}, {"delayMs": 3_600_000}, {"text": "too late"}]}
ON_ITS_WAY = 0.5  # seconds that a frame needs at most to leave a client


@dataclass(frozen=True)
class Story:
    """Whether the first server reads the message, and what the next one does with it."""

    read: bool
    model: list[Tree]


STORIES = {
    "answered": Story(True, [{"text": "Here it is."}]),
    "not_answered": Story(True, [{"error": "no model"}]),
    "unknown": Story(True, [{"delayMs": 3_600_000}, {"text": "too late"}]),
    "not_delivered": Story(False, [{"text": "to nobody"}]),
}


@contextlib.asynccontextmanager
async def server(folder: Path, model: Tree, port: int) -> AsyncIterator[tuple[Any, str]]:
    """Run the server on a port and the folder's database; ended by force."""
    script = folder / "script.json"
    script.write_text(json.dumps(model), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *(SERVER, "--script", str(script), "--db", str(folder / "turns.db"), "--port", str(port)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "SMOOTH_AGENT_LEASE_SECS": "0.5", "SMOOTH_AGENT_REPLAY": "0"},
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


class Restart(Player):
    """One client over the restart of its server."""

    def __init__(self, launch: Launch, wanted: str) -> None:
        super().__init__(launch)
        self.wanted = wanted
        self.story = STORIES[wanted]

    async def fault(self) -> str:
        """Play it; return what went wrong, nothing when all was well."""
        await self.start()
        try:
            with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
                free.close()
                await self._before(Path(folder), port)
                model = {"model": self.story.model}
                async with server(Path(folder), model, port):
                    return await self._after()
        except TesteeError as error:
            return str(error)
        finally:
            await self.testee.stop()

    async def _before(self, folder: Path, port: int) -> None:
        async with server(folder, BEGUN, port) as (process, url):
            await self.returned({"cmd": "open", "as": "c1", "url": url, "ids": []})
            start = {"cmd": "start", "on": "c1", "args": {"agentId": AGENT}, "as": "h1"}
            await self.returned(start)
            if not self.story.read:
                process.send_signal(signal.SIGSTOP)
            turn = {"cmd": "turn", "on": "h1", "via": "conversation", "message": "hello"}
            await self.testee.command({**turn, "as": "t1"}, STEP)
            if self.story.read:
                await self.until("item", "turn", "t1")
            else:
                await asyncio.sleep(ON_ITS_WAY)
        ended = await self.until("ended", "turn", "t1")
        kind = ended.get("error", {}).get("kind")
        if kind != "turn_interrupted":
            raise TesteeError(f"the turn ended with {kind or ended['outcome']}")

    async def _after(self) -> str:
        """Ask until the history has settled; the next server may still be about to begin."""
        told = ""
        for count in range(40):
            answer = await self.returned({"cmd": "recover", "turn": "t1", "as": f"r{count}"})
            told = answer.get("value", {}).get("status") or answer["error"]["kind"]
            if told == self.wanted and (told != "unknown" or count >= 4):
                break
            await asyncio.sleep(0.25)
        states = self.states("c1")
        ends = sum(e["ev"] == "ended" for e in self.events)
        if states[-1] != "open" or "closed" in states or "reconnecting" not in states:
            return f"its link went through {', '.join(states)}"
        if ends != 1:
            return f"its turn ended {ends} times"
        return "" if told == self.wanted else f"recover() says {told}"


async def run(launches: list[Launch]) -> int:
    """Play all stories with all clients; print a line each."""
    bad = 0
    for launch in launches:
        for wanted in STORIES:
            fault = await Restart(launch, wanted).fault()
            bad += bool(fault)
            print(f"{launch.name:12} {wanted:14} {fault or 'told'}", flush=True)
    total = len(launches) * len(STORIES)
    told = "the link was found again, the turn ended once, recover() told the truth"
    print(f"{total - bad} of {total}: {told}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(__doc__ or "", "server_restart", run))
