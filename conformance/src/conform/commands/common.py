"""What several verbs share: selecting cases, finding testees."""

from __future__ import annotations

import argparse
import fnmatch
import json
from pathlib import Path
from typing import Any

from rich.console import Console

from conform.documents import CaseError
from conform.script import Case, Loader
from conform.spec import Spec, load_spec


def add_spec_flag(parser: argparse.ArgumentParser) -> None:
    """``--spec``."""
    parser.add_argument(
        "--spec", type=Path, metavar="DIR", help="folder of the specification (default: ours)"
    )


def add_case_flags(parser: argparse.ArgumentParser) -> None:
    """``--spec``, ``--cases`` and ``--case-root``."""
    add_spec_flag(parser)
    parser.add_argument(
        "--cases",
        action="append",
        metavar="GLOB",
        default=[],
        help="only cases whose name, or one of whose parts, fits (turn/*, *otp*)",
    )
    parser.add_argument(
        "--case-root", type=Path, metavar="DIR", help="folder of case files (default: ours)"
    )


def selected(spec: Spec, globs: list[str], root: Path | None) -> list[Case]:
    """Load and filter cases; a folder that is not there is an error.

    Where every pattern is the name of one case, its file alone is read.
    """
    if root is not None and not root.exists():
        raise CaseError(f"{root}: no such folder")
    loader = Loader(spec)
    named = [loader.named(glob, root) for glob in globs]
    if globs and all(named):
        cases = {case.name: case for found in named for case in found}
        return list(cases.values())
    every = loader.load(root) if root and root.is_file() else loader.load_all(root)
    if not globs:
        return every
    return [c for c in every if any(_fits(c.name, glob) for glob in globs)]


def _fits(name: str, glob: str) -> bool:
    parts = name.split("/")
    if fnmatch.fnmatchcase(name, glob) or fnmatch.fnmatchcase(name, f"{glob}/*"):
        return True
    return any(fnmatch.fnmatchcase(part, glob) for part in parts)


def spec_of(args: argparse.Namespace) -> Spec:
    """The specification that a verb works with."""
    return load_spec(getattr(args, "spec", None))


def add_json_flag(parser: argparse.ArgumentParser, what: str) -> None:
    """``--json``, of a verb that tells people what it does meanwhile."""
    told = f"{what} as one JSON object on stdout; what people read goes to stderr"
    parser.add_argument("--json", action="store_true", help=told)


def console_of(args: argparse.Namespace, *, plain: bool = False) -> Console:
    """Where a verb tells people what it does: beside its JSON, where that is asked for."""
    return Console(stderr=args.json, soft_wrap=plain, highlight=not plain)


def positive(text: str) -> int:
    """A count of at least one, for ``type=`` of a flag."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number


def print_json(tree: Any) -> None:
    """Print what a verb found, for ``--json``."""
    print(json.dumps(tree, indent=1, ensure_ascii=False))
