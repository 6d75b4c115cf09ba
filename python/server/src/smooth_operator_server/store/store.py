"""The port of the store. SQLite implements it; other databases will do the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ..auth.principal import Scope
from .records import (
    ConversationSummary,
    MessageRecord,
    NewMessage,
    NewSession,
    Page,
    Passage,
    SessionRecord,
)


class StoreError(Exception):
    """Reading or writing failed; the text names the fault, never stored data."""


class StoreUnavailableError(StoreError):
    """The store could not be opened; the text says which one and why."""


class UnknownCursorError(Exception):
    """The cursor was not made for this list."""


class Store(Protocol):
    """Each method is one transaction: done completely or not at all.

    Raises:
        StoreError: from any method, when the database fails.
    """

    async def open_session(self, new: NewSession) -> SessionRecord:
        """Store a session, its participants and, unless it resumes one, its conversation."""
        ...

    async def session(self, session_id: str) -> SessionRecord | None:
        """Return a session, or None when it is unknown."""
        ...

    async def update_session(self, session_id: str, changes: Mapping[str, Any]) -> None:
        """Change ``user_name``, ``user_email``, ``user_phone``, ``verified`` or
        ``conversational``; members that are not named stay."""
        ...

    async def add_message(self, new: NewMessage) -> None:
        """Store a message and count it to its conversation."""
        ...

    async def messages(
        self, conversation_id: str, limit: int, cursor: str | None
    ) -> Page[MessageRecord]:
        """Return a page of messages, newest first.

        Raises:
            UnknownCursorError: the cursor names no message of the conversation.
        """
        ...

    async def conversations(
        self, scope: Scope, limit: int, cursor: str | None
    ) -> Page[ConversationSummary]:
        """Return a page of the conversations in scope that have messages, newest first.

        Raises:
            UnknownCursorError: the cursor was not made by this list.
        """
        ...

    async def rename_conversation(self, scope: Scope, conversation_id: str, title: str) -> bool:
        """Set the title; False when there is no such conversation in scope."""
        ...

    async def put_document(self, source: str, passages: Sequence[str]) -> None:
        """Store the passages of a document in place of what was known of that source."""
        ...

    async def search(self, words: Sequence[str], limit: int) -> tuple[Passage, ...]:
        """Return the passages that hold at least one of the words: most different words
        first, then the better ranked."""
        ...

    async def close(self) -> None:
        """Close the database; the store is of no use afterwards."""
        ...
