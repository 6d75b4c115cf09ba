"""How the five programs of the streaming bench are built and started."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


@dataclass(frozen=True)
class Program:
    """One language: its build, its start, its kinds of socket, and the goals (client to bare)."""

    run: tuple[str, ...]
    build: tuple[tuple[str, ...], ...] = ()
    folder: Path = HERE
    sockets: tuple[str, ...] = ("default",)
    goals: Mapping[str, float] | None = None
    """Least ratio of events per second to bare, by socket."""
    cpu_goal: float | None = None
    """Largest ratio of CPU per event to bare."""
    env: Mapping[str, str] | None = None


PROGRAMS: Mapping[str, Program] = {
    "python": Program(
        run=(sys.executable, str(HERE / "python" / "stream.py")),
        goals={"default": 2.0},
    ),
    "typescript": Program(
        build=(("npm", "run", "--silent", "build"),),
        folder=ROOT / "typescript",
        run=("node", str(HERE / "typescript" / "stream.mjs")),
        sockets=("ws", "global"),
        goals={"ws": 1.0, "global": 1.0},
    ),
    "go": Program(
        build=(("go", "build", "-o", "stream", "."),),
        folder=HERE / "go",
        run=(str(HERE / "go" / "stream"),),
        goals={"default": 3.0},
        cpu_goal=0.5,
    ),
    "dotnet": Program(
        build=(("dotnet", "build", "-c", "Release", "-v", "q", "--nologo"),),
        folder=HERE / "dotnet",
        run=("dotnet", str(HERE / "dotnet" / "bin" / "Release" / "net10.0" / "stream.dll")),
        goals={"default": 1.0},
    ),
    "rust": Program(
        build=(("cargo", "build", "--release", "--quiet", "--locked"),),
        folder=HERE / "rust",
        run=(str(ROOT / "rust" / "target" / "release" / "stream"),),
        sockets=("multi", "single"),
        goals={"multi": 1.0, "single": 1.5},
        env={"CARGO_TARGET_DIR": str(ROOT / "rust" / "target")},
    ),
}
"""The five, in the order of every table; a kind of socket that the platform lacks exits with 3."""
