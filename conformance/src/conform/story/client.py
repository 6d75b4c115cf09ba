"""One client as the oracle sees it: link, outbox, routing, and what it writes (REQ-CONN, WIRE)."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import count
from types import MappingProxyType
from typing import Any

from conform.interpreter import Group
from conform.oracle.calls import Call, Done, VerbCall, verb_of
from conform.oracle.errors import error
from conform.oracle.handling import Scripts, scripts_of
from conform.oracle.host import Key
from conform.oracle.inquiry import DISPLACED, Inquiry
from conform.oracle.turns import Turn
from conform.reader import Frame
from conform.spec import Tree
from conform.story.line import Line
from conform.story.link import LinkSide, Stage

NO_FIELDS = frozenset(
    [
        *("cmd", "on", "session", "message", "as", "via", "requestId", "watch", "aborted"),
        "handlers",
    ]
)
NO_SCRIPTS: Scripts = MappingProxyType({})


class Ids:
    """The requestIds that a client draws: those of its list, then some of its own."""

    def __init__(self, ids: list[str]) -> None:
        self.ids = ids
        self._at = 0
        self._own = count(1)

    def __next__(self) -> str:
        if self._at == len(self.ids):
            self.ids.append(f"req-auto-{next(self._own)}")
        self._at += 1
        return self.ids[self._at - 1]

    def next_is(self, name: str) -> None:
        """Let the next one be of that name, and the others follow."""
        self.ids.insert(self._at, name)


class Client(LinkSide):
    """The state of one client; the host of its turns and calls."""

    def __init__(self, stage: Stage, name: str, options: Tree, ids: list[str]) -> None:
        """``ids`` is what the client draws; what it draws beyond is added to it."""
        super().__init__(stage, name, options)
        self.ids = Ids(ids)
        self.lazily = False  # a lazy attempt starts with the action that wants it
        self.queue: list[tuple[Tree, Group]] = []
        self.until: dict[int, float] = {}  # how long what waits for a link does so, by its life
        self.lives: list[tuple[Tree, Group]] = []  # every frame that was ever written
        self.line = Line(self)
        self.scripts = scripts_of(options.get("handlers", {}))
        self.behind: list[Callable[[], None]] = []  # what comes after all else of an event

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

    # --- outbox ---------------------------------------------------------------------------------

    def write(self, frame: Tree, lasts: int = 0) -> None:
        """One action leaves, or waits for a link: at most ``lasts`` ms, 0 = for ever."""
        life = Group(self.tables, "frame")
        self.lives.append((frame, life))
        if self.sought:
            self.queue.append((frame, life))
            self.until[id(life)] = self.now + lasts if lasts else math.inf
            if self.lazily:
                self.lazily = False
                self.go()
        elif self.connection.state == "open":
            self._take(frame, life)

    def _take(self, frame: Tree, life: Group) -> None:
        for effect in life.local("link_ready", {}):
            if effect.name != "offer":
                raise ValueError(f"the outbox does not know the effect {effect.name}")
            life.local("taken", {})
            self.stage.sent(self.name, frame)
            self.frames_out += 1
            self.tap("out", frame["action"], frame.get("requestId"))
            life.local("flushed", {})

    def flush(self) -> None:
        """Write what waits for a link."""
        self._expire()
        queue, self.queue = self.queue, []
        for frame, life in queue:
            self._take(frame, life)

    def _expire(self) -> None:
        """Forget what has waited long enough (REQ-RESUME-08)."""
        self.queue = [each for each in self.queue if self.now < self.until[id(each[1])]]

    def drop(self, event: str) -> None:
        """Step what waits for a link; what will never leave is forgotten."""
        for _, life in self.queue:
            life.local(event, {"sought": self.sought})
        self.queue = [entry for entry in self.queue if entry[1].state != "dropped"]

    def counters(self) -> Tree:
        """What the client has counted (REQ-LOG-03)."""
        return {
            "connects": self.connects,
            "reconnects": self.reconnects,
            "framesIn": self.frames_in,
            "framesOut": self.frames_out,
            "droppedFrames": self.dropped,
            "openTurns": sum(turn.outcome is None for turn in self.turns.values()),
            "resumedTurns": self.resumes,
        }

    def ping(self) -> None:
        """A ping of the client's own: nobody waits for its answer (REQ-CONN-38)."""
        request_id = next(self.ids)
        self.remember(request_id)
        self.write({"action": "ping", "requestId": request_id})

    def waits(self, frame: Tree) -> bool:
        """Whether nothing of an action can have left: it waits for a link, or never got one."""
        states = [life.state for each, life in self.lives if each is frame]
        return bool(states) and states[-1] in ("queued", "dropped")

    def withdraw(self, frame: Tree) -> None:
        """Never write the action of a call or turn that is over (REQ-CONN-16)."""
        for each, life in self.queue:
            if each is frame:
                life.local("withdrawn", {})
        self.queue = [entry for entry in self.queue if entry[1].state != "dropped"]

    def admits(self) -> str:
        """Whether an action may start; else the event that ends it (REQ-CONN-09, REQ-CONN-40)."""
        state = self.connection.state
        if state == "reconnecting" and self.seeking.option("queuePolicy") == "fail_fast":
            return "not_connected"
        if not self.sought and state != "open" and not self.options.get("lazy"):
            return "not_connected"
        self._expire()
        if state != "open" and len(self.queue) >= self.seeking.option("queueLimit"):
            return "queue_full"
        if not self.sought and state != "open":
            self.start()
            self.lazily = True  # the attempt may fail at once: first the action waits for it
        return ""

    # --- actions --------------------------------------------------------------------------------

    def call(
        self, op: str, args: Tree, done: Done, name: str = "", scripts: Scripts = NO_SCRIPTS
    ) -> None:
        """Start an action with one answer; ``scripts`` are the handlers of a conversation."""
        if op == "create_conversation_session":
            words = set(self.spec.listed(self.seeking.given))
            for key in {*self.scripts, *scripts}:
                words.update(self.spec.implied_by_handler(key.removeprefix("interaction ")))
            words.update(self.options.get("supports", []), args.get("supports", []))
            args = {**args, "supports": sorted(words)}
        # an id is drawn also for a call that finds no link (REQ-CALL-01)
        self._start(Call, op, {"action": op, "requestId": next(self.ids), **args}, done, name)

    def _start(self, kind: type[Call], op: str, frame: Tree, done: Done, name: str) -> None:
        self._begin(self.admits(), kind(self, op, frame, done, name))

    def inquire(self, inquiry: Inquiry) -> None:
        """Ask the server for a turn (REQ-RESUME-12)."""
        self._begin(self.admits(), inquiry)

    def displace(self, request_id: str) -> None:
        """Let nobody ask for a turn any longer: it is here again, or nobody wants to know."""
        asked = self.calls.get(request_id)
        if isinstance(asked, Inquiry):
            asked.settle(DISPLACED, None)

    def _begin(self, refusal: str, call: Call) -> None:
        self.calls[call.id] = call
        if refusal:
            call.local(refusal)
        else:
            self.write(call.out)

    def verb_call(self, op: str, args: Tree, done: Done, name: str) -> None:
        """A low-level verb without a live turn (REQ-VERB-11, REQ-VERB-13)."""
        verb = verb_of(self, op, bool(args.get("declined")))
        needed = self.tables.verbs[str(verb)].get("needs")
        if needed and needed not in self.capabilities(args.get("sessionId", "")):
            named = {"requestId": args["requestId"], "sessionId": args.get("sessionId")}
            done(None, error(self.spec, "unsupported", **named))
        elif op == "cancel" and not self.admits():
            self.write({"action": op, **args})
            done(None, None)
        else:
            self._start(VerbCall, op, {"action": op, **args}, done, name)

    def turn(
        self,
        command: Tree,
        session: str,
        watch: Callable[[Turn], None],
        scripts: Scripts = NO_SCRIPTS,
    ) -> Turn:
        """Send a message (REQ-TURN-01); ``watch`` gets the turn before anything happens to it.

        ``scripts`` are the handlers of conversation and message.
        """
        extra = {k: v for k, v in command.items() if k not in NO_FIELDS}
        request = command.get("requestId") or next(self.ids)
        body = {"sessionId": session, "message": command["message"], **extra}
        frame = {"action": "send_message", "requestId": request, **body}
        turn = Turn(self, command["as"], frame, {**self.scripts, **scripts})
        watch(turn)
        self.turns[request] = turn
        self.line.send(turn)
        return turn

    def terminal(self, turn: Turn) -> None:
        """The terminal event of a turn came."""
        self.line.terminal(turn)

    def too_early(self, turn: Turn, event: str, told: Tree) -> bool:
        """Whether a frame says no more than that a message came too early (REQ-TURN-32)."""
        return self.line.too_early(turn, event, told)

    def another_id(self, turn: Turn) -> str:
        """A new id for a message that is sent again; the turn is known by it from now on."""
        del self.turns[turn.id]
        request = next(self.ids)
        for other in list(self.turns.values()):
            if other.session == turn.session:
                other.next_send()
        self.turns[request] = turn
        return request

    def warned(self) -> None:
        """Expect a line of the log at warning."""
        if self.options.get("warnings"):
            self.emit({"ev": "warned", "on": self.name})

    def option(self, name: str) -> Any:
        """Value of an option that is no time."""
        return self.options.get("options", {}).get(name, self.spec.options[name]["default"])

    def open_turn(self, name: str, session: str, told: Tree, scripts: Scripts) -> tuple[Turn, bool]:
        """The turn that a conversation runs (REQ-RESUME-11), and whether it is new here."""
        known = self.turns.get(told["requestId"])
        if known is not None and not known.settled:
            return known, False
        self.turns.pop(told["requestId"], None)
        frame = {"requestId": told["requestId"], "sessionId": session}
        turn = self.turns[told["requestId"]] = Turn(
            self, name, frame, {**self.scripts, **scripts}, taken_up=True
        )
        return turn, True

    def told(self, session: Tree) -> None:
        """A session was opened or found; an answer without capabilities tells nothing of them."""
        known = self.granted.get(session["sessionId"], [])
        self.granted[session["sessionId"]] = session.get("capabilities", known)

    def replays(self, session: str) -> bool:
        """Whether a session is a replay session (REQ-RESUME-01)."""
        word = "replay"
        return word in self.spec.listed(self.seeking.given) and word in self.capabilities(session)

    @property
    def linked(self) -> bool:
        """Whether a frame that is written now leaves at once."""
        return bool(self.connection.state == "open")

    def pause(self, n: int, hint: int | None) -> int:
        """The n-th wait of REQ-CONN-31 in ms, or the one that was told."""
        return self.seeking.pause(n, hint)

    def resumed(self) -> None:
        """A suspended turn goes on (REQ-LOG-03)."""
        self.resumes += 1

    def capabilities(self, session: str) -> list[str]:
        """Capability words that the server listed for a session."""
        return self.granted.get(session, [])

    def give_up(self, call: Call) -> None:
        """Native cancellation of the wait for a call (REQ-CALL-09)."""
        self.calls.pop(call.id, None)
        call.settle(None, {"kind": "native_cancelled"})

    def remember(self, request_id: str) -> None:
        """An id is over: what still comes with it reaches the tap alone (REQ-TURN-06)."""
        call = self.calls.get(request_id)
        if call is not None and (call.machine.settled or isinstance(call, Inquiry)):
            del self.calls[request_id]
        self.over[request_id] = None
        while len(self.over) > self.spec.bound("settledIds"):
            self.over.popitem(last=False)

    @property
    def remembers_most(self) -> bool:
        """Whether it remembers as many ids that are over as it may."""
        return bool(len(self.over) == self.spec.bound("settledIds"))

    def later(self, what: Callable[[], None]) -> None:
        """Do something behind all else that an event leads to."""
        self.behind.append(what)

    def rest(self) -> None:
        """Do what comes after an event: whose turn it is first, then handlers and recoveries."""
        self.line.advance()
        while self.behind:
            self.behind.pop(0)()
            self.line.advance()

    # --- reading --------------------------------------------------------------------------------

    def deliver(self, text: str) -> None:
        """One text message comes from the peer."""
        if self.connection.state != "open":
            return
        self.heard()
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
                break
        self.rest()

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

    def _to_late(self, _: Frame, request_id: str) -> bool:
        return request_id in self.over

    def _to_push(self, frame: Frame, _: str) -> bool:
        if frame.wire_type != "keepalive" or not frame.good:
            self.push(frame)
        return True

    def malformed_frame(self) -> None:
        """REQ-WIRE-04: dropped and counted; the tenth in a row closes the link."""
        self.dropped += 1
        self.tap("in", None, None)
        self.malformed += 1
        if self.malformed == self.spec.bound("malformedInARow"):
            self.end("malformed_limit")

    # --- clock ----------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether anything is in flight for which a timer may be armed."""
        turns = any(turn.outcome is None or turn.verbs for turn in self.turns.values())
        return bool(self.calls) or turns or self.attempting or self.due

    def advance(self, ms: int) -> None:
        """Move the clock."""
        self.moving = True
        self.clock.advance(ms)
        self.moving = False
        self.go()
        options = {row["name"]: row["option"] for row in self.tables.timers}
        for key, (due, _) in self.clock.timers.items():
            if due - self.clock.now <= 1 and key[0] in options:
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
        if option not in self.spec.options:
            return self.spec.bound(option)
        return int(self.options.get("timeouts", {}).get(word, self.seeking.option(option)))

    def timed(self, row: Tree, key: Key, ms: int, fire: Callable[[], None]) -> None:
        """Arm a timer of the table; a real one never comes due inside a case."""
        option, watcher = row["option"], self.tables.watcher
        given = option.removesuffix("Timeout") in self.options.get("timeouts", {})
        given = given or option in self.seeking.given
        watcher.armed(option, ms, given)

        def due() -> None:
            watcher.came_due(option, given)
            fire()
            self.rest()

        # 0 = do not wait (REQ-STOP-02, REQ-CONN-31), and a link that is stable at once
        off = ms == 0 and row["name"] not in ("cancel", "retry", "stable", "again")
        if not off and self.options.get("clock") == "virtual":
            self.clock.arm(key, ms, due)
