"""Hooks around each tool: they see its arguments before it runs and its result afterwards."""

from __future__ import annotations

from typing import Any, Protocol

from .tool import Tool, ToolContext


class ToolHook(Protocol):
    """Looks at every call of a tool. Hooks run in their order before it, and backwards after it."""

    async def before(
        self, tool: Tool, arguments: dict[str, Any], context: ToolContext
    ) -> dict[str, Any]:
        """Return the arguments that the tool gets.

        Raises:
            ToolError: the call is refused; the model is told why.
        """
        ...

    async def after(self, tool: Tool, result: Any, context: ToolContext) -> Any:
        """Return the result that the model and the client get. The reason of a ``ToolError`` comes
        by here too.

        Raises:
            ToolError: the result is withheld; the model is told why.
        """
        ...
