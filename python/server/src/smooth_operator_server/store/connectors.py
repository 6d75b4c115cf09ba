"""Connectors and their runs, in any of the databases."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .database import Database, Transaction

_PUT = """
INSERT INTO connectors (id, org, name, kind, config, enabled, created_ms, updated_ms)
VALUES (:id, :org, :name, :kind, :config, CAST(:enabled AS BIGINT), CAST(:created AS BIGINT),
        CAST(:updated AS BIGINT))
ON CONFLICT (id) DO UPDATE
SET name = excluded.name, kind = excluded.kind, config = excluded.config,
    enabled = excluded.enabled, updated_ms = excluded.updated_ms
"""
_CONNECTOR = "SELECT id, org, name, kind, config, enabled, created_ms, updated_ms FROM connectors"
_ADD_RUN = """
INSERT INTO index_runs (id, org, connector_name, status, started_ms, finished_ms, seen, indexed,
                        skipped, error)
VALUES (:id, :org, :name, :status, CAST(:started AS BIGINT), CAST(:finished AS BIGINT),
        CAST(:seen AS BIGINT), CAST(:indexed AS BIGINT), CAST(:skipped AS BIGINT),
        CAST(:error AS TEXT))
"""
_RUNS = """
SELECT id, org, connector_name, status, started_ms, finished_ms, seen, indexed, skipped, error
FROM index_runs WHERE org = :org ORDER BY started_ms DESC, id LIMIT CAST(:most AS BIGINT)
"""


@dataclass(frozen=True, slots=True)
class ConnectorRecord:
    """Where documents are taken from by request."""

    connector_id: str
    org: str
    name: str
    kind: str
    config: Mapping[str, Any]
    enabled: bool
    created_ms: int
    updated_ms: int


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run over a connector; ``status`` is succeeded or failed."""

    run_id: str
    org: str
    connector_name: str
    status: str
    started_ms: int
    finished_ms: int
    seen: int
    indexed: int
    skipped: int
    error: str | None = None


class SqlConnectors:
    """The ``ConnectorStore`` of SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, record: ConnectorRecord) -> None:
        await self._database.write(_put, record)

    async def all(self, org: str) -> tuple[ConnectorRecord, ...]:
        return await self._database.read(_all, org)

    async def find(self, org: str, connector_id: str) -> ConnectorRecord | None:
        return await self._database.look(_find, org, connector_id)

    async def remove(self, org: str, connector_id: str) -> bool:
        return await self._database.write(_remove, org, connector_id)

    async def add_run(self, run: RunRecord) -> None:
        await self._database.write(_add_run, run)

    async def runs(self, org: str, limit: int) -> tuple[RunRecord, ...]:
        return await self._database.read(_runs, org, limit)


def _put(record: ConnectorRecord) -> Transaction[None]:
    yield (
        _PUT,
        {
            "id": record.connector_id,
            "org": record.org,
            "name": record.name,
            "kind": record.kind,
            "config": json.dumps(dict(record.config)),
            "enabled": int(record.enabled),
            "created": record.created_ms,
            "updated": record.updated_ms,
        },
    )


def _all(org: str) -> Transaction[tuple[ConnectorRecord, ...]]:
    rows = yield f"{_CONNECTOR} WHERE org = :org ORDER BY created_ms, id", {"org": org}
    return tuple(_record(row) for row in rows)


def _find(org: str, connector_id: str) -> Transaction[ConnectorRecord | None]:
    rows = yield f"{_CONNECTOR} WHERE org = :org AND id = :id", {"org": org, "id": connector_id}
    return _record(rows[0]) if rows else None


def _record(row: tuple[Any, ...]) -> ConnectorRecord:
    connector_id, org, name, kind, config, enabled, created, updated = row
    return ConnectorRecord(
        connector_id, org, name, kind, json.loads(config), bool(enabled), created, updated
    )


def _remove(org: str, connector_id: str) -> Transaction[bool]:
    gone = yield (
        "DELETE FROM connectors WHERE org = :org AND id = :id RETURNING id",
        {"org": org, "id": connector_id},
    )
    return bool(gone)


def _add_run(run: RunRecord) -> Transaction[None]:
    yield (
        _ADD_RUN,
        {
            "id": run.run_id,
            "org": run.org,
            "name": run.connector_name,
            "status": run.status,
            "started": run.started_ms,
            "finished": run.finished_ms,
            "seen": run.seen,
            "indexed": run.indexed,
            "skipped": run.skipped,
            "error": run.error,
        },
    )


def _runs(org: str, limit: int) -> Transaction[tuple[RunRecord, ...]]:
    rows = yield _RUNS, {"org": org, "most": limit}
    return tuple(RunRecord(*row) for row in rows)
