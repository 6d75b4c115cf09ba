"""What models have cost and what they summed up, in any of the databases."""

from __future__ import annotations

from ..accounts import Spent, Summary
from .database import Database, Transaction

_SPEND = """
INSERT INTO spending (session_id, prompt_tokens, completion_tokens, cost_usd)
VALUES (:session, CAST(:prompt AS BIGINT), CAST(:completion AS BIGINT),
        CAST(:cost AS DOUBLE PRECISION))
ON CONFLICT (session_id) DO UPDATE
SET prompt_tokens = spending.prompt_tokens + excluded.prompt_tokens,
    completion_tokens = spending.completion_tokens + excluded.completion_tokens,
    cost_usd = spending.cost_usd + excluded.cost_usd
"""
_KEEP_SUMMARY = """
INSERT INTO summaries (conversation_id, through_message_id, text)
VALUES (:conversation, :through, :text)
ON CONFLICT (conversation_id) DO UPDATE
SET through_message_id = excluded.through_message_id, text = excluded.text
"""


class SqlModels:
    """The ``ModelStore`` of SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def spend(self, session_id: str, spent: Spent) -> None:
        await self._database.write(_spend, session_id, spent)

    async def spent(self, session_id: str) -> Spent:
        return await self._database.look(_spent, session_id)

    async def keep_summary(self, conversation_id: str, summary: Summary) -> None:
        await self._database.write(_keep_summary, conversation_id, summary)

    async def summary(self, conversation_id: str) -> Summary | None:
        return await self._database.look(_summary, conversation_id)


def _spend(session_id: str, spent: Spent) -> Transaction[None]:
    yield (
        _SPEND,
        {
            "session": session_id,
            "prompt": spent.prompt_tokens,
            "completion": spent.completion_tokens,
            "cost": spent.cost_usd,
        },
    )


def _spent(session_id: str) -> Transaction[Spent]:
    rows = yield (
        (
            "SELECT prompt_tokens, completion_tokens, cost_usd FROM spending"
            " WHERE session_id = :session"
        ),
        {"session": session_id},
    )
    return Spent(*rows[0]) if rows else Spent()


def _keep_summary(conversation_id: str, summary: Summary) -> Transaction[None]:
    yield (
        _KEEP_SUMMARY,
        {
            "conversation": conversation_id,
            "through": summary.through_message_id,
            "text": summary.text,
        },
    )


def _summary(conversation_id: str) -> Transaction[Summary | None]:
    rows = yield (
        "SELECT through_message_id, text FROM summaries WHERE conversation_id = :conversation",
        {"conversation": conversation_id},
    )
    return Summary(*rows[0]) if rows else None
