"""The command line: ``conform run | mutate | list | show | explain | lint | stage | …``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from conform import __version__
from conform.commands import browse, coverage, debug, fuzz, mutate, play, server
from conform.documents import CaseError

OK, NOT_CONFORMANT, USAGE, VOID, STALE = 0, 1, 2, 3, 4
Command = Callable[[argparse.Namespace], int]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="conform",
        description="Play scripted sessions against clients and judge that they behave alike.",
        epilog="Exit: 0 conformant, 1 not, 2 usage or malformed input, 3 nothing proven, 4 stale.",
    )
    parser.add_argument("--version", action="version", version=f"conform {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    play.add_parsers(verbs)
    mutate.add_parsers(verbs)
    fuzz.add_parsers(verbs)
    browse.add_parsers(verbs)
    coverage.add_parsers(verbs)
    debug.add_parsers(verbs)
    server.add_parsers(verbs)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit status."""
    args = _parser().parse_args(argv)
    command: Command = args.command
    try:
        return command(args)
    except CaseError as error:
        print(f"conform: {error}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        print("conform: interrupted", file=sys.stderr)
        return NOT_CONFORMANT


def entry() -> None:
    """Console script."""
    sys.exit(main())


if __name__ == "__main__":
    entry()
