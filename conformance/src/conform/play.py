"""Plays one case with one testee: steps in order, every wait bounded, everything kept.

Steps are kept in step with the oracle: before a command goes out, all that the earlier steps lead
to must have been reported. So a case is deterministic without one sleep, and frames that come in
a row stay in a row.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from websockets.exceptions import InvalidState

from conform import wire
from conform.certificates import ca_file
from conform.patterns import mismatch
from conform.script import Case, Step
from conform.spec import Spec, Tree
from conform.stage import Received, Stage, StageError
from conform.story import Expectation
from conform.testee import EventLog, Testee, TesteeError
from conform.transcript import FENCE, is_ours, is_token, lane_of

REFUSED_PORT = 9  # discard; nothing listens there on loopback
SKIP = ("pong",)


@dataclass(frozen=True)
class Limits:
    """Deadlines in seconds, already scaled by the calibration of the host."""

    step: float = 2.0
    case: float = 20.0


GONE = {"clients": 0, "timers": 0, "sockets": 0, "tasks": 0}  # after close()
CENSUS_LOOKS, CENSUS_PAUSE = 20, 0.02
"""How often, and how many seconds apart, timers are counted until they are as few as expected."""


@dataclass
class Played:
    """All that was observed in one case."""

    events: list[Tree] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    wire: list[str] = field(default_factory=list)
    closes: list[tuple[str, int]] = field(default_factory=list)
    seconds: float = 0.0
    lost: bool = False  # the testee must be started anew
    protocol: int = 2


class Lanes:
    """How many observations of each lane are due, and how many were reported."""

    def __init__(self, expected: Expectation) -> None:
        self.merging = expected.merging
        self.missing: set[str] = set()
        self.surplus: set[str] = set()
        self._events = sorted(expected.events, key=lambda entry: entry[0])
        self._taken = 0
        self._seen = 0
        self._due: Counter[str] = Counter()
        self._shown: Counter[str] = Counter()

    def due(self, index: int) -> None:
        """All that steps up to ``index`` lead to is due."""
        while self._taken < len(self._events) and self._events[self._taken][0] <= index:
            self._count(self._due, self._events[self._taken][1])
            self._taken += 1

    def read(self, events: list[Tree]) -> None:
        """Count what was reported since the last time."""
        for event in events[self._seen :]:
            self._count(self._shown, event)
        self._seen = len(events)

    def _count(self, counter: Counter[str], event: Tree) -> None:
        """Fences do not count, nor do pieces of text (which may be cut anyhow).

        Where tokens may come merged they count by their length.
        """
        if event["ev"] == "text" or is_ours(event):
            return
        lane = lane_of(event)
        merged = lane in self.merging and is_token(event)
        counter[lane] += len(event["flat"]["token"]) if merged else 1
        lacks = self._due[lane] - self._shown[lane]
        (self.missing.add if lacks > 0 else self.missing.discard)(lane)
        (self.surplus.add if lacks < 0 else self.surplus.discard)(lane)

    def told(self, lane: str) -> str:
        """The two numbers of a lane."""
        return f"{self._shown[lane]} of {self._due[lane]}"


class Player:
    """Plays one case. Not reusable."""

    def __init__(
        self, spec: Spec, case: Case, expected: Expectation, testee: Testee, limits: Limits
    ) -> None:
        self.spec = spec
        self.case = case
        self.expected = expected
        self.testee = testee
        self.limits = limits
        self.played = Played(protocol=testee.hello.get("protocol", 2))
        self.stage = Stage(tls=_wants_tls(case))
        self.index = 0
        self.on_step: Callable[[Step], None] = lambda _: None
        self.lanes = Lanes(expected)

    async def play(self) -> Played:
        """Play all steps; stops at the first one that fails."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        self.testee.log = EventLog()
        try:
            async with asyncio.timeout(self.limits.case), self.stage:
                await self._steps()
                await self._finish()
        except TimeoutError:
            self._problem("the case took too long")
            self.played.lost = True
        except StageError as error:
            self._problem(str(error))
        except TesteeError as error:
            self._problem(str(error))
            self.played.lost = True
        self.played.seconds = loop.time() - begun
        self.played.events = self.testee.log.events
        self.played.faults = self.testee.log.faults
        self.played.wire = self.stage.log.lines
        return self.played

    def _problem(self, text: str) -> None:
        self.played.problems.append((self.index, text))

    async def _steps(self) -> None:
        try:
            for index, step in enumerate(self.case.steps):
                self.index = index
                if step.kind != "wire":
                    self._expect_links()
                self.on_step(step)
                await getattr(self, f"_{step.kind}")(step)
        except StageError:
            await self._quiet_reset()
            raise
        except InvalidState:
            await self._quiet_reset()
            raise StageError(f"{step.client} has closed its link already") from None

    def _expect_links(self) -> None:
        """Where a step leads to a further link, what follows waits for its handshake."""
        for cause, client in self.expected.handshakes:
            if cause == self.index and client in self.stage.current:
                self.stage.expect_link(client)

    async def _quiet_reset(self) -> None:
        """Leave the testee clean for the next case; what goes wrong here was reported already."""
        try:
            await self.testee.command({"cmd": "reset"}, self.limits.step)
        except TesteeError:
            self.played.lost = True

    # --- steps ------------------------------------------------------------------------------

    async def _barrier(self, index: int) -> None:
        """Wait until all that steps up to ``index`` lead to was reported, and nothing more."""
        self.lanes.due(index)

        def enough(events: list[Tree]) -> bool:
            self.lanes.read(events)
            return not self.lanes.missing

        done = index < 0 or await self.testee.log.until(enough, self.limits.step)
        self.lanes.read(self.testee.log.events)
        for lane in sorted(self.lanes.missing) if not done else ():
            raise StageError(f"{lane}: {self.lanes.told(lane)} were reported")
        for lane in sorted(self.lanes.surplus) if index >= 0 else ():
            raise StageError(f"{lane}: more than is due yet was reported, {self.lanes.told(lane)}")

    async def _do(self, step: Step) -> None:
        await self._barrier(self.index - 1)
        shows = any(index == self.index for index, _ in self.expected.events)
        if step.body.get("auto") and not shows:
            return
        armed = self.expected.quiet.get(self.index - 1)
        if step.body["cmd"] == "close" and armed is not None:
            await self._census("when nothing is in flight any more", {"timers": armed})
        body = self._resolve(step.body, step.client)
        reply = await self.testee.command(body, self.limits.step)
        if "fail" in reply:
            raise StageError(f"the testee refused {body['cmd']}: {reply['fail']}")
        if shows:
            await self._barrier(self.index)

    def _resolve(self, body: Tree, client: str) -> Tree:
        cmd = body["cmd"]
        if cmd in ("open", "connect") and body.get("connect", True):
            self.stage.expect_link(client)
        if cmd != "open":
            return {k: v for k, v in body.items() if k != "auto"}
        url = body["url"].replace("{server}", self.stage.url(client))
        url = url.replace("{refused}", f"ws://127.0.0.1:{REFUSED_PORT}")
        command = {**body, "url": url, "ids": self.case.ids.get(client, [])}
        tls = command.pop("tls", None)
        return {**command, "ca": ca_file()} if tls == "trusted" else command

    async def _recv(self, step: Step) -> None:
        if "$handshake" in step.body:
            await self._see_handshake(step)
            return
        got = await self.stage.receive(step.client, self.limits.step, SKIP)
        if "$close" in step.body:
            if got.kind != "close" or got.code != step.body["$close"]:
                raise StageError(f"expected close {step.body['$close']}, got {_short(got)}")
            return
        frame = self._frame(got)
        found = mismatch(step.body, frame)
        if found:
            raise StageError(f"the frame differs at {found}")

    def _frame(self, got: Received) -> Tree:
        if got.kind != "text":
            raise StageError(f"expected a frame, got {_short(got)}")
        try:
            frame = json.loads(got.text)
        except ValueError:
            raise StageError(f"the client sent a frame that is not JSON: {got.text[:80]}") from None
        fault = self.spec.strict_fault(frame) if isinstance(frame, dict) else "no object"
        if fault:
            raise StageError(f"the client sent a frame that breaks the schema, {fault}")
        return dict(frame)

    async def _see_handshake(self, step: Step) -> None:
        link = await self.stage.link(step.client, self.limits.step)
        assert link.request is not None
        base = f"/{self.stage.nonce}/{step.client}"
        wanted = step.body["$handshake"]
        target = link.request.path.removeprefix(base)
        if "target" in wanted and target != wanted["target"]:
            raise StageError(f"handshake target: expected {wanted['target']!r}, got {target!r}")
        headers = {n.lower(): v for n, v in link.request.headers.raw_items()}
        for name, value in wanted.get("headers", {}).items():
            got = headers.get(name, "$absent")
            if got != value:
                raise StageError(f"handshake header {name}: expected {value!r}, got {got!r}")

    async def _send(self, step: Step) -> None:
        link = await self.stage.link(step.client, self.limits.step)
        link.text(json.dumps(step.body, ensure_ascii=False))

    async def _wire(self, step: Step) -> None:
        verb, value = next(iter(step.body.items()))
        await wire.act(self.stage, step.client, verb, value, self.limits.step)
        self._expect_links()

    async def _see(self, _: Step) -> None:
        await self._barrier(self.index)

    async def _fence(self, step: Step) -> None:
        """The client's next frame is our ping: it sent nothing else, and read all before."""
        await self._barrier(self.index - 1)
        name = f"{FENCE}-{self.index}"
        body: Tree = {"cmd": "call", "on": step.client, "op": "ping", "args": {}, "as": name}
        await self.testee.command(body, self.limits.step)
        frame = self._frame(await self.stage.receive(step.client, self.limits.step, SKIP))
        if frame["action"] != "ping" or frame.get("requestId") != step.body["id"]:
            raise StageError(
                f"{step.client} must be silent here, but sent {json.dumps(frame)[:200]}"
            )
        pong = {"type": "pong", "requestId": step.body["id"], "timestamp": 0}
        link = await self.stage.link(step.client, self.limits.step)
        link.text(json.dumps({**pong, "data": {"timestamp": 0}}))

        def back(events: list[Tree]) -> bool:
            return any(e["ev"] == "returned" and e["as"] == name for e in events)

        if not await self.testee.log.until(back, self.limits.step):
            raise StageError("the ping of the fence did not return")
        await self._barrier(self.index)
        for name, claim in step.body["claims"]:
            if claim == "open" and any(
                e["ev"] == "ended" and e["turn"] == name for e in self.testee.log.events
            ):
                raise StageError(f"{name} has ended already")

    # --- end --------------------------------------------------------------------------------

    async def _finish(self) -> None:
        self.index = len(self.case.steps) - 1
        await self._barrier(self.index)
        await self._census("after close()", GONE)
        reply = await self.testee.command({"cmd": "reset"}, self.limits.step)
        if "fail" in reply:
            raise StageError(f"the testee refused reset: {reply['fail']}")
        for link in self.stage.links:
            try:
                await asyncio.wait_for(link.closed.wait(), self.limits.step)
            except TimeoutError:
                raise StageError(f"{link.client} left a socket open") from None
            self._surplus(link.client, link.inbox)
            if link.close_code is not None:
                self.played.closes.append((link.client, link.close_code))
        if self.stage.strangers:
            raise StageError(f"a stranger called: {self.stage.strangers[0]}")

    async def _census(self, when: str, most: dict[str, int]) -> None:
        """What is alive now: no more than is needed (REQ-CONN-05, REQ-TURN-11).

        A socket that is being closed has a timer too, for as long as its last octets travel.
        """
        if self.testee.hello.get("features", {}).get("census") is not True:
            return
        over = ""
        for _ in range(CENSUS_LOOKS):
            reply = await self.testee.command({"cmd": "census"}, self.limits.step)
            found = reply.get("ok", {})
            told = {what: found.get(what, limit) for what, limit in most.items()}
            over = next((what for what, limit in most.items() if told[what] != limit), "")
            if not over or told[over] < most[over]:
                break
            await asyncio.sleep(CENSUS_PAUSE)
        if over:
            raise StageError(f"{told[over]} {over} are alive {when}, expected {most[over]}")

    def _surplus(self, client: str, inbox: asyncio.Queue[Received]) -> None:
        while not inbox.empty():
            got = inbox.get_nowait()
            if got.kind in ("text", "binary", "ping"):
                raise StageError(f"{client} sent more than the case tells: {_short(got)}")


def _wants_tls(case: Case) -> bool:
    return any(step.kind == "do" and "tls" in step.body for step in case.steps)


def _short(got: Received) -> str:
    if got.kind == "close":
        return f"close {got.code}"
    return f"{got.kind} {got.text[:160]}".strip()


def write_wire(path: Path, played: Played) -> None:
    """Write both directions of a case's links to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line + "\n" for line in played.wire), encoding="utf-8")


__all__ = ["Limits", "Played", "Player", "write_wire"]
