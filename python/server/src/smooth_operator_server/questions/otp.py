"""One-time codes: who sends and knows them, how many tries there are, when they lapse.

A code is compared and forgotten: it is never logged, stored or echoed.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from typing import Protocol

from ..store import QuestionRecord, SessionRecord
from .acknowledging import VERIFIED
from .open import Kind, OpenQuestions


class OtpSendError(Exception):
    """The code could not be delivered."""


class OtpService(Protocol):
    """Delivers codes and knows which one is right."""

    channel: str
    attempts: int

    async def send(self, session: SessionRecord) -> str:
        """Deliver a code; return its destination, masked for display.

        Raises:
            OtpSendError: it did not get there.
        """
        ...

    def is_right(self, session_id: str, code: str) -> bool:
        """Tell whether this is the code that was sent to the session."""
        ...


NOWHERE = "nobody: no address is known"
"""Destination of a code that cannot be sent; it is shown as the place the code went to."""


class FixedCode:
    """One right code for everybody, delivered nowhere: for scripts and the demonstration."""

    def __init__(
        self, code: str, *, attempts: int = 3, channel: str = "email", send_fails: bool = False
    ) -> None:
        self.channel = channel
        self.attempts = attempts
        self._code = code
        self._send_fails = send_fails

    async def send(self, session: SessionRecord) -> str:
        if self._send_fails:
            raise OtpSendError
        if self.channel == "sms":
            return _masked_phone(session.user_phone) if session.user_phone else NOWHERE
        return _masked_email(session.user_email) if session.user_email else NOWHERE

    def is_right(self, session_id: str, code: str) -> bool:  # noqa: ARG002
        return hmac.compare_digest(code.encode(), self._code.encode())


def _masked_email(address: str) -> str:
    local, _, domain = address.partition("@")
    return f"{local[:1]}***@{domain}"


def _masked_phone(number: str) -> str:
    return f"***{number[-2:]}"


@dataclass(frozen=True, slots=True)
class OtpVerdict:
    """What became of a code. ``question`` is to be released once the reply is out."""

    verified: bool
    message: str
    reason: str | None = None
    attempts_remaining: int = 0
    question: QuestionRecord | None = None


_NOT_FOUND = OtpVerdict(False, "No code is waited for.", "NOT_FOUND")
_EXPIRED = OtpVerdict(False, "The code has expired.", "EXPIRED")
_SPENT = OtpVerdict(False, "The code is wrong, and no tries are left.", "MAX_ATTEMPTS")
_RIGHT = OtpVerdict(True, VERIFIED)
_DECLINED = OtpVerdict(False, "The code was declined.")


class OtpDesk:
    """The codes that sessions are asked for. A session has one at a time."""

    def __init__(self, service: OtpService | None, questions: OpenQuestions) -> None:
        self.service = service
        self._questions = questions

    async def check(self, session_id: str, code: str) -> OtpVerdict:
        """Count one try. A verdict that ends the question has claimed it."""
        question = await self._waiting(session_id)
        if isinstance(question, OtpVerdict):
            return question
        assert self.service is not None
        if self.service.is_right(session_id, code):
            return await self._ended(question, _RIGHT)
        left = await self._questions.count_try(question)
        if left is None:
            return _NOT_FOUND
        if left > 0:
            return OtpVerdict(False, "The code is wrong.", "INVALID_CODE", left)
        return await self._ended(question, _SPENT)

    async def decline(self, session_id: str) -> OtpVerdict:
        """End the question without a code; the verdict has a reason when there was none."""
        question = await self._waiting(session_id)
        if isinstance(question, OtpVerdict):
            return question
        return await self._ended(question, _DECLINED)

    async def _waiting(self, session_id: str) -> QuestionRecord | OtpVerdict:
        """Return the question that can still be answered, or why there is none."""
        question = await self._questions.latest(session_id, Kind.OTP)
        if question is None or question.answer is not None:
            return _NOT_FOUND
        if self._questions.is_over(question):
            return _EXPIRED
        return question if question.is_open else _NOT_FOUND

    async def _ended(self, question: QuestionRecord, verdict: OtpVerdict) -> OtpVerdict:
        if not await self._questions.claim(question, verdict.verified):
            return _NOT_FOUND
        return replace(verdict, question=question)
