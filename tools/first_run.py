"""What somebody sees first: wheels into an empty environment, the demonstration, the quickstarts.

Builds the wheels, installs the server's into an environment of nothing else with pip, starts
`smooth-operator-server --demo` from there and asks it; says how long it takes to start beside a
bare uvicorn there. Then the server is started with a real endpoint of a model, a scripted one that
streams chat completions, and the quickstarts of the READMEs put their question to it as printed.

    python tools/first_run.py [--only NAME,...]

The last line counts what went well; exit 1 when something did not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import work
from languages import LANGUAGES
from quickstarts import QUICKSTARTS, Place, shown
from setup_python import find_uv, uv_env
from steps import set_up, surroundings
from toolchains import Missing
from websockets.asyncio.client import connect
from workshop import ROOT, SetupError, run, say

sys.path.insert(0, os.fspath(ROOT / "python" / "server" / "tests"))
from support_endpoint import Endpoint, Reply, calls, endpoint, words

PACKAGES = ("python/server", "python/client")
QUESTION = "How long is your return window?"
DAYS, SOURCE = "17-day", "returns.md"
PIECES = ("You may return it: ", "we have ", "a ", "17-day ", "return window.")
PAUSE_S = 0.05
"""Seconds between pieces: what comes at once is put into one frame."""

ROUNDS = 5
READY_S = 60.0
INSTALL_S = 900.0


@dataclass(frozen=True)
class Answer:
    """What came to one question."""

    text: str
    pieces: int
    """Frames in which the text came."""

    sources: tuple[str, ...]


def build_wheels(folder: Path) -> None:
    """Build the wheels of what is installed."""
    for package in PACKAGES:
        command = (
            find_uv(),
            "build",
            "--quiet",
            "--wheel",
            "--out-dir",
            os.fspath(folder),
            package,
        )
        run(command, env=uv_env(), timeout_s=INSTALL_S)


def install(home: Path, wheels: Path) -> Path:
    """Install the server and the Python client into an empty environment; return its Python."""
    run((sys.executable, "-m", "venv", os.fspath(home)))
    python = home / "bin" / "python"
    pip = (os.fspath(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    files = sorted(os.fspath(wheel) for wheel in wheels.glob("*.whl"))
    run((*pip, *files), cwd=home, timeout_s=INSTALL_S)
    return python


def settings() -> dict[str, str]:
    """Return an environment without settings of the server, as a new machine has it."""
    ours = ("SMOO", "AUTH_", "GITHUB_", "OTEL_", "DATABASE_URL", "REDIS_URL", "PYTHONPATH")
    return {name: value for name, value in surroundings().items() if not name.startswith(ours)}


@asynccontextmanager
async def listening(
    command: tuple[str, ...], folder: Path, **more: str
) -> AsyncIterator[tuple[str, float]]:
    """Run a server; yield the URL of its socket, and the seconds until one was open."""
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=settings() | more,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), READY_S)
        if not line:
            raise SetupError(f"{Path(command[0]).name} did not start")
        word = line.decode().split()[-1]
        url = word if "//" in word else f"ws://127.0.0.1:{word}/ws"
        async with connect(url, compression=None, proxy=None):
            took = time.perf_counter() - began
        yield url, took
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def start_up(ours: tuple[str, ...], bare: tuple[str, ...], folder: Path) -> str:
    """Start both in turn; return what is printed of it. The first start of all compiles."""
    took: list[list[float]] = []
    for _ in range(ROUNDS + 1):
        pair = []
        for command in (ours, bare):
            async with listening(command, folder) as (_, seconds):
                pair.append(seconds)
        took.append(pair)
    first, *rest = took
    mine, others = (statistics.median(each) for each in zip(*rest, strict=True))
    ratio = statistics.median(one / other for one, other in rest)
    return (
        f"{mine * 1000:.0f} ms until --demo has an open socket, {others * 1000:.0f} ms with a bare"
        f" uvicorn: {ratio:.1f} times (the very first start: {first[0] * 1000:.0f} ms)"
    )


async def asked(url: str) -> Answer:
    """Put the question by frames alone; return the answer."""
    async with connect(url, compression=None, proxy=None) as socket, asyncio.timeout(READY_S):

        async def say_to(action: str, **members: str) -> None:
            await socket.send(json.dumps({"action": action, "requestId": action, **members}))

        await say_to("create_conversation_session", agentId="first-run")
        session = json.loads(await socket.recv())["data"]["sessionId"]
        await say_to("send_message", sessionId=session, message=QUESTION)
        tokens: list[str] = []
        while True:
            frame: dict[str, Any] = json.loads(await socket.recv())
            if frame["type"] == "stream_token":
                tokens.append(frame["token"])
            elif frame["type"] == "eventual_response":
                cited = frame["data"]["data"].get("citations", ())
                titles = tuple(str(one["title"]) for one in cited)
                return Answer("".join(tokens), len(tokens), titles)
            elif frame["type"] == "error":
                raise SetupError(f"the question was refused: {frame['error']['code']}")


def fault_of(answer: Answer) -> str | None:
    """Say what is wrong with an answer: it names the days, comes in pieces, and is cited."""
    if DAYS not in answer.text:
        return "the answer does not name the days"
    if answer.pieces < 2:
        return "the answer came in one piece"
    return None if SOURCE in answer.sources else f"{SOURCE} is not cited"


class Counted:
    """Prints what was seen line by line; counts what was not as it should be."""

    def __init__(self) -> None:
        self.good = self.bad = 0

    def line(self, name: str, told: str, fault: str | None = None) -> None:
        """Print a line; with ``fault`` it counts as bad."""
        self.good, self.bad = self.good + (fault is None), self.bad + (fault is not None)
        print(f"{'+' if fault is None else '-'} {name:<11} {fault or told}", flush=True)

    def answer(self, name: str, answer: Answer) -> None:
        """Print an answer to the question."""
        told = f"“{answer.text.strip()[-60:]}” in {answer.pieces} frames, from {answer.sources[:1]}"
        self.line(name, told, fault_of(answer))


async def quickstart(
    name: str, url: str, folder: Path, python: Path, model: Endpoint, counted: Counted
) -> None:
    """Make and run the quickstart of one language; what it prints has to hold the answer."""
    found = await asyncio.to_thread(set_up, name)
    if isinstance(found, Missing):
        counted.line(name, "", f"not run: {found.reason}; {found.mend}")
        return
    place = Place(folder / name, python, found.env)
    place.folder.mkdir()
    before = len(model.requests)
    try:
        program = await asyncio.to_thread(QUICKSTARTS[name], place, url)
        printed = await asyncio.to_thread(shown, program, place.env)
    except SetupError as problem:
        counted.line(name, "", str(problem))
        return
    whole = "".join(PIECES)
    wrong = next((text for text in (whole, SOURCE) if text not in printed), None)
    told = f"{LANGUAGES[name].title}: {' '.join(printed.split())}"
    fault = None if wrong is None else f"{wrong!r} is not in what it printed: {printed!r}"
    if len(model.requests) - before != 2:
        fault = f"the endpoint was asked {len(model.requests) - before} times, not twice"
    counted.line(name, told, fault)


async def play(names: list[str], folder: Path, python: Path) -> Counted:
    """Show everything; return how much of it went well."""
    counted = Counted()
    program = os.fspath(python.with_name("smooth-operator-server"))
    demo = (program, "--demo", "--port", "0")
    bare = (os.fspath(python), os.fspath(ROOT / "bench" / "server" / "bare.py"))
    counted.line("start-up", await start_up(demo, bare, folder))
    async with listening(demo, folder) as (url, _):
        counted.answer("demo", await asked(url))
    looks_up = Reply(calls(("knowledge_search", {"query": "return window"})))
    replies = [looks_up, Reply(words(*PIECES), pause_s=PAUSE_S)] * (1 + len(names))
    async with endpoint(*replies) as (model, address):
        surrounding = {"SMOOAI_GATEWAY_URL": address, "SMOOTH_AGENT_SEED_KB": "1"}
        command = (program, "--port", "0", "--db", os.fspath(folder / "first.db"))
        async with listening(command, folder, **surrounding) as (url, _):
            counted.answer("endpoint", await asked(url))
            for name in names:
                await quickstart(name, url, folder, python, model, counted)
    return counted


def main(argv: list[str] | None = None) -> int:
    """Command line entry; returns the exit status."""
    parser: argparse.ArgumentParser = work.parser_with_only("What somebody sees first.")
    names = work.chosen(parser, parser.parse_args(argv).only)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        try:
            timed("wheels built", lambda: build_wheels(folder / "wheels"))
            home = folder / "machine"
            timed("installed by pip", lambda: install(home, folder / "wheels"))
            counted = asyncio.run(play(names, folder, home / "bin" / "python"))
        except (SetupError, TimeoutError, OSError, subprocess.SubprocessError) as problem:
            print(f"first-run: {problem or type(problem).__name__}", file=sys.stderr)
            return 1
    print(f"{counted.good} as they should be, {counted.bad} not")
    return 1 if counted.bad else 0


def timed(what: str, work_of: Callable[[], object]) -> None:
    """Do something and say how long it took."""
    began = time.perf_counter()
    work_of()
    say(f"{what} in {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
