"""What is in flight, by requestId: calls here, turns in their own room."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from . import errors
from .clock import Timer
from .connection import Connection
from .listeners import Listeners
from .options import Options
from .outbox import Outgoing
from .transport import LinkEnd
from .wire import MISSING, DecodeError, Event, machine

SETTLED_REMEMBERED = 1024  # REQ-TURN-06
Value = TypeVar("Value")


class InFlight(Protocol):
    """A call or a turn, as the router sees it. Nothing here may block or raise."""

    def event_received(self, event: Event) -> bool:
        """Take one event of this id; return whether it went anywhere but to the listeners."""

    def pieces_received(self, events: list[Any]) -> bool:
        """Take events of one type at once; False when they are to come one by one."""

    def broken_received(self, fault: DecodeError) -> bool:
        """Take a known event of this id with a broken body; return as for a sound one."""

    def link_event(
        self, word: str, code: int | None, error: errors.SmoothAgentError | None
    ) -> None:
        """Take a local event of the link: lost, close, connect_failed, …"""

    def next_send(self, session_id: str) -> None:
        """Take note that the session's next message goes out."""


class Requests:
    """Routes what the link reads to its owner. The link's Sink."""

    def __init__(self, options: Options, listeners: Listeners) -> None:
        self._options = options
        self._listeners = listeners
        self._in_flight: dict[str, InFlight] = {}
        self._settled: OrderedDict[str, None] = OrderedDict()
        self.connection: Connection

    def draw_id(self) -> str:
        """Return a fresh requestId.

        Raises:
            ValueError: the generator repeated an id that is in flight (REQ-CALL-01).
        """
        return self.check_id(self._options.ids())

    def check_id(self, request_id: str) -> str:
        """Return ``request_id`` unless it is in flight (REQ-CALL-01)."""
        if not isinstance(request_id, str) or not request_id:
            raise ValueError("request_id: expected a non-empty string")
        if request_id in self._in_flight:
            raise ValueError(f"request_id {request_id!r} is in flight already")
        return request_id

    def owner(self, request_id: str) -> InFlight | None:
        """Return who is in flight under ``request_id``."""
        return self._in_flight.get(request_id)

    def add(self, request_id: str, owner: InFlight) -> None:
        """Route events of ``request_id`` to ``owner`` from now on."""
        self._in_flight[request_id] = owner

    def settle(self, request_id: str, owner: InFlight) -> None:
        """Route events of ``request_id`` to nobody from now on, and remember that it was ours."""
        if self._in_flight.get(request_id) is owner:
            del self._in_flight[request_id]
        self._settled[request_id] = None
        self._settled.move_to_end(request_id)
        if len(self._settled) > SETTLED_REMEMBERED:
            self._settled.popitem(last=False)

    # Sink -----------------------------------------------------------------------------

    def event_received(self, event: Event) -> None:
        """Hand an event to its turn or call, else to the event listeners (REQ-WIRE-12)."""
        request_id = event.correlated
        owner = self._in_flight.get(request_id) if request_id is not None else None
        if owner is not None:
            if owner.event_received(event):
                return
        elif request_id in self._settled or event.type == "keepalive":
            return
        self._listeners.emit("event", event)

    def pieces_received(self, request_id: str, events: list[Any]) -> None:
        """Hand on events of one type and one id at once."""
        owner = self._in_flight.get(request_id)
        if owner is None or not owner.pieces_received(events):
            for event in events:
                self.event_received(event)

    def broken_received(self, fault: DecodeError) -> None:
        """Hand a broken event to its owner, else to the listeners as an unknown one."""
        self._options.logger.warning("a broken %s at %s", fault.type, fault.pointer)
        owner = self._in_flight.get(fault.request_id) if fault.request_id is not None else None
        if owner is not None:
            if owner.broken_received(fault):
                return
        elif fault.request_id in self._settled:
            return
        self._listeners.emit("event", fault.as_unknown())

    def link_ended(self, end: LinkEnd, word: str) -> None:
        """Fail everything that is in flight (REQ-CONN-15)."""
        self._each(word, end.code, None)

    def attempt_failed(self, error: errors.SmoothAgentError) -> None:
        """Fail everything that waited for the attempt (REQ-CONN-04)."""
        self._each("connect_failed", None, error)

    def closing(self) -> None:
        """Fail everything that is in flight (REQ-CONN-06)."""
        self._each("close", None, None)

    def _each(self, word: str, code: int | None, error: errors.SmoothAgentError | None) -> None:
        for owner in list(self._in_flight.values()):
            owner.link_event(word, code, error)

    def next_send(self, session_id: str) -> None:
        """Tell settled turns of the session that its next message goes out (REQ-OTP-03)."""
        for owner in list(self._in_flight.values()):
            owner.next_send(session_id)

    @staticmethod
    def not_connected(outgoing: Outgoing) -> errors.SmoothAgentError:
        """Return the error of an action that found no link (REQ-CONN-09)."""
        return link_error("not_connected", outgoing.action, None, request_id=outgoing.request_id)

    # calls ----------------------------------------------------------------------------

    def call(
        self,
        outgoing: Outgoing,
        answers: frozenset[str],
        value_of: Callable[[Event], Value],
        *,
        shared: bool = False,
    ) -> asyncio.Future[Value]:
        """Send an action with one answer and return the future of its value.

        ``value_of`` makes the value of the event that answers; it may raise DecodeError.
        ``shared`` says that the id is a turn's that is not live here: what is no answer is
        somebody else's (REQ-VERB-08).
        """
        assert outgoing.request_id is not None
        pending = Call(self, self._options, outgoing, answers, value_of, shared=shared)
        self.add(outgoing.request_id, pending)
        try:
            submitted = self.connection.submit(outgoing)
        except BaseException:
            self.settle(outgoing.request_id, pending)
            raise
        pending.start()
        if not submitted:
            pending.link_event("not_connected", None, None)
        return pending.future


class Call(Generic[Value]):
    """One action that waits for its answer; steps through the ``call`` machine."""

    def __init__(
        self,
        requests: Requests,
        options: Options,
        outgoing: Outgoing,
        answers: frozenset[str],
        value_of: Callable[[Event], Value],
        *,
        shared: bool,
    ) -> None:
        self._requests = requests
        self._options = options
        self._outgoing = outgoing
        self._answers = answers
        self._value_of = value_of
        self._shared = shared
        self._state = machine.MACHINES["call"].initial
        self._timer: Timer | None = None
        self.future: asyncio.Future[Value] = asyncio.get_running_loop().create_future()
        """The value or the error; cancelling it only ends the wait (REQ-CALL-09)."""
        self.future.add_done_callback(lambda _: self._done())

    def pieces_received(self, events: list[Any]) -> bool:
        """A call looks at each event."""
        del events
        return False

    def start(self) -> None:
        """Start the limit (REQ-CALL-02)."""
        limit = self._options.request_timeout
        if limit and not self.future.done():
            self._timer = self._options.clock.call_later(limit, self._expire)

    def event_received(self, event: Event) -> bool:
        """Step on an event of this id (REQ-CALL-03)."""
        status = getattr(event, "status", None)
        word: str = event.type
        if event.type in self._answers and not (self._shared and status == 202):
            word = "result"
        elif word not in ("error", "keepalive", "unknown"):
            word = "unknown" if self._shared else "unexpected"
        guards = {"status_error"} if word == "result" and (status or 0) >= 400 else set()
        return self._step(word, frozenset(guards), event=event)

    def broken_received(self, fault: DecodeError) -> bool:
        """A broken answer ends the call; a broken event of another type is an unknown one."""
        ends = fault.type == "error" or fault.type in self._answers
        return self._step("broken" if ends else "unknown", fault=fault)

    def link_event(
        self, word: str, code: int | None, error: errors.SmoothAgentError | None
    ) -> None:
        """Step on what happened to the link."""
        self._step(word, code=code, error=error)

    def next_send(self, session_id: str) -> None:
        """A call does not care."""

    def _expire(self) -> None:
        self._step("request_timeout")

    def _step(
        self,
        word: str,
        guards: frozenset[str] = frozenset(),
        *,
        event: Any = None,
        fault: DecodeError | None = None,
        code: int | None = None,
        error: errors.SmoothAgentError | None = None,
    ) -> bool:
        self._state, effects = machine.step("call", self._state, word, guards)
        for effect in effects:
            if effect.name == "push":
                return False
            if effect.name == "settle" and effect.args[0] == "completed":
                self._complete(event)
            elif effect.name == "settle":
                self._fail(self._error(effect.args[1], event, fault, code, error))
        return True

    def _complete(self, event: Any) -> None:
        try:
            value = self._value_of(event)
        except DecodeError as fault:
            self._fail(self._error("invalid_frame", event, fault, None, None))
            return
        if not self.future.done():
            self.future.set_result(value)

    def _fail(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)

    def _error(
        self,
        kind: str,
        event: Any,
        fault: DecodeError | None,
        code: int | None,
        error: errors.SmoothAgentError | None,
    ) -> Exception:
        action, request_id = self._outgoing.action, self._outgoing.request_id
        if kind == "attempt" and error is not None:
            return attempt_error(error, request_id=request_id)
        if kind == "by_code":
            return server_error(event, request_id=request_id)
        if kind == "protocol":
            return status_error(action, event, request_id=request_id)
        if kind == "invalid_frame" and fault is not None:
            return frame_error(fault, request_id=request_id)
        if kind == "unexpected_event":
            return errors.UnexpectedEventError(
                f"{action}: answered by {event.type}", event=event, request_id=request_id
            )
        return link_error(kind, action, code, request_id=request_id)

    def _done(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._outgoing.drop()
        assert self._outgoing.request_id is not None
        self._requests.settle(self._outgoing.request_id, self)


def server_error(event: Any, **facts: Any) -> errors.SmoothAgentError:
    """Return the error that an ``error`` event reports; its text stays on the server's side."""
    details = {} if event.details in (None, MISSING) else {"details": event.details}
    if event.retry_after_ms is not None:
        details["retryAfterMs"] = event.retry_after_ms
    return errors.of_code(
        event.code, f"the server reported {event.code:.64}", details=details, **facts
    )


def status_error(what: str, event: Any, **facts: Any) -> errors.SmoothAgentError:
    """Return the error of a response with status 400 or above."""
    return errors.ProtocolError(
        f"{what}: status {event.status}", details={"status": event.status}, **facts
    )


def frame_error(fault: DecodeError, **facts: Any) -> errors.SmoothAgentError:
    """Return the error of a frame that had to be understood (REQ-WIRE-03)."""
    details = {"type": fault.type, "pointer": fault.pointer, "problem": fault.kind}
    return errors.InvalidFrameError(
        f"a broken {fault.type} at {fault.pointer}", details=details, **facts
    )


def attempt_error(error: errors.SmoothAgentError, **facts: Any) -> errors.SmoothAgentError:
    """Return the error of something that waited for an attempt; its cause is the attempt's own."""
    own = type(error)(error.message, retryable=error.retryable, details=error.details, **facts)
    own.__cause__ = error
    return own


def link_error(kind: str, what: str, code: int | None, **facts: Any) -> errors.SmoothAgentError:
    """Return the error of something that the link or a limit ended."""
    if code == 4401 and kind in ("connection_lost", "turn_interrupted"):
        kind = "authentication"  # REQ-CONN-15
    text = f"{what}: {kind.replace('_', ' ')}"
    if kind == "message_too_large":
        text += "; a message of the server was over max_message_bytes"
    return errors.of_kind(kind, text, close_code=code, **facts)
