"""The verb ``server``: black-box checks of a running server."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import Any

from conform.commands.common import add_spec_flag, spec_of
from conform.server import NotReachableError, judge_server


def add_parsers(verbs: Any) -> None:
    """Add the verb of this module."""
    server = verbs.add_parser(
        "server",
        help="check a running server from outside",
        epilog="Example: conform server ws://127.0.0.1:8787/ws. Exit: 0 every check held, 1 not, "
        "2 malformed, 3 nobody answered.",
    )
    add_spec_flag(server)
    server.add_argument("url", help="ws://HOST:PORT/ws")
    server.set_defaults(command=server_command)


def server_command(args: argparse.Namespace) -> int:
    """``conform server``: 0 when every check held, 1 when not, 3 when nobody answered."""
    spec = spec_of(args)
    try:
        findings = asyncio.run(judge_server(spec, args.url))
    except NotReachableError as error:
        print(f"conform: nothing was proven: {error}", file=sys.stderr)
        return 3
    for finding in findings:
        word = "FAIL" if finding.fault else "ok"
        print(f"{word:<5} {finding.rule}  {finding.title}")
        if finding.fault:
            print(f"      {finding.fault}")
    held = sum(not finding.fault for finding in findings)
    level = "reached" if held == len(findings) else "missed"
    print(f"{held}/{len(findings)} checks held: level 0 {level}")
    return 0 if held == len(findings) else 1
