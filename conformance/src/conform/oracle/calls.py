"""Calls as the oracle sees them (REQ-CALL), and what answers a verb."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conform.interpreter import Effect, Group
from conform.oracle.errors import error, from_frame, link_kind
from conform.oracle.host import Host
from conform.reader import Fault, Frame, verb_value
from conform.spec import Tree

Done = Callable[[Any, Tree | None], None]
RESULT_TYPES = {"ping": "pong"}


class Call:
    """One action that waits for its answer; ``done(value, error)`` is called once."""

    def __init__(self, host: Host, op: str, frame: Tree, done: Done, name: str = "") -> None:
        self.host = host
        self.op = op
        self.id: str = frame.get("requestId", "")
        self.out = frame
        self.done = done
        self.name = name
        self.repeated = False
        self.machine = Group(host.tables, "call")
        self._limit()

    def _limit(self) -> None:
        for row in self.host.tables.timers:
            if row["of"] == "call":
                fire = lambda event=row["on_expiry"]: self.local(event)  # noqa: E731
                limit = self.host.limit(row["option"])
                self.host.timed(dict(row), (row["name"], self.id), limit, fire)

    @property
    def repeatable(self) -> bool:
        """Whether its frame is written again when its link was lost (REQ-CALL-13)."""
        return self.op in self.host.tables.reads and not self.repeated

    @property
    def result_type(self) -> str:
        """Event type that answers this action."""
        return RESULT_TYPES.get(self.op, "immediate_response")

    def frame(self, frame: Frame) -> None:
        """A frame with this call's id came (REQ-CALL-03)."""
        event, value, fault = self._classify(frame)
        facts = {"status": frame.tree.get("status") if frame.good else None}
        for effect in self.machine.frame(event, facts):
            self._act(effect, value, frame, fault)

    def local(self, event: str, attempt: Tree | None = None) -> None:
        """Something local ended the wait: timeout, lost link, close, failed attempt."""
        facts = {
            "may_have_left": not self.host.waits(self.out),
            "sought": self.host.sought,
            "repeatable": self.repeatable,
        }
        for effect in self.machine.local(event, facts):
            self._act(effect, None, None, None, attempt)

    def _act(
        self,
        effect: Effect,
        value: Any,
        frame: Frame | None,
        fault: Fault | None,
        attempt: Tree | None = None,
    ) -> None:
        if effect.name == "push" and frame:
            self.host.push(frame)
        elif effect.name == "repeat":
            self.repeated = True
            self.host.write(self.out)  # what waits behind it was called later (REQ-CALL-13)
        elif effect.name == "settle" and effect.args[0] == "completed":
            self.settle(value, None)
        elif effect.name == "settle":
            self.settle(None, self._failure(effect.args[1], frame, fault, attempt))
        elif effect.name != "tap":
            raise ValueError(f"a call does not know the effect {effect.name}")

    def _failure(
        self, kind: str, frame: Frame | None, fault: Fault | None, attempt: Tree | None
    ) -> Tree:
        named = {"requestId": self.id, "sessionId": self.out.get("sessionId")}
        if kind == "by_code" and frame:
            return from_frame(self.host, frame, **named)
        if kind == "attempt" and attempt:
            return error(self.host.spec, **{**attempt, **named})
        ended = self.host.ending() if kind in ("connection_lost", "message_too_large") else {}
        if kind == "connection_lost":
            kind = link_kind(self.host.spec, kind, ended.get("closeCode"))
        status = frame.tree.get("status") if frame else None
        at = fault.pointer if fault else None
        return error(self.host.spec, kind, status=status, at=at, **named, **ended)

    def _classify(self, frame: Frame) -> tuple[str, Any, Fault | None]:
        kind = frame.wire_type
        if not frame.good:
            broken = frame.known and kind in (self.result_type, "error")
            return ("broken" if broken else "unknown"), None, frame.fault
        if kind in ("error", "keepalive"):
            return kind, None, None
        if kind != self.result_type:
            return "unexpected", None, None
        if frame.tree.get("status", 0) >= 400 or kind == "pong":
            return "result", _pong(self.host.flat(frame)), None
        value, fault = self.host.reader.result(self.op, frame.tree["data"])
        return ("broken" if fault else "result"), value, fault

    def settle(self, value: Any, failure: Tree | None) -> None:
        """Forget the call and report its outcome."""
        for row in self.host.tables.timers:
            if row["of"] == "call":
                self.host.disarm(row["name"], self.id)
        self.host.withdraw(self.out)
        self.host.remember(self.id)
        self.done(value, failure)


def _pong(facts: Tree) -> Tree:
    time = facts.get("timestamp")
    return {"roundTripMs": 0, **({} if time is None else {"serverTime": time})}


class VerbCall(Call):
    """A low-level verb without a live turn: a call that awaits the verb's answers (REQ-VERB-11)."""

    def _classify(self, frame: Frame) -> tuple[str, Any, Fault | None]:
        kind = frame.wire_type
        if not frame.good:
            broken = frame.known and (kind == "error" or self._answers(kind, {}))
            return ("broken" if broken else "unknown"), None, frame.fault
        if kind in ("error", "keepalive"):
            return kind, None, None
        facts = self.host.flat(frame)
        if not self._answers(kind, facts):
            return "unknown", None, None
        return "result", verb_value(self.op, kind, facts), None

    def _answers(self, kind: str, facts: Tree) -> bool:
        verb = verb_of(self.host, self.op, bool(self.out.get("declined")))
        return verb in self.host.tables.answer(kind, facts, "")


def verb_of(host: Host, action: str, declines: bool) -> str | None:
    """Verb that an action is; ``None`` for an action that is none."""
    fitting = [name for name, row in host.tables.verbs.items() if row["action"] == action]
    exact = (name for name in fitting if host.tables.verbs[name]["declines"] == declines)
    return next(exact, fitting[0] if fitting else None)
