"""Likeness in PostgreSQL itself, where its extension pgvector can be had: HNSW, an index a width.

Without the extension vectors are compared in memory, exactly, as with SQLite.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

from .database import Transaction

if TYPE_CHECKING:
    import asyncpg

OLDEST = (0, 8)
"""Version that goes on looking until enough of what it finds may be read."""

WIDEST, WIDEST_HALF = 2000, 4000
"""Dimensions that an index takes, with 32 and with 16 bits each; wider vectors have none."""

CANDIDATES = 100
"""Passages that the index keeps in hand while it looks for the nearest."""

MOST_LOOKED_AT = 1_000_000
"""Passages of other people that are passed over before the search ends with what it has."""

BATCH = 500

_HAS_COLUMN = (
    "SELECT EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = 'chunks'::regclass"
    " AND attname = 'embedding' AND NOT attisdropped)"
)
_SET_UP = (
    "SELECT set_config('hnsw.iterative_scan', 'strict_order', true),"
    f" set_config('hnsw.ef_search', '{CANDIDATES}', true),"
    f" set_config('hnsw.max_scan_tuples', '{MOST_LOOKED_AT}', true)"
)
"""For the transaction alone."""


async def prepare(connection: asyncpg.Connection) -> bool:
    """Make the column that is compared, and fill it; False where there is no pgvector."""
    if not await _has_extension(connection):
        return False
    # Asked first: the change waits for, and holds up, whoever reads documents at other servers.
    if not await connection.fetchval(_HAS_COLUMN):
        await connection.execute("ALTER TABLE chunks ADD COLUMN embedding vector")
    while True:
        rows = await connection.fetch(
            "SELECT id, vector FROM chunks WHERE vector IS NOT NULL AND embedding IS NULL"
            f" LIMIT {BATCH}"
        )
        await connection.executemany(
            "UPDATE chunks SET embedding = $2::text::vector, vector = NULL WHERE id = $1",
            [(row[0], text_of(row[1])) for row in rows],
        )
        if len(rows) < BATCH:
            return True


async def _has_extension(connection: asyncpg.Connection) -> bool:
    import asyncpg

    try:
        async with connection.transaction():
            await connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
    except asyncpg.PostgresError:
        return False  # not installed there, or only somebody else may switch it on
    version = await connection.fetchval(
        "SELECT extversion FROM pg_extension WHERE extname = 'vector'"
    )
    return tuple(int(part) for part in str(version).split(".")[:2]) >= OLDEST


def text_of(vector: bytes) -> str:
    """Return a vector as pgvector reads it."""
    return "[" + ",".join(f"{value:.9g}" for value in array("f", vector)) + "]"


def width_of(vector: bytes) -> int:
    """Return how many dimensions a vector has."""
    return len(vector) // 4


def indexed(width: int) -> Transaction[None]:
    """Make the index of a width, unless it is there or the vectors are too wide for one."""
    if width > WIDEST_HALF:
        return
    name = f"chunks_by_likeness_{width}"
    rows = yield "SELECT to_regclass(:name) IS NULL", {"name": name}
    if rows[0][0]:
        operators = f"{_kind(width)}_ip_ops"
        yield (
            (
                f"CREATE INDEX IF NOT EXISTS {name} ON chunks"
                f" USING hnsw ((embedding::{_kind(width)}({width})) {operators})"
                f" WHERE vector_dims(embedding) = {width}"
            ),
            {},
        )


def _kind(width: int) -> str:
    return "vector" if width <= WIDEST else "halfvec"


def nearest(
    found: str, visible: str, reading: dict[str, Any], vector: bytes, embedder: str, limit: int
) -> Transaction[list[tuple[Any, ...]]]:
    """Return what is ``found`` of the nearest chunks that are ``visible``, with the cosine last.

    Vectors have length 1, so that their inner product is the cosine.
    """
    width = width_of(vector)
    compared = f"{_kind(width)}({width})" if width <= WIDEST_HALF else f"vector({width})"
    yield _SET_UP, {}
    away = f"c.embedding::{compared} <#> CAST(CAST(:asked AS TEXT) AS {compared})"
    rows = yield (
        (
            f"SELECT {found}, -({away}) AS likeness"
            " FROM chunks AS c JOIN documents AS d ON d.id = c.document_id"
            f" WHERE vector_dims(c.embedding) = {width} AND d.embedder = :embedder AND {visible}"
            f" ORDER BY {away} LIMIT CAST(:most AS BIGINT)"
        ),
        reading | {"asked": text_of(vector), "embedder": embedder, "most": limit},
    )
    return sorted(rows, key=lambda row: (-row[-1], row[0]))
