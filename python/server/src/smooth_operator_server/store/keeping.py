"""Looking after a database from outside: how far its schema is, copies of it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import apsw

from .migrations.files import pending
from .opening import is_postgres
from .ports import StoreUnavailableError
from .postgres import schema_version

PAGES = 256
"""Pages of a copy that are made at once; others may write between them."""

Progress = Callable[[int, int], None]
"""Is told pages done and pages in all."""


@dataclass(frozen=True, slots=True)
class SchemaState:
    """How far the schema of a database is; ``lacking`` names the migrations that are to come."""

    dialect: str
    version: int
    lacking: tuple[str, ...]


async def schema_state(where: str) -> SchemaState:
    """Look how far a database is, and change nothing; one that is not there is at version 0.

    Raises:
        StoreUnavailableError: it cannot be opened, is none, or was written by a newer server.
    """
    if is_postgres(where):
        dialect, version = "postgres", await schema_version(where)
    else:
        dialect, version = "sqlite", _version_of_file(Path(where))
    return SchemaState(dialect, version, _lacking(dialect, version))


def copy_database(source: Path, target: Path, progress: Progress = lambda _done, _all: None) -> int:
    """Copy a SQLite database, which may be in use; return the version of its schema.

    The copy appears under its name when it is whole, and never before.

    Raises:
        StoreUnavailableError: the source is no database of a server of this version or an older
            one, is damaged, or the target is there already or cannot be written.
    """
    for beside in ("", "-wal", "-shm"):  # a log of another database would be read into this one
        there = target.with_name(target.name + beside)
        if there.exists():
            raise StoreUnavailableError(f"{there} is there already: move it away first")
    version = _version_of_file(source)
    _lacking("sqlite", version)
    if version == 0:
        raise StoreUnavailableError(f"{source} is no database of this server")
    unfinished = target.with_name(f"{target.name}.unfinished")
    try:
        with contextlib.closing(_open(source)) as read:
            _copy(read, unfinished, progress)
        _sound(unfinished, source)
        # A link, not a renaming: it never replaces what appeared under the name meanwhile.
        os.link(unfinished, target)
    except (apsw.Error, OSError) as fault:
        raise StoreUnavailableError(f"cannot copy {source} to {target}: {fault}") from None
    finally:
        unfinished.unlink(missing_ok=True)
    return version


def _lacking(dialect: str, version: int) -> tuple[str, ...]:
    try:
        return tuple(name for _, name, _ in pending(dialect, version))
    except StoreUnavailableError as fault:
        raise StoreUnavailableError(f"the database cannot be used: {fault}") from None


def _copy(read: apsw.Connection, target: Path, progress: Progress) -> None:
    target.unlink(missing_ok=True)
    with (
        contextlib.closing(apsw.Connection(str(target))) as write,
        write.backup("main", read, "main") as backup,
    ):
        while not backup.done:
            backup.step(PAGES)
            progress(backup.page_count - backup.remaining, backup.page_count)


def _sound(path: Path, source: Path) -> None:
    with contextlib.closing(_open(path)) as db:
        if db.execute("PRAGMA quick_check(1)").get != "ok":
            raise StoreUnavailableError(f"{source} is damaged")


def _open(path: Path) -> apsw.Connection:
    # Not read-only: a log that a killed server left has to be read, and that writes its index.
    return apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)


def _version_of_file(path: Path) -> int:
    if not path.exists():
        return 0
    try:
        with contextlib.closing(_open(path)) as db:
            if not db.table_exists("main", "schema_version"):
                return 0
            return int(db.execute("SELECT coalesce(max(version), 0) FROM schema_version").get)
    except apsw.Error as fault:
        raise StoreUnavailableError(f"cannot open database {path}: {fault}") from None
