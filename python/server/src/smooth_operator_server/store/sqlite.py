"""SQLite: one file, or memory.

Transactions of a few rows run where they are asked for: they take some 20 microseconds, the way to
a thread and back ten times that, and a hundred times while the interpreter is busy. What reads many
rows, waits for another process's lock, or moves the write-ahead log into the file (which waits for
the disk) is done by a second connection in a thread of its own. The SQLite is apsw's own: it has
FTS5.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from functools import cache
from operator import itemgetter
from typing import Any, TypeVar

import apsw

from .database import RollbackError, Rows, Statement, Transaction, names_of, run_to_end
from .migrations.files import pending
from .ports import StoreError, StoreFullError, StoreUnavailableError

T = TypeVar("T")

MEMORY = ":memory:"
BUSY_MS = 5_000
CHECKPOINT = 500
"""Transactions after which the write-ahead log is moved into the database."""


class SqliteDatabase:
    """Use ``open``; the constructor takes open connections."""

    dialect = "sqlite"
    has_vectors = False

    def __init__(self, db: apsw.Connection, worker: Any) -> None:
        self._db = db
        self._worker = worker
        self._written = 0
        self._checkpoint: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, path: str = MEMORY) -> SqliteDatabase:
        """Open or create the database and bring it up to date.

        Raises:
            StoreUnavailableError: no such folder, no permission, not a database, or written
                by a newer version of the server.
        """
        db = worker = None
        try:
            db = apsw.Connection(path)
            _prepare(db)
            if path != MEMORY:
                worker = await apsw.Connection.as_async(path)
                await worker.async_run(_connect, worker)
                _share_out(db)
        except (apsw.Error, StoreUnavailableError) as fault:
            if worker is not None:
                await worker.aclose(True)
            if db is not None:
                db.close(True)
            raise StoreUnavailableError(f"cannot open database {path}: {fault}") from None
        return cls(db, worker)

    async def close(self) -> None:
        if self._checkpoint is not None:
            await asyncio.wait({self._checkpoint})
        if self._worker is not None:
            await self._worker.aclose()
        self._db.close()

    async def look(self, work: Callable[..., Transaction[T]], *arguments: Any) -> T:
        return await self._here(_query, work, arguments)

    async def write(self, work: Callable[..., Transaction[T]], *arguments: Any) -> T:
        outcome: T = await self._here(_transact, work, arguments)
        self._written += 1
        if self._worker is not None and self._written % CHECKPOINT == 0:
            self._checkpoint = asyncio.create_task(self._move_log(), name="checkpoint")
        return outcome

    async def read(self, work: Callable[..., Transaction[T]], *arguments: Any) -> T:
        return await self._elsewhere(_query, work, arguments)

    async def load(self, work: Callable[..., Transaction[T]], *arguments: Any) -> T:
        return await self._elsewhere(_transact, work, arguments)

    async def _here(self, job: Callable[..., T], *arguments: Any) -> T:
        """Do what is short at once; in the worker when another process has the lock."""
        try:
            return job(self._db, *arguments)
        except apsw.BusyError:
            return await self._elsewhere(job, *arguments)
        except apsw.Error as fault:
            raise _told(fault) from fault

    async def _elsewhere(self, job: Callable[..., T], *arguments: Any) -> T:
        """Do what may take long, or wait for a lock, in the worker's thread."""
        try:
            if self._worker is None:
                return job(self._db, *arguments)
            return await self._worker.async_run(job, self._worker, *arguments)  # type: ignore[no-any-return]
        except apsw.Error as fault:
            raise _told(fault) from fault

    async def _move_log(self) -> None:
        with contextlib.suppress(StoreError):  # the next one moves what this one could not
            await self._elsewhere(lambda db: db.wal_checkpoint())


def _told(fault: apsw.Error) -> StoreError:
    kind = StoreFullError if isinstance(fault, apsw.FullError) else StoreError
    return kind(type(fault).__name__)


def _query(db: apsw.Connection, work: Callable[..., Transaction[T]], arguments: Any) -> T:
    def execute(statement: Statement) -> Rows:
        text, given = statement
        return db.execute(text, _values(text)(given)).fetchall()

    return run_to_end(work(*arguments), execute)


@cache
def _values(statement: str) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """Return what puts parameters into the order in which SQLite numbers them.

    It takes a tuple faster than a mapping, whose keys it looks for name by name.
    """
    names = names_of(statement)
    if len(names) > 1:
        return itemgetter(*names)
    return lambda given: tuple(given[name] for name in names)


def _transact(db: apsw.Connection, work: Callable[..., Transaction[T]], arguments: Any) -> T:
    # IMMEDIATE takes the lock before the first statement: what another process holds is noticed
    # before anything is read, and never in the middle.
    db.execute("BEGIN IMMEDIATE")
    try:
        outcome = _query(db, work, arguments)
        db.execute("COMMIT")
    except RollbackError as end:
        db.execute("ROLLBACK")
        return end.outcome  # type: ignore[return-value]
    except BaseException:
        # A full disk ends some transactions by itself, and leaves others open, even at their end.
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    return outcome


def _connect(db: apsw.Connection) -> None:
    """Set a connection up: it waits for locks, and for the disk as little as is safe."""
    db.set_busy_timeout(BUSY_MS)
    # NORMAL under WAL loses nothing when the process is killed, only when the power goes.
    # SQLite's own knows the letters of English alone.
    db.create_scalar_function("lower", _lower, 1, deterministic=True)
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
        db.execute(f"PRAGMA {pragma}").fetchall()


def _lower(*values: apsw.SQLiteValue) -> apsw.SQLiteValue:
    (text,) = values
    return text.lower() if isinstance(text, str) else text


def _share_out(db: apsw.Connection) -> None:
    """Let the worker wait for locks and for the disk instead of this connection."""
    db.set_busy_timeout(0)
    db.wal_autocheckpoint(0)


def _prepare(db: apsw.Connection) -> None:
    _connect(db)
    with db:
        db.execute(
            "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY, name TEXT)"
        )
        done = db.execute("SELECT coalesce(max(version), 0) FROM schema_version").get
    for number, name, sql in pending("sqlite", done):
        with db:
            db.execute(sql)
            db.execute("INSERT INTO schema_version VALUES (?, ?)", (number, name))
