"""Many turns at once for minutes, with confirmations, cancels and cuts: the server comes back.

    python tools/server_soak.py [--seconds S] [--talks N] [--seed X]

The reference server runs in a process of its own; each conversation is held by a plain client that
approves, denies and leaves questions alone, cancels, and loses its links. Every text that a turn
streams names the message that it answers: a word of another conversation is a fault, and so is a
turn that has no end. Afterwards memory, tasks and sockets are compared with those after a warm-up.
Exit 1: a fault, or something did not come back.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from kills_client import is_end
from websockets.asyncio.client import ClientConnection, connect

HERE = Path(__file__).resolve().parent
WORDS = ["spec_1_1", "spec_1_2", "replay"]
TERMINALS = ("eventual_response", "cancelled", "error")
STEP_S = 120.0
WARM_S = 5.0
GROWTH = 1.25
"""How much more memory than after the warm-up is still the baseline: allocators keep some."""

KEPT_BYTES = 4096
"""What a stored turn may leave in memory: the database of the run lies there."""

Frame = dict[str, Any]


class SoakError(Exception):
    """The server broke a promise."""


class Talk:
    """One conversation, over as many links as it takes."""

    def __init__(self, number: int, url: str, seed: int) -> None:
        self.ends: Counter[str] = Counter()
        self._name = f"talk{number}"
        self._url = url
        self._random = random.Random(seed)
        self._link: ClientConnection | None = None
        self._session = ""
        self._count = 0

    async def run(self, until: float) -> None:
        """Hold one turn after another up to a time of the loop, at least one."""
        loop = asyncio.get_running_loop()
        try:
            while not self._count or loop.time() < until:
                await self._turn()
        finally:
            if self._link is not None:
                await self._link.close()

    async def _linked(self) -> ClientConnection:
        if self._link is None:
            self._link = await connect(
                self._url, compression=None, proxy=None, open_timeout=STEP_S, ping_interval=None
            )
        return self._link

    async def _tx(self, action: str, request_id: str, **members: Any) -> None:
        link = await self._linked()
        named = {"sessionId": self._session} if self._session else {}
        await link.send(json.dumps({"action": action, "requestId": request_id, **named, **members}))

    async def _rx(self) -> Frame:
        link = await self._linked()
        try:
            frame: Frame = json.loads(await asyncio.wait_for(link.recv(), STEP_S))
        except TimeoutError:
            raise SoakError(f"{self._name}: a turn did not end") from None
        return frame

    async def _turn(self) -> None:
        if not self._session:
            await self._tx("create_conversation_session", "c", agentId="soak", supports=WORDS)
            self._session = (await self._rx())["data"]["sessionId"]
        self._count += 1
        turn = f"{self._name}-m{self._count}"
        way = self._random.choice(("plain", "approve", "deny", "cancel", "cut", "cut twice"))
        cuts = {"cut": 1, "cut twice": 2}.get(way, 0)
        asks = way != "plain" and self._random.random() < 0.7
        await self._tx("send_message", turn, message=f"{turn} {'ask' if asks else 'say'}")
        seq, due = 0, self._random.randint(2, 12)
        while True:
            frame = await self._rx()
            seq = self._checked(frame, turn, seq)
            if frame["type"] in TERMINALS and is_end(frame):
                break
            if frame["type"] == "write_confirmation_required":
                await self._tx("confirm_tool_action", turn, approved=way != "deny")
            if seq >= due and way == "cancel":
                way = "cancelled"
                await self._tx("cancel", turn)
            if seq >= due and cuts:
                cuts, due = cuts - 1, due + self._random.randint(1, 6)
                await self._cut(turn, seq)
        self.ends[f"{frame['type']}"] += 1

    async def _cut(self, turn: str, seq: int) -> None:
        """Lose the link and take the turn up over another one."""
        assert self._link is not None
        self._link.transport.abort()
        self._link = None
        self.ends["cuts"] += 1
        await self._tx("resume_turn", turn, afterSeq=seq)
        frame = await self._rx()
        if frame["type"] != "turn_resumed" or frame["data"]["data"]["state"] not in (
            "running",
            "settled",
        ):
            raise SoakError(f"{turn}: not resumed after {seq}: {json.dumps(frame)[:200]}")

    def _checked(self, frame: Frame, turn: str, seq: int) -> int:
        """Return the number of the newest event; see that it is this turn's, and the next one."""
        if frame.get("requestId") != turn:
            raise SoakError(f"{turn}: a frame of {frame.get('requestId')}")
        named = [frame.get("token", "")]
        if frame["type"] == "eventual_response":
            named = frame["data"]["data"]["response"]["responseParts"][0].split()
        for word in named:
            if word.strip() and not word.startswith(f"{turn}."):
                raise SoakError(f"{turn}: was told {word!r}")
        if "seq" not in frame:
            if frame["type"] == "error" and frame["error"]["code"] != "NO_PENDING_CONFIRMATION":
                raise SoakError(f"{turn}: {frame['error']}")
            return seq
        if frame["seq"] != seq + 1:
            raise SoakError(f"{turn}: event {frame['seq']} after {seq}")
        return seq + 1


async def figures(server: asyncio.subprocess.Process) -> dict[str, int]:
    """Return what the server holds now."""
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(b"\n")
    told: dict[str, int] = json.loads(await server.stdout.readline())
    return told


async def settled(server: asyncio.subprocess.Process, at_rest: dict[str, int]) -> dict[str, int]:
    """Return what the server holds when it has noticed that everybody is gone, or gives up."""
    for _ in range(300):
        found = await figures(server)
        if all(found[name] <= at_rest[name] for name in ("tasks", "sockets", "turns", "files")):
            break
        await asyncio.sleep(0.1)
    return found


async def talking(
    url: str, talks: int, seconds: float, seed: int
) -> tuple[Counter[str], list[str]]:
    """Hold conversations at the same time; return how their turns ended, and the faults."""
    until = asyncio.get_running_loop().time() + seconds
    all_talks = [Talk(number, url, seed + number) for number in range(talks)]
    told = await asyncio.gather(*(talk.run(until) for talk in all_talks), return_exceptions=True)
    ends: Counter[str] = Counter()
    for talk in all_talks:
        ends.update(talk.ends)
    faults = [f"{type(one).__name__}: {one}" for one in told if isinstance(one, BaseException)]
    return ends, faults


def compared(before: dict[str, int], after: dict[str, int], turns: int) -> list[str]:
    """Return what did not come back."""
    most = before["rss"] * GROWTH + turns * KEPT_BYTES
    faults = [
        f"{name}: {after[name]}, and {before[name]} before"
        for name in ("tasks", "sockets", "turns", "files")
        if after[name] > before[name]
    ]
    if after["rss"] > most:
        faults.append(f"memory: {after['rss'] >> 20} MiB, and {before['rss'] >> 20} MiB before")
    return faults


async def soak(options: argparse.Namespace) -> int:
    """Run the server, warm it up, soak it, compare."""
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, str(HERE / "soak_server.py")),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert server.stdout is not None
        url = (await asyncio.wait_for(server.stdout.readline(), STEP_S)).decode().strip()
        at_rest = await figures(server)
        warm_s = min(WARM_S, options.seconds)
        _, faults = await talking(url, options.talks, warm_s, options.seed + 1_000_000)
        before = await settled(server, at_rest)
        began = time.monotonic()
        ends, found = await talking(url, options.talks, options.seconds, options.seed)
        seconds = time.monotonic() - began
        after = await settled(server, before)
    finally:
        assert server.stdin is not None
        server.stdin.close()
        await server.wait()
    cuts = ends.pop("cuts", 0)
    faults += found + compared(before, after, ends.total())
    shown = " · ".join(f"{name} {count}" for name, count in sorted(ends.items()))
    print(f"{options.talks} conversations, {seconds:.0f} s: {ends.total()} turns ended · {shown}")
    print(f"links cut {cuts} · faults {len(faults)}")
    for name, held in (("at rest", at_rest), ("warm", before), ("after", after)):
        rest = " · ".join(f"{key} {held[key]}" for key in ("tasks", "sockets", "turns", "files"))
        print(f"{name:8} memory {held['rss'] / 2**20:.1f} MiB · {rest}")
    for fault in faults[:20]:
        print(f"  {fault}")
    return 1 if faults else 0


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=float, default=300, help="how long (300)")
    parser.add_argument("--talks", type=int, default=200, help="conversations at once (200)")
    parser.add_argument("--seed", type=int, default=1)
    return asyncio.run(soak(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
