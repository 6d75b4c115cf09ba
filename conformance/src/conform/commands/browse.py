"""Verbs that look at cases without a client: ``list``, ``show``, ``explain``, ``lint``."""

from __future__ import annotations

import argparse
import json
from typing import Any

from conform.commands.common import add_case_flags, selected, spec_of
from conform.judge import expected_lines
from conform.reader import Reader
from conform.run import expectation


def add_parsers(verbs: Any) -> None:
    """Add the verbs of this module."""
    for name, command, text in (
        ("list", list_command, "names and titles of cases"),
        ("show", show_command, "a case as plain steps, with the transcript the oracle expects"),
        ("lint", lint_command, "read every case file; say what is wrong with file and line"),
    ):
        parser = verbs.add_parser(name, help=text)
        add_case_flags(parser)
        parser.add_argument("glob", nargs="*", help="like --cases")
        parser.set_defaults(command=command)


def list_command(args: argparse.Namespace) -> int:
    """``conform list``."""
    for case in selected(spec_of(args), [*args.cases, *args.glob], args.case_root):
        print(f"{case.name:<44} {case.title}")
    return 0


def show_command(args: argparse.Namespace) -> int:
    """``conform show``."""
    spec = spec_of(args)
    reader = Reader(spec)
    found = selected(spec, [*args.cases, *args.glob], args.case_root)
    for case in found:
        print(f"{case.name}: {case.title}\n{case.why}")
        for rule in case.proves:
            print(f"  {rule} {spec.rules[rule]}")
        arrows = {"do": "»", "recv": "→", "send": "←", "wire": "↯", "fence": "|", "see": "?"}
        for index, step in enumerate(case.steps, 1):
            body = json.dumps(step.body, ensure_ascii=False)
            print(f"{index:>4} {step.client:<3} {arrows[step.kind]} {step.kind:<5} {body}")
        print("expected transcript")
        for line in expected_lines(expectation(spec, reader, case)):
            print(f"     {line}")
        print()
    return 0 if found else 3


def lint_command(args: argparse.Namespace) -> int:
    """``conform lint``: loading checks a case; here every one is also run through the oracle."""
    spec = spec_of(args)
    reader = Reader(spec)
    cases = selected(spec, [*args.cases, *args.glob], args.case_root)
    for case in cases:
        expectation(spec, reader, case)
    print(f"{len(cases)} cases are sound")
    return 0 if cases else 3
