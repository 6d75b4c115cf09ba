"""Agents and settings of organisations, in any of the databases."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .database import Database, Transaction

_PUT = """
INSERT INTO agents (id, org, body, created_ms, updated_ms)
VALUES (:id, :org, :body, CAST(:now AS BIGINT), CAST(:now AS BIGINT))
ON CONFLICT (org, id) DO UPDATE SET body = excluded.body, updated_ms = excluded.updated_ms
"""
_ADD = """
INSERT INTO agents (id, org, body, created_ms, updated_ms)
VALUES (:id, :org, :body, CAST(:now AS BIGINT), CAST(:now AS BIGINT))
ON CONFLICT (org, id) DO NOTHING RETURNING id
"""
_PUT_SETTINGS = """
INSERT INTO org_settings (org, body, updated_ms) VALUES (:org, :body, CAST(:now AS BIGINT))
ON CONFLICT (org) DO UPDATE SET body = excluded.body, updated_ms = excluded.updated_ms
"""


@dataclass(frozen=True, slots=True)
class AgentRecord:
    """An agent that an organisation made; ``body`` is what an agent file would say."""

    org: str
    agent_id: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OrgSettings:
    """What holds for all agents of an organisation that do not say otherwise themselves."""

    org: str
    body: Mapping[str, Any]
    updated_ms: int


class SqlAgents:
    """The ``AgentStore`` of SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> tuple[AgentRecord, ...]:
        return await self._database.read(_all)

    async def add(self, record: AgentRecord, now: int) -> bool:
        return await self._database.write(_add, record, now)

    async def put(self, record: AgentRecord, now: int) -> None:
        await self._database.write(_put, record, now)

    async def remove(self, org: str, agent_id: str) -> bool:
        return await self._database.write(_remove, org, agent_id)

    async def all_settings(self) -> tuple[OrgSettings, ...]:
        return await self._database.read(_all_settings)

    async def put_settings(self, settings: OrgSettings) -> None:
        await self._database.write(_put_settings, settings)


def _all() -> Transaction[tuple[AgentRecord, ...]]:
    rows = yield "SELECT org, id, body FROM agents ORDER BY created_ms, org, id", {}
    return tuple(AgentRecord(org, identity, json.loads(body)) for org, identity, body in rows)


def _members(record: AgentRecord, now: int) -> dict[str, Any]:
    body = json.dumps(dict(record.body))
    return {"id": record.agent_id, "org": record.org, "body": body, "now": now}


def _add(record: AgentRecord, now: int) -> Transaction[bool]:
    return bool((yield _ADD, _members(record, now)))


def _put(record: AgentRecord, now: int) -> Transaction[None]:
    yield _PUT, _members(record, now)


def _remove(org: str, agent_id: str) -> Transaction[bool]:
    gone = yield (
        "DELETE FROM agents WHERE org = :org AND id = :id RETURNING id",
        {"org": org, "id": agent_id},
    )
    return bool(gone)


def _all_settings() -> Transaction[tuple[OrgSettings, ...]]:
    rows = yield "SELECT org, body, updated_ms FROM org_settings", {}
    return tuple(OrgSettings(org, json.loads(body), updated) for org, body, updated in rows)


def _put_settings(settings: OrgSettings) -> Transaction[None]:
    body = json.dumps(dict(settings.body))
    yield _PUT_SETTINGS, {"org": settings.org, "body": body, "now": settings.updated_ms}
