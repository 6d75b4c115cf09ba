"""`conform server` at every level on the reference server: each store, and two servers on one.

    python3 tools/server_levels.py [--only sqlite|postgres|two|two-postgres ...] [--quick]
    python3 tools/server_levels.py [--only ...] --pair ARGS

PostgreSQL comes from a package, Redis from Debian's; where that is not here its kind is not run,
which is a failure with REQUIRE=all. Everybody has a token, so that a stranger can be told from the
owner, and the hook that gives the server its script is an admin's. `--quick` leaves out what waits:
questions that expire, clients that do not read. `--pair` has `conform pair` play through the
clients instead, on each store of one server and on two servers that their links go to in turn; what
follows it goes there.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import secrets
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from server_kills import database, redis
from workshop import ROOT

from conform.server.rules import CHECKS
from smooth_operator_server.auth import minted

BIN = Path(sys.executable).parent
SERVER, CONFORM = str(BIN / "smooth-operator-server"), str(BIN / "conform")
KINDS = ("sqlite", "postgres", "two", "two-postgres")
PAIRED = ("sqlite", "postgres", "two")
WAITS = ("expired", "slow_reader", "giant")
HOUR = 3600.0
QUESTION_SECS = "4"
UP_SECONDS = 60.0
OUT = ROOT / "conformance" / "out" / "levels"


@contextlib.contextmanager
def stores(kind: str, folder: Path) -> Iterator[dict[str, str]]:
    """What has to stand before a server of a kind; yields its settings."""
    with contextlib.ExitStack() as stack:
        if kind == "sqlite":
            yield {"SMOOTH_AGENT_DB": str(folder / "levels.db")}
            return
        settings = {"SMOOTH_AGENT_DATABASE_URL": stack.enter_context(database(folder))}
        if kind == "two":
            settings["SMOOTH_AGENT_REDIS_URL"] = stack.enter_context(redis())
        yield settings


@contextlib.contextmanager
def serving(settings: dict[str, str], folder: Path, number: int) -> Iterator[str]:
    """Run one server; yields where it listens."""
    script = folder / "script.json"
    script.write_text('{"model": []}', encoding="utf-8")
    with (folder / f"server-{number}.log").open("wb") as log:
        process = subprocess.Popen(
            (SERVER, "--script", str(script), "--port", "0"),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, **settings},
        )
    try:
        assert process.stdout is not None
        found = re.search(r"ws://\S+", process.stdout.readline())
        if found is None:
            raise SystemExit(f"a server did not start: {(folder / log.name).read_text()[-500:]}")
        yield found[0]
    finally:
        process.terminate()
        process.wait(30)


def levels(kind: str, folder: Path, quick: bool) -> int:
    """Judge the servers of a kind; the exit status of `conform server`."""
    secret = secrets.token_hex(32)
    who = {
        name: minted(secret, {"sub": name, "org": "acme", "role": role}, HOUR)
        for name, role in (("ada", "basic"), ("eve", "basic"), ("root", "admin"))
    }
    with contextlib.ExitStack() as stack:
        settings = stack.enter_context(stores(kind, folder)) | {
            "SMOOTH_AGENT_AUTH_MODE": "jwt",
            "AUTH_JWT_HS256_SECRET": secret,
            "SMOOTH_AGENT_QUESTION_SECS": QUESTION_SECS,
        }
        count = 2 if kind.startswith("two") else 1
        urls = [stack.enter_context(serving(settings, folder, n)) for n in range(count)]
        command = [CONFORM, "server", f"{urls[0]}?token={who['ada']}", "--level", "2"]
        command += ["--stranger", f"{urls[-1]}?token={who['eve']}", "--patience", "10"]
        if count == 2:
            command += ["--also", f"{urls[1]}?token={who['ada']}"]
        for url in urls:
            hook = url.replace("ws://", "http://").removesuffix("/ws")
            command += ["--script-url", f"{hook}/script?token={who['root']}"]
        names = [rule.name for rule in CHECKS if not (quick and rule.name in WAITS)]
        for name in names if quick else ():
            command += ["--only", name]
        return subprocess.call([*command, "--require", "all", "--out", str(OUT / kind)])


def pair(kind: str, folder: Path, more: list[str]) -> int:
    """Play the scripts through the clients; the exit status of `conform pair`."""
    with stores(kind, folder) as settings:
        place = settings.get("SMOOTH_AGENT_DATABASE_URL", str(folder))
        words = [sys.executable, str(ROOT / "tools" / "fresh_server.py"), place]
        if kind == "two":
            two = str(ROOT / "tools" / "two_servers.py")
            words = [sys.executable, two, place, settings["SMOOTH_AGENT_REDIS_URL"]]
        command = [CONFORM, "pair", "--servers", shlex.join(words)]
        return subprocess.call([*command, "--out", str(OUT / f"pair-{kind}"), *more])


def main() -> int:
    """Run the kinds that are asked for; 1 when one of them is not as it should be."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--only", action="append", choices=KINDS, default=[])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--pair", nargs=argparse.REMAINDER, default=None)
    args = parser.parse_args()
    told: dict[str, str] = {}
    failed = False
    for kind in args.only or (KINDS if args.pair is None else PAIRED):
        if kind == "two" and shutil.which("redis-server") is None:
            told[kind] = "not run: there is no redis-server"
            failed = failed or os.environ.get("REQUIRE") == "all"
            continue
        print(f"— {kind}", flush=True)
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="levels-", ignore_cleanup_errors=True) as name:
            folder = Path(name)
            code = (
                levels(kind, folder, args.quick)
                if args.pair is None
                else pair(kind, folder, args.pair)
            )
        failed = failed or code != 0
        told[kind] = f"exit {code}, {time.monotonic() - begun:.0f} s"
    print(json.dumps(told, indent=1))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
