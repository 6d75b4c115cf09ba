"""The port between the turn runner and an engine (a model and its loop).

An engine streams events of our own. When the stream of a step ends after tool calls, the runner
runs the tools, gates included, and asks for the next step with the results; when it ends without,
the turn is complete. The engine never runs a tool and never sees the wire, the store or the search.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..accounts import Spent, Summary
from ..agents.spec import AgentSpec

_WORD = re.compile(r"\s*\S+\s*|\s+")


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the answer; all pieces of a turn joined are its text."""

    piece: str


@dataclass(frozen=True, slots=True)
class Reasoning:
    """A piece of the model's thinking; never part of the text."""

    piece: str


@dataclass(frozen=True, slots=True)
class Preamble:
    """A piece of what is said before the work starts; never part of the text."""

    piece: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model wants a tool to run."""

    call_id: str
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Usage:
    """What one answer of the model spent; the runner adds them up."""

    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an engine knows of its answer beside the text; the last one of a turn counts."""

    suggestions: tuple[str, ...] = ()
    """What the person may want to ask next."""


@dataclass(frozen=True, slots=True)
class Reached:
    """What is done so far is to be kept, in the middle of a step: ``EngineTurn.save`` is asked now.

    A turn that is taken up by another server goes on from here. The results that the step was
    given have to be part of what is saved.
    """


@dataclass(frozen=True, slots=True)
class Failure:
    """The engine gave up; the turn ends with AGENT_ERROR. The text reaches the client."""

    message: str


EngineEvent = Text | Reasoning | Preamble | ToolCall | Usage | Outcome | Reached | Failure
EngineStream = AsyncGenerator[EngineEvent, None]
"""Closing it ends the engine's work on the step."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What became of a tool call; ``result`` is any JSON value."""

    call_id: str
    name: str
    result: Any
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class ToolOffer:
    """A tool that the model may call; ``parameters`` is a JSON Schema."""

    name: str
    description: str
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    """An earlier message of the conversation; ``by_agent`` tells who said it."""

    by_agent: bool
    text: str
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class Skill:
    """How something is done: told to the model for the one turn that asks for it."""

    name: str
    description: str
    text: str


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that was looked up for the message; ``source`` names its document."""

    source: str
    text: str


async def _nothing() -> tuple[Any, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class TurnInput:
    """Everything an engine knows of a turn."""

    turn_id: str
    message: str
    session_id: str = ""
    conversation_id: str = ""
    history: Callable[[], Awaitable[tuple[Said, ...]]] = _nothing
    """Reads what was said before, oldest first; the store is asked when an engine wants it."""

    context: Callable[[], Awaitable[tuple[Found, ...]]] = _nothing
    """Looks the message up in the documents, once; what is found is cited in any case."""

    memories: Callable[[], Awaitable[tuple[str, ...]]] = _nothing
    """Says what is remembered of the person, a sentence each."""

    past: Past | None = None
    """An earlier conversation that is to be remembered in short, where there can be one."""

    tools: tuple[ToolOffer, ...] = ()
    agent: AgentSpec = field(default_factory=lambda: AgentSpec(""))
    model: str | None = None
    images: tuple[dict[str, Any], ...] = ()
    files: tuple[dict[str, Any], ...] = field(default=())
    skill: Skill | None = None


@dataclass(frozen=True, slots=True)
class Untold:
    """An earlier conversation that is not summed up yet, oldest message first."""

    conversation_id: str
    said: tuple[Said, ...]


class Past(Protocol):
    """Earlier conversations of the person, which may be remembered in short."""

    async def untold(self) -> Untold | None:
        """Return the newest one that is not summed up yet; None when there is none."""
        ...

    async def keep(self, conversation_id: str, text: str) -> None:
        """Remember a conversation that ``untold`` returned, in short."""
        ...


class Accounts(Protocol):
    """What is kept of the models between turns, for an engine that has some."""

    async def spent(self, session_id: str) -> Spent:
        """Return what a session has spent so far."""
        ...

    def charge(self, session_id: str, spent: Spent) -> None:
        """Add to what a session has spent; nothing is waited for."""
        ...

    async def summary(self, conversation_id: str) -> Summary | None:
        """Return what the beginning of a conversation was summed up to."""
        ...

    async def keep_summary(self, conversation_id: str, summary: Summary) -> None:
        """Keep what the beginning of a conversation was summed up to."""
        ...


class Engine(Protocol):
    """Answers turns. One engine serves all sessions; turns may run at the same time."""

    def unavailable(self) -> str | None:
        """Say why no turn can be answered (LLM_UNAVAILABLE), or None when one can."""
        ...

    def begin(self, turn: TurnInput, saved: bytes | None = None) -> EngineTurn:
        """Begin a turn, or take one up again from what ``EngineTurn.save`` returned."""
        ...

    async def aclose(self) -> None:
        """Close what the engine holds open; no turn runs any more."""
        ...


class EngineTurn(Protocol):
    """One turn of an engine; its scope ends it."""

    def step(self, results: Sequence[ToolResult] = ()) -> EngineStream:
        """Go on: from the message, or with one result for each call of the step before."""
        ...

    def save(self) -> bytes:
        """Return what the engine needs to go on from here, as often as it is begun from it: opaque.

        Asked for between steps, and in the middle of one that yields ``Reached``.
        """
        ...

    async def aclose(self) -> None:
        """Drop what is kept of the turn."""
        ...


def words_of(text: str) -> list[str]:
    """Cut a text into words, each with the blanks after it; joined they are the text again."""
    return _WORD.findall(text)
