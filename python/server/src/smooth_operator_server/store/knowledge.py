"""Passages of documents and their full-text search, which each database does its own way."""

from __future__ import annotations

import json
from collections.abc import Sequence

from .database import Database, Transaction
from .records import Passage


class SqlKnowledge:
    """The ``KnowledgeIndex`` of SQLite (FTS5) and PostgreSQL (text search)."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._search = _SEARCHES[database.dialect]

    async def put_document(self, source: str, passages: Sequence[str]) -> None:
        await self._database.load(_put_document, source, passages)

    async def search(self, words: Sequence[str], limit: int) -> tuple[Passage, ...]:
        return await self._database.read(self._search, words, limit)


def _put_document(source: str, passages: Sequence[str]) -> Transaction[None]:
    yield "DELETE FROM passages WHERE source = :source", {"source": source}
    for passage in passages:
        yield (
            "INSERT INTO passages (source, text) VALUES (:source, :text)",
            {"source": source, "text": passage},
        )


def _search_sqlite(words: Sequence[str], limit: int) -> Transaction[tuple[Passage, ...]]:
    quoted = [f'"{word}"' for word in words]
    ranked = yield (
        (
            "SELECT rowid, source, text FROM passages WHERE passages MATCH :words"
            " ORDER BY rank, rowid LIMIT :most"
        ),
        {"words": " OR ".join(quoted), "most": limit},
    )
    matched = dict.fromkeys((row[0] for row in ranked), 0)
    chosen = json.dumps(list(matched))
    for word in quoted:
        holding = yield (
            (
                "SELECT rowid FROM passages WHERE passages MATCH :word"
                " AND rowid IN (SELECT value FROM json_each(:chosen))"
            ),
            {"word": word, "chosen": chosen},
        )
        for (rowid,) in holding:
            matched[rowid] += 1
    # sorted() is stable: equal counts keep the order of bm25.
    best = sorted(ranked, key=lambda row: -matched[row[0]])
    return tuple(Passage(source, text, matched[rowid]) for rowid, source, text in best)


_SEARCH_POSTGRES = """
WITH asked AS (SELECT plainto_tsquery('passage_words', word) AS query
               FROM unnest(CAST(:words AS TEXT[])) AS word)
SELECT p.source, p.text, count(*) AS matched
FROM passages AS p JOIN asked ON p.words @@ asked.query
GROUP BY p.id
ORDER BY matched DESC, sum(ts_rank(p.words, asked.query)) DESC, p.id
LIMIT CAST(:most AS BIGINT)
"""


def _search_postgres(words: Sequence[str], limit: int) -> Transaction[tuple[Passage, ...]]:
    rows = yield _SEARCH_POSTGRES, {"words": list(words), "most": limit}
    return tuple(Passage(source, text, matched) for source, text, matched in rows)


_SEARCHES = {"sqlite": _search_sqlite, "postgres": _search_postgres}
