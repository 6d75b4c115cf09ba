"""What the clients of this project lack so far: with the reason, and told when it is over."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from conform.documents import CaseError, load_yaml_lines
from conform.home import HOME, shown

if TYPE_CHECKING:
    from conform.run import Run

FILE = HOME / "lacking.yaml"
KEYS = {"client", "feature", "reason"}


def load_lacking(path: Path = FILE) -> dict[str, set[str]]:
    """Features that a client may lack, by the client's name; nothing where there is no file."""
    if not path.is_file():
        return {}
    tree, lines = load_yaml_lines(path)
    found: dict[str, set[str]] = {}
    rows = tree.get("lacking") if isinstance(tree, dict) else None
    if not isinstance(rows, list):
        raise CaseError(f"{shown(path)}:1: /lacking: expected a list")
    for index, row in enumerate(rows):
        sound = isinstance(row, dict) and set(row) == KEYS
        if not sound or not all(isinstance(value, str) and value for value in row.values()):
            where = f"{shown(path)}:{lines.at(('lacking', index))}: /lacking/{index}"
            raise CaseError(f"{where}: expected client, feature and reason")
        found.setdefault(row["client"], set()).add(row["feature"])
    return found


def unlisted(run: Run, lacking: dict[str, set[str]]) -> list[str]:
    """What a client lacks that is not listed, and what is listed and not lacked any more."""
    told = []
    for testee in run.testees:
        if not testee.ran:
            continue
        features, listed = testee.hello.get("features", {}), lacking.get(testee.name, set())
        lacks = {word for word, has in features.items() if has is not True}
        needed = {word for case in run.cases for word in case.needs}
        told += [f"{testee.name} lacks {word}" for word in sorted((lacks & needed) - listed)]
        told += [
            f"{testee.name} has {word}, and lacking.yaml lists it"
            for word in sorted(listed - lacks)
        ]
    return told
