"""The verb ``server``: checks of a running server from outside, at three levels."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from conform.commands.common import add_json_flag, add_spec_flag, console_of, print_json, spec_of
from conform.documents import CaseError
from conform.report import servers
from conform.script import uuid_of
from conform.server import Hook, NotReachableError, Report, Rule, Setup, judge_server
from conform.server.judge import CHECKS, as_tree, without_query
from conform.server.peer import ASKS, TURN_SECONDS
from conform.server.rules import LEVELS


def add_parsers(verbs: Any) -> None:
    """Add the verb of this module."""
    server = verbs.add_parser(
        "server",
        help="check a running server from outside",
        epilog="Level 0 needs nothing of the server, 1 a hook that is given what the model says "
        "next (SERVERS.md), 2 is hostile as well. A server is asked what its version says: the "
        "highest spec_ word of its capabilities, 1.0 without one. What the server gives no "
        "occasion to see is `open`. Examples: conform server ws://127.0.0.1:8787/ws; conform "
        "server wss://example.com/ws --ask confirmation='delete my last order' --require all; "
        "conform server ws://127.0.0.1:8787/ws --level 2 --script-url "
        "http://127.0.0.1:8787/script. Exit: 0 every check that was exercised held, 1 not, "
        "2 malformed, 3 nothing proven: nobody answered, no check ran, or no turn was seen.",
    )
    add_spec_flag(server)
    server.add_argument("url", help="ws://HOST:PORT/ws; its query may hold a token")
    server.add_argument(
        "--level", type=int, choices=LEVELS, default=0, help="and the levels below it (default 0)"
    )
    _add_hooks(server)
    server.add_argument(
        "--version",
        dest="asked",
        choices=sorted({rule.since for rule in CHECKS}),
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
    server.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="GLOB",
        help="only checks whose rule or name fits (REQ-SRV-*, *confirmation*)",
    )
    server.add_argument("--require", choices=["all"], help="a check that is open is a failure")
    server.add_argument(
        "--out", type=Path, metavar="DIR", help="write report.json, junit.xml and badge.json there"
    )
    add_json_flag(server, "report.json")
    server.set_defaults(command=server_command)


def _add_hooks(server: argparse.ArgumentParser) -> None:
    server.add_argument(
        "--script-cmd",
        action="append",
        default=[],
        metavar="CMD",
        help="run before each scripted check with the script as JSON on stdin; done when the "
        "server answers by it",
    )
    server.add_argument(
        "--script-url",
        action="append",
        default=[],
        metavar="URL",
        help="the same by PUT; once for each process of the service",
    )
    server.add_argument(
        "--also",
        metavar="URL",
        help="another address of the same service: second links go there",
    )
    server.add_argument(
        "--stranger", metavar="URL", help="the server with the token of somebody else"
    )


def server_command(args: argparse.Namespace) -> int:
    """``conform server``: 0 all held, 1 not, 3 when nothing was proven."""
    spec, begun = spec_of(args), time.perf_counter()
    hook = Hook(args.script_cmd, args.script_url) or None
    rules = _rules(args, hook)
    setup = Setup(args.agent, _asks(args.ask), args.patience, args.also, args.stranger)
    console = console_of(args, plain=True)
    shown = servers.Shown(console, len(rules))
    try:
        with shown:
            judged = judge_server(spec, args.url, setup, args.asked, rules, hook, shown.add)
            report = asyncio.run(judged)
    except NotReachableError as error:
        print(f"conform: nothing was proven: {error}", file=sys.stderr)
        return 3
    code, why = _exit(report, args.require)
    seconds = time.perf_counter() - begun
    tree = as_tree(report, url=without_query(args.url), seconds=round(seconds, 1), exit=code)
    if args.out:
        servers.write(tree, args.out)
    if args.json:
        print_json(tree)
    servers.summary(console, report, seconds)
    if why:
        print(f"conform: {why}", file=sys.stderr)
    return code


def _exit(report: Report, require: str | None) -> tuple[int, str]:
    if report.count("failed") or (require and report.count("open")):
        return 1, ""
    if not report.count("held"):
        return 3, "no check ran to its end: nothing was proven"
    if any(f.rule == "REQ-SRV-03" and f.outcome == "open" for f in report.findings):
        return 3, "no turn was seen: nothing was proven of turns"
    return 0, ""


def _rules(args: argparse.Namespace, hook: Hook | None) -> list[Rule]:
    if args.level and not hook:
        raise CaseError(f"--level {args.level} needs --script-cmd or --script-url")
    rules = [rule for rule in CHECKS if rule.level <= args.level]
    if args.only:
        fits = [r for r in rules if any(_fits(r, glob) for glob in args.only)]
        if not fits:
            raise CaseError(f"no check fits {' '.join(args.only)}")
        return fits
    return rules


def _fits(rule: Rule, glob: str) -> bool:
    return fnmatchcase(rule.rule, glob) or fnmatchcase(rule.name, glob)


def _asks(given: list[str]) -> dict[str, str]:
    asks = {}
    for text in given:
        word, equals, message = text.partition("=")
        if word not in ASKS or not equals or not message:
            raise CaseError(f"--ask {text}: must be WORD=MESSAGE, WORD one of {', '.join(ASKS)}")
        asks[word] = message
    return asks
