"""What the client shows, in the words of PROTOCOL.md."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Callable
from typing import Any

import smooth_operator as so
from smooth_operator import wire
from smooth_operator.wire.model import plain
from smooth_operator.wire.options import OPTIONS


def present(**fields: Any) -> dict[str, Any]:
    """Leave out what is not there."""
    return {name: value for name, value in fields.items() if value is not None}


def keywords(action: str, fields: dict[str, Any], *drop: str) -> dict[str, Any]:
    """Rename wire names to keywords by the client's own table."""
    model = wire.ACTIONS[action].model.model_fields
    names = {field.alias or name: name for name, field in model.items()}
    return {names.get(name, name): value for name, value in fields.items() if name not in drop}


def further_options(given: dict[str, Any]) -> dict[str, Any]:
    """Rename options of spec/options.yaml to keywords, with times in seconds."""
    keywords = {}
    for name, value in given.items():
        timed = OPTIONS[name].unit == "ms" and isinstance(value, int | float)
        seconds = timed and not isinstance(value, bool)
        keywords[re.sub(r"(?=[A-Z])", "_", name).lower()] = value / 1000 if seconds else value
    return keywords


def provider(tokens: list[Any], asked: Callable[[str], None]) -> so.TokenProvider:
    """Return a token provider that gives one after the other, the last one again and again."""
    following = itertools.chain(tokens, itertools.repeat(tokens[-1]))

    async def give(request: so.TokenRequest) -> Any:
        asked(request.reason)
        given = next(following)
        match given:
            case {"fail": "authentication"}:
                raise so.AuthenticationError("as the case says")
            case {"fail": "error"}:
                raise RuntimeError("as the case says")
            case {"fail": _}:
                return 7
        return given

    return give


def ask_body(ask: Any) -> dict[str, Any]:
    """Show what a handler is asked."""
    if isinstance(ask, so.ConfirmAsk):
        question, facts = "confirmation", {"actionDescription": ask.action_description}
    elif isinstance(ask, so.OtpAsk):
        question = "otp"
        facts = present(
            actionDescription=ask.action_description,
            availableChannels=list(ask.available_channels) or None,
            authLevel=ask.auth_level,
            channel=ask.channel,
            maskedDestination=ask.masked_destination,
            attemptsRemaining=ask.attempts_remaining,
            error=ask.error,
            message=ask.message,
        )
    else:
        question = "interaction"
        names = {"interactionId": ask.interaction_id, "kind": ask.kind, "spec": plain(ask.spec)}
        errors = plain(list(ask.errors)) or None
        facts = present(**names, reason=ask.reason, errors=errors, message=ask.message)
    facts |= present(toolId=getattr(ask, "tool_id", None))
    ids = {"requestId": ask.request_id, "sessionId": ask.session_id}
    return {"question": question, **ids, "ask": facts}


def recovery_body(found: so.Recovery) -> dict[str, Any]:
    """Show what the history tells of a message."""
    return present(status=found.status, message=plain(found.message) if found.message else None)


def counters_body(counters: so.Counters) -> dict[str, int]:
    """Show what a client has counted."""
    return {
        "connects": counters.connects,
        "reconnects": counters.reconnects,
        "framesIn": counters.frames_in,
        "framesOut": counters.frames_out,
        "droppedFrames": counters.dropped_frames,
        "openTurns": counters.open_turns,
        "resumedTurns": counters.resumed_turns,
    }


def error_body(error: BaseException) -> dict[str, Any]:
    """Show an error with all that it says; misuse and cancellation are the language's own."""
    if isinstance(error, asyncio.CancelledError):
        return {"kind": "native_cancelled"}
    if not isinstance(error, so.SmoothAgentError):
        return {"kind": "invalid_argument", "text": str(error)}
    details = dict(error.details)
    shown = {
        name: details.pop(name, None) for name in ("status", "retryAfterMs", "question", "state")
    }
    sent = details.pop("sent", None) if isinstance(error, so.TurnInterruptedError) else None
    return present(
        kind=error.kind,
        text=str(error),
        retryable=error.retryable,
        code=error.code or details.pop("code", None),
        requestId=error.request_id,
        sessionId=error.session_id,
        closeCode=error.close_code,
        closeReason=error.close_reason or None,
        serverMessage=error.server_message or None,
        partialText=error.partial_text or None,
        at=details.pop("pointer", None),
        sent=sent,
        details=details or None,
        **shown,
    )


def state_body(change: so.StateChange) -> dict[str, Any]:
    """Show a move of the link, or a wait for one."""
    body = {"from": change.previous, "to": change.current, "reason": change.reason}
    facts = present(
        code=change.code,
        cause=None if change.error is None else error_body(change.error)["kind"],
        attempt=change.attempt,
        retryInMs=None if change.retry_in is None else round(change.retry_in * 1000),
        missed=change.missed or None,
    )
    return {**body, **facts}


def frame_body(frame: so.FrameInfo) -> dict[str, Any]:
    """Show what the frame tap saw."""
    return {
        "direction": frame.direction,
        **present(type=frame.type, requestId=frame.request_id),
    }


def item_body(event: Any) -> dict[str, Any]:
    """Show an event: encoded again, and flat."""
    if event.type == "unknown":
        problem = event.problem and {"kind": event.problem.kind, "pointer": event.problem.pointer}
        body = present(wireType=event.wire_type, raw=event.raw, problem=problem)
        return {"type": "unknown", "unknown": True, **body}
    flat = wire.facts_of(event)
    call, result = so.tool_call(event), so.tool_result(event)
    if call is not None:
        flat["toolCall"] = present(name=call.name, arguments=call.arguments, callId=call.call_id)
    if result is not None:
        flat["toolResult"] = present(
            name=result.name, isError=result.is_error, result=result.result, callId=result.call_id
        )
    body = {"type": event.type, "data": wire.encode_event(event), "flat": flat}
    return body if event.merged == 1 else {**body, "merged": event.merged}


def result_body(result: so.TurnResult) -> dict[str, Any]:
    """Show the result of a turn."""
    return present(
        outcome=result.outcome,
        confirmed=result.confirmed,
        text=result.text,
        messageId=result.message_id,
        citations=plain(list(result.citations)) or None,
        usage=plain(result.usage),
    )


def value_body(value: Any) -> Any:
    """Show what a call, verb or wait gave."""
    if isinstance(value, so.Pong):
        return present(serverTime=value.server_time, roundTripMs=value.round_trip_ms)
    if isinstance(value, so.OtpCheck):
        rest = {"attemptsRemaining": value.attempts_remaining, "error": value.error}
        return present(verified=value.verified, message=value.message, **rest)
    if isinstance(value, so.SubmitResult):
        errors = plain(list(value.errors)) or None
        return present(accepted=value.accepted, errors=errors, message=value.message)
    if isinstance(value, so.Conversation):
        return {"sessionId": value.session_id, "conversationId": value.conversation_id}
    return plain(value)
