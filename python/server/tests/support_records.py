"""Records for tests of the stores."""

from __future__ import annotations

import itertools
from typing import Any

from smooth_operator_server.auth.principal import Scope
from smooth_operator_server.store import (
    Direction,
    Lease,
    NewMessage,
    NewQuestion,
    NewSession,
    NewTurn,
    SessionRecord,
    Stores,
)

ANN = Scope("acme", "ann@example.com")
BOB = Scope("acme", "bob@example.com")

_numbers = itertools.count(1)


def fresh(word: str) -> str:
    """Return an id that no other test has."""
    return f"{word}-{next(_numbers)}"


async def opened(
    stores: Stores, scope: Scope = ANN, now: int = 1_000, **given: Any
) -> SessionRecord:
    """Open a session; return it."""
    return await stores.conversations.open_session(
        NewSession(
            session_id=fresh("session"),
            user_participant_id=fresh("user"),
            agent_participant_id=fresh("agent"),
            fresh_conversation_id=fresh("conversation"),
            agent_id="helper",
            agent_name="Helper",
            user_name="Ann",
            now=now,
            scope=scope,
            **given,
        )
    )


def message(
    session: SessionRecord, text: str, now: int = 1_000, *, by_agent: bool = False
) -> NewMessage:
    """Return a message of a session's conversation."""
    return NewMessage(
        fresh("message"),
        session.conversation_id,
        session.agent_participant_id if by_agent else session.user_participant_id,
        Direction.OUTBOUND if by_agent else Direction.INBOUND,
        text,
        now,
    )


def turn(session: SessionRecord, request_id: str = "req-1", **given: Any) -> NewTurn:
    """Return a turn of a session's conversation."""
    members: dict[str, Any] = {
        "body": "digest",
        "once": True,
        "holder": "socket-1",
        "wants_tokens": True,
        "lease": Lease("replica-1", 5_000),
        "message": message(session, "Hello"),
    }
    return NewTurn(fresh("turn"), request_id, session.session_id, **members | given)


def question(
    session: SessionRecord, turn_id: str, kind: str = "confirmation", **given: Any
) -> NewQuestion:
    """Return a question of a turn."""
    members: dict[str, Any] = {"subject": {"tool": "delete"}, "now": 1_000, "expires_ms": 9_000}
    return NewQuestion(
        fresh("question"), turn_id, session.session_id, "req-1", kind, **members | given
    )
