"""The tools of a server by name, with their arguments checked before they run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import jsonschema_rs

from ..agents import AgentSpec
from ..engine import ToolOffer
from ..knowledge import Hit
from ..protocol.faults import describe
from ..store import SessionRecord


class AuthLevel(StrEnum):
    """Proof that a tool asks of the person."""

    END_USER = "end_user"
    """A one-time code, given in this session."""

    ADMIN = "admin"
    """More than a visitor can prove; always refused."""


class ToolError(Exception):
    """A tool could not do its work; the model is told why, and the turn goes on."""


@dataclass(slots=True)
class ToolContext:
    """What a running tool may see and leave behind."""

    session: SessionRecord
    found: list[Hit] = field(default_factory=list)
    """Passages that the answer may cite."""


Run = Callable[[dict[str, Any], ToolContext], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool. ``run`` returns any JSON value or raises ``ToolError``."""

    name: str
    description: str
    parameters: dict[str, Any]
    run: Run
    confirm: bool = False
    auth: AuthLevel | None = None
    idempotent: bool = False
    """Whether it may run again when nobody knows if it ran: a server ended in the middle."""

    interaction: str | None = None
    """Kind of interaction that the tool raises; its ``run`` is then not used to ask."""


def _asked_by(agent: AgentSpec, tool: Tool) -> Tool:
    """Return the tool with the proof that the agent asks for: more is possible, less is not."""
    if tool.auth is AuthLevel.ADMIN or tool.name not in agent.auth_tools:
        return tool
    return replace(tool, auth=AuthLevel(agent.auth_tools[tool.name]))


class ToolRegistry:
    """All tools that models may call. Names are unique."""

    def __init__(self, tools: Iterable[Tool]) -> None:
        self._tools: dict[str, Tool] = {}
        self._checks: dict[str, jsonschema_rs.Draft202012Validator] = {}
        for tool in tools:
            if tool.name in self._tools:
                raise ValueError(f"two tools are named {tool.name}")
            self._tools[tool.name] = tool
            self._checks[tool.name] = jsonschema_rs.Draft202012Validator(tool.parameters)

    def offers(self, agent: AgentSpec) -> tuple[ToolOffer, ...]:
        """Return what the agent's model is told of the tools it may call."""
        return tuple(
            ToolOffer(tool.name, tool.description, tool.parameters)
            for tool in self._tools.values()
            if agent.tools is None or tool.name in agent.tools
        )

    def get(self, name: str) -> Tool | None:
        """Return a tool by its name alone."""
        return self._tools.get(name)

    def find(self, name: str, arguments: dict[str, Any], agent: AgentSpec | None = None) -> Tool:
        """Return the tool of a call, with what the agent asks of whoever calls it.

        Raises:
            ToolError: no such tool, not for this agent, or arguments that break its parameters.
        """
        tool = self._tools.get(name)
        if tool is None or (agent and agent.tools is not None and name not in agent.tools):
            raise ToolError(f"there is no tool {name}")
        if agent is not None:
            tool = _asked_by(agent, tool)
        fault = next(self._checks[name].iter_errors(arguments), None)
        if fault is not None:
            raise ToolError(f"the arguments do not fit: {describe(fault)}")
        return tool
