"""Conversations, sessions and messages, in any of the databases."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from ..auth.principal import Scope
from ..protocol.capabilities import inherited
from .cursors import decode_cursor, encode_cursor
from .database import Database, Transaction
from .entering import HOLD, enter
from .people_records import NewPerson
from .ports import UnknownCursorError
from .records import (
    ConversationSummary,
    Direction,
    MessageRecord,
    NewMessage,
    NewSession,
    Page,
    Sender,
    SessionRecord,
)

IN_SCOPE = (
    "org = :org AND (CAST(:everybody AS INTEGER) = 1 OR owner IS NULL"
    " OR owner = CAST(:owner AS TEXT))"
)

_SESSION = """
SELECT s.id, s.conversation_id, s.agent_id, s.agent_name, s.user_participant_id,
       s.agent_participant_id, s.supports, p.name, p.email, p.phone, s.verified, s.conversational,
       c.org, c.owner, s.readers, p.identity
FROM sessions AS s
JOIN participants AS p ON p.id = s.user_participant_id
JOIN conversations AS c ON c.id = s.conversation_id
WHERE s.id = :id
"""
_NEW_PARTICIPANTS = """
INSERT INTO participants (id, conversation_id, type, name, email, browser_fingerprint, created_ms)
VALUES (:user, :conversation, 'user', :name, CAST(:email AS TEXT), CAST(:fingerprint AS TEXT),
        CAST(:now AS BIGINT)),
       (:answerer, :conversation, 'ai-agent', :agent_name, NULL, NULL, CAST(:now AS BIGINT))
"""
_NEW_AGENT = """
INSERT INTO participants (id, conversation_id, type, name, created_ms)
VALUES (:answerer, :conversation, 'ai-agent', :agent_name, CAST(:now AS BIGINT))
"""
_NEW_CONVERSATION = """
INSERT INTO conversations (id, org, owner, supports, created_ms, updated_ms)
VALUES (:conversation, :org, :owner, :supports, :now, :now)
"""
_NEW_SESSION = """
INSERT INTO sessions (id, conversation_id, agent_id, agent_name, user_participant_id,
                      agent_participant_id, supports, metadata, created_ms, readers)
VALUES (:id, :conversation, :agent, :agent_name, :user, :answerer, :supports, :metadata, :now,
        :readers)
"""
_NEW_MESSAGE = """
INSERT INTO messages (id, conversation_id, participant_id, direction, text, created_ms, images)
VALUES (:id, :conversation, :participant, :direction, :text, :now, CAST(:images AS TEXT))
"""
_COUNT_MESSAGE = """
UPDATE conversations
SET message_count = message_count + 1,
    updated_ms = CASE WHEN updated_ms > :now THEN updated_ms ELSE :now END
WHERE id = :conversation RETURNING people, held_by
"""
_MESSAGES = """
SELECT m.id, m.direction, m.text, m.created_ms, m.images,
       p.id, p.type, p.name, coalesce(begun.request_id, answered.request_id), begun.state
FROM messages AS m
JOIN participants AS p ON p.id = m.participant_id
LEFT JOIN turns AS begun ON begun.message_id = m.id
LEFT JOIN turns AS answered ON answered.answer_id = m.id
WHERE m.conversation_id = :conversation
  AND (CAST(:before AS BIGINT) IS NULL OR m.seq < CAST(:before AS BIGINT))
ORDER BY m.seq DESC LIMIT CAST(:most AS BIGINT)
"""
_FIRST_TEXT = (
    "coalesce((SELECT text FROM messages WHERE conversation_id = c.id AND direction = 'inbound'"
    " ORDER BY seq LIMIT 1), '')"
)
_CONVERSATIONS = f"""
SELECT c.id, c.title, {_FIRST_TEXT},
       c.updated_ms, c.message_count, c.created_ms, c.people, h.id, h.type, h.name
FROM conversations AS c
LEFT JOIN participants AS h ON h.id = c.held_by
WHERE c.message_count > 0 AND {IN_SCOPE}
  AND (CAST(:holds AS TEXT) IS NULL
       OR lower(coalesce(c.title, {_FIRST_TEXT})) LIKE CAST(:holds AS TEXT) ESCAPE '!')
  AND (CAST(:updated AS BIGINT) IS NULL
       OR (c.updated_ms, c.id) < (CAST(:updated AS BIGINT), CAST(:id AS TEXT)))
ORDER BY c.updated_ms DESC, c.id DESC LIMIT CAST(:most AS BIGINT)
"""
_PARTICIPANT_COLUMNS = {"user_name": "name", "user_email": "email", "user_phone": "phone"}


class SqlConversations:
    """The ``ConversationStore`` of SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open_session(self, new: NewSession) -> SessionRecord:
        return await self._database.write(_open_session, new)

    async def session(self, session_id: str) -> SessionRecord | None:
        return await self._database.look(_session, session_id)

    async def update_session(self, session_id: str, changes: Mapping[str, Any]) -> None:
        await self._database.write(_update_session, session_id, changes)

    async def add_message(self, new: NewMessage) -> None:
        await self._database.write(_add_message, new)

    async def messages(
        self, conversation_id: str, limit: int, cursor: str | None
    ) -> Page[MessageRecord]:
        return await self._database.read(_messages, conversation_id, limit, cursor)

    async def conversations(
        self, scope: Scope, limit: int, cursor: str | None, query: str | None = None
    ) -> Page[ConversationSummary]:
        return await self._database.read(_conversations, scope, limit, cursor, query)

    async def is_in_scope(self, scope: Scope, conversation_id: str) -> bool:
        return await self._database.look(_is_in_scope, scope, conversation_id)

    async def rename_conversation(self, scope: Scope, conversation_id: str, title: str) -> bool:
        return await self._database.write(_rename, scope, conversation_id, title)


def scoped(scope: Scope) -> dict[str, Any]:
    """Return the parameters of ``IN_SCOPE``."""
    return {"org": scope.org, "owner": scope.owner, "everybody": int(scope.everybody)}


def _add_message(new: NewMessage) -> Transaction[None]:
    yield from insert_message(new)


def insert_message(new: NewMessage) -> Transaction[tuple[int, bool]]:
    """Store a message and count it, as ``count_message``; a part of other transactions too."""
    yield from put_message(new)
    return (yield from count_message(new))


def count_message(new: NewMessage) -> Transaction[tuple[int, bool]]:
    """Count a message to its conversation, which is held from now on.

    Returned are the people who are there beside the owner, and whether one of them has the word.
    """
    rows = yield _COUNT_MESSAGE, {"now": new.now, "conversation": new.conversation_id}
    people, held_by = rows[0]
    return people, held_by is not None


def put_message(new: NewMessage) -> Transaction[None]:
    """Store a message that is counted by itself."""
    yield (
        _NEW_MESSAGE,
        {
            "id": new.message_id,
            "conversation": new.conversation_id,
            "participant": new.participant_id,
            "direction": new.direction.value,
            # As PostgreSQL would store it: what a model says comes back alike from every store.
            "text": new.text.replace("\0", "\N{REPLACEMENT CHARACTER}"),
            "now": new.now,
            "images": json.dumps(new.images) if new.images else None,
        },
    )


def _open_session(new: NewSession) -> Transaction[SessionRecord]:
    known = None if new.conversation_id is None else (yield from _known_conversation(new))
    supports = new.supports
    if supports is None:
        supports = inherited(json.loads(known.supports)) if known else ()
    comes_in = known is not None and not known.is_own
    user = new.user_participant_id
    if known and comes_in:
        user = yield from _come_in(new, known.conversation_id)
    session = SessionRecord(
        new.session_id,
        known.conversation_id if known else new.fresh_conversation_id,
        new.agent_id,
        new.agent_name,
        user,
        new.agent_participant_id,
        supports,
        user_name=new.user_name,
        user_email=new.user_email,
        org=new.scope.org,
        owner=known.owner if known else new.scope.owner,
        identity=new.identity if comes_in else None,
        readers=new.readers,
    )
    rows = _rows_of(new, session)
    if known is None:
        yield _NEW_CONVERSATION, rows
    elif new.supports is not None and not comes_in:
        yield "UPDATE conversations SET supports = :supports WHERE id = :conversation", rows
    yield _NEW_AGENT if comes_in else _NEW_PARTICIPANTS, rows
    yield _NEW_SESSION, rows
    return session


def _come_in(new: NewSession, conversation_id: str) -> Transaction[str]:
    """Let the person of a session into the conversation of somebody else."""
    assert new.identity is not None
    yield HOLD, {"id": conversation_id}
    participant = new.user_participant_id
    person = NewPerson(participant, new.identity, new.user_name, new.now, new.user_email)
    return (yield from enter(conversation_id, person))


def _rows_of(new: NewSession, opened: SessionRecord) -> dict[str, Any]:
    """Return the values of all rows that a session consists of."""
    return {
        "id": new.session_id,
        "conversation": opened.conversation_id,
        "org": opened.org,
        "owner": opened.owner,
        "supports": _listed(opened.supports),
        "now": new.now,
        "user": opened.user_participant_id,
        "name": new.user_name,
        "email": new.user_email,
        "fingerprint": new.browser_fingerprint,
        "answerer": opened.agent_participant_id,
        "agent": new.agent_id,
        "agent_name": new.agent_name,
        "metadata": json.dumps(dict(new.metadata)) if new.metadata else "{}",
        "readers": _listed(new.readers),
    }


@lru_cache(256)
def _listed(words: tuple[str, ...] | None) -> str:
    """Return words as JSON text; most sessions have the same ones."""
    return json.dumps(words)


@dataclass(frozen=True, slots=True)
class _Known:
    """The conversation that is gone on with, and whether it is the person's own."""

    conversation_id: str
    owner: str | None
    supports: str
    is_own: bool


def _known_conversation(new: NewSession) -> Transaction[_Known | None]:
    rows = yield (
        (
            f"SELECT id, owner, supports, CASE WHEN {IN_SCOPE} THEN 1 ELSE 0 END"
            " FROM conversations WHERE id = CAST(:id AS TEXT) AND org = :org"
        ),
        scoped(new.scope) | {"id": new.conversation_id},
    )
    for identity, owner, supports, is_own in rows:
        if is_own or new.identity is not None:
            return _Known(identity, owner, supports, bool(is_own))
    return None


def _session(session_id: str) -> Transaction[SessionRecord | None]:
    rows = yield _SESSION, {"id": session_id}
    if not rows:
        return None
    session, conversation, agent, agent_name, user, answerer, supports, *rest = rows[0]
    name, email, phone, verified, conversational, org, owner, readers, identity = rest
    may_read = json.loads(readers)
    return SessionRecord(
        session,
        conversation,
        agent,
        agent_name,
        user,
        answerer,
        tuple(json.loads(supports)),
        user_name=name,
        user_email=email,
        user_phone=phone,
        verified=bool(verified),
        org=org,
        owner=owner,
        identity=identity,
        conversational=json.loads(conversational),
        readers=None if may_read is None else tuple(may_read),
    )


def _update_session(session_id: str, changes: Mapping[str, Any]) -> Transaction[None]:
    for name, value in changes.items():
        if name in _PARTICIPANT_COLUMNS:
            yield (
                (
                    f"UPDATE participants SET {_PARTICIPANT_COLUMNS[name]} = :value WHERE id ="
                    " (SELECT user_participant_id FROM sessions WHERE id = :id)"
                ),
                {"value": value, "id": session_id},
            )
        elif name == "verified":
            yield (
                "UPDATE sessions SET verified = :value WHERE id = :id",
                {"value": int(value), "id": session_id},
            )
        elif name == "conversational":
            yield (
                "UPDATE sessions SET conversational = :value WHERE id = :id",
                {"value": json.dumps(value), "id": session_id},
            )
        else:
            raise ValueError(f"a session has no member {name} that can change")


def _messages(
    conversation_id: str, limit: int, cursor: str | None
) -> Transaction[Page[MessageRecord]]:
    before = None
    if cursor is not None:
        found = yield (
            "SELECT seq FROM messages WHERE id = :id AND conversation_id = :conversation",
            {"id": cursor, "conversation": conversation_id},
        )
        if not found:
            raise UnknownCursorError
        before = found[0][0]
    rows = yield (
        _MESSAGES,
        {"conversation": conversation_id, "before": before, "most": limit + 1},
    )
    items = tuple(
        MessageRecord(
            identity,
            Direction(direction),
            text,
            created,
            Sender(*sender),
            tuple(json.loads(images or "[]")),
            *turn,
        )
        for (identity, direction, text, created, images), sender, turn in (
            (row[:5], row[5:8], row[8:]) for row in rows[:limit]
        )
    )
    return Page(items, items[-1].message_id if len(rows) > limit else None)


def _conversations(
    scope: Scope, limit: int, cursor: str | None, query: str | None
) -> Transaction[Page[ConversationSummary]]:
    holds = None
    if query:
        escaped = re.sub("[!%_]", r"!\g<0>", query.lower())
        holds = f"%{escaped}%"
    updated, identity = (None, None) if cursor is None else decode_cursor(cursor)
    rows = yield (
        _CONVERSATIONS,
        scoped(scope) | {"updated": updated, "id": identity, "most": limit + 1, "holds": holds},
    )
    items = tuple(
        replace(ConversationSummary(*row[:7]), held_by=Sender(*row[7:]) if row[7] else None)
        for row in rows[:limit]
    )
    if len(rows) <= limit:
        return Page(items)
    return Page(items, encode_cursor(items[-1].updated_ms, items[-1].conversation_id))


def _is_in_scope(scope: Scope, conversation_id: str) -> Transaction[bool]:
    found = yield (
        f"SELECT 1 FROM conversations WHERE id = CAST(:id AS TEXT) AND {IN_SCOPE}",
        scoped(scope) | {"id": conversation_id},
    )
    return bool(found)


def _rename(scope: Scope, conversation_id: str, title: str) -> Transaction[bool]:
    changed = yield (
        f"UPDATE conversations SET title = :title WHERE id = :id AND {IN_SCOPE} RETURNING id",
        scoped(scope) | {"title": title, "id": conversation_id},
    )
    return bool(changed)
