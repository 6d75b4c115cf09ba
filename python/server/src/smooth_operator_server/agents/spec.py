"""What is known of one agent. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

from .memory import MEMORY_TOOLS, MemorySpec
from .persona import Persona
from .team import Team
from .workflow import Workflow

DEFAULT_NAME = "smooth-agent"


@dataclass(frozen=True, slots=True)
class Budget:
    """What a turn and a session may spend; None = the server's own limit, or none."""

    steps: int | None = None
    """Answers of the model in one turn."""

    tokens: int | None = None
    cost_usd: float | None = None
    session_tokens: int | None = None
    """In all turns of a session together."""

    session_cost_usd: float | None = None

    def within(self, other: Budget) -> Budget:
        """Return the narrower of two budgets, limit by limit."""
        pairs = [(getattr(self, one.name), getattr(other, one.name)) for one in fields(Budget)]
        return Budget(*(_least(*pair) for pair in pairs))


def _least(one: Any, other: Any) -> Any:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """One agent, as its file or the server's flags say."""

    id: str
    name: str = DEFAULT_NAME
    instructions: str = ""
    persona: Persona | None = None
    model: str | None = None
    tools: frozenset[str] | None = None
    """Names of the tools it may call, or their beginning and ``*``; None = all of the server."""

    confirm_tools: tuple[str, ...] = ()
    """Substrings of tool names."""

    auth_tools: Mapping[str, str] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    knowledge: frozenset[str] | None = None
    """Document sets that it searches; None = all."""

    skills: frozenset[str] | None = None
    """Names of the skills that people may ask it to use; None = all of the server."""

    system: str = "react"
    """How it works: ``react`` calls tools until it can answer; ``plan`` makes a plan first and has
    its answer checked before anybody sees it; ``team`` leads the members of ``team``;
    ``workflow`` walks through the graph of ``workflow``."""

    team: Team | None = None
    """There for the system ``team`` alone."""

    workflow: Workflow | None = None
    """There for the system ``workflow`` alone."""

    memory: MemorySpec | None = None
    """How it remembers people from one conversation to the next; None = it does not."""

    suggestions: int = 0
    """How many next questions it may propose after an answer."""

    origins: tuple[str, ...] | None = None

    def may_call(self, tool: str) -> bool:
        """Tell whether the agent may call a tool of this name; those of memory need one."""
        if tool in MEMORY_TOOLS:
            return self.memory is not None
        return self.tools is None or any(
            tool.startswith(name[:-1]) if name.endswith("*") else tool == name
            for name in self.tools
        )

    def admits(self, origin: str | None) -> bool:
        """Tell whether a page of this origin may use the agent; no page at all counts as none.

        A pattern is ``*``, an origin, or ``scheme://*.suffix``, which takes the bare suffix too.
        """
        if self.origins is None or "*" in self.origins:
            return True
        return origin is not None and any(_fits(pattern, origin) for pattern in self.origins)


def _fits(pattern: str, origin: str) -> bool:
    if pattern == origin:
        return True
    scheme, _, rest = pattern.partition("://")
    if not rest.startswith("*."):
        return False
    asked, suffix = urlsplit(origin), urlsplit(f"{scheme}://{rest[2:]}")
    host, wanted = asked.hostname or "", suffix.hostname or ""
    same = (asked.scheme, asked.port) == (suffix.scheme, suffix.port)
    return same and (host == wanted or host.endswith(f".{wanted}"))
