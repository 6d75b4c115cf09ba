"""Agents that organisations make for themselves while the server runs, at every server."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from ..backplane import Notice, Post
from ..clock import Clock
from ..store import AgentStore, StoreError
from ..store.agents import AgentRecord, OrgSettings
from ..telemetry import log, where
from .files import AgentFileError, agent_of
from .registry import AgentRegistry, OrgDefaults
from .spec import AgentSpec

KIND = "agents"


class AgentMaker:
    """Keeps what the registry knows as the store has it; the other servers are told to look."""

    def __init__(
        self, store: AgentStore, registry: AgentRegistry, post: Post, clock: Clock
    ) -> None:
        self._store = store
        self._registry = registry
        self._post = post
        self._clock = clock
        self._records: dict[tuple[str, str], AgentRecord] = {}
        self._settings: dict[str, OrgSettings] = {}
        post.on(KIND, self._told)

    async def load(self) -> None:
        """Read what is stored.

        Raises:
            StoreError: the store failed.
        """
        records = await self._store.all()
        self._records = {(one.org, one.agent_id): one for one in records}
        self._settings = {one.org: one for one in await self._store.all_settings()}
        made: dict[str, list[AgentSpec]] = defaultdict(list)
        for one in records:
            try:
                made[one.org].append(agent_of(dict(one.body)))
            except AgentFileError as fault:  # made by a server of another version
                log.error("a stored agent is passed over", agent=one.agent_id, why=str(fault))
        defaults = {org: _defaults(one.body) for org, one in self._settings.items()}
        self._registry.set_made(made, defaults)

    def record(self, org: str, agent_id: str) -> AgentRecord | None:
        """Return an agent that an organisation made, as it was given."""
        return self._records.get((org, agent_id))

    def settings(self, org: str) -> OrgSettings | None:
        """Return what holds for all agents of an organisation."""
        return self._settings.get(org)

    async def add(self, record: AgentRecord) -> bool:
        """Make an agent; False when the organisation has one of this id.

        Raises:
            AgentFileError: it does not fit.
        """
        agent_of(dict(record.body))
        added = await self._store.add(record, self._clock.epoch_ms())
        await self._changed()
        return added

    async def put(self, record: AgentRecord) -> None:
        """Change an agent.

        Raises:
            AgentFileError: it does not fit.
        """
        agent_of(dict(record.body))
        await self._store.put(record, self._clock.epoch_ms())
        await self._changed()

    async def remove(self, org: str, agent_id: str) -> bool:
        """Forget an agent; conversations with it go on by its name alone."""
        removed = await self._store.remove(org, agent_id)
        await self._changed()
        return removed

    async def put_settings(self, org: str, body: Mapping[str, Any]) -> OrgSettings:
        """Change what holds for all agents of an organisation."""
        settings = OrgSettings(org, body, self._clock.epoch_ms())
        await self._store.put_settings(settings)
        await self._changed()
        return settings

    async def _changed(self) -> None:
        await self.load()
        self._post.tell_later(None, KIND)

    async def _told(self, _: Notice) -> None:
        try:
            await self.load()
        except StoreError as fault:
            log.error("agents were not read again", **where(fault))


def _defaults(body: Mapping[str, Any]) -> OrgDefaults:
    tools = body.get("defaultTools")
    return OrgDefaults(
        body.get("model"),
        body.get("systemPrompt") or "",
        body.get("persona") or "",
        None if tools is None else frozenset(tools),
    )
