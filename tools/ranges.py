"""Prove the Python client on the oldest and the newest libraries that its pyproject.toml allows.

Each end of the ranges gets an environment of its own below .toolchains/ranges, with the client's
dependencies and nothing else; every conformance case is played against the client there.

    python3 tools/ranges.py [--cases GLOB]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from setup_python import VENV, find_uv, uv_env
from workshop import ROOT, STATE, SetupError, run, say

CLIENT = ROOT / "python" / "client"
TESTEE = ROOT / "conformance" / "testees" / "python" / "testee.py"
HOME = STATE / "ranges"
ENDS = {"oldest": "lowest-direct", "newest": "highest"}
"""By name, how uv resolves that end of the ranges."""


def build(uv: str, end: str) -> Path:
    """Return the Python of a fresh environment with the dependencies at one end of their ranges."""
    home = HOME / end
    shutil.rmtree(home, ignore_errors=True)
    env = {**uv_env(), "VIRTUAL_ENV": os.fspath(home)}
    run([uv, "venv", "--quiet", "--python", os.fspath(VENV / "bin" / "python"), os.fspath(home)])
    wanted = ["--resolution", ENDS[end], "-r", os.fspath(CLIENT / "pyproject.toml")]
    run([uv, "pip", "install", "--quiet", *wanted], env=env)
    return home / "bin" / "python"


def versions(python: Path) -> str:
    """Return which libraries an environment holds."""
    ask = "import pydantic, websockets; print(pydantic.VERSION, websockets.__version__)"
    told = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout
    return "pydantic {}, websockets {}".format(*told.split())


def listing(pythons: dict[str, Path]) -> Path:
    """Write the listing of testees for the harness: the client once for each environment."""
    testees = {
        end: {
            "command": [os.fspath(python), os.fspath(TESTEE)],
            "env": {"PYTHONPATH": os.fspath(CLIENT / "src")},
            "cwd": os.fspath(TESTEE.parent),
        }
        for end, python in pythons.items()
    }
    file = HOME / "testees.json"
    file.write_text(json.dumps(testees, indent=2) + "\n", encoding="utf-8")
    return file


def main(argv: list[str] | None = None) -> int:
    """Command line entry; returns the exit status."""
    parser = argparse.ArgumentParser(description="The client on its oldest and newest libraries.")
    parser.add_argument("--cases", default="", help="only these cases, e.g. 'turn/*'")
    cases = parser.parse_args(argv).cases
    try:
        uv = find_uv()
        pythons = {end: build(uv, end) for end in ENDS}
        for end, python in pythons.items():
            say(f"{end}: {versions(python)}")
        conform = [os.fspath(VENV / "bin" / "conform"), "run", "--testees"]
        out = ["--out", os.fspath(HOME / "out")]
        chosen = ["--cases", cases] if cases else []
        run([*conform, os.fspath(listing(pythons)), *out, *chosen])
    except SetupError as problem:
        print(f"ranges: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
