"""What models have cost and what they summed up, in any of the databases."""

from __future__ import annotations

from ..accounts import Spent, Summary, UsageRecord
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

    async def usage(self, org: str) -> UsageRecord:
        return await self._database.read(_usage, org)

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


def _usage(org: str) -> Transaction[UsageRecord]:
    ((conversations, messages, held),) = yield (
        (
            "SELECT count(*), CAST(coalesce(sum(message_count), 0) AS BIGINT), count(held_by)"
            " FROM conversations WHERE org = :org"
        ),
        {"org": org},
    )
    turns = yield (
        (
            "SELECT t.state, count(*) FROM turns AS t"
            " JOIN conversations AS c ON c.id = t.conversation_id"
            " WHERE c.org = :org GROUP BY t.state"
        ),
        {"org": org},
    )
    ((read, written, cost),) = yield (
        (
            "SELECT CAST(coalesce(sum(s.prompt_tokens), 0) AS BIGINT),"
            " CAST(coalesce(sum(s.completion_tokens), 0) AS BIGINT), coalesce(sum(s.cost_usd), 0)"
            " FROM spending AS s JOIN sessions AS o ON o.id = s.session_id"
            " JOIN conversations AS c ON c.id = o.conversation_id WHERE c.org = :org"
        ),
        {"org": org},
    )
    spent = Spent(read, written, float(cost))
    return UsageRecord(conversations, messages, held, dict(turns), spent)
