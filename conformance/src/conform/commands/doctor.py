"""The verb ``doctor``: what is here, what is not, and what to do about it."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from conform import __version__
from conform.commands.common import add_json_flag, add_spec_flag, console_of, print_json, spec_of
from conform.commands.launching import add_testee_flags, testees
from conform.documents import CaseError
from conform.home import HOME, INSTALLED, OUT, shown
from conform.run import calibrate
from conform.script import Loader
from conform.testee import Launch, LineChecker, ProcessTestee, TesteeError

HELLO_SECONDS = 20.0
STYLES = {"ok": "green", "note": "yellow", "bad": "bold red"}


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, how it is, and what to do where it is not well."""

    what: str
    state: str  # ok, note, bad
    told: str
    todo: str = ""


def add_parsers(verbs: Any) -> None:
    """Add the verb of this module."""
    doctor = verbs.add_parser(
        "doctor",
        help="what is here: specification, cases, testees, ports, host; with what to do",
        epilog="Starts each testee once and shakes hands. Examples: conform doctor; conform doctor "
        "--testee me=./testee. Exit: 0 a run can begin, 1 something has to be mended first, "
        "2 malformed.",
    )
    add_spec_flag(doctor)
    add_testee_flags(doctor)
    doctor.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="where reports go")
    add_json_flag(doctor, "the findings")
    doctor.set_defaults(command=doctor_command)


def doctor_command(args: argparse.Namespace) -> int:
    """``conform doctor``."""
    findings = []
    console = console_of(args, plain=True)
    for finding in _examine(args):
        findings.append(finding)
        mark = f"[{STYLES[finding.state]}]{finding.state:<4}[/]"
        console.print(f"{mark} {finding.what:<14}", end=" ")
        console.print(finding.told, markup=False)
        if finding.todo:
            console.print(f"     {'':<14} → {finding.todo}", markup=False)
    well = all(finding.state != "bad" for finding in findings)
    if args.json:
        print_json({"well": well, "findings": [asdict(finding) for finding in findings]})
    else:
        console.print("a run can begin" if well else "something has to be mended first")
    return 0 if well else 1


def _examine(args: argparse.Namespace) -> Iterator[Finding]:
    where = "installed" if INSTALLED else "of the repository"
    python = ".".join(map(str, sys.version_info[:3]))
    yield Finding("harness", "ok", f"conform {__version__}, {where}, Python {python}")
    for what, look in (
        ("specification", lambda: _specification(args)),
        ("ports", _ports),
        ("host", _host),
        ("reports", lambda: _reports(args.out)),
    ):
        yield _guarded(what, look)
    yield from _testees(args)


def _guarded(what: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except CaseError as error:
        return Finding(what, "bad", str(error), "mend the file that is named, or give --spec DIR")


def _specification(args: argparse.Namespace) -> Finding:
    spec = spec_of(args)
    cases = Loader(spec).load_all()
    return Finding(
        "specification",
        "ok",
        f"{spec.version} in {shown(spec.root)}; {len(cases)} cases in {shown(HOME / 'cases')}",
    )


def _ports() -> Finding:
    try:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            with socket.create_connection(("127.0.0.1", port), 2.0):
                pass
    except OSError as error:
        todo = "allow this program to listen on loopback: the stage is a server there"
        return Finding("ports", "bad", f"127.0.0.1: {error.strerror or error}", todo)
    proxies = [name for name in ("all_proxy", "http_proxy") if os.environ.get(name)]
    if proxies and "127.0.0.1" not in os.environ.get("no_proxy", ""):
        todo = "set no_proxy=127.0.0.1 unless the client uses no proxy by itself"
        return Finding("ports", "note", f"127.0.0.1 works; {', '.join(proxies)} is set", todo)
    return Finding("ports", "ok", "127.0.0.1 can be listened on and reached")


def _host() -> Finding:
    measured = asyncio.run(calibrate())
    told = (
        f"spawn {measured.spawn_ms:.0f} ms, round trip {measured.rtt_ms:.2f} ms, "
        f"timers +{measured.overshoot_ms:.1f} ms"
    )
    if measured.void:
        todo = "end what else runs here: a run on this host would be void"
        return Finding("host", "bad", told, todo)
    return Finding("host", "ok", told)


def _reports(out: Path) -> Finding:
    near = next((each for each in [out, *out.resolve().parents] if each.exists()), out)
    if not near.is_dir() or not os.access(near, os.W_OK):
        return Finding("reports", "bad", f"{shown(near)}: cannot be written to", "give --out DIR")
    last = out / "report.json"
    told = f"{shown(out)}; {'a run is there' if last.exists() else 'no run so far'}"
    return Finding("reports", "ok", told)


def _testees(args: argparse.Namespace) -> Iterator[Finding]:
    try:
        launches, missing = testees(args)
    except CaseError as error:
        first = "conform new testee testee.py" if INSTALLED else "make testees"
        yield Finding("testees", "bad", str(error), f"{first} makes one")
        return
    for each in missing:
        yield Finding(each.name, "note", f"not run: {each.missing}", each.mend)
    for launch in launches:
        yield asyncio.run(_hello(launch))


async def _hello(launch: Launch) -> Finding:
    program = launch.command[0]
    if not shutil.which(program, path=launch.env.get("PATH")) and not _there(launch, program):
        todo = "build it, or install its runtime, or mend the command"
        return Finding(launch.name, "bad", f"{program}: no such program", todo)
    testee = ProcessTestee(launch, LineChecker())
    try:
        await testee.start(limit=HELLO_SECONDS)
    except TesteeError as error:
        last = testee.stderr[-1] if testee.stderr else ""
        told = f"{error}" + (f" ({last})" if last and last not in str(error) else "")
        todo = f"answer hello: echo '{_EXAMPLE}' | {' '.join(launch.command)}"
        return Finding(launch.name, "bad", told, todo)
    finally:
        await testee.kill()
    hello = testee.hello
    lacks = [word for word, has in hello["features"].items() if has is not True]
    told = (
        f"{hello['name']} {hello['version']}, {hello['language']} {hello['runtime']}, "
        f"protocol {hello['protocol']}, {len(hello['features']) - len(lacks)} features"
    )
    if lacks:
        return Finding(launch.name, "note", f"{told}; lacks {', '.join(lacks)}", "")
    return Finding(launch.name, "ok", told)


_EXAMPLE = '{"id":1,"cmd":"hello","protocol":[1,2],"nonce":"a"}'


def _there(launch: Launch, program: str) -> bool:
    return ((launch.cwd or Path.cwd()) / program).is_file()
