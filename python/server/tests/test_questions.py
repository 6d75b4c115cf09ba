"""Waiting for the answer of a stored question (REQ-SRV-09)."""

from __future__ import annotations

import asyncio

from smooth_operator_server.questions import Kind, OpenQuestions
from smooth_operator_server.store import QuestionRecord, Stores

from .support_clock import VirtualClock
from .support_records import fresh, opened, turn


async def asked(stores: Stores, questions: OpenQuestions) -> QuestionRecord:
    session = await opened(stores)
    begun = turn(session)
    await stores.turns.begin(begun)
    return await questions.open(
        Kind.CONFIRMATION,
        turn_id=begun.turn_id,
        session_id=session.session_id,
        request_id="req-1",
    )


def questions_of(stores: Stores, clock: VirtualClock) -> OpenQuestions:
    return OpenQuestions(stores.questions, clock, lambda: fresh("question"), lives_s=300)


async def test_req_srv_09_an_answer_given_while_nobody_waited_counts(stores: Stores) -> None:
    clock = VirtualClock()
    before, after = questions_of(stores, clock), questions_of(stores, clock)
    question = await asked(stores, before)
    # The server that asked takes the answer and is gone; the next one waits for it.
    assert await before.claim(question, True)
    assert await asyncio.wait_for(after.answer(question, False), 20) is True


async def test_req_srv_09_a_question_that_nobody_answers_lapses(stores: Stores) -> None:
    clock = VirtualClock()
    questions = questions_of(stores, clock)
    question = await asked(stores, questions)
    waiting = asyncio.create_task(questions.answer(question, False))
    while not waiting.done():
        await clock.advance(60)
        await asyncio.sleep(0.01)
    assert waiting.result() is False
    assert not await questions.claim(question, True)
