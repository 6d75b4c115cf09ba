"""What makes a turn go: carries out what the tables say about frames, answers and the link."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, assert_never

from . import _errors as errors
from . import wire
from ._accumulator import Accumulator
from ._arguments import printed
from ._clock import Timer
from ._options import Options
from ._outbox import Outgoing
from ._questions import Answer, Questions
from ._sender import Sender
from ._transport import LinkEnd
from ._turn_items import Backlog, TurnItems
from ._turn_outcome import Ending, Times, TurnResult, failure, success
from ._turn_state import Step, TurnState, Verb
from ._turn_verbs import VerbCall
from .wire import steps


class TurnDriver:
    """States, items, limits and outcome of one turn. Lives in the router until nothing can come.

    ``handle`` is the turn that the application holds.
    """

    def __init__(
        self, sender: Sender, options: Options, outgoing: Outgoing, session_id: str, handle: Any
    ) -> None:
        assert outgoing.request_id is not None
        self.request_id = outgoing.request_id
        self.session_id = session_id
        self.handle = handle
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

    # for iterators --------------------------------------------------------------------

    @property
    def settled(self) -> bool:
        """Whether the turn has its outcome."""
        return self.state.settled

    @property
    def opens_turn(self) -> bool:
        """Whether the turn has no outcome yet; a call is none (for the router)."""
        return not self.state.settled

    async def changed(self) -> None:
        """Wait for the next item or the end."""
        self._sender.check_loop()
        await self.items.changed()

    def left(self, backlog: Backlog | None = None) -> None:
        """Stop the turn, if nobody else is interested in it (REQ-STOP-04, REQ-STOP-05)."""
        if backlog is not None:
            self.items.shut(backlog)
        if self.detached or self.state.settled or self.waiters or self.items.read:
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
        self._rearm_idle()
        self._release()
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
            self._release()
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
        self._release()

    def next_send(self, session_id: str) -> None:
        """Close the OTP question that outlived this turn (REQ-OTP-03)."""
        if self.state.settled and session_id == self.session_id:
            for step in self.state.local("send"):
                self._do(step)
            self._release()

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
                step.verb.token.fail(self._failures.of_event(event, **self.ids()))
            case steps.Open() if kind is not None:
                self.questions.opened(kind, event, timed=not self.state.settled)
                self._watch.tell("question", self.request_id, kind)
            case steps.Reopen() if kind is not None:
                self.questions.reopened(kind, timed=not self.state.settled)
            case steps.Shut() if kind is not None:
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

    def answer(self, call: VerbCall) -> Answer[Any]:
        """Send an answer to its question, or refuse it (REQ-VERB-05)."""
        text = printed(call.action)
        answer = self.pending()
        for step in self.state.answer(call.question):
            if isinstance(step.effect, steps.Refuse):
                answer.fail(self._refusal(step.effect))
                return answer
        verb = Verb(call.verb, answer, call.value)
        self.state.verbs.append(verb)
        self.questions.answered(call.question)
        self._rearm_idle()
        timer = None
        if self._options.request_timeout:
            timer = self._options.clock.call_later(
                self._options.request_timeout, lambda: self._verb_timeout(verb)
            )
        answer.add_done_callback(lambda _: timer.cancel() if timer is not None else None)
        self._sender.submit(Outgoing(call.action.action, self.request_id, text, self.session_id))
        return answer

    def _refusal(self, effect: steps.Refuse) -> errors.SmoothAgentError:
        if effect.refusal == "already_answered":
            return self._failures.make(errors.AlreadyAnsweredError, **self.ids())
        return self._failures.make(errors.NoPendingQuestionError, **self.ids())

    def _verb_timeout(self, verb: Verb) -> None:
        if verb in self.state.verbs:
            self.state.verbs.remove(verb)
            verb.token.fail(self._failures.make(errors.RequestTimeoutError, **self.ids()))
            self._release()

    def pending(self) -> Answer[Any]:
        """Return an answer that has no outcome yet."""
        return Answer.make(self._options.logger)

    def cancel(self) -> Answer[None]:
        """Stop the turn; resolve when it has settled (REQ-STOP-01)."""
        answer = self.pending()
        if self.state.settled:
            answer.resolve(None)
        else:
            self.state.verbs.append(Verb("cancel", answer))
            self.stop()
        return answer

    def stop(self) -> None:
        """Write one cancel; a message that was not written yet is taken back (REQ-STOP-01)."""
        self._local("cancel")

    def _send_cancel(self) -> None:
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
        self._release()

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
        if effect.outcome == "failed":
            self.error = failure(
                self._failures,
                {**self.ids(), "partial_text": self.text.text},
                Ending(str(effect.ending), event, fault, word, end, error),
                asked=self.state.asked,
                sent=self._outgoing.may_have_left,
            )
            if isinstance(self.error, errors.TurnInterruptedError):
                self.error._asks = self.handle.recover
        else:
            times = Times(self._now() - self._began, self._first_token)
            self.result = success(effect, event, self.text, self.ids(), times)
        self._watch.tell("turn_settled", self.request_id, effect.outcome, self.error)
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._outgoing.drop()
        self.questions.stop()
        for verb in [verb for verb in self.state.verbs if not verb.outlives_turn]:
            self.state.verbs.remove(verb)
            if verb.name == "cancel":
                verb.token.resolve(None)
            else:
                ended = self._failures.make(errors.NoPendingQuestionError, **self.ids())
                verb.token.fail(self.error or ended)
        self.items.wake()

    def slow_consumer(self) -> errors.SmoothAgentError:
        """Return the error of an iteration for which more waited than is kept."""
        return self._failures.make(errors.SlowConsumerError, **self.ids())

    def unsupported(self) -> errors.SmoothAgentError:
        """Return the error of an answer that the server does not take."""
        return self._failures.make(errors.UnsupportedError, **self.ids())

    def ids(self) -> dict[str, Any]:
        """Return what every error of the turn says."""
        return {"request_id": self.request_id, "session_id": self.session_id}

    def _release(self) -> None:
        """Leave the router once nothing more of this id can matter (REQ-TURN-06, REQ-OTP-03)."""
        if self.state.settled and not self.state.verbs and not self.state.outlived:
            self._sender.router.settle(self.request_id, self)
