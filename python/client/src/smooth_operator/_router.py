"""Who gets a frame: what is in flight, by requestId."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Protocol

from . import wire
from ._clock import new_request_id
from ._errors_made import Failures
from ._listeners import Listeners
from ._options import Options
from ._options_address import host_of
from ._transport import LinkEnd
from .wire.options import SETTLED_IDS


class InFlight(Protocol):
    """A call or a turn, as the router sees it. Nothing here may block or raise."""

    @property
    def opens_turn(self) -> bool:
        """Whether it is a turn without an outcome."""

    def event_received(self, event: wire.Event) -> bool:
        """Take one event of this id; return whether it went anywhere but to the listeners."""

    def pieces_received(self, events: list[Any]) -> bool:
        """Take events of one type at once; False when they are to come one by one."""

    def broken_received(self, fault: wire.DecodeError) -> bool:
        """Take a known event of this id with a broken body; return as for a sound one."""

    def link_event(
        self, word: str, end: LinkEnd | None, error: Exception | None, *, sought: bool = False
    ) -> None:
        """Take a local event of the link: lost, close, connect_failed, …

        ``sought`` says that another attempt to connect follows.
        """

    def link_opened(self) -> None:
        """Write what goes before all that waits for the link."""

    def next_send(self, session_id: str) -> None:
        """Take note that the session's next message goes out."""


class Router:
    """Routes what the link reads to its owner. The link's Sink."""

    def __init__(self, options: Options, listeners: Listeners) -> None:
        self._options = options
        self._listeners = listeners
        self._in_flight: dict[str, InFlight] = {}
        self._settled: OrderedDict[str, None] = OrderedDict()
        self.failures = Failures(host_of(options.url))

    def draw_id(self) -> str:
        """Return a fresh requestId.

        Raises:
            ValueError: the generator repeated an id that is in flight (REQ-CALL-01).
        """
        return self.check_id(self._options.id_generator())

    def check_id(self, request_id: str) -> str:
        """Return ``request_id`` unless it is in flight (REQ-CALL-01)."""
        if not isinstance(request_id, str) or not request_id:
            raise ValueError("request_id: expected a non-empty string")
        if request_id in self._in_flight:
            raise ValueError(f"request_id {request_id!r} is in flight already")
        return request_id

    def own_id(self) -> str:
        """Draw the id of a ping of the client's own; its answer is nobody's (REQ-CONN-38).

        Where the generator gives none, one of the usual kind does: nobody is there to be told.
        """
        try:
            request_id = self.draw_id()
        except Exception as fault:
            self._options.logger.warning("no id for a ping: %s", type(fault).__name__)
            request_id = new_request_id()
        self._remember(request_id)
        return request_id

    def another_id(self) -> str:
        """Draw the id of a message that the client sends again on its own (REQ-ASK-11)."""
        try:
            return self.draw_id()
        except Exception as fault:
            self._options.logger.warning("no id for a message: %s", type(fault).__name__)
            return new_request_id()

    def owner(self, request_id: str) -> InFlight | None:
        """Return who is in flight under ``request_id``."""
        return self._in_flight.get(request_id)

    def open_turns(self) -> int:
        """Return how many turns have no outcome yet."""
        return sum(owner.opens_turn for owner in self._in_flight.values())

    def add(self, request_id: str, owner: InFlight) -> None:
        """Route events of ``request_id`` to ``owner`` from now on; it comes after all others."""
        self._in_flight.pop(request_id, None)
        self._in_flight[request_id] = owner

    def settle(self, request_id: str, owner: InFlight) -> None:
        """Route events of ``request_id`` to nobody from now on, and remember that it was ours."""
        if self._in_flight.get(request_id) is owner:
            del self._in_flight[request_id]
        self._remember(request_id)

    def _remember(self, request_id: str) -> None:
        self._settled[request_id] = None
        self._settled.move_to_end(request_id)
        if len(self._settled) > SETTLED_IDS:
            self._settled.popitem(last=False)

    # Sink -----------------------------------------------------------------------------

    def event_received(self, event: wire.Event) -> None:
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

    def broken_received(self, fault: wire.DecodeError) -> None:
        """Hand a broken event to its owner, else to the listeners as an unknown one."""
        self._options.logger.warning("a broken %s at %s", fault.type, fault.pointer)
        owner = self._in_flight.get(fault.request_id) if fault.request_id is not None else None
        if owner is not None:
            if owner.broken_received(fault):
                return
        elif fault.request_id in self._settled:
            return
        self._listeners.emit("event", fault.as_unknown())

    def link_ended(self, end: LinkEnd, word: str, *, sought: bool) -> None:
        """Fail what is in flight; what another link can still do for goes on (REQ-CONN-15)."""
        self._each(word, end, None, sought=sought)

    def link_opened(self) -> None:
        """Let suspended turns ask for their events, in the order of their send (REQ-RESUME-03)."""
        for owner in list(self._in_flight.values()):
            owner.link_opened()

    def attempt_failed(self, error: Exception, *, sought: bool) -> None:
        """Fail what waited for the attempt, unless another one follows (REQ-CONN-04)."""
        self._each("connect_failed", None, error, sought=sought)

    def closing(self) -> None:
        """Fail everything that is in flight (REQ-CONN-06)."""
        self._each("close", None, None)

    def _each(
        self, word: str, end: LinkEnd | None, error: Exception | None, *, sought: bool = False
    ) -> None:
        for owner in list(self._in_flight.values()):
            owner.link_event(word, end, error, sought=sought)

    def next_send(self, session_id: str) -> None:
        """Tell settled turns of the session that its next message goes out (REQ-OTP-03)."""
        for owner in list(self._in_flight.values()):
            owner.next_send(session_id)
