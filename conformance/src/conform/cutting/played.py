"""A case that is led up to a cut and then goes on as is thought of there."""

from __future__ import annotations

import math
from typing import Any

from conform.cutting.memory import Told, Turn
from conform.cutting.numbering import frames_of, number_of, passes, request_of
from conform.documents import CaseError
from conform.interpreter import Tables
from conform.patterns import mismatch
from conform.reader import Reader
from conform.script import Case, Step
from conform.spec import Spec, Tree
from conform.story.client import Client
from conform.story.world import World

MOST_STEPS = 4096  # of a client that comes to rest
MOST_ATTEMPTS = 12


class Played:
    """The steps of a case so far, and the oracle's state after them."""

    def __init__(self, spec: Spec, reader: Reader, tables: Tables, case: Case) -> None:
        self.world = World(spec, reader, case, tables)
        self.steps: list[Step] = []
        self.waited = 0  # ms that the client was without a link
        self._fences = 0
        self._looked = 0  # frames of the world that were looked at
        self._unread: dict[str, list[Tree]] = {}

    def client(self, name: str) -> Client | None:
        """A client, once it is there."""
        return self.world.clients.get(name)

    def is_open(self, name: str) -> bool:
        """Whether a client has a link."""
        client = self.client(name)
        return client is not None and client.connection.state == "open"

    def take(self, step: Step) -> None:
        """One more step."""
        self.steps.append(step)
        self.world.take(len(self.steps) - 1, step)
        if step.kind == "recv" and "action" in step.body and self.unread(step.client):
            self._unread[step.client].pop(0)

    def unread(self, name: str) -> list[Tree]:
        """Frames of a client that the case has not received yet."""
        for _, who, frame in self.world.frames[self._looked :]:
            self._unread.setdefault(who, []).append(frame)
        self._looked = len(self.world.frames)
        return self._unread.get(name, [])

    def fits(self, step: Step) -> bool:
        """Whether a step of the case means here what it meant there."""
        if step.kind == "recv" and "action" in step.body:
            unread = self.unread(step.client)
            return bool(unread) and mismatch(step.body, unread[0]) is None
        if step.kind == "fence":
            ended = {e["turn"] for _, e in self.world.events if e["ev"] == "ended"}
            is_open = all(name not in ended for name, claim in step.body["claims"])
            return is_open and self.is_open(step.client) and not self.unread(step.client)
        if step.kind == "recv" and "$close" in step.body:
            closes = [code for _, who, code in self.world.closes if who == step.client]
            return step.body["$close"] in closes
        if step.kind in ("send", "wire") and "handshake" not in step.body:
            return self.is_open(step.client)
        return True

    # --- the cut --------------------------------------------------------------------------------

    def lose(self, at: Step, meanwhile: list[Step]) -> None:
        """The link of a step's client is lost when it has read all, and another one is found.

        ``meanwhile`` are commands that are given in between.
        """
        who, line = at.client, at.line
        self.fence(at)
        self.take(Step("wire", {"drop": True}, who, line))
        for step in meanwhile:
            self.take(step)
        for _ in range(MOST_ATTEMPTS):
            wait = self.wait(who)
            if self.is_open(who) or wait is None:
                return
            self.waited += wait
            self.take(Step("do", {"cmd": "advance", "on": who, "ms": wait}, who, line))

    def fence(self, at: Step) -> None:
        """The client has read all and writes nothing but the ping of a fence."""
        self._fences += 1
        name = f"req-fence-cut-{self._fences}"
        self.world.clients[at.client].ids.next_is(name)
        self.take(Step("fence", {"claims": [], "id": name}, at.client, at.line))

    def until_read(self, step: Step) -> None:
        """Before a command: the client has read all frames, also those that show nothing."""
        who = step.client
        if step.kind != "do" or not self.is_open(who) or self.unread(who):
            return
        shown = {at for at, _ in self.world.events}
        for at in range(len(self.steps) - 1, -1, -1):
            before = self.steps[at]
            if before.client != who or before.kind in ("do", "recv", "see"):
                continue
            if before.kind != "fence" and at not in shown and passes(before):
                self.fence(step)
            return

    def wait(self, who: str) -> int | None:
        """How long a client waits before its next attempt, in ms."""
        client = self.world.clients[who]
        timer = client.clock.timers.get(("retry",))
        return None if timer is None else math.ceil(timer[0] - client.now)

    def take_up(
        self, at: Step, turns: dict[str, Turn], lost: Step | None, rest: list[Step]
    ) -> None:
        """The client asks for its turns and repeats what it may, and the server answers.

        What the case waits for next anyway is taken off ``rest``.
        """
        answers: Told = []  # one at a time: what a handler gives takes a moment
        for _ in range(MOST_STEPS):
            self.read_early(at.client, rest, lost)
            unread = self.unread(at.client)
            if unread:
                answers += _answer(unread[0], turns, lost)
                self.take(Step("recv", unread[0], at.client, at.line))
            elif answers:
                kind, body = answers.pop(0)
                self.take(Step(kind, body, at.client, at.line))
            else:
                return
        raise CaseError("the client does not come to rest")

    def read_early(self, who: str, rest: list[Step], lost: Step | None = None) -> None:
        """What a client has written already is read before its server says more."""
        while self.unread(who) and _is_next(self.unread(who)[0], rest, lost):
            self.take(rest.pop(_next_of(rest)))

    def hear(self, at: Step) -> None:
        """What the client writes on its new link gets no answer."""
        for frame in self.unread(at.client):
            self.take(Step("recv", frame, at.client, at.line))


def _next_of(rest: list[Step]) -> int:
    """The first step that waits for the client, behind looks and what its server tells."""
    return next((at for at, step in enumerate(rest) if not _passes_by(step)), 0)


def _passes_by(step: Step) -> bool:
    return step.kind == "see" or bool(frames_of(step))


def _is_next(frame: Tree, rest: list[Step], lost: Step | None) -> bool:
    step = rest[_next_of(rest)] if rest else None
    if step is None or step.kind != "recv" or "action" not in step.body:
        return False
    again = lost is not None and lost.kind == "recv" and mismatch(lost.body, frame) is None
    return not again and mismatch(step.body, frame) is None


def _answer(frame: Tree, turns: dict[str, Turn], lost: Step | None) -> Told:
    request: Any = frame.get("requestId", "")
    if frame["action"] == "resume_turn":
        return turns.get(request, Turn()).resumed(frame)
    if frame["action"] == "send_message" and request in turns:
        turns[request].heard = True
    for each in frames_of(lost) if lost is not None else ():
        if request_of(each) == request and number_of(each) is None:
            assert lost is not None
            return [(lost.kind, lost.body)]
    return []
