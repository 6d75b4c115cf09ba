"""People in conversations beside their owners, in any of the databases."""

from __future__ import annotations

from typing import Any

from ..auth.principal import Scope
from .conversations import IN_SCOPE, insert_message, scoped
from .database import Database, RollbackError, Transaction
from .entering import COUNT, HOLD, enter
from .people_records import (
    HUMAN_AGENT,
    Attendance,
    ConversationRecord,
    HeldError,
    NewPerson,
    ParticipantRecord,
)
from .records import NewMessage, Sender

MOST = 500
"""Participants of a conversation that are listed, the oldest ones."""

_HOLD = f"{HOLD} AND {IN_SCOPE} RETURNING held_by"
_COLUMNS = "p.id, p.type, p.name, p.created_ms, p.identity"
_PRESENT = f"""
SELECT {_COLUMNS} FROM participants AS p
WHERE p.conversation_id = :conversation AND p.type = 'human-agent' AND p.left_ms IS NULL
ORDER BY p.created_ms, p.id
"""
_EVERYBODY = f"""
SELECT {_COLUMNS} FROM participants AS p
WHERE p.conversation_id = :conversation AND p.left_ms IS NULL
ORDER BY p.created_ms, p.id LIMIT {MOST}
"""
_CONVERSATION = f"""
SELECT c.id, c.title, c.owner, c.created_ms, c.updated_ms, c.message_count,
       (SELECT agent_id FROM sessions WHERE conversation_id = c.id
        ORDER BY created_ms DESC, id LIMIT 1), c.held_by
FROM conversations AS c WHERE c.id = CAST(:id AS TEXT) AND {IN_SCOPE}
"""
# The message of a person answers the newest one that nobody answered.
_ANSWERS = """
UPDATE turns SET answer_id = :message
WHERE answer_id IS NULL AND id = (
    SELECT t.id FROM turns AS t JOIN messages AS m ON m.id = t.message_id
    WHERE t.conversation_id = :conversation AND t.state = 'completed' AND t.answer_id IS NULL
    ORDER BY m.seq DESC LIMIT 1)
"""


class SqlPeople:
    """The ``PeopleStore`` of SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def join(
        self, scope: Scope, conversation_id: str, person: NewPerson, *, takes_over: bool = False
    ) -> ParticipantRecord | None:
        outcome = await self._database.write(_join, scope, conversation_id, person, takes_over)
        if isinstance(outcome, HeldError):
            raise outcome
        return outcome

    async def leave(
        self, scope: Scope, conversation_id: str, identity: str, now: int
    ) -> ParticipantRecord | None:
        return await self._database.write(_leave, scope, conversation_id, identity, now)

    async def hand_back(
        self, scope: Scope, conversation_id: str, identity: str | None
    ) -> ParticipantRecord | None:
        outcome = await self._database.write(_hand_back, scope, conversation_id, identity)
        if isinstance(outcome, HeldError):
            raise outcome
        return outcome

    async def say(self, new: NewMessage) -> ParticipantRecord | None:
        return await self._database.write(_say, new)

    async def participants(self, conversation_id: str) -> tuple[ParticipantRecord, ...]:
        return await self._database.read(_everybody, conversation_id)

    async def conversation(self, scope: Scope, conversation_id: str) -> ConversationRecord | None:
        return await self._database.read(_conversation, scope, conversation_id)

    async def attendance(self, conversation_id: str) -> Attendance | None:
        return await self._database.read(_attendance, conversation_id)


def _join(
    scope: Scope, conversation_id: str, person: NewPerson, takes_over: bool
) -> Transaction[ParticipantRecord | HeldError | None]:
    rows = yield _HOLD, scoped(scope) | {"id": conversation_id}
    if not rows:
        return None
    yield from enter(conversation_id, person)
    came = yield from _present(conversation_id, person.identity)
    assert came is not None
    holder = rows[0][0]
    if takes_over and holder not in (None, came.participant_id):
        ((name,),) = yield "SELECT name FROM participants WHERE id = :id", {"id": holder}
        raise RollbackError(HeldError(name))
    if takes_over:
        yield (
            "UPDATE conversations SET held_by = :participant WHERE id = :conversation",
            {"participant": came.participant_id, "conversation": conversation_id},
        )
    return came


def _present(conversation_id: str, identity: str) -> Transaction[ParticipantRecord | None]:
    rows = yield _PRESENT, {"conversation": conversation_id}
    found = [ParticipantRecord(*row) for row in rows]
    return next((one for one in found if one.identity == identity), None)


def _leave(
    scope: Scope, conversation_id: str, identity: str, now: int
) -> Transaction[ParticipantRecord | None]:
    if not (yield _HOLD, scoped(scope) | {"id": conversation_id}):
        return None
    gone = yield from _present(conversation_id, identity)
    if gone is None:
        return None
    yield (
        "UPDATE participants SET left_ms = CAST(:now AS BIGINT) WHERE id = :id",
        {"now": now, "id": gone.participant_id},
    )
    yield COUNT, {"conversation": conversation_id}
    yield from _let_go(conversation_id, gone.participant_id)
    return gone


def _let_go(conversation_id: str, participant_id: str) -> Transaction[None]:
    yield (
        (
            "UPDATE conversations SET held_by = NULL"
            " WHERE id = :conversation AND held_by = :participant"
        ),
        {"conversation": conversation_id, "participant": participant_id},
    )


def _hand_back(
    scope: Scope, conversation_id: str, identity: str | None
) -> Transaction[ParticipantRecord | HeldError | None]:
    rows = yield _HOLD, scoped(scope) | {"id": conversation_id}
    if not rows or rows[0][0] is None:
        return None
    found = yield f"SELECT {_COLUMNS} FROM participants AS p WHERE p.id = :id", {"id": rows[0][0]}
    holder = ParticipantRecord(*found[0])
    if identity not in (None, holder.identity):
        raise RollbackError(HeldError(holder.name))
    yield from _let_go(conversation_id, holder.participant_id)
    return holder


def _say(new: NewMessage) -> Transaction[ParticipantRecord | None]:
    yield from insert_message(new)
    rows = yield _PRESENT, {"conversation": new.conversation_id}
    found = [ParticipantRecord(*row) for row in rows]
    speaker = next((one for one in found if one.participant_id == new.participant_id), None)
    if speaker is None:
        raise RollbackError(None)
    yield _ANSWERS, {"message": new.message_id, "conversation": new.conversation_id}
    return speaker


def _everybody(conversation_id: str) -> Transaction[tuple[ParticipantRecord, ...]]:
    rows = yield _EVERYBODY, {"conversation": conversation_id}
    return tuple(ParticipantRecord(*row) for row in rows)


def _conversation(scope: Scope, conversation_id: str) -> Transaction[ConversationRecord | None]:
    rows = yield _CONVERSATION, scoped(scope) | {"id": conversation_id}
    if not rows:
        return None
    ((identity, title, owner, created, updated, count, agent_id, held_by),) = rows
    present = yield _PRESENT, {"conversation": conversation_id}
    people = tuple(ParticipantRecord(*row) for row in present)
    holder = next((one for one in people if one.participant_id == held_by), None)
    return ConversationRecord(
        identity, title, owner, created, updated, count, agent_id, holder, people
    )


def _attendance(conversation_id: str) -> Transaction[Attendance | None]:
    rows: Any = yield (
        "SELECT org, people, held_by FROM conversations WHERE id = CAST(:id AS TEXT)",
        {"id": conversation_id},
    )
    if not rows or not rows[0][1]:
        return None
    org, _, held_by = rows[0]
    present = yield _PRESENT, {"conversation": conversation_id}
    people = [ParticipantRecord(*row) for row in present]
    holder: Sender | None = None
    for one in people:
        if one.participant_id == held_by:
            holder = one.sender
    assert all(one.kind == HUMAN_AGENT for one in people)
    return Attendance(org, tuple(one.identity or "" for one in people), holder)
