"""Verbs that look at cases without a client: ``list``, ``show``, ``lint``."""

from __future__ import annotations

import argparse
import difflib
import json
from typing import Any

from conform.commands.common import add_case_flags, print_json, selected, spec_of
from conform.documents import CaseError
from conform.expected import expected_lines
from conform.interpreter import load_tables
from conform.lint import expectation
from conform.reader import Reader
from conform.script import Case, Loader
from conform.spec import Spec, Tree

ARROWS = {"do": "»", "recv": "→", "send": "←", "wire": "↯", "fence": "|", "see": "?"}


def add_parsers(verbs: Any) -> None:
    """Add the verbs of this module."""
    for name, command, text, example in (
        ("list", list_command, "names and titles of cases", "conform list 'otp/*'"),
        (
            "show",
            show_command,
            "a case as plain steps, with the transcript the oracle expects",
            "conform show turn/keepalive",
        ),
        (
            "lint",
            lint_command,
            "read every case file; say what is wrong with file and line",
            "conform lint --case-root my/cases",
        ),
    ):
        told = f"Example: {example}. Exit: 0 sound, 2 malformed or no such case."
        parser = verbs.add_parser(name, help=text, epilog=told)
        add_case_flags(parser)
        parser.add_argument("glob", nargs="*", help="like --cases")
        parser.add_argument("--json", action="store_true", help="as one JSON array")
        if name == "list":
            parser.add_argument("--names", action="store_true", help="names alone")
        parser.set_defaults(command=command)


def _chosen(spec: Spec, args: argparse.Namespace) -> list[Case]:
    globs = [*args.cases, *args.glob]
    found = selected(spec, globs, args.case_root)
    if not found:
        known = [] if args.case_root else [case.name for case in Loader(spec).load_all()]
        near = difflib.get_close_matches(globs[0], known, 3) if globs else []
        hint = f"; near: {', '.join(near)}" if near else "; `conform list` names them"
        raise CaseError(f"no case fits {' '.join(globs) or 'the folder'}{hint}")
    return found


def list_command(args: argparse.Namespace) -> int:
    """``conform list``."""
    found = _chosen(spec_of(args), args)
    if args.json:
        print_json([{"name": c.name, "title": c.title, "proves": list(c.proves)} for c in found])
        return 0
    for case in found:
        print(case.name if args.names else f"{case.name:<44} {case.title}")
    return 0


def show_command(args: argparse.Namespace) -> int:
    """``conform show``."""
    spec = spec_of(args)
    found = _chosen(spec, args)
    reader, tables = Reader(spec), load_tables(spec)
    lines = {case.name: expected_lines(expectation(spec, reader, case, tables)) for case in found}
    if args.json:
        print_json([_tree(case, lines[case.name]) for case in found])
        return 0
    for case in found:
        print(f"{case.name}: {case.title}\n{case.why}")
        for rule in case.proves:
            print(f"  {rule} {spec.rules[rule]}")
        for index, step in enumerate(case.steps, 1):
            body = json.dumps(step.body, ensure_ascii=False)
            print(f"{index:>4} {step.client:<3} {ARROWS[step.kind]} {step.kind:<5} {body}")
        print("expected transcript")
        for line in lines[case.name]:
            print(f"     {line}")
        print()
    return 0


def _tree(case: Case, lines: list[str]) -> Tree:
    steps = [
        {"kind": s.kind, "client": s.client, "line": s.line, "body": s.body} for s in case.steps
    ]
    return {
        "name": case.name,
        "title": case.title,
        "why": case.why,
        "file": case.shown_path,
        "proves": list(case.proves),
        "needs": list(case.needs),
        "steps": steps,
        "transcript": [json.loads(line) for line in lines],
    }


def lint_command(args: argparse.Namespace) -> int:
    """``conform lint``: loading checks a case; here every one is also run through the oracle."""
    spec = spec_of(args)
    cases = _chosen(spec, args)
    reader, tables = Reader(spec), load_tables(spec)
    for case in cases:
        expectation(spec, reader, case, tables)
    if args.json:
        print_json([case.name for case in cases])
    else:
        print(f"{len(cases)} cases are sound")
    return 0
