"""Clients against a real server: script files played through a recording proxy.

No oracle here: the server decides what is said. Judged are the frames (each valid by the schema,
every turn one terminal event, its last), what the script waits for, and the siblings: after
renaming of what servers invent, all clients must show one transcript.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema_rs
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from conform.documents import CaseError, load_yaml_lines
from conform.facts import known
from conform.home import HOME
from conform.home import shown as shown_path
from conform.judge import Verdict
from conform.macros import Expander
from conform.patterns import UUID, mismatch
from conform.script import Case
from conform.spec import TERMINAL_TYPES, Spec, Tree
from conform.testee import EventLog, Testee, TesteeError
from conform.transcript import canonical, digest, lane_of

LISTENING = re.compile(r"listening on (ws://\S+)")
START_SECONDS = 30.0
STEP_SECONDS = 10.0
MOST_IDS = 100
TIMES = frozenset(["timestamp", "expiresAt", "serverTime", "createdAt", "updatedAt"])
REF = re.compile(r"\$([a-z0-9]+)\.([A-Za-z]+)")


class PairError(Exception):
    """A script did not go as it says."""


@dataclass(frozen=True)
class PairScript:
    """One script file."""

    name: str
    title: str
    proves: tuple[str, ...]
    server: Tree
    steps: tuple[tuple[str, Tree, int], ...]
    path: Path

    def as_case(self) -> Case:
        """The script as reports know cases."""
        return Case(
            f"pair/{self.name}", self.title, "", "must", self.proves, (), (), (), self.path, 1
        )


def load_scripts(spec: Spec, root: Path | None = None) -> list[PairScript]:
    """Read every script file; raises ``CaseError`` with file and line."""
    schema = json.loads((HOME / "schema" / "pair.schema.json").read_text(encoding="utf-8"))
    validator = jsonschema_rs.Draft202012Validator(schema)
    return [
        _load(spec, validator, path) for path in sorted((root or HOME / "scripts").glob("*.yaml"))
    ]


def _load(spec: Spec, validator: Any, path: Path) -> PairScript:
    tree, lines = load_yaml_lines(path)
    shown = shown_path(path)
    for error in validator.iter_errors(tree):
        where = tuple(error.instance_path)
        pointer = "/" + "/".join(map(str, where))
        raise CaseError(f"{shown}:{lines.at(where)}: {pointer}: {error.message}")
    expander = Expander(spec, {}, {}, lambda node, _: node)
    steps: list[tuple[str, Tree, int]] = []
    for index, step in enumerate(tree["steps"]):
        line = lines.at(("steps", index))
        kind, body = next(iter(step.items()))
        if kind == "do":
            before = len(expander.out)
            try:
                expander.expand(None, [{"do": body, "line": line}], lines)
            except CaseError as error:
                raise CaseError(f"{shown}:{error}") from None
            body = expander.out[before][1]
        steps.append((kind, body, line))
    names = tuple(tree["proves"])
    return PairScript(tree["pair"], tree["title"], names, tree["server"], tuple(steps), path)


class Proxy:
    """A WebSocket proxy that keeps every frame of both directions."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.frames: list[tuple[str, str]] = []

    async def handle(self, client: ServerConnection) -> None:
        """Relay one connection until one side ends."""
        async with connect(
            self.upstream, compression=None, proxy=None, ping_interval=None, max_size=None
        ) as server:
            up = asyncio.create_task(self._relay(client, server, "client"))
            down = asyncio.create_task(self._relay(server, client, "server"))
            _, late = await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _relay(self, source: Any, target: Any, origin: str) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for message in source:
                text = message if isinstance(message, str) else message.decode("utf-8", "replace")
                self.frames.append((origin, text))
                await target.send(message)


class ServerProcess:
    """The server on a free port, under a script file if there is one; ended with its group."""

    def __init__(self, command: list[str], script: Tree | None) -> None:
        self.command = command
        self.script = script
        self.process: asyncio.subprocess.Process | None = None
        self._folder = tempfile.TemporaryDirectory()

    async def __aenter__(self) -> str:
        path = Path(self._folder.name) / "script.json"
        if self.script is not None:
            path.write_text(json.dumps(self.script), encoding="utf-8")
        pipe = asyncio.subprocess.PIPE
        self.process = await asyncio.create_subprocess_exec(
            *self.command,
            *([] if self.script is None else ["--script", str(path)]),
            "--port",
            "0",
            stdin=pipe,  # kept open: a server may end with its stdin
            stdout=pipe,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(START_SECONDS):
                return await self._address()
        except TimeoutError:
            await self.__aexit__()
            raise PairError("the server does not say where it listens") from None
        except PairError:
            await self.__aexit__()
            raise

    async def _address(self) -> str:
        assert self.process is not None
        assert self.process.stdout is not None
        told = ""
        while line := await self.process.stdout.readline():
            told = line.decode("utf-8", "replace").strip() or told
            found = LISTENING.search(told)
            if found:
                return found[1]
        raise PairError(f"the server ended at once: {told}")

    async def __aexit__(self, *_: object) -> None:
        if self.process and self.process.returncode is None:
            self.process.terminate()
            try:
                await asyncio.wait_for(self.process.communicate(), 5.0)
            except TimeoutError:
                self.process.kill()
                await self.process.communicate()
        self._folder.cleanup()


async def play(
    spec: Spec, script: PairScript, testee: Testee, command: list[str]
) -> tuple[Verdict, bool]:
    """Play one script with one client; returns the verdict and whether the testee was lost."""
    name = f"pair/{script.name}"
    verdict = Verdict(name, testee.name, "pass")
    testee.log = EventLog()
    begun = asyncio.get_running_loop().time()
    lost = False
    frames: list[tuple[str, str]] = []
    try:
        async with ServerProcess(command, script.server) as upstream:
            proxy = Proxy(upstream)
            frames = proxy.frames
            # the port is the proxy's; `upstream` stays between proxy and server
            async with serve(
                proxy.handle, "127.0.0.1", 0, compression=None, ping_interval=None, max_size=None
            ) as server:
                port = server.sockets[0].getsockname()[1]
                await _steps(script, testee, f"ws://127.0.0.1:{port}/ws")
    except (PairError, TesteeError) as error:
        verdict.outcome, verdict.reason = "fail", str(error)
        lost = isinstance(error, TesteeError)
    verdict.seconds = asyncio.get_running_loop().time() - begun
    verdict.wire = [f"{'->' if o == 'client' else '<-'} {text}" for o, text in frames]
    verdict.protocol = testee.hello.get("protocol", 2)
    verdict.transcript = transcript(testee.log.events, frames, verdict.protocol)
    verdict.digest = digest(verdict.transcript)
    verdict.shared = digest(transcript(testee.log.events, frames, 1))
    if verdict.passed:
        fault = frame_fault(spec, frames) or next(iter(testee.log.faults), None)
        escaped = next((e["what"] for e in testee.log.events if e["ev"] == "unhandled"), None)
        if fault or escaped:
            verdict.outcome, verdict.reason = "fail", str(fault or f"escaped: {escaped}")
    return verdict, lost


async def _steps(script: PairScript, testee: Testee, url: str) -> None:
    values: Tree = {}
    seen: Counter[str] = Counter()
    for kind, body, line in script.steps:
        if kind == "do":
            try:
                command = _fill(_named(body), values, url)
            except KeyError as error:
                raise PairError(f"line {line}: no value to fill in: {error.args[0]}") from None
            reply = await testee.command(command, STEP_SECONDS)
            if "fail" in reply:
                raise PairError(f"line {line}: the testee refused: {reply['fail']}")
            if body["cmd"] == "open":
                await _opened(testee.log, body["as"], line)
        else:
            await _wait(testee.log, body, line, values, seen)
    reply = await testee.command({"cmd": "reset"}, STEP_SECONDS)
    if "fail" in reply:
        raise PairError(f"the testee refused reset: {reply['fail']}")


def _named(body: Tree) -> Tree:
    """A command as it is sent; clients of one script draw request ids that differ."""
    if body["cmd"] != "open":
        return body
    ids = [] if body["as"] == "c1" else [f"{body['as']}-{count}" for count in range(1, MOST_IDS)]
    return {**body, "ids": ids}


async def _opened(log: EventLog, lane: str, line: int) -> None:
    """Wait until a client is connected: commands are issued side by side, in no order."""
    event = await _observed(log, {"returned": lane}, line, Counter())
    if "error" in event:
        raise PairError(f"line {line}: {lane} did not connect: {json.dumps(event['error'])}")


def _fill(node: Any, values: Tree, url: str) -> Any:
    if isinstance(node, dict):
        return {k: _fill(v, values, url) for k, v in node.items() if k != "auto"}
    if isinstance(node, list):
        return [_fill(v, values, url) for v in node]
    if not isinstance(node, str):
        return node
    found = REF.fullmatch(node)
    if not found:
        return node.replace("{server}", url)
    told = values.get(found[1], {"error": "nothing"})
    if found[2] not in told:
        raise KeyError(f"{node}: {found[1]} ended with {json.dumps(told)}")
    return told[found[2]]


async def _wait(log: EventLog, body: Tree, line: int, values: Tree, seen: Counter[str]) -> None:
    """Wait for the next observation of a lane that is of this kind; the rest must match it."""
    kind = next(iter(body))
    lane, rest = body[kind], {k: v for k, v in body.items() if k != kind}
    event = await _observed(log, body, line, seen)
    if kind == "returned" and "error" in event and "error" not in rest:
        told = json.dumps(event["error"])
        raise PairError(f"line {line}: {lane} must return a value, it failed with {told}")
    found = mismatch(_in_part(rest), event)
    if found:
        raise PairError(f"line {line}: {kind} of {lane} differs at {found}")
    if kind == "returned":
        value = event.get("value")
        values[lane] = value if isinstance(value, dict) else {"error": event.get("error")}


async def _observed(log: EventLog, body: Tree, line: int, seen: Counter[str]) -> Tree:
    """The next observation of the kind, lane and type of ``body``; ``seen`` counts those taken."""
    kind = next(iter(body))
    lane, wanted = body[kind], body.get("type")

    def fitting(events: list[Tree]) -> list[Tree]:
        return [
            e
            for e in events
            if e["ev"] == kind and lane_of(e) == lane and wanted in (None, e.get("type"))
        ]

    key = f"{kind} {lane} {wanted}"
    position = seen[key]
    seen[key] += 1
    if not await log.until(lambda events: len(fitting(events)) > position, STEP_SECONDS):
        raise PairError(f"line {line}: never reported: {kind} of {lane}")
    event = fitting(log.events)[position]
    return {**event, "error": known(event["error"])} if "error" in event else event


def _in_part(node: Any) -> Any:
    """A pattern that leaves other members alone, at every depth."""
    if isinstance(node, dict):
        return {**{name: _in_part(value) for name, value in node.items()}, "$partial": True}
    return [_in_part(value) for value in node] if isinstance(node, list) else node


def frame_fault(spec: Spec, frames: list[tuple[str, str]]) -> str | None:
    """First frame that breaks the schema, or first turn that breaks its order."""
    ended: set[str] = set()
    turns: set[str] = set()
    for origin, text in frames:
        try:
            frame = json.loads(text)
        except ValueError:
            return f"{origin} sent a frame that is not JSON"
        fault = spec.strict_fault(frame) if isinstance(frame, dict) else "no object"
        if fault:
            return f"{origin} sent a frame that breaks the schema, {fault}"
        request = frame.get("requestId")
        if frame.get("action") == "send_message":
            turns.add(request)
        elif origin == "server" and request in turns:
            if request in ended and frame["type"] not in ("otp_verified", "otp_invalid"):
                return f"server sent {frame['type']} after the terminal event of its turn"
            if frame["type"] in TERMINAL_TYPES and not _spares(spec, frame):
                ended.add(request)
    missing = turns - ended
    return f"server never ended turn {min(missing)}" if missing else None


def _spares(spec: Spec, frame: Tree) -> bool:
    info = frame.get("data", {}).get("error") if frame["type"] == "error" else None
    if not isinstance(info, dict):
        return False
    return info.get("terminal") is False or spec.code(info["code"]).terminal == "never"


def transcript(events: list[Tree], frames: list[tuple[str, str]], protocol: int = 2) -> list[str]:
    """What the client showed and sent, without what the server invents anew in each run."""
    lines = [json.loads(line) for line in canonical(events, protocol=protocol)]
    sent = [json.loads(text) for origin, text in frames if origin == "client"]
    names: dict[str, str] = {}

    def walk(node: Any, key: str = "") -> Any:
        if key in TIMES and node is not None:
            return "<t>"
        if isinstance(node, str) and UUID.fullmatch(node):
            return names.setdefault(node, f"id#{len(names) + 1}")
        if isinstance(node, dict):
            return {k: walk(node[k], k) for k in sorted(node)}
        if isinstance(node, list):
            return [walk(v) for v in node]
        return node

    told = [walk(line) for line in [*lines, *({"sent": frame} for frame in sent)]]
    return [json.dumps(line, ensure_ascii=False, separators=(",", ":")) for line in told]
