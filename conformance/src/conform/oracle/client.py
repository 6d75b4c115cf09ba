"""One client as the oracle sees it: link, routing, clock, and what it writes (REQ-CONN, WIRE)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from itertools import count
from typing import TYPE_CHECKING, Any

from conform.oracle.calls import Call, Done, Pager, VerbCall
from conform.oracle.errors import error, from_frame
from conform.oracle.turns import Turn
from conform.reader import Frame
from conform.spec import Tree

if TYPE_CHECKING:
    from conform.oracle.world import World

DEFAULTS = {
    "connect": 10_000,
    "close": 5_000,
    "request": 30_000,
    "turn": 0,
    "turnIdle": 120_000,
    "question": 330_000,
    "cancel": 5_000,
}
MAX_MESSAGE_BYTES = 16 * 1024 * 1024
MALFORMED_LIMIT = 10
IDS_REMEMBERED = 1024


class Client:
    """The state of one client."""

    link_events = frozenset(
        ["closed_by_peer", "lost", "malformed_limit", "invalid_utf8", "too_large", "close"]
    )

    def __init__(self, world: World, name: str, options: Tree, ids: list[str]) -> None:
        self.world = world
        self.name = name
        self.options = options
        self.spec, self.reader, self.machines = world.spec, world.reader, world.machines
        self.ids: Iterator[str] = self._draw(ids)
        self.link = self.machines["connection"].initial
        self.due = False  # a lazy attempt starts with the next action
        self.plan: Any = None  # what the stage does with the next handshake
        self.calls: dict[str, Call] = {}
        self.turns: dict[str, Turn] = {}
        self.over: OrderedDict[str, None] = OrderedDict()  # ids that are over, the oldest first
        self.connecting: list[str] = []
        self.queue: list[Tree] = []
        self.granted: dict[str, list[str]] = {}
        self.close_reason = ""
        self.malformed = 0
        self.now = 0.0
        self.timers: dict[tuple[str, ...], tuple[float, Callable[[], None]]] = {}

    @staticmethod
    def _draw(ids: list[str]) -> Iterator[str]:
        yield from ids
        yield from (f"req-auto-{n}" for n in count(1))

    # --- reporting --------------------------------------------------------------------------

    def emit(self, observation: Tree) -> None:
        """Expect one observation."""
        self.world.emit(observation)

    def returned(self, name: str, value: Any, failure: Tree | None) -> None:
        """Expect the end of a call, verb, wait or iteration."""
        body = {"error": failure} if failure else {"value": value}
        self.emit({"ev": "returned", "as": name, **body})

    def error(self, kind: str, **facts: Any) -> Tree:
        """An error observation."""
        return error(self.spec, kind, **facts)

    def frame_error(self, frame: Frame, **facts: Any) -> Tree:
        """The error that an ``error`` event becomes."""
        return from_frame(self.spec, self.reader, frame, **facts)

    def closed(self, code: int | None) -> Tree:
        """What an error says of the close that caused it (REQ-CONN-15, REQ-ERR-06)."""
        reason = self.close_reason if code is not None else ""
        return {"closeCode": code, "closeReason": reason}

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

    def _tap(self, direction: str, word: Any, request_id: Any) -> None:
        if self.options.get("tap"):
            shown: Tree = {"ev": "frame", "on": self.name, "direction": direction}
            facts = {"type": word, "requestId": request_id}
            shown.update({k: v for k, v in facts.items() if isinstance(v, str)})
            self.emit(shown)

    # --- link -------------------------------------------------------------------------------

    def _move(self, event: str, code: int | None = None) -> None:
        before = self.link
        self.link, effects = self.machines["connection"].step(before, event, lambda _: True)
        for effect in effects:
            if effect.name == "close":
                code = int(effect.args[0])
                self.world.closes.append((self.world.index, self.name, code))
            elif effect.name == "state":
                shown = {"ev": "state", "on": self.name, "from": before, "to": effect.args[0]}
                coded = {} if code is None else {"code": code}
                self.emit({**shown, "reason": event, **coded})

    def connect(self, name: str | None) -> None:
        """``connect()``: joins the running attempt, does nothing while open (REQ-CONN-03)."""
        if self.link == "open":
            if name:
                self.returned(name, None, None)
            return
        if name:
            self.connecting.append(name)
        if self.link == "connecting":
            return
        self._move("connect")
        self.attempt()

    def attempt(self) -> None:
        """Let the stage's plan decide the handshake."""
        plan, self.plan = self.plan, None
        if plan == "hold":
            return
        unreachable = self.options["url"].startswith("{refused}") or plan == "silence"
        if unreachable or self.options.get("tls") == "untrusted":
            self._attempt_failed(self.error("connect_failed"))
        elif plan is None or plan == "release":
            self.malformed = 0
            self._move("opened")
            self._connected(None)
            queue, self.queue = self.queue, []
            for frame in queue:
                self.write(frame)
        else:
            self._attempt_failed(self._refused(plan))

    def _refused(self, plan: Tree) -> Tree:
        """What a refused handshake tells (REQ-CONN-12, REQ-CONN-22)."""
        status = plan["status"]
        kind = "authentication" if status == 401 else "connect_failed"
        headers = {name.lower(): value for name, value in plan.get("headers", {}).items()}
        after = headers.get("retry-after")
        details = {"body": plan.get("body"), "requestId": headers.get("x-request-id")}
        details = {name: value for name, value in details.items() if value}
        return self.error(
            kind,
            status=status,
            retryAfterMs=None if after is None else int(after) * 1000,
            details=details or None,
        )

    def _connected(self, failure: Tree | None) -> None:
        names, self.connecting = self.connecting, []
        for name in names:
            self.returned(name, None, failure)

    def _attempt_failed(self, failure: Tree) -> None:
        self._move("connect_failed")
        self.queue.clear()
        self._connected(failure)
        for turn in list(self.turns.values()):
            turn.local("connect_failed", attempt=failure)
        for call in list(self.calls.values()):
            call.local("connect_failed", attempt=failure)

    def end(self, event: str, code: int | None = None, reason: str = "") -> None:
        """The link ends, by whomever; everything in flight settles (REQ-CONN-06, REQ-CONN-15)."""
        if self.link not in ("open", "connecting"):
            return
        self.close_reason = reason
        self._move(event, code)
        codes = {"lost": 1006, "malformed_limit": 4400, "invalid_utf8": 1007, "too_large": 1009}
        code = code or codes.get(event)
        self.queue.clear()
        self._connected(self.error("client_closed"))
        for turn in list(self.turns.values()):
            turn.local(event, code)
        for call in list(self.calls.values()):
            call.local(event, code)

    # --- writing ----------------------------------------------------------------------------

    def write(self, frame: Tree) -> None:
        """One action leaves, or waits for the attempt that runs."""
        if self.link == "connecting":
            self.queue.append(frame)
            if self.due:
                self.due = False
                self.attempt()
        elif self.link == "open":
            self.world.frames.append((self.world.index, self.name, frame))
            self._tap("out", frame["action"], frame.get("requestId"))

    def waits(self, frame: Tree) -> bool:
        """Whether an action still waits for the attempt that runs."""
        return any(each is frame for each in self.queue)

    def withdraw(self, frame: Tree) -> None:
        """Never write the action of a call or turn that is over (REQ-CONN-16)."""
        self.queue = [each for each in self.queue if each is not frame]

    def ready(self) -> bool:
        """Whether an action may start; a lazy client connects first (REQ-CONN-09)."""
        if self.link in ("idle", "closed") and self.options.get("lazy"):
            self._move("connect")
            self.due = True  # the attempt may fail at once: first the action waits for it
        return self.link in ("open", "connecting")

    def call(self, op: str, args: Tree, done: Done, name: str = "") -> None:
        """Start an action with one answer."""
        drawn = next(self.ids)  # also for one that finds no link (REQ-CALL-01)
        if not self.ready():
            session = args.get("sessionId")
            done(None, self.error("not_connected", requestId=drawn, sessionId=session))
            return
        if op == "create_conversation_session":
            words = {"otp_park", "spec_1_1"}
            words.update(self.options.get("supports", []), args.get("supports", []))
            args = {**args, "supports": sorted(words)}
        frame = {"action": op, "requestId": drawn, **args}
        self.calls[frame["requestId"]] = Call(self, op, frame, done, name)
        self.write(frame)

    def verb_call(self, op: str, args: Tree, done: Done, name: str) -> None:
        """A low-level verb without a live turn (REQ-VERB-08)."""
        named = {"requestId": args.get("requestId"), "sessionId": args.get("sessionId")}
        parks = "otp_park" in self.capabilities(args.get("sessionId", ""))
        if args.get("declined") and op == "verify_otp" and not parks:
            done(None, self.error("unsupported", **named))
            return
        if not self.ready():
            done(None, self.error("not_connected", **named))
            return
        frame = {"action": op, **args}
        if op == "cancel":
            self.write(frame)
            done(None, None)
            return
        self.calls[frame["requestId"]] = VerbCall(self, op, frame, done, name)
        self.write(frame)

    def page(self, session: str, command: Tree) -> None:
        """Open a paging iterator."""
        Pager(self, session, command)

    def turn(self, command: Tree, session: str) -> Turn:
        """Send a message (REQ-TURN-01)."""
        skipped = ("cmd", "on", "session", "message", "as", "via", "requestId", "watch", "aborted")
        extra = {k: v for k, v in command.items() if k not in skipped}
        self._shut_otp(session)
        allowed = self.ready()
        request = command.get("requestId") or next(self.ids)
        body = {"sessionId": session, "message": command["message"], **extra}
        frame = {"action": "send_message", "requestId": request, **body}
        turn = Turn(self, command["as"], frame, command.get("watch", "items"))
        if not allowed:
            turn.local("not_connected")
            return turn
        self.turns[request] = turn
        self.write(frame)
        return turn

    def _shut_otp(self, session: str) -> None:
        for turn in self.turns.values():
            if turn.session == session and turn.settled:
                machine = self.machines["otp"]
                turn.question["otp"], _ = machine.step(
                    turn.question["otp"], "send", lambda _: False
                )

    def capabilities(self, session: str) -> list[str]:
        """Capability words that the server listed for a session."""
        return self.granted.get(session, [])

    def forget(self, call: Call) -> None:
        """A call is over; a late answer reaches the tap alone (REQ-CALL-02)."""
        self.disarm(("call", call.id))
        self.withdraw(call.out)
        if self.calls.pop(call.id, None):
            self.remember(call.id)

    def remember(self, request_id: str) -> None:
        """An id is over: what still comes with it reaches the tap alone (REQ-TURN-06)."""
        self.over[request_id] = None
        while len(self.over) > IDS_REMEMBERED:
            self.over.popitem(last=False)

    # --- reading ----------------------------------------------------------------------------

    def deliver(self, text: str) -> None:
        """One text message comes from the peer."""
        if self.link != "open":
            return
        limit = self.options.get("limits", {}).get("maxMessageBytes", MAX_MESSAGE_BYTES)
        if len(text.encode("utf-8", "surrogatepass")) > limit:
            self.end("too_large")
            return
        frame = self.reader.read(text)
        if frame is None:
            self.malformed_frame()
            return
        self.malformed = 0
        self._tap("in", frame.wire_type, frame.request_id)
        request_id = frame.request_id
        if request_id in self.calls:
            self.calls[request_id].frame(frame)
        elif request_id in self.turns and (self.turns[request_id].live or request_id in self.over):
            self.turns[request_id].frame(frame)
        elif request_id not in self.over and (frame.wire_type != "keepalive" or not frame.good):
            self.push(frame)

    def malformed_frame(self) -> None:
        """REQ-WIRE-04: dropped and counted; the tenth in a row closes the link."""
        self._tap("in", None, None)
        self.malformed += 1
        if self.malformed == MALFORMED_LIMIT:
            self.end("malformed_limit")

    @property
    def busy(self) -> bool:
        """Whether anything is in flight for which a timer may be armed."""
        turns = any(not turn.settled or turn.verbs for turn in self.turns.values())
        return bool(self.calls) or turns or self.link == "connecting"

    # --- clock ------------------------------------------------------------------------------

    def limit(self, name: str) -> int:
        """A timeout in ms; 0 = off."""
        return int(self.options.get("timeouts", {}).get(name, DEFAULTS[name]))

    def arm(self, key: tuple[str, ...], after: int, fire: Callable[[], None]) -> None:
        """Arm a timer on the virtual clock; a real one never comes due inside a case."""
        off = after == 0 and key[0] != "cancel"  # 0 = do not wait (REQ-STOP-02)
        if not off and self.options.get("clock") == "virtual":
            self.timers[key] = (self.now + after, fire)

    def disarm(self, key: tuple[str, ...]) -> None:
        """Forget a timer."""
        self.timers.pop(key, None)

    def disarm_turn(self, request_id: str) -> None:
        """Forget every timer of a turn but those of its verbs."""
        for key in list(self.timers):
            if key[0] != "verb" and key[1] == request_id:
                del self.timers[key]

    def advance(self, ms: int) -> None:
        """Move the clock; due timers run in order."""
        target = self.now + ms
        while self.timers:
            key = min(self.timers, key=lambda k: self.timers[k][0])
            due, fire = self.timers[key]
            if due > target:
                break
            del self.timers[key]
            self.now = due
            fire()
        self.now = target
