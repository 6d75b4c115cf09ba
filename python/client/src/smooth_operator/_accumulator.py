"""The text of a turn, and the tool calls that its chunks carry."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from . import wire

LOST = "\ufffd"
_PARTS = 64  # parts that are joined at a time: text is held twice only for so long


class Halves:
    """Joins the two halves of a surrogate pair that came in two tokens (REQ-TURN-09)."""

    __slots__ = ("_high",)

    def __init__(self) -> None:
        self._high = ""

    def texts(self, events: Sequence[Any]) -> str:
        """Return the text of adjacent tokens; half a pair at their end waits for the next one."""
        text = "".join([event.token for event in events])
        # What is half of a pair is shown as a replacement; only then is a second look worth it.
        if self._high or LOST in text:
            return "".join([self.text(event) for event in events])
        return text

    def text(self, event: Any) -> str:
        """Return the text of one token, as :meth:`texts`."""
        token: str = event.token
        if not self._high and not token.endswith(LOST):
            return token
        sent = wire.learned.sent_text(event) if event.merged == 1 else token
        if self._high and sent:
            low = sent[0]
            if "\udc00" <= low <= "\udfff":
                pair = (self._high + low).encode("utf-16", "surrogatepass").decode("utf-16")
                token = pair + token[1:]
            else:
                token = LOST + token
            self._high = ""
        if "\ud800" <= sent[-1:] <= "\udbff" and token.endswith(LOST):
            self._high, token = sent[-1], token[:-1]
        return token

    def rest(self) -> str:
        """Return what stands for a half whose other half did not come."""
        return LOST if self._high else ""


class Joined:
    """Text that grows: tokens go in, the whole comes out, each copied about once."""

    __slots__ = ("_halves", "_parts", "_text")

    def __init__(self) -> None:
        self._text = ""
        self._parts: list[str] = []
        self._halves = Halves()

    def extend(self, events: Sequence[Any]) -> int:
        """Take tokens; return by how many letters the text grew."""
        text = self._halves.texts(events)
        self._parts.append(text)
        if len(self._parts) >= _PARTS:
            self._join()
        return len(text)

    @property
    def text(self) -> str:
        """The whole so far."""
        if self._parts:
            self._join()
        rest = self._halves.rest()
        return self._text + rest if rest else self._text

    def _join(self) -> None:
        # A string that nobody else holds grows in place: reading at each token costs no copy.
        text, self._text = self._text, ""
        text += "".join(self._parts)
        self._parts.clear()
        self._text = text


class Accumulator(Joined):
    """Streamed text of one turn."""

    __slots__ = ()

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
