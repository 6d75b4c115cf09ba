"""The files of the checkout as the checks see them: tracked or about to be, with their language."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from workshop import ROOT, SetupError

CODE = {".py": "python", ".ts": "typescript", ".go": "go", ".cs": "dotnet", ".rs": "rust"}
"""File endings that hold hand-written or generated code, and the language of each."""

BUILT = {
    *(".venv", ".toolchains", "node_modules", "dist", "bin", "obj", "target", "out", "site"),
    *("__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis"),
}
"""Folders that hold nothing of an unpacked archive of the sources."""

TEST_PATH = re.compile(r"(^|/)(tests?|[\w.]*Tests)/|_test\.go$|\.test\.ts$|(^|/)test_\w+\.py$")


def git(*words: str, given: str = "") -> str:
    """Return what git prints.

    Raises: SetupError: this is no git checkout, or git is not there.
    """
    try:
        done = subprocess.run(
            ["git", *words], cwd=ROOT, input=given, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as missing:
        raise SetupError("git is not on PATH") from missing
    if done.returncode != 0:
        raise SetupError(f"git {words[0]}: {done.stderr.strip()}")
    return done.stdout


def files() -> list[str]:
    """Return every file that is in git or would be added, as a path from the top, sorted.

    In an unpacked archive, which has no git, every file counts that lies in no built folder.
    """
    if not (ROOT / ".git").exists():
        return sorted(unpacked())
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    return sorted({name for name in listed if name and (ROOT / name).is_file()})


def unpacked() -> Iterator[str]:
    """Yield the files below the top that lie in no built folder."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in BUILT]
        for name in names:
            yield (Path(folder) / name).relative_to(ROOT).as_posix()


def generated(names: Iterable[str]) -> set[str]:
    """Return those of ``names`` that .gitattributes marks as generated."""
    answer = git("check-attr", "-z", "--stdin", "linguist-generated", given="\0".join(names))
    words = answer.split("\0")
    triples = zip(words[0::3], words[1::3], words[2::3], strict=False)
    return {name for name, _, value in triples if value in ("set", "true")}


def is_test(name: str) -> bool:
    """Tell whether ``name`` is a file of tests."""
    return TEST_PATH.search(name) is not None


def code_files() -> dict[str, str]:
    """Return the code files of the checkout and the language of each."""
    return {name: CODE[Path(name).suffix] for name in files() if Path(name).suffix in CODE}
