"""Driving a testee: one process, JSON lines, a deadline on every wait.

A testee that breaks the protocol, dies or hangs gives a ``TesteeError``; what it reported until
then is kept. A hanging one is asked for stacks, then its whole process group is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import secrets
import shlex
import signal
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import jsonschema_rs

from conform.facts import PROTOCOLS
from conform.home import HOME
from conform.spec import Tree

LINE_LIMIT = 64 * 1024 * 1024
STDERR_LINES = 200
DUMP_SECONDS = 1.0
CANARIES = ("drop-3rd-item", "alter-text", "drop-error-code")


class TesteeError(Exception):
    """The testee broke the protocol, died or hung."""


@dataclass
class EventLog:
    """What a testee reported in one case, with a way to wait for more."""

    events: list[Tree] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, event: Tree) -> None:
        """Keep one event and wake whoever waits."""
        self.events.append(event)
        self._more.set()

    def wake(self) -> None:
        """Let waits look again: the testee ended."""
        self._more.set()

    async def until(self, enough: Callable[[list[Tree]], bool], limit: float) -> bool:
        """Wait until the events are enough; ``False`` at the deadline."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit):
                while not enough(self.events):
                    if self.faults:
                        return False
                    self._more.clear()
                    await self._more.wait()
        return enough(self.events)


class Testee(Protocol):
    """What the player needs of a testee."""

    name: str
    hello: Tree
    log: EventLog

    async def start(self, canary: str | None = None) -> None:
        """Start it and shake hands."""

    async def command(self, body: Tree, limit: float) -> Tree:
        """Send one command; return the reply, ``ok`` or ``fail``."""

    async def stop(self) -> None:
        """End it in an orderly way, then by force."""

    async def kill(self) -> None:
        """Ask a hanging testee for stacks and kill it."""

    @property
    def alive(self) -> bool:
        """Whether it can take commands."""


class LineChecker:
    """Checks every line of a testee by ``testee-protocol.schema.json``."""

    def __init__(self) -> None:
        path = HOME / "schema" / "testee-protocol.schema.json"
        schema = json.loads(path.read_text(encoding="utf-8"))
        make = jsonschema_rs.Draft202012Validator
        self._reply, self._hello = (
            make({"$defs": schema["$defs"], "$ref": f"#/$defs/{name}"})
            for name in ("reply", "hello")
        )
        self._events = {
            (protocol, name[3:]): make(
                {"$defs": _defs(schema, protocol), "$ref": f"#/$defs/{name}"}
            )
            for protocol in PROTOCOLS
            for name in schema["$defs"]
            if name.startswith("ev_")
        }

    def fault(self, line: Tree, protocol: int = 2) -> str | None:
        """Say what is wrong with a line; ``None`` when it is sound."""
        if "id" not in line:
            found = self._events.get((protocol, str(line.get("ev"))))
            return _first(found, line) if found else f"unknown event {line.get('ev')!r}"
        return _first(self._reply, line)

    def hello_fault(self, ok: Tree) -> str | None:
        """The same for the body of the answer to ``hello``."""
        return _first(self._hello, ok)


def _defs(schema: Tree, protocol: int) -> Tree:
    """The definitions of the schema with errors as that version has them."""
    defs: Tree = schema["$defs"]
    return {**defs, "error": defs["error2"]} if protocol > 1 else defs


def _first(validator: Any, line: Tree) -> str | None:
    for error in validator.iter_errors(line):
        return "/" + "/".join(map(str, error.instance_path)) + ": " + str(error.message)[:200]
    return None


@dataclass(frozen=True)
class Launch:
    """How to start a testee: command, working folder, added environment."""

    name: str
    command: tuple[str, ...]
    cwd: Path | None = None
    env: dict[str, str] = field(default_factory=dict)
    flags: str = ""  # how a command line names it; empty = by its name alone

    @classmethod
    def parse(cls, text: str) -> Launch:
        """Read ``NAME=CMD``; raises ``ValueError``."""
        name, sign, command = text.partition("=")
        words = shlex.split(command)
        if not sign or not name or not words:
            raise ValueError(f"expected NAME=CMD, got {text!r}")
        return cls(name, tuple(words))


class ProcessTestee:
    """A testee in a process group of its own."""

    def __init__(self, launch: Launch, checker: LineChecker) -> None:
        self.name = launch.name
        self.launch = launch
        self.checker = checker
        self.hello: Tree = {}
        self.log = EventLog()
        self.stderr: deque[str] = deque(maxlen=STDERR_LINES)
        self._process: asyncio.subprocess.Process | None = None
        self._replies: dict[int, asyncio.Future[Tree]] = {}
        self._ids = itertools.count(1)
        self._pumps: list[asyncio.Task[None]] = []

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.returncode is None

    async def start(self, canary: str | None = None, limit: float = 60.0) -> None:
        """Start the process and shake hands."""
        pipe = asyncio.subprocess.PIPE
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self.launch.command,
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                cwd=self.launch.cwd,
                env={**os.environ, **self.launch.env},
                limit=LINE_LIMIT,
                start_new_session=True,
            )
        except OSError as error:
            raise TesteeError(f"cannot start {self.name}: {error}") from None
        self._pumps = [asyncio.create_task(self._read()), asyncio.create_task(self._read_stderr())]
        nonce = secrets.token_hex(4)
        body: Tree = {"cmd": "hello", "protocol": list(PROTOCOLS), "nonce": nonce}
        reply = await self.command({**body, **({"canary": canary} if canary else {})}, limit)
        ok = reply.get("ok")
        if ok is None:
            raise TesteeError(f"hello was refused: {reply.get('fail')}")
        fault = self.checker.hello_fault(ok)
        if fault or ok["nonce"] != nonce:
            raise TesteeError(f"hello is not sound: {fault or 'another nonce came back'}")
        self.hello = ok

    async def command(self, body: Tree, limit: float) -> Tree:
        """Send one command and wait for its reply."""
        if not self.alive or self._process is None or self._process.stdin is None:
            raise TesteeError(self._death())
        number = next(self._ids)
        future: asyncio.Future[Tree] = asyncio.get_running_loop().create_future()
        self._replies[number] = future
        line = json.dumps({"id": number, **body}, ensure_ascii=False)
        try:
            self._process.stdin.write(line.encode("utf-8", "surrogatepass") + b"\n")
            await asyncio.wait_for(self._process.stdin.drain(), limit)
            return await asyncio.wait_for(future, limit)
        except TimeoutError:
            raise TesteeError(f"no reply to {body['cmd']} within {limit:.1f} s") from None
        except (BrokenPipeError, ConnectionResetError):
            raise TesteeError(self._death()) from None
        finally:
            self._replies.pop(number, None)

    def _death(self) -> str:
        code = self._process.returncode if self._process else None
        last = self.stderr[-1] if self.stderr else "nothing on stderr"
        return f"the process ended with status {code}: {last}"

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            try:
                tree = json.loads(line)
            except ValueError:
                self._fault(f"stdout has a line that is not JSON: {line[:120]!r}")
                continue
            self._take(tree)
        await self._process.wait()
        for future in self._replies.values():
            if not future.done():
                future.set_exception(TesteeError(self._death()))
        self.log.wake()

    def _take(self, tree: Tree) -> None:
        fault = self.checker.fault(tree, self.hello.get("protocol", 2))
        if fault:
            self._fault(f"line breaks the protocol at {fault}")
        if "id" not in tree:
            self.log.add(tree)
            return
        future = self._replies.get(tree["id"])
        if future and not future.done():
            future.set_result(tree)

    def _fault(self, text: str) -> None:
        self.log.faults.append(text)
        self.log.wake()

    async def _read_stderr(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        while line := await self._process.stderr.readline():
            self.stderr.append(line.decode("utf-8", "replace").rstrip())

    async def stop(self) -> None:
        """Say ``bye``; kill what does not go."""
        if self.alive:
            with contextlib.suppress(TesteeError):
                await self.command({"cmd": "bye"}, 5.0)
            with contextlib.suppress(TimeoutError):
                if self._process:
                    await asyncio.wait_for(self._process.wait(), 5.0)
        await self._end()

    async def kill(self) -> None:
        """Ask for stacks, then kill the process group."""
        if self.alive:
            with contextlib.suppress(TesteeError):
                await self.command({"cmd": "dump"}, DUMP_SECONDS)
        await self._end()

    async def _end(self) -> None:
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)
