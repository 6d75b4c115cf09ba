"""Questions to humans, in any of the databases."""

from __future__ import annotations

import json
from typing import Any

from .database import Database, Transaction
from .turn_records import NewQuestion, QuestionRecord
from .turns import fenced

_QUESTION = """
SELECT id, turn_id, session_id, request_id, kind, subject, expires_ms, attempts_left, parked,
       state, answer
FROM questions
"""
_NEWEST_OF_KIND = """
WHERE session_id = :session AND kind = :kind
ORDER BY opened_ms DESC, CASE state WHEN 'open' THEN 0 ELSE 1 END LIMIT 1
"""
_ASK = """
INSERT INTO questions (id, turn_id, session_id, request_id, kind, subject, opened_ms, expires_ms,
                       attempts_left, parked, state)
VALUES (:id, :turn, :session, :request, :kind, :subject, CAST(:now AS BIGINT),
        CAST(:expires AS BIGINT), CAST(:attempts AS INTEGER), CAST(:parked AS INTEGER), 'open')
"""


class SqlQuestions:
    """The ``QuestionStore`` of SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ask(self, new: NewQuestion, *, owner: str | None = None) -> None:
        await self._database.write(fenced, owner, new.turn_id, _ask, (new,))

    async def latest(self, session_id: str, kind: str) -> QuestionRecord | None:
        return await self._database.look(_latest, session_id, kind)

    async def question(self, question_id: str) -> QuestionRecord | None:
        return await self._database.look(_question, question_id)

    async def of_turn(self, turn_id: str) -> tuple[QuestionRecord, ...]:
        return await self._database.look(_of_turn, turn_id)

    async def claim(self, question_id: str, answer: Any, now: int) -> bool:
        return await self._database.write(_claim, question_id, answer, now)

    async def count_try(self, question_id: str) -> int | None:
        return await self._database.write(_count_try, question_id)

    async def close_question(self, question_id: str, *, owner: str | None = None) -> bool:
        return await self._database.write(_close, question_id, owner)


def _record(row: tuple[Any, ...]) -> QuestionRecord:
    question_id, turn_id, session_id, request_id, kind, subject, *rest = row
    expires_ms, attempts_left, parked, state, answer = rest
    return QuestionRecord(
        question_id,
        turn_id,
        session_id,
        request_id,
        kind,
        json.loads(subject),
        expires_ms,
        attempts_left,
        bool(parked),
        state == "open",
        None if answer is None else json.loads(answer),
    )


def _ask(new: NewQuestion) -> Transaction[None]:
    yield (
        (
            "UPDATE questions SET state = 'closed'"
            " WHERE session_id = :session AND kind = :kind AND state = 'open'"
        ),
        {"session": new.session_id, "kind": new.kind},
    )
    yield (
        _ASK,
        {
            "id": new.question_id,
            "turn": new.turn_id,
            "session": new.session_id,
            "request": new.request_id,
            "kind": new.kind,
            "subject": json.dumps(new.subject),
            "now": new.now,
            "expires": new.expires_ms,
            "attempts": new.attempts,
            "parked": int(new.parked),
        },
    )


def _latest(session_id: str, kind: str) -> Transaction[QuestionRecord | None]:
    rows = yield (
        f"{_QUESTION} {_NEWEST_OF_KIND}",
        {"session": session_id, "kind": kind},
    )
    return _record(rows[0]) if rows else None


def _question(question_id: str) -> Transaction[QuestionRecord | None]:
    rows = yield f"{_QUESTION} WHERE id = :id", {"id": question_id}
    return _record(rows[0]) if rows else None


def _of_turn(turn_id: str) -> Transaction[tuple[QuestionRecord, ...]]:
    rows = yield f"{_QUESTION} WHERE turn_id = :turn ORDER BY opened_ms, id", {"turn": turn_id}
    return tuple(map(_record, rows))


def _claim(question_id: str, answer: Any, now: int) -> Transaction[bool]:
    claimed = yield (
        (
            "UPDATE questions SET state = 'answered', answer = :answer,"
            " answered_ms = CAST(:now AS BIGINT) WHERE id = :id AND state = 'open' RETURNING id"
        ),
        {"id": question_id, "answer": json.dumps(answer), "now": now},
    )
    return bool(claimed)


def _count_try(question_id: str) -> Transaction[int | None]:
    rows = yield (
        (
            "UPDATE questions SET attempts_left = attempts_left - 1"
            " WHERE id = :id AND state = 'open' RETURNING attempts_left"
        ),
        {"id": question_id},
    )
    return rows[0][0] if rows else None


def _close(question_id: str, owner: str | None) -> Transaction[bool]:
    closed = yield (
        (
            "UPDATE questions SET state = 'closed' WHERE id = :id AND state = 'open'"
            " AND (CAST(:owner AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM turns AS t"
            " WHERE t.id = questions.turn_id AND t.owner = CAST(:owner AS TEXT))) RETURNING id"
        ),
        {"id": question_id, "owner": owner},
    )
    return bool(closed)
