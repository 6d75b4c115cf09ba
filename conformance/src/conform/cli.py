"""The command line: ``conform run | mutate | coverage | list | show | explain | lint | stage | …``.

Exit codes are one set for all verbs: 0 as it should be, 1 not, 2 malformed input or flags, 3
nothing was proven, 4 a baseline that is out of date.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from conform import __version__
from conform.documents import CaseError

OK, NOT_CONFORMANT, USAGE, VOID, STALE = 0, 1, 2, 3, 4
Command = Callable[[argparse.Namespace], int]
MODULES = {  # module of conform.commands -> its verbs; a verb loads only what it needs
    "play": ("run",),
    "baseline": ("baseline",),
    "pair": ("pair",),
    "server": ("server",),
    "mutate": ("mutate",),
    "fuzz": ("fuzz",),
    "coverage": ("coverage",),
    "browse": ("list", "show", "lint"),
    "debug": ("stage", "explain"),
    "tape": ("record", "replay"),
    "new": ("new",),
    "doctor": ("doctor",),
    "completion": ("completion",),
}
VERBS = tuple(verb for verbs in MODULES.values() for verb in verbs)


def parser_of(argv: Sequence[str]) -> argparse.ArgumentParser:
    """The parser of the verb that is called, or of all when it is none."""
    parser = argparse.ArgumentParser(
        prog="conform",
        description="Play scripted sessions against clients and judge that they behave alike.",
        epilog="Exit: 0 conformant, 1 not, 2 malformed input or flags, 3 nothing proven, 4 a "
        "stale baseline. "
        "Examples: conform run --testee me=./testee --cases 'turn/*'; conform show turn/keepalive; "
        "conform server ws://127.0.0.1:8787/ws. `conform VERB --help` has more.",
    )
    parser.add_argument("--version", action="version", version=f"conform {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    called = [module for module, names in MODULES.items() if argv and argv[0] in names]
    for module in called or MODULES:
        import_module(f"conform.commands.{module}").add_parsers(verbs)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit status."""
    words = sys.argv[1:] if argv is None else list(argv)
    args = parser_of(words).parse_args(words)
    command: Command = args.command
    try:
        return command(args)
    except CaseError as error:
        print(f"conform: {error}", file=sys.stderr)
        return USAGE
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except KeyboardInterrupt:
        print("conform: interrupted", file=sys.stderr)
        return NOT_CONFORMANT


def entry() -> None:
    """Console script."""
    sys.exit(main())


if __name__ == "__main__":
    entry()
