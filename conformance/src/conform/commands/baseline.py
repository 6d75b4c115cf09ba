"""The verb ``baseline``: the failures of the last run as a file for ``run --baseline``."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from conform.baseline import LONGEST, entries_of
from conform.commands.common import positive
from conform.documents import CaseError, load_json
from conform.home import OUT

HEAD = """\
# Failures that are known: `conform run --baseline FILE` tells them as `known` instead of red, and
# an entry whose case passes or whose day is over as stale (exit 4). IMPLEMENTERS.md has the rules.
"""


def add_parsers(verbs: Any) -> None:
    """Add the verb of this module."""
    baseline = verbs.add_parser(
        "baseline",
        help="write the failures of the last run as a baseline",
        epilog="Example: conform baseline known.yaml --reason 'no reconnect yet' --days 60. Exit: "
        "0 written, 2 malformed, no run, or the file is there (--force writes it again).",
    )
    baseline.add_argument("file", type=Path, metavar="FILE", help="the file to write")
    baseline.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="where the run is")
    baseline.add_argument("--reason", required=True, help="why these cases fail")
    baseline.add_argument("--issue", default="", help="where it is followed up")
    baseline.add_argument(
        "--days",
        type=positive,
        default=LONGEST.days,
        help=f"for how long the entries excuse (default and most: {LONGEST.days})",
    )
    baseline.add_argument("--force", action="store_true", help="write over a file that is there")
    baseline.set_defaults(command=baseline_command)


def baseline_command(args: argparse.Namespace) -> int:
    """``conform baseline``."""
    report = args.out / "report.json"
    if not report.exists():
        raise CaseError(f"{report}: no such file; `conform run` writes it")
    if args.file.exists() and not args.force:
        raise CaseError(f"{args.file}: is there already; --force writes it again")
    if args.days > LONGEST.days:
        raise CaseError(f"--days {args.days}: at most {LONGEST.days}")
    expires = datetime.now(UTC).date() + timedelta(days=args.days)
    rows = entries_of(load_json(report, "report"), args.reason, expires, args.issue)
    tree = {"baseline": 1, "known": rows}
    text = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=100)
    args.file.write_text(HEAD + text, encoding="utf-8")
    print(f"{args.file}: {len(rows)} entries, until {expires}")
    return 0
