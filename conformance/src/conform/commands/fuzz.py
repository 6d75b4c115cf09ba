"""The verb ``fuzz``: random sessions against clients."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import Any

from rich.progress import track

from conform.commands.common import (
    add_json_flag,
    add_spec_flag,
    console_of,
    print_json,
    spec_of,
)
from conform.commands.launching import add_testee_flags, testees
from conform.cutting.numbering import LOSSES
from conform.documents import CaseError
from conform.fuzz import Session, as_yaml, assemble, generate, shrink
from conform.home import OUT
from conform.reader import Reader
from conform.report import console as told
from conform.run import Run, Runner
from conform.script import Case
from conform.spec import Spec
from conform.testee import Launch

LENGTHS = {False: 24, True: 48}  # acts of a session, at most; those of links are many
SHRUNK = 3  # so many failing sessions are cut down; the others are named


def add_parsers(verbs: Any) -> None:
    """Add the verb of this module."""
    fuzz = verbs.add_parser(
        "fuzz",
        help="play random sessions against clients; cut down what fails and keep it as a case",
        epilog="Examples: conform fuzz --seed 7 --runs 500 --length 30; conform fuzz --cuts. The "
        "same seeds give the same sessions. Exit: 0 all equal, 1 a difference, 2 malformed, 3 "
        "nothing proven: no client ran.",
    )
    add_spec_flag(fuzz)
    add_testee_flags(fuzz)
    fuzz.add_argument("--seed", type=int, default=1, metavar="N", help="first seed (default 1)")
    fuzz.add_argument("--runs", type=int, default=200, metavar="N", help="sessions (default 200)")
    fuzz.add_argument(
        "--length", type=int, default=None, metavar="N", help="acts of one, at most (24, or 48)"
    )
    fuzz.add_argument(
        "--cuts",
        action="store_true",
        help="cut links, at any time and with frames unread on either side; the server replays",
    )
    fuzz.add_argument(
        "--out", type=Path, default=OUT / "fuzz", metavar="DIR", help="where cases go"
    )
    add_json_flag(fuzz, "seeds, sessions that differ and the cases kept")
    fuzz.set_defaults(command=fuzz_command)


def fuzz_command(args: argparse.Namespace) -> int:
    """``conform fuzz``."""
    length = args.length if args.length is not None else LENGTHS[args.cuts]
    if args.runs < 1 or length < 1:
        raise CaseError("--runs and --length must be at least 1")
    spec = spec_of(args)
    reader = Reader(spec)
    console = console_of(args)
    seeds = range(args.seed, args.seed + args.runs)
    drawn = track(seeds, "drawing", console=console, transient=True)
    found = (generate(spec, reader, seed, length, cuts=args.cuts) for seed in drawn)
    sessions = {session.name: session for session in found}
    cases = [assemble(spec, reader, each) for each in sessions.values()]
    launches, missing = testees(args)
    runner = Runner(spec, cases)
    with told.Progress(console, cases, len(launches)) as progress:
        runner.on_verdict = progress.add
        run = asyncio.run(runner.run(launches, missing, []))
    told.failures(console, run, spec)
    failing = [name for name in sessions if _failed(run, name)]
    kept = []
    for name in failing[:SHRUNK]:
        case = asyncio.run(_shrunk(spec, reader, sessions[name], launches))
        kept.append(_keep(case, args.out))
        console.print(f"kept as {kept[-1]}, {len(case.steps)} steps")
    ran = sum(t.ran for t in run.testees)
    drawn_from = f"{_counted(cases, args.cuts)} from seed {args.seed} × {ran} clients"
    console.print(f"{drawn_from}: {len(failing)} differ", highlight=False)
    code = 3 if not ran else int(bool(failing) or run.red)
    if args.json:
        facts = {"seed": args.seed, "sessions": len(cases), "clients": ran}
        facts |= {"cuts": sum(map(_losses, cases))} if args.cuts else {}
        print_json({**facts, "differ": failing, "kept": kept, "exit": code})
    return code


def _counted(cases: list[Case], cuts: bool) -> str:
    """How many sessions there are, and how often their links were cut."""
    return f"{len(cases)} sessions" + (f" with {sum(map(_losses, cases))} cuts" if cuts else "")


def _losses(case: Case) -> int:
    """How often the server ends a link in a case."""
    return sum(step.kind == "wire" and bool(step.body.keys() & set(LOSSES)) for step in case.steps)


def _failed(run: Run, name: str) -> bool:
    return any(not t.verdicts[name].passed for t in run.testees if name in t.verdicts)


async def _shrunk(spec: Spec, reader: Reader, session: Session, launches: list[Launch]) -> Case:
    async def fails(shorter: Session) -> bool:
        try:
            runner = Runner(spec, [assemble(spec, reader, shorter)])
        except CaseError:
            return False
        return _failed(await runner.run(launches, [], []), shorter.name)

    return assemble(spec, reader, await shrink(session, fails))


def _keep(case: Case, folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{case.name.removeprefix('fuzz/')}.yaml"
    path.write_text(as_yaml(case), encoding="utf-8")
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
