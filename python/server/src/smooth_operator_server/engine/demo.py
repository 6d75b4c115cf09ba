"""The demonstration engine: offline, deterministic, and honest about it.

It has no model. It looks a question up with the same knowledge_search tool that a model would
call and quotes the best passage; a few trigger words show the other things that a turn can do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..clock import Clock
from . import demo_forms, demo_scenes
from .port import (
    EngineStream,
    EngineTurn,
    Failure,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    TurnInput,
    Usage,
    words_of,
)

DEMO_CODE = "123456"

TRIGGERS = {
    "delete": "asks for a confirmation, e.g. delete record 42",
    "balance": f"asks for a one-time code; it is {DEMO_CODE}",
    "contact": "asks for your name and e-mail address by a form",
    "choose": "asks you to choose by a form",
    "think": "streams reasoning before the answer",
    "slow": "streams slowly, to be cancelled",
    "fail": "fails",
}
"""Words in a message that show a feature, and what each does; anything else is looked up."""

SLOW_WORDS = 300
SLOW_S = 0.1
"""Seconds between two words of the slow answer."""

_THOUGHTS = "The person asks something that our documents may answer. I look it up first. "
_FAILURE = "the demonstration was asked to fail"


class DemoEngine:
    """Answers from the documents, by rules instead of a model."""

    def __init__(self, clock: Clock, new_id: Callable[[], str]) -> None:
        self._clock = clock
        self._new_id = new_id

    def unavailable(self) -> str | None:
        return None

    def begin(self, turn: TurnInput, saved: bytes | None = None) -> EngineTurn:  # noqa: ARG002
        return _DemoTurn(turn, self._clock, self._new_id)

    async def aclose(self) -> None:
        """Nothing is held open."""


class _DemoTurn:
    """A turn has two steps: the tool that the message asks for, and what came of it in words."""

    def __init__(self, turn: TurnInput, clock: Clock, new_id: Callable[[], str]) -> None:
        self._turn = turn
        self._clock = clock
        self._new_id = new_id

    def step(self, results: Sequence[ToolResult] = ()) -> EngineStream:
        return self._tell(results[0]) if results else self._look()

    def save(self) -> bytes:
        return b""  # what the message asks for is read from the message again

    async def aclose(self) -> None:
        """Nothing is kept."""

    async def _look(self) -> EngineStream:
        turn = self._turn
        answered = demo_forms.answer_in_words(turn.message, await turn.history())
        trigger = None if answered else _trigger(turn.message)
        if trigger == "fail":
            yield Failure(_FAILURE)
            return
        if trigger == "slow":
            for number in range(1, SLOW_WORDS + 1):
                yield Text(f"{number} ")
                await self._clock.sleep(SLOW_S)
            return
        if trigger == "think":
            for word in words_of(_THOUGHTS):
                yield Reasoning(word)
        name, arguments = answered or demo_scenes.tool_for(trigger, turn)
        yield _spent(turn.message, "")
        yield ToolCall(self._new_id(), name, arguments)

    async def _tell(self, result: ToolResult) -> EngineStream:
        answer = demo_scenes.answer_to(result)
        yield _spent(f"{self._turn.message} {result.result}", answer)
        for word in words_of(answer):
            yield Text(word)


def _trigger(message: str) -> str | None:
    return next((word for word in TRIGGERS if word in message.lower()), None)


def _spent(read: Any, written: str) -> Usage:
    """Count words as tokens: there is no model, but a client shall see figures."""
    return Usage(len(words_of(str(read))), len(words_of(written)))
