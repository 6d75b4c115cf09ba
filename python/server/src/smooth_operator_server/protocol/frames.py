"""Events that go out, built in one place. All functions are pure.

``extended`` says whether the session listed ``spec_1_1``: only then a frame carries fields
that version 1.1 added (REQ-SRV-05). ``now`` is epoch ms. A field without a value is left
out, never null, except ``nextCursor``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from .json_text import write_json

Frame = dict[str, Any]


class Resume(StrEnum):
    """What became of a turn that a link asks for."""

    RUNNING = "running"
    SETTLED = "settled"
    GONE = "gone"
    """It was accepted, and its events are not kept any more."""

    NEVER = "never"
    """It was not accepted in this conversation."""

    MOVED = "moved"
    """Another link has it from now on."""


def _frame(kind: str, request_id: str | None, now: int, **members: Any) -> Frame:
    frame: Frame = {"type": kind}
    if request_id is not None:
        frame["requestId"] = request_id
    frame.update((key, value) for key, value in members.items() if value is not None)
    frame["timestamp"] = now
    return frame


def _question(kind: str, request_id: str, now: int, details: Frame) -> Frame:
    return _frame(kind, request_id, now, data={"requestId": request_id, "data": details})


def pong(request_id: str | None, now: int) -> Frame:
    return _frame("pong", request_id, now, data={"timestamp": now})


def immediate_response(
    request_id: str | None, now: int, status: int, message: str, data: Mapping[str, Any]
) -> Frame:
    frame: Frame = {"type": "immediate_response"}
    if request_id is not None:
        frame["requestId"] = request_id
    frame["status"], frame["message"], frame["data"] = status, message, dict(data)
    frame["timestamp"] = now
    return frame


def told(now: int, message: str, data: Mapping[str, Any]) -> Frame:
    """Build what is told without having been asked for: it answers no action of its link."""
    return immediate_response(None, now, 200, message, data)


def error(
    request_id: str | None,
    now: int,
    code: str,
    message: str,
    *,
    terminal: bool | None = None,
    retry_after_ms: int | None = None,
    details: Mapping[str, str] | None = None,
) -> Frame:
    """Build an ``error`` with both copies.

    ``terminal`` and ``retry_after_ms`` only toward ``spec_1_1`` sessions; ``details`` are further
    facts beside the error.
    """
    info: Frame = {"code": code, "message": message}
    if terminal is not None:
        info["terminal"] = terminal
        if retry_after_ms is not None:
            info["retryAfterMs"] = retry_after_ms
    data: Frame = {} if request_id is None else {"requestId": request_id}
    data["error"] = dict(info)
    if details:
        data["details"] = dict(details)
    return _frame("error", request_id, now, error=info, data=data)


def cancelled(request_id: str, now: int) -> Frame:
    data = {"requestId": request_id, "status": 499}
    return _frame("cancelled", request_id, now, status=499, data=data)


def keepalive(request_id: str, now: int) -> Frame:
    return _frame("keepalive", request_id, now, data={"requestId": request_id})


def turn_resumed(request_id: str, now: int, state: Resume, last_seq: int) -> Frame:
    return _question("turn_resumed", request_id, now, {"state": state.value, "lastSeq": last_seq})


class Tokens:
    """Writes the events of a turn that carry a piece of text and nothing else.

    They are most of what goes out, and differ in piece and time alone: the rest is written once.
    """

    def __init__(self, kind: str, request_id: str) -> None:
        request = write_json(request_id)
        self._head = f'{{"type":"{kind}","requestId":{request},"token":'
        self._middle = f',"data":{{"requestId":{request},"token":'

    def text(self, now: int, token: str) -> str:
        """Return the event as ``write_json`` would write it."""
        piece = write_json(token)
        return f'{self._head}{piece}{self._middle}{piece}}},"timestamp":{now}}}'


def stream_chunk(request_id: str, now: int, node: str, raw_response: Frame) -> Frame:
    data = {"requestId": request_id, "node": node, "state": {"rawResponse": raw_response}}
    return _frame("stream_chunk", request_id, now, node=node, data=data)


def tool_call(
    request_id: str, now: int, name: str, arguments: Any, *, call_id: str | None
) -> Frame:
    step: Frame = {"name": name, "arguments": arguments}
    if call_id is not None:
        step["callId"] = call_id
    return stream_chunk(request_id, now, name, {"toolCall": step})


def tool_result(
    request_id: str, now: int, name: str, result: Any, *, is_error: bool, call_id: str | None
) -> Frame:
    step: Frame = {"name": name, "isError": is_error, "result": result}
    if call_id is not None:
        step["callId"] = call_id
    return stream_chunk(request_id, now, name, {"toolResult": step})


def write_confirmation_required(
    request_id: str,
    now: int,
    *,
    tool: str,
    description: str,
    confirmation_id: str,
    lives_ms: int,
    extended: bool,
) -> Frame:
    details: Frame = {"toolId": tool, "actionDescription": description}
    if extended:
        details |= {"confirmationId": confirmation_id, "expiresAt": now + lives_ms}
    return _question("write_confirmation_required", request_id, now, details)


def otp_verification_required(
    request_id: str,
    now: int,
    *,
    tool: str,
    description: str,
    channels: Sequence[str],
    auth_level: str,
    lives_ms: int,
    extended: bool,
) -> Frame:
    details: Frame = {
        "toolId": tool,
        "actionDescription": description,
        "availableChannels": list(channels),
        "authLevel": auth_level,
    }
    if extended:
        details["expiresAt"] = now + lives_ms
    return _question("otp_verification_required", request_id, now, details)


def otp_sent(request_id: str, now: int, *, channel: str, masked_destination: str) -> Frame:
    details = {"channel": channel, "maskedDestination": masked_destination}
    return _question("otp_sent", request_id, now, details)


def otp_verified(request_id: str, now: int, message: str) -> Frame:
    return _question("otp_verified", request_id, now, {"message": message})


def otp_invalid(
    request_id: str, now: int, *, reason: str, attempts_remaining: int, message: str
) -> Frame:
    details = {"error": reason, "attemptsRemaining": attempts_remaining, "message": message}
    return _question("otp_invalid", request_id, now, details)


def interaction_required(
    request_id: str,
    now: int,
    *,
    interaction_id: str,
    kind: str,
    spec: Frame,
    reason: str,
    lives_ms: int,
    extended: bool,
) -> Frame:
    details: Frame = {
        "interactionId": interaction_id,
        "kind": kind,
        "spec": spec,
        "reason": reason,
    }
    if extended:
        details["expiresAt"] = now + lives_ms
    return _question("interaction_required", request_id, now, details)


def interaction_invalid(
    request_id: str,
    now: int,
    *,
    interaction_id: str,
    kind: str,
    errors: Sequence[Mapping[str, str]],
    message: str,
) -> Frame:
    details = {
        "interactionId": interaction_id,
        "kind": kind,
        "errors": [dict(item) for item in errors],
        "message": message,
    }
    return _question("interaction_invalid", request_id, now, details)


def eventual_response(
    request_id: str,
    now: int,
    *,
    message_id: str,
    text: str,
    usage: Mapping[str, Any] | None,
    citations: Sequence[Mapping[str, Any]],
    suggestions: Sequence[str] = (),
    directive: Mapping[str, Any] | None = None,
) -> Frame:
    """Build the answer that ends a turn. The scores are constants: nothing here measures them."""
    answer: Frame = {
        "messageId": message_id,
        "response": {
            "responseParts": [text],
            "customerHappinessScore": 0.5,
            "needsSatisfactionScore": 0.5,
            "requestSummary": "",
            "resolutionStatus": "in_progress",
            "suggestedNextActions": list(suggestions),
        },
        "needsEscalation": False,
    }
    if usage is not None:
        answer["usage"] = dict(usage)
    if citations:
        answer["citations"] = [dict(item) for item in citations]
    if directive is not None:
        answer["directive"] = dict(directive)
    data = {"requestId": request_id, "status": 200, "data": answer}
    return _frame("eventual_response", request_id, now, status=200, data=data)
