"""Choosing what the servers share."""

from __future__ import annotations

from ..clock import Clock
from .local import LocalBackplane
from .port import Backplane


async def open_backplane(
    *, redis_url: str | None, database_url: str | None, clock: Clock, kept_s: float
) -> Backplane:
    """Return the Redis of a URL, else the PostgreSQL of one, else that of a server alone.

    ``kept_s`` is how long the events of a turn are kept after its end.

    Raises:
        BackplaneError: it does not answer; the text says which one.
    """
    if redis_url is not None:
        from .redis import RedisBackplane

        return await RedisBackplane.open(redis_url, clock, kept_s)
    if database_url is not None:
        from .postgres import PostgresBackplane

        return await PostgresBackplane.open(database_url, clock, kept_s)
    return LocalBackplane()
