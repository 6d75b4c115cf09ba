"""The calls: actions with one answer that start no turn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from ..clock import Clock, iso_time
from ..people import People, message_shown
from ..protocol import frames
from ..protocol.actions import Action
from ..protocol.peer import Peer
from ..protocol.refusals import Code, RefusalError
from ..store import (
    ConversationStore,
    ConversationSummary,
    MessageRecord,
    Page,
    SessionRecord,
    UnknownCursorError,
)
from .sessions import Sessions, is_replayed, reads_turns
from .titles import cleaned, derived

DEFAULT_LIMIT = 50

MOST_CONVERSATIONS = 200
"""Conversations on a page; a client that asks for more gets these (REQ-SRV-22)."""


OpenTurn = Callable[[SessionRecord, Peer], Awaitable[dict[str, Any] | None]]
"""Tells a link which turn the conversation of a session runs, as ``openTurn`` (REQ-SRV-32)."""


class SessionActions:
    """Answers ``ping`` and everything about sessions, conversations and history."""

    def __init__(
        self,
        sessions: Sessions,
        store: ConversationStore,
        people: People,
        clock: Clock,
        open_turn: OpenTurn,
    ) -> None:
        self._sessions = sessions
        self._people = people
        self._open_turn = open_turn
        self._store = store
        self._clock = clock

    async def ping(self, action: Action, peer: Peer) -> None:
        await peer.send(frames.pong(action.get("requestId"), self._clock.epoch_ms()))

    async def create_conversation_session(self, action: Action, peer: Peer) -> None:
        session = await self._sessions.open(action, peer)
        shown = self._sessions.shown(session) | await self._running(session, peer)
        await self._answer(action, peer, "Session created", shown)
        if session.identity is not None:
            await self._people.came(session, peer.socket_id)

    async def get_session(self, action: Action, peer: Peer) -> None:
        session = await self._sessions.require(action["sessionId"], peer)
        shown = self._sessions.shown(session)
        if not reads_turns(session):
            shown.pop("capabilities", None)
        shown |= {"threadId": session.conversation_id, "status": "active"}
        shown |= await self._running(session, peer)
        await self._answer(action, peer, "Session found", shown)

    async def _running(self, session: SessionRecord, peer: Peer) -> dict[str, Any]:
        found = await self._open_turn(session, peer) if is_replayed(session) else None
        return {"openTurn": found} if found else {}

    async def get_conversation_messages(self, action: Action, peer: Peer) -> None:
        session = await self._sessions.require(action["sessionId"], peer)
        try:
            page = await self._store.messages(
                session.conversation_id, _limit(action), action.get("cursor")
            )
        except UnknownCursorError:
            raise _unknown_cursor() from None
        messages = [_message(item, full=reads_turns(session)) for item in page.items]
        shown = {"messages": messages} | _paging(page)
        await self._answer(action, peer, "Messages found", shown)

    async def list_conversations(self, action: Action, peer: Peer) -> None:
        try:
            page = await self._store.conversations(
                peer.principal.scope,
                min(_limit(action), MOST_CONVERSATIONS),
                action.get("cursor"),
                action.get("query"),
            )
        except UnknownCursorError:
            raise _unknown_cursor() from None
        shown = {"conversations": [_summary(item) for item in page.items]} | _paging(page)
        await self._answer(action, peer, "Conversations found", shown)

    async def rename_conversation(self, action: Action, peer: Peer) -> None:
        title = cleaned(action["title"])
        if not title:
            raise RefusalError(Code.VALIDATION_ERROR, "/title must not be blank")
        conversation_id = action["conversationId"]
        scope = peer.principal.scope
        if not await self._store.rename_conversation(scope, conversation_id, title):
            raise RefusalError(Code.CONVERSATION_NOT_FOUND, "no such conversation")
        shown = {"conversationId": conversation_id, "title": title}
        await self._answer(action, peer, "Conversation renamed", shown)

    async def _answer(self, action: Action, peer: Peer, message: str, data: dict[str, Any]) -> None:
        await peer.send(
            frames.immediate_response(
                action.get("requestId"), self._clock.epoch_ms(), 200, message, data
            )
        )


def _limit(action: Action) -> int:
    return int(action.get("limit", DEFAULT_LIMIT))  # 1.0 is an integer in JSON Schema


def _unknown_cursor() -> RefusalError:
    return RefusalError(Code.VALIDATION_ERROR, "/cursor was not made by this list")


def _paging(page: Page[Any]) -> dict[str, Any]:
    """Return the members of a page that say how to go on (REQ-SRV-12)."""
    return {"nextCursor": page.next_cursor, "hasMore": page.next_cursor is not None}


def _message(item: MessageRecord, *, full: bool) -> dict[str, Any]:
    shown = message_shown(item.message_id, item.direction, item.text, item.created_ms, item.sender)
    if full and item.images:
        parts = [{"type": "text", "text": item.text}] if item.text else []
        parts += [{"type": "image", "url": url} for url in item.images]
        shown["content"]["items"] = parts
    if full and item.request_id is not None:
        shown["requestId"] = item.request_id
    if full and item.turn is not None:
        shown["turn"] = item.turn
    return shown


def _summary(item: ConversationSummary) -> dict[str, Any]:
    return {
        "conversationId": item.conversation_id,
        "title": item.title or derived(item.first_text),
        "updatedAt": iso_time(item.updated_ms),
        "messageCount": item.message_count,
    }
