"""What agents remember of people, and what people have agreed to, in any of the databases."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from .database import Database, Transaction

MOST = 300
"""Memories of one person at one agent; beyond it the one that was needed least goes."""

_ROW = "id, kind, text, vector, embedder, created_ms, used_ms, uses"
_OF = "org = :org AND person = :person AND agent = :agent"
_ADD = """
INSERT INTO memories (id, org, person, agent, kind, text, vector, embedder, conversation_id,
                      created_ms, used_ms, uses)
VALUES (:id, :org, :person, :agent, :kind, :text, {vector}, :embedder,
        CAST(:conversation AS TEXT), CAST(:now AS BIGINT), CAST(:now AS BIGINT), 0)
"""
_LATEST = """
SELECT c.id FROM conversations AS c
WHERE c.org = :org AND {owner} AND c.message_count >= CAST(:least AS BIGINT) AND c.id <> :current
AND c.created_ms >= CAST(:since AS BIGINT)
AND EXISTS (SELECT 1 FROM sessions AS s WHERE s.conversation_id = c.id AND s.agent_id = :agent)
AND NOT EXISTS (SELECT 1 FROM memories AS m WHERE m.conversation_id = c.id AND m.agent = :agent)
ORDER BY c.updated_ms DESC, c.id LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Person:
    """Whom an agent remembers: a person of an organisation; ``owner`` as of conversations."""

    org: str
    owner: str | None
    agent: str

    @property
    def key(self) -> dict[str, Any]:
        """The parameters that name the person and the agent."""
        return {"org": self.org, "person": self.owner or "", "agent": self.agent}


@dataclass(frozen=True, slots=True)
class NewMemory:
    """Something to be remembered; ``kind`` is ``fact`` or ``episode``, ``now`` epoch ms."""

    memory_id: str
    kind: str
    text: str
    vector: bytes | None
    embedder: str
    conversation_id: str | None
    now: int


@dataclass(frozen=True, slots=True)
class MemoryRecord:
    """A memory as stored."""

    memory_id: str
    kind: str
    text: str
    vector: bytes | None
    embedder: str
    created_ms: int
    used_ms: int
    uses: int


class SqlMemories:
    """The ``MemoryStore`` of SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database
        is_postgres = database.dialect == "postgres"
        self._add = _ADD.format(vector="CAST(:vector AS BYTEA)" if is_postgres else ":vector")

    async def add(self, person: Person, new: NewMemory) -> None:
        await self._database.write(_remember, self._add, person, new)

    async def all(self, person: Person) -> tuple[MemoryRecord, ...]:
        return await self._database.read(_all, person)

    async def use(self, memory_ids: Collection[str], now: int) -> None:
        await self._database.write(_use, tuple(memory_ids), now)

    async def forget(self, person: Person, memory_ids: Collection[str]) -> int:
        return await self._database.write(_forget, person, tuple(memory_ids))

    async def forget_all(self, org: str, person: str, agent: str | None = None) -> int:
        return await self._database.load(_forget_all, org, person, agent)

    async def agree(self, person: Person, now: int) -> None:
        await self._database.write(_agree, person, now)

    async def agreed_ms(self, person: Person) -> int | None:
        return await self._database.look(_agreed, person)

    async def untold(self, person: Person, current: str, least: int, since: int) -> str | None:
        return await self._database.read(_untold, person, current, least, since)


def _remember(statement: str, person: Person, new: NewMemory) -> Transaction[None]:
    yield (
        statement,
        person.key
        | {
            "id": new.memory_id,
            "kind": new.kind,
            "text": new.text,
            "vector": new.vector,
            "embedder": new.embedder,
            "conversation": new.conversation_id,
            "now": new.now,
        },
    )
    yield (
        (
            f"DELETE FROM memories WHERE {_OF} AND id NOT IN (SELECT id FROM memories"
            f" WHERE {_OF} ORDER BY used_ms DESC, created_ms DESC, id LIMIT {MOST})"
        ),
        person.key,
    )


def _all(person: Person) -> Transaction[tuple[MemoryRecord, ...]]:
    rows = yield (
        f"SELECT {_ROW} FROM memories WHERE {_OF} ORDER BY created_ms, id",
        person.key,
    )
    return tuple(MemoryRecord(*row) for row in rows)


def _use(memory_ids: tuple[str, ...], now: int) -> Transaction[None]:
    for memory_id in memory_ids:
        yield (
            "UPDATE memories SET uses = uses + 1, used_ms = CAST(:now AS BIGINT) WHERE id = :id",
            {"id": memory_id, "now": now},
        )


def _forget(person: Person, memory_ids: tuple[str, ...]) -> Transaction[int]:
    gone = 0
    for memory_id in memory_ids:
        rows = yield (
            f"DELETE FROM memories WHERE {_OF} AND id = :id RETURNING id",
            person.key | {"id": memory_id},
        )
        gone += len(rows)
    return gone


def _forget_all(org: str, person: str, agent: str | None) -> Transaction[int]:
    given = {"org": org, "person": person, "agent": agent}
    of = (
        "org = :org AND person = :person"
        " AND (CAST(:agent AS TEXT) IS NULL OR agent = CAST(:agent AS TEXT))"
    )
    rows = yield f"DELETE FROM memories WHERE {of} RETURNING id", given
    yield f"DELETE FROM memory_consents WHERE {of}", given
    return len(rows)


def _agree(person: Person, now: int) -> Transaction[None]:
    yield (
        (
            "INSERT INTO memory_consents (org, person, agent, given_ms)"
            " VALUES (:org, :person, :agent, CAST(:now AS BIGINT))"
            " ON CONFLICT (org, person, agent) DO NOTHING"
        ),
        person.key | {"now": now},
    )


def _agreed(person: Person) -> Transaction[int | None]:
    rows = yield f"SELECT given_ms FROM memory_consents WHERE {_OF}", person.key
    return rows[0][0] if rows else None


def _untold(person: Person, current: str, least: int, since: int) -> Transaction[str | None]:
    owner = "c.owner IS NULL" if person.owner is None else "c.owner = :person"
    given = person.key | {"current": current, "least": least, "since": since}
    if person.owner is None:
        given.pop("person")
    rows = yield _LATEST.format(owner=owner), given
    return rows[0][0] if rows else None
