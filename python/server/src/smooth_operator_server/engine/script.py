"""The scripted engine: says what a file says, in order, across all turns of the server."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..clock import Clock
from .port import (
    EngineStream,
    EngineTurn,
    Failure,
    Preamble,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    TurnInput,
    Usage,
    words_of,
)
from .script_file import Json

DEFAULT_USAGE = Usage(prompt_tokens=10, completion_tokens=5)
"""Of a text or a tool call that says nothing about it; other entries then spend nothing."""

_DRY = "the script has no model entry left"


class ScriptEngine:
    """Plays the model entries of a script. The place in the script is shared by all turns."""

    def __init__(self, entries: Sequence[Json], clock: Clock, new_id: Callable[[], str]) -> None:
        self._entries = tuple(entries)
        self._next = 0
        self._clock = clock
        self._new_id = new_id

    def unavailable(self) -> str | None:
        return None

    def begin(self, turn: TurnInput, saved: bytes | None = None) -> EngineTurn:  # noqa: ARG002
        if saved:  # of a server that is gone: what it had read is not read again
            self._next = max(self._next, int(saved))
        return _ScriptTurn(self)

    async def aclose(self) -> None:
        """Nothing is held open."""

    def restart(self, entries: Sequence[Json]) -> None:
        """Play other entries from now on, from the first."""
        self._entries = tuple(entries)
        self._next = 0

    @property
    def place(self) -> int:
        """How many entries have been read."""
        return self._next

    async def play(self) -> EngineStream:
        """Play entries up to the next one that ends a step: a text, a tool call or an error."""
        while self._next < len(self._entries):
            entry = self._entries[self._next]
            self._next += 1
            if delay := entry.get("delayMs"):
                await self._clock.sleep(delay / 1000)
            if usage := _usage(entry):
                yield usage
            if "text" in entry:
                for word in words_of(entry["text"]):
                    yield Text(word)
                return
            if "toolCall" in entry:
                call = entry["toolCall"]
                yield ToolCall(self._new_id(), call["name"], call.get("arguments", {}))
                return
            if "error" in entry:
                yield Failure(entry["error"])
                return
            if "reasoning" in entry:
                for word in words_of(entry["reasoning"]):
                    yield Reasoning(word)
            if "preamble" in entry:
                for word in words_of(entry["preamble"]):
                    yield Preamble(word)
        yield Failure(_DRY)


class _ScriptTurn:
    """What is kept of a turn is the place in the script: entries that it read stay read."""

    def __init__(self, engine: ScriptEngine) -> None:
        self._engine = engine

    def step(self, results: Sequence[ToolResult] = ()) -> EngineStream:  # noqa: ARG002
        return self._engine.play()

    def save(self) -> bytes:
        return str(self._engine.place).encode()

    async def aclose(self) -> None:
        """Nothing is kept."""


def _usage(entry: Json) -> Usage | None:
    spent = entry.get("usage")
    if spent is None:
        return DEFAULT_USAGE if "text" in entry or "toolCall" in entry else None
    return Usage(
        int(spent.get("promptTokens", DEFAULT_USAGE.prompt_tokens)),  # 10.0 is an integer too
        int(spent.get("completionTokens", DEFAULT_USAGE.completion_tokens)),
        spent.get("costUsd"),
    )
