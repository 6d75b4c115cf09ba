"""Servers that share a PostgreSQL and no Redis. Needs the extra ``postgres``.

Notices are notifications; what is longer than one may be is laid down in a table. The events of
turns are in tables that are not logged: they are lost with the database's own crash, as a Redis
would lose them. A server that listens holds a lock, so that everybody sees at once whether it
still lives.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ..clock import Clock, happens_within
from ..telemetry import log, where
from .buckets import FULL_MS, step_ms
from .port import BackplaneError, Batch, Kept, Notice

if TYPE_CHECKING:
    import asyncpg

CONNECT_S = 10.0
COMMAND_S = 10.0
POOL = 4
START_S = 30.0
"""Seconds in which the first connection has to listen."""

AGAIN_S = 1.0
"""Seconds after a lost connection until another is tried."""

FORGOTTEN_MS = 24 * 3600 * 1000
"""How long the events of a turn are kept that nobody ended."""

SWEEP_S = 30.0
"""How often what is over is deleted, by every server."""

MOST_BYTES = 7_500
"""What a notification may hold is 8,000 bytes."""

ALIVE = 0x736D6F70
"""The first half of the advisory lock that a server holds while it listens."""

SCHEMA_LOCK = 0x736D6F71
ALL = "smooth_all"

_SCHEMA = """
CREATE UNLOGGED TABLE IF NOT EXISTS channel_turns (
    turn_id  TEXT PRIMARY KEY,
    ended    BOOLEAN NOT NULL,
    until_ms BIGINT  NOT NULL
);
CREATE UNLOGGED TABLE IF NOT EXISTS channel_events (
    turn_id TEXT    NOT NULL REFERENCES channel_turns (turn_id) ON DELETE CASCADE,
    seq     INTEGER NOT NULL,
    event   TEXT    NOT NULL,
    PRIMARY KEY (turn_id, seq)
);
CREATE UNLOGGED TABLE IF NOT EXISTS channel_notices (
    id       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    notice   TEXT   NOT NULL,
    until_ms BIGINT NOT NULL
);
CREATE UNLOGGED TABLE IF NOT EXISTS channel_rates (
    caller   TEXT   PRIMARY KEY,
    until_ms BIGINT NOT NULL
);
"""
# A bucket's row says when it is full again, by the clock of the database: a row in the past is one
# too many. The condition is looked at once the row is locked.
_RATE = """
WITH clock AS (SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now),
taken AS (
    INSERT INTO channel_rates AS r (caller, until_ms) SELECT $1, now + $2 FROM clock
    ON CONFLICT (caller) DO UPDATE
    SET until_ms = greatest(r.until_ms, (SELECT now FROM clock)) + $2
    WHERE greatest(r.until_ms, (SELECT now FROM clock)) + $2 - (SELECT now FROM clock) <= $3
    RETURNING 1
)
SELECT CASE WHEN EXISTS (SELECT FROM taken) THEN 0
    ELSE greatest(1, coalesce((SELECT max(until_ms) FROM channel_rates WHERE caller = $1), 0)
                     + $2 - $3 - (SELECT now FROM clock)) END
"""
_TURNS = """
INSERT INTO channel_turns (turn_id, ended, until_ms)
SELECT * FROM unnest($1::text[], $2::boolean[], $3::bigint[])
ON CONFLICT (turn_id) DO UPDATE
SET ended = channel_turns.ended OR excluded.ended, until_ms = excluded.until_ms
"""
_EVENTS = """
INSERT INTO channel_events (turn_id, seq, event)
SELECT * FROM unnest($1::text[], $2::integer[], $3::text[])
ON CONFLICT DO NOTHING
"""
_TRIM = """
DELETE FROM channel_events AS e USING unnest($1::text[], $2::integer[]) AS old (turn_id, seq)
WHERE e.turn_id = old.turn_id AND e.seq < old.seq
"""
_KEPT = """
SELECT min(e.seq), max(e.seq), bool_or(t.ended)
FROM channel_events AS e JOIN channel_turns AS t USING (turn_id)
WHERE turn_id = $1 AND t.until_ms > $2
"""
_READ = """
SELECT seq, event FROM channel_events WHERE turn_id = $1 AND seq > $2 ORDER BY seq LIMIT $3
"""
_TELL = """
SELECT pg_notify($1, $2), EXISTS (
    SELECT FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2
    AND classid::bigint = $3 AND objid::bigint = $4
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
) AS alive
"""


class PostgresBackplane:
    """Use ``open``; the constructor takes an open pool."""

    is_shared = True

    def __init__(self, url: str, pool: asyncpg.Pool, clock: Clock, kept_s: float) -> None:
        self.node = str(uuid4())
        self._url = url
        self._pool = pool
        self._clock = clock
        self._kept_ms = int(kept_s * 1000)
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    async def open(cls, url: str, clock: Clock, kept_s: float) -> PostgresBackplane:
        """Connect, and make the tables that are not there yet.

        Raises:
            BackplaneError: the database does not answer, or refuses.
        """
        import asyncpg

        with _faults():
            pool = await asyncpg.create_pool(
                url, min_size=1, max_size=POOL, timeout=CONNECT_S, command_timeout=COMMAND_S
            )
            try:
                async with pool.acquire() as connection, connection.transaction():
                    await connection.execute("SELECT pg_advisory_xact_lock($1)", SCHEMA_LOCK)
                    await connection.execute(_SCHEMA)
            except BaseException:
                await pool.close()
                raise
        return cls(url, pool, clock, kept_s)

    async def start(self, receive: Callable[[Notice], None]) -> None:
        ready = asyncio.Event()
        self._run(self._listen(receive, ready))
        self._run(self._sweep())
        if not await happens_within(self._clock, ready.wait(), START_S):
            raise BackplaneError("the database took no listener in time")

    def _run(self, work: Any) -> None:
        task = asyncio.create_task(work, name="backplane")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def tell(self, node: str | None, notice: Notice) -> bool:
        text = json.dumps(notice)
        with _faults():
            async with self._pool.acquire(timeout=CONNECT_S) as connection:
                if len(text) > MOST_BYTES:
                    text = await self._laid_down(connection, text)
                channel, half = _channel(node), _half(node or "")
                (row,) = await connection.fetch(_TELL, channel, text, ALIVE, half)
        return node is None or bool(row["alive"])

    async def _laid_down(self, connection: Any, text: str) -> str:
        until = self._clock.epoch_ms() + int(SWEEP_S * 1000)
        number = await connection.fetchval(
            "INSERT INTO channel_notices (notice, until_ms) VALUES ($1, $2) RETURNING id",
            text,
            until,
        )
        return str(number)

    async def append(self, batches: Sequence[Batch]) -> None:
        now = self._clock.epoch_ms()
        turns = {batch.turn_id: batch for batch in batches}
        ids = sorted(turns)  # in one order everywhere: no two servers wait for each other
        ended = [turns[key].ended for key in ids]
        until = [now + (self._kept_ms if end else FORGOTTEN_MS) for end in ended]
        events = [
            (batch.turn_id, number, text.replace("\0", "\N{REPLACEMENT CHARACTER}"))
            for batch in batches
            for number, text in enumerate(batch.texts, start=batch.first)
        ]
        old = [(batch.turn_id, batch.oldest) for batch in batches if batch.oldest > 1]
        with _faults():
            async with self._pool.acquire(timeout=CONNECT_S) as con, con.transaction():
                await con.execute(_TURNS, ids, ended, until)
                if events:
                    await con.execute(_EVENTS, *map(list, zip(*events, strict=True)))
                if old:
                    await con.execute(_TRIM, *map(list, zip(*old, strict=True)))

    async def kept(self, turn_id: str) -> Kept | None:
        with _faults():
            async with self._pool.acquire(timeout=CONNECT_S) as connection:
                row = await connection.fetchrow(_KEPT, turn_id, self._clock.epoch_ms())
        return None if row is None or row[0] is None else Kept(row[0], row[1], row[2])

    async def read(self, turn_id: str, after: int, most: int) -> list[tuple[int, str]]:
        with _faults():
            async with self._pool.acquire(timeout=CONNECT_S) as connection:
                rows = await connection.fetch(_READ, turn_id, after, most)
        return [(seq, event) for seq, event in rows]

    async def forget(self, turn_id: str) -> None:
        with _faults():
            async with self._pool.acquire(timeout=CONNECT_S) as connection:
                await connection.execute("DELETE FROM channel_turns WHERE turn_id = $1", turn_id)

    async def wait_s(self, caller: str, per_minute: int) -> float:
        with _faults():
            async with self._pool.acquire(timeout=CONNECT_S) as connection:
                wait = await connection.fetchval(_RATE, caller, step_ms(per_minute), FULL_MS)
        return int(wait) / 1000

    async def aclose(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._pool.close()

    async def _listen(self, receive: Callable[[Notice], None], ready: asyncio.Event) -> None:
        """Listen, over one connection after another; what is told in between is lost."""
        import asyncpg

        while True:
            connection = None
            try:
                connection = await asyncpg.connect(self._url, timeout=CONNECT_S)
                await self._hear(connection, receive, ready)
            except Exception as fault:
                log.error("backplane lost", **where(fault))
            finally:
                if connection is not None:
                    connection.terminate()
            await self._clock.sleep(AGAIN_S)

    async def _hear(
        self, connection: Any, receive: Callable[[Notice], None], ready: asyncio.Event
    ) -> None:
        arrived: asyncio.Queue[str | None] = asyncio.Queue()
        connection.add_termination_listener(lambda _: arrived.put_nowait(None))
        for name in (_channel(self.node), ALL):
            await connection.add_listener(name, lambda *told: arrived.put_nowait(told[3]))
        await connection.execute("SELECT pg_advisory_lock($1, $2)", ALIVE, _half(self.node))
        ready.set()
        while (text := await arrived.get()) is not None:
            if text.isdecimal():
                text = await self._pool.fetchval(
                    "SELECT notice FROM channel_notices WHERE id = $1", int(text)
                )
            if text is not None:
                receive(json.loads(text))

    async def _sweep(self) -> None:
        while True:
            await self._clock.sleep(SWEEP_S)
            now = self._clock.epoch_ms()
            try:
                for table in ("channel_turns", "channel_notices", "channel_rates"):
                    await self._pool.execute(f"DELETE FROM {table} WHERE until_ms <= $1", now)
            except Exception as fault:  # the next sweep deletes what this one could not
                log.error("backplane was not swept", **where(fault))


@contextlib.contextmanager
def _faults() -> Iterator[None]:
    import asyncpg

    try:
        yield
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as fault:
        raise BackplaneError(type(fault).__name__) from fault


def _channel(node: str | None) -> str:
    return ALL if node is None else f"smooth_{node}"


def _half(node: str) -> int:
    """Return the second half of a server's advisory lock, a signed number of 32 bits."""
    return zlib.crc32(node.encode()) & 0x7FFFFFFF
