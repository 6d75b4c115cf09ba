"""One run: calibrate, shake hands with every testee, play canaries and cases, gather verdicts."""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from conform.judge import Verdict, judge, judge_siblings, siblings_equal, unsupported
from conform.lacking import unlisted
from conform.lint import expectation
from conform.pair import PairScript
from conform.pair import play as pair_play
from conform.play import Limits, Played, Player
from conform.reader import Reader
from conform.script import Case
from conform.sentences import Sentences
from conform.spec import Spec, Tree
from conform.story import Expectation
from conform.testee import CANARIES, Launch, LineChecker, ProcessTestee, Testee, TesteeError

# Case that must show each kind of damage; the harness is void for a testee that gets away.
CANARY_CASES = {
    "drop-3rd-item": "turn/stream_token",
    "alter-text": "turn/stream_token",
    "drop-error-code": "turn/error_before_202",
}
CANARY_LIMITS = Limits(step=1.0, case=10.0)
SLOW = 10.0  # a host whose timers overshoot this many times as much as usual proves nothing
USUAL_OVERSHOOT_MS = 10.0
PAIRS_AT_ONCE = 3
# A client that has failed so many cases in a row is not waited for as long as a sound one: a
# broken build would otherwise take ten minutes to say so. One pass restores its patience.
FUSE = 20
HASTE = Limits(step=0.3, case=3.0)


@dataclass(frozen=True)
class Calibration:
    """What the host can do: milliseconds to spawn, for a loopback round trip, timer overshoot."""

    spawn_ms: float
    rtt_ms: float
    overshoot_ms: float

    @property
    def factor(self) -> float:
        """What deadlines are multiplied by."""
        return max(1.0, min(5.0, self.spawn_ms / 100))

    @property
    def void(self) -> bool:
        """Whether the host is too slow for any verdict."""
        return self.overshoot_ms > SLOW * USUAL_OVERSHOOT_MS


@dataclass
class TesteeRun:
    """Everything about one testee in one run."""

    name: str
    hello: Tree = field(default_factory=dict)
    flags: str = ""  # how a command line names it
    missing: str = ""
    mend: str = ""
    broken: str = ""
    caught: list[str] = field(default_factory=list)
    uncaught: list[str] = field(default_factory=list)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    stderr: list[str] = field(default_factory=list)

    @property
    def ran(self) -> bool:
        """Whether it played anything."""
        return bool(self.verdicts)

    @property
    def proved_nothing(self) -> bool:
        """Whether it lacks something for each and every case."""
        return all(v.outcome == "unsupported" for v in self.verdicts.values())

    @property
    def label(self) -> str:
        """Name, version and runtime for the console."""
        runtime = self.hello.get("runtime", "")
        label = f"{self.name} {self.hello.get('version', '?')}/{runtime}".rstrip("/")
        return label if self.hello.get("protocol", 2) > 1 else f"{label} (protocol 1)"


@dataclass
class Run:
    """The outcome of ``conform run``."""

    cases: list[Case]
    testees: list[TesteeRun]
    calibration: Calibration
    version: str = ""  # of the specification
    flags: str = ""  # of the command line, beside the testee
    seconds: float = 0.0
    expected: dict[str, Expectation] = field(default_factory=dict)
    lacking: dict[str, set[str]] = field(default_factory=dict)
    stale: list[str] = field(default_factory=list)  # lines of the baseline that excuse nothing

    def equal(self, case: str) -> bool:
        """Whether every testee that ran shows one transcript for the case."""
        return siblings_equal([t.verdicts[case] for t in self.testees if case in t.verdicts])

    @property
    def void(self) -> str:
        """Why nothing was proven; empty when something was."""
        if self.calibration.void:
            return f"host too slow: timers overshoot by {self.calibration.overshoot_ms:.0f} ms"
        if not self.cases:
            return "no case was selected"
        if not any(t.ran for t in self.testees):
            return "no client ran"
        mute = [t.name for t in self.testees if t.ran and t.proved_nothing]
        if mute:
            return f"{', '.join(mute)}: every case is unsupported"
        loose = [f"{t.name}: {c}" for t in self.testees for c in t.uncaught]
        if loose:
            return "canaries got away: " + ", ".join(loose)
        return ""

    @property
    def gaps(self) -> list[str]:
        """Clients that did not run, features that one lacks unlisted, and lines of no use."""
        missing = [f"{t.name}: {t.missing}" for t in self.testees if t.missing]
        return [*missing, *unlisted(self, self.lacking)]

    @property
    def red(self) -> bool:
        """Whether anything failed."""
        failed = any(
            not v.passed and v.outcome not in ("unsupported", "known")
            for t in self.testees
            for v in t.verdicts.values()
        )
        return failed or any(t.broken for t in self.testees)


async def calibrate() -> Calibration:
    """Measure spawn, loopback and timers, a few milliseconds each."""
    begun = time.perf_counter()
    process = await asyncio.create_subprocess_exec(sys.executable, "-S", "-c", "pass")
    await process.wait()
    spawn = (time.perf_counter() - begun) * 1000
    begun = time.perf_counter()
    await asyncio.sleep(0.01)
    overshoot = (time.perf_counter() - begun) * 1000 - 10
    return Calibration(spawn, await _round_trip(), overshoot)


async def _round_trip() -> float:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(1))
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        begun = time.perf_counter()
        writer.write(b"x")
        await reader.readexactly(1)
        taken = (time.perf_counter() - begun) * 1000
        writer.close()
    return taken


class Runner:
    """Plays a set of cases with a set of testees."""

    def __init__(
        self,
        spec: Spec,
        cases: list[Case],
        limits: Limits | None = None,
        expected: dict[str, Expectation] | None = None,
    ) -> None:
        self.spec = spec
        self.reader = Reader(spec)
        self.cases = cases
        self.limits = limits
        self.sentences = Sentences(spec)
        self.checker = LineChecker()
        self.expected = expected or {c.name: expectation(spec, self.reader, c) for c in cases}
        self.on_verdict: Callable[[Verdict], None] = lambda _: None

    async def run(
        self, launches: list[Launch], missing: list[TesteeRun], canaries: list[Case]
    ) -> Run:
        """Play everything; testees side by side, each its cases one after another."""
        begun = time.perf_counter()
        calibration = await calibrate()
        limits = self.limits or Limits(4.0 * calibration.factor, 30.0 * calibration.factor)
        ran = await asyncio.gather(*(self._testee(each, limits, canaries) for each in launches))
        for case in self.cases:
            judge_siblings([t.verdicts[case.name] for t in ran if case.name in t.verdicts])
        run = Run(self.cases, [*ran, *missing], calibration)
        run.expected = self.expected
        run.seconds = time.perf_counter() - begun
        return run

    async def _testee(self, launch: Launch, limits: Limits, canaries: list[Case]) -> TesteeRun:
        result = TesteeRun(launch.name, flags=launch.flags)
        if not self.cases:
            return result
        try:
            await self._canaries(launch, result, canaries)
            testee = ProcessTestee(launch, self.checker)
            await testee.start()
            result.hello = testee.hello
            await _probe(testee, limits)
            try:
                await self.play_all(testee, result, limits)
            finally:
                await testee.stop()
                result.stderr = list(testee.stderr)
        except TesteeError as error:
            result.broken = str(error)
        return result

    async def pair(
        self,
        launches: list[Launch],
        missing: list[TesteeRun],
        scripts: list[PairScript],
        command: list[str],
    ) -> Run:
        """Play script files against a server that is started anew for each of them."""
        begun = time.perf_counter()
        calibration = await calibrate()
        gate = asyncio.Semaphore(PAIRS_AT_ONCE)
        ran = await asyncio.gather(
            *(self._pair_testee(each, scripts, command, gate) for each in launches)
        )
        for script in scripts:
            name = script.as_case().name
            judge_siblings([t.verdicts[name] for t in ran if name in t.verdicts])
        cases = [script.as_case() for script in scripts]
        run = Run(cases, [*ran, *missing], calibration)
        run.seconds = time.perf_counter() - begun
        return run

    async def _pair_testee(
        self,
        launch: Launch,
        scripts: list[PairScript],
        command: list[str],
        gate: asyncio.Semaphore,
    ) -> TesteeRun:
        result = TesteeRun(launch.name, flags=launch.flags)
        testee = ProcessTestee(launch, self.checker)
        try:
            await testee.start()
            result.hello = testee.hello
            for script in scripts:
                async with gate:
                    verdict, lost = await pair_play(self.spec, script, testee, command)
                result.verdicts[verdict.case] = verdict
                if lost:
                    await testee.kill()
                    await testee.start()
        except TesteeError as error:
            result.broken = str(error)
        finally:
            await testee.stop()
        return result

    async def _canaries(self, launch: Launch, result: TesteeRun, cases: list[Case]) -> None:
        by_name = {case.name: case for case in cases}
        for word in CANARIES:
            case = by_name.get(CANARY_CASES[word])
            if case is None:
                continue
            testee = ProcessTestee(launch, self.checker)
            try:
                await testee.start(canary=word)
                wanted = expectation(self.spec, self.reader, case)
                played = await Player(self.spec, case, wanted, testee, CANARY_LIMITS).play()
                seen = not judge(case, launch.name, wanted, played, self.sentences).passed
                (result.caught if seen else result.uncaught).append(word)
            finally:
                await testee.kill()

    async def play_all(self, testee: Testee, result: TesteeRun, limits: Limits) -> None:
        """Play all cases with one testee; a lost one is started anew."""
        in_a_row = 0
        for case in self.cases:
            verdict = unsupported(case, testee.name, testee.hello.get("features", {}))
            if verdict is None:
                played = await self._play(case, testee, HASTE if in_a_row >= FUSE else limits)
                verdict = judge(case, testee.name, self.expected[case.name], played, self.sentences)
                if played.lost:
                    await testee.kill()
                    await testee.start()
            in_a_row = 0 if verdict.passed else in_a_row + 1
            result.verdicts[case.name] = verdict
            self.on_verdict(verdict)

    async def _play(self, case: Case, testee: Testee, limits: Limits) -> Played:
        return await Player(self.spec, case, self.expected[case.name], testee, limits).play()


async def _probe(testee: Testee, limits: Limits) -> None:
    """Unknown commands and ops must be refused by name, or green would mean nothing."""
    reply = await testee.command({"cmd": "juggle-chainsaws"}, limits.step)
    if reply.get("fail", {}).get("kind") != "unknown-command":
        raise TesteeError("an unknown command was not refused with unknown-command")
    opened = {"cmd": "open", "as": "probe", "url": "ws://127.0.0.1:9/", "ids": [], "connect": False}
    await testee.command(opened, limits.step)
    body = {"cmd": "call", "on": "probe", "op": "juggle", "args": {}, "as": "p"}
    reply = await testee.command(body, limits.step)
    if reply.get("fail", {}).get("kind") != "unknown-op":
        raise TesteeError("an unknown op was not refused with unknown-op")
    await testee.command({"cmd": "reset"}, limits.step)


def clear(out: Path) -> None:
    """Remove what an earlier run left; only in a folder that a run has written."""
    if (out / "report.json").exists():
        for name in ("transcripts", "wire"):
            shutil.rmtree(out / name, ignore_errors=True)


def write_transcripts(run: Run, out: Path) -> None:
    """Write ``transcripts/CASE/TESTEE.jsonl`` and ``wire/CASE/TESTEE.log``."""
    for testee in run.testees:
        for verdict in testee.verdicts.values():
            for kind, lines, ending in (
                ("transcripts", verdict.transcript, "jsonl"),
                ("wire", verdict.wire, "log"),
            ):
                path = out / kind / verdict.case / f"{testee.name}.{ending}"
                path.parent.mkdir(parents=True, exist_ok=True)
                text = "".join(line + "\n" for line in lines)
                path.write_text(text, encoding="utf-8", errors="surrogatepass")
