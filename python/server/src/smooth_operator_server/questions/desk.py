"""Where answers arrive: ``confirm_tool_action``, ``verify_otp``, ``submit_interaction``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Mapping
from typing import Any

from ..clock import Clock
from ..protocol import frames
from ..protocol.actions import Action
from ..protocol.peer import Peer
from ..protocol.refusals import Code, RefusalError
from ..sessions import Sessions, is_extended
from ..store import ConversationStore, QuestionRecord, SessionRecord
from .conversational import store_identity
from .forms import FormError, checked_values
from .open import Kind, OpenQuestions
from .otp import OtpDesk, OtpVerdict

Say = Callable[[SessionRecord, frames.Frame, Peer], Awaitable[None]]
"""Sends the answer to a verb of a session, as an event of the turn that it names."""


class Answers:
    """Hands answers to the questions that wait for them, whichever socket they come from."""

    def __init__(
        self,
        sessions: Sessions,
        store: ConversationStore,
        questions: OpenQuestions,
        otp: OtpDesk,
        clock: Clock,
        turn_ids: Container[str],
        say: Say,
    ) -> None:
        self._sessions = sessions
        self._store = store
        self._questions = questions
        self._otp = otp
        self._clock = clock
        self._turn_ids = turn_ids
        self._say = say

    async def confirm_tool_action(self, action: Action, peer: Peer) -> None:
        """Approve or deny; a stale or foreign answer is refused (REQ-SRV-07)."""
        session = await self._sessions.find(action["sessionId"], peer)
        question = session and await self._questions.waiting(session.session_id, Kind.CONFIRMATION)
        approved = action["approved"]
        if (
            not session
            or not question
            or not self._fits(action, session, question)
            or not await self._questions.claim(question, approved)
        ):
            raise RefusalError(Code.NO_PENDING_CONFIRMATION, "nothing waits for this confirmation")
        try:
            text = "Tool action approved" if approved else "Tool action rejected"
            data = {"sessionId": session.session_id, "approved": approved}
            await self._acknowledge(action, session, peer, text, data)
        finally:
            self._questions.release(question)

    def _fits(self, action: Action, session: SessionRecord, question: QuestionRecord) -> bool:
        """Tell whether the answer was meant for this question.

        Sessions of version 1.0 have no confirmationId, and some of their clients draw an id
        of their own for the answer: there it is enough that the id is not another turn's.
        """
        if action.get("confirmationId", question.question_id) != question.question_id:
            return False
        request_id = action["requestId"]
        if request_id == question.request_id:
            return True
        return not is_extended(session) and request_id not in self._turn_ids

    async def verify_otp(self, action: Action, peer: Peer) -> None:
        """Take one try at the code, or the person's refusal to give one."""
        session = await self._sessions.require(action["sessionId"], peer)
        request_id, now = action["requestId"], self._clock.epoch_ms()
        if action.get("declined"):
            verdict = await self._otp.decline(session.session_id)
        else:
            verdict = await self._otp.check(session.session_id, action["code"])
        try:
            if verdict.verified:
                await self._store.update_session(session.session_id, {"verified": True})
                verified = frames.otp_verified(request_id, now, verdict.message)
                await self._say(session, verified, peer)
            elif verdict.reason is None:
                data = {"sessionId": session.session_id, "declined": True}
                await self._acknowledge(action, session, peer, "Code declined", data)
            else:
                await self._say(session, _invalid(request_id, now, verdict), peer)
        finally:
            if verdict.question is not None:
                self._questions.release(verdict.question)

    async def submit_interaction(self, action: Action, peer: Peer) -> None:
        """Take a filled form, or the person's refusal to fill it."""
        session = await self._sessions.find(action["sessionId"], peer)
        question = session and await self._questions.waiting(session.session_id, Kind.INTERACTION)
        if not session or not question:
            raise _nothing_waits()
        kind, spec = question.subject["kind"], question.subject["spec"]
        if action["interactionId"] != question.question_id or action.get("kind", kind) != kind:
            raise RefusalError(Code.INTERACTION_MISMATCH, "another interaction waits")
        data: dict[str, Any] = {
            "sessionId": session.session_id,
            "interactionId": question.question_id,
        }
        if action.get("declined"):
            answer = {"status": "declined", "message": "The person declined to answer."}
            closed = data | {"declined": True}
            await self._close_form(action, session, peer, question, closed, answer)
            return
        if "values" not in action:
            raise RefusalError(Code.VALIDATION_ERROR, "/values is required unless declined is true")
        try:
            values = checked_values(kind, spec, action["values"])
        except FormError as fault:
            invalid = self._form_invalid(action, question, kind, fault)
            await self._say(session, invalid, peer)
            return
        await store_identity(self._store, session.session_id, kind, values)
        filled = {"status": "submitted", "values": values}
        await self._close_form(action, session, peer, question, data, filled)

    async def _close_form(
        self,
        action: Action,
        session: SessionRecord,
        peer: Peer,
        question: QuestionRecord,
        data: Mapping[str, Any],
        answer: Mapping[str, Any],
    ) -> None:
        if not await self._questions.claim(question, answer):
            raise _nothing_waits()
        try:
            await self._acknowledge(action, session, peer, "Interaction answered", data)
        finally:
            self._questions.release(question)

    def _form_invalid(
        self, action: Action, question: QuestionRecord, kind: str, fault: FormError
    ) -> frames.Frame:
        return frames.interaction_invalid(
            action["requestId"],
            self._clock.epoch_ms(),
            interaction_id=question.question_id,
            kind=kind,
            errors=fault.errors,
            message=fault.summary,
        )

    async def _acknowledge(
        self,
        action: Action,
        session: SessionRecord,
        peer: Peer,
        text: str,
        data: Mapping[str, Any],
    ) -> None:
        now = self._clock.epoch_ms()
        answer = frames.immediate_response(action["requestId"], now, 200, text, data)
        await self._say(session, answer, peer)


def _nothing_waits() -> RefusalError:
    return RefusalError(Code.NO_PENDING_INTERACTION, "nothing waits for this interaction")


def _invalid(request_id: str, now: int, verdict: OtpVerdict) -> frames.Frame:
    assert verdict.reason is not None
    return frames.otp_invalid(
        request_id,
        now,
        reason=verdict.reason,
        attempts_remaining=verdict.attempts_remaining,
        message=verdict.message,
    )
