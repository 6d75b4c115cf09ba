"""What comes of a turn: its result, or the error that it failed with. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from . import _errors as errors
from . import wire
from ._accumulator import Accumulator
from ._errors_made import Failures
from ._transport import LinkEnd
from .wire.steps import QuestionKind, Settle


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnResult:
    """What came of a turn (REQ-TURN-18). It does not change any more."""

    text: str
    """The authoritative text, or the partial one of a cancelled turn (REQ-TURN-09)."""
    outcome: Literal["completed", "cancelled"]
    request_id: str
    session_id: str
    confirmed: bool | None = None
    """For a cancelled turn: whether the server said so (REQ-STOP-02); else None."""
    message_id: str | None = None
    response: Any = None
    """``response`` of the terminal event, as received."""
    needs_escalation: bool | None = None
    escalation_reason: str | None = None
    usage: wire.Usage | None = None
    """Tokens and cost, where the server counted them."""
    citations: Sequence[wire.Citation] = ()
    event: wire.Event | None = None
    """The terminal event; None when the end was local."""
    duration: float = 0.0
    """Seconds from ``send`` to the outcome, by the client's clock (REQ-LOG-03)."""
    time_to_first_token: float | None = None
    """Seconds from ``send`` to the first piece of text; None where none was streamed."""


class Times(NamedTuple):
    """How long a turn took, in seconds."""

    duration: float
    time_to_first_token: float | None


def success(
    effect: Settle, event: Any, text: Accumulator, ids: Mapping[str, Any], times: Times
) -> TurnResult:
    """Return the result of a turn that completed, or was cancelled."""
    if effect.outcome == "cancelled":
        return TurnResult(
            text=text.text,
            outcome="cancelled",
            confirmed=effect.ending != "unconfirmed",
            event=event,
            **times._asdict(),
            **ids,
        )
    return TurnResult(
        text=text.final_text(event.response),
        outcome="completed",
        message_id=event.message_id,
        response=event.response,
        needs_escalation=event.needs_escalation,
        escalation_reason=event.escalation_reason,
        usage=event.usage,
        citations=tuple(event.citations or ()),
        event=event,
        **times._asdict(),
        **ids,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Cause:
    """What a step was about: a frame and what it is to the machines, or something local."""

    word: str
    event: Any = None
    fault: wire.DecodeError | None = None
    end: LinkEnd | None = None
    """How the link ended: just now, or the last time."""
    error: Exception | None = None
    state: str | None = None
    """What ``turn_resumed`` says of the turn (REQ-RESUME-04)."""


def failure(
    failures: Failures,
    facts: dict[str, Any],
    kind: str,
    cause: Cause,
    *,
    asked: QuestionKind | None,
    sent: bool,
) -> Exception:
    """Return the error of a turn by the word that the table has for it (REQ-TURN-20).

    ``facts`` are its ids and its partial text.
    """
    details: dict[str, Any] = {} if asked is None else {"question": asked}
    if kind == "turn_interrupted":
        return _interrupted(failures, facts, cause, {**details, "sent": sent})
    if kind == "attempt" and cause.error is not None:
        return failures.of_attempt(cause.error, **facts)
    if cause.error is not None:
        if isinstance(cause.error, errors.SmoothAgentError):
            cause.error.partial_text = facts["partial_text"]
        return cause.error
    if kind == "by_code":
        return failures.of_event(cause.event, **facts)
    if kind == "protocol":
        return failures.of_status(cause.event, **facts)
    if cause.fault is not None:
        return failures.of_frame(cause.fault, **facts)
    if kind == "invalid_frame":
        return failures.of_disorder(cause.event, **facts)
    details = {**details, "limit": cause.word} if kind == "turn_timeout" else {}
    return failures.of_link(kind, cause.end, details=details, **facts)


def _interrupted(
    failures: Failures, facts: dict[str, Any], cause: Cause, details: dict[str, Any]
) -> Exception:
    """Return the error of a turn that the server, its limit or the link does not let go on."""
    kind = "turn_interrupted"
    if cause.state is not None:
        return failures.of_end(kind, None, details={**details, "state": cause.state}, **facts)
    if cause.event is not None:
        return failures.of_end(kind, None, details={**details, "code": cause.event.code}, **facts)
    if cause.word == "resume_timeout":
        return failures.of_end(kind, cause.end, details=details, **facts)
    return failures.of_link(kind, cause.end, details=details, **facts)
