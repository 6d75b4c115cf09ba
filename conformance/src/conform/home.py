"""Where the harness keeps what it reads: in the repository, or beside its modules in a wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_REPOSITORY = _PACKAGE.parents[2]
INSTALLED = not (_REPOSITORY / "conformance" / "cases").is_dir()
ROOT = Path.cwd() if INSTALLED else _REPOSITORY
"""What paths are shown from."""
HOME = _PACKAGE / "data" if INSTALLED else _REPOSITORY / "conformance"
"""Folder of ``cases/``, ``schema/``, ``scripts/``, ``mutants/``."""
SPEC = HOME / "spec" if INSTALLED else _REPOSITORY / "spec"
"""The specification that comes with the harness."""
OUT = ROOT / "conform-out" if INSTALLED else HOME / "out"
"""Where reports go unless a flag says otherwise."""


def shown(path: Path) -> str:
    """Return a path as people read it: from the repository or from here where it lies there."""
    for base in (ROOT, Path.cwd()):
        if path.is_relative_to(base):
            return str(path.relative_to(base))
    return str(path)
