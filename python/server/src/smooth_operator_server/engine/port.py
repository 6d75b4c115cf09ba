"""The port between the turn runner and an engine (a model and its loop).

An engine streams events of our own. When its stream ends after tool calls, the runner runs
the tools, gates included, and resumes the engine with the results; when it ends without,
the turn is complete. The engine never runs a tool and never sees the wire.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..knowledge import Hit
from ..store import Direction

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
class Failure:
    """The engine gave up; the turn ends with AGENT_ERROR. The text reaches the client."""

    message: str


EngineEvent = Text | Reasoning | Preamble | ToolCall | Usage | Failure
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
    """An earlier message of the conversation."""

    direction: Direction
    text: str


@dataclass(frozen=True, slots=True)
class TurnInput:
    """Everything an engine knows of a turn. ``history`` is oldest first."""

    turn_id: str
    message: str
    history: tuple[Said, ...] = ()
    context: tuple[Hit, ...] = ()
    tools: tuple[ToolOffer, ...] = ()
    model: str | None = None
    images: tuple[dict[str, Any], ...] = ()
    files: tuple[dict[str, Any], ...] = field(default=())


class Engine(Protocol):
    """Answers turns. One engine serves all sessions; turns may run at the same time."""

    def unavailable(self) -> str | None:
        """Say why no turn can be answered (LLM_UNAVAILABLE), or None when one can."""
        ...

    def start(self, turn: TurnInput) -> EngineStream:
        """Begin a turn."""
        ...

    def resume(self, turn_id: str, results: Sequence[ToolResult]) -> EngineStream:
        """Go on with a turn whose tool calls have been answered, one result a call."""
        ...

    async def cancel(self, turn_id: str) -> None:
        """Drop what is kept of a turn that will not be resumed; unknown ids are no error."""
        ...


def words_of(text: str) -> list[str]:
    """Cut a text into words, each with the blanks after it; joined they are the text again."""
    return _WORD.findall(text)
