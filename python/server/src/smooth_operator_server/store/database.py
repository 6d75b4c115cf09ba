"""A database of a few statements: what SQLite and PostgreSQL have in common here.

A transaction is a generator: it yields statements and is sent their rows. It opens nothing and
waits for nothing, so that SQLite runs it in one go and PostgreSQL over a connection, from the same
text. Parameters are written ``:name``; where a value may be None, its type is given by a cast.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from functools import cache
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

Rows = list[tuple[Any, ...]]
PARAMETER = re.compile(r"(?<!:):([a-z_]+)")
"""A parameter within a statement; two colons are a cast."""

Statement = tuple[str, Mapping[str, Any]]
Transaction = Generator[Statement, Rows, T]


class RollbackError(Exception):
    """Raised inside a transaction: nothing of it is kept, and ``outcome`` is its result."""

    def __init__(self, outcome: object) -> None:
        super().__init__("rolled back")
        self.outcome = outcome


class Database(Protocol):
    """Runs transactions, each completely or not at all.

    Raises:
        StoreError: from any method, when the database fails.
    """

    dialect: str
    """``sqlite`` or ``postgres``."""

    has_vectors: bool
    """Whether it compares vectors itself; else that is done in memory."""

    async def look(self, work: Callable[..., Transaction[T]], *arguments: Any) -> T:
        """Run one query that reads a few rows."""
        ...

    async def write(self, work: Callable[..., Transaction[T]], *arguments: Any) -> T:
        """Run a transaction of a few rows."""
        ...

    async def read(self, work: Callable[..., Transaction[T]], *arguments: Any) -> T:
        """Run a transaction that may read many rows."""
        ...

    async def load(self, work: Callable[..., Transaction[T]], *arguments: Any) -> T:
        """Run a transaction that may write many rows."""
        ...

    async def close(self) -> None:
        """Close the connections; the database is of no use afterwards."""
        ...


@cache
def names_of(statement: str) -> tuple[str, ...]:
    """Return the parameters of a statement, each once, in the order of their first places."""
    return tuple(dict.fromkeys(PARAMETER.findall(statement)))


def run_to_end(transaction: Transaction[T], execute: Callable[[Statement], Rows]) -> T:
    """Feed a transaction with the rows of its statements; return its result."""
    try:
        statement = next(transaction)
        while True:
            statement = transaction.send(execute(statement))
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    finally:
        transaction.close()
