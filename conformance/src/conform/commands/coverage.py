"""The verb ``coverage``: what of the specification the cases exercise."""

from __future__ import annotations

import argparse
import json
from typing import Any

from conform.commands.common import add_spec_flag, spec_of
from conform.coverage import AREAS, Coverage, Found, load_exclusions
from conform.reader import Reader
from conform.script import Loader


def add_parsers(verbs: Any) -> None:
    """Add the verb of this module."""
    coverage = verbs.add_parser(
        "coverage",
        help="what of the specification the cases exercise; exit 1 below 100 %%",
        epilog="Counts rows and guards of the machines, effects, error codes, close codes, "
        "options, verbs in each state, and obligations of the schemas in both directions, by the "
        "oracle alone. What no case can exercise stands in coverage.yaml with a reason. "
        "Example: conform coverage --area guard. Exit: 0 all, 1 something is missing, 2 malformed.",
    )
    add_spec_flag(coverage)
    coverage.add_argument("--area", choices=AREAS, help="list what is missing of one area only")
    coverage.add_argument("--json", action="store_true", help="everything as one JSON object")
    coverage.set_defaults(command=coverage_command)


def coverage_command(args: argparse.Namespace) -> int:
    """``conform coverage``."""
    spec = spec_of(args)
    found = Coverage(spec, Reader(spec)).measure(Loader(spec).load_all(), load_exclusions())
    complete = not found.missing and not found.idle
    if args.json:
        body = {
            "counted": len(found.counted),
            "missing": found.missing,
            "excluded": found.excluded,
            "pending": found.pending,
            "idle": found.idle,
        }
        print(json.dumps(body, indent=1, ensure_ascii=False))
    else:
        _tell(found, args.area)
    return 0 if complete else 1


def _tell(found: Found, area: str | None) -> None:
    for item in found.missing:
        if area is None or item.startswith(area + " "):
            print(f"missing  {item}")
    for pattern in found.idle:
        print(f"idle     the exclusion {pattern!r} excludes nothing that is missing")
    for word in AREAS:
        seen, counted = found.area(word)
        print(f"{word:<8} {seen:>4} of {counted}")
    total, seen = len(found.counted), len(found.counted) - len(found.missing)
    percent = int(1000 * seen / total) / 10 if total else 0.0
    print(
        f"coverage {percent:g} % ({seen} of {total}; {len(found.excluded)} excluded with a reason, "
        f"{len(found.pending)} pending)"
    )
