"""A session as a list of acts, and the case that the oracle makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conform.documents import CaseError
from conform.interpreter import load_tables
from conform.oracle.inquiry import Inquiry
from conform.reader import Reader
from conform.script import DRAWS, Case, Step, uuid_of
from conform.spec import Spec, Tree
from conform.story.client import Client
from conform.story.world import World

CLIENT = "c1"
SESSION = uuid_of(2)


@dataclass(frozen=True)
class Session:
    """What a user and a server do, in order. ``options`` are those of the client."""

    seed: int
    options: Tree
    capabilities: tuple[str, ...]
    acts: tuple[tuple[str, Tree], ...]

    @property
    def name(self) -> str:
        """Name of the case."""
        return f"fuzz/{self.seed}"


class Assembly:
    """The steps of a session so far; every act is followed by what the oracle lets it send."""

    def __init__(self, spec: Spec, reader: Reader, name: str) -> None:
        self.name = name
        self.steps: list[Step] = []
        self.fences = 0
        self.frames = self.closes = 0  # of the world that are steps already
        self.world = World(spec, reader, self.case(), load_tables(spec))

    @property
    def client(self) -> Client | None:
        """The client, once it is there."""
        return self.world.clients.get(CLIENT) if self.steps else None

    @property
    def link(self) -> str:
        """The state of the client's link."""
        return self.client.connection.state if self.client else "idle"

    def case(self) -> Case:
        """The case so far."""
        return Case(
            name=self.name,
            title="A random session",
            why="Drawn from a seed.",
            level="must",
            proves=("REQ-TURN-17", "REQ-WIRE-03"),
            needs=(),
            kills=(),
            steps=tuple(self.steps),
            path=Path(f"{self.name}.yaml"),
            line=1,
            ids={CLIENT: list(self.client.ids.ids) if self.client else []},
        )

    def act(self, kind: str, body: Tree) -> World:
        """Add one act, the frames that it causes, and a fence where the link still stands.

        Returns the oracle's state; raises ``CaseError`` when the act does not fit.
        """
        self._check(kind, body)
        if self.client and _draws(kind, body):
            self.client.ids.next_is(f"req-{body['as']}")
        self._add(kind, body)
        for _, _, frame in self.world.frames[self.frames :]:
            self._add("recv", frame)
        for _, _, code in self.world.closes[self.closes :]:
            self._add("recv", {"$close": code})
        self.frames, self.closes = len(self.world.frames), len(self.world.closes)
        if self.client and self.link == "open":
            self.fences += 1
            name = f"req-fence-{self.fences}"
            self.client.ids.next_is(name)
            self._add("fence", {"claims": [], "id": name})
        return self.world

    def _check(self, kind: str, body: Tree) -> None:
        if body.get("cmd") == "abort" and not self.waits(body["as"]):
            raise CaseError(f"{self.name}: nothing waits for {body['as']}")
        if body.get("cmd") in ("call", "recover") and self.taken(body):
            raise CaseError(f"{self.name}: {body['as']} uses the id of another call")
        if kind == "wire" and "handshake" not in body and self.link != "open":
            raise CaseError(f"{self.name}: there is no link for {next(iter(body))}")

    def taken(self, body: Tree) -> bool:
        """Whether another call waits under the id that this command uses."""
        if body["cmd"] == "recover":
            turn = self.world.turns.get(body["turn"])
            asked = self.client.calls.get(turn.id) if self.client and turn else None
            return asked is not None and not isinstance(asked, Inquiry)
        return self.client is not None and body["args"].get("requestId") in self.client.calls

    def waits(self, name: str) -> bool:
        """Whether something of that name was started and has not returned."""
        started = any(s.kind == "do" and s.body.get("as") == name for s in self.steps)
        ended = any(e["ev"] == "returned" and e["as"] == name for _, e in self.world.events)
        return started and not ended

    def _add(self, kind: str, body: Tree) -> None:
        step = Step(kind, body, CLIENT, len(self.steps) + 1)
        self.steps.append(step)
        self.world.take(len(self.steps) - 1, step)


def _draws(kind: str, body: Tree) -> bool:
    if kind != "do":
        return False
    return body["cmd"] == "turn" or (body["cmd"] == "call" and body["op"] in DRAWS)


def begin(spec: Spec, reader: Reader, session: Session) -> Assembly:
    """Open the client and its session."""
    assembly = Assembly(spec, reader, session.name)
    options: Tree = {"cmd": "open", "as": CLIENT, "url": "{server}", **session.options}
    assembly.act("do", options)
    args = {"agentId": uuid_of(1)}
    create = {"cmd": "call", "on": CLIENT, "op": "create_conversation_session", "as": "s1"}
    assembly.act("do", {**create, "args": args})
    assembly.act("send", descriptor(session.capabilities))
    return assembly


def descriptor(capabilities: tuple[str, ...]) -> Tree:
    """The answer that opens the session."""
    data: dict[str, Any] = {
        "sessionId": SESSION,
        "conversationId": uuid_of(3),
        "agentName": "Aria",
        "userParticipantId": uuid_of(4),
        "agentParticipantId": uuid_of(5),
        "capabilities": list(capabilities),
    }
    return {"type": "immediate_response", "requestId": "req-s1", "status": 200, "data": data}


def assemble(spec: Spec, reader: Reader, session: Session) -> Case:
    """Return the case of a session; raises ``CaseError`` when an act does not fit."""
    assembly = begin(spec, reader, session)
    for kind, body in session.acts:
        assembly.act(kind, body)
    assembly.act("do", {"cmd": "close", "on": CLIENT, "as": "c1.close"})
    return assembly.case()
