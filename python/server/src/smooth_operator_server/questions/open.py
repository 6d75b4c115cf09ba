"""Questions that are open: first answer wins, every one ends (REQ-SRV-09).

A question is a row of the store, so that it outlives its socket and its server. A turn opens one
and waits. Whoever answers first claims it, tells the peer so, and releases it: thus the
acknowledgement is out before the turn goes on (REQ-SRV-04), and an expiry in between changes
nothing any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from ..clock import Clock, happens_within
from ..store import NewQuestion, QuestionRecord, QuestionStore

RELEASE_S = 2.0
"""Seconds that an answer which was claimed elsewhere gets to be acknowledged first."""


class Kind(StrEnum):
    """Kinds of questions; a session has at most one open of each."""

    CONFIRMATION = "confirmation"
    OTP = "otp"
    INTERACTION = "interaction"


class OpenQuestions:
    """The questions of a server. ``lives_s`` is how long one lives."""

    def __init__(
        self,
        store: QuestionStore,
        clock: Clock,
        new_id: Callable[[], str],
        lives_s: float,
        *,
        owner: str | None = None,
        look_s: float | None = None,
    ) -> None:
        self.lives_s = lives_s
        self.on_answered_elsewhere: Callable[[QuestionRecord], None] = lambda _: None
        """Told of a claimed question that a turn of another server waits for."""
        self._owner = owner
        """This server, as the owner of the turns that it runs."""
        self._look_s = look_s
        """How often the store is asked for an answer that another server took; None: never."""
        self._store = store
        self._clock = clock
        self._new_id = new_id
        self._released: dict[str, asyncio.Event] = {}
        """Rings when somebody has answered, by question that a turn of this server waits for."""
        self._draining = False

    async def open(
        self,
        kind: Kind,
        *,
        turn_id: str,
        session_id: str,
        request_id: str,
        subject: Any = None,
        attempts: int | None = None,
        parked: bool = True,
    ) -> QuestionRecord:
        """Ask: from now on the question may be answered, by whoever may."""
        now = self._clock.epoch_ms()
        new = NewQuestion(
            self._new_id(),
            turn_id,
            session_id,
            request_id,
            kind.value,
            subject,
            now,
            now + int(self.lives_s * 1000),
            attempts,
            parked,
        )
        await self._store.ask(new, owner=self._owner)
        return QuestionRecord(
            new.question_id,
            turn_id,
            session_id,
            request_id,
            new.kind,
            subject,
            new.expires_ms,
            attempts,
            parked,
            is_open=True,
        )

    async def latest(self, session_id: str, kind: Kind) -> QuestionRecord | None:
        """Return the question of a kind that was asked last, open or not."""
        return await self._store.latest(session_id, kind.value)

    async def waiting(self, session_id: str, kind: Kind) -> QuestionRecord | None:
        """Return the question of a kind that can still be answered."""
        question = await self.latest(session_id, kind)
        if question is None or not question.is_open or self.is_over(question):
            return None
        return question

    async def find(self, question_id: str) -> QuestionRecord | None:
        """Return a question, open or not."""
        return await self._store.question(question_id)

    async def of_turn(self, turn_id: str) -> tuple[QuestionRecord, ...]:
        """Return the questions that a turn asked, oldest first."""
        return await self._store.of_turn(turn_id)

    async def open_for(self, turn_id: str) -> float | None:
        """Return how many seconds the open question of a turn has left; None without one."""
        now = self._clock.epoch_ms()
        left = [
            question.expires_ms - now
            for question in await self.of_turn(turn_id)
            if question.is_open and question.parked and question.expires_ms > now
        ]
        return max(left) / 1000 if left else None

    def is_over(self, question: QuestionRecord) -> bool:
        """Tell whether the time of a question is over."""
        return question.expires_ms <= self._clock.epoch_ms()

    async def count_try(self, question: QuestionRecord) -> int | None:
        """Count a wrong code; return the tries left, None when the question is not open."""
        return await self._store.count_try(question.question_id)

    async def claim(self, question: QuestionRecord, answer: Any) -> bool:
        """Answer a question; False when somebody else has. ``release`` follows in any case."""
        return await self._store.claim(question.question_id, answer, self._clock.epoch_ms())

    def release(self, question: QuestionRecord) -> None:
        """Let the turn go on that waits for a question which was claimed."""
        if not self.release_here(question.question_id) and question.parked:
            self.on_answered_elsewhere(question)

    def release_here(self, question_id: str) -> bool:
        """Let a turn of this server go on; False when none waits for the question."""
        waiting = self._released.get(question_id)
        if waiting is not None:
            waiting.set()
        return waiting is not None

    async def answer(self, question: QuestionRecord, lapsed: Any, *, waits: bool = True) -> Any:
        """Wait for the answer; ``lapsed`` when none comes in time: never an approval.

        Without ``waits`` only an answer counts that was given before. The question is closed
        afterwards, whatever ends the wait.
        """
        released = self._released.setdefault(question.question_id, asyncio.Event())
        try:
            # It may have been answered while nobody waited.
            if waits and await self._is_open(question):
                await self._lapse(question, released)
            found = await self._store.question(question.question_id)
            return lapsed if found is None or found.answer is None else found.answer
        finally:
            self._released.pop(question.question_id, None)
            await self._close(question)

    async def _close(self, question: QuestionRecord) -> bool:
        """Close a question, unless its turn is another server's by now."""
        return await self._store.close_question(question.question_id, owner=self._owner)

    async def _is_open(self, question: QuestionRecord) -> bool:
        found = await self._store.question(question.question_id)
        return found is not None and found.is_open

    async def _lapse(self, question: QuestionRecord, released: asyncio.Event) -> None:
        """Wait until a question is answered, and close it when its time is over."""
        if not self._draining:
            await self._wait(question, released)
        is_over = self._draining or not released.is_set()
        if is_over and not await self._close(question):
            await happens_within(self._clock, released.wait(), RELEASE_S)

    async def _wait(self, question: QuestionRecord, released: asyncio.Event) -> None:
        """Wait for an answer or the end of a question's time."""
        while True:
            left = (question.expires_ms - self._clock.epoch_ms()) / 1000
            at_once = left if self._look_s is None else min(left, self._look_s)
            if await happens_within(self._clock, released.wait(), at_once) or at_once >= left:
                return
            if not await self._is_open(question):
                return

    def drain(self) -> None:
        """Let every open question lapse, and all that are opened from now on."""
        self._draining = True
        for waiting in self._released.values():
            waiting.set()
