"""The reference server against a bare Starlette that sends the same frames: ratios of one run.

The two are played in turn, round by round, each in a process of its own; medians, with the least
and the largest of all rounds. Nothing is asserted: a row that misses its goal is marked.

    python bench/server/run.py [--rounds R] [--only frames,first,open,idle,start] [--frames N]

The rows are written to bench/out/server.json as well. Exit 1: a frame was lost or a program failed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
OUT = HERE.parent / "out" / "server.json"
MIB = 1024 * 1024
Row = dict[str, Any]
LIMIT = 300


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
    if kind == "bare":
        command = [sys.executable, str(HERE / "bare.py"), str(words)]
    else:
        file = script(folder, turns, words)
        command = [sys.executable, "-m", "smooth_operator_server", "--port", "0"]
        command += ["--script", str(file), "--log-level", "error"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
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


def load(url: str, kind: str, sockets: int, turns: int) -> Row:
    """Run the load once."""
    command = (sys.executable, str(HERE / "load.py"), url, kind, str(sockets), str(turns))
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
    if done.returncode != 0:
        raise BenchError(f"load {kind}: {done.stderr.strip()[-500:]}")
    row: Row = json.loads(done.stdout.splitlines()[-1])
    return row


def played(kind: str, folder: Path, sockets: int, turns: int, words: int) -> Row:
    """Play turns against a fresh server; every frame must come."""
    with serving(kind, folder, sockets * turns, words) as (url, _):
        row = load(url, "turns", sockets, turns)
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


def row_of(figure: str, numbers: tuple[float, ...], reached: bool, **more: Any) -> Row:
    """Return a row of the table."""
    ours, bare, ratio, least, largest = numbers
    told = {"ours": round(ours, 1), "bare": round(bare, 1), "ratio": round(ratio, 2)}
    spread = [round(least, 2), round(largest, 2)]
    return {"figure": figure, **more, **told, "spread": spread, "reached": reached}


def frames(options: argparse.Namespace, folder: Path) -> Iterator[Row]:
    """Frames per second with 1, 10, 100 and 1,000 sockets: at least 0.9 of bare."""
    for sockets in (1, 10, 100, 1_000):
        words = max(20, options.frames // sockets)

        def rate(kind: str, sockets: int = sockets, words: int = words) -> float:
            row = played(kind, folder, sockets, 1, words)
            return float(row["tokens"] / row["seconds"])

        numbers = compared(*in_turn(options.rounds, rate))
        yield row_of("frames/s", numbers, numbers[2] >= 0.9, sockets=sockets, goal=0.9)


def first(options: argparse.Namespace, folder: Path) -> Iterator[Row]:
    """First token in ms when all turns are sent at once: at most twice bare at 200."""
    for sockets in (1, 50, 200, 1_000):
        ours, bare = in_turn(
            options.rounds, lambda kind, count=sockets: played(kind, folder, count, 1, 20)
        )
        for name in ("first_p50_ms", "first_p99_ms"):
            numbers = compared([row[name] for row in ours], [row[name] for row in bare])
            reached = numbers[2] <= 2 if sockets == 200 else True
            yield row_of(name, numbers, reached, turns=sockets, goal=2 if sockets == 200 else None)


def opened(options: argparse.Namespace, folder: Path) -> Iterator[Row]:
    """Sessions opened per second: at least 0.9 of bare."""

    def rate(kind: str) -> float:
        with serving(kind, folder, 1, 1) as (url, _):
            row = load(url, "open", 20, 100)
        return float(row["sessions"] / row["seconds"])

    numbers = compared(*in_turn(options.rounds, rate))
    yield row_of("sessions/s", numbers, numbers[2] >= 0.9, goal=0.9)


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
    """From the start of the process to the socket that answers, in ms."""

    def took(kind: str) -> float:
        began = time.perf_counter()
        with serving(kind, folder, 1, 1) as (url, _):
            load(url, "open", 1, 1)
            return (time.perf_counter() - began) * 1000

    yield row_of("start ms", compared(*in_turn(options.rounds, took)), True)


FIGURES = {"frames": frames, "first": first, "open": opened, "idle": idle, "start": start}


def main() -> int:
    """Measure, print the table, write the rows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frames", type=int, default=40_000, help="frames of one round")
    parser.add_argument("--only", default=",".join(FIGURES), help="figures, with commas between")
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
                    mark = "+" if row["reached"] else "-"
                    print(mark, "  ".join(f"{k} {v}" for k, v in shown.items()), flush=True)
    except (BenchError, subprocess.TimeoutExpired) as failed:
        print(f"bench: {failed}", file=sys.stderr)
        return 1
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    missed = sum(not row["reached"] for row in rows)
    print(f"{len(rows)} rows, {missed} short of their goal · {OUT.relative_to(HERE.parents[1])}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
