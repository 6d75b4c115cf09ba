"""The numbered SQL files of a database; number n is the n-th."""

from __future__ import annotations

from importlib import resources


def migrations(dialect: str) -> list[tuple[str, str]]:
    """Return name and text of the migrations of a dialect, oldest first."""
    folder = resources.files(__package__) / dialect
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=str)
    return [(file.name, file.read_text(encoding="utf-8")) for file in files]
