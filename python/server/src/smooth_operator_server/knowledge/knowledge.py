"""Taking documents in, searching them by words and by likeness, citing what was found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import log
from time import time
from typing import Any

from ..store import KnowledgeIndex
from ..store.knowledge_records import EVERYTHING, NewChunk, NewDocument, Passage, Reading
from ..telemetry import log as logger
from ..telemetry import where
from .document import Document
from .embedders import Embedder, EmbeddingError
from .passages import Cut, passages, words
from .reranking import Reranker, RerankError, reranked

VERSION = 1
"""Of the way in which documents are cut; a change takes all of them in again."""

CANDIDATES = 40
LEAST_SCORE = 0.2
"""Share of the question's words that a passage must hold to count as found by its words."""

LEAST_TOLD = 1.7
"""What the words of a passage must tell for it to be ranked by them: one that every fifth passage
holds, or some that are more common."""

LEAST_OF_BEST = 0.6
"""Share of the best score below which a passage is noise beside the best one."""

LEAST_LIKE_BEST = 0.5
"""The same for likeness, whose scores lie closer together."""

RANK_OFFSET = 60
"""Of reciprocal rank fusion: how little the first ranks are ahead of the next ones."""

MAX_CITATIONS = 8
MAX_SNIPPET = 280


class Change(StrEnum):
    """What taking a document in has changed."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "unchanged"


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that answers; ``score`` is between 0 and 1."""

    source: str
    text: str
    score: float
    title: str = ""
    url: str | None = None
    heading: str = ""
    start: int = 0
    end: int = 0
    """Where the passage lies in the text of its document."""


class Knowledge:
    """The documents of one server; without an embedder they are searched by words alone.

    A reranker looks a second time at what both found.
    """

    def __init__(
        self,
        index: KnowledgeIndex,
        embedder: Embedder | None = None,
        now_ms: Callable[[], int] = lambda: int(time() * 1000),
        reranker: Reranker | None = None,
    ) -> None:
        self.index = index
        self.embedder = embedder
        self.reranker = reranker
        self._now_ms = now_ms

    async def add(self, source: str, content: str) -> Change:
        """Take a document in that everybody may read, in place of the one of the same source."""
        return await self.put(Document(source, content))

    async def put(self, document: Document) -> Change:
        """Take a document in, unless it is there as it is.

        Raises:
            EmbeddingError: it has no vectors; what was there before stays.
            StoreError: nothing is stored.
        """
        name = self.embedder.name if self.embedder else ""
        fingerprint = document.fingerprint(name, VERSION)
        known = await self.index.fingerprint(document.document_id)
        if known == fingerprint:
            return Change.SAME
        cuts = passages(document.text)
        vectors = await self._vectors([embedded(cut) for cut in cuts])
        chunks = tuple(
            NewChunk(cut.heading, cut.text, cut.start, cut.end, vector)
            for cut, vector in zip(cuts, vectors, strict=True)
        )
        await self.index.put_document(
            NewDocument(
                document.document_id,
                document.org,
                document.set_name,
                document.source,
                document.title or document.source,
                document.url,
                document.origin,
                document.readers,
                name,
                fingerprint,
                chunks,
                self._now_ms(),
            )
        )
        return Change.NEW if known is None else Change.CHANGED

    async def search(
        self, question: str, limit: int, reading: Reading = EVERYTHING
    ) -> tuple[Hit, ...]:
        """Return the passages that answer the question, best first.

        Only what may be read is ranked at all. When there are no vectors to be had, words decide.
        """
        found = await self._found(question, reading)
        if self.reranker is not None and found:
            try:
                found = await reranked(self.reranker, question, found)
            except RerankError as fault:
                logger.warning("found passages keep their order", why=str(fault), **where(fault))
        return found[:limit]

    async def _found(self, question: str, reading: Reading) -> tuple[Hit, ...]:
        by_likeness = await self.by_likeness(question, reading)
        if by_likeness is None:
            holding = await self._holding(question, reading)
            return _by_words_alone(holding, len(words(question)))
        return fused(await self.by_words(question, reading), by_likeness)

    async def by_words(self, question: str, reading: Reading) -> tuple[Passage, ...]:
        """Return what holds the telling words of the question, the most telling first.

        A word tells the less the more of what was found holds it: what holds nothing but the common
        words of a question is not found by its words.
        """
        found = await self._holding(question, reading)
        told = _told(found, len(words(question)))
        floor = max([LEAST_TOLD, *(LEAST_OF_BEST * much for much in told.values())])
        telling = [one for one in found if told[one.chunk_id] >= floor]
        return tuple(sorted(telling, key=lambda one: -told[one.chunk_id]))

    async def _holding(self, question: str, reading: Reading) -> tuple[Passage, ...]:
        asked = words(question)
        return await self.index.by_words(asked, reading, CANDIDATES) if asked else ()

    async def by_likeness(self, question: str, reading: Reading) -> tuple[Passage, ...] | None:
        """Return what is most like the question; None when that cannot be known."""
        if self.embedder is None or not question.strip():
            return None
        try:
            (vector,) = await self.embedder.embed([question])
        except EmbeddingError as fault:
            logger.warning("a question has no vector", why=str(fault), **where(fault))
            return None
        found = await self.index.by_vector(vector, self.embedder.name, reading, CANDIDATES)
        floor = max([self.embedder.floor, *(LEAST_LIKE_BEST * one.likeness for one in found[:1])])
        return tuple(one for one in found if one.likeness >= floor)

    async def aclose(self) -> None:
        """Close what embedder and reranker hold open."""
        for held in (self.embedder, self.reranker):
            if held is not None:
                await held.aclose()

    async def _vectors(self, texts: Sequence[str]) -> Sequence[bytes | None]:
        if self.embedder is None or not texts:
            return [None] * len(texts)
        return await self.embedder.embed(texts)


def embedded(cut: Cut) -> str:
    """Return the text that stands for a passage: its headings say what it is about."""
    return f"{cut.heading}\n{cut.text}" if cut.heading else cut.text


def fused(*lists: Sequence[Passage]) -> tuple[Hit, ...]:
    """Return the passages of several rankings, by the sum of their reciprocal ranks."""
    scores: dict[int, float] = {}
    passages_by_id: dict[int, Passage] = {}
    for ranking in lists:
        for rank, passage in enumerate(ranking, start=1):
            scores[passage.chunk_id] = scores.get(passage.chunk_id, 0.0) + 1 / (RANK_OFFSET + rank)
            passages_by_id.setdefault(passage.chunk_id, passage)
    highest = len(lists) / (RANK_OFFSET + 1)
    best = sorted(scores, key=lambda chunk_id: -scores[chunk_id])
    return tuple(hit_of(passages_by_id[one], scores[one] / highest) for one in best)


def _told(found: Sequence[Passage], asked: int) -> dict[int, float]:
    """Return for each passage how much its words tell: the rarer they are in what was found, the
    more, as if there were always as many passages as are looked at."""
    holders = [sum(place in one.held for one in found) for place in range(asked)]
    tells = [log(1 + (CANDIDATES + 1) / (number + 0.5)) for number in holders]
    return {one.chunk_id: sum(tells[place] for place in one.held) for one in found}


def _by_words_alone(found: Sequence[Passage], asked: int) -> tuple[Hit, ...]:
    hits = [hit_of(one, one.matched / asked) for one in found]
    floor = max([LEAST_SCORE, *(LEAST_OF_BEST * hit.score for hit in hits[:1])])
    return tuple(hit for hit in hits if hit.score >= floor)


def hit_of(passage: Passage, score: float) -> Hit:
    """Return a found passage with its score."""
    return Hit(
        passage.source,
        passage.text,
        round(score, 3),
        passage.title,
        passage.url,
        passage.heading,
        passage.start,
        passage.end,
    )


def citations(hits: Iterable[Hit]) -> list[dict[str, Any]]:
    """Return one citation a source, in the order of the hits, at most eight."""
    best: dict[str, Hit] = {}
    for hit in hits:
        best.setdefault(hit.source, hit)
    return [_citation(hit) for hit in list(best.values())[:MAX_CITATIONS]]


def _citation(hit: Hit) -> dict[str, Any]:
    said: dict[str, Any] = {"id": hit.source, "title": hit.title or hit.source}
    if hit.url is not None:
        said["url"] = hit.url
    return said | {"snippet": hit.text[:MAX_SNIPPET], "score": hit.score}
