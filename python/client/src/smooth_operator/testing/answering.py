"""What people say to the questions of a turn, and how that is acknowledged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import wire
from .forms import value_faults
from .playing import Play
from .reading import VERBS
from .state import FakeSession, FakeTurn, Link, Question, QuestionKind, RefusedError, World


class Answering:
    """The actions that answer a question, and how refusals are told."""

    def __init__(self, world: World) -> None:
        self.world = world

    def value(self, frame: Mapping[str, Any], link: Link, data: dict[str, Any]) -> None:
        """Answer a call with its result."""
        event = wire.ImmediateResponseEvent.of(
            request_id=frame.get("requestId"),
            status=200,
            data=data,
            timestamp=self.world.now_ms(),
        )
        link.write(event.raw_text)

    def refuse(self, frame: Mapping[str, Any], link: Link, refused: RefusedError) -> None:
        """Tell that an action is refused; of a verb in its turn, where it has one (REQ-SRV-24)."""
        code, message = refused.code, str(refused)
        turn = self._turn_of(frame, link) if frame.get("action") in VERBS else None
        if turn is not None:
            Play(self.world, turn).emit(wire.ErrorEvent, code=code, message=message)
            return
        request_id = frame.get("requestId")
        event = wire.ErrorEvent.of(
            request_id=request_id if isinstance(request_id, str) else None,
            timestamp=self.world.now_ms(),
            code=code,
            message=message,
        )
        link.write(event.raw_text)

    def _turn_of(self, frame: Mapping[str, Any], link: Link) -> FakeTurn | None:
        session = self.world.sessions.get(str(frame.get("sessionId")))
        turn = session.conversation.running if session is not None else None
        if turn is None or turn.request_id != frame.get("requestId"):
            return None
        return turn if turn.holder is link and turn.session.replays else None

    def confirm_tool_action(self, frame: Mapping[str, Any], link: Link) -> None:
        """Take a yes or no; a stale one is refused (REQ-SRV-07)."""
        session = self._session_or(frame, link, "NO_PENDING_CONFIRMATION")
        found = self._question(session, "confirmation")
        named, approved = frame.get("confirmationId"), frame["approved"]
        if found is None or named not in (None, found[1].id):
            if self._said_again(session, named, approved, link):
                return
            raise RefusedError("NO_PENDING_CONFIRMATION", "nothing waits for this confirmation")
        turn, question = found
        self._say(turn, frame, link, wire.ImmediateResponseEvent, status=200, data={})
        turn.answered[question.id] = approved
        self._decide(found, answer=approved)

    def verify_otp(self, frame: Mapping[str, Any], link: Link) -> None:
        """Take one try at the code, or a refusal to give one."""
        session = self.world.session(frame["sessionId"], link.owner)
        found = self._question(session, "otp")
        turn = found[0] if found is not None else None
        if frame.get("declined") and session.attempts is not None:
            session.attempts = None
            self._say(turn, frame, link, wire.ImmediateResponseEvent, status=200, data={})
            self._decide(found, answer=False)
        elif session.attempts is None:
            self._invalid(turn, frame, link, "NOT_FOUND", 0)
        elif frame.get("code") == session.code:
            session.attempts, session.verified = None, True
            told = {"message": "The code is right."}
            self._say(turn, frame, link, wire.OtpVerifiedEvent, **told)
            self._decide(found, answer=True)
        else:
            session.attempts -= 1
            left = session.attempts
            self._invalid(turn, frame, link, "INVALID_CODE" if left else "MAX_ATTEMPTS", left)
            if not left:
                session.attempts = None
                self._decide(found, answer=False)

    def _invalid(
        self, turn: FakeTurn | None, frame: Mapping[str, Any], link: Link, why: str, left: int
    ) -> None:
        facts = {
            "error": wire.OtpInvalidReason(why),
            "attempts_remaining": left,
            "message": "No code is waited for." if why == "NOT_FOUND" else "The code is wrong.",
        }
        self._say(turn, frame, link, wire.OtpInvalidEvent, **facts)

    def submit_interaction(self, frame: Mapping[str, Any], link: Link) -> None:
        """Take a form that was filled in, or the refusal to."""
        session = self._session_or(frame, link, "NO_PENDING_INTERACTION")
        found, named = self._question(session, "interaction"), frame["interactionId"]
        declined = frame.get("declined", False)
        said = {"status": "declined"} if declined else frame.get("values")
        if found is None:
            if self._said_again(session, named, said, link):
                return
            raise RefusedError("NO_PENDING_INTERACTION", "nothing waits for this interaction")
        turn, question = found
        kind = str(question.facts["kind"])
        if named != question.id or frame.get("kind", kind) != kind:
            raise RefusedError("INTERACTION_MISMATCH", "another interaction waits")
        if said is None:
            raise RefusedError("VALIDATION_ERROR", "/values is missing")  # REQ-SRV-14
        faults = {} if declined else value_faults(kind, question.facts["spec"], said)
        if faults:
            errors = [
                wire.types.FieldError(field=field, message=text) for field, text in faults.items()
            ]
            facts = {"interaction_id": question.id, "kind": kind, "errors": errors}
            text = "Some fields need attention."
            self._say(turn, frame, link, wire.InteractionInvalidEvent, message=text, **facts)
            return
        self._say(turn, frame, link, wire.ImmediateResponseEvent, status=200, data={})
        turn.answered[question.id] = said
        told = said if declined else {"status": "submitted", "values": said}
        self._decide(found, answer=told)

    def _session_or(self, frame: Mapping[str, Any], link: Link, code: str) -> FakeSession:
        try:
            return self.world.session(frame["sessionId"], link.owner)
        except RefusedError as unknown:
            raise RefusedError(code, str(unknown)) from None

    @staticmethod
    def _question(session: FakeSession, kind: QuestionKind) -> tuple[FakeTurn, Question] | None:
        turn = session.conversation.running
        question = turn.question if turn is not None else None
        if turn is None or question is None or turn.session is not session:
            return None
        return (turn, question) if question.kind == kind and not question.answer.done() else None

    @staticmethod
    def _decide(found: tuple[FakeTurn, Question] | None, *, answer: object) -> None:
        if found is not None and not found[1].answer.done():
            found[1].answer.set_result(answer)

    @staticmethod
    def _said_again(session: FakeSession, named: str | None, answer: object, link: Link) -> bool:
        """Tell whether the link of a turn says again what it said (REQ-SRV-41)."""
        turn = session.conversation.running
        if turn is None or not session.replays or turn.holder is not link or named is None:
            return False
        return named in turn.answered and turn.answered[named] == answer

    def _say(
        self,
        turn: FakeTurn | None,
        frame: Mapping[str, Any],
        link: Link,
        model: type[Any],
        **facts: Any,
    ) -> None:
        """Answer a verb: in the turn where that is numbered, and to who asked."""
        request_id = frame["requestId"]
        if turn is not None and turn.session.replays and request_id == turn.request_id:
            Play(self.world, turn).emit(model, **facts)
            if turn.holder is link:
                return
        event = model.of(request_id=request_id, timestamp=self.world.now_ms(), **facts)
        link.write(event.raw_text)
