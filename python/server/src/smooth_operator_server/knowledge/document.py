"""A document before it is taken in. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from ..store.knowledge_records import EVERY_ORG

ORG_READERS = ("org",)
"""Whoever belongs to the document's organisation."""

DEFAULT_SET = "default"


@dataclass(frozen=True, slots=True)
class Document:
    """A document. Headings in ``text`` are written as in Markdown."""

    source: str
    """What it is called; it takes the place of the one that had the name before."""

    text: str
    title: str = ""
    """The source unless given."""

    url: str | None = None
    org: str = EVERY_ORG
    set_name: str = DEFAULT_SET
    readers: tuple[str, ...] = ORG_READERS
    """``org``, ``public``, ``user:ID`` or ``group:NAME``; nobody when empty."""

    origin: str = ""

    @property
    def document_id(self) -> str:
        """The id that goes with organisation and source."""
        named = f"{self.org}\0{self.source}".encode()
        return hashlib.sha256(named).hexdigest()[:32]

    def fingerprint(self, embedder: str, version: int) -> str:
        """Return what changes when anything of the document does, or the way it is taken in."""
        parts = (
            self.text,
            self.title,
            self.url or "",
            self.set_name,
            "\1".join(sorted(self.readers)),
            self.origin,
            embedder,
            str(version),
        )
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
