"""How a person comes into a conversation: a part of several transactions."""

from __future__ import annotations

from .database import Transaction
from .people_records import NewPerson

# Written first: whoever comes, goes or takes the word does it one after another, and none of it
# while a turn begins.
HOLD = "UPDATE conversations SET people = people WHERE id = CAST(:id AS TEXT)"
COUNT = """
UPDATE conversations
SET people = (SELECT count(*) FROM participants AS p
              WHERE p.conversation_id = conversations.id AND p.type = 'human-agent'
                AND p.left_ms IS NULL)
WHERE id = :conversation
"""
_JOIN = """
INSERT INTO participants (id, conversation_id, type, name, email, created_ms, identity)
VALUES (:participant, :conversation, 'human-agent', :name, CAST(:email AS TEXT),
        CAST(:now AS BIGINT), :identity)
ON CONFLICT (conversation_id, identity) WHERE type = 'human-agent'
DO UPDATE SET name = excluded.name, email = excluded.email, left_ms = NULL
RETURNING id
"""


def enter(conversation_id: str, person: NewPerson) -> Transaction[str]:
    """Let a person into a conversation that is held, or in again; return their participant."""
    rows = yield (
        _JOIN,
        {
            "participant": person.participant_id,
            "conversation": conversation_id,
            "name": person.name,
            "email": person.email,
            "now": person.now,
            "identity": person.identity,
        },
    )
    yield COUNT, {"conversation": conversation_id}
    return str(rows[0][0])
