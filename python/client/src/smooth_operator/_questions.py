"""Questions of a turn to a human, and the answers that wait for the server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self, TypeVar

from . import wire
from ._clock import Timer
from ._options import Options
from .wire.steps import QUESTIONS, QuestionKind

if TYPE_CHECKING:
    from ._turn import Turn

_DAY = 24 * 3600.0
Value = TypeVar("Value")
_LEAST = 0.001  # REQ-RESUME-10: what a question that is too old already has left
_GRACE = 10.0  # REQ-TURN-13: the server's own expiry gets this much time to show


@dataclass(frozen=True, slots=True)
class Question:
    """A question that waits for a human, or waited for one."""

    kind: QuestionKind
    event: Any
    """The event that asked: write_confirmation_required, otp_sent, interaction_required, …"""
    asked_at: float
    """Time of the client's clock, in seconds."""
    duration: float | None
    """Seconds until it lapses, None when the server did not say (REQ-TURN-13)."""
    told: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Every event that says something of the question, by its type."""


@dataclass(frozen=True, slots=True)
class OtpCheck:
    """What became of a one-time code (REQ-OTP-01)."""

    verified: bool
    message: str
    attempts_remaining: int | None = None
    """Tries that are left; None when the code was right."""
    error: str | None = None
    """Why the code was not accepted, an ``OtpInvalidReason`` or a newer word."""


@dataclass(frozen=True, slots=True)
class SubmitResult:
    """What became of submitted values (REQ-FORM-01)."""

    accepted: bool
    errors: Sequence[wire.FieldError] = ()
    """Field errors, each with ``field`` and ``message``; the question is open again."""
    message: str | None = None
    turn: Turn | None = None
    """The turn that began with the answer, which had none here (REQ-VERB-15)."""


def otp_check_of(event: wire.Event) -> OtpCheck | None:
    """Return what became of a one-time code; None for one that was declined."""
    if event.type == "otp_verified":
        return OtpCheck(True, event.message)
    if event.type == "otp_invalid":
        return OtpCheck(False, event.message, event.attempts_remaining, event.error)
    return None


def submit_result_of(event: wire.Event) -> SubmitResult:
    """Return what became of submitted values."""
    if event.type == "interaction_invalid":
        return SubmitResult(False, tuple(event.errors), event.message)
    return SubmitResult(True)


def with_turn(value: Value, turn: Turn | None) -> Value:
    """Return what a lone answer resolves to; with the turn that began with it, if one did."""
    if turn is None or not isinstance(value, SubmitResult):
        return value
    return replace(value, turn=turn)


class Answer(asyncio.Future[Value]):
    """The outcome of a verb. Its frame was queued when it was made; cancelling only ends the wait.

    A failure that nobody looks at is logged once at warning (REQ-TURN-16).
    """

    turn: Turn | None = None
    """The turn that began with this answer, which had none here (REQ-VERB-15)."""
    _looked_at = False
    _logger: logging.Logger | None = None

    @classmethod
    def make(cls, logger: logging.Logger | None) -> Self:
        """Return a pending answer of the running loop; without ``logger`` nobody is told."""
        answer = cls(loop=asyncio.get_running_loop())
        answer._logger = logger
        return answer

    def resolve(self, value: Value) -> None:
        """Give the value, unless the wait ended."""
        if not self.done():
            self.set_result(value)

    def fail(self, error: Exception) -> None:
        """Give the error, unless the wait ended."""
        if not self.done():
            self.set_exception(error)
            super().exception()  # marks it as seen, so that asyncio itself logs nothing

    def __await__(self) -> Generator[Any, None, Value]:
        self._looked_at = True
        return super().__await__()

    __iter__ = __await__

    def result(self) -> Value:
        """Return the value or raise the error."""
        self._looked_at = True
        return super().result()

    def exception(self) -> BaseException | None:
        """Return the error, if it failed."""
        self._looked_at = True
        return super().exception()

    def __del__(self) -> None:
        unseen = self.done() and not self._looked_at and not self.cancelled()
        if unseen and self._logger is not None:
            error = super().exception()
            if error is not None:
                self._logger.warning("an answer failed unseen: %s", type(error).__name__)


class Questions:
    """The questions of one turn with their limits (REQ-TURN-13, REQ-VERB-10)."""

    def __init__(self, options: Options, lapse: Callable[[], None]) -> None:
        self._options = options
        self._lapse = lapse
        self._current: dict[QuestionKind, Question] = {}
        self._timers: dict[QuestionKind, Timer] = {}

    def current(self, kind: QuestionKind) -> Question | None:
        """Return the question of ``kind`` that was asked last and is not closed."""
        return self._current.get(kind)

    def opened(self, kind: QuestionKind, event: Any) -> None:
        """Take note of a question."""
        now = self._options.clock.now()
        before = self._current.get(kind)
        more = before is not None and event.type in QUESTIONS[kind].updated_by
        told = {**(before.told if more and before is not None else {}), event.type: event}
        self._current[kind] = Question(kind, event, now, _duration(event), told)

    def start(self, kind: QuestionKind, age: float) -> None:
        """Start the limit anew; a question that is ``age`` seconds old has so much less."""
        self.answered(kind)
        question = self._current.get(kind)
        if question is None:
            return
        limit = self._options.question_timeout
        if limit and question.duration is not None:
            limit = question.duration + _GRACE
        if limit:
            limit = max(_LEAST, limit - age)
            self._timers[kind] = self._options.clock.call_later(limit, self._lapse)

    def answered(self, kind: QuestionKind) -> None:
        """Stop the limit: the answer is out."""
        timer = self._timers.pop(kind, None)
        if timer is not None:
            timer.cancel()

    def shut(self, kind: QuestionKind) -> None:
        """Forget the question."""
        self.answered(kind)
        self._current.pop(kind, None)

    def stop(self) -> None:
        """Stop every limit: the turn has settled, or is suspended."""
        for kind in list(self._timers):
            self.answered(kind)

    def expired(self, kind: QuestionKind, word: str, passed: float | None) -> bool:
        """Return whether a frame that is ``word`` shows that the question lapsed (REQ-VERB-10).

        ``passed`` is the server's time since it asked, in seconds, where both frames tell it.
        """
        question = self._current.get(kind)
        if question is None or question.duration is None:
            return word == "stream_token"
        if passed is None:
            passed = self._options.clock.now() - question.asked_at
        return passed >= question.duration


def _duration(event: Any) -> float | None:
    expires_at = getattr(event, "expires_at", None)
    if expires_at is None or event.timestamp is None:
        return None
    seconds: float = max(0.0, (expires_at - event.timestamp) / 1000)
    return seconds if seconds <= _DAY else None
