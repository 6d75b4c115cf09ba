"""Fetch the sdist that carries the JSON-Schema-Test-Suite, once, into a cache outside the tree."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

VERSION = "4.26.0"
SHA256 = "0c26707e2efad8aa1bfc5b7ce170f3fccc2e4918ff85989ba9ffa9facb2be326"
NAME = f"jsonschema-{VERSION}.tar.gz"


def fetch() -> Path | str:
    """Return the archive, or the reason why it cannot be had. Anything but our hash is refused."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    cached = base / "wiregen-suite" / NAME
    if cached.is_file() and _sha256(cached) == SHA256:
        return cached
    said = ""
    for pip in _pips():
        with tempfile.TemporaryDirectory() as folder:
            where = ["-d", folder, f"jsonschema=={VERSION}"]
            options = ["download", "-q", "--no-binary", "jsonschema", "--no-deps", *where]
            try:
                done = subprocess.run(
                    [*pip, *options], capture_output=True, text=True, timeout=120, check=False
                )
            except (OSError, subprocess.TimeoutExpired) as err:
                said = str(err)
                continue
            found = Path(folder) / NAME
            if not found.is_file():
                said = done.stderr.strip().split("\n")[-1]
                continue
            if _sha256(found) != SHA256:
                raise AssertionError(f"{NAME} has another hash than the one it is pinned to")
            cached.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(found, cached)
            return cached
    return said or "there is no pip"


def _pips() -> list[list[str]]:
    """Commands that may be pip: of this Python, of the machine's, and a program of its own."""
    found = [[sys.executable, "-m", "pip"]]
    found += [[path, "-m", "pip"] for path in (shutil.which("python3"),) if path]
    system = Path("/usr/bin/python3")
    found += [[str(system), "-m", "pip"]] if system.is_file() else []
    found += [[path] for path in (shutil.which("pip"), shutil.which("pip3")) if path]
    home = Path(getattr(sys, "base_prefix", sys.prefix)) / "bin" / "python3"
    return [*found, [str(home), "-m", "pip"]]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
