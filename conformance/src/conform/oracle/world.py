"""Steps in, expectation out: dispatch of a case's steps to the clients they concern."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from conform.documents import CaseError
from conform.frames import big_frame
from conform.machine import Machine
from conform.oracle.client import Client
from conform.oracle.turns import Turn
from conform.reader import Reader
from conform.script import Case, Step
from conform.spec import Spec, Tree

NATIVE_CANCELLED = {"kind": "native_cancelled"}
LOW_VERBS = {
    "confirm_tool_action": "confirm",
    "verify_otp": "verify_otp",
    "submit_interaction": "submit",
    "cancel": "cancel",
}


@dataclass
class Expectation:
    """What the steps of a case lead to, each entry with the index of the step that causes it."""

    events: list[tuple[int, Tree]] = field(default_factory=list)
    frames: list[tuple[int, str, Tree]] = field(default_factory=list)
    closes: list[tuple[int, str, int]] = field(default_factory=list)
    merging: dict[str, int] = field(default_factory=dict)
    """Lanes in which tokens may come merged, with the most items that may be shown there."""
    quiet: frozenset[int] = frozenset()
    """Steps after which nothing is in flight: no timer may be armed then."""


class World:
    """All clients of one case, and the step that is being taken."""

    def __init__(self, spec: Spec, reader: Reader, case: Case) -> None:
        self.spec = spec
        self.reader = reader
        self.case = case
        self.machines = machines(spec)
        self.index = 0
        self.events: list[tuple[int, Tree]] = []
        self.frames: list[tuple[int, str, Tree]] = []
        self.closes: list[tuple[int, str, int]] = []
        self.clients: dict[str, Client] = {}
        self.turns: dict[str, Turn] = {}
        self.sessions: dict[str, tuple[Client, str]] = {}  # conversation handle -> its session
        self.plans: dict[str, Any] = {}
        self.merging: dict[str, int] = {}
        self.quiet: set[int] = set()

    def emit(self, observation: Tree) -> None:
        """Expect one observation, caused by the step that is being taken."""
        self.events.append((self.index, copy.deepcopy(observation)))

    def run(self) -> None:
        """Take all steps."""
        for index, step in enumerate(self.case.steps):
            self.index = index
            if step.kind == "do":
                getattr(self, "_" + step.body["cmd"])(step.body)
            elif step.kind == "send":
                self.clients[step.client].deliver(json.dumps(step.body))
            elif step.kind == "wire":
                self._wire(step)
            elif step.kind == "fence":
                self._fence(step)
            if not any(client.busy for client in self.clients.values()):
                self.quiet.add(index)

    # --- clients ----------------------------------------------------------------------------

    def _open(self, body: Tree) -> None:
        name = body["as"]
        if not _acceptable(body):
            self.emit(_returned(name, {"kind": "invalid_argument"}))
            return
        client = Client(self, name, body, list(self.case.ids.get(name, [])))
        self.clients[name] = client
        client.plan = self.plans.pop(name, None)
        if body.get("connect", True):
            client.connect(name)
        else:
            client.returned(name, None, None)

    def _connect(self, body: Tree) -> None:
        self.clients[body["on"]].connect(body["as"])

    def _close(self, body: Tree) -> None:
        client = self.clients.get(body["on"])
        if client:
            client.end("close")
            client.returned(body["as"], None, None)

    def _advance(self, body: Tree) -> None:
        self.clients[body["on"]].advance(body["ms"])

    # --- calls ------------------------------------------------------------------------------

    def _call(self, body: Tree) -> None:
        client, op, args = self.clients[body["on"]], body["op"], dict(body["args"])
        name = body["as"]
        if body.get("aborted"):
            client.returned(name, None, NATIVE_CANCELLED)
            return
        turn = client.turns.get(args.get("requestId", ""))
        if op in LOW_VERBS and turn and (not turn.settled or turn.question["otp"] != "none"):
            self._low_verb(turn, op, args, name)
        elif op in LOW_VERBS:
            client.verb_call(op, args, lambda v, f: client.returned(name, v, f), name)
        else:
            client.call(op, args, lambda v, f: self._answered(client, name, v, f), name)

    def _low_verb(self, turn: Turn, op: str, args: Tree, name: str) -> None:
        kept = {"confirm_tool_action": ("approved",), "verify_otp": ("code", "declined")}
        names = kept.get(op, ("values", "declined"))
        kind = LOW_VERBS[op]
        if args.get("declined"):
            kind = "decline_otp" if op == "verify_otp" else "decline"
        turn.verb(kind, name, {n: args[n] for n in names if n in args})

    def _answered(self, client: Client, name: str, value: Any, failure: Tree | None) -> None:
        if isinstance(value, dict) and "sessionId" in value:
            client.granted[value["sessionId"]] = value.get("capabilities", [])
        client.returned(name, value, failure)

    def _start(self, body: Tree) -> None:
        self._converse(body, "create_conversation_session")

    def _resume(self, body: Tree) -> None:
        by_session = "conversationId" not in body["args"]
        self._converse(body, "get_session" if by_session else "create_conversation_session")

    def _converse(self, body: Tree, op: str) -> None:
        client, name = self.clients[body["on"]], body["as"]

        def done(value: Any, failure: Tree | None) -> None:
            shown = None
            if failure is None:
                shown = {k: value[k] for k in ("sessionId", "conversationId")}
                client.granted[value["sessionId"]] = value.get("capabilities", [])
                self.sessions[name] = (client, value["sessionId"])
            client.returned(name, shown, failure)

        client.call(op, dict(body["args"]), done, name)

    def _messages(self, body: Tree) -> None:
        client, session = self.sessions[body["on"]]
        client.page(session, body)

    # --- turns ------------------------------------------------------------------------------

    def _turn(self, body: Tree) -> None:
        if body.get("via") == "conversation":
            client, session = self.sessions[body["on"]]
        else:
            client, session = self.clients[body["on"]], body["session"]
        if body.get("aborted"):
            self.emit(_returned(body["as"], NATIVE_CANCELLED))
            return
        self.turns[body["as"]] = client.turn(body, session)

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
        self.turns[body["turn"]].readers.iterate(body["as"])

    def _textstream(self, body: Tree) -> None:
        self.turns[body["turn"]].readers.text(body["as"])

    def _await(self, body: Tree) -> None:
        if not body.get("abandon"):
            self.turns[body["turn"]].readers.wait(body["as"])

    def _take(self, body: Tree) -> None:
        self.turns[body["turn"]].readers.take(body["count"])

    def _hold(self, body: Tree) -> None:
        self.turns[body["turn"]].readers.hold()

    _drop = _hold

    def _leave(self, body: Tree) -> None:
        self.turns[body["turn"]].readers.leave()

    def _detach(self, body: Tree) -> None:
        self.turns[body["turn"]].readers.detached = True

    def _abort(self, body: Tree) -> None:
        if "turn" in body:
            self.turns[body["turn"]].readers.abort()
            return
        name = body["as"]
        for turn in self.turns.values():
            if turn.readers.abort_wait(name) or turn.forget_verb(name):
                return
        for client in self.clients.values():
            for call in list(client.calls.values()):
                if call.name == name:
                    call.settle(None, NATIVE_CANCELLED)

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
                client.malformed_frame()
            case "bad-utf8":
                client.end("invalid_utf8")
            case "close":
                client.end("closed_by_peer", value["code"], value.get("reason", ""))
            case "close-no-status":
                client.end("closed_by_peer", 1005)
            case "drop" | "reset":
                client.end("lost", 1006)

    def _handshake(self, name: str, plan: Any) -> None:
        client = self.clients.get(name)
        if client is None:
            self.plans[name] = plan
        elif client.link == "connecting":  # the handshake was held
            client.plan = plan
            client.attempt()
        else:
            client.plan = plan

    def _fence(self, step: Step) -> None:
        client = self.clients[step.client]
        sent = next(client.ids)
        client._tap("out", "ping", sent)
        client._tap("in", "pong", sent)


def machines(spec: Spec) -> dict[str, Machine]:
    """The machines of the specification, by name."""
    return {name: Machine(table) for name, table in spec.machine["machines"].items()}


def _returned(name: str, failure: Tree) -> Tree:
    return {"ev": "returned", "as": name, "error": failure}


def _acceptable(body: Tree) -> bool:
    """REQ-CONN-01: what options are refused."""
    url = body["url"].replace("{server}", "ws://h/").replace("{refused}", "ws://h/")
    sound = urlsplit(url).scheme in ("ws", "wss")
    times = all(v >= 0 for v in body.get("timeouts", {}).values())
    return sound and times and all(v >= 1 for v in body.get("limits", {}).values())


def expect(spec: Spec, reader: Reader, case: Case) -> Expectation:
    """Return what the specification expects of a client that is led through the case."""
    world = after(spec, reader, case)
    quiet = frozenset(world.quiet)
    return Expectation(world.events, world.frames, world.closes, world.merging, quiet)


def after(spec: Spec, reader: Reader, case: Case) -> World:
    """Return the world after all steps; raises ``CaseError`` at one that does not fit."""
    world = World(spec, reader, case)
    try:
        world.run()
    except (KeyError, TypeError, AttributeError, ValueError, StopIteration) as error:
        step = case.steps[world.index]
        text = f"{case.name}: this {step.kind} does not fit what came before ({error!r})"
        raise CaseError(f"{case.shown_path}:{step.line}: {text}") from error
    return world
