"""Steps in, expectation out: dispatch of a case's steps to the clients they concern."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from conform.documents import CaseError
from conform.frames import big_frame
from conform.interpreter import Tables, load_tables
from conform.oracle import Turn
from conform.oracle.calls import verb_of
from conform.oracle.handling import Script, Scripts, scripts_of
from conform.reader import Reader
from conform.script import Case, Step
from conform.spec import Spec, Tree
from conform.story.client import Client
from conform.story.pager import Pager
from conform.story.recovery import Recovery
from conform.story.watchers import Watchers

SEND = "send_message"
NATIVE_CANCELLED = {"kind": "native_cancelled"}


@dataclass
class Expectation:
    """What the steps of a case lead to, each entry with the index of the step that causes it."""

    events: list[tuple[int, Tree]] = field(default_factory=list)
    frames: list[tuple[int, str, Tree]] = field(default_factory=list)
    closes: list[tuple[int, str, int]] = field(default_factory=list)
    merging: dict[str, int] = field(default_factory=dict)
    """Lanes in which tokens may come merged, with the most items that may be shown there."""
    handshakes: list[tuple[int, str]] = field(default_factory=list)
    """Attempts to open a link, each with the index of the step that causes it."""
    quiet: dict[int, int] = field(default_factory=dict)
    """Steps after which nothing is in flight, with the timers of links that are armed then."""


class World:
    """All clients of one case, and the step that is being taken."""

    def __init__(self, spec: Spec, reader: Reader, case: Case, tables: Tables) -> None:
        self.spec = spec
        self.reader = reader
        self.case = case
        self.tables = tables
        self.index = 0
        self.events: list[tuple[int, Tree]] = []
        self.frames: list[tuple[int, str, Tree]] = []
        self.closes: list[tuple[int, str, int]] = []
        self.handshakes: list[tuple[int, str]] = []
        self.clients: dict[str, Client] = {}
        self.turns: dict[str, Turn] = {}
        self.watchers: dict[str, Watchers] = {}
        self.sessions: dict[str, tuple[Client, str]] = {}  # conversation handle -> its session
        self.scripts: dict[str, Script] = {}  # by the handler's name
        self.chats: dict[str, Scripts] = {}  # conversation handle -> its handlers
        self.open_turns: dict[str, Tree] = {}  # conversation handle -> its running turn
        self.plans: dict[str, Any] = {}
        self.merging: dict[str, int] = {}
        self.quiet: dict[int, int] = {}

    def emit(self, observation: Tree) -> None:
        """Expect one observation, caused by the step that is being taken."""
        self.events.append((self.index, observation))

    def sent(self, client: str, frame: Tree) -> None:
        """Expect one frame of a client."""
        self.frames.append((self.index, client, frame))

    def closed(self, client: str, code: int) -> None:
        """Expect a client to close its link with a code."""
        self.closes.append((self.index, client, code))

    def called(self, client: str) -> None:
        """Expect a handshake of a client."""
        self.handshakes.append((self.index, client))

    def merges(self, lane: str, most: int) -> None:
        """From now on tokens of a lane may come merged; ``most`` items may be shown there."""
        self.merging.setdefault(lane, most)

    def run(self) -> None:
        """Take all steps."""
        for index, step in enumerate(self.case.steps):
            self.take(index, step)

    def take(self, index: int, step: Step) -> None:
        """Take one step, of the case or thought of now; ``CaseError`` when it does not fit."""
        self.index = index
        try:
            self._step(step)
            for client in self.clients.values():
                client.rest()
        except (KeyError, TypeError, AttributeError, ValueError, StopIteration) as error:
            text = f"this {step.kind} does not fit what came before ({error!r})"
            raise CaseError(
                f"{self.case.shown_path}:{step.line}: {self.case.name}: {text}"
            ) from error
        if not any(client.busy for client in self.clients.values()):
            self.quiet[index] = sum(len(c.clock.timers) for c in self.clients.values())

    def _step(self, step: Step) -> None:
        if step.kind == "do":
            getattr(self, "_" + step.body["cmd"])(step.body)
        elif step.kind == "send":
            self.clients[step.client].deliver(json.dumps(step.body))
        elif step.kind == "wire":
            self._wire(step)
        elif step.kind == "fence":
            self._fence(step)

    # --- clients ----------------------------------------------------------------------------

    def _open(self, body: Tree) -> None:
        name = body["as"]
        if not _acceptable(self.spec, body):
            self.emit(_returned(name, {"kind": "invalid_argument"}))
            return
        client = Client(self, name, body, list(self.case.ids.get(name, [])))
        self.clients[name] = client
        self._known(client.scripts)
        client.plan = self.plans.pop(name, None)
        if body.get("connect", True):
            client.connect(name)
        else:
            client.returned(name, None, None)

    def _known(self, scripts: Scripts) -> Scripts:
        self.scripts.update({script.name: script for script in scripts.values()})
        return scripts

    def _give(self, body: Tree) -> None:
        waiting = self.scripts[body["handler"]].waiting
        if not waiting:
            raise KeyError(body["handler"])  # it was not called, or its signal has fired
        run = waiting[0]
        run.handling.take(run, body)
        run.handling.run()

    def _connect(self, body: Tree) -> None:
        self.clients[body["on"]].connect(body["as"])

    def _close(self, body: Tree) -> None:
        client = self.clients.get(body["on"])
        if client:
            client.end("close")
            client.returned(body["as"], None, None)

    def _advance(self, body: Tree) -> None:
        self.clients[body["on"]].advance(body["ms"])

    def _wake(self, body: Tree) -> None:
        self.clients[body["on"]].happens("wake")

    def _counters(self, body: Tree) -> None:
        client = self.clients[body["on"]]
        client.returned(body["as"], client.counters(), None)

    def _recover(self, body: Tree) -> None:
        turn = self.turns[body["turn"]]
        client = next(c for c in self.clients.values() if turn in c.turns.values())
        Recovery(client, turn, body["as"])

    # --- calls ------------------------------------------------------------------------------

    def _call(self, body: Tree) -> None:
        client, op, args = self.clients[body["on"]], body["op"], dict(body["args"])
        name = body["as"]
        if body.get("aborted"):
            client.returned(name, None, NATIVE_CANCELLED)
            return
        if not self._allowed({"requestId": "r", **args, "action": op}):
            client.returned(name, None, {"kind": "invalid_argument"})
            return
        turn = client.turns.get(args.get("requestId", ""))
        verb = verb_of(client, op, bool(args.get("declined")))
        if verb and turn and turn.live:
            names = ("approved", "code", "values")
            turn.verb(verb, name, {n: args[n] for n in names if n in args})
        elif verb:
            client.verb_call(op, args, lambda v, f: client.returned(name, v, f), name)
        else:
            client.call(op, args, lambda v, f: self._answered(client, name, v, f), name)

    def _allowed(self, frame: Tree) -> bool:
        """Whether the schema allows what the caller wrote (REQ-CALL-12)."""
        return self.spec.strict_fault(frame) is None

    def _answered(self, client: Client, name: str, value: Any, failure: Tree | None) -> None:
        if isinstance(value, dict) and "sessionId" in value:
            client.told(value)
        client.returned(name, value, failure)

    def _start(self, body: Tree) -> None:
        self._converse(body, "create_conversation_session")

    def _resume(self, body: Tree) -> None:
        by_session = "conversationId" not in body["args"]
        self._converse(body, "get_session" if by_session else "create_conversation_session")

    def _converse(self, body: Tree, op: str) -> None:
        client, name = self.clients[body["on"]], body["as"]
        scripts = self.chats[name] = self._known(scripts_of(body.get("handlers", {})))

        def done(value: Any, failure: Tree | None) -> None:
            shown = None
            if failure is None:
                shown = {k: value[k] for k in ("sessionId", "conversationId")}
                client.told(value)
                self.sessions[name] = (client, value["sessionId"])
                if "openTurn" in value:
                    self.open_turns[name] = value["openTurn"]
            client.returned(name, shown, failure)

        client.call(op, dict(body["args"]), done, name, scripts)

    def _messages(self, body: Tree) -> None:
        client, session = self.sessions[body["on"]]
        Pager(client, session, body)

    # --- turns ------------------------------------------------------------------------------

    def _turn(self, body: Tree) -> None:
        if body.get("via") == "conversation":
            client, session = self.sessions[body["on"]]
        else:
            client, session = self.clients[body["on"]], body["session"]
        if body.get("aborted"):
            self.emit(_returned(body["as"], NATIVE_CANCELLED))
            return
        name = body["as"]
        skipped = ("cmd", "on", "session", "as", "via", "watch", "aborted", "handlers")
        args = {k: v for k, v in body.items() if k not in skipped}
        if not self._allowed({"requestId": "r", **args, "sessionId": session, "action": SEND}):
            self.emit(_returned(name, {"kind": "invalid_argument"}))
            return

        def watch(turn: Turn) -> None:
            self.turns[name] = turn
            self.watchers[name] = Watchers(turn, body.get("watch", "items"), self.merges)

        own = self._known(scripts_of(body.get("handlers", {})))
        client.turn(body, session, watch, {**self.chats.get(body["on"], {}), **own})

    def _openturn(self, body: Tree) -> None:
        client, session = self.sessions[body["on"]]
        told, name = self.open_turns.get(body["on"]), body["as"]
        if told is None or not client.replays(session):
            self.emit({"ev": "returned", "as": name, "value": None})
            return
        turn, fresh = client.open_turn(name, session, told, self.chats[body["on"]])
        self.emit({"ev": "returned", "as": name, "value": {"requestId": turn.id}})
        self.turns[name] = turn
        if fresh:
            self.watchers[name] = Watchers(turn, body.get("watch", "items"), self.merges)
            client.displace(turn.id)
            turn.local("take_up")
        else:
            self.watchers[name] = self.watchers[turn.name]

    def _confirm(self, body: Tree) -> None:
        self.turns[body["turn"]].verb("confirm", body["as"], {"approved": body["approved"]})

    def _otp(self, body: Tree) -> None:
        self.turns[body["turn"]].verb("verify_otp", body["as"], {"code": body["code"]})

    def _submit(self, body: Tree) -> None:
        self.turns[body["turn"]].verb("submit", body["as"], {"values": body["values"]})

    def _decline(self, body: Tree) -> None:
        kind = "decline_otp" if body["question"] == "otp" else "decline"
        self.turns[body["turn"]].verb(kind, body["as"], {"declined": True})

    def _cancel(self, body: Tree) -> None:
        self.turns[body["turn"]].verb("cancel", body["as"], {})

    def _iterate(self, body: Tree) -> None:
        self.watchers[body["turn"]].iterate(body["as"])

    def _textstream(self, body: Tree) -> None:
        self.watchers[body["turn"]].text(body["as"])

    def _await(self, body: Tree) -> None:
        if not body.get("abandon"):
            self.watchers[body["turn"]].wait(body["as"])

    def _take(self, body: Tree) -> None:
        self.watchers[body["turn"]].take(body["count"])

    def _hold(self, body: Tree) -> None:
        self.watchers[body["turn"]].hold()

    _drop = _hold

    def _leave(self, body: Tree) -> None:
        self.watchers[body["turn"]].leave()

    def _detach(self, body: Tree) -> None:
        self.watchers[body["turn"]].detached = True

    def _abort(self, body: Tree) -> None:
        if "turn" in body:
            self.watchers[body["turn"]].abort()
            return
        name = body["as"]
        for each, turn in self.turns.items():
            if self.watchers[each].abort_wait(name) or turn.forget_verb(name):
                return
        for client in self.clients.values():
            if client.give_up_connect(name):
                return
            for call in list(client.calls.values()):
                if call.name == name:
                    client.give_up(call)

    # --- the stage --------------------------------------------------------------------------

    def _wire(self, step: Step) -> None:
        verb, value = next(iter(step.body.items()))
        if verb == "handshake":
            self._handshake(step.client, value)
            return
        client = self.clients[step.client]
        match verb:
            case "json" | "bytewise" | "mid-utf8":
                client.deliver(json.dumps(value))
            case "raw":
                client.deliver(value)
            case "fragment":
                client.deliver(json.dumps(value["frame"]))
            case "coalesce":
                for frame in value:
                    client.deliver(json.dumps(frame))
            case "big":
                client.deliver(big_frame(value))
            case "binary" | "bom":
                client.heard()
                client.malformed_frame()
            case "bad-utf8":
                client.end("invalid_utf8")
            case "octets":
                client.violated()
            case "close":
                client.end("closed_by_peer", value["code"], value.get("reason", ""))
            case "close-no-status":
                client.end("closed_by_peer", 1005)
            case "drop" | "reset":
                client.end("lost", 1006)

    def _handshake(self, name: str, plan: Any) -> None:
        client = self.clients.get(name)
        if plan == "arrived":
            return  # the stage waits; nobody sees anything
        if client is None:
            self.plans[name] = plan
        elif client.attempting:  # the handshake was held
            client.plan = plan
            client.handshake()
        else:
            client.plan = plan

    def _fence(self, step: Step) -> None:
        client = self.clients[step.client]
        client.heard()
        client.frames_out += 1
        sent = next(client.ids)
        client.tap("out", "ping", sent)
        client.tap("in", "pong", sent)
        client.remember(sent)


def _returned(name: str, failure: Tree) -> Tree:
    return {"ev": "returned", "as": name, "error": failure}


def _acceptable(spec: Spec, body: Tree) -> bool:
    """REQ-CONN-01: what options are refused."""
    url = body["url"].replace("{server}", "ws://h/").replace("{refused}", "ws://h/")
    sound = urlsplit(url).scheme in ("ws", "wss")
    times = all(v >= 0 for v in body.get("timeouts", {}).values())
    limits = all(v >= 1 for v in body.get("limits", {}).values())
    given = body.get("options", {}).items()
    return sound and times and limits and all(_fits(spec.options[n], v) for n, v in given)


def _fits(option: Tree, value: Any) -> bool:
    if value is None:
        return option["default"] is None
    if option["type"] == "words":
        return value in option["words"]
    if option["type"] == "boolean":
        return isinstance(value, bool)
    number = isinstance(value, int) and not isinstance(value, bool)
    return number and value >= option.get("min", 0)


def expect(spec: Spec, reader: Reader, case: Case, tables: Tables | None = None) -> Expectation:
    """Return what the specification expects of a client that is led through the case."""
    return told(after(spec, reader, case, tables))


def told(world: World) -> Expectation:
    """What a world that was led through a case expects."""
    return Expectation(
        world.events, world.frames, world.closes, world.merging, world.handshakes, world.quiet
    )


def after(spec: Spec, reader: Reader, case: Case, tables: Tables | None = None) -> World:
    """Return the world after all steps; raises ``CaseError`` at one that does not fit."""
    world = World(spec, reader, case, tables or load_tables(spec))
    world.run()
    return world
