"""PostgreSQL, over a pool of connections. Needs the extra ``postgres``."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from . import pgvector
from .database import PARAMETER, RollbackError, Rows, Statement, Transaction, names_of
from .migrations.files import pending
from .ports import StoreError, StoreFullError, StoreUnavailableError

if TYPE_CHECKING:
    import asyncpg

T = TypeVar("T")

CONNECT_S = 10.0
COMMAND_S = 30.0
"""Seconds after which a statement that hangs fails instead."""

POOL = 10
MIGRATION_LOCK = 0x736D6F6F
"""Advisory lock under which one replica at a time changes the schema."""


class PostgresDatabase:
    """Use ``open``; the constructor takes an open pool."""

    dialect = "postgres"

    def __init__(self, pool: asyncpg.Pool, *, has_vectors: bool) -> None:
        self._pool = pool
        self.has_vectors = has_vectors

    @classmethod
    async def open(cls, url: str) -> PostgresDatabase:
        """Connect and bring the schema up to date; the text of a fault names no password.

        Raises:
            StoreUnavailableError: nobody answers, the login is refused, the schema was written by
                a newer version of the server, or the extra ``postgres`` is not installed.
        """
        asyncpg = _driver()
        pool = None
        try:
            pool = await asyncpg.create_pool(
                url, min_size=1, max_size=POOL, timeout=CONNECT_S, command_timeout=COMMAND_S
            )
            async with pool.acquire() as connection:
                has_vectors = await _migrate(connection)
        except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as fault:
            if pool is not None:
                await pool.close()
            reason = str(fault) or type(fault).__name__
            raise StoreUnavailableError(f"cannot open {_shown(url)}: {reason}") from None
        except StoreUnavailableError as fault:
            if pool is not None:
                await pool.close()
            raise StoreUnavailableError(f"cannot open {_shown(url)}: {fault}") from None
        return cls(pool, has_vectors=has_vectors)

    async def close(self) -> None:
        await self._pool.close()

    async def write(self, work: Callable[..., Transaction[T]], *arguments: Any) -> T:
        import asyncpg

        try:
            async with self._pool.acquire(timeout=CONNECT_S) as connection:
                try:
                    async with connection.transaction():
                        return await _run(connection, work(*arguments))
                except RollbackError as end:
                    return end.outcome  # type: ignore[return-value]
        except asyncpg.DiskFullError as fault:
            raise StoreFullError(type(fault).__name__) from fault
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as fault:
            raise StoreError(type(fault).__name__) from fault

    look = write
    read = write
    load = write


async def _run(connection: Any, transaction: Transaction[T]) -> T:
    async def execute(statement: Statement) -> Rows:
        text, names = _numbered(statement[0])
        values = [_storable(statement[1][name]) for name in names]
        return [tuple(row) for row in await connection.fetch(text, *values)]

    try:
        statement = next(transaction)
        while True:
            statement = transaction.send(await execute(statement))
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    finally:
        transaction.close()


def _storable(value: Any) -> Any:
    """Return the value as PostgreSQL takes it: its text has no NUL, which U+FFFD stands for."""
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value


@cache
def _numbered(statement: str) -> tuple[str, tuple[str, ...]]:
    """Return the statement with ``$1`` for each name, and the names in that order."""
    names = names_of(statement)
    numbers = {name: f"${number}" for number, name in enumerate(names, start=1)}
    return PARAMETER.sub(lambda found: numbers[found.group(1)], statement), names


def _shown(url: str) -> str:
    """Return where a URL leads to, without who logs in."""
    parts = urlsplit(url)
    return f"database {parts.hostname or 'localhost'}{parts.path}"


async def schema_version(url: str) -> int:
    """Return how far the schema of a database is, and change nothing; 0: there is none yet.

    Raises:
        StoreUnavailableError: as ``PostgresDatabase.open``.
    """
    asyncpg = _driver()
    try:
        connection = await asyncpg.connect(url, timeout=CONNECT_S, command_timeout=COMMAND_S)
        try:
            if await connection.fetchval("SELECT to_regclass('schema_version')") is None:
                return 0
            return int(
                await connection.fetchval("SELECT coalesce(max(version), 0) FROM schema_version")
            )
        finally:
            await connection.close()
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as fault:
        raise StoreUnavailableError(
            f"cannot open {_shown(url)}: {str(fault) or type(fault).__name__}"
        ) from None


def _driver() -> Any:
    try:
        import asyncpg
    except ImportError:
        raise StoreUnavailableError(
            "PostgreSQL needs asyncpg: pip install 'smooth-operator-server[postgres]'"
        ) from None
    return asyncpg


async def _migrate(connection: Any) -> bool:
    """Bring the schema up to date; tell whether the database compares vectors itself."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", MIGRATION_LOCK)
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY, name TEXT)"
        )
        done = await connection.fetchval("SELECT coalesce(max(version), 0) FROM schema_version")
        for number, name, sql in pending("postgres", done):
            await connection.execute(sql)
            await connection.execute("INSERT INTO schema_version VALUES ($1, $2)", number, name)
        return await pgvector.prepare(connection)
