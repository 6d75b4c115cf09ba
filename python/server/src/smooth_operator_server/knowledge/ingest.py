"""Taking in what a loader finds, and forgetting what it finds no longer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .document import DEFAULT_SET, ORG_READERS, Document
from .embedders import EmbeddingError
from .knowledge import Change, Knowledge
from .loaders import Loader, Unreadable


@dataclass(frozen=True, slots=True)
class Filing:
    """Where documents are put, and who may read them."""

    org: str = "*"
    set_name: str = DEFAULT_SET
    readers: tuple[str, ...] = ORG_READERS


@dataclass(slots=True)
class Report:
    """What a run has changed; ``unreadable`` are sources with the reason."""

    counts: dict[Change, int] = field(default_factory=lambda: dict.fromkeys(Change, 0))
    removed: int = 0
    unreadable: list[Unreadable] = field(default_factory=list)

    def __str__(self) -> str:
        said = [f"{number} {change}" for change, number in self.counts.items()]
        return ", ".join([*said, f"{self.removed} removed", f"{len(self.unreadable)} unreadable"])


async def ingest(
    knowledge: Knowledge,
    loader: Loader,
    filing: Filing,
    on_document: Callable[[str], None] = lambda _: None,
) -> Report:
    """Take in all documents of a loader; ``on_document`` is told the source of each.

    What is unreadable today stays as it was known; what is gone from the origin is removed, unless
    nothing was found at all: then something else is wrong.

    Raises:
        LoadError: nothing can be found out.
        StoreError: the store failed; what was taken in until then stays.
    """
    report = Report()
    known = await knowledge.index.document_ids(filing.org, loader.origin)
    seen: set[str] = set()
    async for found in loader:
        document = Document(
            found.source,
            "" if isinstance(found, Unreadable) else found.text,
            title="" if isinstance(found, Unreadable) else found.title,
            url=None if isinstance(found, Unreadable) else found.url,
            org=filing.org,
            set_name=filing.set_name,
            readers=filing.readers,
            origin=loader.origin,
        )
        seen.add(document.document_id)
        if isinstance(found, Unreadable):
            report.unreadable.append(found)
        else:
            try:
                report.counts[await knowledge.put(document)] += 1
            except EmbeddingError as fault:
                report.unreadable.append(Unreadable(found.source, str(fault)))
        on_document(found.source)
    gone = known - seen if seen else frozenset()
    if gone:
        await knowledge.index.remove_documents(gone)
        report.removed = len(gone)
    return report
