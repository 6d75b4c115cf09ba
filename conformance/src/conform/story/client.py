"""One client as the oracle sees it: link, outbox, routing, and what it writes (REQ-CONN, WIRE)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, Protocol

from conform.frames import body_of
from conform.interpreter import Group, Tables
from conform.oracle.calls import Call, Done, VerbCall, verb_of
from conform.oracle.errors import error
from conform.oracle.host import Key
from conform.oracle.turns import Turn
from conform.reader import Frame, Reader
from conform.spec import Spec, Tree
from conform.story.clock import Clock

WRITABLE = ("open", "connecting")
PROTOCOL_VIOLATION = 1002
BODY_SHOWN = 4096  # bytes of a refused handshake (REQ-CONN-22)


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


class Client:
    """The state of one client; the host of its turns and calls."""

    def __init__(self, stage: Stage, name: str, options: Tree, ids: list[str]) -> None:
        self.stage = stage
        self.name = name
        self.options = options
        self.spec, self.reader, self.tables = stage.spec, stage.reader, stage.tables
        self.ids: Iterator[str] = self._draw(ids)
        self.connection = Group(self.tables, "connection")
        self.clock = Clock()
        self.due = False  # a lazy attempt starts with the next action
        self.plan: Any = None  # what the stage does with the next handshake
        self.calls: dict[str, Call] = {}
        self.turns: dict[str, Turn] = {}
        self.over: OrderedDict[str, None] = OrderedDict()  # ids that are over, the oldest first
        self.connecting: list[str] = []
        self.queue: list[tuple[Tree, Group]] = []
        self.lives: list[tuple[Tree, Group]] = []  # every frame that was ever written
        self.granted: dict[str, list[str]] = {}
        self.close_code: int | None = None
        self.close_reason = ""
        self.malformed = 0

    @staticmethod
    def _draw(ids: list[str]) -> Iterator[str]:
        yield from ids
        yield from (f"req-auto-{n}" for n in count(1))

    # --- reporting ------------------------------------------------------------------------------

    def emit(self, observation: Tree) -> None:
        """Expect one observation."""
        self.stage.emit(observation)

    def returned(self, name: str, value: Any, failure: Tree | None) -> None:
        """Expect the end of a call, verb, wait or iteration."""
        body = {"error": failure} if failure else {"value": value}
        self.emit({"ev": "returned", "as": name, **body})

    def flat(self, frame: Frame) -> Tree:
        """Flat facts of a good frame."""
        return self.reader.flat(frame.wire_type, frame.tree)

    def shown(self, frame: Frame) -> Tree:
        """An event as an ``item`` or ``pushed`` shows it."""
        if frame.good:
            return {"type": frame.wire_type, "data": frame.tree, "flat": self.flat(frame)}
        shown = {"type": "unknown", "unknown": True, "wireType": frame.wire_type, "raw": frame.raw}
        if frame.fault:
            shown["problem"] = {"kind": frame.fault.kind, "pointer": frame.fault.pointer}
        return shown

    def push(self, frame: Frame) -> None:
        """An event that nothing owns (REQ-WIRE-12)."""
        self.emit({"ev": "pushed", "on": self.name, **self.shown(frame)})

    def tap(self, direction: str, word: Any, request_id: Any) -> None:
        """The frame tap sees every frame (REQ-LOG-02)."""
        if self.options.get("tap"):
            shown: Tree = {"ev": "frame", "on": self.name, "direction": direction}
            facts = {"type": word, "requestId": request_id}
            self.emit({**shown, **{k: v for k, v in facts.items() if isinstance(v, str)}})

    # --- link -----------------------------------------------------------------------------------

    def _move(self, event: str, code: int | None = None) -> int | None:
        """Step the connection; returns the code that the link was closed with, if any."""
        before = self.connection.state
        for effect in self.connection.local(event, {}):
            if effect.name == "close":
                code = int(effect.args[0])
                self.stage.closed(self.name, code)
            elif effect.name == "state":
                shown = {"ev": "state", "on": self.name, "from": before, "to": effect.args[0]}
                coded = {} if code is None else {"code": code}
                self.emit({**shown, "reason": event, **coded})
            else:
                raise ValueError(f"a link does not know the effect {effect.name}")
        return code

    def connect(self, name: str | None) -> None:
        """``connect()``: joins the running attempt, does nothing while open (REQ-CONN-03)."""
        state = self.connection.state
        if state == "open":
            if name:
                self.returned(name, None, None)
            return
        if name:
            self.connecting.append(name)
        if state != "connecting":
            self._move("connect")
            self.attempt()

    def attempt(self) -> None:
        """Let the stage's plan decide the handshake."""
        plan, self.plan = self.plan, None
        if plan == "hold":
            return
        untrusted = self.options.get("tls") == "untrusted"
        if self.options["url"].startswith("{refused}") or untrusted or _unanswered(plan):
            self._attempt_failed(error(self.spec, "connect_failed", retryable=not untrusted))
        elif plan in (None, "release", "bytewise"):
            self.malformed = 0
            self._move("opened")
            self._connected(None)
            queue, self.queue = self.queue, []
            for frame, life in queue:
                self._take(frame, life)
        else:
            self._attempt_failed(_refused(self.spec, plan))

    def _connected(self, failure: Tree | None) -> None:
        names, self.connecting = self.connecting, []
        for name in names:
            self.returned(name, None, failure)

    def _attempt_failed(self, failure: Tree) -> None:
        self._move("connect_failed")
        self._drop("connect_failed")
        self._connected(failure)
        for each in self._waiting():
            each.local("connect_failed", attempt=failure)

    def give_up_connect(self, name: str) -> bool:
        """Native cancellation of a wait for connect(): the attempt goes on (REQ-CONN-26)."""
        if name not in self.connecting:
            return False
        self.connecting.remove(name)
        self.returned(name, None, {"kind": "native_cancelled"})
        return True

    def violated(self) -> None:
        """The peer broke the rules of WebSocket (REQ-WIRE-15)."""
        self.stage.closed(self.name, PROTOCOL_VIOLATION)
        self.end("lost", PROTOCOL_VIOLATION)

    def end(self, event: str, code: int | None = None, reason: str = "") -> None:
        """The link ends, by whomever; everything in flight settles (REQ-CONN-06, REQ-CONN-15)."""
        if self.connection.state not in WRITABLE:
            return
        self.close_code, self.close_reason = self._move(event, code), reason
        self._drop(event)
        self._connected(error(self.spec, "client_closed"))
        for each in self._waiting():
            each.local(event)

    def _waiting(self) -> list[Turn | Call]:
        return [*self.turns.values(), *self.calls.values()]

    def ending(self) -> Tree:
        """What the end of the link tells: code and reason (REQ-CONN-15, REQ-ERR-06)."""
        return {"closeCode": self.close_code, "closeReason": self.close_reason}

    # --- outbox ---------------------------------------------------------------------------------

    def write(self, frame: Tree) -> None:
        """One action leaves, or waits for the attempt that runs."""
        life = Group(self.tables, "frame")
        self.lives.append((frame, life))
        if self.connection.state == "connecting":
            self.queue.append((frame, life))
            if self.due:
                self.due = False
                self.attempt()
        elif self.connection.state == "open":
            self._take(frame, life)

    def _take(self, frame: Tree, life: Group) -> None:
        for effect in life.local("link_ready", {}):
            if effect.name != "offer":
                raise ValueError(f"the outbox does not know the effect {effect.name}")
            life.local("taken", {})
            self.stage.sent(self.name, frame)
            self.tap("out", frame["action"], frame.get("requestId"))
            life.local("flushed", {})

    def _drop(self, event: str) -> None:
        for _, life in self.queue:
            life.local(event, {})
        self.queue = [entry for entry in self.queue if entry[1].state != "dropped"]

    def waits(self, frame: Tree) -> bool:
        """Whether an action still waits for the attempt that runs."""
        return any(each is frame and life.state == "queued" for each, life in self.lives)

    def withdraw(self, frame: Tree) -> None:
        """Never write the action of a call or turn that is over (REQ-CONN-16)."""
        for each, life in self.queue:
            if each is frame:
                life.local("withdrawn", {})
        self.queue = [entry for entry in self.queue if entry[1].state != "dropped"]

    def ready(self) -> bool:
        """Whether an action may start; a lazy client connects first (REQ-CONN-09)."""
        if self.connection.state not in WRITABLE and self.options.get("lazy"):
            self._move("connect")
            self.due = True  # the attempt may fail at once: first the action waits for it
        return self.connection.state in WRITABLE

    # --- actions --------------------------------------------------------------------------------

    def call(self, op: str, args: Tree, done: Done, name: str = "") -> None:
        """Start an action with one answer."""
        if op == "create_conversation_session":
            words = {w for w, row in self.spec.capabilities.items() if _always(row)}
            words.update(self.options.get("supports", []), args.get("supports", []))
            args = {**args, "supports": sorted(words)}
        # an id is drawn also for a call that finds no link (REQ-CALL-01)
        self._start(Call, op, {"action": op, "requestId": next(self.ids), **args}, done, name)

    def _start(self, kind: type[Call], op: str, frame: Tree, done: Done, name: str) -> None:
        allowed = self.ready()
        call = kind(self, op, frame, done, name)
        self.calls[call.id] = call
        if allowed:
            self.write(frame)
        else:
            call.local("not_connected")

    def verb_call(self, op: str, args: Tree, done: Done, name: str) -> None:
        """A low-level verb without a live turn (REQ-VERB-11, REQ-VERB-13)."""
        verb = verb_of(self, op, bool(args.get("declined")))
        needed = self.tables.verbs[str(verb)].get("needs")
        if needed and needed not in self.capabilities(args.get("sessionId", "")):
            named = {"requestId": args["requestId"], "sessionId": args.get("sessionId")}
            done(None, error(self.spec, "unsupported", **named))
        elif op == "cancel" and self.ready():
            self.write({"action": op, **args})
            done(None, None)
        else:
            self._start(VerbCall, op, {"action": op, **args}, done, name)

    def turn(self, command: Tree, session: str, watch: Callable[[Turn], None]) -> Turn:
        """Send a message (REQ-TURN-01); ``watch`` gets the turn before anything happens to it."""
        skipped = ("cmd", "on", "session", "message", "as", "via", "requestId", "watch", "aborted")
        extra = {k: v for k, v in command.items() if k not in skipped}
        for other in self.turns.values():
            if other.session == session:
                other.next_send()
        allowed = self.ready()
        request = command.get("requestId") or next(self.ids)
        body = {"sessionId": session, "message": command["message"], **extra}
        turn = Turn(self, command["as"], {"action": "send_message", "requestId": request, **body})
        watch(turn)
        self.turns[request] = turn
        if allowed:
            self.write(turn.out)
        else:
            turn.local("not_connected")
        return turn

    def capabilities(self, session: str) -> list[str]:
        """Capability words that the server listed for a session."""
        return self.granted.get(session, [])

    def give_up(self, call: Call) -> None:
        """Native cancellation of the wait for a call (REQ-CALL-09)."""
        self.calls.pop(call.id, None)
        call.settle(None, {"kind": "native_cancelled"})

    def remember(self, request_id: str) -> None:
        """An id is over: what still comes with it reaches the tap alone (REQ-TURN-06)."""
        if request_id in self.calls and self.calls[request_id].machine.settled:
            del self.calls[request_id]
        self.over[request_id] = None
        while len(self.over) > self.spec.bound("settledIds"):
            self.over.popitem(last=False)

    # --- reading --------------------------------------------------------------------------------

    def deliver(self, text: str) -> None:
        """One text message comes from the peer."""
        if self.connection.state != "open":
            return
        usual = self.spec.options["maxMessageBytes"]["default"]
        limit = self.options.get("limits", {}).get("maxMessageBytes", usual)
        if len(text.encode("utf-8", "surrogatepass")) > limit:
            self.end("too_large")
            return
        frame = self.reader.read(text)
        if frame is None:
            self.malformed_frame()
            return
        self.malformed = 0
        self.tap("in", frame.wire_type, frame.request_id)
        for taker in self.tables.routing:
            if getattr(self, f"_to_{taker}")(frame, frame.request_id or ""):
                return

    def _to_call(self, frame: Frame, request_id: str) -> bool:
        call = self.calls.get(request_id)
        if call:
            call.frame(frame)
        return call is not None

    def _to_turn(self, frame: Frame, request_id: str) -> bool:
        turn = self.turns.get(request_id)
        if turn is None or turn.settled:
            return False
        turn.frame(frame)
        return True

    def _to_verb(self, frame: Frame, request_id: str) -> bool:
        turn = self.turns.get(request_id)
        if turn is None or not turn.live:
            return False
        turn.frame(frame)
        return True

    def _to_liveness(self, _: Frame, __: str) -> bool:
        return False

    def _to_late(self, _: Frame, request_id: str) -> bool:
        return request_id in self.over

    def _to_push(self, frame: Frame, _: str) -> bool:
        if frame.wire_type != "keepalive" or not frame.good:
            self.push(frame)
        return True

    def malformed_frame(self) -> None:
        """REQ-WIRE-04: dropped and counted; the tenth in a row closes the link."""
        self.tap("in", None, None)
        self.malformed += 1
        if self.malformed == self.spec.bound("malformedInARow"):
            self.end("malformed_limit")

    # --- clock ----------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether anything is in flight for which a timer may be armed."""
        turns = any(not turn.settled or turn.verbs for turn in self.turns.values())
        return bool(self.calls) or turns or self.connection.state == "connecting"

    def advance(self, ms: int) -> None:
        """Move the clock."""
        self.clock.advance(ms)
        options = {row["name"]: row["option"] for row in self.tables.timers}
        for key, (due, _) in self.clock.timers.items():
            if due - self.clock.now <= 1:
                self.tables.watcher.stood_short(options[key[0]])

    @property
    def now(self) -> float:
        """The client's time in ms."""
        return self.clock.now

    def disarm(self, *key: str) -> None:
        """Forget a timer."""
        self.clock.disarm(*key)

    def limit(self, option: str) -> int:
        """A time limit in ms by the name of its option; 0 = off."""
        word = option.removesuffix("Timeout")
        default = self.spec.options[option]["default"]
        return int(self.options.get("timeouts", {}).get(word, default))

    def timed(self, row: Tree, key: Key, ms: int, fire: Callable[[], None]) -> None:
        """Arm a timer of the table; a real one never comes due inside a case."""
        option, watcher = row["option"], self.tables.watcher
        given = option.removesuffix("Timeout") in self.options.get("timeouts", {})
        watcher.armed(option, ms, given)

        def due() -> None:
            watcher.came_due(option, given)
            fire()

        off = ms == 0 and row["name"] != "cancel"  # 0 = do not wait (REQ-STOP-02)
        if not off and self.options.get("clock") == "virtual":
            self.clock.arm(key, ms, due)


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


def _always(row: Tree) -> bool:
    return "always" in row["implied_by"] and "pending" not in row
