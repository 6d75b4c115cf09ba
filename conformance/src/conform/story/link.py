"""The link of one client as the oracle sees it: attempts, waits, signs of life, the end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Protocol

from conform.frames import body_of
from conform.interpreter import Effect, Group, Tables
from conform.oracle.calls import Call
from conform.oracle.errors import error
from conform.oracle.host import Key
from conform.oracle.turns import Turn
from conform.reader import Reader
from conform.spec import Spec, Tree
from conform.story.clock import Clock
from conform.story.seeking import Seeking

SEEKS = ("connecting", "reconnecting")
PROTOCOL_VIOLATION = 1002
NO_PONG = 4408
BODY_SHOWN = 4096  # bytes of a refused handshake (REQ-CONN-22)
ONCE = ("pong", "probe")  # count from the first ping that nothing has answered
AT_ONCE = 8  # more attempts without a wait are none that a table means
REAL = ("connect", "close")  # timers that no case lets come due


class Stage(Protocol):
    """What a client tells the story that it is part of."""

    spec: Spec
    reader: Reader
    tables: Tables

    def emit(self, observation: Tree) -> None:
        """Expect one observation."""

    def sent(self, client: str, frame: Tree) -> None:
        """Expect one frame of the client."""

    def closed(self, client: str, code: int) -> None:
        """Expect the client to close its link with a code."""

    def called(self, client: str) -> None:
        """Expect a handshake of the client."""


class LinkSide(ABC):
    """What of a client is its link; the rest of the client derives from it."""

    def __init__(self, stage: Stage, name: str, options: Tree) -> None:
        self.stage = stage
        self.name = name
        self.options = options
        self.spec, self.reader, self.tables = stage.spec, stage.reader, stage.tables
        self.connection = Group(self.tables, "connection")
        self.clock = Clock()
        self.seeking = Seeking(self.spec, options)
        self.due = False  # an attempt begins when all that the event leads to is done
        self.attempting = False
        self.going = False
        self.moving = False  # the clock moves: attempts wait until it stands
        self.reason = "connect"  # why a token is asked for
        self.plan: Any = None  # what the stage does with the next handshake
        self.connecting: list[str] = []
        self.calls: dict[str, Call] = {}
        self.turns: dict[str, Turn] = {}
        self.over: OrderedDict[str, None] = OrderedDict()  # ids that are over, the oldest first
        self.granted: dict[str, list[str]] = {}
        self.close_code: int | None = None
        self.close_reason = ""
        self.malformed = 0
        self.connects = self.reconnects = self.resumes = 0
        self.frames_in = self.frames_out = self.dropped = 0

    # what the rest of the client does

    @abstractmethod
    def emit(self, observation: Tree) -> None:
        """Expect one observation."""

    @abstractmethod
    def returned(self, name: str, value: Any, failure: Tree | None) -> None:
        """Expect the end of a call, verb, wait or iteration."""

    @abstractmethod
    def flush(self) -> None:
        """Write what waits for a link."""

    @abstractmethod
    def drop(self, event: str) -> None:
        """Step what waits for a link; what will never leave is forgotten."""

    @abstractmethod
    def ping(self) -> None:
        """Write a ping of the client's own."""

    @abstractmethod
    def limit(self, option: str) -> int:
        """A time limit in ms by the name of its option; 0 = off."""

    @abstractmethod
    def timed(self, row: Tree, key: Key, ms: int, fire: Callable[[], None]) -> None:
        """Arm a timer of the table ``timers``."""

    # --- steps ----------------------------------------------------------------------------------

    @property
    def sought(self) -> bool:
        """Whether a link is sought: what waits for one goes on waiting."""
        return self.connection.state in SEEKS

    def _move(
        self,
        event: str,
        retry: Tree | str | None = None,
        *,
        code: int | None = None,
        hint: int | None = None,
        failure: Tree | None = None,
    ) -> tuple[int | None, Tree | None]:
        """Step the connection; returns the close code and the failure that there are then.

        ``retry`` is the row of ``close_codes`` that says whether another attempt may help, or the
        word itself.
        """
        row = retry if isinstance(retry, dict) else None
        word = row["retry"] if row else retry if isinstance(retry, str) else None
        facts = self.seeking.facts(word)
        self._time(event)
        before, self.seeking.wait = self.connection.state, None
        for effect in self.connection.local(event, facts):
            if effect.name == "close":
                code = int(effect.args[0])
                self.stage.closed(self.name, code)
            elif effect.name == "schedule":
                self._schedule(effect, row, hint)
            elif effect.name == "fail":
                if effect.args[0] != "attempt":
                    failure = error(self.spec, effect.args[0])
            elif effect.name == "state":
                self._told(before, effect.args[0], event, code, failure)
            else:
                self._seek(effect)
        return code, failure

    def _schedule(self, effect: Effect, row: Tree | None, hint: int | None) -> None:
        wait = self.seeking.schedule(row, hint)
        timer = next(t for t in self.tables.timers if t["name"] == effect.args[0])
        self.timed(dict(timer), (timer["name"],), wait, lambda: self.happens(timer["on_expiry"]))
        if wait == self.seeking.option("backoffMax"):
            self.tables.watcher.stood_short("backoffMax")
            self.tables.watcher.came_due("backoffMax", "backoffMax" in self.seeking.given)

    def _seek(self, effect: Effect) -> None:
        match effect.name, effect.args:
            case "renew_token", ():
                self.seeking.renew()
                self.reason = "rejected"
            case "attempt", ("next",):
                if not self.attempting and not self.due:
                    self._time("attempt")
                    self.seeking.attempts += 1
                    self.due = True
            case "attempt", ("reset",):
                self.seeking.reset()
            case ("ping" | "probe") as word, ():
                self.ping()
                self._time(word)
            case _:
                raise ValueError(f"a link does not know the effect {effect.name}")

    def _told(
        self, before: str, after: str, event: str, code: int | None, failure: Tree | None
    ) -> None:
        shown: Tree = {"ev": "state", "on": self.name, "from": before, "to": after, "reason": event}
        if code is not None:
            shown["code"] = code
        if failure is not None:
            shown["cause"] = failure["kind"]
        if self.seeking.wait is not None:
            shown["attempt"] = self.seeking.attempts + 1
            shown["retryInMs"] = self.seeking.wait
        if before == "reconnecting" and after == "open" and self.granted:
            shown["missed"] = True
        self.emit(shown)

    def _time(self, word: str) -> None:
        """Arm and clear the timers of the link that the table names the word for."""
        for row in self.tables.timers:
            if row["of"] != "link" or row["name"] in REAL:
                continue
            if word in row["cleared_by"]:
                self.clock.disarm(row["name"])
            waits = row["name"] in ONCE and (row["name"],) in self.clock.timers
            if word in row["armed_by"] and word != "schedule" and not waits:
                fire = lambda event=row["on_expiry"]: self.happens(event)  # noqa: E731
                self.timed(dict(row), (row["name"],), self.limit(row["option"]), fire)

    def happens(self, event: str) -> None:
        """Something local happens to the link: a timer, ``wake()``."""
        if event in ("pong_timeout", "probe_failed"):
            self.end(event, NO_PONG)
        else:
            self._move(event)
            self.go()

    def heard(self) -> None:
        """Something came in: the link lives (REQ-CONN-38)."""
        if self.connection.state == "open":
            self.frames_in += 1
            self._time("frame")

    # --- attempts -------------------------------------------------------------------------------

    def connect(self, name: str | None) -> None:
        """``connect()``: joins the running attempt, does nothing while open (REQ-CONN-03)."""
        state = self.connection.state
        if state == "open":
            if name:
                self.returned(name, None, None)
            return
        if name:
            self.connecting.append(name)
        self.start()
        self.go()

    def start(self) -> None:
        """Step on ``connect``: begin, or end the wait before an attempt."""
        fresh = not self.sought
        if fresh:
            self.seeking.reset()
            self.reason = "connect"
        self._move("connect")
        self.due = self.due or fresh

    def go(self) -> None:
        """Begin the attempt that is due, and those that follow without a wait."""
        if self.going:
            return
        self.going = True
        for _ in range(AT_ONCE):
            if not self.due or self.moving:
                break
            self.due = False
            self.attempt()
        else:
            raise ValueError("attempts follow each other without a wait and without an end")
        self.going = False

    def attempt(self) -> None:
        """Ask for the token, then let the stage's plan decide the handshake."""
        self.attempting = True
        if self.seeking.tokens is not None:
            reason, self.reason = self.reason, "reconnect"
            self.emit({"ev": "asked", "on": self.name, "reason": reason})
            given = self.seeking.token()
            if isinstance(given, dict):
                self._no_token(given["fail"])
                return
        self.stage.called(self.name)
        self.handshake()

    def _no_token(self, how: str) -> None:
        """A provider that gives no token (REQ-CONN-28, REQ-CONN-30)."""
        if how == "error":
            self._attempt_failed(error(self.spec, "connect_failed"), "yes")
        elif how == "authentication":
            self._attempt_failed(error(self.spec, "authentication"), "no")
        else:
            self._attempt_failed({"kind": "invalid_argument"}, "no")

    def handshake(self) -> None:
        """The stage answers the handshake as planned."""
        plan, self.plan = self.plan, None
        if plan == "hold":
            return
        untrusted = self.options.get("tls") == "untrusted"
        if self.options["url"].startswith("{refused}") or untrusted or _unanswered(plan):
            failure = error(self.spec, "connect_failed", retryable=not untrusted)
            self._attempt_failed(failure, "no" if untrusted else "yes")
        elif plan in (None, "release", "bytewise"):
            self.attempting = False
            self.malformed = 0
            self.connects += 1
            self.reconnects += self.connection.state == "reconnecting"
            self._move("opened")
            self._connected(None)
            for turn in list(self.turns.values()):
                turn.local("opened")
            self.flush()
        else:
            failure = _refused(self.spec, plan)
            row = self.spec.http_row(plan["status"])
            self._attempt_failed(failure, row or "no", failure.get("retryAfterMs"))

    def _connected(self, failure: Tree | None) -> None:
        names, self.connecting = self.connecting, []
        for name in names:
            self.returned(name, None, failure)

    def _attempt_failed(self, failure: Tree, retry: Tree | str, hint: int | None = None) -> None:
        self.attempting = False
        _, told = self._move("connect_failed", retry, hint=hint, failure=failure)
        self.drop("connect_failed")
        if self.connection.state != "connecting":
            self._connected(told)
        for each in self._waiting():
            each.local("connect_failed", attempt=told)
        self.go()

    def give_up_connect(self, name: str) -> bool:
        """Native cancellation of a wait for connect(): the attempt goes on (REQ-CONN-26)."""
        if name not in self.connecting:
            return False
        self.connecting.remove(name)
        self.returned(name, None, {"kind": "native_cancelled"})
        return True

    # --- the end --------------------------------------------------------------------------------

    def violated(self) -> None:
        """The peer broke the rules of WebSocket (REQ-WIRE-15)."""
        self.stage.closed(self.name, PROTOCOL_VIOLATION)
        self.end("lost", PROTOCOL_VIOLATION)

    def end(self, event: str, code: int | None = None, reason: str = "") -> None:
        """The link ends, by whomever (REQ-CONN-06, REQ-CONN-15)."""
        if self.connection.state != "open" and not (event == "close" and self.sought):
            return
        row = None if code is None else self.spec.end_row("code", code)
        if event == "close":
            self.attempting = self.due = False
        self.close_code, _ = self._move(event, row or "no", code=code)
        self.close_reason = reason
        self.drop(event)
        if not self.sought:
            self._connected(error(self.spec, "client_closed"))
        for each in self._waiting():
            each.local(event)
        self.go()

    def _waiting(self) -> list[Turn | Call]:
        return [*self.turns.values(), *self.calls.values()]

    def ending(self) -> Tree:
        """What the end of the link tells: code and reason (REQ-CONN-15, REQ-ERR-06)."""
        return {"closeCode": self.close_code, "closeReason": self.close_reason}


def _unanswered(plan: Any) -> bool:
    """Whether a handshake gets no answer, or no whole one (REQ-CONN-21, REQ-CONN-23)."""
    return plan in ("silence", "reset") or (isinstance(plan, dict) and "cut" in plan)


def _pause(after: str | None) -> int | None:
    """A ``Retry-After`` in ms; of dates a case can only tell one that is over."""
    if after is None or after.isdecimal():
        return None if after is None else int(after) * 1000
    return 0 if after.endswith("GMT") else None


def _refused(spec: Spec, plan: Tree) -> Tree:
    """What a refused handshake tells (REQ-CONN-12, REQ-CONN-22, REQ-CONN-23)."""
    row = spec.http_row(plan["status"])
    headers = {name.lower(): value for name, value in plan.get("headers", {}).items()}
    body = body_of(plan)[:BODY_SHOWN].decode("utf-8", "replace")
    details = {"body": body, "requestId": headers.get("x-request-id")}
    return error(
        spec,
        row["kind"] if row else "connect_failed",
        retryable=row is not None and row["retry"] == "yes",
        status=plan["status"],
        retryAfterMs=_pause(headers.get("retry-after")),
        details={name: value for name, value in details.items() if value} or None,
    )
