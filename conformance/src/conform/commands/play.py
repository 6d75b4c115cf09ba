"""The verb ``run``: cases against clients."""

from __future__ import annotations

import argparse
import asyncio
import shlex
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from conform.baseline import load_baseline
from conform.commands.common import (
    add_case_flags,
    add_json_flag,
    console_of,
    positive,
    print_json,
    selected,
    spec_of,
)
from conform.commands.launching import add_testee_flags, testees
from conform.cutting import axis_of
from conform.home import OUT
from conform.lacking import load_lacking
from conform.reader import Reader
from conform.report import console as told
from conform.report import faults, files, html
from conform.report import tree as report_tree
from conform.run import CANARY_CASES, Run, Runner, clear, write_transcripts
from conform.script import Case, Loader
from conform.spec import Spec


def add_parsers(verbs: Any) -> None:
    """Add the verbs of this module."""
    run = verbs.add_parser(
        "run",
        help="play cases against clients and judge that they are equal",
        epilog="Examples: conform run (all clients of the listing); conform run --testee "
        "me=./testee --cases 'turn/*'. Exit: 0 conformant, 1 not, 2 malformed, 3 nothing "
        "proven: no case, no client, a client that supports nothing, a canary that got away, "
        "4 a stale baseline.",
    )
    add_case_flags(run)
    add_testee_flags(run)
    run.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="where reports go")
    run.add_argument("--no-canaries", action="store_true", help="for a quick look only")
    run.add_argument(
        "--axes",
        choices=["cut"],
        help="instead of each case itself: the case with its link cut at every frame in turn",
    )
    run.add_argument(
        "--every", type=positive, default=1, metavar="N", help="with --axes: every n-th cut alone"
    )
    run.add_argument(
        "--offset", type=int, default=0, metavar="K", help="with --every: which of the n sets"
    )
    run.add_argument(
        "--baseline",
        type=Path,
        metavar="FILE",
        help="failures that are known, each with a reason and a last day (IMPLEMENTERS.md)",
    )
    add_json_flag(run, "report.json")
    run.set_defaults(command=run_command)


def run_command(args: argparse.Namespace) -> int:
    """``conform run``."""
    begun = time.perf_counter()
    spec = spec_of(args)
    cases = selected(spec, args.cases, args.case_root)
    baseline = load_baseline(args.baseline) if args.baseline else None
    launches, missing = testees(args)
    axis = None
    expected = None
    if args.axes:
        axis = axis_of(spec, Reader(spec), cases, args.every, args.offset)
        cases = [point.case for point in axis.points]
        expected = {point.case.name: point.expected for point in axis.points}
    runner = Runner(spec, cases, expected=expected)
    canaries = [] if args.no_canaries else _canary_cases(spec)
    with told.Progress(console_of(args), cases, len(launches)) as progress:
        runner.on_verdict = progress.add
        run = asyncio.run(runner.run(launches, missing, canaries))
    if baseline:
        run.stale = baseline.apply(run, _exists(spec, args), whole=not args.cases)
    code = tell(args, spec, run, begun)
    if axis is None:
        return code
    told.cuts(console_of(args), axis)
    return 1 if axis.unexplained else code


def _exists(spec: Spec, args: argparse.Namespace) -> Callable[[str], bool]:
    """Whether there is a case of a name; one cut of a case is there with its case."""
    loader, root = Loader(spec), args.case_root

    def exists(name: str) -> bool:
        whole = name.partition("/cut-")[0]
        found = loader.load(root) if root and root.is_file() else loader.named(whole, root)
        return any(case.name == whole for case in found)

    return exists


def tell(args: argparse.Namespace, spec: Spec, run: Run, begun: float) -> int:
    """Write all reports, print the console's; returns the exit status."""
    run.version, run.flags = spec.version, _flags(args)
    run.lacking = load_lacking() if args.require == "all" else {}
    code = exit_code(run, args.require == "all")
    clear(args.out)
    write_transcripts(run, args.out)
    run.seconds = time.perf_counter() - begun
    tree = report_tree.build(run, code)
    report_tree.write(tree, args.out)
    files.junit(tree, args.out)
    files.markdown(tree, args.out)
    files.badge(tree, args.out)
    html.write(tree, spec.rules, args.out)
    faults.write(run, args.out)
    console = console_of(args)
    told.heading(console, run)
    told.failures(console, run, spec)
    told.matrix(console, run)
    shown = args.out.relative_to(Path.cwd()) if args.out.is_relative_to(Path.cwd()) else args.out
    run.seconds = time.perf_counter() - begun  # what was loaded and written counts too
    told.summary(console, run, str(shown), code)
    if args.require == "all":
        told.gaps(console, run)
    if args.json:
        print_json(tree)
    return code


def _flags(args: argparse.Namespace) -> str:
    """What a command line needs beside the testee to play the same again."""
    given = {"--spec": args.spec, "--case-root": getattr(args, "case_root", None)}
    given["--axes"] = getattr(args, "axes", None)
    return "".join(f" {shlex.join([name, str(value)])}" for name, value in given.items() if value)


def _canary_cases(spec: Spec) -> list[Case]:
    loader = Loader(spec)
    return [case for name in sorted(set(CANARY_CASES.values())) for case in loader.named(name)]


def exit_code(run: Run, require_all: bool) -> int:
    """0 conformant, 1 not, 3 nothing proven, 4 a stale baseline."""
    if run.void:
        return 3
    if run.red or (require_all and run.gaps):
        return 1
    return 4 if run.stale else 0
