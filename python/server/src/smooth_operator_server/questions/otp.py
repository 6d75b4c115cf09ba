"""One-time codes: who sends and knows them, how many tries there are, when they lapse.

A code is compared and forgotten: it is never logged, stored or echoed.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from typing import Protocol

from ..clock import Clock
from ..store import SessionRecord
from .open import Question


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


@dataclass(slots=True)
class _Challenge:
    attempts_left: int
    ends_at: float
    question: Question | None


@dataclass(frozen=True, slots=True)
class OtpVerdict:
    """What became of a code. ``question`` is the parked turn's, to be released after the reply."""

    verified: bool
    message: str
    reason: str | None = None
    attempts_remaining: int = 0
    question: Question | None = None


_NOT_FOUND = OtpVerdict(False, "No code is waited for.", "NOT_FOUND")
_EXPIRED = OtpVerdict(False, "The code has expired.", "EXPIRED")


class OtpDesk:
    """The codes that sessions are asked for. A session has one at a time."""

    def __init__(self, service: OtpService | None, clock: Clock, lives_s: float) -> None:
        self.service = service
        self._clock = clock
        self._lives_s = lives_s
        self._challenges: dict[str, _Challenge] = {}

    def ask(self, session_id: str, question: Question | None) -> None:
        """Expect a code from a session, in place of an earlier one.

        ``question`` is the one of a parked turn; without it the turn ends and the person
        sends the message again after the code.
        """
        assert self.service is not None
        now = self._clock.monotonic()
        self._challenges = {
            key: challenge for key, challenge in self._challenges.items() if challenge.ends_at > now
        }
        self._challenges[session_id] = _Challenge(
            self.service.attempts, now + self._lives_s, question
        )

    def forget(self, question: Question) -> None:
        """Drop the challenge of a question that has ended."""
        self._challenges = {
            key: challenge
            for key, challenge in self._challenges.items()
            if challenge.question is not question
        }

    def check(self, session_id: str, code: str) -> OtpVerdict:
        """Count one try. A verdict that ends the challenge takes its question."""
        challenge = self._living(session_id)
        if isinstance(challenge, OtpVerdict):
            return challenge
        assert self.service is not None
        if self.service.is_right(session_id, code):
            return self._ended(session_id, OtpVerdict(True, "The code is right."))
        challenge.attempts_left -= 1
        if challenge.attempts_left > 0:
            return OtpVerdict(False, "The code is wrong.", "INVALID_CODE", challenge.attempts_left)
        wrong = OtpVerdict(False, "The code is wrong, and no tries are left.", "MAX_ATTEMPTS")
        return self._ended(session_id, wrong)

    def decline(self, session_id: str) -> OtpVerdict:
        """End the challenge without a code; the verdict has a reason when there was none."""
        challenge = self._living(session_id)
        if isinstance(challenge, OtpVerdict):
            return challenge
        return self._ended(session_id, OtpVerdict(False, "The code was declined."))

    def _living(self, session_id: str) -> _Challenge | OtpVerdict:
        """Return the challenge that can still be met, or why there is none."""
        challenge = self._challenges.get(session_id)
        if challenge is None:
            return _NOT_FOUND
        if challenge.ends_at <= self._clock.monotonic():
            del self._challenges[session_id]
            return _EXPIRED
        if challenge.question is not None and not challenge.question.is_open:
            return _NOT_FOUND
        return challenge

    def _ended(self, session_id: str, verdict: OtpVerdict) -> OtpVerdict:
        question = self._challenges.pop(session_id).question
        if question is not None:
            question.take()
        return replace(verdict, question=question)
