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


@dataclass(frozen=True, slots=True)
class Ending:
    """What a turn failed of: the kind in the words of the table, and whatever told of it."""

    kind: str
    event: Any
    fault: wire.DecodeError | None
    word: str
    end: LinkEnd | None
    error: Exception | None


def failure(
    failures: Failures,
    facts: dict[str, Any],
    ending: Ending,
    *,
    asked: QuestionKind | None,
    sent: bool,
) -> Exception:
    """Return the error of a turn; ``facts`` are its ids and its partial text (REQ-TURN-20)."""
    if ending.kind == "attempt" and ending.error is not None:
        return failures.of_attempt(ending.error, **facts)
    if ending.error is not None:
        if isinstance(ending.error, errors.SmoothAgentError):
            ending.error.partial_text = facts["partial_text"]
        return ending.error
    if ending.kind == "by_code":
        return failures.of_event(ending.event, **facts)
    if ending.kind == "protocol":
        return failures.of_status(ending.event, **facts)
    if ending.fault is not None:
        return failures.of_frame(ending.fault, **facts)
    details: dict[str, Any] = {}
    if asked is not None and ending.kind in ("turn_timeout", "turn_interrupted"):
        details["question"] = asked
    if ending.kind == "turn_timeout":
        details["limit"] = ending.word
    if ending.kind == "turn_interrupted":
        details["sent"] = sent
    return failures.of_link(ending.kind, ending.end, details=details, **facts)
