"""Build the five testees and tell the harness how to start each, in .toolchains/testees.json.

One member per client, in the order of the reports, each either

    {"command": [...], "env": {...}, "cwd": "..."}      start it so
    {"missing": "no .NET 10 SDK", "mend": "..."}        it cannot run here; report it as `not run`

`env` holds only what differs from the caller's environment. A testee that is there but does not
build is an error, never a `missing`.

    python3 tools/testees.py [--only NAME,...]
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from typing import Any

import tree
import work
from languages import LANGUAGES, Testee
from steps import Ready, filled, run_step, set_up
from toolchains import Missing
from workshop import ROOT, STATE, SetupError, alone, fingerprint, is_fresh, mark, say

LISTING = STATE / "testees.json"


def build(ready: Ready, program: Testee | None = None, word: str = "testee") -> None:
    """Build a program of one language, its testee, unless what it is made of is the same."""
    program = program or ready.language.testee
    artefact = ROOT / program.artefact
    stamp = STATE / "stamps" / f"{word}-{ready.name}"
    inputs = (*program.inputs, *ready.language.locks)
    files = [ROOT / name for name in tree.files() if name.startswith(inputs)]
    wanted = fingerprint(files, ready.version, *(str(step) for step in program.build))
    with alone(f"{word}-{ready.name}"):
        if artefact.exists() and is_fresh(stamp, wanted):
            return
        if program.build:
            say(f"{ready.name}: building the {word}")
        for step in program.build:
            run_step(step, ready)
        if not artefact.exists():
            raise SetupError(f"{ready.name}: the build left no {program.artefact}")
        mark(stamp, wanted)


def entry(found: Ready | Missing) -> dict[str, Any]:
    """Return what the listing says about one client."""
    if isinstance(found, Missing):
        return {"missing": found.reason, "mend": found.mend}
    changes = {k: v for k, v in found.env.items() if os.environ.get(k) != v}
    testee = found.language.testee
    folder = os.fspath(ROOT / testee.folder)
    return {"command": command_of(found, testee), "env": changes, "cwd": folder}


def command_of(ready: Ready, program: Testee) -> list[str]:
    """Return the command that starts a program, with the whole path of what it starts.

    Raises: SetupError: that is not on PATH.
    """
    first, *rest = (filled(word) for word in program.command)
    if first.startswith("."):
        found: str | None = os.fspath((ROOT / program.folder / first).resolve())
    else:
        found = shutil.which(first, path=ready.env.get("PATH"))
    if found is None:
        raise SetupError(f"{ready.name}: {first} is not on PATH")
    return [found, *rest]


def prepare(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Set up and build the named testees, write the listing, and return it.

    Raises: SetupError: a testee whose toolchain is there does not build.
    """
    listing: dict[str, dict[str, Any]] = {}
    for name in names:
        found = set_up(name)
        if isinstance(found, Ready):
            build(found)
        listing[name] = entry(found)
    LISTING.parent.mkdir(exist_ok=True)
    fresh = LISTING.with_suffix(".new")
    fresh.write_text(json.dumps(listing, indent=2) + "\n")
    fresh.replace(LISTING)
    return listing


def main(argv: list[str] | None = None) -> int:
    """Command line entry; returns the exit status."""
    parser = work.parser_with_only("Build the testees and list them for the harness.")
    names = work.chosen(parser, parser.parse_args(argv).only)
    try:
        listing = prepare(names)
    except SetupError as problem:
        print(f"testees: {problem}", file=sys.stderr)
        return 1
    for name, told in listing.items():
        if "missing" in told:
            say(f"{LANGUAGES[name].title}: {told['missing']}; mend: {told['mend']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
