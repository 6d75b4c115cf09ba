"""Documents and their two searches, which each database does its own way."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import pgvector
from .database import Database, Transaction
from .documents import find_document, list_documents
from .knowledge_records import (
    EVERY_ORG,
    DocumentRecord,
    NewChunk,
    NewDocument,
    Passage,
    Reading,
)
from .records import Page

if TYPE_CHECKING:
    from .vectors import Row, Vectors

_FOUND = "c.id, d.source, d.title, d.url, c.heading, c.text, c.start_at, c.end_at"
_PUT = """
INSERT INTO documents (id, org, set_name, source, title, url, origin, embedder, fingerprint,
                       updated_ms)
VALUES (:id, :org, :set_name, :source, :title, CAST(:url AS TEXT), :origin, :embedder,
        :fingerprint, CAST(:now AS BIGINT))
"""
_PUT_CHUNK = """
INSERT INTO chunks (document_id, heading, text, start_at, end_at, {column})
VALUES (:id, :heading, :text, CAST(:start AS INTEGER), CAST(:end AS INTEGER), {vector})
RETURNING id
"""
_VISIBLE = """
d.org IN (:every, :org)
AND (CAST(:all_sets AS INTEGER) = 1 OR d.set_name {in_sets})
AND (CAST(:all_readers AS INTEGER) = 1 OR EXISTS (
    SELECT 1 FROM document_readers AS r WHERE r.document_id = d.id AND r.reader {in_readers}))
"""


class SqlKnowledge:
    """The ``KnowledgeIndex`` of SQLite (FTS5) and PostgreSQL (text search)."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._dialect = _DIALECTS["pgvector" if database.has_vectors else database.dialect]
        self._vectors: dict[str, Vectors] = {}

    async def put_document(self, new: NewDocument) -> None:
        await self._database.load(_put_document, self._dialect, new)

    async def fingerprint(self, document_id: str) -> str | None:
        return await self._database.look(_fingerprint, document_id)

    async def remove_documents(self, document_ids: Collection[str]) -> None:
        await self._database.load(_remove_all, self._dialect, tuple(document_ids))

    async def document_ids(self, org: str, origin: str) -> frozenset[str]:
        return await self._database.read(_ids_of_origin, org, origin)

    async def sets(self, org: str) -> tuple[tuple[str, int], ...]:
        return await self._database.read(_sets, org)

    async def documents(
        self, org: str, set_name: str | None, limit: int, cursor: str | None
    ) -> Page[DocumentRecord]:
        return await self._database.read(list_documents, org, set_name, limit, cursor)

    async def document(self, org: str, document_id: str) -> DocumentRecord | None:
        return await self._database.read(find_document, org, document_id)

    async def by_words(
        self, words: Sequence[str], reading: Reading, limit: int
    ) -> tuple[Passage, ...]:
        # Many servers have no documents at all: that is seen without a way to another thread.
        if not await self._database.look(_has_documents):
            return ()
        return await self._database.read(self._dialect.search, words, reading, limit)

    async def by_vector(
        self, vector: bytes, embedder: str, reading: Reading, limit: int
    ) -> tuple[Passage, ...]:
        if self._database.has_vectors:
            asked = (self._dialect, vector, embedder, reading, limit)
            return await self._database.read(_nearest, *asked)
        version, visible = await self._database.read(_visible, self._dialect, embedder, reading)
        from .vectors import Vectors  # takes a while, and only those who compare need it

        known = self._vectors.get(embedder)
        if known is None or known.version != version:
            known = Vectors(*await self._database.read(_all_vectors, embedder))
            self._vectors[embedder] = known
        nearest = known.nearest(vector, visible, limit)
        return await self._database.read(_passages, self._dialect, nearest)


class _Dialect:
    """Where the two databases differ."""

    def __init__(
        self,
        search: Callable[..., Transaction[tuple[Passage, ...]]],
        is_in: str,
        listed: Callable[[Collection[Any]], Any],
        vector: str,
        *,
        column: str = "vector",
        stored: Callable[[bytes], Any] = bytes,
        has_word_table: bool = False,
    ) -> None:
        self.search = search
        self.is_in = is_in
        self.listed = listed
        self.put_chunk = _PUT_CHUNK.format(vector=vector, column=column)
        self.stored = stored
        self.has_word_table = has_word_table
        self.visible = _VISIBLE.format(
            in_sets=is_in.format("sets", "TEXT"), in_readers=is_in.format("readers", "TEXT")
        )

    def reading(self, reading: Reading) -> dict[str, Any]:
        """Return the parameters of ``visible``."""
        return {
            "every": EVERY_ORG,
            "org": reading.org,
            "all_sets": int(reading.sets is None),
            "sets": self.listed(sorted(reading.sets or ())),
            "all_readers": int(reading.readers is None),
            "readers": self.listed(reading.readers or ()),
        }


def _has_documents() -> Transaction[bool]:
    rows = yield "SELECT 1 FROM documents LIMIT 1", {}
    return bool(rows)


def _put_document(dialect: _Dialect, new: NewDocument) -> Transaction[None]:
    yield from _remove(dialect, new.document_id)
    yield (
        _PUT,
        {
            "id": new.document_id,
            "org": new.org,
            "set_name": new.set_name,
            "source": new.source,
            "title": new.title,
            "url": new.url,
            "origin": new.origin,
            "embedder": new.embedder,
            "fingerprint": new.fingerprint,
            "now": new.now,
        },
    )
    for reader in dict.fromkeys(new.readers):
        yield (
            "INSERT INTO document_readers (document_id, reader) VALUES (:id, :reader)",
            {"id": new.document_id, "reader": reader},
        )
    if dialect is _DIALECTS["pgvector"]:
        for width in {pgvector.width_of(one.vector) for one in new.chunks if one.vector}:
            yield from pgvector.indexed(width)
    for chunk in new.chunks:
        yield from _put_chunk(dialect, new.document_id, chunk)
    yield "UPDATE knowledge_version SET version = version + 1", {}


def _put_chunk(dialect: _Dialect, document_id: str, chunk: NewChunk) -> Transaction[None]:
    rows = yield (
        dialect.put_chunk,
        {
            "id": document_id,
            "heading": chunk.heading,
            "text": chunk.text,
            "start": chunk.start,
            "end": chunk.end,
            "vector": None if chunk.vector is None else dialect.stored(chunk.vector),
        },
    )
    if dialect.has_word_table:
        yield (
            "INSERT INTO chunk_words (rowid, heading, text) VALUES (:id, :heading, :text)",
            {"id": rows[0][0], "heading": chunk.heading, "text": chunk.text},
        )


def _remove(dialect: _Dialect, document_id: str) -> Transaction[None]:
    named = {"id": document_id}
    if dialect.has_word_table:
        yield (
            (
                "DELETE FROM chunk_words WHERE rowid IN"
                " (SELECT id FROM chunks WHERE document_id = :id)"
            ),
            named,
        )
    yield "DELETE FROM chunks WHERE document_id = :id", named
    yield "DELETE FROM document_readers WHERE document_id = :id", named
    yield "DELETE FROM documents WHERE id = :id", named


def _remove_all(dialect: _Dialect, document_ids: Collection[str]) -> Transaction[None]:
    for document_id in document_ids:
        yield from _remove(dialect, document_id)
    yield "UPDATE knowledge_version SET version = version + 1", {}


def _fingerprint(document_id: str) -> Transaction[str | None]:
    rows = yield "SELECT fingerprint FROM documents WHERE id = :id", {"id": document_id}
    return rows[0][0] if rows else None


def _ids_of_origin(org: str, origin: str) -> Transaction[frozenset[str]]:
    rows = yield (
        "SELECT id FROM documents WHERE org = :org AND origin = :origin",
        {"org": org, "origin": origin},
    )
    return frozenset(row[0] for row in rows)


def _sets(org: str) -> Transaction[tuple[tuple[str, int], ...]]:
    rows = yield (
        (
            "SELECT set_name, count(*) FROM documents WHERE org IN (:every, :org)"
            " GROUP BY set_name ORDER BY set_name"
        ),
        {"every": EVERY_ORG, "org": org},
    )
    return tuple((name, count) for name, count in rows)


def _visible(
    dialect: _Dialect, embedder: str, reading: Reading
) -> Transaction[tuple[int, frozenset[str]]]:
    versions = yield "SELECT version FROM knowledge_version", {}
    rows = yield (
        f"SELECT d.id FROM documents AS d WHERE d.embedder = :embedder AND {dialect.visible}",
        dialect.reading(reading) | {"embedder": embedder},
    )
    return versions[0][0], frozenset(row[0] for row in rows)


def _all_vectors(embedder: str) -> Transaction[tuple[int, list[Row]]]:
    versions = yield "SELECT version FROM knowledge_version", {}
    rows = yield (
        (
            "SELECT c.id, c.document_id, c.vector FROM chunks AS c"
            " JOIN documents AS d ON d.id = c.document_id"
            " WHERE d.embedder = :embedder AND c.vector IS NOT NULL ORDER BY c.id"
        ),
        {"embedder": embedder},
    )
    return versions[0][0], [(row[0], row[1], row[2]) for row in rows]


def _nearest(
    dialect: _Dialect, vector: bytes, embedder: str, reading: Reading, limit: int
) -> Transaction[tuple[Passage, ...]]:
    seen = dialect.reading(reading)
    rows = yield from pgvector.nearest(_FOUND, dialect.visible, seen, vector, embedder, limit)
    return tuple(_passage(row, likeness=row[-1]) for row in rows)


def _passage(row: tuple[Any, ...], held: tuple[int, ...] = (), likeness: float = 0.0) -> Passage:
    chunk_id, source, title, url, heading, text, start, end, *_ = row
    return Passage(chunk_id, source, title, url, heading, text, start, end, held, likeness)


def _passages(
    dialect: _Dialect, nearest: Sequence[tuple[int, float]]
) -> Transaction[tuple[Passage, ...]]:
    likeness: Mapping[int, float] = dict(nearest)
    rows = yield (
        (
            f"SELECT {_FOUND} FROM chunks AS c JOIN documents AS d ON d.id = c.document_id"
            f" WHERE c.id {dialect.is_in.format('ids', 'BIGINT')}"
        ),
        {"ids": dialect.listed(list(likeness))},
    )
    found = {row[0]: _passage(row, likeness=likeness[row[0]]) for row in rows}
    return tuple(found[chunk_id] for chunk_id in likeness if chunk_id in found)


def _search_sqlite(
    words: Sequence[str], reading: Reading, limit: int
) -> Transaction[tuple[Passage, ...]]:
    dialect = _DIALECTS["sqlite"]
    quoted = [f'"{word}"' for word in words]
    ranked = yield (
        (
            f"SELECT {_FOUND} FROM chunk_words AS w JOIN chunks AS c ON c.id = w.rowid"
            " JOIN documents AS d ON d.id = c.document_id"
            f" WHERE chunk_words MATCH :words AND {dialect.visible}"
            " ORDER BY w.rank, c.id LIMIT :most"
        ),
        dialect.reading(reading) | {"words": " OR ".join(quoted), "most": limit},
    )
    held: dict[int, list[int]] = {row[0]: [] for row in ranked}
    chosen = json.dumps(list(held))
    for place, word in enumerate(quoted):
        holding = yield (
            (
                "SELECT rowid FROM chunk_words WHERE chunk_words MATCH :word"
                " AND rowid IN (SELECT value FROM json_each(:chosen))"
            ),
            {"word": word, "chosen": chosen},
        )
        for (rowid,) in holding:
            held[rowid].append(place)
    # sorted() is stable: equal counts keep the order of bm25.
    best = sorted(ranked, key=lambda row: -len(held[row[0]]))
    return tuple(_passage(row, tuple(held[row[0]])) for row in best)


_SEARCH_POSTGRES = """
WITH asked AS (SELECT plainto_tsquery('passage_words', word) AS query, place - 1 AS place
               FROM unnest(CAST(:words AS TEXT[])) WITH ORDINALITY AS one (word, place))
SELECT {found}, array_agg(asked.place ORDER BY asked.place) AS held
FROM chunks AS c JOIN documents AS d ON d.id = c.document_id
JOIN asked ON c.words @@ asked.query
WHERE {visible}
GROUP BY c.id, d.id
ORDER BY count(*) DESC, sum(ts_rank(c.words, asked.query)) DESC, c.id
LIMIT CAST(:most AS BIGINT)
"""


def _search_postgres(
    words: Sequence[str], reading: Reading, limit: int
) -> Transaction[tuple[Passage, ...]]:
    dialect = _DIALECTS["postgres"]
    rows = yield (
        _SEARCH_POSTGRES.format(found=_FOUND, visible=dialect.visible),
        dialect.reading(reading) | {"words": list(words), "most": limit},
    )
    return tuple(_passage(row, tuple(row[8])) for row in rows)


_ANY = "= ANY(CAST(:{0} AS {1}[]))"

_DIALECTS = {
    "sqlite": _Dialect(
        _search_sqlite,
        "IN (SELECT value FROM json_each(:{0}))",
        lambda values: json.dumps(list(values)),
        ":vector",
        has_word_table=True,
    ),
    "postgres": _Dialect(
        _search_postgres,
        _ANY,
        list,
        "CAST(:vector AS BYTEA)",
    ),
    "pgvector": _Dialect(
        _search_postgres,
        _ANY,
        list,
        "CAST(CAST(:vector AS TEXT) AS vector)",
        column="embedding",
        stored=pgvector.text_of,
    ),
}
