"""A session as a list of acts, and the case that the oracle makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conform.documents import CaseError
from conform.reader import Reader
from conform.script import DRAWS, Case, Step, uuid_of
from conform.spec import Spec, Tree
from conform.story.world import World, after

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
        self.spec = spec
        self.reader = reader
        self.name = name
        self.steps: list[Step] = []
        self.ids: list[str] = []
        self.fences = 0
        self.world: World

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
            ids={CLIENT: list(self.ids)},
        )

    def act(self, kind: str, body: Tree) -> World:
        """Add one act, the frames that it causes, and a fence where the link still stands.

        Returns the oracle's state; raises ``CaseError`` when the act does not fit.
        """
        if body.get("cmd") == "abort" and not self.waits(body["as"]):
            raise CaseError(f"{self.name}: nothing waits for {body['as']}")
        if _draws(kind, body):
            self.ids.append(f"req-{body['as']}")
        at = len(self.steps)
        self._add(kind, body)
        world = self.world = after(self.spec, self.reader, self.case())
        for index, _, frame in world.frames:
            if index == at:
                self._add("recv", frame)
        for index, _, code in world.closes:
            if index == at:
                self._add("recv", {"$close": code})
        if world.clients[CLIENT].connection.state == "open":
            self.fences += 1
            name = f"req-fence-{self.fences}"
            self.ids.append(name)
            self._add("fence", {"claims": [], "id": name})
        return world

    def waits(self, name: str) -> bool:
        """Whether something of that name was started and has not returned."""
        started = any(s.kind == "do" and s.body.get("as") == name for s in self.steps)
        ended = any(e["ev"] == "returned" and e["as"] == name for _, e in self.world.events)
        return started and not ended

    def _add(self, kind: str, body: Tree) -> None:
        self.steps.append(Step(kind, body, CLIENT, len(self.steps) + 1))


def _draws(kind: str, body: Tree) -> bool:
    if kind != "do":
        return False
    return body["cmd"] == "turn" or (body["cmd"] == "call" and body["op"] in DRAWS)


def begin(spec: Spec, reader: Reader, session: Session) -> tuple[Assembly, World]:
    """Open the client and its session."""
    assembly = Assembly(spec, reader, session.name)
    options: Tree = {"cmd": "open", "as": CLIENT, "url": "{server}", **session.options}
    assembly.act("do", options)
    args = {"agentId": uuid_of(1)}
    create = {"cmd": "call", "on": CLIENT, "op": "create_conversation_session", "as": "s1"}
    assembly.act("do", {**create, "args": args})
    return assembly, assembly.act("send", descriptor(session.capabilities))


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
    assembly, _ = begin(spec, reader, session)
    for kind, body in session.acts:
        assembly.act(kind, body)
    assembly.act("do", {"cmd": "close", "on": CLIENT, "as": "c1.close"})
    return assembly.case()
