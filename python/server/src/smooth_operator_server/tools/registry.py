"""The tools of a server by name, with their arguments checked before they run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import jsonschema_rs

from ..agents import AgentSpec
from ..clock import SystemClock
from ..engine import ToolOffer
from ..protocol.faults import describe
from ..telemetry import Observer, log
from .hooks import ToolHook
from .tool import AuthLevel, Tool, ToolContext, ToolError


def _asked_by(agent: AgentSpec, tool: Tool) -> Tool:
    """Return the tool with the proof that the agent asks for: more is possible, less is not."""
    if tool.auth is AuthLevel.ADMIN or tool.name not in agent.auth_tools:
        return tool
    return replace(tool, auth=AuthLevel(agent.auth_tools[tool.name]))


class ToolRegistry:
    """All tools that models may call. Names are unique."""

    def __init__(
        self,
        tools: Iterable[Tool],
        hooks: Sequence[ToolHook] = (),
        observer: Observer | None = None,
    ) -> None:
        self._observer = observer or Observer(SystemClock())
        self._hooks = tuple(hooks)
        self._tools: dict[str, Tool] = {}
        self._checks: dict[str, jsonschema_rs.Draft202012Validator] = {}
        self._groups: dict[str, tuple[str, ...]] = {}
        for tool in tools:
            if tool.name in self._tools:
                raise ValueError(f"two tools are named {tool.name}")
            self._add(tool)

    def _add(self, tool: Tool) -> None:
        self._tools[tool.name] = tool
        self._checks[tool.name] = jsonschema_rs.Draft202012Validator(tool.parameters)

    def put_group(self, group: str, tools: Iterable[Tool]) -> None:
        """Have the tools of a group, in place of those that it had; a name that is taken stays."""
        for name in self._groups.pop(group, ()):
            del self._tools[name], self._checks[name]
        added = []
        for tool in tools:
            if tool.name in self._tools:
                log.warning("a tool was left out", tool=tool.name, why="its name is taken")
            else:
                self._add(tool)
                added.append(tool.name)
        self._groups[group] = tuple(added)

    def offers(self, agent: AgentSpec) -> tuple[ToolOffer, ...]:
        """Return what the agent's model is told of the tools it may call."""
        return tuple(
            ToolOffer(tool.name, tool.description, tool.parameters)
            for tool in self._tools.values()
            if agent.may_call(tool.name)
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
        if tool is None or (agent is not None and not agent.may_call(name)):
            raise ToolError(f"there is no tool {name}")
        if agent is not None:
            tool = _asked_by(agent, tool)
        fault = next(self._checks[name].iter_errors(arguments), None)
        if fault is not None:
            raise ToolError(f"the arguments do not fit: {describe(fault)}")
        return tool

    async def run(self, tool: Tool, arguments: dict[str, Any], context: ToolContext) -> Any:
        """Run a tool between its hooks; its result is any JSON value.

        Raises:
            ToolError: the tool could not do its work, or a hook refuses the call.
        """
        with self._observer.tool(tool.name):
            return await self._run(tool, arguments, context)

    async def _run(self, tool: Tool, arguments: dict[str, Any], context: ToolContext) -> Any:
        for hook in self._hooks:
            arguments = await hook.before(tool, arguments, context)
        try:
            result = await tool.run(arguments, context)
        except ToolError as fault:
            reason = await self._after(tool, str(fault), context)
            raise ToolError(reason if isinstance(reason, str) else str(fault)) from None
        return await self._after(tool, result, context)

    async def _after(self, tool: Tool, result: Any, context: ToolContext) -> Any:
        for hook in reversed(self._hooks):
            result = await hook.after(tool, result, context)
        return result
