"""What goes out and waits for one answer: calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar, assert_never

from . import _errors as errors
from . import wire
from ._clock import Timer
from ._connection import Connection, Refusal
from ._errors_made import Failures
from ._observer import Watch
from ._options import Options
from ._outbox import Outgoing
from ._router import Router
from ._transport import LinkEnd
from .wire import steps

Value = TypeVar("Value")


class Sender:
    """Sends actions; calls are routed back to who waits for them."""

    def __init__(
        self, options: Options, router: Router, connection: Connection, watch: Watch
    ) -> None:
        self._options = options
        self._watch = watch
        self._connection = connection
        self.router = router

    @property
    def failures(self) -> Failures:
        """What makes the errors of this client."""
        return self.router.failures

    @property
    def watch(self) -> Watch:
        """Who is told what becomes of calls and turns."""
        return self._watch

    def submit(self, outgoing: Outgoing) -> Refusal | None:
        """Queue a frame, or return why it cannot start, as :meth:`Connection.submit`."""
        return self._connection.submit(outgoing)

    def check(self, outgoing: Outgoing) -> None:
        """Refuse a frame that cannot be sent, as :meth:`Connection.check`."""
        self._connection.check(outgoing)

    def put(self, outgoing: Outgoing) -> None:
        """Write or keep a frame of what began before, as :meth:`Connection.put`."""
        self._connection.put(outgoing)

    @property
    def linked(self) -> bool:
        """Whether a frame that is written now leaves at once."""
        return self._connection.linked

    @property
    def ending(self) -> LinkEnd | None:
        """How the last link was lost; None when none was."""
        return self._connection.ending

    def resumed(self) -> None:
        """Count a suspended turn that goes on (REQ-LOG-03)."""
        self._connection.tally.resumed_turns += 1

    def session_known(self) -> None:
        """Take note that a session was opened or found (REQ-CONN-42)."""
        self._connection.session_known = True

    def background(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run ``work`` beside the link, as :meth:`Connection.background`."""
        return self._connection.background(work, name)

    def check_loop(self) -> None:
        """Take care that the client is used on its own loop, as :meth:`Connection.check_loop`."""
        self._connection.check_loop()

    def call(
        self,
        outgoing: Outgoing,
        answers: frozenset[str],
        value_of: Callable[[wire.Event], Value],
        *,
        shared: bool = False,
        becomes_turn: Callable[[wire.Event], None] | None = None,
    ) -> asyncio.Future[Value]:
        """Send an action with one answer and return the future of its value.

        ``value_of`` makes the value of the event that answers; it may raise DecodeError.
        ``shared`` says that the id is a turn's that is not live here: what is no answer is
        somebody else's (REQ-VERB-08). ``becomes_turn`` takes over the id when status 202 is the
        first that comes under it: a turn begins with the action (REQ-VERB-15).
        """
        pending = Call(self.router, self._options, outgoing, answers, value_of, shared=shared)
        pending.repeat = self._connection.put
        pending.becomes_turn = becomes_turn
        pending.future.add_done_callback(lambda future: self._told(outgoing, future))
        return self.begin(pending)

    def begin(self, pending: Call[Value]) -> asyncio.Future[Value]:
        """Send a call that nobody is told of, and return the future of its value."""
        outgoing = pending.outgoing
        assert outgoing.request_id is not None
        self.router.add(outgoing.request_id, pending)
        try:
            refusal = self.submit(outgoing)
        except BaseException:
            self.router.settle(outgoing.request_id, pending)
            raise
        pending.start()
        if refusal is not None:
            pending.link_event(refusal, None, None)
        return pending.future

    def _told(self, outgoing: Outgoing, future: asyncio.Future[Any]) -> None:
        if not future.cancelled():
            error = future.exception()
            self._watch.tell("call", outgoing.action, outgoing.request_id, error)


class Call(Generic[Value]):
    """One action that waits for its answer; steps through the ``call`` machine."""

    def __init__(
        self,
        router: Router,
        options: Options,
        outgoing: Outgoing,
        answers: frozenset[str],
        value_of: Callable[[wire.Event], Value],
        *,
        shared: bool,
    ) -> None:
        self._router = router
        self._options = options
        self.outgoing = outgoing
        """Its frame, as it was written last."""
        self._answers = answers
        self._value_of = value_of
        self._shared = shared
        self.becomes_turn: Callable[[wire.Event], None] | None = None
        """Takes over the id with the first frame, where that says so; None from then on."""
        self.repeat: Callable[[Outgoing], None] | None = None
        """Queues the frame for the next link; None from the one time on that it did."""
        self._state = steps.CALL.initial
        self._timer: Timer | None = None
        self.future: asyncio.Future[Value] = asyncio.get_running_loop().create_future()
        """The value or the error; cancelling it only ends the wait (REQ-CALL-09)."""
        self.future.add_done_callback(lambda _: self._done())

    @property
    def opens_turn(self) -> bool:
        """A call is no turn."""
        return False

    @property
    def repeatable(self) -> bool:
        """Whether its frame is written again when its link is lost (REQ-CALL-13)."""
        return self.repeat is not None and self.outgoing.action in steps.READS

    def pieces_received(self, events: list[Any]) -> bool:
        """A call looks at each event."""
        del events
        return False

    def start(self) -> None:
        """Start the limit (REQ-CALL-02)."""
        limit = self._options.request_timeout
        if limit and not self.future.done():
            self._timer = self._options.clock.call_later(limit, self._expire)

    def event_received(self, event: wire.Event) -> bool:
        """Step on an event of this id (REQ-CALL-03)."""
        status = getattr(event, "status", None)
        word: str = event.type
        becomes_turn, self.becomes_turn = self.becomes_turn, None
        if becomes_turn is not None and word == "immediate_response" and status == 202:
            becomes_turn(event)
            return self._step("result", status=status, event=event)
        if event.type in self._answers and not (self._shared and status == 202):
            word = "result"
        elif word not in ("error", "keepalive", "unknown"):
            word = "unknown" if self._shared else "unexpected"
        return self._step(word, status=status, event=event)

    def broken_received(self, fault: wire.DecodeError) -> bool:
        """A broken answer ends the call; a broken event of another type is an unknown one."""
        self.becomes_turn = None
        ends = fault.type == "error" or fault.type in self._answers
        return self._step("broken" if ends else "unknown", fault=fault)

    def link_event(
        self, word: str, end: LinkEnd | None, error: Exception | None, *, sought: bool = False
    ) -> None:
        """Step on what happened to the link."""
        self._step(word, end=end, error=error, sought=sought)

    def link_opened(self) -> None:
        """A call waits in the outbox, if it still has to be written."""

    def next_send(self, session_id: str) -> None:
        """A call does not care."""

    def _expire(self) -> None:
        self._step("request_timeout")

    def _step(
        self,
        word: str,
        *,
        status: int | None = None,
        event: Any = None,
        fault: wire.DecodeError | None = None,
        end: LinkEnd | None = None,
        error: Exception | None = None,
        sought: bool = False,
    ) -> bool:
        facts = steps.Facts(
            status=status,
            may_have_left=self.outgoing.may_have_left,
            sought=sought,
            repeatable=self.repeatable,
        )
        self._state, effects = steps.CALL.step(self._state, word, facts)
        for effect in effects:
            match effect:
                case steps.Push():
                    return False
                case steps.Tap():
                    pass  # the tap has seen it
                case steps.Repeat():
                    self._write_again()
                case steps.Settle(outcome="completed"):
                    self._complete(event)
                case steps.Settle():
                    self._fail(self._error(effect.ending, event, fault, end, error))
                case _:
                    assert_never(effect)
        return True

    def _write_again(self) -> None:
        """Let the frame wait for the next link, once (REQ-CALL-13)."""
        repeat, self.repeat = self.repeat, None
        if repeat is not None:
            self.outgoing = self.outgoing.again()
            repeat(self.outgoing)

    def _complete(self, event: Any) -> None:
        try:
            value = self._value_of(event)
        except wire.DecodeError as fault:
            self._fail(self._error("invalid_frame", event, fault, None, None))
            return
        if not self.future.done():
            self.future.set_result(value)

    def _fail(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)

    def _error(
        self,
        kind: steps.Ending | None,
        event: Any,
        fault: wire.DecodeError | None,
        end: LinkEnd | None,
        error: Exception | None,
    ) -> Exception:
        made, ids = self._router.failures, self.outgoing.ids()
        if kind == "attempt" and error is not None:
            return made.of_attempt(error, **ids)
        if kind == "by_code":
            return made.of_event(event, **ids)
        if kind == "protocol":
            return made.of_status(event, **ids)
        if kind == "invalid_frame" and fault is not None:
            return made.of_frame(fault, **ids)
        if kind == "unexpected_event":
            return made.make(errors.UnexpectedEventError, reason=event.type, event=event, **ids)
        return made.of_link(str(kind), end, **ids)

    def _done(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.outgoing.drop()
        assert self.outgoing.request_id is not None
        self._router.settle(self.outgoing.request_id, self)
