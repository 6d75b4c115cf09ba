"""What tells a link that its answer was taken, the same from whichever server it comes. Pure."""

from __future__ import annotations

from typing import Any

from ..protocol import frames
from ..protocol.frames import Frame
from ..store import QuestionRecord
from .open import Kind

VERIFIED = "The code is right."
_OTP = '"type":"otp_verification_required"'
_VERIFIED = ('"type":"otp_verified"',)
_TAKEN = ('"type":"immediate_response"', '"status":200')


def acknowledgement(
    question: QuestionRecord, answer: Any, request_id: str, now: int
) -> Frame | None:
    """Return the event for an answer; None for a code that was not given, which has several."""
    data: dict[str, Any] = {"sessionId": question.session_id}
    match question.kind:
        case Kind.OTP:
            return frames.otp_verified(request_id, now, VERIFIED) if answer else None
        case Kind.CONFIRMATION:
            text = "Tool action approved" if answer else "Tool action rejected"
            data["approved"] = answer
        case _:
            text = "Interaction answered"
            data["interactionId"] = question.question_id
            if answer["status"] == "declined":
                data["declined"] = True
    return frames.immediate_response(request_id, now, 200, text, data)


def words_of(question: QuestionRecord) -> tuple[str, ...]:
    """Return words of the event that asked a question, then those that tell of its answer."""
    return shown_by(question), *(_VERIFIED if question.kind == Kind.OTP else _TAKEN)


def shown_by(question: QuestionRecord) -> str:
    """Return words that the event which asked a question holds."""
    return _OTP if question.kind == Kind.OTP else question.question_id
