"""Searching the stored passages and citing what was found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..store import KnowledgeIndex
from .passages import passages, words

CANDIDATES = 20
LEAST_SCORE = 0.2
"""Share of the question's words that a passage must hold to count as found at all."""

LEAST_OF_BEST = 0.6
"""Share of the best score below which a passage is noise beside the best one."""

MAX_CITATIONS = 8
MAX_SNIPPET = 280


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that answers; ``score`` is the share of the question's words in it, 0 to 1."""

    source: str
    text: str
    score: float


class Knowledge:
    """The documents of one server."""

    def __init__(self, index: KnowledgeIndex) -> None:
        self._index = index

    async def add(self, source: str, content: str) -> None:
        """Take a document in, in place of what was known under the same source."""
        await self._index.put_document(source, passages(content))

    async def search(self, question: str, limit: int) -> tuple[Hit, ...]:
        """Return the passages that answer the question, best first."""
        asked = words(question)
        if not asked:
            return ()
        found = await self._index.search(asked, CANDIDATES)
        hits = [Hit(item.source, item.text, round(item.matched / len(asked), 3)) for item in found]
        floor = max([LEAST_SCORE, *(LEAST_OF_BEST * hit.score for hit in hits[:1])])
        return tuple(hit for hit in hits if hit.score >= floor)[:limit]


def citations(hits: Iterable[Hit]) -> list[dict[str, Any]]:
    """Return one citation a source, in the order of the hits, at most eight."""
    best: dict[str, Hit] = {}
    for hit in hits:
        best.setdefault(hit.source, hit)
    return [
        {
            "id": hit.source,
            "title": hit.source,
            "snippet": hit.text[:MAX_SNIPPET],
            "score": hit.score,
        }
        for hit in list(best.values())[:MAX_CITATIONS]
    ]
