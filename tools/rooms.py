"""Imports go only downwards: a room of a client may use its own and the rooms below it.

The order is one for all five languages (ROOMS, lowest first), and what a file uses is read by the
language's own compiler or parser (tools/room_imports.py). Two rules more: generated wire code uses
no hand-written room, and only the transport room names the WebSocket library. Imports for the type
checker alone are free, and so are the doors of a package (its index, its command line) and the
testing room, which may use anything. In the Python programs no rooms use each other in a circle.

    python3 tools/rooms.py [LANGUAGE ...]

Exit 0: nothing goes upwards; 1: something does, a reader failed, or with REQUIRE=all a toolchain
is missing.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from room_imports import NotRunError, Use, python_uses, uses
from workshop import ROOT, SetupError

ROOMS: tuple[tuple[str, ...], ...] = (
    ("wire",),
    (
        "errors",
        "options",
        "clock",
        "ids",
        "listeners",
        "logging",
        "observer",
        "arguments",
        "counters",
        "texts",
        "opener",
        "handlers",
        "syncloop",
    ),
    ("transport",),
    ("connection", "supervisor", "seeking", "attempt", "link", "outbox", "backoff", "liveness"),
    ("requests", "router", "sender", "pending", "calls", "recovery"),
    ("turn", "accumulator", "questions"),
    ("conversation", "history"),
    ("client",),
)
"""Lowest first. A stem is a room's word, or begins with one: turn-items, turn_items, TurnItems."""

PRINTED = {"Wire/Exceptions.g.cs": "errors"}
"""Printed files that belong to another room than the wire: .NET's error tree is classes, which are
printed, over the facts that they carry, which are not."""

DOORS = {
    "init",
    "main",
    "index",
    "lib",
    "mod",
    "doc",
    "sync",
    "cli",
    "cliperson",
    "cliturns",
    "chat",
    "terminal",
    "testing",
    "react",
    "otel",
}
WORDS = sorted(
    ((word, level) for level, words in enumerate(ROOMS) for word in words),
    key=lambda pair: -len(pair[0]),
)


def level_of(stem: str) -> int | None:
    """Return how high the room of a stem lies, by the longest of its words that fits.

    An underscore before it says in Python that the module is not for applications.
    """
    stem = stem.lstrip("_")
    return next((level for word, level in WORDS if stem.startswith(word)), None)


@dataclass(frozen=True)
class Client:
    """Where a client's rooms are, and the name of its WebSocket library."""

    language: str
    source: str
    library: str


CLIENTS = (
    Client("python", "python/client/src/smooth_operator", "websockets"),
    Client("typescript", "typescript/src", "ws"),
    Client("go", "go/protocol", "github.com/coder/websocket"),
    Client("dotnet", "dotnet/src/SmooAI.SmoothOperator", "System.Net.WebSockets"),
    Client("rust", "rust/src", "tokio_tungstenite"),
)
PROGRAMS = {
    "wiregen": "codegen/src/wiregen",
    "conform": "conformance/src/conform",
    "server": "python/server/src/smooth_operator_server",
}


def stem_of(name: str) -> str:
    """Return the stem of a file: ``turn-state.ts`` and ``_turn_state.py`` are turnstate."""
    if name in PRINTED:
        return PRINTED[name]
    first = name.removeprefix("internal/").split("/")[0]
    return re.sub(r"[^a-z]", "", first.split(".")[0].lower())


def names_library(word: str, library: str) -> bool:
    """Tell whether an import names ``library`` or a part of it."""
    return word == library or word.startswith((f"{library}.", f"{library}/", f"{library}::"))


def complaint(client: Client, use: Use) -> str | None:
    """Return what is wrong with one use, if anything is."""
    stem = stem_of(use.file)
    place = f"{client.source}/{use.file}:{use.line}"
    at_edge = stem.startswith(("transport", "testing"))
    if use.outside and not at_edge and names_library(use.outside, client.library):
        return f"{place}: only the transport room may use {client.library}"
    level = level_of(stem)
    if use.to is None or level is None or stem in DOORS:
        return None
    target = stem_of(use.to)
    above = level_of(target)
    if target in DOORS or above is None or above <= level:
        return None
    return f"{place}: {stem} must not use {target}, a room above it"


def unknown_rooms(client: Client, files: Iterable[str]) -> Iterator[str]:
    """Yield a line for each file that belongs to no room: a new stem is named in ROOMS first."""
    for name in sorted(set(files)):
        stem = stem_of(name)
        if level_of(stem) is None and stem not in DOORS:
            yield f"{client.source}/{name}: {stem} is no room of tools/rooms.py"


def check_client(client: Client) -> tuple[int, list[str]]:
    """Return how many files use something, and what is wrong with them."""
    found = uses(client.language, client.source)
    files = {use.file for use in found}
    bad = {line for use in found if (line := complaint(client, use))}
    return len(files), [*sorted(bad), *unknown_rooms(client, files)]


def circle(name: str, found: Iterable[Use]) -> list[str]:
    """Return one line when rooms of a Python program, its modules and folders, form a circle."""
    graph: dict[str, set[str]] = {}
    for use in found:
        room, target = (stem.split("/")[0].removesuffix(".py") for stem in (use.file, use.to or ""))
        if use.to and room != target and "__" not in room + target:
            graph.setdefault(room, set()).add(target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [f"{name}: rooms in a circle: {' <- '.join(error.args[1])}"]
    return []


def main() -> int:
    """Command line entry; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("languages", nargs="*", help="clients to read, all by default")
    chosen = parser.parse_args().languages
    bad: list[str] = []
    missing = 0
    count = 0
    for client in CLIENTS:
        if chosen and client.language not in chosen:
            continue
        try:
            files, lines = check_client(client)
            count += files
            bad += lines
        except NotRunError as absent:
            missing += 1
            print(f"rooms: {client.language} not run: {absent}", file=sys.stderr)
        except SetupError as problem:
            bad.append(str(problem))
    for name, source in PROGRAMS.items():
        bad += circle(name, python_uses(ROOT / source))
    for line in bad:
        print(line, file=sys.stderr)
    print(f"rooms: {count} files of the clients, {len(bad)} wrong")
    return 1 if bad or (missing and os.environ.get("REQUIRE") == "all") else 0


if __name__ == "__main__":
    sys.exit(main())
