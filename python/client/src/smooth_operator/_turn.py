"""One turn as the application sees it: iterate, await, answer, stop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Sequence
from types import TracebackType
from typing import Any, Literal, overload

from . import _turn_verbs as turn_verbs
from . import wire
from ._handlers import Handlers
from ._options import Options
from ._outbox import Outgoing
from ._questions import Answer, OtpCheck, Question, SubmitResult
from ._recovery import Recovery
from ._sender import Sender
from ._turn_driver import TurnDriver
from ._turn_events import TextStream, TurnEvents
from ._turn_line import TurnLine
from ._turn_outcome import TurnResult
from .wire.steps import QuestionKind


class Turn:
    """One message and all it causes.

    Iterate it for its events, await it for its :class:`TurnResult`; both at once is fine, and
    every iterator sees every event (REQ-TURN-02). ``async with`` stops it on exit unless somebody
    else still waits for it or :meth:`detach` was called (REQ-STOP-05).
    """

    def __init__(
        self,
        sender: Sender,
        options: Options,
        outgoing: Outgoing,
        session_id: str,
        *,
        park: bool,
        replays: bool,
        history: Callable[[Turn], Awaitable[Recovery]],
        handlers: Handlers,
        line: TurnLine,
        again: Callable[[str], Outgoing] | None = None,
    ) -> None:
        self._driver = TurnDriver(
            sender,
            options,
            outgoing,
            session_id,
            self,
            park=park,
            replays=replays,
            handlers=handlers,
            line=line,
            again=again,
        )
        self._logger = options.logger
        self._history = history
        self._looked_at = False

    def __repr__(self) -> str:
        return f"<Turn {self.request_id} {self.state}>"

    # reading --------------------------------------------------------------------------

    @property
    def request_id(self) -> str:
        """Id of the turn; its events and verbs carry it. A message that is sent again after its
        code has another one (REQ-ASK-11)."""
        return self._driver.request_id

    @property
    def session_id(self) -> str:
        """Session that the turn belongs to."""
        return self._driver.session_id

    @property
    def state(self) -> Literal["sent", "running", "suspended", "settled"]:
        """How far the turn is; ``suspended`` while it waits to be taken up (REQ-RESUME-02), running
        while it waits for a code (REQ-ASK-11)."""
        state = self._driver.state.turn
        return "running" if state == "settled" and not self.settled else state

    @property
    def partial_text(self) -> str:
        """Text that was streamed so far; stays readable (REQ-TURN-15)."""
        return self._driver.text.text

    @property
    def items(self) -> Sequence[wire.Event]:
        """Events seen so far, in wire order; beyond 1,024 tokens are merged (REQ-TURN-15)."""
        return self._driver.items.kept()

    @property
    def text_stream(self) -> TextStream:
        """The streamed text, piece by piece (REQ-TURN-10)."""
        self._looked_at = True
        return TextStream(self._driver, TurnEvents(self._driver))

    @property
    def settled(self) -> bool:
        """Whether the turn has its outcome."""
        return self._driver.settled

    def question(self, kind: QuestionKind) -> Question | None:
        """Return the question of ``kind`` that waits for an answer, if there is one."""
        is_open = self._driver.state.questions[kind] == "open"
        return self._driver.questions.current(kind) if is_open else None

    def handled(self, event: wire.Event) -> bool:
        """Return whether ``event`` asks what a handler of this turn answers (REQ-ASK-09)."""
        return self._driver.handling.handles(event)

    def __aiter__(self) -> TurnEvents:
        self._looked_at = self._driver.handling.looked_at = True
        return TurnEvents(self._driver)

    def __await__(self) -> Generator[Any, None, TurnResult]:
        return self.result().__await__()

    async def result(self) -> TurnResult:
        """Wait for the end; raise the error of a failed turn.

        Cancelling the wait stops the turn unless somebody else waits for it (REQ-STOP-04).
        """
        self._looked_at = True
        driver = self._driver
        driver.waiters += 1
        try:
            while not driver.settled:
                await driver.changed()
        except asyncio.CancelledError:
            driver.waiters -= 1
            driver.left()
            raise
        driver.waiters -= 1
        if driver.error is not None:
            raise driver.error
        assert driver.result is not None
        return driver.result

    async def recover(self) -> Recovery:
        """Ask what became of the message; no message is sent again (REQ-TURN-30).

        For a turn that was interrupted. On a replay session the server is asked first: while the
        turn runs, here or there, this waits, at most ``resume_timeout`` in whole, then the status
        is ``unknown``; what never arrived is ``not_delivered`` (REQ-RESUME-12). Else the history
        decides, of which at most ten pages are read. A link is waited for as by any call.

        Raises:
            SmoothAgentError: nobody could be asked.
        """
        return await self._history(self)

    # answering and stopping -----------------------------------------------------------

    def confirm(self, approved: bool) -> Answer[None]:
        """Answer the open confirmation; the frame is queued at once.

        Resolves to None when the server took the answer. Fails with NoPendingQuestionError or
        AlreadyAnsweredError without sending anything (REQ-VERB-05).
        """
        call = turn_verbs.confirm(self._ids(), self._asked("confirmation"), approved)
        return self._driver.answer(call)

    def verify_otp(self, code: str) -> Answer[OtpCheck]:
        """Give the one-time code as typed; resolves to an :class:`OtpCheck` (REQ-OTP-01)."""
        return self._driver.answer(turn_verbs.verify_otp(self._ids(), code))

    def submit(self, values: dict[str, Any]) -> Answer[SubmitResult]:
        """Answer the open interaction; resolves to a :class:`SubmitResult` (REQ-FORM-01)."""
        call = turn_verbs.submit(self._ids(), self._asked("interaction"), values)
        return self._driver.answer(call)

    @overload
    def decline(self, question: Literal["interaction"] = "interaction") -> Answer[SubmitResult]: ...

    @overload
    def decline(self, question: Literal["otp"]) -> Answer[None]: ...

    def decline(self, question: Literal["interaction", "otp"] = "interaction") -> Answer[Any]:
        """Decline the open interaction, or the code that is asked for.

        Declining a code needs a server that lists ``otp_park`` (REQ-OTP-05).
        """
        if question == "interaction":
            return self._driver.answer(turn_verbs.decline(self._ids(), self._asked(question)))
        if question != "otp":
            raise ValueError("question: expected 'interaction' or 'otp'")
        if not self._driver.park:
            answer = self._driver.answers.pending()
            answer.fail(self._driver.unsupported())
            return answer
        return self._driver.answer(turn_verbs.decline_otp(self._ids()))

    def cancel(self) -> Answer[None]:
        """Stop the turn; resolves when it has settled, at once when it has (REQ-STOP-01)."""
        return self._driver.cancel()

    def detach(self) -> None:
        """Let the turn run on when nobody looks at it any more (REQ-STOP-05)."""
        self._driver.detached = True

    async def aclose(self) -> None:
        """Leave the turn: stop it unless somebody else waits for it (REQ-STOP-05)."""
        self._driver.left()

    async def __aenter__(self) -> Turn:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._driver.left()

    def __del__(self) -> None:
        driver = getattr(self, "_driver", None)
        error = driver.error if driver is not None else None
        if error is not None and not self._looked_at:
            kind = getattr(error, "kind", type(error).__name__)
            self._logger.warning("a turn failed unseen: %s", kind)

    def _ids(self) -> dict[str, str]:
        return {"request_id": self.request_id, "session_id": self.session_id}

    def _asked(self, kind: QuestionKind) -> Any:
        """Return the event that asked last and is not closed."""
        question = self._driver.questions.current(kind)
        return question.event if question is not None else None
