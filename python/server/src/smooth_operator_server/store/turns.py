"""Turns, tool calls and leases, in any of the databases."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from .conversations import count_message, insert_message, put_message
from .database import Database, RollbackError, Rows, Transaction
from .ports import LeaseLostError
from .records import NewMessage
from .turn_records import (
    CallRecord,
    Ended,
    Lease,
    NewCall,
    NewEvents,
    NewTurn,
    Refused,
    TurnRecord,
    TurnState,
)

T = TypeVar("T")

_COLUMNS = (
    "t.id, t.conversation_id, t.session_id, t.request_id, t.state, t.message_id, m.text,"
    " t.wants_tokens, t.step, t.saved, t.owner, t.lease_ms, t.terminal, c.people, c.held_by"
)
_TURN = (
    f"SELECT {_COLUMNS} FROM turns AS t JOIN messages AS m ON m.id = t.message_id"
    " JOIN conversations AS c ON c.id = t.conversation_id"
)

# The row that is locked by being written: the id of a request, before anything is known of it.
_CLAIM_ID = """
INSERT INTO request_ids (conversation_id, request_id, turn_id, holder)
VALUES (:conversation, :request, CAST(:turn AS TEXT), :holder)
ON CONFLICT (conversation_id, request_id) DO UPDATE SET holder = request_ids.holder
RETURNING turn_id, holder
"""
_NAME_TURN = """
UPDATE request_ids SET turn_id = CAST(:turn AS TEXT), holder = :holder
WHERE conversation_id = :conversation AND request_id = :request
"""
_BEGIN = """
INSERT INTO turns (id, conversation_id, session_id, request_id, body, state, message_id,
                   wants_tokens, step, saved, owner, lease_ms, started_ms)
VALUES (:turn, :conversation, :session, :request, :body, 'running', :message,
        CAST(:wants AS INTEGER), 0, :saved, :owner, CAST(:until AS BIGINT), CAST(:now AS BIGINT))
ON CONFLICT DO NOTHING RETURNING id
"""
_SETTLE = """
UPDATE turns SET state = :state, terminal = CAST(:terminal AS TEXT),
                 answer_id = CAST(:answer AS TEXT), ended_ms = CAST(:now AS BIGINT), saved = NULL
WHERE id = :turn AND state = 'running'
  AND (CAST(:owner AS TEXT) IS NULL OR owner = CAST(:owner AS TEXT))
RETURNING stored_seq
"""
_KEEP_EVENT = """
INSERT INTO turn_events (turn_id, seq, event)
VALUES (:turn, CAST(:seq AS INTEGER), :event)
"""
_START_CALL = """
INSERT INTO tool_calls (turn_id, call_id, name, arguments, step, started_ms)
VALUES (:turn, :call, :name, :arguments, CAST(:step AS INTEGER), CAST(:now AS BIGINT))
ON CONFLICT (turn_id, call_id) DO UPDATE
SET name = :name, arguments = :arguments, step = CAST(:step AS INTEGER), result = NULL,
    ended_ms = NULL
"""
_END_CALL = """
UPDATE tool_calls SET result = :result, is_error = CAST(:error AS INTEGER),
                      ended_ms = CAST(:now AS BIGINT)
WHERE turn_id = :turn AND call_id = :call
"""


# Writes the row, so that nobody takes the turn over before the transaction ends.
_HOLD = """
UPDATE turns SET lease_ms = lease_ms WHERE id = :turn RETURNING owner, state
"""


class SqlTurns:
    """The ``TurnStore`` of SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, new: NewTurn) -> TurnRecord | Refused:
        return await self._database.write(_begin, new)

    async def look_up(
        self, conversation_id: str, request_id: str, holder: str
    ) -> TurnRecord | None:
        return await self._database.write(_look_up, conversation_id, request_id, holder)

    async def running(self, conversation_id: str) -> TurnRecord | None:
        return await self._database.look(_running, conversation_id)

    async def named(self, conversation_id: str, request_id: str) -> TurnRecord | None:
        return await self._database.look(_named, conversation_id, request_id)

    async def turn(self, turn_id: str) -> TurnRecord | None:
        return await self._database.look(_turn, turn_id)

    async def save(
        self,
        turn_id: str,
        step: int,
        saved: bytes,
        events: NewEvents | None = None,
        *,
        owner: str | None = None,
    ) -> None:
        await self._write_as(owner, turn_id, _save, turn_id, step, saved, events)

    async def _write_as(
        self, owner: str | None, turn_id: str, work: Callable[..., Transaction[T]], *arguments: Any
    ) -> T:
        return await self._database.write(fenced, owner, turn_id, work, arguments)

    async def keep(self, turn_id: str, events: NewEvents, *, owner: str | None = None) -> None:
        await self._write_as(owner, turn_id, _keep, turn_id, events)

    async def spoil(self, turn_id: str, seq: int, *, owner: str | None = None) -> None:
        await self._write_as(owner, turn_id, _spoil, turn_id, seq)

    async def events(self, turn_id: str) -> NewEvents | None:
        return await self._database.read(_events, turn_id)

    async def start_call(self, new: NewCall, *, owner: str | None = None) -> None:
        await self._write_as(owner, new.turn_id, _start_call, new)

    async def end_call(
        self,
        turn_id: str,
        call_id: str,
        result: Any,
        *,
        is_error: bool,
        now: int,
        owner: str | None = None,
    ) -> None:
        ended = (turn_id, call_id, result, is_error, now)
        await self._write_as(owner, turn_id, _end_call, *ended)

    async def calls(self, turn_id: str, step: int) -> tuple[CallRecord, ...]:
        return await self._database.look(_calls, turn_id, step)

    async def settle(
        self,
        turn_id: str,
        state: TurnState,
        *,
        now: int,
        terminal: str | None = None,
        answer: NewMessage | None = None,
        owner: str | None = None,
    ) -> Ended | None:
        end = (turn_id, state, now, terminal, answer)
        return await self._database.write(_settle, owner, *end)

    async def renew(self, owner: str, until: int) -> None:
        await self._database.write(_renew, owner, until)

    async def take_over(self, lease: Lease, now: int) -> tuple[TurnRecord, ...]:
        return await self._database.write(_take_over, lease, now)


def fenced(
    owner: str | None, turn_id: str, work: Callable[..., Transaction[T]], arguments: Any
) -> Transaction[T]:
    """Do what the owner of a turn may do, and whoever asks without one.

    Raises:
        LeaseLostError: another server runs the turn, or has ended it. Or a tool is to run for a
            turn that has ended.
    """
    if owner is not None:
        rows = yield _HOLD, {"turn": turn_id}
        if rows and rows[0][0] != owner:
            raise LeaseLostError("another server runs the turn")
        if rows and work is _start_call and rows[0][1] != TurnState.RUNNING:
            raise LeaseLostError("the turn has ended")
    return (yield from work(*arguments))


def _record(row: tuple[Any, ...]) -> TurnRecord:
    turn_id, conversation_id, session_id, request_id, state, message_id, message, *rest = row
    wants, step, saved, owner, until, terminal, people, held_by = rest
    return TurnRecord(
        turn_id,
        conversation_id,
        session_id,
        request_id,
        TurnState(state),
        message_id,
        message,
        bool(wants),
        step,
        None if saved is None else bytes(saved),
        Lease(owner, until),
        terminal,
        people,
        held_by is not None,
    )


def _begin(new: NewTurn) -> Transaction[TurnRecord | Refused]:
    ids = {
        "conversation": new.message.conversation_id,
        "request": new.request_id,
        "turn": new.turn_id,
        "holder": new.holder,
    }
    rows = yield _CLAIM_ID, ids
    turn_id, holder = rows[0]
    if new.once and turn_id is None and holder != new.holder:
        raise RollbackError(Refused.PROMISED)
    if new.once and turn_id not in (None, new.turn_id):
        raise RollbackError((yield from _repeated(turn_id, new.body)))
    if (turn_id, holder) != (new.turn_id, new.holder):
        yield _NAME_TURN, ids
    people, is_held = yield from insert_message(new.message)
    begun = yield (
        _BEGIN,
        ids
        | {
            "session": new.session_id,
            "body": new.body,
            "message": new.message.message_id,
            "wants": int(new.wants_tokens),
            "saved": new.saved,
            "owner": new.lease.owner,
            "until": new.lease.until,
            "now": new.message.now,
        },
    )
    if not begun:  # the index of running turns holds one of this conversation
        raise RollbackError(Refused.BUSY)
    return TurnRecord(
        new.turn_id,
        new.message.conversation_id,
        new.session_id,
        new.request_id,
        TurnState.RUNNING,
        new.message.message_id,
        new.message.text,
        new.wants_tokens,
        0,
        new.saved,
        new.lease,
        people=people,
        is_held=is_held,
    )


def _repeated(turn_id: str, body: str) -> Transaction[TurnRecord | Refused]:
    """Return the turn that was begun under the same id, if it was by the same message."""
    rows = yield f"{_TURN} WHERE t.id = :turn AND t.body = :body", {"turn": turn_id, "body": body}
    return _record(rows[0]) if rows else Refused.DIFFERENT


def _look_up(conversation_id: str, request_id: str, holder: str) -> Transaction[TurnRecord | None]:
    ids = {
        "conversation": conversation_id,
        "request": request_id,
        "turn": None,
        "holder": holder,
    }
    rows = yield _CLAIM_ID, ids
    turn_id = rows[0][0]
    if turn_id is None:
        yield _NAME_TURN, ids
        return None
    found = yield f"{_TURN} WHERE t.id = :turn", {"turn": turn_id}
    return _record(found[0])


def _running(conversation_id: str) -> Transaction[TurnRecord | None]:
    rows = yield (
        f"{_TURN} WHERE t.conversation_id = :conversation AND t.state = 'running'",
        {"conversation": conversation_id},
    )
    return _record(rows[0]) if rows else None


def _named(conversation_id: str, request_id: str) -> Transaction[TurnRecord | None]:
    rows = yield (
        (
            f"{_TURN} JOIN request_ids AS r ON r.turn_id = t.id"
            " WHERE r.conversation_id = :conversation AND r.request_id = :request"
        ),
        {"conversation": conversation_id, "request": request_id},
    )
    return _record(rows[0]) if rows else None


def _turn(turn_id: str) -> Transaction[TurnRecord | None]:
    rows = yield f"{_TURN} WHERE t.id = :turn", {"turn": turn_id}
    return _record(rows[0]) if rows else None


def _save(turn_id: str, step: int, saved: bytes, events: NewEvents | None) -> Transaction[None]:
    if events is not None:
        yield from _keep(turn_id, events)
    yield (
        "UPDATE turns SET step = CAST(:step AS INTEGER), saved = :saved WHERE id = :turn",
        {"turn": turn_id, "step": step, "saved": saved},
    )


def _keep(turn_id: str, events: NewEvents) -> Transaction[None]:
    first = events.seq - len(events.texts) + 1
    for seq, text in enumerate(events.texts, start=first):
        yield _KEEP_EVENT, {"turn": turn_id, "seq": seq, "event": text}
    yield (
        "UPDATE turns SET stored_seq = CAST(:seq AS INTEGER) WHERE id = :turn",
        {"turn": turn_id, "seq": events.seq},
    )


def _spoil(turn_id: str, seq: int) -> Transaction[None]:
    yield (
        (
            "UPDATE turns SET spoilt_seq = CAST(:seq AS INTEGER)"
            " WHERE id = :turn AND spoilt_seq < CAST(:seq AS INTEGER)"
        ),
        {"turn": turn_id, "seq": seq},
    )


def _events(turn_id: str) -> Transaction[NewEvents | None]:
    ((stored, spoilt),) = yield (
        "SELECT stored_seq, spoilt_seq FROM turns WHERE id = :turn",
        {"turn": turn_id},
    )
    if spoilt > stored:
        return None
    rows = yield (
        "SELECT event FROM turn_events WHERE turn_id = :turn ORDER BY seq",
        {"turn": turn_id},
    )
    return NewEvents(stored, tuple(text for (text,) in rows))


def _start_call(new: NewCall) -> Transaction[None]:
    yield (
        _START_CALL,
        {
            "turn": new.turn_id,
            "call": new.call_id,
            "name": new.name,
            "arguments": json.dumps(new.arguments),
            "step": new.step,
            "now": new.now,
        },
    )


def _end_call(
    turn_id: str, call_id: str, result: Any, is_error: bool, now: int
) -> Transaction[None]:
    yield (
        _END_CALL,
        {
            "turn": turn_id,
            "call": call_id,
            "result": json.dumps(result),
            "error": int(is_error),
            "now": now,
        },
    )


def _calls(turn_id: str, step: int) -> Transaction[tuple[CallRecord, ...]]:
    rows = yield (
        (
            "SELECT call_id, name, step, ended_ms, result, is_error FROM tool_calls"
            " WHERE turn_id = :turn AND step = CAST(:step AS INTEGER) ORDER BY started_ms, call_id"
        ),
        {"turn": turn_id, "step": step},
    )
    return tuple(
        CallRecord(
            call_id,
            name,
            of_step,
            ended is not None,
            None if result is None else json.loads(result),
            bool(is_error),
        )
        for call_id, name, of_step, ended, result, is_error in rows
    )


def _settle(
    owner: str | None,
    turn_id: str,
    state: TurnState,
    now: int,
    terminal: str | None,
    answer: NewMessage | None,
) -> Transaction[Ended | None]:
    people = 0
    if answer is not None:
        # A turn that begins writes its conversation before it looks for a running turn: whoever
        # ends one does it in the same order, else each would wait for the other.
        people, _ = yield from count_message(answer)
    settled = yield (
        _SETTLE,
        {
            "turn": turn_id,
            "state": state.value,
            "terminal": terminal,
            "answer": None if answer is None else answer.message_id,
            "now": now,
            "owner": owner,
        },
    )
    if not settled:
        found = yield "SELECT owner FROM turns WHERE id = :turn", {"turn": turn_id}
        if found and owner not in (None, found[0][0]):
            raise LeaseLostError("another server runs the turn, or has ended it")
        raise RollbackError(None)
    if answer is not None:
        yield from put_message(answer)
    if settled[0][0]:
        yield "DELETE FROM turn_events WHERE turn_id = :turn", {"turn": turn_id}
    yield (
        (
            "UPDATE questions SET state = 'closed'"
            " WHERE turn_id = :turn AND state = 'open' AND parked = 1"
        ),
        {"turn": turn_id},
    )
    return Ended(people)


def _renew(owner: str, until: int) -> Transaction[None]:
    yield (
        (
            "UPDATE turns SET lease_ms = CAST(:until AS BIGINT)"
            " WHERE owner = :owner AND state = 'running'"
        ),
        {"owner": owner, "until": until},
    )


def _take_over(lease: Lease, now: int) -> Transaction[tuple[TurnRecord, ...]]:
    taken: Rows = yield (
        (
            "UPDATE turns SET owner = :owner, lease_ms = CAST(:until AS BIGINT)"
            " WHERE state = 'running' AND lease_ms <= CAST(:now AS BIGINT)"
            " AND owner <> :owner RETURNING id"
        ),
        {"owner": lease.owner, "until": lease.until, "now": now},
    )
    found: list[TurnRecord] = []
    for (turn_id,) in taken:
        rows = yield f"{_TURN} WHERE t.id = :turn", {"turn": turn_id}
        found.append(_record(rows[0]))
    return tuple(found)
