"""Finds agents by id."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from .spec import AgentSpec, Budget


class AgentRegistry:
    """The agents of a server. An open one takes any id, with everything at its default."""

    def __init__(
        self, agents: Iterable[AgentSpec], *, is_open: bool, budget: Budget | None = None
    ) -> None:
        self._budget = budget or Budget()
        self._agents = {agent.id: self._limited(agent) for agent in agents}
        self._is_open = is_open
        unnamed = self._limited(AgentSpec(""))
        self._open = lru_cache(256)(lambda agent_id: replace(unnamed, id=agent_id))

    def __len__(self) -> int:
        return len(self._agents)

    @property
    def all(self) -> tuple[AgentSpec, ...]:
        """The agents that have a name here."""
        return tuple(self._agents.values())

    def find(self, agent_id: str) -> AgentSpec | None:
        """Return the agent, or None when there is none of this id."""
        known = self._agents.get(agent_id)
        if known is None and self._is_open:
            return self._open(agent_id)
        return known

    def _limited(self, agent: AgentSpec) -> AgentSpec:
        """No agent spends more than the server lets all of them."""
        return replace(agent, budget=agent.budget.within(self._budget))
