"""What makes a turn go: carries out what the tables say about frames, answers and the link."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
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
from ._turn_handling import Handling
from ._turn_items import Backlog, TurnItems
from ._turn_outcome import Ending, Times, TurnResult, failure, success
from ._turn_state import Step, TurnState, Verb
from ._turn_verbs import VerbCall
from .wire import steps
from .wire.steps import QuestionKind


class TurnDriver:
    """States, items, limits and outcome of one turn. Lives in the router until nothing can come.

    ``handle`` is the turn that the application holds.
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
        handlers: Handlers,
        again: Callable[[str], Outgoing] | None,
    ) -> None:
        assert outgoing.request_id is not None
        self.request_id = outgoing.request_id
        self.session_id = session_id
        self.handle = handle
        self.park = park
        self.questions = Questions(options, lambda: self._local("question_timeout"))
        self.state = TurnState(self.questions.expired)
        self.text = Accumulator()
        self.items = TurnItems()
        self.result: TurnResult | None = None
        self.error: Exception | None = None
        self.waiters = 0
        self.detached = False
        self._sender = sender
        self._failures = sender.failures
        self._options = options
        self._outgoing = outgoing
        self._seen_at = 0.0
        self._now = options.clock.now
        self._began = self._now()
        self._first_token: float | None = None
        self._stopped = False
        self._silent = True
        self._watch = sender.watch
        self._timers: dict[str, Timer] = {}
        self.handling = Handling(self, options, handlers)
        self._again = again
        self._held: TurnResult | None = None
        """The result that came while a handler is to give a code (REQ-ASK-11)."""

    # for iterators --------------------------------------------------------------------

    @property
    def settled(self) -> bool:
        """Whether the turn has its outcome."""
        return self.result is not None or self.error is not None

    @property
    def opens_turn(self) -> bool:
        """Whether the turn has no outcome yet; a call is none (for the router)."""
        return not self.settled

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

    # for the router -------------------------------------------------------------------

    def start(self) -> None:
        """Queue the message and start the limits."""
        try:
            refusal = self._sender.submit(self._outgoing)
        except errors.MessageTooLargeError as error:
            self.link_event("too_large", None, error)
            return
        if refusal is not None:
            self.link_event(refusal, None, None)
            return
        self._started()
        self._rearm_idle()

    def begin(self, event: wire.Event) -> None:
        """Take over from an answer that the server made a turn of (REQ-VERB-15)."""
        self._sender.router.add(self.request_id, self)
        self._started()
        self.event_received(event)

    def _started(self) -> None:
        if self._options.turn_timeout:
            self._arm("total", self._options.turn_timeout, "total_timeout")
        self._watch.tell("turn_started", self.request_id, self.session_id)

    def event_received(self, event: wire.Event) -> bool:
        """Carry out what the tables say about an event of this turn."""
        if event.type == "stream_token" and not self.state.settled:
            self._text_came((event,))
        for step in self.state.frame(event):
            self._do(step, event=event)
        if event.type == "otp_verified" and self._held is not None:
            self._send_again()
        self._rearm_idle()
        self._after()
        return True

    def pieces_received(self, events: list[Any]) -> bool:
        """Show events that the tables make items of and nothing else; False for any others."""
        if not self.state.quiet(events[0]):
            return False
        self._seen_at = self._now()
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

    def broken_received(self, fault: wire.DecodeError) -> bool:
        """A broken terminal event fails the turn, any other is an unknown item (REQ-WIRE-03)."""
        if fault.terminal:
            for step in self.state.local("broken"):
                self._do(step, fault=fault)
            self._after()
        else:
            self.event_received(fault.as_unknown())
        return True

    def link_event(
        self, word: str, end: LinkEnd | None, error: Exception | None, *, sought: bool = False
    ) -> None:
        """Carry out what the tables say about the link."""
        left = self._outgoing.may_have_left
        for step in self.state.local(word, may_have_left=left, sought=sought):
            self._do(step, word=word, end=end, error=error)
        kind = "client_closed" if word == "close" else "connection_lost"
        for verb in [verb for verb in self.state.verbs if verb.outlives_turn]:
            self.state.verbs.remove(verb)
            verb.token.fail(error or self._failures.of_link(kind, end, **self.ids()))
        self._after()

    def next_send(self, session_id: str) -> None:
        """Close the OTP question that outlived this turn (REQ-OTP-03)."""
        if self.state.settled and session_id == self.session_id:
            for step in self.state.local("send"):
                self._do(step)
            self._after()

    # the driver -----------------------------------------------------------------------

    def _do(
        self,
        step: Step,
        *,
        event: Any = None,
        fault: wire.DecodeError | None = None,
        word: str = "",
        end: LinkEnd | None = None,
        error: Exception | None = None,
    ) -> None:
        kind = step.question
        match step.effect:
            case steps.Item():
                self.items.extend((event,))
                self.items.wake()
            case steps.Settle():
                self._settle(step.effect, event, fault, word, end, error)
            case steps.Send():
                self._send_cancel()
            case steps.Resolve() if step.verb is not None:
                step.verb.token.resolve(step.verb.value(event))
            case steps.Fail() if step.verb is not None:
                failed = self._failures.of_event(event, **self.ids())
                step.verb.token.fail(failed)
                if step.verb.by_handler and kind is not None:
                    self.handling.refused(kind, failed)
            case steps.Open() if kind is not None:
                fresh = self.questions.current(kind) is None
                self.questions.opened(kind, event, timed=not self.state.settled)
                self._watch.tell("question", self.request_id, kind)
                self.handling.opened(kind, event, fresh=fresh)
            case steps.Reopen() if kind is not None:
                self.questions.reopened(kind, timed=not self.state.settled)
                self.handling.reopened(kind, event)
            case steps.Shut() if kind is not None:
                self.handling.ended(kind)
                self.questions.shut(kind)
            case (
                steps.Tap()  # the tap has seen it
                | steps.Refuse()  # :meth:`answer` looks for it
                | steps.Resolve()
                | steps.Fail()
                | steps.Open()
                | steps.Reopen()
                | steps.Shut()
            ):
                pass
            case _:
                assert_never(step.effect)

    # the verbs ------------------------------------------------------------------------

    def answer(self, call: VerbCall, *, by_handler: bool = False) -> Answer[Any]:
        """Send an answer to its question, or refuse it (REQ-VERB-05)."""
        text = printed(call.action)
        answer = Answer[Any].make(None) if by_handler else self.pending()
        for step in self.state.answer(call.question):
            if isinstance(step.effect, steps.Refuse):
                answer.fail(self._refusal(step.effect))
                return answer
        verb = Verb(call.verb, answer, call.value, by_handler)
        self.state.verbs.append(verb)
        self.questions.answered(call.question)
        self.handling.ended(call.question)
        self._rearm_idle()
        timer = None
        if self._options.request_timeout:
            timer = self._options.clock.call_later(
                self._options.request_timeout, lambda: self._verb_timeout(verb)
            )
        answer.add_done_callback(lambda _: timer.cancel() if timer is not None else None)
        self._sender.submit(Outgoing(call.action.action, self.request_id, text, self.session_id))
        if not by_handler:
            self.handling.run()
        return answer

    def _refusal(self, effect: steps.Refuse) -> errors.SmoothAgentError:
        if effect.refusal == "already_answered":
            return self._failures.make(errors.AlreadyAnsweredError, **self.ids())
        return self._failures.make(errors.NoPendingQuestionError, **self.ids())

    def _verb_timeout(self, verb: Verb) -> None:
        if verb in self.state.verbs:
            self.state.verbs.remove(verb)
            verb.token.fail(self._failures.make(errors.RequestTimeoutError, **self.ids()))
            self._after()

    def pending(self) -> Answer[Any]:
        """Return an answer that has no outcome yet."""
        return Answer.make(self._options.logger)

    def cancel(self) -> Answer[None]:
        """Stop the turn; resolve when it has settled (REQ-STOP-01)."""
        answer = self.pending()
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
        self.handling.stop()
        if self._stopped:
            return
        self._stopped = True
        self._arm("cancel", self._options.cancel_timeout, "cancel_timeout")
        action = wire.actions.CancelAction(request_id=self.request_id, session_id=self.session_id)
        outgoing = Outgoing("cancel", self.request_id, wire.encode_action(action), self.session_id)
        self._sender.submit(outgoing)

    def _local(self, word: str) -> None:
        for step in self.state.local(word, may_have_left=self._outgoing.may_have_left):
            self._do(step, word=word)
        if self._held is not None and word in ("question_timeout", "total_timeout"):
            self.handling.stop()
        self._after()

    def _arm(self, name: str, limit: float, word: str) -> None:
        self._timers[name] = self._options.clock.call_later(limit, lambda: self._local(word))

    def _rearm_idle(self) -> None:
        """Let the idle clock run from now on, or stand still while a human is asked."""
        limit = self._options.turn_idle_timeout
        if not limit or self.state.settled:
            return
        self._seen_at = self._options.clock.now()
        if self.state.open_question is not None:
            timer = self._timers.pop("idle", None)
            if timer is not None:
                timer.cancel()
        elif "idle" not in self._timers:
            self._watch_idle(limit)

    def _watch_idle(self, limit: float) -> None:
        """Look again after ``limit`` seconds: frames only note the time, and arm no timer."""
        self._timers["idle"] = self._options.clock.call_later(limit, self._look_idle)

    def _look_idle(self) -> None:
        left = self._seen_at + self._options.turn_idle_timeout - self._options.clock.now()
        if left > 1e-9:
            self._watch_idle(left)
        else:
            del self._timers["idle"]
            self._local("idle_timeout")

    # settling -------------------------------------------------------------------------

    def _settle(
        self,
        effect: steps.Settle,
        event: Any,
        fault: wire.DecodeError | None,
        word: str,
        end: LinkEnd | None,
        error: Exception | None,
    ) -> None:
        self._outgoing.drop()
        self.handling.settling()
        if effect.outcome == "failed":
            failed = failure(
                self._failures,
                {**self.ids(), "partial_text": self.text.text},
                Ending(str(effect.ending), event, fault, word, end, error),
                asked=self.state.asked,
                sent=self._outgoing.may_have_left,
            )
            if isinstance(failed, errors.TurnInterruptedError):
                failed._asks = self.handle.recover
            self._end(None, failed)
        else:
            times = Times(self._now() - self._began, self._first_token)
            result = success(effect, event, self.text, self.ids(), times)
            if effect.outcome == "completed" and self._awaits_code():
                self._hold(result)
            else:
                self._end(result, None)
        self._end_verbs()

    def _end(self, result: TurnResult | None, error: Exception | None) -> None:
        """Give the turn its outcome."""
        self._held, self.result, self.error = None, result, error
        outcome = "failed" if result is None else result.outcome
        self._watch.tell("turn_settled", self.request_id, outcome, error)
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self.questions.stop()
        self.items.wake()

    def _end_verbs(self) -> None:
        """End the answers that wait no longer than their turn (REQ-VERB-06)."""
        for verb in [verb for verb in self.state.verbs if not verb.outlives_turn]:
            self.state.verbs.remove(verb)
            if verb.name == "cancel":
                verb.token.resolve(None)
            else:
                verb.token.fail(self.error or self._refused())

    def _refused(self) -> errors.SmoothAgentError:
        return self._failures.make(errors.NoPendingQuestionError, **self.ids())

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
        for step in self.state.local("handler_failed"):
            self._do(step, word="handler_failed", error=failed)
        return True

    def _awaits_code(self) -> bool:
        """Whether the turn goes on when its handler has given the code (REQ-ASK-11)."""
        wanted = self._options.resend_after_otp and self._again is not None
        return wanted and self.handling.handlers.otp is not None and self.handling.expects_code

    def _hold(self, result: TurnResult) -> None:
        """Keep the result back; what bounds the wait are the whole turn's time and the question's.

        The limits of the turn's frames have nothing to wait for.
        """
        self._held = result
        for name in [name for name in self._timers if name != "total"]:
            self._timers.pop(name).cancel()

    def release_held(self) -> None:
        """Let the result that was held back be the outcome, once no code can come (REQ-ASK-12)."""
        if self._held is not None and not self.handling.expects_code:
            self._end(self._held, None)
            self._end_verbs()

    def _send_again(self) -> None:
        """Send the message again, once, under a new id, and go on with it (REQ-ASK-11)."""
        assert self._again is not None
        again, self._again, self._held = self._again, None, None
        for verb in self.state.verbs:
            verb.token.fail(self._refused())
        self.questions.stop()
        router = self._sender.router
        router.settle(self.request_id, self)
        self.request_id = router.another_id()
        router.next_send(self.session_id)
        self._outgoing = again(self.request_id)
        self.state = TurnState(self.questions.expired)
        self.text, self._stopped = Accumulator(), False
        router.add(self.request_id, self)
        refusal = self._sender.submit(self._outgoing)
        if refusal is not None:
            self.link_event(refusal, None, None)

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
