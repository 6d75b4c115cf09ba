"""The text of a turn, and the tool calls that its chunks carry."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Accumulator:
    """Streamed tokens of one turn."""

    tokens: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What was streamed so far."""
        return "".join(self.tokens)

    def final_text(self, response: Any) -> str:
        """Return the authoritative text of an answer (REQ-TURN-09)."""
        if isinstance(response, str):
            return response
        parts = response.get("responseParts") if isinstance(response, dict) else None
        if isinstance(parts, list) and parts:
            return "\n\n".join(part for part in parts if isinstance(part, str))
        return self.text


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the agent calls (REQ-TURN-19)."""

    name: str
    arguments: dict[str, Any]
    """Arguments; empty when they were neither an object nor a string that holds one."""
    call_id: str | None = None


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool returned."""

    name: str
    is_error: bool | None = None
    result: Any = None
    call_id: str | None = None


def tool_call(event: Any) -> ToolCall | None:
    """Return the tool call that an event carries, None for any other event (REQ-TURN-19)."""
    found = _raw_response(event, "toolCall")
    if found is None:
        return None
    return ToolCall(found["name"], _arguments(found.get("arguments")), _string(found, "callId"))


def tool_result(event: Any) -> ToolResult | None:
    """Return the tool result that an event carries, None for any other event (REQ-TURN-19)."""
    found = _raw_response(event, "toolResult")
    if found is None:
        return None
    is_error = found.get("isError")
    return ToolResult(
        found["name"],
        is_error if isinstance(is_error, bool) else None,
        found.get("result"),
        _string(found, "callId"),
    )


def _raw_response(event: Any, member: str) -> dict[str, Any] | None:
    if event.type != "stream_chunk" or event.state is None:
        return None
    raw = event.state.raw_response
    found = raw.get(member) if isinstance(raw, dict) else None
    return found if isinstance(found, dict) and isinstance(found.get("name"), str) else None


def _arguments(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, dict) else {}


def _string(found: dict[str, Any], member: str) -> str | None:
    value = found.get(member)
    return value if isinstance(value, str) else None
