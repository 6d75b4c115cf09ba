"""What makes a turn go: carries out what the tables say about frames, answers and the link."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, assert_never

from . import _errors as errors
from . import wire
from ._accumulator import Accumulator
from ._arguments import printed
from ._clock import Timer
from ._handlers import Handlers
from ._options import Options
from ._outbox import Outgoing
from ._questions import Answer, Questions
from ._sender import Sender
from ._transport import LinkEnd
from ._turn_answers import TurnAnswers
from ._turn_clocks import TurnClocks
from ._turn_handling import Handling
from ._turn_items import Backlog, TurnItems
from ._turn_line import TurnLine
from ._turn_outcome import Cause, Times, TurnResult, failure, success
from ._turn_resuming import Resuming
from ._turn_state import QUESTION_KINDS, Step, TurnState, Verb
from ._turn_verbs import VerbCall
from .wire import steps
from .wire.options import SLOT_PAUSE
from .wire.steps import QuestionKind


class TurnDriver:
    """States, items, limits and outcome of one turn. Lives in the router until nothing can come.

    ``handle`` is the turn that the application holds, ``replays`` whether its session is a replay
    session (REQ-RESUME-01).
    """

    def __init__(
        self,
        sender: Sender,
        options: Options,
        outgoing: Outgoing,
        session_id: str,
        handle: Any,
        *,
        park: bool,
        replays: bool,
        handlers: Handlers,
        line: TurnLine,
        again: Callable[[str], Outgoing] | None,
    ) -> None:
        assert outgoing.request_id is not None
        self.request_id = outgoing.request_id
        self.session_id = session_id
        self.handle = handle
        self.park = park
        self.questions = Questions(options, lambda: self._local("question_timeout"))
        self.state = TurnState(self._expired)
        self.text = Accumulator()
        self.items = TurnItems()
        self.result: TurnResult | None = None
        self.error: Exception | None = None
        self.waiters = 0
        self.detached = False
        self._sender = sender
        self._failures = sender.failures
        self._options = options
        self.answers = self._new_answers()
        self._outgoing = outgoing
        self.resuming = Resuming(options, replays=replays)
        self._taken_up = False
        self._now = options.clock.now
        self._began = self._now()
        self._first_token: float | None = None
        self._stopped = False
        self._silent = True
        self._watch = sender.watch
        self._clocks = TurnClocks(options, self._local)
        self.handling = Handling(self, options, handlers)
        self.waits = False
        """Whether its message waits for the turns before it (REQ-TURN-31)."""
        self._line = line
        self._again = again
        self._resent = self._retried = False
        self._sent_at = 0.0
        self._slot: Timer | None = None
        self._held: TurnResult | None = None
        """The result that came while a handler is to give a code (REQ-ASK-11)."""

    def _new_answers(self) -> TurnAnswers:
        return TurnAnswers(self._sender, self._options, self.state.verbs, self.ids(), self._after)

    # for iterators --------------------------------------------------------------------

    @property
    def settled(self) -> bool:
        """Whether the turn has its outcome."""
        return self.result is not None or self.error is not None

    @property
    def opens_turn(self) -> bool:
        """Whether the turn has no outcome yet; a call is none (for the router)."""
        return not self.settled

    @property
    def current(self) -> bool:
        """Whether what the turn shows is the present, and nothing of the past (REQ-ASK-13)."""
        return self.state.turn != "suspended" and not self.resuming.behind

    async def changed(self) -> None:
        """Wait for the next item or the end."""
        self._sender.check_loop()
        await self.items.changed()

    def left(self, backlog: Backlog | None = None) -> None:
        """Stop the turn, if nobody else is interested in it (REQ-STOP-04, REQ-STOP-05)."""
        if backlog is not None:
            self.items.shut(backlog)
        if self.detached or self.settled or self.waiters or self.items.read:
            return
        self.stop()

    # the begin ------------------------------------------------------------------------

    def start(self) -> None:
        """Queue the message and start the limits."""
        self._sender.router.next_send(self.session_id)
        self._sent_at = self._now()
        begun, self.waits = self.waits or self._retried, False
        try:
            refusal = self._sender.submit(self._outgoing)
        except errors.MessageTooLargeError as error:
            self.link_event("too_large", None, error)
            return
        if refusal is not None:
            self.link_event(refusal, None, None)
            return
        if not begun:
            self._started()
        self._touch()

    def wait(self) -> None:
        """Let the message wait for the turns before it; its own time runs (REQ-TURN-31)."""
        self.waits = True
        self._started()

    def begin(self, event: wire.Event) -> None:
        """Take over from an answer that the server made a turn of (REQ-VERB-15)."""
        self._line.join(self)
        self._sender.router.add(self.request_id, self)
        self._started()
        self.event_received(event)

    def take_up(self) -> None:
        """Ask for a turn that runs already, from its first event on (REQ-RESUME-11)."""
        self._sender.check_loop()
        self._line.join(self)
        self._sender.router.add(self.request_id, self)
        self._taken_up = True
        self._started()
        self._local("take_up")

    def _started(self) -> None:
        if self._options.turn_timeout:
            self._clocks.start("total_timeout", self._options.turn_timeout)
        self._watch.tell("turn_started", self.request_id, self.session_id)

    # for the router -------------------------------------------------------------------

    def event_received(self, event: wire.Event) -> bool:
        """Carry out what the tables say about an event of this turn."""
        self._received(event, event.type)
        return True

    def broken_received(self, fault: wire.DecodeError) -> bool:
        """A broken terminal event fails the turn, any other is an unknown item (REQ-WIRE-03)."""
        resumes = fault.type == "turn_resumed" and self.resuming.replays  # REQ-RESUME-04
        word = "broken" if fault.terminal or resumes else "unknown"
        self._received(fault.as_unknown(), word, fault)
        return True

    def _received(self, event: Any, word: str, fault: wire.DecodeError | None = None) -> None:
        state, was_settled = None, self.state.settled
        if self._too_early(event):
            return
        if not was_settled:
            word = self.resuming.takes(event, word, self.state.turn)
            if word == "stream_token":
                self._text_came((event,))
        if word == "turn_resumed" and self.resuming.replays:
            state = self.resuming.state_of(event)
        cause = Cause(word=word, event=event, fault=fault, state=state)
        for step in self.state.frame(event, word, self._facts(resume_state=state)):
            self._do(step, cause)
        self._catch_up()
        if word == "otp_verified" and self._held is not None:
            self._send_again()
        elif self.state.settled and not was_settled:
            self._line.terminal(self.session_id)
        self._touch()
        self._after()

    def pieces_received(self, events: list[Any]) -> bool:
        """Show events that the tables make items of and nothing else; False for any others."""
        if (
            self._slot is not None
            or not self.state.quiet(events[0])
            or not self.resuming.follow(events)
        ):
            return False
        self._clocks.heard()
        if events[0].type == "stream_token":
            self._text_came(events)
        self.items.extend(events)
        self.items.wake()
        return True

    def _text_came(self, events: Sequence[Any]) -> None:
        self.text.extend(events)
        if self._silent:
            self._silent = False
            self._first_token = self._now() - self._began
            self._watch.tell("first_token", self.request_id)

    def link_event(
        self, word: str, end: LinkEnd | None, error: Exception | None, *, sought: bool = False
    ) -> None:
        """Carry out what the tables say about the link."""
        self._clocks.clear("resume_due")
        self._step(Cause(word=word, end=end, error=error), sought=sought)
        kind = "client_closed" if word == "close" else "connection_lost"
        if self.state.turn != "suspended":
            self.answers.link_ended(kind, end, error)
        self._after()

    def link_opened(self) -> None:
        """Ask for the events of a suspended turn (REQ-RESUME-03)."""
        self._local("opened")

    def next_send(self, session_id: str) -> None:
        """Close the OTP question that outlived this turn (REQ-OTP-03)."""
        if self.state.settled and session_id == self.session_id:
            self._local("send")

    # the driver -----------------------------------------------------------------------

    def _local(self, word: str) -> None:
        self._step(Cause(word=word))
        if self._held is not None and word in ("question_timeout", "total_timeout"):
            self.handling.stop()
        self._after()

    def _step(self, cause: Cause, verb: Verb | None = None, *, sought: bool = False) -> None:
        for step in self.state.local(cause.word, self._facts(sought=sought), verb):
            self._do(step, cause)

    def _facts(self, *, sought: bool = False, resume_state: str | None = None) -> steps.Facts:
        """Return what the machines may look at beside the event."""
        left = self._outgoing.may_have_left
        return steps.Facts(
            turn=self.state.turn,
            may_have_left=left,
            sought=sought,
            resumable=self.resuming.replays and left and not self.state.settled,
            unseen=self.resuming.last == 0 and not self._taken_up,
            cancelling=self._stopped,
            resume_state=resume_state,
            asked_before=self.resuming.behind and self.state.asks_one,
        )

    def _expired(self, kind: QuestionKind, event: Any, word: str) -> bool:
        question = self.questions.current(kind)
        passed = None if question is None else self.resuming.passed(question.event, event)
        return self.questions.expired(kind, word, passed)

    def _do(self, step: Step, cause: Cause) -> None:
        match step.effect:
            case steps.Item():
                self.items.extend((cause.event,))
                self.items.wake()
            case steps.Settle():
                self._settle(step.effect, cause)
            case steps.Send(action="resume_turn"):
                self._send_resume()
            case steps.Send():
                self._send_cancel()
            case steps.Suspend():
                self._suspend()
            case steps.Resume():
                self._resume(cause.event)
            case steps.Schedule():
                wait = self.resuming.pause(self._options.draw(), cause.event.retry_after_ms)
                self._clocks.start("resume_due", wait)
            case steps.Repeat():
                self._repeat(step.verb)
            case steps.Tap() | steps.Refuse():
                pass  # the tap has seen it; :meth:`answer` looks for a refusal
            case _:
                if step.question is not None:
                    self._do_question(step.effect, step.question, step.verb, cause)

    def _do_question(
        self,
        effect: steps.Resolve | steps.Fail | steps.Open | steps.Reopen | steps.Shut,
        kind: QuestionKind,
        verb: Verb | None,
        cause: Cause,
    ) -> None:
        match effect:
            case steps.Resolve():
                if verb is not None:
                    self.answers.resolve(verb, cause)
            case steps.Fail():
                if verb is not None:
                    self._fail_verb(effect, kind, verb, cause)
            case steps.Open():
                fresh = self.questions.current(kind) is None
                self.questions.opened(kind, cause.event)
                self._ask(kind, self.resuming.age(cause.event))
                self._watch.tell("question", self.request_id, kind)
                self.handling.opened(kind, cause.event, fresh=fresh)
            case steps.Reopen():
                self._ask(kind)
                self.handling.reopened(kind, cause.event)
            case steps.Shut():
                self.handling.ended(kind)
                self.questions.shut(kind)
            case _:
                assert_never(effect)

    def _fail_verb(self, effect: steps.Fail, kind: QuestionKind, verb: Verb, cause: Cause) -> None:
        self.answers.fail(verb, effect, cause)
        if verb.by_handler:
            self.handling.refused(kind, verb.token.exception())

    def _ask(self, kind: QuestionKind, age: float = 0.0) -> None:
        """Start the limit of a question; one that outlives its turn has none then."""
        if not self.state.settled:
            self.questions.start(kind, age)

    def _touch(self) -> None:
        """Let the idle clock run from now on, or stand still while a human is asked."""
        if not self.state.settled:
            still = self.state.open_question is not None or self.state.turn == "suspended"
            self._clocks.touch(still=still)

    # suspended ------------------------------------------------------------------------

    def _suspend(self) -> None:
        """Let all clocks stand but those that run on (REQ-RESUME-09)."""
        left = self.resuming.begin(self._now(), self.state.verbs)
        if left:
            self._clocks.start("resume_timeout", left)
        self.questions.stop()
        self.answers.pause()
        self._touch()

    def _resume(self, event: Any) -> None:
        """Start the clocks anew, and write what was answered meanwhile (REQ-RESUME-08)."""
        held = self.resuming.go_on(event, self._now())
        self._sender.resumed()
        self._clocks.clear("resume_timeout")
        self._clocks.clear("resume_due")
        for kind in QUESTION_KINDS:
            if self.state.questions[kind] == "open":
                self._ask(kind)
        self.answers.go_on(held)

    def _send_resume(self) -> None:
        """Ask for the turn, and stop it where that was wanted meanwhile; only on an open link."""
        if not self._sender.linked:
            return
        last, ids = self.resuming.last, self.ids()
        text = printed(wire.actions.ResumeTurnAction(**ids, after_seq=last))
        self._sender.put(Outgoing("resume_turn", self.request_id, text, self.session_id))
        self._flush_cancel()

    def _repeat(self, verb: Verb | None) -> None:
        """Write a verb, or the message, once more."""
        if verb is not None:
            self.answers.repeat(verb)
        else:
            self._outgoing = self._outgoing.again()
            self._sender.put(self._outgoing)

    def _catch_up(self) -> None:
        """Decide what became of verbs whose frames may be lost (REQ-RESUME-07)."""
        for verb in self.resuming.doubtful(self.state.verbs):
            self._step(Cause(word="caught_up"), verb)

    # the verbs ------------------------------------------------------------------------

    def answer(self, call: VerbCall, *, by_handler: bool = False) -> Answer[Any]:
        """Send an answer to its question, or refuse it (REQ-VERB-05)."""
        verb = self.answers.made(call, by_handler=by_handler)
        answer: Answer[Any] = verb.token
        for step in self.state.answer(call.question):
            if isinstance(step.effect, steps.Refuse):
                self.answers.refuse(verb, step.effect.refusal)
                return answer
        self.answers.add(verb)
        self.questions.answered(call.question)
        self.handling.ended(call.question)
        self._touch()
        if self.state.turn == "suspended":
            self.resuming.held.append(verb)
        else:
            self.answers.write(verb)
        if not by_handler:
            self.handling.run()
        return answer

    def cancel(self) -> Answer[None]:
        """Stop the turn; resolve when it has settled (REQ-STOP-01)."""
        answer = self.answers.pending()
        if self.settled:
            answer.resolve(None)
        else:
            self.state.verbs.append(Verb("cancel", answer))
            self.stop()
        return answer

    def stop(self) -> None:
        """Write one cancel; a message that was not written yet is taken back (REQ-STOP-01)."""
        if self._held is not None:
            self.handling.stop()
            self.release_held()
        else:
            self._local("cancel")

    def _send_cancel(self) -> None:
        """Write the one cancel, or keep it for the next ``resume_turn`` (REQ-RESUME-08)."""
        self.handling.stop()
        if self._stopped:
            return
        self._stopped = True
        action = wire.actions.CancelAction(request_id=self.request_id, session_id=self.session_id)
        text = wire.encode_action(action)
        self.resuming.cancel = Outgoing("cancel", self.request_id, text, self.session_id)
        if self.state.turn != "suspended" or self._sender.linked:
            self._flush_cancel()

    def _flush_cancel(self) -> None:
        cancel = self.resuming.take_cancel(self._now() if self.state.settled else None)
        if cancel is not None:
            self._clocks.start("cancel_timeout", self._options.cancel_timeout)
            self._sender.put(cancel)

    # settling -------------------------------------------------------------------------

    def _settle(self, effect: steps.Settle, cause: Cause) -> None:
        self._flush_cancel()
        self._outgoing.drop()
        self.handling.settling()
        if effect.outcome == "failed":
            self._end(None, self._failure(str(effect.ending), cause))
        else:
            times = Times(self._now() - self._began, self._first_token)
            result = success(effect, cause.event, self.text, self.ids(), times)
            if effect.outcome == "completed" and self._awaits_code():
                self._held = result
                self._clocks.keep("total_timeout")
            else:
                self._end(result, None)
        self._settle_answers()

    def _end(self, result: TurnResult | None, error: Exception | None) -> None:
        """Give the turn its outcome."""
        self._held, self.result, self.error = None, result, error
        self._watch.settled(self.request_id, self._outgoing.text, result, error, self._first_token)
        self._clocks.stop()
        self.questions.stop()
        if self._slot is not None:
            self._slot.cancel()
        self._line.over(self)
        self.items.wake()

    def _failure(self, kind: str, cause: Cause) -> Exception:
        if kind == "turn_interrupted" and cause.end is None:
            cause = replace(cause, end=self._sender.ending)
        error = failure(
            self._failures,
            {**self.ids(), "partial_text": self.text.text},
            kind,
            cause,
            asked=self.state.asked,
            sent=self._outgoing.may_have_left,
        )
        if isinstance(error, errors.TurnInterruptedError):
            error._asks = self.handle.recover
        return error

    def _settle_answers(self) -> None:
        self.answers.settle(self.error, suspended=self.state.before == "suspended")

    # handlers -------------------------------------------------------------------------

    def background(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run ``work`` beside the link; ``close()`` waits for its end."""
        return self._sender.background(work, name)

    def handler_failed(self, kind: QuestionKind, cause: BaseException) -> bool:
        """Fail the turn (REQ-ASK-07); False when it had its outcome before."""
        failed = self._failures.make(
            errors.HandlerError,
            partial_text=self.text.text,
            details={"question": kind},
            **self.ids(),
        )
        failed.__cause__ = cause
        if self._held is not None:
            self._end(None, failed)
            return True
        if self.state.settled:
            return False
        self._step(Cause(word="handler_failed", error=failed))
        return True

    def _awaits_code(self) -> bool:
        """Whether the turn goes on when its handler has given the code (REQ-ASK-11)."""
        known = self._again is not None and not self._resent
        wanted = self._options.resend_after_otp and known
        return wanted and self.handling.handlers.otp is not None and self.handling.expects_code

    def release_held(self) -> None:
        """Let the result that was held back be the outcome, once no code can come (REQ-ASK-12)."""
        if self._held is not None and not self.handling.expects_code:
            self._end(self._held, None)
            self._settle_answers()

    def _send_again(self) -> None:
        """Send the message again, once, under a new id, and go on with it (REQ-ASK-11)."""
        self._held, self._resent = None, True
        self.answers.drop()
        self.questions.stop()
        self._renew()
        self._sender.router.next_send(self.session_id)
        refusal = self._sender.submit(self._outgoing)
        if refusal is not None:
            self.link_event(refusal, None, None)

    def _renew(self) -> None:
        """Go on under a new id, as for a message that was never sent."""
        assert self._again is not None
        router = self._sender.router
        router.settle(self.request_id, self)
        old, self.request_id = self.request_id, router.another_id()
        self._watch.tell("turn_renamed", old, self.request_id)
        self._outgoing = self._again(self.request_id)
        self.state, self.resuming = TurnState(self._expired), self.resuming.fresh()
        self.answers = self._new_answers()
        self.text, self._stopped = Accumulator(), False
        router.add(self.request_id, self)

    def _too_early(self, event: wire.Event) -> bool:
        """Send a message that was refused once more, if that may pass (REQ-TURN-32)."""
        if self._slot is not None:
            return not self.settled
        refused = event.type == "error" and event.code == "TURN_IN_PROGRESS"
        if not refused or self.state.turn != "sent" or self._retried or self._again is None:
            return False
        if not self._line.early(self, self._sent_at):
            return False
        self._retried = True
        self._outgoing = self._again(self.request_id)  # has not left, and leaves under another id
        self._slot = self._options.clock.call_later(SLOT_PAUSE / 1000, self._retry)
        return True

    def _retry(self) -> None:
        self._slot = None
        if not self.settled:
            self._renew()
            self.start()

    def slow_consumer(self) -> errors.SmoothAgentError:
        """Return the error of an iteration for which more waited than is kept."""
        return self._failures.make(errors.SlowConsumerError, **self.ids())

    def unsupported(self) -> errors.SmoothAgentError:
        """Return the error of an answer that the server does not take."""
        return self._failures.make(errors.UnsupportedError, **self.ids())

    def ids(self) -> dict[str, Any]:
        """Return what every error of the turn says."""
        return {"request_id": self.request_id, "session_id": self.session_id}

    def _after(self) -> None:
        """After a step: call handlers that are due, and let go what is over."""
        self.handling.run()
        self._release()

    def _release(self) -> None:
        """Leave the router once nothing more of this id can matter (REQ-TURN-06, REQ-OTP-03)."""
        if self.state.settled and not self.state.verbs and not self.state.outlived:
            self._sender.router.settle(self.request_id, self)
