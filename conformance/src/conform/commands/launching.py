"""Finding testees: flags of the command line and the listing that the workshop writes."""

from __future__ import annotations

import argparse
import os
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

from conform.documents import CaseError, load_json
from conform.home import ROOT, shown
from conform.run import TesteeRun
from conform.testee import Launch

TESTEES = ROOT / ".toolchains" / "testees.json"


def add_testee_flags(parser: argparse.ArgumentParser) -> None:
    """``--testees``, ``--testee`` and ``--require``."""
    parser.add_argument(
        "--testees",
        type=Path,
        metavar="FILE",
        help="listing of testees (JSON), as tools/ writes it",
    )
    parser.add_argument(
        "--testee",
        action="append",
        default=[],
        metavar="NAME[=CMD]",
        help="a testee with its command, or one of the listing by name",
    )
    parser.add_argument(
        "--require",
        choices=["all"],
        default=os.environ.get("REQUIRE") or None,
        help="a client that cannot run, or lacks a feature, is a failure (also REQUIRE=all)",
    )


def testees(args: argparse.Namespace) -> tuple[list[Launch], list[TesteeRun]]:
    """Return what can be started, and what is missing with the reason and how to mend it."""
    path = args.testees or (TESTEES if TESTEES.exists() else None)
    listing = load_json(path, "testees") if path else {}
    names = [each for each in args.testee if "=" not in each]
    for name in names:
        if name not in listing:
            known = ", ".join(listing) or "none"
            raise CaseError(f"--testee {name}: not in the listing (known: {known})")
    launches, missing = [], []
    chosen = listing if not args.testee else {n: listing[n] for n in names}
    for name, entry in chosen.items():
        if "missing" in entry:
            told = TesteeRun(name, missing=str(entry["missing"]), mend=str(entry.get("mend", "")))
            missing.append(told)
        else:
            launches.append(_launch(path, name, entry))
            if path and path != TESTEES:
                listed = shlex.join(["--testees", shown(path.resolve()), "--testee", name])
                launches[-1] = replace(launches[-1], flags=listed)
    for each in args.testee:
        if "=" in each:
            try:
                launches.append(replace(Launch.parse(each), flags=shlex.join(["--testee", each])))
            except ValueError as error:
                raise CaseError(f"--testee: {error}") from None
    if not launches and not missing:
        raise CaseError("no testee: give --testee NAME=CMD, or build them with `make testees`")
    return launches, missing


def _launch(path: Path | None, name: str, entry: dict[str, Any]) -> Launch:
    command, folder = entry["command"], entry.get("cwd")
    if isinstance(command, str):
        try:
            command = shlex.split(command)
        except ValueError as error:
            raise CaseError(f"{path}: /{name}/command: {error}") from None
    if not command or not command[0]:
        raise CaseError(f"{path}: /{name}/command: has no word")
    if folder is not None and not Path(folder).is_dir():
        raise CaseError(f"{path}: /{name}/cwd: {folder}: no such folder")
    return Launch(name, tuple(command), folder and Path(folder), entry.get("env", {}))
