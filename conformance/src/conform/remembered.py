"""The parsed tables of a specification, kept between two starts of the program.

Reading YAML and schemas costs half a second, and most verbs need it before they do anything. The
file lies in the user's cache folder, named by what it was made of; without it nothing is different.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from conform import __version__
from wiregen import __file__ as generator
from wiregen import api

UNREAD: dict[str, Any] = {
    "store": None,
    "folded": {},
    "diagnostics": (),
    "errors": None,
    "machines": None,
}
"""Parts that the harness reads itself, or not at all."""


def _folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "conform"


def _key(spec: Path) -> str:
    """Name of what is kept: the specification, the generator that read it, the interpreter."""
    digest = hashlib.sha256(f"{__version__} {sys.version}".encode())
    code = Path(generator).parent
    for folder, pattern in ((spec, "*"), (code, "*.py")):
        for path in sorted(folder.rglob(pattern)):
            if path.is_file() and "vectors" not in path.parts:
                about = path.stat()
                told = f"{path} {about.st_size} {about.st_mtime_ns}"
                digest.update(told.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:32]


def tables_of(spec: Path) -> Any:
    """Return the specification as ``wiregen.api`` takes it; raises ``SpecError``."""
    path = _folder() / f"{_key(spec)}.pickle"
    with contextlib.suppress(Exception):  # a damaged or foreign file is as good as none
        return pickle.loads(path.read_bytes())
    loaded = api.load_spec(spec)
    kept = replace(loaded, **UNREAD)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        for old in path.parent.glob("*.pickle"):
            old.unlink(missing_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.write_bytes(pickle.dumps(kept))
        fresh.replace(path)
    return kept
