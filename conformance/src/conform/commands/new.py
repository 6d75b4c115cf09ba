"""The verb ``new``: a skeleton of a testee or of a case."""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path
from typing import Any

from conform.commands.common import add_spec_flag, spec_of
from conform.documents import CaseError, schema_of
from conform.judge import PLATFORM
from conform.spec import Spec

FOLDER = Path(__file__).parents[1] / "skeletons"
LANGUAGES = {"python": ("testee.py", "python3"), "javascript": ("testee.mjs", "node")}


def add_parsers(verbs: Any) -> None:
    """Add the verb of this module."""
    new = verbs.add_parser(
        "new",
        help="a skeleton: of a testee, or of a case",
        epilog="A testee of another language begins the same way: the printed command line runs "
        "any program. Examples: conform new testee testee.py; conform new testee testee.mjs "
        "--language javascript; conform new case turn/mine --case-root cases. Exit: 0 written, "
        "2 malformed, or the file is there.",
    )
    kinds = new.add_subparsers(dest="kind", required=True, metavar="KIND")
    testee = kinds.add_parser("testee", help="a program that shakes hands and can do nothing yet")
    add_spec_flag(testee)
    testee.add_argument("file", type=Path, metavar="FILE", help="the program to write")
    testee.add_argument("--language", choices=sorted(LANGUAGES), default="python")
    testee.set_defaults(command=testee_command)
    case = kinds.add_parser("case", help="a case of one turn that is sound as it is")
    case.add_argument("name", metavar="AREA/NAME", help="of the case, and of its file")
    case.add_argument("--title", default="Say in one sentence what holds", help="its title")
    case.add_argument(
        "--case-root", type=Path, default=Path("cases"), metavar="DIR", help="where cases lie"
    )
    case.set_defaults(command=case_command)


def testee_command(args: argparse.Namespace) -> int:
    """``conform new testee``."""
    name, runtime = LANGUAGES[args.language]
    spec = spec_of(args)
    words = {
        "FEATURES": json.dumps(features()),
        "OPS": json.dumps(operations(spec)),
        "SPEC": ".".join(spec.version.split(".")[:2]),
    }
    _write(args.file, name, words)
    command = shlex.join([runtime, str(args.file)])
    flags = shlex.join(["--testee", f"me={command}"])
    print(f"{args.file}: shakes hands, and declares every feature as not written yet")
    print(f"try it:  conform doctor {flags}")
    print(f"then:    conform run {flags} --cases 'handshake/*' --no-canaries")
    return 0


def features() -> list[str]:
    """The feature words of the testee protocol, without those of platforms."""
    known = schema_of("case")["properties"]["needs"]["items"]["enum"]
    return [word for word in known if word not in PLATFORM]


def operations(spec: Spec) -> list[str]:
    """What ``call`` takes: every action but the one that starts a turn."""
    return sorted(set(spec.actions) - {"send_message"})


def case_command(args: argparse.Namespace) -> int:
    """``conform new case``."""
    area, slash, rest = args.name.partition("/")
    if not (area and slash and rest) or not args.name.replace("/", "_").isidentifier():
        raise CaseError(f"{args.name}: a case is named AREA/NAME, in letters, digits and _")
    path: Path = args.case_root / f"{args.name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, "case.yaml", {"NAME": args.name, "TITLE": json.dumps(args.title)})
    root = shlex.join(["--case-root", str(args.case_root)])
    print(f"{path}: a case of one turn; AUTHORS.md has the steps")
    print(f"check:   conform lint {root}")
    print(f"look:    conform show {args.name} {root}")
    return 0


def _write(path: Path, skeleton: str, words: dict[str, str]) -> None:
    text = (FOLDER / f"{skeleton}.txt").read_text(encoding="utf-8")
    for name, value in words.items():
        text = text.replace(f"@{name}@", value)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise CaseError(f"{path}: is there already") from None
    except OSError as error:
        raise CaseError(f"{path}: {error.strerror}") from None
