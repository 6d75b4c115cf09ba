"""Remove what was built. Toolchains and environments stay, because they take long to come back.

python3 tools/clean.py          build outputs, caches, reports
python3 tools/clean.py --all    .venv, .toolchains and node_modules as well
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from workshop import ROOT

BUILT = (
    "out",
    "conformance/out",
    "site",
    "typescript/dist",
    "conformance/testees/typescript/dist",
    "python/server/playground/dist",
    "go/bin",
    "conformance/testees/go/bin",
    "conformance/kits/go/bin",
    "dotnet/**/bin",
    "dotnet/**/obj",
    "conformance/testees/dotnet/bin",
    "conformance/testees/dotnet/obj",
    "rust/target",
    ".toolchains/stamps",
    ".toolchains/testees.json",
    "**/__pycache__",
    "**/.pytest_cache",
    "**/.mypy_cache",
    "**/.ruff_cache",
    "**/.hypothesis",
)
INSTALLED = (".venv", ".toolchains", "node_modules", "*/node_modules")
KEPT = (".git", ".venv", ".toolchains", "node_modules")
"""Folders that a pattern with ** does not look into."""


def named(root: Path, patterns: Iterable[str]) -> Iterator[Path]:
    """Yield the paths below ``root`` that the patterns name."""
    for pattern in patterns:
        for path in sorted(root.glob(pattern)):
            inside = path.relative_to(root).parts[:-1]
            if not ("**" in pattern and set(inside) & set(KEPT)):
                yield path


def remove(path: Path) -> None:
    """Remove a file or a whole folder."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def main(argv: list[str] | None = None) -> int:
    """Command line entry; returns the exit status."""
    parser = argparse.ArgumentParser(description="Remove what was built.")
    parser.add_argument("--all", action="store_true", help="toolchains and environments as well")
    args = parser.parse_args(argv)
    paths = list(named(ROOT, BUILT + INSTALLED if args.all else BUILT))
    for path in paths:
        remove(path)
    print(f"clean: {len(paths)} removed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
