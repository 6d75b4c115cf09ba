"""Documents one by one, for those who look after them, in any of the databases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .cursors import decode_cursor, encode_cursor
from .database import Transaction
from .knowledge_records import EVERY_ORG, DocumentRecord
from .records import Page

_COLUMNS = """
d.id, d.org, d.set_name, d.source, d.title, d.url, d.origin, d.updated_ms,
(SELECT count(*) FROM chunks AS c WHERE c.document_id = d.id)
"""
_DOCUMENTS = f"""
SELECT {_COLUMNS} FROM documents AS d
WHERE d.org IN (:every, :org)
  AND (CAST(:set_name AS TEXT) IS NULL OR d.set_name = CAST(:set_name AS TEXT))
  AND (CAST(:updated AS BIGINT) IS NULL
       OR (d.updated_ms, d.id) < (CAST(:updated AS BIGINT), CAST(:id AS TEXT)))
ORDER BY d.updated_ms DESC, d.id DESC LIMIT CAST(:most AS BIGINT)
"""


def list_documents(
    org: str, set_name: str | None, limit: int, cursor: str | None
) -> Transaction[Page[DocumentRecord]]:
    """Return a page of the documents that an organisation has."""
    updated, identity = (None, None) if cursor is None else decode_cursor(cursor)
    rows = yield (
        _DOCUMENTS,
        {
            "every": EVERY_ORG,
            "org": org,
            "set_name": set_name,
            "updated": updated,
            "id": identity,
            "most": limit + 1,
        },
    )
    items = tuple(DocumentRecord(*row) for row in rows[:limit])
    if len(rows) <= limit:
        return Page(items)
    return Page(items, encode_cursor(items[-1].updated_ms, items[-1].document_id))


def find_document(org: str, document_id: str) -> Transaction[DocumentRecord | None]:
    """Return a document that an organisation has, with its readers."""
    named: dict[str, Any] = {"every": EVERY_ORG, "org": org, "id": document_id}
    rows = yield (
        (
            f"SELECT {_COLUMNS} FROM documents AS d"
            " WHERE d.id = CAST(:id AS TEXT) AND d.org IN (:every, :org)"
        ),
        named,
    )
    if not rows:
        return None
    readers = yield (
        "SELECT reader FROM document_readers WHERE document_id = :id ORDER BY reader",
        named,
    )
    return replace(DocumentRecord(*rows[0]), readers=tuple(reader for (reader,) in readers))
