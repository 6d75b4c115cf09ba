"""The verb ``mutate``: broken clients and broken tables must be told apart."""

from __future__ import annotations

import argparse
import asyncio
import time
from fnmatch import fnmatchcase
from typing import Any

from conform.commands.common import add_json_flag, add_spec_flag, console_of, print_json, spec_of
from conform.documents import CaseError
from conform.mutate import Mutator, load_expected
from conform.reader import Reader
from conform.report import mutants as told
from conform.script import Case, Loader
from conform.spec import Spec
from conform.tablemutants import TableMutator, TableScore, load_equivalent
from conform.tablemutants import play as play_tables


def add_parsers(verbs: Any) -> None:
    """Add the verb of this module."""
    mutate = verbs.add_parser(
        "mutate",
        help="broken clients and broken tables must be told apart, correct clients not",
        epilog="Plays the mutants and controls of mutants/expected.yaml in process, and every "
        "mutant of the tables through the oracle. Examples: conform mutate 'otp-*'; "
        "conform mutate --tables. Exit: 0 all as expected, 1 not, 2 malformed.",
    )
    add_spec_flag(mutate)
    mutate.add_argument("glob", nargs="*", help="only mutants and controls whose name fits")
    only = mutate.add_mutually_exclusive_group()
    only.add_argument("--tables", action="store_true", help="only mutants of the tables")
    only.add_argument("--clients", action="store_true", help="only mutants of the client")
    add_json_flag(mutate, "mutants, controls and tables")
    mutate.set_defaults(command=mutate_command)


def mutate_command(args: argparse.Namespace) -> int:
    """``conform mutate``."""
    spec = spec_of(args)
    mutants, controls = load_expected()
    if args.glob:
        mutants = [m for m in mutants if any(fnmatchcase(m.name, g) for g in args.glob)]
        controls = {n: w for n, w in controls.items() if any(fnmatchcase(n, g) for g in args.glob)}
        if not mutants and not controls:
            raise CaseError(f"no mutant or control fits {' '.join(args.glob)}")
    begun = time.perf_counter()
    cases = Loader(spec).load_all()
    tables = None if args.clients or args.glob else _tables(spec, cases)
    if args.tables:
        mutants, controls = [], {}
    mutator = Mutator(spec, cases)
    broken, sound = asyncio.run(mutator.run(mutants, list(controls), reference=not args.tables))
    console = console_of(args, plain=True)
    code = told.report(console, broken, sound, tables, time.perf_counter() - begun)
    if args.json:
        print_json({**told.as_tree(broken, sound, tables), "exit": code})
    return code


def _tables(spec: Spec, cases: list[Case]) -> TableScore:
    """Play the mutants of the tables."""
    return play_tables(TableMutator(spec, Reader(spec), cases), load_equivalent())
