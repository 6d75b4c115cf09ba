"""Verbs that play cases: ``run`` and ``mutate``."""

from __future__ import annotations

import argparse
import asyncio
import shlex
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from rich.console import Console

from conform.commands.common import (
    add_case_flags,
    add_spec_flag,
    add_testee_flags,
    selected,
    spec_of,
    testees,
)
from conform.home import OUT
from conform.pair import load_scripts
from conform.report import console as told
from conform.report import files, html
from conform.report import tree as report_tree
from conform.run import CANARY_CASES, Run, Runner, clear, write_transcripts
from conform.script import Loader
from conform.spec import Spec


def add_parsers(verbs: Any) -> None:
    """Add the verbs of this module."""
    run = verbs.add_parser("run", help="play cases against clients and judge that they are equal")
    add_case_flags(run)
    add_testee_flags(run)
    run.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="where reports go")
    run.add_argument("--no-canaries", action="store_true", help="for a quick look only")
    run.set_defaults(command=run_command)
    pair = verbs.add_parser("pair", help="play script files through clients against a server")
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
    pair.set_defaults(command=pair_command)


def run_command(args: argparse.Namespace) -> int:
    """``conform run``."""
    spec = spec_of(args)
    cases = selected(spec, args.cases, args.case_root)
    launches, missing = testees(args)
    runner = Runner(spec, cases)
    canaries = [] if args.no_canaries else _canary_cases(spec)
    with told.Progress(Console(), cases, len(launches)) as progress:
        runner.on_verdict = progress.add
        run = asyncio.run(runner.run(launches, missing, canaries))
    return _tell(args, spec, run)


def _tell(args: argparse.Namespace, spec: Spec, run: Run) -> int:
    """Write all reports, print the console's; returns the exit status."""
    code = exit_code(run, args.require == "all")
    clear(args.out)
    write_transcripts(run, args.out)
    tree = report_tree.build(run, code)
    report_tree.write(tree, args.out)
    files.junit(tree, args.out)
    files.markdown(tree, args.out)
    html.write(tree, spec.rules, args.out)
    console = Console()
    told.heading(console, run)
    told.failures(console, run, spec)
    told.matrix(console, run)
    shown = args.out.relative_to(Path.cwd()) if args.out.is_relative_to(Path.cwd()) else args.out
    told.summary(console, run, str(shown), code)
    return code


def pair_command(args: argparse.Namespace) -> int:
    """``conform pair``."""
    spec = spec_of(args)
    args.testee += [name for name in args.clients.split(",") if name]
    scripts = load_scripts(spec)
    if args.glob:
        scripts = [s for s in scripts if any(fnmatchcase(s.name, f"*{g}*") for g in args.glob)]
    launches, missing = testees(args)
    command = shlex.split(args.servers) if args.servers else [_reference_server()]
    runner = Runner(spec, [])
    run = asyncio.run(runner.pair(launches, missing, scripts, command))
    return _tell(args, spec, run)


def _reference_server() -> str:
    return str(Path(sys.executable).with_name("smooth-operator-server"))


def _canary_cases(spec: Any) -> list[Any]:
    wanted = set(CANARY_CASES.values())
    return [case for case in Loader(spec).load_all() if case.name in wanted]


def exit_code(run: Run, require_all: bool) -> int:
    """0 conformant, 1 not, 3 nothing proven."""
    if run.void:
        return 3
    if run.red or (require_all and not run.complete):
        return 1
    return 0
