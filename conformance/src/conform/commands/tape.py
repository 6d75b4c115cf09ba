"""The verbs ``record`` and ``replay``: a session of a real server, kept and given back."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.server import Server

from conform.cassette import Recorder, Replayer, draft, read, write
from conform.commands.common import add_spec_flag, positive, spec_of
from conform.documents import CaseError
from conform.interpreter import load_tables
from conform.lint import expectation
from conform.reader import Reader
from conform.script import Loader
from conform.spec import Spec


def add_parsers(verbs: Any) -> None:
    """Add the verbs of this module."""
    record = verbs.add_parser(
        "record",
        help="keep a session of a real server as a cassette, and as a draft of a case",
        epilog="Point a client at the address that is printed. Values that the schema marks "
        "x-secret are *** in the file. Example: conform record ws://127.0.0.1:8787/ws "
        "talk.cassette --case turn/mine --case-root cases. Exit: 0 written, 1 the server could "
        "not be reached, 2 malformed or a file is there, 3 no frame passed.",
    )
    add_spec_flag(record)
    record.add_argument("url", help="ws://HOST:PORT/ws of the server; its query may hold a token")
    record.add_argument("file", type=Path, metavar="FILE", help="the cassette to write")
    _add_listening(record, "write and end when that many links have ended (default 1)")
    record.add_argument("--case", metavar="AREA/NAME", help="a draft of a case of the session too")
    record.add_argument(
        "--case-root", type=Path, default=Path("cases"), metavar="DIR", help="where the case goes"
    )
    record.add_argument("--force", action="store_true", help="write over files that are there")
    record.set_defaults(command=record_command)
    replay = verbs.add_parser(
        "replay",
        help="serve a cassette",
        epilog="The nth action of a type is answered as the nth of that type was. Example: "
        "conform replay talk.cassette --port 8787. Exit: 0 every action was in the cassette, "
        "1 one was not, 2 malformed.",
    )
    replay.add_argument("file", type=Path, metavar="FILE", help="a cassette")
    _add_listening(replay, "end when that many links have ended (default: Ctrl-C ends)", None)
    replay.set_defaults(command=replay_command)


def _add_listening(parser: argparse.ArgumentParser, links: str, default: int | None = 1) -> None:
    parser.add_argument("--port", type=int, default=0, help="of 127.0.0.1 (default: a free one)")
    parser.add_argument("--links", type=positive, default=default, metavar="N", help=links)


def record_command(args: argparse.Namespace) -> int:
    """``conform record``."""
    spec = spec_of(args)
    if urlsplit(args.url).scheme not in ("ws", "wss"):
        raise CaseError(f"{urlsplit(args.url).scheme or args.url}: the URL must be ws:// or wss://")
    case = _case_file(args) if args.case else None
    for path in filter(None, [args.file, case]):
        if path.exists() and not args.force:
            raise CaseError(f"{path}: is there already; --force writes it again")
    if not args.file.resolve().parent.is_dir():
        raise CaseError(f"{args.file.parent}: no such folder")
    recorder = Recorder(spec, args.url)
    asyncio.run(_serve(lambda: recorder.listen(args.port), "recording", recorder.until(args.links)))
    for why in recorder.refused:
        print(f"conform: the server could not be reached: {why}", file=sys.stderr)
    if not any(line.way == "out" for line in recorder.lines):
        if not recorder.refused:
            print("conform: no frame passed: nothing was written", file=sys.stderr)
        return 1 if recorder.refused else 3
    write(args.file, recorder.cassette)
    print(f"{args.file}: {len(recorder.lines)} lines of {recorder.links} links")
    if case:
        case.parent.mkdir(parents=True, exist_ok=True)
        case.write_text(draft(spec, recorder.cassette, args.case), encoding="utf-8")
        print(f"{case}: {_soundness(spec, case)}")
    return 0


def _case_file(args: argparse.Namespace) -> Path:
    area, slash, name = args.case.partition("/")
    if not slash or not area or not name:
        raise CaseError(f"--case {args.case}: must be AREA/NAME")
    root: Path = args.case_root
    return root / f"{args.case}.yaml"


def _soundness(spec: Spec, path: Path) -> str:
    """What `conform lint` says of a draft."""
    try:
        for case in Loader(spec).load(path):
            expectation(spec, Reader(spec), case, load_tables(spec))
    except CaseError as error:
        return f"a draft; what is to be mended first: {error}"
    return "a draft that is sound; say in it why it matters and which rule it proves"


def replay_command(args: argparse.Namespace) -> int:
    """``conform replay``."""
    replayer = Replayer(read(args.file))
    done = replayer.until(args.links) if args.links else None
    asyncio.run(_serve(lambda: replayer.listen(args.port), "listening", done))
    for action in replayer.unmatched:
        print(f"conform: the cassette does not hold this {action}", file=sys.stderr)
    return 1 if replayer.unmatched else 0


async def _serve(
    listen: Callable[[], AbstractAsyncContextManager[Server]],
    word: str,
    done: Awaitable[None] | None,
) -> None:
    """Listen until ``done``, or until somebody ends it."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    try:
        async with listen() as server:
            port = server.sockets[0].getsockname()[1]
            print(f"{word} on ws://127.0.0.1:{port}/ws", flush=True)
            waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(stopped.wait())]
            waits += [asyncio.ensure_future(done)] if done else []
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
    except OSError as error:
        raise CaseError(f"cannot listen: {error.strerror or error}") from None
