"""What several verbs share: selecting cases, finding testees."""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
from pathlib import Path

from conform.documents import CaseError
from conform.home import ROOT
from conform.run import TesteeRun
from conform.script import Case, Loader
from conform.spec import Spec, load_spec
from conform.testee import Launch

TESTEES = ROOT / ".toolchains" / "testees.json"


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


def add_testee_flags(parser: argparse.ArgumentParser) -> None:
    """``--testees``, ``--testee`` and ``--require``."""
    parser.add_argument(
        "--testees",
        type=Path,
        metavar="FILE",
        help="listing of testees (JSON), as tools/ writes it",
    )
    parser.add_argument(
        "--testee",
        action="append",
        default=[],
        metavar="NAME[=CMD]",
        help="a testee with its command, or one of the listing by name",
    )
    parser.add_argument(
        "--require",
        choices=["all"],
        default=os.environ.get("REQUIRE") or None,
        help="a client that cannot run, or lacks a feature, is a failure (also REQUIRE=all)",
    )


def selected(spec: Spec, globs: list[str], root: Path | None) -> list[Case]:
    """Load and filter cases; a folder that is not there is an error."""
    if root is not None and not root.exists():
        raise CaseError(f"{root}: no such folder")
    loader = Loader(spec)
    cases = loader.load(root) if root and root.is_file() else loader.load_all(root)
    if not globs:
        return cases
    return [c for c in cases if any(_fits(c.name, glob) for glob in globs)]


def _fits(name: str, glob: str) -> bool:
    parts = name.split("/")
    if fnmatch.fnmatchcase(name, glob) or fnmatch.fnmatchcase(name, f"{glob}/*"):
        return True
    return any(fnmatch.fnmatchcase(part, glob) for part in parts)


def _listing(path: Path) -> dict[str, dict[str, object]]:
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CaseError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise CaseError(f"{path}: not JSON: {error}") from None
    if not isinstance(tree, dict):
        raise CaseError(f"{path}: must be an object of testees")
    return tree


def testees(args: argparse.Namespace) -> tuple[list[Launch], list[TesteeRun]]:
    """Return what can be started, and what is missing with the reason and how to mend it."""
    path = args.testees or (TESTEES if TESTEES.exists() else None)
    listing = _listing(path) if path else {}
    names = [each for each in args.testee if "=" not in each]
    for name in names:
        if name not in listing:
            known = ", ".join(listing) or "none"
            raise CaseError(f"--testee {name}: not in the listing (known: {known})")
    launches, missing = [], []
    chosen = listing if not args.testee else {n: listing[n] for n in names}
    for name, entry in chosen.items():
        if "missing" in entry:
            told = TesteeRun(name, missing=str(entry["missing"]), mend=str(entry.get("mend", "")))
            missing.append(told)
        else:
            launches.append(_launch(path, name, entry))
    for each in args.testee:
        if "=" in each:
            try:
                launches.append(Launch.parse(each))
            except ValueError as error:
                raise CaseError(f"--testee: {error}") from None
    if not launches and not missing:
        raise CaseError("no testee: give --testee NAME=CMD, or build them with `make testees`")
    return launches, missing


def _launch(path: Path | None, name: str, entry: dict[str, object]) -> Launch:
    command, env, cwd = entry.get("command"), entry.get("env") or {}, entry.get("cwd")
    if isinstance(command, str):
        return Launch.parse(f"{name}={command}")
    if not isinstance(command, list) or not command or not isinstance(env, dict):
        raise CaseError(f"{path}: /{name}: command must be a list of words")
    words = tuple(str(word) for word in command)
    folder = Path(str(cwd)) if cwd else None
    return Launch(name, words, folder, {str(k): str(v) for k, v in env.items()})


def spec_of(args: argparse.Namespace) -> Spec:
    """The specification that a verb works with."""
    return load_spec(getattr(args, "spec", None))
