"""The tools of every server: looking things up, and asking the person in a form."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..agents.memory import MEMORY_TOOLS
from ..fetching import Address, is_public
from ..knowledge import Knowledge
from ..knowledge.loaders import Unreadable, WebLoader
from ..questions.conversational import take_words
from ..questions.forms import CHOICES, IDENTITY_INTAKE
from ..sessions import reading_of
from ..store import ConversationStore
from .tool import AuthLevel, Run, Tool, ToolContext, ToolError

SEARCH_LIMIT = 5
MAX_PAGE = 20_000
"""Characters of a fetched page that a model is given."""

BUILTIN_NAMES = MEMORY_TOOLS | {
    "fetch_url",
    "knowledge_search",
    "request_identity_intake",
    "request_choices",
    "submit_interaction",
}

_TEXT = {"type": "string"}


def builtin_tools(store: ConversationStore, knowledge: Knowledge) -> list[Tool]:
    """Return the tools that every server has."""
    return [knowledge_search(knowledge), *interaction_tools(store)]


def knowledge_search(knowledge: Knowledge) -> Tool:
    """Return the tool that searches the documents; what it finds can be cited."""

    async def run(arguments: dict[str, Any], context: ToolContext) -> Any:
        hits = await knowledge.search(
            arguments["query"], SEARCH_LIMIT, reading_of(context.session, context.sets)
        )
        context.found.extend(hits)
        passages = [{"source": hit.source, "passage": hit.text, "score": hit.score} for hit in hits]
        return {"passages": passages}

    return Tool(
        "knowledge_search",
        "Searches the documents of this server and returns the passages that fit best.",
        {"type": "object", "properties": {"query": _TEXT}, "required": ["query"]},
        run,
        idempotent=True,
    )


def fetch_url(admits: Callable[[Address], bool] = is_public) -> Tool:
    """Return the tool that reads a page of the web; ``admits`` tells which addresses it may ask."""

    async def run(arguments: dict[str, Any], context: ToolContext) -> Any:  # noqa: ARG001
        (found,) = [one async for one in WebLoader(arguments["url"], admits)]
        if isinstance(found, Unreadable):
            raise ToolError(f"the page {found.why.removeprefix('the page ')}")
        return {"url": found.url, "title": found.title, "text": found.text[:MAX_PAGE]}

    return Tool(
        "fetch_url",
        "Reads a page of the web by its address.",
        {"type": "object", "properties": {"url": _TEXT}, "required": ["url"]},
        run,
        idempotent=True,
    )


def interaction_tools(store: ConversationStore) -> list[Tool]:
    """Return the tools that ask the person, and the one that takes answers in plain words."""

    async def submit(arguments: dict[str, Any], context: ToolContext) -> Any:
        try:
            return await take_words(store, context.session, arguments)
        except ValueError as fault:
            raise ToolError(str(fault)) from None

    return [
        Tool(
            "request_identity_intake",
            "Asks who the person is: any of name, email and phone.",
            {
                "type": "object",
                "properties": {"fields": {"type": "array"}, "reason": _TEXT},
                "required": ["fields"],
            },
            _not_run_directly,
            interaction=IDENTITY_INTAKE,
        ),
        Tool(
            "request_choices",
            "Asks the person to choose: one to four questions with two to four options each.",
            {
                "type": "object",
                "properties": {"questions": {"type": "array"}, "reason": _TEXT},
                "required": ["questions"],
            },
            _not_run_directly,
            interaction=CHOICES,
        ),
        Tool(
            "submit_interaction",
            "Hands in what the person answered in conversation to a question of the given kind.",
            {
                "type": "object",
                "properties": {
                    "kind": _TEXT,
                    "values": {"type": "object"},
                    "declined": {"type": "boolean"},
                },
                "required": ["kind"],
            },
            submit,
        ),
    ]


async def _not_run_directly(arguments: dict[str, Any], context: ToolContext) -> Any:  # noqa: ARG001
    raise ToolError("an interaction is asked by the turn, not run")


def scripted_tools(definitions: Iterable[Any]) -> list[Tool]:
    """Return the tools of a script: each call gives the same result."""
    return [
        Tool(
            tool["name"],
            tool.get("description", ""),
            tool.get("parameters", {"type": "object"}),
            _always(tool.get("result")),
            confirm=tool.get("confirm", False),
            auth=AuthLevel(tool["auth"]) if "auth" in tool else None,
        )
        for tool in definitions
    ]


def _always(result: Any) -> Run:
    async def run(arguments: dict[str, Any], context: ToolContext) -> Any:  # noqa: ARG001
        return result

    return run
