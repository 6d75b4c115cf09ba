"""What every script of the workshop shares: where the repository is, how to say and run things."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The repository's top folder; every path in the workshop is relative to it."""

STATE = ROOT / ".toolchains"
"""What set-up leaves behind: downloaded toolchains, stamps, the list of testees. Safe to delete."""


class SetupError(Exception):
    """A step of set-up cannot be done; the text says why and names the command that mends it."""


def say(text: str) -> None:
    """Print one progress line to stderr, so that stdout stays free for results."""
    print(f"· {text}", file=sys.stderr, flush=True)


def run(
    command: Sequence[str],
    *,
    cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
    timeout_s: float = 1200,
) -> None:
    """Run ``command`` to its end with its output passed through.

    Raises: SetupError: it is not there, failed, or took longer than ``timeout_s``.
    """
    shown = shlex.join(command)
    try:
        done = subprocess.run(
            command, cwd=cwd, env=None if env is None else dict(env), timeout=timeout_s, check=False
        )
    except FileNotFoundError as missing:
        raise SetupError(f"not found: {missing.filename} (wanted for: {shown})") from missing
    except subprocess.TimeoutExpired as late:
        raise SetupError(f"no end after {timeout_s:.0f} s: {shown}") from late
    if done.returncode != 0:
        raise SetupError(f"exit status {done.returncode}: {shown}")


def fingerprint(files: Iterable[Path], *words: str) -> str:
    """Return a digest of the files' names and bytes and of ``words``; a missing file counts."""
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(os.fspath(file).encode())
        digest.update(file.read_bytes() if file.is_file() else b"(missing)")
        digest.update(b"\0")
    for word in words:
        digest.update(word.encode() + b"\0")
    return digest.hexdigest()


def is_fresh(stamp: Path, content: str) -> bool:
    """Tell whether ``stamp`` says that the step with this fingerprint was done."""
    return stamp.is_file() and stamp.read_text() == content


def mark(stamp: Path, content: str) -> None:
    """Note in ``stamp`` that the step with this fingerprint is done."""
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(content)


@contextlib.contextmanager
def alone(name: str) -> Iterator[None]:
    """Hold the lock ``name`` while the block runs: two set-ups of one thing wait for each other."""
    STATE.mkdir(exist_ok=True)
    with (STATE / f"{name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
