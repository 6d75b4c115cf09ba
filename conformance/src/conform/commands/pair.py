"""The verb ``pair``: clients against a real server."""

from __future__ import annotations

import argparse
import asyncio
import shlex
import shutil
import sys
import time
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from conform.commands.common import add_json_flag, add_spec_flag, spec_of
from conform.commands.launching import add_testee_flags, testees
from conform.commands.play import tell
from conform.documents import CaseError
from conform.home import OUT
from conform.pair import load_scripts
from conform.run import Runner


def add_parsers(verbs: Any) -> None:
    """Add the verb of this module."""
    pair = verbs.add_parser(
        "pair",
        help="play script files through clients against a server",
        epilog="Example: conform pair --clients go,rust 'otp*'. Exit: 0 all equal and as the "
        "scripts say, 1 not, 2 malformed, 3 nothing proven.",
    )
    add_spec_flag(pair)
    add_testee_flags(pair)
    pair.add_argument("glob", nargs="*", help="only scripts whose name fits")
    pair.add_argument(
        "--servers",
        default=None,
        metavar="CMD",
        help="command of the server; gets --script FILE --port 0 (default: the reference server)",
    )
    pair.add_argument("--clients", default="", metavar="NAMES", help="comma list of testees")
    pair.add_argument("--out", type=Path, default=OUT / "pair", metavar="DIR")
    add_json_flag(pair, "report.json")
    pair.set_defaults(command=pair_command)


def pair_command(args: argparse.Namespace) -> int:
    """``conform pair``."""
    begun = time.perf_counter()
    spec = spec_of(args)
    args.testee += [name for name in args.clients.split(",") if name]
    scripts = load_scripts(spec)
    if args.glob:
        scripts = [s for s in scripts if any(fnmatchcase(s.name, f"*{g}*") for g in args.glob)]
        if not scripts:
            raise CaseError(f"no script fits {' '.join(args.glob)}")
    launches, missing = testees(args)
    command = shlex.split(args.servers) if args.servers else [_reference_server()]
    run = asyncio.run(Runner(spec, []).pair(launches, missing, scripts, command))
    return tell(args, spec, run, begun)


def _reference_server() -> str:
    beside = Path(sys.executable).with_name("smooth-operator-server")
    found = str(beside) if beside.exists() else shutil.which(beside.name)
    if not found:
        raise CaseError("there is no smooth-operator-server here: give --servers CMD")
    return found
