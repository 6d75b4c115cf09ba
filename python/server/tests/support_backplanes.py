"""Backplanes of each kind for contract tests; a Redis and a PostgreSQL of the tests' own."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
import redis as redis_library

from smooth_operator_server.backplane import Backplane
from smooth_operator_server.backplane.local import Hub, LocalBackplane
from smooth_operator_server.backplane.opening import open_backplane
from smooth_operator_server.clock import SystemClock

from .support_stores import fresh_database

KEPT_S = 1.0
BACKPLANES = ("local", "postgres", "redis")


@pytest.fixture(scope="session")
def redis() -> Iterator[str]:
    """Run a Redis for the tests of a process; return its URL. Debian's package has it."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("no redis-server here")
    with socket.socket() as free, tempfile.TemporaryDirectory() as folder:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
        with subprocess.Popen(
            [*command, "--appendonly", "no", "--dir", folder], stdout=subprocess.DEVNULL
        ) as server:
            try:
                url = f"redis://127.0.0.1:{port}/0"
                _wait_for(url)
                yield url
            finally:
                server.terminate()


def _wait_for(url: str) -> None:
    from redis.backoff import ConstantBackoff
    from redis.retry import Retry

    retry = Retry(ConstantBackoff(0.05), 200)
    errors = [redis_library.ConnectionError]
    client = redis_library.Redis.from_url(url, retry=retry, retry_on_error=errors)
    with contextlib.closing(client):
        client.ping()


def empty(url: str) -> str:
    """Empty a Redis; return its URL."""
    with contextlib.closing(redis_library.Redis.from_url(url)) as client:
        client.flushall()
    return url


@asynccontextmanager
async def backplanes(
    kind: str, count: int, request: pytest.FixtureRequest
) -> AsyncIterator[list[Backplane]]:
    """Open the backplanes of several servers, of one kind."""
    clock = SystemClock()
    made: list[Backplane]
    if kind == "local":
        hub = Hub(clock, KEPT_S)
        made = [LocalBackplane(hub) for _ in range(count)]
    else:
        urls: dict[str, str | None] = {"redis_url": None, "database_url": None}
        if kind == "redis":
            urls["redis_url"] = empty(request.getfixturevalue("redis"))
        else:
            urls["database_url"] = await fresh_database(request.getfixturevalue("postgres"))
        made = [await open_backplane(**urls, clock=clock, kept_s=KEPT_S) for _ in range(count)]
    try:
        yield made
    finally:
        for one in made:
            await one.aclose()
