"""The numbered SQL files of a database; number n is the n-th."""

from __future__ import annotations

from importlib import resources

from ..ports import StoreUnavailableError


def pending(dialect: str, done: int) -> list[tuple[int, str, str]]:
    """Return number, name and text of the migrations that a database lacks, oldest first.

    Raises:
        StoreUnavailableError: a newer server has changed the database.
    """
    folder = resources.files(__package__) / dialect
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=str)
    if done > len(files):
        raise StoreUnavailableError(f"its version {done} is newer than this server's {len(files)}")
    return [
        (number, file.name, file.read_text(encoding="utf-8"))
        for number, file in enumerate(files[done:], start=done + 1)
    ]
