"""The verb ``server``: black-box checks of a running server."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import Any

from conform.commands.common import add_spec_flag, print_json, spec_of
from conform.documents import CaseError
from conform.script import uuid_of
from conform.server import NotReachableError, Report, Setup, judge_server
from conform.server.judge import CHECKS, as_tree
from conform.server.peer import ASKS, TURN_SECONDS


def add_parsers(verbs: Any) -> None:
    """Add the verb of this module."""
    server = verbs.add_parser(
        "server",
        help="check a running server from outside",
        epilog="A server is asked what its version says: the highest spec_ word of its "
        "capabilities, 1.0 without one. Checks refuse and decline; nothing is approved. What the "
        "server gives no occasion to see is `open`. Examples: conform server "
        "ws://127.0.0.1:8787/ws; conform server wss://example.com/ws --ask confirmation='delete "
        "my last order' --require all. Exit: 0 every check that was exercised held, 1 not, "
        "2 malformed, 3 nothing proven: nobody answered, or no turn was seen.",
    )
    add_spec_flag(server)
    server.add_argument("url", help="ws://HOST:PORT/ws; its query may hold a token")
    server.add_argument(
        "--version",
        dest="asked",
        choices=sorted({since for _, since, _ in CHECKS}),
        help="judge by this version instead of the one that the server shows",
    )
    server.add_argument("--agent", metavar="ID", default=uuid_of(1), help="agentId of sessions")
    server.add_argument(
        "--ask",
        action="append",
        default=[],
        metavar="WORD=MESSAGE",
        help=f"what to say to get one: {', '.join(ASKS)} (default: what the reference server's "
        "demonstration understands)",
    )
    server.add_argument(
        "--patience",
        type=float,
        default=TURN_SECONDS,
        metavar="SECONDS",
        help=f"time between two frames of a turn, at most (default {TURN_SECONDS:.0f})",
    )
    server.add_argument("--require", choices=["all"], help="a check that is open is a failure")
    server.add_argument("--json", action="store_true", help="as one JSON object")
    server.set_defaults(command=server_command)


def server_command(args: argparse.Namespace) -> int:
    """``conform server``: 0 all held, 1 not, 3 when nothing was proven."""
    spec = spec_of(args)
    setup = Setup(args.agent, _asks(args.ask), args.patience)
    try:
        report = asyncio.run(judge_server(spec, args.url, setup, args.asked))
    except NotReachableError as error:
        print(f"conform: nothing was proven: {error}", file=sys.stderr)
        return 3
    if args.json:
        print_json(as_tree(report))
    else:
        _tell(report)
    if report.count("failed") or (args.require and report.count("open")):
        return 1
    turns = [f for f in report.findings if f.rule == "REQ-SRV-03" and f.outcome == "open"]
    if turns:
        print("conform: no turn was seen: nothing was proven of turns", file=sys.stderr)
    return 3 if turns else 0


def _asks(given: list[str]) -> dict[str, str]:
    asks = {}
    for text in given:
        word, equals, message = text.partition("=")
        if word not in ASKS or not equals or not message:
            raise CaseError(f"--ask {text}: must be WORD=MESSAGE, WORD one of {', '.join(ASKS)}")
        asks[word] = message
    return asks


def _tell(report: Report) -> None:
    for finding in report.findings:
        word = {"held": "ok", "failed": "FAIL", "open": "open"}[finding.outcome]
        print(f"{word:<5} {finding.rule:<12} {finding.title}")
        for line in filter(None, [finding.why, *finding.frames]):
            print(f"      {line}")
    failed, unseen = report.count("failed"), report.count("open")
    print(
        f"version {report.version}: {report.count('held')} checks held, {failed} failed, "
        f"{unseen} open ({report.later} of later versions not asked)"
    )
