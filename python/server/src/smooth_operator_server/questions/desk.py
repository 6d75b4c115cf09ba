"""Where answers arrive: ``confirm_tool_action``, ``verify_otp``, ``submit_interaction``."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any, Protocol

from ..clock import Clock
from ..protocol import frames
from ..protocol.actions import Action
from ..protocol.peer import Peer
from ..protocol.refusals import Code, RefusalError
from ..sessions import Sessions, is_extended, is_replayed
from ..store import ConversationStore, QuestionRecord, SessionRecord
from .acknowledging import acknowledgement
from .conversational import store_identity
from .forms import FormError, checked_values
from .open import Kind, OpenQuestions
from .otp import OtpDesk, OtpVerdict


class Saying(Protocol):
    """Sends what answers a verb, as an event of the turn that it names."""

    async def say(
        self,
        session: SessionRecord | None,
        frame: frames.Frame,
        peer: Peer,
        question: QuestionRecord | None = None,
    ) -> None:
        """Send it; with ``question`` it tells that this one was answered."""
        ...

    async def has_turn(self, session: SessionRecord, request_id: str, peer: Peer) -> bool:
        """Tell whether a link has the turn of a requestId."""
        ...

    async def asker(self, session: SessionRecord, request_id: str) -> str | None:
        """Return the session by which the message of a requestId came into its conversation."""
        ...


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
        saying: Saying,
    ) -> None:
        self._sessions = sessions
        self._store = store
        self._questions = questions
        self._otp = otp
        self._clock = clock
        self._turn_ids = turn_ids
        self._saying = saying

    async def confirm_tool_action(self, action: Action, peer: Peer) -> None:
        """Approve or deny; a stale or foreign answer is refused (REQ-SRV-07)."""
        session = await self._asked(action, await self._sessions.find(action["sessionId"], peer))
        question = session and await self._questions.waiting(session.session_id, Kind.CONFIRMATION)
        approved = action["approved"]
        if (
            not session
            or not question
            or not self._fits(action, session, question)
            or not await self._questions.claim(question, approved)
        ):
            answered = await self._answered(action, session, action.get("confirmationId"), peer)
            if answered is not None and answered.answer == approved:
                return  # the turn tells of the answer, or has done so
            raise RefusalError(
                Code.NO_PENDING_CONFIRMATION,
                "nothing waits for this confirmation",
                details=_named(action, "confirmationId"),
            )
        try:
            await self._acknowledge(action, session, peer, question, approved)
        finally:
            self._questions.release(question)

    async def _asked(self, action: Action, session: SessionRecord | None) -> SessionRecord | None:
        """Return the session whose question an action is meant for.

        It is another one of the conversation where that one's turn was taken up (REQ-SRV-31).
        """
        if session is None or not is_replayed(session):
            return session
        asker = await self._saying.asker(session, action["requestId"])
        if asker is None or asker == session.session_id:
            return session
        found = await self._sessions.look_up(asker)
        return session if found is None or not is_replayed(found) else found

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
        session = await self._asked(action, session) or session
        request_id, now = action["requestId"], self._clock.epoch_ms()
        if action.get("declined"):
            verdict = await self._otp.decline(session.session_id)
        else:
            verdict = await self._otp.check(session.session_id, action["code"])
        try:
            if verdict.verified:
                await self._store.update_session(session.session_id, {"verified": True})
                verified = frames.otp_verified(request_id, now, verdict.message)
                await self._saying.say(session, verified, peer, verdict.question)
            elif verdict.reason is None:
                data = {"sessionId": session.session_id, "declined": True}
                declined = frames.immediate_response(request_id, now, 200, "Code declined", data)
                await self._saying.say(session, declined, peer)
            else:
                await self._saying.say(session, _invalid(request_id, now, verdict), peer)
        finally:
            if verdict.question is not None:
                self._questions.release(verdict.question)

    async def submit_interaction(self, action: Action, peer: Peer) -> None:
        """Take a filled form, or the person's refusal to fill it."""
        session = await self._asked(action, await self._sessions.find(action["sessionId"], peer))
        answered = await self._answered(action, session, action["interactionId"], peer)
        if answered is not None and _is_same(action, answered):
            return  # the turn tells of the answer, or has done so
        question = session and await self._questions.waiting(session.session_id, Kind.INTERACTION)
        if not session or not question:
            raise _nothing_waits(action)
        kind, spec = question.subject["kind"], question.subject["spec"]
        if action["interactionId"] != question.question_id or action.get("kind", kind) != kind:
            raise RefusalError(Code.INTERACTION_MISMATCH, "another interaction waits")
        if action.get("declined"):
            await self._close_form(action, session, peer, question, _DECLINED)
            return
        if "values" not in action:
            raise RefusalError(Code.VALIDATION_ERROR, "/values is required unless declined is true")
        try:
            values = checked_values(kind, spec, action["values"])
        except FormError as fault:
            invalid = self._form_invalid(action, question, kind, fault)
            await self._saying.say(session, invalid, peer)
            return
        await store_identity(self._store, session.session_id, kind, values)
        await self._close_form(action, session, peer, question, _filled(values))

    async def _close_form(
        self,
        action: Action,
        session: SessionRecord,
        peer: Peer,
        question: QuestionRecord,
        answer: Mapping[str, Any],
    ) -> None:
        if not await self._questions.claim(question, answer):
            raise _nothing_waits(action)
        try:
            await self._acknowledge(action, session, peer, question, answer)
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
        question: QuestionRecord,
        answer: Any,
    ) -> None:
        told = acknowledgement(question, answer, action["requestId"], self._clock.epoch_ms())
        assert told is not None
        await self._saying.say(session, told, peer, question)

    async def _answered(
        self, action: Action, session: SessionRecord | None, question_id: str | None, peer: Peer
    ) -> QuestionRecord | None:
        """Return the question that an action answers again, on the link that has its turn.

        After a loss a client writes an answer again of which it was not told. None for every
        other action: it is answered as if it was the first.
        """
        if session is None or question_id is None or not is_replayed(session):
            return None
        question = await self._questions.find(question_id)
        if question is None or question.answer is None:
            return None
        mine = (session.session_id, action["requestId"])
        if (question.session_id, question.request_id) != mine:
            return None
        return question if await self._saying.has_turn(session, question.request_id, peer) else None


_DECLINED = {"status": "declined", "message": "The person declined to answer."}


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {"status": "submitted", "values": values}


def _is_same(action: Action, question: QuestionRecord) -> bool:
    """Tell whether a form is answered in the way in which it was answered before."""
    if action.get("declined"):
        return bool(question.answer == _DECLINED)
    kind, spec = question.subject["kind"], question.subject["spec"]
    try:
        values = checked_values(kind, spec, action.get("values", {}))
    except FormError:
        return False
    return bool(question.answer == _filled(values))


def _nothing_waits(action: Action) -> RefusalError:
    return RefusalError(
        Code.NO_PENDING_INTERACTION,
        "nothing waits for this interaction",
        details=_named(action, "interactionId"),
    )


def _named(action: Action, member: str) -> dict[str, str]:
    """Return the id of the question that an answer names: its client may have several out."""
    return {member: action[member]} if member in action else {}


def _invalid(request_id: str, now: int, verdict: OtpVerdict) -> frames.Frame:
    assert verdict.reason is not None
    return frames.otp_invalid(
        request_id,
        now,
        reason=verdict.reason,
        attempts_remaining=verdict.attempts_remaining,
        message=verdict.message,
    )
