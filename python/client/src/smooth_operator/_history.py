"""Pages of a conversation as one iterator."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

from . import wire
from ._errors import UnexpectedEventError


async def messages(
    fetch: Callable[[str | None], Awaitable[wire.MessagePage]],
) -> AsyncIterator[wire.ConversationMessage]:
    """Yield the messages of all pages, newest first (REQ-HIST-01).

    ``fetch`` gets the cursor of a page, None for the newest one; a page is asked for when its first
    message is.

    Raises:
        UnexpectedEventError: a cursor came twice (REQ-HIST-02).
    """
    cursor: str | None = None
    seen: set[str] = set()
    while True:
        page = await fetch(cursor)
        for message in page.messages:
            yield message
        cursor = page.next_cursor if isinstance(page.next_cursor, str) else None
        if not page.has_more or not cursor:
            return
        if cursor in seen:
            raise UnexpectedEventError("get_conversation_messages: a cursor came twice")
        seen.add(cursor)
