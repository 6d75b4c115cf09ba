"""The fake server of each testing kit, played by the clients: `conform pair` with each launcher.

    python3 tools/kits.py [--only NAME,...] [--clients NAME,...] [--testees FILE]

`--only` chooses the kits, `--clients` who talks to them (all of the listing). Exit 0: all equal and
as the scripts say; 1: not, or a launcher does not build; 3: there is no kit.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import work
from languages import LANGUAGES
from steps import Ready, set_up
from testees import LISTING, build, command_of
from workshop import ROOT, SetupError, say

CONFORM = Path(sys.executable).with_name("conform")
OUT = ROOT / "conformance" / "out" / "kits"


def play(name: str, clients: str, listing: Path) -> int | None:
    """Play the scripts with one kit; None where it cannot be had.

    Raises: SetupError: its launcher does not build.
    """
    kit = LANGUAGES[name].kit
    if kit is None:
        return None
    ready = set_up(name)
    if not isinstance(ready, Ready):
        say(f"{LANGUAGES[name].title}: {ready.reason}; mend: {ready.mend}")
        return 1 if os.environ.get("REQUIRE") == "all" else None
    build(ready, kit, "kit")
    say(f"{name}: its fake server, played by {clients or 'all clients'}")
    command = [os.fspath(CONFORM), "pair", "--servers", shlex.join(command_of(ready, kit))]
    command += ["--testees", os.fspath(listing), "--out", os.fspath(OUT / name)]
    command += ["--clients", clients] if clients else []
    return subprocess.call(command, env={**os.environ, **ready.env})


def main(argv: list[str] | None = None) -> int:
    """Command line entry; returns the exit status."""
    parser = work.parser_with_only("Play the fake servers of the testing kits.")
    parser.add_argument("--clients", default="", metavar="NAMES", help="comma list of testees")
    parser.add_argument("--testees", type=Path, default=LISTING, metavar="FILE")
    given = parser.parse_args(argv)
    try:
        found = [
            play(name, given.clients, given.testees) for name in work.chosen(parser, given.only)
        ]
    except SetupError as problem:
        print(f"kits: {problem}", file=sys.stderr)
        return 1
    played = [code for code in found if code is not None]
    return max(played) if played else 3


if __name__ == "__main__":
    sys.exit(main())
