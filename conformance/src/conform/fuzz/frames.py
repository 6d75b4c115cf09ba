"""Random events of a turn: legal ones in any order, and broken ones."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from conform.spec import Tree

NOW = 1_700_000_000_000
CODES = (
    "AGENT_ERROR",
    "INTERACTION_MISMATCH",
    "INTERNAL_ERROR",
    "NO_PENDING_CONFIRMATION",
    "NO_PENDING_INTERACTION",
    "OTP_SEND_FAILED",
    "RATE_LIMITED",
    "SESSION_NOT_FOUND",
    "TURN_IN_PROGRESS",
    "UNSUPPORTED_ACTION",
    "VALIDATION_ERROR",
    "A_CODE_OF_TOMORROW",
)
TOKENS = ("a", " b", "é", "", "0", "false", "null", " \n", "🗑️", "\0", "long " * 400)
STREAM = ("stream_token", "stream_reasoning", "stream_preamble")
QUESTIONS: dict[str, Tree] = {
    "write_confirmation_required": {"toolId": "pay", "actionDescription": "Pay"},
    "otp_verification_required": {
        "toolId": "orders",
        "actionDescription": "Read orders",
        "availableChannels": ["email"],
        "authLevel": "end_user",
    },
    "otp_sent": {"channel": "email", "maskedDestination": "a***@b.example"},
    "interaction_required": {"kind": "choices", "spec": {}, "reason": "because"},
}
BROKEN = ("stream_token", "otp_verified", "interaction_invalid", "immediate_response", "keepalive")
TERMINAL = ("eventual_response", "error", "cancelled")


def event(draw: random.Random, request: str) -> Tree:
    """One random event with the given requestId."""
    make = draw.choice((*MAKERS, _stream, _question, _question, _error))
    return {"requestId": request, **make(draw, request)}


def calm(draw: random.Random, request: str) -> Tree:
    """One random event that neither ends a turn nor is broken."""
    make = draw.choice((_stream, _stream, _chunk, _question, _question, _otp, _form, _ack))
    return {"requestId": request, **make(draw, request)}


def page(draw: random.Random, request: str, turns: list[str]) -> Tree:
    """A page of history that may know some turns."""
    messages = []
    for name in draw.sample(turns, min(len(turns), draw.choice([0, 1, 2]))):
        word = draw.choice(["running", "completed", "cancelled", "failed"])
        asked = {**_message(draw, "inbound"), "requestId": name, "turn": word}
        answer = {**_message(draw, "outbound"), "requestId": name}
        messages += draw.choice([[answer, asked], [asked], [answer]])
    data = {"messages": messages, "hasMore": False}
    return {"type": "immediate_response", "requestId": request, "status": 200, "data": data}


def _message(draw: random.Random, direction: str) -> Tree:
    content = {"text": draw.choice(("hello", "", "é"))}
    return {"id": f"m-{draw.randrange(9)}", "direction": direction, "content": content}


def _stream(draw: random.Random, request: str) -> Tree:
    token = draw.choice(TOKENS)
    return {"type": draw.choice(STREAM), "data": {"requestId": request, "token": token}}


def _chunk(draw: random.Random, request: str) -> Tree:
    call = {"toolCall": {"name": "pay", "arguments": draw.choice([{"a": 1}, "{}", "x", None])}}
    result = {"toolResult": {"name": "pay", "result": draw.choice([1, None, "x"])}}
    state = draw.choice([{}, {"rawResponse": call}, {"rawResponse": result}])
    return {"type": "stream_chunk", "data": {"requestId": request, "node": "n", "state": state}}


def _question(draw: random.Random, request: str) -> Tree:
    kind = draw.choice(sorted(QUESTIONS))
    facts = dict(QUESTIONS[kind])
    if kind == "interaction_required":
        facts["interactionId"] = draw.choice(["i-1", "i-2"])
    if kind == "write_confirmation_required" and draw.random() < 0.5:
        facts["confirmationId"] = draw.choice("ab")
    told: Tree = {}
    if draw.random() < 0.4:
        told["timestamp"] = NOW
        facts["expiresAt"] = NOW + draw.choice([-5, 0, 1_000, 60_000, 200_000_000])
    return {"type": kind, **told, "data": {"requestId": request, "data": facts}}


def _otp(draw: random.Random, request: str) -> Tree:
    if draw.random() < 0.4:
        return {"type": "otp_verified", "data": {"requestId": request, "data": {"message": "m"}}}
    facts = {"attemptsRemaining": draw.choice([0, 1, 3]), "message": "m"}
    return {"type": "otp_invalid", "data": {"requestId": request, "data": facts}}


def _form(_: random.Random, request: str) -> Tree:
    facts: dict[str, Any] = {"interactionId": "i-1", "kind": "choices", "message": "m"}
    facts["errors"] = [{"field": "f", "message": "m"}]
    return {"type": "interaction_invalid", "data": {"requestId": request, "data": facts}}


def _ack(draw: random.Random, _: str) -> Tree:
    return {"type": "immediate_response", "status": draw.choice([200, 200, 202, 409]), "data": {}}


def _error(draw: random.Random, request: str) -> Tree:
    info: Tree = {"code": draw.choice(CODES), "message": "m"}
    if draw.random() < 0.2:
        info["terminal"] = draw.random() < 0.5
    return {"type": "error", "data": {"requestId": request, "error": info}}


def _end(draw: random.Random, request: str) -> Tree:
    if draw.random() < 0.4:
        return {"type": "cancelled", "status": 499}
    status = draw.choice([200, 200, 500])
    response = draw.choice(["text", {"responseParts": ["a", "b"]}, None, {}])
    facts = {"messageId": "m-1", "response": response}
    data = {"requestId": request, "status": status, "data": facts}
    return {"type": "eventual_response", "status": status, "data": data}


def _other(draw: random.Random, request: str) -> Tree:
    alive = {"type": "keepalive", "data": {"requestId": request}}
    return draw.choice([alive, {"type": "pong"}, {"type": "toast", "bread": 1}])


def _broken(draw: random.Random, _: str) -> Tree:
    if draw.random() < 0.3:
        return {"type": draw.choice(TERMINAL), "status": "x", "data": 7}
    return {"type": draw.choice(BROKEN), "data": draw.choice([None, {}, 5])}


MAKERS: tuple[Callable[[random.Random, str], Tree], ...] = (
    _stream,
    _chunk,
    _question,
    _otp,
    _form,
    _ack,
    _error,
    _end,
    _other,
    _broken,
)
