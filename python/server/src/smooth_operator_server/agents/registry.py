"""Finds agents by id: those of the server's files, and those that organisations made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from .persona import Persona
from .spec import AgentSpec, Budget


@dataclass(frozen=True, slots=True)
class OrgDefaults:
    """What holds for the agents of an organisation that do not say otherwise themselves."""

    model: str | None = None
    system_prompt: str = ""
    """Told to every agent before its own instructions."""

    persona: str = ""
    """How those sound that have no persona."""

    tools: frozenset[str] | None = None

    def applied(self, agent: AgentSpec) -> AgentSpec:
        """Return an agent of the organisation."""
        told = [text for text in (self.system_prompt, agent.instructions) if text]
        persona = agent.persona or (Persona(tone=self.persona) if self.persona else None)
        return replace(
            agent,
            model=agent.model or self.model,
            instructions="\n\n".join(told),
            persona=persona,
            tools=self.tools if agent.tools is None else agent.tools,
        )


class AgentRegistry:
    """The agents of a server. An open one takes any id, with everything at its default."""

    def __init__(
        self, agents: Iterable[AgentSpec], *, is_open: bool, budget: Budget | None = None
    ) -> None:
        self._budget = budget or Budget()
        self._agents = {agent.id: self._limited(agent) for agent in agents}
        self._is_open = is_open
        self._unnamed = self._limited(AgentSpec(""))
        self._made: dict[tuple[str, str], AgentSpec] = {}
        self._defaults: dict[str, OrgDefaults] = {}
        self._find = lru_cache(256)(self._look_up)

    def __len__(self) -> int:
        return len(self._agents)

    @property
    def all(self) -> tuple[AgentSpec, ...]:
        """The agents of the server's files."""
        return tuple(self._agents.values())

    def made_by(self, org: str) -> tuple[AgentSpec, ...]:
        """Return the agents that an organisation made for itself."""
        return tuple(agent for (owner, _), agent in self._made.items() if owner == org)

    def is_of_files(self, agent_id: str) -> bool:
        """Tell whether a file of the server names this id: no organisation may take it."""
        return agent_id in self._agents

    def set_made(
        self,
        made: Mapping[str, Iterable[AgentSpec]],
        defaults: Mapping[str, OrgDefaults],
    ) -> None:
        """Take what organisations made, and what they say of all of theirs, as it is now."""
        self._made = {
            (org, agent.id): self._limited(agent)
            for org, agents in made.items()
            for agent in agents
        }
        self._defaults = dict(defaults)
        self._find.cache_clear()

    def find(self, agent_id: str, org: str) -> AgentSpec | None:
        """Return the agent that an organisation means, or None when it has none of this id."""
        return self._find(agent_id, org)

    def _look_up(self, agent_id: str, org: str) -> AgentSpec | None:
        known = self._agents.get(agent_id) or self._made.get((org, agent_id))
        if known is None and self._is_open:
            known = replace(self._unnamed, id=agent_id)
        defaults = self._defaults.get(org)
        return defaults.applied(known) if known is not None and defaults is not None else known

    def _limited(self, agent: AgentSpec) -> AgentSpec:
        """No agent spends more than the server lets all of them."""
        return replace(agent, budget=agent.budget.within(self._budget))
