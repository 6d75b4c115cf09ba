"""What the index of documents takes and gives: plain values."""

from __future__ import annotations

from dataclasses import dataclass

EVERY_ORG = "*"
"""The organisation of documents that belong to none."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a search may touch. It is applied before anything is ranked.

    Documents of ``org`` and of no organisation; of ``sets``, when these are given; and of those
    the ones that name one of ``readers``, or all when these are None.
    """

    org: str
    readers: tuple[str, ...] | None = ()
    sets: frozenset[str] | None = None


EVERYTHING = Reading(EVERY_ORG, None)


@dataclass(frozen=True, slots=True)
class NewChunk:
    """A piece of a document: from ``start`` to ``end`` of its text, under its headings."""

    heading: str
    text: str
    start: int
    end: int
    vector: bytes | None = None
    """Of length 1, as 32-bit floats."""


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A document to be stored, in place of the one with its ``org`` and ``source``."""

    document_id: str
    org: str
    set_name: str
    source: str
    title: str
    url: str | None
    origin: str
    """What it was found by: a folder, an address; documents that go from there are removed."""

    readers: tuple[str, ...]
    embedder: str
    """What made the vectors; empty without any. Those of another one are not compared."""

    fingerprint: str
    chunks: tuple[NewChunk, ...]
    now: int


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece that was found, by the words of a question or by its vector."""

    chunk_id: int
    source: str
    title: str
    url: str | None
    heading: str
    text: str
    start: int
    end: int
    held: tuple[int, ...] = ()
    """Which of the words it holds, by their place among those that were asked for."""

    likeness: float = 0.0
    """Cosine of its vector and the question's."""

    @property
    def matched(self) -> int:
        """How many different words of the question it holds."""
        return len(self.held)


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """A document as it is listed."""

    document_id: str
    org: str
    set_name: str
    source: str
    title: str
    url: str | None
    origin: str
    updated_ms: int
    passages: int
    readers: tuple[str, ...] = ()
    """Known of one document that was asked for alone."""
