"""The tools by which an agent remembers; there for agents whose file has ``memory``."""

from __future__ import annotations

from typing import Any

from ..tools.tool import Run, Tool, ToolContext, ToolError
from .memories import Memories, Recollection

LONGEST = 500
"""Characters of one fact."""


def memory_tools(memories: Memories) -> list[Tool]:
    """Return the tools of all agents that have a memory."""

    def of(context: ToolContext) -> Recollection:
        found = memories.of(context.session, context.agent) if context.agent else None
        if found is None:
            raise ToolError("nothing is remembered here")
        return found

    async def remember(arguments: dict[str, Any], context: ToolContext) -> Any:
        is_new = await of(context).remember(arguments["fact"].strip())
        return {"remembered": True, "knownAlready": not is_new}

    async def agree(arguments: dict[str, Any], context: ToolContext) -> Any:  # noqa: ARG001
        await of(context).agree()
        return {"agreed": True}

    async def recall(arguments: dict[str, Any], context: ToolContext) -> Any:
        found = await of(context).recall(arguments["about"])
        return {"memories": [{"kind": one.kind, "text": one.text} for one in found]}

    async def forget(arguments: dict[str, Any], context: ToolContext) -> Any:
        if arguments.get("everything"):
            return {"forgotten": await of(context).forget_everything()}
        if not arguments.get("about", "").strip():
            raise ToolError("say what to forget: about, or everything")
        return {"forgotten": await of(context).forget(arguments["about"])}

    return _named(remember, agree, recall, forget)


def _named(remember: Run, agree: Run, recall: Run, forget: Run) -> list[Tool]:
    return [
        Tool(
            "memory_add",
            "Remembers a fact about the person for later conversations; they approve it first."
            " One short sentence of what they said themselves, nothing that is not needed.",
            _object({"fact": {"type": "string", "minLength": 1, "maxLength": LONGEST}}, "fact"),
            remember,
            confirm=True,
            idempotent=True,
        ),
        Tool(
            "memory_agree",
            "Asks the person whether conversations from this one on may be remembered in short.",
            _object({}),
            agree,
            confirm=True,
            idempotent=True,
        ),
        Tool(
            "memory_search",
            "Looks up what is remembered of the person from earlier conversations.",
            _object({"about": {"type": "string"}}, "about"),
            recall,
            idempotent=True,
        ),
        Tool(
            "memory_forget",
            "Forgets what is remembered of the person: what holds all words of about, or"
            " everything. Do it whenever they ask for it.",
            _object({"about": {"type": "string"}, "everything": {"type": "boolean"}}),
            forget,
            idempotent=True,
        ),
    ]


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": list(required),
    }
