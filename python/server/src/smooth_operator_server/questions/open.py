"""Questions that are open: first answer wins, every one ends (REQ-SRV-09).

A turn opens a question and waits. Whoever answers first takes the question, tells the peer
so, and releases the answer: thus the acknowledgement is out before the turn goes on
(REQ-SRV-04), and an expiry in between changes nothing any more.
"""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import Any

from ..clock import Clock, happens_within


class Kind(StrEnum):
    """Kinds of questions; a session has at most one open of each."""

    CONFIRMATION = "confirmation"
    OTP = "otp"
    INTERACTION = "interaction"


class Question:
    """One question to a human. Belongs to the event loop that made it."""

    def __init__(
        self,
        kind: Kind,
        *,
        session_id: str,
        request_id: str,
        question_id: str,
        lapsed: Any,
        subject: Any = None,
    ) -> None:
        self.kind = kind
        self.session_id = session_id
        self.request_id = request_id
        self.question_id = question_id
        self.subject = subject
        """What is asked about, for the validator of the answer."""
        self.lapsed = lapsed
        """The answer when nobody gives one: never an approval."""
        self._taken = False
        self._answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def take(self) -> bool:
        """Claim the right to answer; False when somebody else has it."""
        if self._taken:
            return False
        self._taken = True
        return True

    def release(self, answer: Any) -> None:
        """Give the answer of a question that was taken."""
        if not self._answer.done():
            self._answer.set_result(answer)

    async def answer(self, clock: Clock, seconds: float) -> Any:
        """Wait for the answer; after ``seconds`` without one it is ``lapsed``."""
        if not await happens_within(clock, self._answer, seconds) and self.take():
            return self.lapsed
        return await self._answer

    @property
    def is_open(self) -> bool:
        return not self._taken


class OpenQuestions:
    """All open questions of a server, by session and kind."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, Kind], Question] = {}
        self._draining = False

    def open(self, question: Question) -> None:
        """Show a question to those who may answer it. A draining server answers it at once."""
        self._open[question.session_id, question.kind] = question
        if self._draining:
            _lapse(question)

    def find(self, session_id: str, kind: Kind) -> Question | None:
        """Return the question that may still be answered."""
        question = self._open.get((session_id, kind))
        return question if question is not None and question.is_open else None

    def close(self, question: Question) -> None:
        """Forget a question; answers to it are refused from now on."""
        question.take()
        key = (question.session_id, question.kind)
        if self._open.get(key) is question:
            del self._open[key]

    def drain(self) -> None:
        """Let every open question lapse, and all that are opened from now on."""
        self._draining = True
        for question in list(self._open.values()):
            _lapse(question)


def _lapse(question: Question) -> None:
    if question.take():
        question.release(question.lapsed)
