"""The reference server against a bare Starlette that sends the same frames: ratios of one run.

The two are played in turn, round by round, each in a process of its own; medians, with the least
and the largest of all rounds. Nothing is asserted: a row that misses its goal is marked.

    python bench/server/run.py [--rounds R] [--only frames,first,sessions,idle,start]
                               [--sockets 1,200] [--frames N]

Beside the figures: how much processor time each server took for one frame or session, in µs, which
a busy machine changes less. The README says what the two servers do and do not do. The rows are
written to bench/out/server.json as well. Exit 1: a frame was lost or a program failed.
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from load import answered, connect

HERE = Path(__file__).resolve().parent
OUT = HERE.parent / "out" / "server.json"
MIB = 1024 * 1024
Row = dict[str, Any]
LIMIT = 300
QUESTION = "How long may I return what I bought?"

ENVIRONMENT = {key: word for key, word in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
"""Programs may keep their bytecode, as installed ones have it."""


class BenchError(Exception):
    """A program failed, or a frame was lost."""


def script(folder: Path, turns: int, words: int) -> Path:
    """Write a script whose answers have ``words`` words, enough of them for ``turns``."""
    path = folder / f"script-{turns}-{words}.json"
    text = "".join(f"word{number:05} " for number in range(words))
    path.write_text(json.dumps({"model": [{"text": text}] * turns}), encoding="utf-8")
    return path


@contextmanager
def serving(kind: str, folder: Path, turns: int, words: int) -> Iterator[tuple[str, int]]:
    """Run one of the two servers; yields its URL and process id."""
    ours = [sys.executable, "-m", "smooth_operator_server", "--port", "0", "--log-level", "error"]
    if kind == "bare":
        command = [sys.executable, str(HERE / "bare.py"), str(words)]
    elif kind == "demo":
        command = [*ours, "--demo"]
    else:
        command = [*ours, "--script", str(script(folder, turns, words))]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            told = server.stdout.readline().split()
            if not told:
                raise BenchError(f"{kind}: the server did not start")
            url = told[-1] if "//" in told[-1] else f"ws://127.0.0.1:{told[-1]}/ws"
            yield url, server.pid
        finally:
            server.stdin.close()
            server.terminate()
            server.wait(timeout=30)


def load(server: tuple[str, int], kind: str, sockets: int, turns: int) -> Row:
    """Run the load once; ``cpu_s`` is what the server's process took for all of it."""
    url, pid = server
    command = (sys.executable, str(HERE / "load.py"), url, kind, str(sockets), str(turns))
    before = processor_s(pid)
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
    if done.returncode != 0:
        raise BenchError(f"load {kind}: {done.stderr.strip()[-500:]}")
    row: Row = json.loads(done.stdout.splitlines()[-1])
    return row | {"cpu_s": processor_s(pid) - before}


def processor_s(pid: int) -> float:
    """Return for how long a process has been on a processor (Linux)."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9


def played(kind: str, folder: Path, sockets: int, turns: int, words: int) -> Row:
    """Play turns against a fresh server; every frame must come."""
    with serving(kind, folder, sockets * turns, words) as server:
        row = load(server, "turns", sockets, turns)
    wanted = sockets * turns * words
    if row["tokens"] != wanted or row["refused"]:
        raise BenchError(f"{kind}: {row['tokens']} of {wanted} tokens, {row['refused']} refused")
    return row


def in_turn(rounds: int, measure: Callable[[str], Any]) -> tuple[list[Any], list[Any]]:
    """Measure ours and bare in turn; return what each gave."""
    told = [(measure("ours"), measure("bare")) for _ in range(rounds)]
    return [ours for ours, _ in told], [bare for _, bare in told]


def compared(ours: list[float], bare: list[float]) -> tuple[float, float, float, float, float]:
    """Return medians of both, and median, least and largest of the ratios ours to bare."""
    each = [one / other for one, other in zip(ours, bare, strict=True)]
    medians = statistics.median(ours), statistics.median(bare)
    return (*medians, statistics.median(each), min(each), max(each))


def costs(rows: tuple[list[Row], list[Row]], units: str) -> list[float]:
    """Return the µs of processor time that each of the two took for one unit, as medians."""
    return [
        round(statistics.median(row["cpu_s"] / row[units] * 1e6 for row in each), 1)
        for each in rows
    ]


def row_of(figure: str, numbers: tuple[float, ...], reached: bool | None, **more: Any) -> Row:
    """Return a row of the table; ``reached`` is None where there is no goal."""
    ours, bare, ratio, least, largest = numbers
    told = {"ours": round(ours, 1), "bare": round(bare, 1), "ratio": round(ratio, 2)}
    spread = [round(least, 2), round(largest, 2)]
    return {"figure": figure, **more, **told, "spread": spread, "reached": reached}


def frames(options: argparse.Namespace, folder: Path) -> Iterator[Row]:
    """Frames per second with 1, 10, 100 and 1,000 sockets: at least 0.9 of bare."""
    for sockets in options.sockets or (1, 10, 100, 1_000):
        words = max(20, options.frames // sockets)
        rows = in_turn(
            options.rounds,
            lambda kind, count=sockets, words=words: played(kind, folder, count, 1, words),
        )
        ours, bare = ([row["tokens"] / row["seconds"] for row in each] for each in rows)
        numbers = compared(ours, bare)
        more: Row = {"sockets": sockets, "goal": 0.9, "cpu_us": costs(rows, "tokens")}
        yield row_of("frames/s", numbers, numbers[2] >= 0.9, **more)


def first(options: argparse.Namespace, folder: Path) -> Iterator[Row]:
    """First token in ms when all turns are sent at once: at most twice bare at 200."""
    for sockets in options.sockets or (1, 50, 200, 1_000):
        ours, bare = in_turn(
            options.rounds, lambda kind, count=sockets: played(kind, folder, count, 1, 20)
        )
        for name in ("first_p50_ms", "first_p99_ms"):
            numbers = compared([row[name] for row in ours], [row[name] for row in bare])
            reached = numbers[2] <= 2 if sockets == 200 else True
            yield row_of(name, numbers, reached, turns=sockets, goal=2 if sockets == 200 else None)


def sessions(options: argparse.Namespace, folder: Path) -> Iterator[Row]:
    """Sessions opened per second, twenty sockets at once: at least 0.9 of bare."""

    def many(kind: str) -> Row:
        with serving(kind, folder, 1, 1) as server:
            return load(server, "open", 20, 100)

    rows = in_turn(options.rounds, many)
    ours, bare = ([row["sessions"] / row["seconds"] for row in each] for each in rows)
    numbers = compared(ours, bare)
    yield row_of("sessions/s", numbers, numbers[2] >= 0.9, goal=0.9, cpu_us=costs(rows, "sessions"))


def memory_of(pid: int) -> int:
    """Return the resident memory of a process in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise BenchError("no VmRSS")


def idle(options: argparse.Namespace, folder: Path) -> Iterator[Row]:
    """Memory of 2,000 idle sessions: under 150 MB."""
    del options

    def memory(kind: str) -> float:
        with serving(kind, folder, 1, 1) as (url, pid):
            command = (sys.executable, str(HERE / "load.py"), url, "idle", "2000", "0")
            with subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            ) as client:
                assert client.stdin is not None
                assert client.stdout is not None
                if not client.stdout.readline():
                    raise BenchError(f"{kind}: the idle sockets could not be opened")
                used = memory_of(pid)
                client.stdin.close()
                client.wait(timeout=60)
        return used / MIB

    numbers = compared(*in_turn(1, memory))
    yield row_of("idle MB", numbers, numbers[0] < 150, sessions=2_000, goal=150)


def start(options: argparse.Namespace, folder: Path) -> Iterator[Row]:
    """`--demo` from the start of its process: to a session, and to the end of its first answer."""

    def took(kind: str) -> tuple[float, float]:
        began = time.perf_counter()
        with serving("demo" if kind == "ours" else kind, folder, 1, 20) as (url, _):
            opened, ended = asyncio.run(first_answer(url))
        return (opened - began) * 1000, (ended - began) * 1000

    in_turn(1, took)  # the first start of all compiles what is imported
    ours, bare = in_turn(options.rounds, took)
    for place, name in enumerate(("start ms, to a session", "start ms, to an answer")):
        numbers = compared([times[place] for times in ours], [times[place] for times in bare])
        yield row_of(name, numbers, None)


async def first_answer(url: str) -> tuple[float, float]:
    """Return when a session was open, and when a question on it was answered."""
    (socket,) = await connect(url, 1)
    await socket.open_session()
    opened = time.perf_counter()
    await socket.turn(0, QUESTION)
    if not answered(socket):
        raise BenchError("the first question was not answered")
    return opened, time.perf_counter()


def numbers_of(text: str) -> tuple[int, ...]:
    """Read numbers with commas between."""
    return tuple(int(word) for word in text.split(","))


FIGURES = {"frames": frames, "first": first, "sessions": sessions, "idle": idle, "start": start}


def main() -> int:
    """Measure, print the table, write the rows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frames", type=int, default=40_000, help="frames of one round")
    parser.add_argument("--only", default=",".join(FIGURES), help="figures, with commas between")
    parser.add_argument("--sockets", type=numbers_of, help="of frames and first, alone")
    options = parser.parse_args()
    chosen = options.only.split(",")
    if unknown := set(chosen) - set(FIGURES):
        parser.error(f"no such figure: {', '.join(sorted(unknown))}")
    rows: list[Row] = []
    try:
        with tempfile.TemporaryDirectory() as folder:
            for name in chosen:
                for row in FIGURES[name](options, Path(folder)):
                    rows.append(row)
                    shown = {k: v for k, v in row.items() if k != "reached" and v is not None}
                    mark = {True: "+", False: "-", None: " "}[row["reached"]]
                    print(mark, "  ".join(f"{k} {v}" for k, v in shown.items()), flush=True)
    except (BenchError, subprocess.TimeoutExpired) as failed:
        print(f"bench: {failed}", file=sys.stderr)
        return 1
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    missed = sum(row["reached"] is False for row in rows)
    print(f"{len(rows)} rows, {missed} short of their goal · {OUT.relative_to(HERE.parents[1])}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
