"""The handlers of one turn: who is called when, and what becomes of what they give (REQ-ASK)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from . import _turn_verbs as turn_verbs
from . import wire
from ._clock import Timer
from ._handlers import ConfirmAsk, Handlers, InteractionAsk, OtpAsk, called
from ._options import Options
from ._turn_state import QUESTION_KINDS
from .wire.options import QUESTION_UNSEEN, REFUSED_ANSWERS
from .wire.steps import QUESTIONS, QuestionKind

if TYPE_CHECKING:
    from ._turn_driver import TurnDriver

_UNSEEN = QUESTION_UNSEEN / 1000
_AGAIN = ("otp_invalid", "interaction_invalid")


def question_of(event: wire.Event) -> QuestionKind | None:
    """Return the kind of question that an event asks, or shows more of."""
    for kind in QUESTION_KINDS:
        row = QUESTIONS[kind]
        if event.type == row.shows or event.type in row.updated_by:
            return kind
    return None


class _Run:
    """One call of a handler that has not ended."""

    __slots__ = ("kind", "task", "timer")

    def __init__(self, kind: QuestionKind) -> None:
        self.kind = kind
        self.task: asyncio.Task[None] | None = None
        self.timer: Timer | None = None


class Handling:
    """Calls the handlers of a turn, one at a time, and sends what they give.

    The driver tells what happens to questions while it carries out a step, and calls :meth:`run`
    when the step is over.
    """

    def __init__(self, turn: TurnDriver, options: Options, handlers: Handlers) -> None:
        self.handlers = handlers
        self.looked_at = False
        """Whether somebody iterates the turn for its items (REQ-ASK-10)."""
        self._turn = turn
        self._options = options
        self._stopped = False
        self._active: _Run | None = None
        self._queue: list[tuple[QuestionKind, Any]] = []
        self._refused: list[tuple[QuestionKind, Exception]] = []
        self._wrong: dict[QuestionKind, int] = {}
        self._untold: set[QuestionKind] = set()
        self._unwatched: list[QuestionKind] = []
        self._unseen: dict[QuestionKind, Timer] = {}

    # what happens to questions --------------------------------------------------------

    def handles(self, event: wire.Event) -> bool:
        """Return whether an event asks what a handler answers (REQ-ASK-09)."""
        kind = question_of(event)
        return kind is not None and self._handler(kind, event) is not None

    def _handler(self, kind: QuestionKind, event: Any) -> Callable[[Any], Any] | None:
        if kind == "confirmation":
            return self.handlers.confirm
        if kind == "otp":
            return self.handlers.otp
        # a question of tomorrow has no handler
        return self.handlers.interaction.get(event.kind) if kind == "interaction" else None

    def _mine(self, kind: QuestionKind) -> Callable[[Any], Any] | None:
        question = self._turn.questions.current(kind)
        return None if question is None else self._handler(kind, question.event)

    def opened(self, kind: QuestionKind, event: wire.Event, *, fresh: bool) -> None:
        """Take note of a question, or (not ``fresh``) of more about it."""
        updates = event.type in QUESTIONS[kind].updated_by
        if fresh or not updates:
            self._wrong[kind] = 0
        if not updates:
            self.ended(kind)
        elif self._under_way(kind):
            return
        if self._stopped:
            return
        settled = self._turn.state.settled
        if self._handler(kind, event) is None:
            if fresh and not settled:
                self._unwatched.append(kind)
        elif QUESTIONS[kind].updated_by and not updates and not settled:
            self._untold.add(kind)
            self._unwatched.append(kind)
        else:
            self._due(kind, None)

    def reopened(self, kind: QuestionKind, event: Any) -> None:
        """Ask again when the answer was wrong (REQ-ASK-03)."""
        wrong = event is not None and event.type in _AGAIN and not self._stopped
        if wrong and not self._under_way(kind) and self._mine(kind) is not None:
            self._due(kind, event)

    def ended(self, kind: QuestionKind) -> None:
        """Take note that a question was answered or closed."""
        self._seen(kind)
        self._queue = [entry for entry in self._queue if entry[0] != kind]
        if self._active is not None and self._active.kind == kind:
            self._signal()

    def stop(self) -> None:
        """Let no handler count any more: the turn is stopped (REQ-ASK-06)."""
        self._stopped = True
        self._queue.clear()
        for kind in QUESTION_KINDS:
            self._seen(kind)
        self._signal()

    def settling(self) -> None:
        """Ask now for a code that nothing said to be sent: the turn settles (REQ-ASK-02)."""
        for kind in QUESTION_KINDS:
            if kind in self._untold:
                self._due(kind, None)
            self._seen(kind)

    def refused(self, kind: QuestionKind, error: Exception) -> None:
        """Take note that an error refused what a handler gave."""
        self._refused.append((kind, error))

    @property
    def expects_code(self) -> bool:
        """Whether a code may still be given and looked at."""
        state = self._turn.state
        verbs = any(verb.outlives_turn for verb in state.verbs)
        alive = state.questions["otp"] != "none" and not self._stopped
        return alive and (self._under_way("otp") or verbs)

    def _under_way(self, kind: QuestionKind) -> bool:
        runs = self._active is not None and self._active.kind == kind
        return runs or any(entry[0] == kind for entry in self._queue)

    # a question that nobody looks at --------------------------------------------------

    def _look_later(self, kind: QuestionKind) -> None:
        self._unseen[kind] = self._options.clock.call_later(_UNSEEN, lambda: self._look(kind))

    def _look(self, kind: QuestionKind) -> None:
        del self._unseen[kind]
        if kind in self._untold:
            self._due(kind, None)
            self.run()
        elif not self.looked_at:
            self._options.logger.warning(
                "a question (%s) of %s waits: it has no handler, and nobody iterates its turn",
                kind,
                self._turn.request_id,
            )

    def _seen(self, kind: QuestionKind) -> None:
        self._untold.discard(kind)
        self._unwatched = [it for it in self._unwatched if it != kind]
        timer = self._unseen.pop(kind, None)
        if timer is not None:
            timer.cancel()

    # running --------------------------------------------------------------------------

    def _due(self, kind: QuestionKind, wrong: Any) -> None:
        self._seen(kind)
        self._queue.append((kind, wrong))

    def run(self) -> None:
        """After a step: fail what was refused, and call who is next."""
        while self._refused:
            kind, error = self._refused.pop(0)
            if self._turn.state.questions[kind] == "open":
                self._fail(kind, error)
        while self._unwatched and self._turn.current:
            self._look_later(self._unwatched.pop())
        while self._queue and self._active is None and self._turn.current:
            kind, wrong = self._queue.pop(0)
            handler = self._mine(kind)
            if handler is None or self._turn.state.questions[kind] != "open":
                continue
            self._wrong[kind] += wrong is not None
            if self._wrong[kind] < REFUSED_ANSWERS:
                self._call(kind, handler, wrong)
            else:
                text = f"the server refused {REFUSED_ANSWERS} answers of the handler"
                self._fail(kind, RuntimeError(text))
        self._turn.release_held()

    def _call(self, kind: QuestionKind, handler: Callable[[Any], Any], wrong: Any) -> None:
        run = self._active = _Run(kind)
        limit = self._options.handler_timeout
        if limit:
            run.timer = self._options.clock.call_later(limit, lambda: self._late(run))
        work = self._await(run, handler, self._ask(kind, wrong))
        run.task = self._turn.background(work, "smooth-operator handler")

    def _ask(self, kind: QuestionKind, wrong: Any) -> Any:
        question = self._turn.questions.current(kind)
        assert question is not None
        return _ASKS[kind](self._turn.ids(), question.told, wrong)

    async def _await(self, run: _Run, handler: Callable[[Any], Any], ask: Any) -> None:
        try:
            given = await called(handler, ask)
        except (Exception, asyncio.CancelledError) as error:
            if self._over(run):
                self._fail(run.kind, error)
                self.run()
            elif not isinstance(error, asyncio.CancelledError):
                self._log(error)
            return
        if self._over(run):
            try:
                self._answer(run.kind, given)
            except Exception as error:
                self._fail(run.kind, error)
            self.run()

    def _answer(self, kind: QuestionKind, given: Any) -> None:
        """Send what a handler gave; raises when that is no answer."""
        turn, ids = self._turn, self._turn.ids()
        question = turn.questions.current(kind)
        asked = question.event if question is not None else None
        if kind == "confirmation":
            call = turn_verbs.confirm(ids, asked, given)
        elif given is None and kind == "otp":
            if not turn.park:
                return  # the question stays open for who has its code (REQ-OTP-05)
            call = turn_verbs.decline_otp(ids)
        elif kind == "otp":
            call = turn_verbs.verify_otp(ids, given)
        elif given is None:
            call = turn_verbs.decline(ids, asked)
        else:
            values = dict(given) if isinstance(given, Mapping) else given
            call = turn_verbs.submit(ids, asked, values)
        turn.answer(call, by_handler=True)

    def _fail(self, kind: QuestionKind, error: BaseException) -> None:
        """Answer no, then fail the turn (REQ-ASK-07)."""
        question = self._turn.questions.current(kind)
        asked = question.event if question is not None else None
        if kind == "confirmation":
            call = turn_verbs.confirm(self._turn.ids(), asked, False)
            self._turn.answer(call, by_handler=True)
        elif kind == "interaction":
            self._turn.answer(turn_verbs.decline(self._turn.ids(), asked), by_handler=True)
        if not self._turn.handler_failed(kind, error):
            self._log(error)

    def _late(self, run: _Run) -> None:
        if self._over(run):
            assert run.task is not None
            run.task.cancel()
            limit = self._options.handler_timeout
            self._fail(run.kind, TimeoutError(f"the handler took longer than {limit:g} s"))
            self.run()

    def _signal(self) -> None:
        run = self._active
        if run is not None and self._over(run):
            assert run.task is not None
            run.task.cancel()

    def _over(self, run: _Run) -> bool:
        """Take note that a call has ended; return whether what it gives counts."""
        if self._active is not run:
            return False
        self._active = None
        if run.timer is not None:
            run.timer.cancel()
        return True

    def _log(self, error: BaseException) -> None:
        """Log what nobody is told otherwise, by its type alone (REQ-ERR-04)."""
        self._options.logger.warning(
            "a handler of %s failed: %s", self._turn.request_id, type(error).__name__
        )


def _confirm_ask(ids: Mapping[str, Any], told: Mapping[str, Any], _: Any) -> ConfirmAsk:
    event = told["write_confirmation_required"]
    return ConfirmAsk(
        **ids, event=event, tool_id=event.tool_id, action_description=event.action_description
    )


def _otp_ask(ids: Mapping[str, Any], told: Mapping[str, Any], wrong: Any) -> OtpAsk:
    required, sent = told.get("otp_verification_required"), told.get("otp_sent")
    facts: dict[str, Any] = {"event": sent or required}
    if required is not None:
        names = ("tool_id", "action_description", "available_channels", "auth_level")
        facts |= {name: getattr(required, name) for name in names}
    if sent is not None:
        facts |= {"channel": sent.channel, "masked_destination": sent.masked_destination}
    if wrong is not None:
        facts |= {name: getattr(wrong, name) for name in ("attempts_remaining", "error", "message")}
    return OtpAsk(**ids, **facts)


def _interaction_ask(ids: Mapping[str, Any], told: Mapping[str, Any], wrong: Any) -> InteractionAsk:
    event = told["interaction_required"]
    facts: dict[str, Any] = {}
    if wrong is not None:
        facts = {"errors": tuple(wrong.errors), "message": wrong.message}
    names = ("interaction_id", "kind", "spec", "reason")
    facts |= {name: getattr(event, name) for name in names}
    return InteractionAsk(**ids, event=event, **facts)


_ASKS: dict[QuestionKind, Callable[[Mapping[str, Any], Mapping[str, Any], Any], Any]] = {
    "confirmation": _confirm_ask,
    "otp": _otp_ask,
    "interaction": _interaction_ask,
}
