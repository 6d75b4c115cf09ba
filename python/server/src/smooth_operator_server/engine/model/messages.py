"""What a model is told of a turn, and what is kept of it between steps. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic_ai.messages import (
    ImageUrl,
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelResponse,
    SystemPromptPart,
    TextPart,
    ToolReturnPart,
    UserContent,
    UserPromptPart,
)

from ..port import Found, Said, ToolResult, TurnInput

WINDOW = 60_000
"""Characters of what was said before that a model is told, the newest ones."""

DEFAULT_INSTRUCTIONS = (
    "You are a helpful assistant. Answer briefly and in the language of the person. When passages"
    " are given below, answer from them; when they do not hold the answer, say so."
)


def opening(turn: TurnInput, history: Sequence[Said], found: Sequence[Found]) -> list[ModelMessage]:
    """Return the messages of a turn before its first step."""
    told: list[ModelMessage] = [ModelRequest([SystemPromptPart(_instructions(turn, found))])]
    for said in _window(history):
        if said.by_agent:
            told.append(ModelResponse([TextPart(said.text)]))
        else:
            told.append(ModelRequest([UserPromptPart(said.text)]))
    told.append(ModelRequest([UserPromptPart(_content(turn))]))
    return told


def returned(answer: ModelResponse, results: Sequence[ToolResult]) -> ModelRequest:
    """Return the message that hands in the results of the calls of an answer, in their order."""
    return ModelRequest(
        [
            ToolReturnPart(
                call.tool_name,
                result.result,
                call.tool_call_id,
                outcome="failed" if result.is_error else "success",
            )
            for call, result in zip(answer.tool_calls, results, strict=True)
        ]
    )


def saved(told: Sequence[ModelMessage]) -> bytes:
    """Return the messages as bytes."""
    return ModelMessagesTypeAdapter.dump_json(list(told))


def read(kept: bytes) -> list[ModelMessage]:
    """Return the messages that ``saved`` gave."""
    return ModelMessagesTypeAdapter.validate_json(kept)


def _instructions(turn: TurnInput, found: Sequence[Found]) -> str:
    parts = [turn.agent.instructions or DEFAULT_INSTRUCTIONS]
    if found:
        passages = "\n\n".join(f"[{passage.source}]\n{passage.text}" for passage in found)
        parts.append(f"Passages of our documents that may hold the answer:\n\n{passages}")
    if turn.files:
        names = ", ".join(str(file.get("name", "")) for file in turn.files)
        parts.append(f"The person has attached these files, whose content you do not see: {names}")
    return "\n\n".join(parts)


def _content(turn: TurnInput) -> str | list[UserContent]:
    if not turn.images:
        return turn.message
    pictures: list[UserContent] = [ImageUrl(_url(image)) for image in turn.images]
    return [turn.message, *pictures] if turn.message else pictures


def _url(image: dict[str, Any]) -> str:
    return str(image["url"])


def _window(history: Sequence[Said]) -> list[Said]:
    """Return the newest messages that fit into the window; the newest one in any case."""
    kept: list[Said] = []
    size = 0
    for said in reversed(history):
        size += len(said.text)
        if kept and size > WINDOW:
            break
        kept.append(said)
    kept.reverse()
    return kept
