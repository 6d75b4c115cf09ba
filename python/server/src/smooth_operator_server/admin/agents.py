"""The part of the admin REST that is about agents, and about what holds for all of an org's."""

from __future__ import annotations

from dataclasses import dataclass

from ..agents import AgentFileError, AgentMaker, AgentRegistry, AgentSpec
from ..clock import iso_time
from ..store.agents import AgentRecord, OrgSettings
from .endpoint import AdminError, Call, Json, invalid, not_found


@dataclass(frozen=True, slots=True)
class AgentAdmin:
    """Agents of the server's files are shown; those that an organisation made it may change."""

    registry: AgentRegistry
    maker: AgentMaker

    async def list_all(self, call: Call) -> Json:
        of_files = [_shown(one, "file") for one in self.registry.all]
        made = [_shown(one, "made") for one in self.registry.made_by(call.principal.org)]
        return {"agents": [*of_files, *made]}

    async def find(self, call: Call) -> Json:
        return {"agent": dict(self._made(call).body)}

    async def add(self, call: Call) -> Json:
        record = self._record(call, call.body["id"])
        try:
            added = await self.maker.add(record)
        except AgentFileError as fault:
            raise invalid(str(fault)) from None
        if not added:
            raise AdminError(409, "EXISTS", "there is an agent of this id already")
        return {"agent": dict(record.body)}

    async def change(self, call: Call) -> Json:
        known = self._made(call)
        if call.body["id"] != known.agent_id:
            raise invalid("/id is not that of the agent")
        record = self._record(call, known.agent_id)
        try:
            await self.maker.put(record)
        except AgentFileError as fault:
            raise invalid(str(fault)) from None
        return {"agent": dict(record.body)}

    async def remove(self, call: Call) -> None:
        self._made(call)
        if not await self.maker.remove(call.principal.org, call.path["id"]):
            raise not_found()

    async def settings(self, call: Call) -> Json:
        return {"settings": _settings(call.principal.org, self.maker.settings(call.principal.org))}

    async def change_settings(self, call: Call) -> Json:
        org = call.principal.org
        return {"settings": _settings(org, await self.maker.put_settings(org, call.body))}

    def _made(self, call: Call) -> AgentRecord:
        """Return an agent that may be changed.

        Raises:
            AdminError: there is none, or it is one of the server's files.
        """
        agent_id = call.path["id"]
        if self.registry.is_of_files(agent_id):
            raise AdminError(409, "OF_FILE", "the agent is one of the server's files")
        found = self.maker.record(call.principal.org, agent_id)
        if found is None:
            raise not_found()
        return found

    def _record(self, call: Call, agent_id: str) -> AgentRecord:
        if self.registry.is_of_files(agent_id):
            raise AdminError(409, "OF_FILE", "the agent is one of the server's files")
        return AgentRecord(call.principal.org, agent_id, call.body)


def _shown(agent: AgentSpec, origin: str) -> Json:
    return {
        "id": agent.id,
        "name": agent.name,
        "model": agent.model,
        "system": agent.system,
        "origin": origin,
    }


def _settings(org: str, found: OrgSettings | None) -> Json:
    body = found.body if found else {}
    return {
        "orgId": org,
        "model": body.get("model"),
        "systemPrompt": body.get("systemPrompt"),
        "persona": body.get("persona"),
        "defaultTools": body.get("defaultTools"),
        "updatedAt": iso_time(found.updated_ms) if found else None,
    }
