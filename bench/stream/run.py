"""Streamed tokens in five languages: the client against its ecosystem's bare read loop.

Every figure is a ratio of two programs of one run, played in turn, round by round: the machine's
speed drifts, their ratio does not. Medians, with the least and the largest of all rounds. Nothing
is asserted: a row that misses its goal is marked, and the exit status stays 0.

    python bench/stream/run.py [--events N] [--rounds R] [--only FIGURE,...] [LANGUAGE ...]

Figures: speed (raw, bare, client), replay (a session whose events are numbered, beside one whose
are not), memory (a reader in time, late, none), ping, drain, crowd, start. The rows are written to
bench/out/bench.json as well. Exit 1: a program lost an event or failed; 2: a toolchain is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from programs import PROGRAMS, Program

HERE = Path(__file__).resolve().parent
OUT = HERE.parent / "out" / "bench.json"
MIB = 1024 * 1024
NOT_HERE = 3  # exit status of a program whose kind of socket the platform lacks
LIMIT = 300  # seconds that one run may take
Row = dict[str, Any]


class BenchError(Exception):
    """A program failed, or lost an event."""


@contextmanager
def blast_server(*options: str) -> Iterator[str]:
    """Run the server; yields its URL."""
    command = (sys.executable, str(HERE / "server.py"), *options)
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            yield f"ws://127.0.0.1:{int(server.stdout.readline())}/ws"
        finally:
            server.stdin.close()
            server.wait(timeout=10)


class Language:
    """One language's program, built, with one kind of socket."""

    def __init__(self, name: str, socket: str, url: str, replaying: str) -> None:
        self.name, self.socket, self.url, self.replaying = name, socket, url, replaying
        self.program = PROGRAMS[name]

    @property
    def title(self) -> str:
        """How the tables call it."""
        return self.name if self.socket == "default" else f"{self.name} ({self.socket})"

    def play(self, mode: str, events: int, *more: str, url: str = "") -> Row | None:
        """Run the program once; None when the platform lacks its socket."""
        options = ("--mode", mode, "--url", url or self.url, "--events", str(events))
        command = (*self.program.run, *options, "--socket", self.socket, *more)
        env = os.environ | dict(self.program.env or {}) | {"BENCH_T0": str(time.time_ns())}
        done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=LIMIT)
        if done.returncode == NOT_HERE:
            return None
        if done.returncode != 0:
            told = done.stderr.strip().splitlines()[-1:] or ["no message"]
            raise BenchError(f"{self.title} {mode} {' '.join(more)}: {told[0]}")
        row: Row = json.loads(done.stdout.splitlines()[-1])
        if row["events"] != events * int(row.get("copies", 1)):
            raise BenchError(f"{self.title} {mode}: {row['events']} of {events} events")
        return row

    def rounds(
        self, count: int, events: int, kinds: dict[str, tuple[str, ...]]
    ) -> dict[str, list[Row]]:
        """Play every kind (mode, options) in turn, ``count`` times; empty without the socket."""
        found: dict[str, list[Row]] = {kind: [] for kind in kinds}
        for _ in range(count):
            for kind, (mode, *more) in kinds.items():
                row = self.play(mode, events, *more)
                if row is None:
                    return {}
                found[kind].append(row)
        return found


def ratios(tops: list[float], bottoms: list[float]) -> tuple[float, float, float]:
    """Return median, least and largest of the ratios round by round."""
    each = [top / bottom for top, bottom in zip(tops, bottoms, strict=True)]
    return statistics.median(each), min(each), max(each)


def speed(language: Language, options: argparse.Namespace) -> list[Row]:
    """Events per second and CPU per event: raw, bare, client."""
    kinds: dict[str, tuple[str, ...]] = {mode: (mode,) for mode in ("raw", "bare", "client")}
    found = language.rounds(options.rounds, options.events, kinds)
    rows = []
    for mode, rounds in found.items():
        rates = [row["events"] / row["seconds"] for row in rounds]
        cpus = [row["cpu_seconds"] / row["events"] * 1e6 for row in rounds]
        bare = found["bare"]
        ratio, least, largest = ratios(rates, [row["events"] / row["seconds"] for row in bare])
        cpu, _, _ = ratios(cpus, [row["cpu_seconds"] / row["events"] * 1e6 for row in bare])
        peak = statistics.median(row["peak_rss_bytes"] for row in rounds)
        bare_peak = statistics.median(row["peak_rss_bytes"] for row in bare)
        goal = (language.program.goals or {}).get(language.socket) if mode == "client" else None
        cpu_goal = language.program.cpu_goal if mode == "client" else None
        met = round(ratio, 2) >= (goal or 0) and (cpu_goal is None or round(cpu, 2) <= cpu_goal)
        rows.append(
            {
                "figure": "speed",
                "mode": mode,
                "events_per_second": round(statistics.median(rates)),
                "ratio": round(ratio, 2),
                "spread": [round(least, 2), round(largest, 2)],
                "cpu_us": round(statistics.median(cpus), 2),
                "cpu_ratio": round(cpu, 2),
                "peak_over_bare_mb": round((peak - bare_peak) / MIB, 1),
                "goal": goal,
                "cpu_goal": cpu_goal,
                "reached": None if goal is None else met,
            }
        )
    return rows


def replay(language: Language, options: argparse.Namespace) -> list[Row]:
    """Events per second and CPU per event of a replay session, beside one that is none."""
    rates: dict[str, list[float]] = {"plain": [], "replay": []}
    cpus: dict[str, list[float]] = {"plain": [], "replay": []}
    servers = {"plain": language.url, "replay": language.replaying}
    if language.play("client", options.events, url=language.replaying) is None:  # it is warm now
        return []
    for _ in range(options.rounds):
        for kind, url in servers.items():
            row = language.play("client", options.events, url=url)
            assert row is not None
            rates[kind].append(row["events"] / row["seconds"])
            cpus[kind].append(row["cpu_seconds"] / row["events"] * 1e6)
    ratio, least, largest = ratios(rates["replay"], rates["plain"])
    cpu, _, _ = ratios(cpus["replay"], cpus["plain"])
    row = {
        "figure": "replay",
        "mode": "client",
        "events_per_second": round(statistics.median(rates["replay"])),
        "plain_events_per_second": round(statistics.median(rates["plain"])),
        "ratio": round(ratio, 2),
        "spread": [round(least, 2), round(largest, 2)],
        "cpu_us": round(statistics.median(cpus["replay"]), 2),
        "cpu_ratio": round(cpu, 2),
    }
    return [row]


def memory(language: Language, options: argparse.Namespace) -> list[Row]:
    """Peak memory above bare: a reader in time, one that comes late, none."""
    kinds: dict[str, tuple[str, ...]] = {
        "bare": ("bare",),
        "now": ("client", "--reader", "now"),
        "late": ("client", "--reader", "late", "--late-ms", str(options.late_ms)),
        "never": ("client", "--reader", "never"),
    }
    found = language.rounds(options.short, options.events, kinds)
    if not found:
        return []
    bare = statistics.median(row["peak_rss_bytes"] for row in found.pop("bare"))
    rows = []
    for reader, rounds in found.items():
        peak = statistics.median(row["peak_rss_bytes"] for row in rounds)
        goal = 16 if reader == "now" else 50
        over = round((peak - bare) / MIB, 1)
        rows.append(
            {
                "figure": "memory",
                "mode": "client",
                "reader": reader,
                "peak_over_bare_mb": over,
                "goal": goal,
                "reached": over <= goal,
            }
        )
    return rows


def ping(language: Language, options: argparse.Namespace) -> list[Row]:
    """How long a ping waits behind the stream, beside the bare loop."""
    kinds = {mode: (mode, "--ping") for mode in ("bare", "client")}
    found = language.rounds(options.short, options.events, kinds)
    if not found:
        return []
    client, bare = ([row["ping_ms"] for row in found[mode]] for mode in ("client", "bare"))
    row = {
        "figure": "ping",
        "mode": "client",
        "ping_ms": round(statistics.median(client), 1),
        "bare_ping_ms": round(statistics.median(bare), 1),
        "reached": statistics.median(client) <= statistics.median(bare) + 5,
    }
    return [row]


def drain(language: Language, options: argparse.Namespace) -> list[Row]:
    """Time that a late reader needs per event, 16 times as many events apart."""
    rows = []
    few, many = options.events // 8, options.events * 2
    took: dict[int, float] = {}
    for events in (few, many):
        late = ("--reader", "late", "--late-ms", str(options.late_ms))
        played = [language.play("client", events, *late) for _ in range(3)]
        if None in played:
            return []
        took[events] = statistics.median(row["drain_seconds"] for row in played if row)
    rows.append(
        {
            "figure": "drain",
            "mode": "client",
            "events": [few, many],
            "seconds": [round(took[few], 3), round(took[many], 3)],
            # A bounded backlog drains in a time that does not grow at all.
            "reached": took[many] <= 16 * 1.5 * max(took[few], 0.005),
        }
    )
    return rows


def crowd(language: Language, options: argparse.Namespace) -> list[Row]:
    """Many turns on one client, many clients: nothing is lost."""
    del options
    rows = []
    for kind in ("--turns", "--clients"):
        row = language.play("client", 1_000, kind, "100")
        if row is not None:
            rows.append({"figure": "crowd", "mode": "client", "kind": kind[2:], "reached": True})
    return rows


def start(language: Language, options: argparse.Namespace) -> list[Row]:
    """From the start of the process to the first token, beside bare."""
    found = language.rounds(options.rounds, 1, {mode: (mode,) for mode in ("bare", "client")})
    if not found:
        return []
    client, bare = ([row["startup_ms"] for row in found[mode]] for mode in ("client", "bare"))
    ratio, least, largest = ratios(client, bare)
    row = {
        "figure": "start",
        "mode": "client",
        "startup_ms": round(statistics.median(client)),
        "bare_startup_ms": round(statistics.median(bare)),
        "startup_ratio": round(ratio, 2),
        "spread": [round(least, 2), round(largest, 2)],
    }
    return [row]


FIGURES: dict[str, Callable[[Language, argparse.Namespace], list[Row]]] = {
    "speed": speed,
    "replay": replay,
    "memory": memory,
    "ping": ping,
    "drain": drain,
    "crowd": crowd,
    "start": start,
}


def build(name: str, program: Program) -> None:
    """Build one program in release mode."""
    env = os.environ | dict(program.env or {})
    for command in program.build:
        done = subprocess.run(command, cwd=program.folder, env=env, capture_output=True, text=True)
        if done.returncode != 0:
            told = (done.stderr.strip() or done.stdout.strip())[-2000:]
            raise BenchError(f"{name}: the build failed\n{told}")


def line(language: Language, row: Row) -> str:
    """Return a row as a line of the table."""
    shown = {k: v for k, v in row.items() if k not in ("figure", "reached") and v is not None}
    values = "  ".join(f"{key} {value}" for key, value in shown.items())
    mark = {None: " ", True: "+", False: "-"}[row.get("reached")]
    return f"{mark} {language.title:20} {row['figure']:7} {values}"


def measure(options: argparse.Namespace, url: str, replaying: str) -> list[Row]:
    """Play everything that was asked for; prints each row as soon as it is known."""
    rows: list[Row] = []
    for name in options.languages or PROGRAMS:
        build(name, PROGRAMS[name])
        for socket in PROGRAMS[name].sockets:
            language = Language(name, socket, url, replaying)
            for figure in options.only:
                found = FIGURES[figure](language, options)
                if not found and figure == "speed":
                    print(f"  {language.title:20} not run: the platform has no such socket")
                for row in found:
                    rows.append({"language": name, "socket": socket, **row})
                    print(line(language, row), flush=True)
    return rows


def main() -> int:
    """Measure, print the table, write the rows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("languages", nargs="*", choices=[*PROGRAMS, []], help="all by default")
    parser.add_argument("--events", type=int, default=200_000, help="tokens of one turn")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--short", type=int, default=3, help="rounds of memory and ping")
    parser.add_argument("--late-ms", type=int, default=8_000, help="how late a reader comes")
    parser.add_argument("--only", default=",".join(FIGURES), help="figures, with commas between")
    options = parser.parse_args()
    options.only = options.only.split(",")
    if unknown := set(options.only) - set(FIGURES):
        parser.error(f"no such figure: {', '.join(sorted(unknown))}")
    try:
        with blast_server() as url, blast_server("--replay") as replaying:
            rows = measure(options, url, replaying)
    except FileNotFoundError as missing:
        print(f"bench: no {missing.filename} on PATH; `make bench` sets it up", file=sys.stderr)
        return 2
    except (BenchError, subprocess.TimeoutExpired) as failed:
        print(f"bench: {failed}", file=sys.stderr)
        return 1
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    missed = [row for row in rows if row.get("reached") is False]
    print(
        f"{len(rows)} rows, {len(missed)} short of their goal · {OUT.relative_to(HERE.parents[1])}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
