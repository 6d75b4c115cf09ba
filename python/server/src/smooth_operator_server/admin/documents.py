"""The part of the admin REST that is about documents, and what the organisation has used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..clock import iso_time
from ..knowledge import Knowledge
from ..knowledge.document import DEFAULT_SET, ORG_READERS, Document
from ..knowledge.embedders import EmbeddingError
from ..store import ModelStore, UnknownCursorError
from ..store.knowledge_records import EVERY_ORG, DocumentRecord
from .endpoint import AdminError, Call, Json, invalid, not_found, page_size

ORIGIN = "admin"
"""What documents were found by that came over the admin REST: no connector removes them."""


@dataclass(frozen=True, slots=True)
class DocumentAdmin:
    """Documents of the organisation may be changed; those of all organisations are shown."""

    knowledge: Knowledge
    models: ModelStore

    async def list_all(self, call: Call) -> Json:
        wanted, cursor = call.query.get("set"), call.query.get("cursor")
        org, limit = call.principal.org, page_size(call)
        try:
            page = await self.knowledge.index.documents(org, wanted, limit, cursor)
        except UnknownCursorError:
            raise invalid("cursor is not of this list") from None
        shown = [_shown(one) for one in page.items]
        return {"documents": shown, "nextCursor": page.next_cursor}

    async def find(self, call: Call) -> Json:
        return {"document": await self._described(call.principal.org, call.path["id"])}

    async def add(self, call: Call) -> Json:
        """Take a document in, in place of the one of its source."""
        body, org = call.body, call.principal.org
        document = Document(
            body["source"],
            body["text"],
            body.get("title", ""),
            body.get("url"),
            org,
            body.get("set", DEFAULT_SET),
            _readers(body.get("readers")),
            ORIGIN,
        )
        try:
            change = await self.knowledge.put(document)
        except EmbeddingError:
            raise AdminError(503, "EMBEDDING_ERROR", "the document got no vectors") from None
        described = await self._described(org, document.document_id)
        return {"document": described, "change": change.value}

    async def remove(self, call: Call) -> None:
        found = await self._found(call.principal.org, call.path["id"])
        if found.org == EVERY_ORG:
            raise AdminError(409, "SHARED", "the document belongs to all organisations")
        await self.knowledge.index.remove_documents([found.document_id])

    async def usage(self, call: Call) -> Json:
        used = await self.models.usage(call.principal.org)
        states = ("running", "completed", "cancelled", "failed")
        return {
            "usage": {
                "conversations": used.conversations,
                "heldConversations": used.held,
                "messages": used.messages,
                "turns": {state: used.turns.get(state, 0) for state in states},
                "promptTokens": used.spent.prompt_tokens,
                "completionTokens": used.spent.completion_tokens,
                "costUsd": round(used.spent.cost_usd, 10),
            }
        }

    async def _described(self, org: str, document_id: str) -> Json:
        found = await self._found(org, document_id)
        return _shown(found) | {"readers": list(found.readers)}

    async def _found(self, org: str, document_id: str) -> DocumentRecord:
        found = await self.knowledge.index.document(org, document_id)
        if found is None:
            raise not_found()
        return found


def _readers(given: Any) -> tuple[str, ...]:
    if given is None:
        return ORG_READERS
    named = [f"user:{name}" for name in given.get("users", ())]
    named += [f"group:{name}" for name in given.get("groups", ())]
    if given.get("public"):
        named += ["public", *ORG_READERS]
    return tuple(named)


def _shown(record: DocumentRecord) -> Json:
    return {
        "id": record.document_id,
        "source": record.source,
        "title": record.title,
        "url": record.url,
        "set": record.set_name,
        "origin": record.origin,
        "shared": record.org == EVERY_ORG,
        "passages": record.passages,
        "updatedAt": iso_time(record.updated_ms),
    }
