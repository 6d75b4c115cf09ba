"""Finds agents by id."""

from __future__ import annotations

from collections.abc import Iterable

from .spec import AgentSpec


class AgentRegistry:
    """The agents of a server. An open one takes any id, with everything at its default."""

    def __init__(self, agents: Iterable[AgentSpec], *, is_open: bool) -> None:
        self._agents = {agent.id: agent for agent in agents}
        self._is_open = is_open

    def __len__(self) -> int:
        return len(self._agents)

    def find(self, agent_id: str) -> AgentSpec | None:
        """Return the agent, or None when there is none of this id."""
        known = self._agents.get(agent_id)
        if known is None and self._is_open:
            return AgentSpec(agent_id)
        return known
