"""Opening the stores of a database, whichever it is."""

from __future__ import annotations

from functools import partial

from .agents import SqlAgents
from .connectors import SqlConnectors
from .conversations import SqlConversations
from .database import Database, RollbackError, Transaction
from .knowledge import SqlKnowledge
from .memories import SqlMemories
from .models import SqlModels
from .people import SqlPeople
from .ports import Stores
from .postgres import PostgresDatabase
from .questions import SqlQuestions
from .sqlite import MEMORY, SqliteDatabase
from .turns import SqlTurns

__all__ = ["MEMORY", "is_postgres", "open_stores"]

ROOM = 32 * 1024
"""Characters that a database has to have room for, to count as one that works."""

SCHEMES = ("postgresql://", "postgres://")


def is_postgres(where: str) -> bool:
    """Tell whether ``where`` is the URL of a PostgreSQL database; else it is a SQLite file."""
    return where.startswith(SCHEMES)


def _touch() -> Transaction[None]:
    """Write what is there already: a disk without room takes not even that."""
    yield (
        (
            "UPDATE schema_version SET name = name"
            " WHERE version = (SELECT max(version) FROM schema_version)"
        ),
        {},
    )


def _try_room() -> Transaction[None]:
    """Write a few pages, and take them back."""
    yield "INSERT INTO schema_version VALUES (-1, :name)", {"name": "x" * ROOM}
    raise RollbackError(None)


async def _ping(database: Database) -> None:
    await database.write(_touch)
    await database.write(_try_room)


async def open_stores(where: str = MEMORY) -> Stores:
    """Open or create the database and bring it up to date.

    ``where`` is the path of a SQLite file, ``:memory:``, or a ``postgresql://`` URL.

    Raises:
        StoreUnavailableError: it cannot be opened, or was written by a newer server.
    """
    database: Database
    if is_postgres(where):
        database = await PostgresDatabase.open(where)
    else:
        database = await SqliteDatabase.open(where)
    return Stores(
        SqlConversations(database),
        SqlTurns(database),
        SqlQuestions(database),
        SqlKnowledge(database),
        SqlModels(database),
        SqlPeople(database),
        SqlConnectors(database),
        SqlAgents(database),
        SqlMemories(database),
        partial(_ping, database),
        database.close,
    )
