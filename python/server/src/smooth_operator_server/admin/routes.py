"""The handlers of the admin REST."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..auth import Principal, Role, Scope
from ..clock import Clock, iso_time
from ..knowledge import Knowledge
from ..knowledge.ingest import Filing, Report, ingest
from ..knowledge.loaders import FileLoader, GitHubLoader, Loader, LoadError, Repository, WebLoader
from ..people import message_shown, party
from ..sessions.titles import derived
from ..store import Stores, UnknownCursorError
from ..store.connectors import ConnectorRecord, RunRecord
from .agents import AgentAdmin
from .documents import DocumentAdmin
from .endpoint import AdminError, Call, Json, invalid, not_found, page_size
from .people import PeopleAdmin

MOST_RUNS = 200

Publish = Callable[[str, str, str, Json], int]
"""Sends an event to the sockets of a target within an organisation; returns to how many here."""


@dataclass(frozen=True, slots=True)
class Admin:
    """What the endpoints do; each sees the organisation of its caller and nothing else."""

    stores: Stores
    people: PeopleAdmin
    agents: AgentAdmin
    documents: DocumentAdmin
    knowledge: Knowledge
    clock: Clock
    new_id: Callable[[], str]
    costs: Callable[[], dict[str, Any]]
    publish_to: Publish
    files: Path | None
    """The folder that connectors of kind file may read; None for none at all."""

    github_api: str
    """Where connectors of kind github ask."""

    async def health(self, _: Call) -> Json:
        return {"status": "ok"}

    async def model_costs(self, _: Call) -> Json:
        return self.costs()

    async def me(self, call: Call) -> Json:
        who = call.principal
        said: Json = {"userId": who.user_id or "local", "orgId": who.org, "role": who.role.value}
        known = {"displayName": who.name, "email": who.email, "groups": list(who.groups)}
        return said | {name: value for name, value in known.items() if value}

    async def conversations(self, call: Call) -> Json:
        try:
            page = await self.stores.conversations.conversations(
                _scope(call.principal), page_size(call), call.query.get("cursor")
            )
        except UnknownCursorError:
            raise invalid("cursor is not of this list") from None
        items = [
            {
                "id": one.conversation_id,
                "name": one.title or derived(one.first_text) or None,
                "platform": "web",
                "messageCount": one.message_count,
                "createdAt": iso_time(one.created_ms),
                "updatedAt": iso_time(one.updated_ms),
                "people": one.people,
                "heldBy": party(one.held_by) if one.held_by else None,
            }
            for one in page.items
        ]
        return {"conversations": items, "nextCursor": page.next_cursor}

    async def messages(self, call: Call) -> Json:
        store, conversation_id = self.stores.conversations, call.path["id"]
        if not await store.is_in_scope(_scope(call.principal), conversation_id):
            raise not_found()
        try:
            page = await store.messages(conversation_id, page_size(call), call.query.get("cursor"))
        except UnknownCursorError:
            raise invalid("cursor is not of this list") from None
        items = [
            message_shown(one.message_id, one.direction, one.text, one.created_ms, one.sender)
            for one in page.items
        ]
        return {
            "conversationId": conversation_id,
            "messages": items,
            "nextCursor": page.next_cursor,
        }

    async def document_sets(self, call: Call) -> Json:
        sets = await self.stores.knowledge.sets(call.principal.org)
        return {"documentSets": [{"name": name, "documentCount": n} for name, n in sets]}

    async def list_connectors(self, call: Call) -> Json:
        found = await self.stores.connectors.all(call.principal.org)
        return {"connectors": [_connector(one) for one in found]}

    async def connector(self, call: Call) -> Json:
        return {"connector": _connector(await self._found(call))}

    async def add_connector(self, call: Call) -> Json:
        now = self.clock.epoch_ms()
        record = await self._record(call, self.new_id(), now, now)
        await self.stores.connectors.put(record)
        return {"connector": _connector(record)}

    async def change_connector(self, call: Call) -> Json:
        known = await self._found(call)
        record = await self._record(
            call, known.connector_id, known.created_ms, self.clock.epoch_ms()
        )
        await self.stores.connectors.put(record)
        return {"connector": _connector(record)}

    async def remove_connector(self, call: Call) -> None:
        if not await self.stores.connectors.remove(call.principal.org, call.path["id"]):
            raise not_found()

    async def runs(self, call: Call) -> Json:
        found = await self.stores.connectors.runs(call.principal.org, MOST_RUNS)
        return {"runs": [_run(one) for one in found]}

    async def index(self, call: Call) -> Json:
        """Take the documents of a connector in; they belong to the organisation of the caller."""
        connector = await self._found(call)
        if not connector.enabled:
            raise AdminError(409, "DISABLED", "the connector is not enabled")
        began = self.clock.epoch_ms()
        report, error = Report(), None
        try:
            loader = await self._loader(connector.kind, connector.config)
            report = await ingest(self.knowledge, loader, Filing(connector.org))
            if report.unreadable and not any(report.counts.values()):
                error = report.unreadable[0].why
        except LoadError:
            error = "there is nothing to be read there"
        run = RunRecord(
            self.new_id(),
            connector.org,
            connector.name,
            "failed" if error else "succeeded",
            began,
            self.clock.epoch_ms(),
            sum(report.counts.values()) + len(report.unreadable),
            sum(report.counts.values()),
            len(report.unreadable),
            error,
        )
        await self.stores.connectors.add_run(run)
        return {"run": _run(run)}

    async def publish(self, call: Call) -> Json:
        target = call.body["target"]
        sent = self.publish_to(call.principal.org, target["type"], target["id"], call.body["event"])
        return {"delivered": sent}

    async def _found(self, call: Call) -> ConnectorRecord:
        found = await self.stores.connectors.find(call.principal.org, call.path["id"])
        if found is None:
            raise not_found()
        return found

    async def _record(
        self, call: Call, identity: str, created: int, updated: int
    ) -> ConnectorRecord:
        body = call.body
        await self._loader(body["kind"], body["config"], only_check=True)
        return ConnectorRecord(
            identity,
            call.principal.org,
            body["name"],
            body["kind"],
            body["config"],
            body.get("enabled", True),
            created,
            updated,
        )

    async def _loader(self, kind: str, config: Any, *, only_check: bool = False) -> Loader:
        """Return what reads a connector; files lie in the folder of the settings.

        Raises:
            AdminError: the path leads out of it, or there is none.
            LoadError: there is no such file or repository.
        """
        if kind == "web" or (kind == "github" and only_check):
            return WebLoader(config.get("url", ""))
        if kind == "github":
            place = Repository(
                config["owner"],
                config["repo"],
                config.get("ref", "HEAD"),
                config.get("folder", "").strip("/"),
            )
            # Never the server's own token: it may see more than the organisation.
            return await GitHubLoader.open(place, _token(config.get("auth_ref")), self.github_api)
        if self.files is None:
            raise AdminError(409, "DISABLED", "/kind file needs SMOOTH_AGENT_CONNECTOR_FILES")
        root = self.files.resolve()
        place = (root / config["path"]).resolve()
        if not place.is_relative_to(root):
            raise invalid("/config/path leads out of the folder of connectors")
        return WebLoader("") if only_check else FileLoader(place)


def _token(name: str | None) -> str | None:
    """Return the token that a connector names by its variable, as it is now; None: without one.

    Raises:
        AdminError: the variable is not set; the text names it.
    """
    if name is None:
        return None
    token = os.environ.get(name, "")
    if not token:
        raise AdminError(409, "DISABLED", f"/config/auth_ref: {name} is not set at this server")
    return token


def _scope(principal: Principal) -> Scope:
    """People see their own conversations, curators those of their organisation."""
    if principal.role.holds(Role.CURATOR):
        return Scope(principal.org, everybody=True)
    return principal.scope


def _connector(record: ConnectorRecord) -> Json:
    return {
        "id": record.connector_id,
        "name": record.name,
        "kind": record.kind,
        "config": dict(record.config),
        "enabled": record.enabled,
        "createdAt": iso_time(record.created_ms),
        "updatedAt": iso_time(record.updated_ms),
    }


def _run(run: RunRecord) -> Json:
    return {
        "id": run.run_id,
        "connectorName": run.connector_name,
        "status": run.status,
        "startedAt": iso_time(run.started_ms),
        "finishedAt": iso_time(run.finished_ms),
        "documentsSeen": run.seen,
        "documentsIndexed": run.indexed,
        "documentsSkipped": run.skipped,
        "error": run.error,
    }
