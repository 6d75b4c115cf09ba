"""Calls and page iterators as the oracle sees them (REQ-CALL, REQ-HIST)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from conform.oracle.errors import link_kind
from conform.reader import Fault, Frame
from conform.spec import Tree

if TYPE_CHECKING:
    from conform.oracle.client import Client

Done = Callable[[Any, Tree | None], None]
RESULT_TYPES = {"ping": "pong"}
VERB_CALLS = {  # action -> the verb that it is, and the one when it says `declined`
    "confirm_tool_action": ("confirm", "confirm"),
    "verify_otp": ("verify_otp", "decline_otp"),
    "submit_interaction": ("submit", "decline"),
}


class Call:
    """One action that waits for its answer; ``done(value, error)`` is called once."""

    def __init__(self, client: Client, op: str, frame: Tree, done: Done, name: str = "") -> None:
        self.client = client
        self.op = op
        self.id: str = frame["requestId"]
        self.out = frame
        self.done = done
        self.name = name
        self.state = client.machines["call"].initial
        limit = client.limit("request")
        client.arm(("call", self.id), limit, lambda: self.local("request_timeout"))

    @property
    def result_type(self) -> str:
        """Event type that answers this action."""
        return RESULT_TYPES.get(self.op, "immediate_response")

    def frame(self, frame: Frame) -> None:
        """A frame with this call's id came (REQ-CALL-03)."""
        event, value, fault = self._classify(frame)
        is_error = frame.good and frame.tree.get("status", 0) >= 400
        self.state, effects = self.client.machines["call"].step(
            self.state, event, lambda guard: guard == "status_error" and is_error
        )
        for effect in effects:
            if effect.name == "push":
                self.client.push(frame)
            elif effect.name == "settle" and effect.args[0] == "completed":
                self.settle(value, None)
            elif effect.name == "settle":
                self.settle(None, self._failure(effect.args[1], frame, fault))

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
            return "result", _pong(self.client.flat(frame)), None
        value, fault = self.client.reader.result(self.op, frame.tree["data"])
        return ("broken" if fault else "result"), value, fault

    def _failure(self, kind: str, frame: Frame, fault: Fault | None) -> Tree:
        if kind == "by_code":
            return self.client.frame_error(frame, **self.named)
        status = frame.tree.get("status") if kind == "protocol" else None
        at = fault.pointer if fault else None
        return self.client.error(kind, **self.named, status=status, at=at)

    @property
    def named(self) -> Tree:
        """What every error of the call carries (REQ-ERR-01)."""
        return {"requestId": self.id, "sessionId": self.out.get("sessionId")}

    def local(self, event: str, code: int | None = None, attempt: Tree | None = None) -> None:
        """Something local ended the wait: timeout, lost link, close, failed attempt."""
        self.state, effects = self.client.machines["call"].step(self.state, event, lambda _: False)
        for effect in effects:
            if effect.name == "settle":
                kind = effect.args[1]
                if kind == "attempt":
                    self.settle(None, {**(attempt or {}), **_present(self.named)})
                else:
                    shown = code if kind in ("connection_lost", "message_too_large") else None
                    kind = link_kind(kind, shown)
                    told = self.client.closed(shown)
                    self.settle(None, self.client.error(kind, **self.named, **told))

    def settle(self, value: Any, failure: Tree | None) -> None:
        """Forget the call and report its outcome."""
        self.client.forget(self)
        self.done(value, failure)


def _present(facts: Tree) -> Tree:
    return {name: value for name, value in facts.items() if value is not None}


def _pong(facts: Tree) -> Tree:
    time = facts.get("timestamp")
    return {"roundTripMs": 0, **({} if time is None else {"serverTime": time})}


class VerbCall(Call):
    """A low-level verb without a live turn: a call that awaits the verb's answers (REQ-VERB-08)."""

    def _classify(self, frame: Frame) -> tuple[str, Any, Fault | None]:
        kind = frame.wire_type
        if not frame.good:
            broken = frame.known and (kind == "error" or self._answers(kind, {}))
            return ("broken" if broken else "unknown"), None, frame.fault
        if kind in ("error", "keepalive"):
            return kind, None, None
        facts = self.client.flat(frame)
        if not self._answers(kind, facts):
            return "unknown", None, None
        return "result", verb_value(self.op, kind, facts), None

    def _answers(self, kind: str, facts: Tree) -> bool:
        verb = VERB_CALLS[self.op][bool(self.out.get("declined"))]
        rows = self.client.spec.machine["answers"]
        return any(verb in row["verbs"] and fits(row, kind, facts) for row in rows)


def fits(row: Tree, event: str, facts: Tree) -> bool:
    """Whether a row of the table ``answers`` is about an event."""
    skip = row.get("unless") == "status_202" and facts.get("status") == 202
    return bool(row["on"] == event and not skip)


def verb_value(op: str, kind: str, facts: Tree) -> Any:
    """Value that a verb has of the event that answers it."""
    if kind == "otp_verified":
        return {"verified": True, "message": facts["message"]}
    if kind == "otp_invalid":
        names = ("attemptsRemaining", "error", "message")
        return {"verified": False, **{n: facts[n] for n in names if n in facts}}
    if kind == "interaction_invalid":
        return {"accepted": False, "errors": facts["errors"], "message": facts["message"]}
    return {"accepted": True} if op == "submit_interaction" else None


class Pager:
    """The paging iterator of a conversation (REQ-HIST-01, REQ-HIST-02)."""

    def __init__(self, client: Client, session: str, command: Tree) -> None:
        self.client = client
        self.session = session
        self.name: str = command["as"]
        self.limit = command.get("limit")
        self.left = command.get("take")
        self.seen: set[str] = set()
        self._fetch(None)

    def _fetch(self, cursor: str | None) -> None:
        frame: Tree = {"sessionId": self.session}
        if self.limit is not None:
            frame["limit"] = self.limit
        if cursor is not None:
            frame["cursor"] = cursor
        self.client.call("get_conversation_messages", frame, self._page)

    def _page(self, page: Any, failure: Tree | None) -> None:
        if failure:
            self._end(failure)
            return
        for message in page["messages"]:
            self.client.emit({"ev": "message", "as": self.name, "data": message})
            if self.left is not None:
                self.left -= 1
                if self.left == 0:
                    self._end(None)
                    return
        cursor = page.get("nextCursor")
        if not page["hasMore"] or not cursor:
            self._end(None)
        elif cursor in self.seen:
            self._end(self.client.error("unexpected_event"))
        else:
            self.seen.add(cursor)
            self._fetch(cursor)

    def _end(self, failure: Tree | None) -> None:
        self.client.returned(self.name, None, failure)
