"""Verbs for whoever looks for a fault: ``stage`` and ``explain``."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import Any

from conform.byhand import PATIENCE, ByHand, nothing_shown
from conform.commands.common import add_spec_flag, selected, spec_of
from conform.documents import CaseError, load_json
from conform.home import OUT
from conform.lint import expectation
from conform.play import Limits, Player
from conform.reader import Reader
from conform.report.tree import shown_path
from conform.script import Case, Step
from conform.spec import Spec, Tree


def add_parsers(verbs: Any) -> None:
    """Add the verbs of this module."""
    stage = verbs.add_parser(
        "stage",
        help="serve one case, so that an SDK can be driven by hand",
        epilog="Example: conform stage confirm/echoes_id. Exit: 0 the client sent what the case "
        "tells, 1 not, 2 no such case.",
    )
    add_spec_flag(stage)
    stage.add_argument("case", help="name of the case")
    stage.add_argument("--wait", type=float, default=PATIENCE, help="seconds for each step")
    stage.set_defaults(command=stage_command)
    explain = verbs.add_parser(
        "explain",
        help="why a case failed in the last run",
        epilog="Example: conform explain turn/keepalive. Exit: 0 it passed, 1 not, 2 no such case "
        "or no run, 3 it was not played.",
    )
    add_spec_flag(explain)
    explain.add_argument("case", help="name of the case")
    explain.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="where the report is")
    explain.set_defaults(command=explain_command)


def _one(spec: Spec, name: str) -> Case:
    found = [case for case in selected(spec, [name], None) if case.name == name]
    if not found:
        raise CaseError(f"no case {name}; `conform list` names them")
    return found[0]


def stage_command(args: argparse.Namespace) -> int:
    """``conform stage``: exit 0 when the client sent what the case tells."""
    spec = spec_of(args)
    case = _one(spec, args.case)
    print(f"{case.name}: {case.title}\nreply to each `do` with your client; Ctrl-C ends")
    return asyncio.run(_stage(spec, case, args.wait))


async def _stage(spec: Spec, case: Case, patience: float) -> int:
    expected = nothing_shown(expectation(spec, Reader(spec), case))
    limits = Limits(step=patience, case=patience * (len(case.steps) + 1))
    player = Player(spec, case, expected, ByHand(print), limits)
    player.on_step = _print_step
    played = await player.play()
    for line in played.wire:
        print(line)
    for index, text in played.problems:
        print(f"line {case.steps[index].line}: {text}")
    print("the client sent what the case tells" if not played.problems else "not as the case tells")
    return 1 if played.problems else 0


def _print_step(step: Step) -> None:
    """Say what happens next, and of a frame that is awaited how it must look."""
    awaited = step.kind in ("recv", "see")
    shown = f" {json.dumps(step.body, ensure_ascii=False)}" if awaited else ""
    print(f"line {step.line}: {step.kind}{shown}")


def explain_command(args: argparse.Namespace) -> int:
    """``conform explain``: exit 1 when the case was not proven, 3 when it was not played."""
    spec = spec_of(args)
    path = args.out / "report.json"
    if not path.exists():
        raise CaseError(f"{path}: no such file; `conform run` writes it")
    tree = load_json(path, "report")
    case = next((c for c in tree["cases"] if c["name"] == args.case), None)
    if case is None:
        raise CaseError(f"{path}: has no case {args.case}")
    print(f"{case['name']}: {case['title']}\n{shown_path(Path(case['file']))}:{case['line']}")
    for rule in case["proves"]:
        print(f"  {rule} {spec.rules.get(rule, '')}")
    for name, verdict in case["verdicts"].items():
        _told(args.out, case["name"], name, verdict)
    if not case["verdicts"]:
        return 3
    return 0 if all(v["outcome"] == "pass" for v in case["verdicts"].values()) else 1


def _told(out: Path, case: str, name: str, verdict: Tree) -> None:
    print(f"\n{name}: {verdict['outcome']} {verdict.get('reason', '')}")
    if verdict["outcome"] == "pass":
        return
    if "expected" in verdict:
        print(f"  oracle  {verdict['expected'] or '(nothing)'}")
        print(f"  {name}  {verdict['got'] or '(nothing)'}")
    log = out / "wire" / case / f"{name}.log"
    if log.exists():
        print(f"  wire ({shown_path(log)})")
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
            print(f"    {line[:240]}")
